package vitrine.views.lora;

import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.refusal.Visible;

/// One module of an adapter with the tensors that every figure of this view needs.
///
/// @param sigma singular values of the delta, largest first; empty where the module has none
/// @param normProduct, share, activation by stored component; empty where not measured
/// @param gate -dL/dw of each component's gate, nats; `sensitivity` AdaLoRA's score; both empty where not measured
/// @param loss change of the loss without a component, in nats, on the first text; empty where not measured
record Module(AdapterArtifact.Row row, double[] sigma, double[] normProduct, double[] share, double[] activation, double[] gate, double[] sensitivity, double[] loss) {

    String path() {
        return row.module();
    }

    int layer() {
        return row.layer();
    }

    /// The path's last part, safe to show.
    String kind() {
        return Visible.name(row.kind());
    }

    /// As short as a column head: `gate` for `gate_proj`.
    static String head(String kind) {
        return Visible.name(kind.endsWith("_proj") && kind.length() > 5 ? kind.substring(0, kind.length() - 5) : kind);
    }

    /// `Layer 4, gate_proj`; the path of one outside the layers.
    String title() {
        return row.layer() < 0 ? Visible.name(row.module()) : "Layer " + row.layer() + ", " + kind();
    }

    /// The colour of its kind of matrix, the same in every view.
    int category() {
        return category(row.kind());
    }

    static int category(String kind) {
        return switch (kind) {
            case "q_proj", "query", "wq", "q_b_proj", "q_a_proj" -> 0;
            case "k_proj", "key", "wk", "kv_a_proj_with_mqa" -> 1;
            case "v_proj", "value", "wv", "kv_b_proj" -> 2;
            case "o_proj", "out_proj", "wo", "dense" -> 3;
            case "gate_proj", "w1" -> 4;
            case "up_proj", "w3", "c_fc", "dense_h_to_4h", "fc1" -> 5;
            case "down_proj", "w2", "dense_4h_to_h", "fc2" -> 6;
            case "embed_tokens", "wte", "embed_in", "word_embeddings" -> 7;
            case "lm_head", "embed_out" -> 8;
            case "gate", "router" -> 9;
            default -> 11;
        };
    }

    /// The sum of the squared singular values.
    double energy() {
        double sum = 0;
        for (double s : sigma) {
            sum += s * s;
        }
        return sum;
    }

    /// The share of the squared norm that the largest values hold, `[k + 1]`, from 0 to 1.
    double[] cumulative() {
        double[] out = new double[sigma.length + 1];
        double total = energy();
        double sum = 0;
        for (int i = 0; i < sigma.length; i++) {
            sum += sigma[i] * sigma[i];
            out[i + 1] = total > 0 ? sum / total : 0;
        }
        return out;
    }
}
