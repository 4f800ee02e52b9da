package vitrine.core.prune;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.forward.Weights;
import vitrine.core.tensor.Matrix;

/// Mean and population variance over texts of the L2 norm over a text's tokens of every input of some matrices of one layer, float64.
///
/// Each text has to pass the layer by itself ([CalibrationPass] with its texts apart). A layer begins with the first projection of its attention: its call tells that the next
/// text has come. An expert that a text does not visit read nothing of it: the text's norms are 0.
public final class TextNorms implements Weights.Inputs {

    /// Keeps the difference finite where an input does not vary.
    public static final double EPSILON = 1e-8;

    private static final class Sums {
        final double[] squares;
        final double[] mean;
        final double[] spread;

        Sums(int width) {
            squares = new double[width];
            mean = new double[width];
            spread = new double[width];
        }
    }

    private final String first;
    private final Map<String, Sums> byInputs = new LinkedHashMap<>();
    /// What a matrix's call adds to: only the first of those that read the same does.
    private final Map<String, Sums> byMatrix = new HashMap<>();
    private int texts;
    private boolean open;

    /// @param matrices all of a layer, in the order of the pass
    public TextNorms(List<PrunableMatrix> matrices) {
        first = matrices.getFirst().name();
        for (PrunableMatrix m : matrices) {
            if (!byInputs.containsKey(m.inputs())) {
                Sums s = new Sums(m.in());
                byInputs.put(m.inputs(), s);
                byMatrix.put(m.name(), s);
            }
        }
    }

    @Override
    public void at(String weight, int expert, Matrix x) {
        String name = expert < 0 ? weight : weight + "#expert." + expert;
        if (name.equals(first)) {
            close();
            open = true;
        }
        Sums s = byMatrix.get(name);
        if (s != null) {
            for (int r = 0; r < x.rows(); r++) {
                float[] row = x.row(r);
                for (int j = 0; j < row.length; j++) {
                    s.squares[j] += (double) row[j] * row[j];
                }
            }
        }
    }

    /// Ends the text that is open.
    private void close() {
        if (!open) {
            return;
        }
        open = false;
        texts++;
        for (Sums s : byInputs.values()) {
            for (int j = 0; j < s.squares.length; j++) {
                double norm = Math.sqrt(s.squares[j]);
                double off = norm - s.mean[j];
                s.mean[j] += off / texts;
                s.spread[j] += off * (norm - s.mean[j]);
            }
            Arrays.fill(s.squares, 0);
        }
    }

    /// How far what one set of texts puts into every input is from what another does, in units of how much either varies:
    /// `(mean+ - mean-) / sqrt(variance+ + variance- + eps)`, `[in]` under the name of what is read.
    public static Map<String, double[]> contrast(TextNorms wanted, TextNorms other) {
        wanted.close();
        other.close();
        Map<String, double[]> out = new LinkedHashMap<>();
        wanted.byInputs.forEach((name, a) -> {
            Sums b = other.byInputs.get(name);
            double[] z = new double[a.mean.length];
            for (int j = 0; j < z.length; j++) {
                z[j] = (a.mean[j] - b.mean[j]) / Math.sqrt(a.spread[j] / wanted.texts + b.spread[j] / other.texts + EPSILON);
            }
            out.put(name, z);
        });
        return out;
    }
}
