package vitrine.core.architecture;

/// What a tensor of an unknown family is probably for, by the words in its name.
public final class PartGuess {

    private PartGuess() {}

    /// @param rank the number of the tensor's dimensions
    public static Part of(String name, int rank) {
        String n = name.toLowerCase(java.util.Locale.ROOT);
        if (contains(n, "norm", "ln_", ".ln", "layernorm")) {
            return Part.NORM;
        }
        if (contains(n, "lm_head", "embed_out", "output.weight")) {
            return Part.HEAD;
        }
        if (contains(n, "embed", "wte", "wpe")) {
            return Part.EMBEDDING;
        }
        if (contains(n, "router", "gate.weight", "gate.bias") && rank <= 2 && !contains(n, "gate_proj")) {
            return Part.ROUTER;
        }
        if (contains(n, "q_proj", "query.", ".wq.", "q_a_proj", "q_b_proj")) {
            return Part.QUERY;
        }
        if (contains(n, "k_proj", ".key.", ".wk.", "kv_a_proj")) {
            return Part.KEY;
        }
        if (contains(n, "v_proj", ".value.", ".wv.", "kv_b_proj")) {
            return Part.VALUE;
        }
        if (contains(n, "o_proj", "out_proj", ".wo.", "attn.c_proj", "attn.dense", "attention.dense", "attention.output")) {
            return Part.OUTPUT;
        }
        if (contains(n, "gate_proj", ".w1.")) {
            return Part.GATE;
        }
        if (contains(n, "up_proj", ".w3.", "fc1", "fc_in", "c_fc", "dense_h_to_4h", "intermediate.dense")) {
            return Part.UP;
        }
        if (contains(n, "down_proj", ".w2.", "fc2", "fc_out", "mlp.c_proj", "dense_4h_to_h", "output.dense")) {
            return Part.DOWN;
        }
        return Part.OTHER;
    }

    private static boolean contains(String name, String... words) {
        for (String w : words) {
            if (name.contains(w)) {
                return true;
            }
        }
        return false;
    }
}
