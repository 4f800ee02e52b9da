package vitrine.core.work.prune.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashSet;
import java.util.Set;
import vitrine.core.json.Json;
import vitrine.core.prune.InputStatistics;
import vitrine.core.prune.MatrixMethod;
import vitrine.core.prune.OutputError;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.work.output.Figures;

/// What became of a layer's matrices, for the report.
public final class LayerReport {

    private final ObjectNode json;
    private final ArrayNode matrices;
    private final Set<String> changed = new HashSet<>();
    private long weights;
    private long zeros;
    private long kept;
    private double error;
    private double norm;

    public LayerReport(int layer) {
        json = Json.object().put("layer", layer);
        matrices = json.putArray("matrices");
    }

    private ObjectNode row(PrunableMatrix m) {
        weights += m.size();
        ObjectNode row = matrices.addObject().put("name", m.name()).put("kind", m.kind().label());
        row.putArray("shape").add(m.out()).add(m.in());
        return row.put("weights", m.size());
    }

    /// A matrix that stays as it is.
    public void untouched(PrunableMatrix m, long tokens, String why) {
        kept += m.size();
        row(m).put("zeros", 0).put("sparsity", 0.0).put("tokens", tokens).put("untouched", true).put("note", why);
    }

    public void add(PrunableMatrix m, MatrixMethod.Pruned p, InputStatistics inputs, OutputError measured) {
        ObjectNode row = row(m);
        long off = 0;
        if (p.kept() != null) {
            for (byte b : p.kept()) {
                off += b == 0 ? 1 : 0;
            }
        }
        zeros += off;
        row.put("zeros", off).put("sparsity", (double) off / m.size());
        long parameters = m.size() - off;
        if (p.factors() != null) {
            parameters = (long) p.factors().rank() * (m.out() + m.in());
            row.put("rank", p.factors().rank()).put("factor_parameters", parameters);
        }
        kept += parameters;
        if (inputs != null) {
            row.put("tokens", inputs.tokens());
        }
        if (measured != null && measured.rows() > 0) {
            Figures.put(row, "relative_output_error", measured.relative());
            row.put("error_tokens", measured.rows());
            error += measured.squaredError();
            norm += measured.squaredNorm();
            if (Double.isFinite(p.predictedError()) && inputs.sampleIsAll()) {
                row.put("output_error", Math.sqrt(measured.squaredError()));
            }
        }
        if (Double.isFinite(p.predictedError())) {
            row.put("predicted_output_error", p.predictedError());
        }
        if (p.note() != null) {
            row.put("note", p.note());
        }
        if (p.kept() != null || p.changed()) {
            changed.add(m.tensor());
        } else {
            row.put("untouched", true);
        }
    }

    /// A further figure of the matrix that was added last.
    public void figure(String key, double value) {
        Figures.put((ObjectNode) matrices.get(matrices.size() - 1), key, value);
    }

    /// Whether a matrix of a tensor has become another.
    public boolean changed(String tensor) {
        return changed.contains(tensor);
    }

    public ObjectNode json() {
        json.put("weights", weights).put("zeros", zeros).put("kept_parameters", kept);
        // Of methods of rank, the share of parameters that two thin matrices save.
        json.put("sparsity", weights == 0 ? 0 : 1 - (double) kept / weights);
        if (norm > 0) {
            Figures.put(json, "relative_output_error", Math.sqrt(error / norm));
        }
        return json;
    }
}
