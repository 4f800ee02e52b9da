package vitrine.core.forward;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.Scratch;
import vitrine.core.tensor.kernel.Elementwise;

/// What adapters change about a checkpoint's weights while a pass runs; nothing is merged, nothing is written.
///
/// @param linears updates of linear layers (and the head), by the weight's name, and of experts in one tensor for all, by their place in it
/// @param tables updates of tables whose rows are looked up
/// @param replaced tensors that stand for the checkpoint's own
public record Adaptation(Map<String, List<LowRankUpdate>> linears, Map<String, List<LowRankUpdate>> tables, Map<String, Replacement> replaced) {

    /// No change.
    public static final Adaptation NONE = new Adaptation(Map.of(), Map.of(), Map.of());

    /// A tensor that stands for one of the checkpoint's, of the same shape.
    ///
    /// @param data its bytes as stored, valid as long as the adaptation is used
    public record Replacement(TensorEntry tensor, MemorySegment data) {

        /// Where it lies in a mapped file: tells the system that its pages will not be needed soon.
        void release() {
            if (data.isMapped()) {
                data.unload();
            }
        }
    }

    /// The same changes with other updates of one layer, by its weight's name.
    public Adaptation withLinear(String weight, List<LowRankUpdate> updates) {
        Map<String, List<LowRankUpdate>> changed = new java.util.HashMap<>(linears);
        changed.put(weight, updates);
        return new Adaptation(changed, tables, replaced);
    }

    /// The same changes with other updates of one table, by its name.
    public Adaptation withTable(String table, List<LowRankUpdate> updates) {
        Map<String, List<LowRankUpdate>> changed = new java.util.HashMap<>(tables);
        changed.put(table, updates);
        return new Adaptation(linears, changed, replaced);
    }

    Replacement replacement(String name) {
        return replaced.get(name);
    }

    /// Turns `y = x W^T` into what the adapted layer makes of x.
    void apply(String weight, Matrix x, Matrix y, Products products, Scratch scratch) {
        List<LowRankUpdate> updates = linears.get(weight);
        if (updates == null) {
            return;
        }
        float[] own = null;
        for (LowRankUpdate u : updates) {
            own = sum(own, u.own());
        }
        if (own != null) {
            Elementwise.scaleColumns(y, own);
        }
        for (LowRankUpdate u : updates) {
            u.add(x, y, products, scratch);
        }
    }

    /// 1 + the sum of what each adds to the layer's own output, which all of them see.
    private static float[] sum(float[] before, float[] own) {
        if (own == null) {
            return before;
        }
        float[] out = before;
        if (out == null) {
            out = new float[own.length];
            Arrays.fill(out, 1f);
        }
        for (int i = 0; i < out.length; i++) {
            out[i] += own[i];
        }
        return out;
    }

    /// Adds the delta of rows of a table.
    void applyToRows(String table, int[] ids, Matrix out, Products products, Scratch scratch) {
        for (LowRankUpdate u : tables.getOrDefault(table, List.of())) {
            u.addRows(ids, out, products, scratch);
        }
    }

    /// Turns row `output` of W into that of the adapted layer.
    void applyToRow(String weight, int output, Matrix row, Products products, Scratch scratch) {
        List<LowRankUpdate> updates = linears.get(weight);
        if (updates == null) {
            return;
        }
        float own = 1f;
        for (LowRankUpdate u : updates) {
            own += u.own() == null ? 0f : u.own()[output];
        }
        if (own != 1f) {
            Elementwise.scale(row, own);
        }
        for (LowRankUpdate u : updates) {
            u.addDeltaRow(output, row, products, scratch);
        }
    }
}
