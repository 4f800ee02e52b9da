package vitrine.core.prune;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.forward.Weights;
import vitrine.core.tensor.Matrix;

/// Collects the statistics of what some matrices read while a pass runs. Matrices that read the same share them.
public final class InputCollector implements Weights.Inputs, AutoCloseable {

    private final Map<String, InputStatistics> byInputs = new LinkedHashMap<>();
    /// What a matrix's call adds to: only the first of those that read the same does.
    private final Map<String, InputStatistics> byMatrix = new HashMap<>();

    /// @param withMoments whether second moments are kept
    /// @param sampleRows rows to measure errors on
    /// @param tokens of all calibration texts
    public InputCollector(List<PrunableMatrix> matrices, boolean withMoments, int sampleRows, long tokens) {
        for (PrunableMatrix m : matrices) {
            if (!byInputs.containsKey(m.inputs())) {
                InputStatistics s = new InputStatistics(m.in(), withMoments, sampleRows, m.routed() ? 0 : tokens);
                byInputs.put(m.inputs(), s);
                byMatrix.put(m.name(), s);
            }
        }
    }

    @Override
    public void at(String weight, int expert, Matrix x) {
        InputStatistics s = byMatrix.get(expert < 0 ? weight : weight + "#expert." + expert);
        if (s != null) {
            s.add(x);
        }
    }

    /// What a matrix has read.
    public InputStatistics of(PrunableMatrix m) {
        return byInputs.get(m.inputs());
    }

    @Override
    public void close() {
        byInputs.values().forEach(InputStatistics::close);
    }
}
