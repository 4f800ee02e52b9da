package vitrine.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// A checkpoint of Qwen3-MoE's kind, 8 layers with 64 experts, hidden size 1,024, every expert a tensor of its own; weights as those of [RandomCheckpoint]. 1.3 GB.
final class RandomMixture {

    static final int VOCABULARY = 32_768;
    private static final int HIDDEN = 1024;
    private static final int LAYERS = 8;
    private static final int EXPERTS = 64;
    private static final int WIDTH = 384;
    private static final int HEADS = 16;
    private static final int KEY_VALUE_HEADS = 4;
    private static final int HEAD_DIM = 64;

    private RandomMixture() {}

    /// Writes `config.json` and `model.safetensors` into a folder, which is made.
    static void write(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), """
                {"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "dtype": "bfloat16", "hidden_act": "silu",
                 "vocab_size": %d, "hidden_size": %d, "num_hidden_layers": %d, "num_attention_heads": %d, "num_key_value_heads": %d, "head_dim": %d,
                 "intermediate_size": 3072, "moe_intermediate_size": %d, "num_experts": %d, "num_experts_per_tok": 8, "norm_topk_prob": true,
                 "decoder_sparse_step": 1, "mlp_only_layers": [], "max_position_embeddings": 32768, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
                 "tie_word_embeddings": true, "use_sliding_window": false, "attention_dropout": 0.0, "initializer_range": 0.02, "attention_bias": false}
                """.formatted(VOCABULARY, HIDDEN, LAYERS, HEADS, KEY_VALUE_HEADS, HEAD_DIM, WIDTH, EXPERTS));
        Map<String, Declared> t = new LinkedHashMap<>();
        add(t, "model.embed_tokens.weight", VOCABULARY, HIDDEN);
        for (int l = 0; l < LAYERS; l++) {
            String layer = "model.layers." + l + ".";
            add(t, layer + "input_layernorm.weight", HIDDEN);
            add(t, layer + "self_attn.q_proj.weight", HEADS * HEAD_DIM, HIDDEN);
            add(t, layer + "self_attn.k_proj.weight", KEY_VALUE_HEADS * HEAD_DIM, HIDDEN);
            add(t, layer + "self_attn.v_proj.weight", KEY_VALUE_HEADS * HEAD_DIM, HIDDEN);
            add(t, layer + "self_attn.o_proj.weight", HIDDEN, HEADS * HEAD_DIM);
            add(t, layer + "self_attn.q_norm.weight", HEAD_DIM);
            add(t, layer + "self_attn.k_norm.weight", HEAD_DIM);
            add(t, layer + "post_attention_layernorm.weight", HIDDEN);
            add(t, layer + "mlp.gate.weight", EXPERTS, HIDDEN);
            for (int e = 0; e < EXPERTS; e++) {
                String expert = layer + "mlp.experts." + e + ".";
                add(t, expert + "gate_proj.weight", WIDTH, HIDDEN);
                add(t, expert + "up_proj.weight", WIDTH, HIDDEN);
                add(t, expert + "down_proj.weight", HIDDEN, WIDTH);
            }
        }
        add(t, "model.norm.weight", HIDDEN);
        RandomCheckpoint.fill(folder, t);
    }

    private static void add(Map<String, Declared> t, String name, long... sizes) {
        t.put(name, new Declared(DType.BF16, Shape.of(sizes)));
    }
}
