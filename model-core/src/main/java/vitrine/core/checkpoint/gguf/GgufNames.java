package vitrine.core.checkpoint.gguf;

import java.util.HashMap;
import java.util.Map;

/// How the tensors of a file are called in the checkpoint that it was made from, by architecture.
///
/// @param modelType the `model_type` of that checkpoint
/// @param outside names before `.weight` and `.bias`, of tensors that belong to no layer
/// @param layer what stands before a layer's number
/// @param inside names behind the layer's number
/// @param experts what stands before an expert's number, behind the layer's; with the names of gate, up and down behind it
record GgufNames(String modelType, Map<String, String> outside, String layer, Map<String, String> inside, String[] experts) {

    private static final Map<String, String> OUTSIDE = Map.of("token_embd", "model.embed_tokens", "output_norm", "model.norm", "output", "lm_head");
    private static final String LAYER = "model.layers.";

    private static final Map<String, String> LLAMA = Map.of(
            "attn_norm", "input_layernorm", "ffn_norm", "post_attention_layernorm",
            "attn_q", "self_attn.q_proj", "attn_k", "self_attn.k_proj", "attn_v", "self_attn.v_proj", "attn_output", "self_attn.o_proj",
            "ffn_gate", "mlp.gate_proj", "ffn_up", "mlp.up_proj", "ffn_down", "mlp.down_proj");
    private static final Map<String, String> QUERY_KEY_NORMS = Map.of("attn_q_norm", "self_attn.q_norm", "attn_k_norm", "self_attn.k_norm");
    private static final Map<String, String> OUTPUT_NORMS = Map.of("post_attention_norm", "post_attention_layernorm", "post_ffw_norm", "post_feedforward_layernorm");
    private static final String[] EXPERTS = {"mlp.experts.", "gate_proj", "up_proj", "down_proj"};

    /// The names of an architecture, or null where it has none here.
    static GgufNames ofOrNull(String architecture, boolean experts) {
        return switch (architecture) {
            case "llama" -> experts ? new GgufNames("mixtral", OUTSIDE, LAYER, with(LLAMA, Map.of("ffn_gate_inp", "block_sparse_moe.gate")),
                    new String[] {"block_sparse_moe.experts.", "w1", "w3", "w2"}) : plain("llama", LLAMA);
            case "qwen2", "granite", "stablelm", "gemma" -> plain(architecture, LLAMA);
            case "qwen3" -> plain("qwen3", with(LLAMA, QUERY_KEY_NORMS));
            case "qwen2moe" -> new GgufNames("qwen2_moe", OUTSIDE, LAYER, with(LLAMA, Map.of("ffn_gate_inp", "mlp.gate", "ffn_gate_inp_shexp", "mlp.shared_expert_gate",
                    "ffn_gate_shexp", "mlp.shared_expert.gate_proj", "ffn_up_shexp", "mlp.shared_expert.up_proj", "ffn_down_shexp", "mlp.shared_expert.down_proj")), EXPERTS);
            case "qwen3moe" -> new GgufNames("qwen3_moe", OUTSIDE, LAYER, with(with(LLAMA, QUERY_KEY_NORMS), Map.of("ffn_gate_inp", "mlp.gate")), EXPERTS);
            case "olmoe" -> new GgufNames("olmoe", OUTSIDE, LAYER, with(with(LLAMA, QUERY_KEY_NORMS), Map.of("ffn_gate_inp", "mlp.gate")), EXPERTS);
            case "gemma2" -> plain("gemma2", with(with(LLAMA, OUTPUT_NORMS), Map.of("ffn_norm", "pre_feedforward_layernorm")));
            case "gemma3" -> plain("gemma3_text", with(with(with(LLAMA, OUTPUT_NORMS), QUERY_KEY_NORMS), Map.of("ffn_norm", "pre_feedforward_layernorm")));
            case "olmo2" -> plain("olmo2", with(with(LLAMA, OUTPUT_NORMS), QUERY_KEY_NORMS));
            case "phi3" -> plain("phi3", with(LLAMA, Map.of("attn_qkv", "self_attn.qkv_proj", "ffn_up", "mlp.gate_up_proj")));
            case "starcoder2" -> plain("starcoder2", with(LLAMA, Map.of("ffn_up", "mlp.c_fc", "ffn_down", "mlp.c_proj")));
            case "gpt2" -> new GgufNames("gpt2", Map.of("token_embd", "transformer.wte", "position_embd", "transformer.wpe", "output_norm", "transformer.ln_f", "output", "lm_head"),
                    "transformer.h.", Map.of("attn_norm", "ln_1", "ffn_norm", "ln_2", "attn_qkv", "attn.c_attn", "attn_output", "attn.c_proj", "ffn_up", "mlp.c_fc",
                            "ffn_down", "mlp.c_proj"), null);
            case "gptneox" -> new GgufNames("gpt_neox", Map.of("token_embd", "gpt_neox.embed_in", "output_norm", "gpt_neox.final_layer_norm", "output", "embed_out"),
                    "gpt_neox.layers.", Map.of("attn_norm", "input_layernorm", "ffn_norm", "post_attention_layernorm", "attn_qkv", "attention.query_key_value",
                            "attn_output", "attention.dense", "ffn_up", "mlp.dense_h_to_4h", "ffn_down", "mlp.dense_4h_to_h"), null);
            case "deepseek2" -> new GgufNames("deepseek_v2", OUTSIDE, LAYER, with(LLAMA, Map.of("attn_q_a", "self_attn.q_a_proj", "attn_q_a_norm", "self_attn.q_a_layernorm",
                    "attn_q_b", "self_attn.q_b_proj", "attn_kv_a_mqa", "self_attn.kv_a_proj_with_mqa", "attn_kv_a_norm", "self_attn.kv_a_layernorm", "attn_kv_b", "self_attn.kv_b_proj",
                    "ffn_gate_inp", "mlp.gate", "ffn_gate_shexp", "mlp.shared_experts.gate_proj", "ffn_up_shexp", "mlp.shared_experts.up_proj",
                    "ffn_down_shexp", "mlp.shared_experts.down_proj")), EXPERTS);
            default -> null;
        };
    }

    private static GgufNames plain(String modelType, Map<String, String> inside) {
        return new GgufNames(modelType, OUTSIDE, LAYER, inside, null);
    }

    private static Map<String, String> with(Map<String, String> map, Map<String, String> more) {
        Map<String, String> out = new HashMap<>(map);
        out.putAll(more);
        return out;
    }
}
