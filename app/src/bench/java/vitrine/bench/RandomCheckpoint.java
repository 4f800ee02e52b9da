package vitrine.bench;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// A checkpoint of Qwen2.5-0.5B's shape whose weights are random bfloat16 values of a normal distribution with deviation 0.02, as a
/// fresh model's are; norms are 1. 988 MB.
final class RandomCheckpoint {

    static final int VOCABULARY = 151_936;
    private static final int HIDDEN = 896;
    static final int LAYERS = 24;
    private static final int HEADS = 14;
    private static final int KEY_VALUE_HEADS = 2;
    private static final int INTERMEDIATE = 4864;
    private static final int HEAD_DIM = HIDDEN / HEADS;
    private static final int CHUNK = 1 << 20;

    static final int MIXTURE_VOCABULARY = 32_768;
    private static final int MIXTURE_HIDDEN = 1024;
    private static final int MIXTURE_LAYERS = 8;
    private static final int MIXTURE_EXPERTS = 64;
    private static final int MIXTURE_WIDTH = 384;
    private static final int MIXTURE_HEADS = 16;
    private static final int MIXTURE_HEAD_DIM = 64;

    private RandomCheckpoint() {}

    /// Writes `config.json` and `model.safetensors` into a folder, which is made.
    static void write(Path folder) throws IOException {
        write(folder, LAYERS);
    }

    /// The same with fewer layers.
    static void write(Path folder, int layers) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), """
                {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "dtype": "bfloat16", "hidden_act": "silu",
                 "vocab_size": %d, "hidden_size": %d, "num_hidden_layers": %d, "num_attention_heads": %d, "num_key_value_heads": %d,
                 "intermediate_size": %d, "max_position_embeddings": 32768, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
                 "tie_word_embeddings": true, "use_sliding_window": false, "attention_dropout": 0.0, "initializer_range": 0.02}
                """.formatted(VOCABULARY, HIDDEN, layers, HEADS, KEY_VALUE_HEADS, INTERMEDIATE));
        fill(folder, tensors(layers));
    }

    /// A checkpoint of Qwen3-MoE's kind instead: 8 layers with 64 experts, hidden size 1,024, every expert a tensor of its own. 1.3 GB.
    static void writeMixture(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), """
                {"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "dtype": "bfloat16", "hidden_act": "silu",
                 "vocab_size": %d, "hidden_size": %d, "num_hidden_layers": %d, "num_attention_heads": %d, "num_key_value_heads": 4, "head_dim": %d,
                 "intermediate_size": 3072, "moe_intermediate_size": %d, "num_experts": %d, "num_experts_per_tok": 8, "norm_topk_prob": true,
                 "decoder_sparse_step": 1, "mlp_only_layers": [], "max_position_embeddings": 32768, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
                 "tie_word_embeddings": true, "use_sliding_window": false, "attention_dropout": 0.0, "initializer_range": 0.02, "attention_bias": false}
                """.formatted(MIXTURE_VOCABULARY, MIXTURE_HIDDEN, MIXTURE_LAYERS, MIXTURE_HEADS, MIXTURE_HEAD_DIM, MIXTURE_WIDTH, MIXTURE_EXPERTS));
        Map<String, Declared> t = new LinkedHashMap<>();
        add(t, "model.embed_tokens.weight", MIXTURE_VOCABULARY, MIXTURE_HIDDEN);
        for (int l = 0; l < MIXTURE_LAYERS; l++) {
            String layer = "model.layers." + l + ".";
            add(t, layer + "input_layernorm.weight", MIXTURE_HIDDEN);
            add(t, layer + "self_attn.q_proj.weight", MIXTURE_HEADS * MIXTURE_HEAD_DIM, MIXTURE_HIDDEN);
            add(t, layer + "self_attn.k_proj.weight", 4 * MIXTURE_HEAD_DIM, MIXTURE_HIDDEN);
            add(t, layer + "self_attn.v_proj.weight", 4 * MIXTURE_HEAD_DIM, MIXTURE_HIDDEN);
            add(t, layer + "self_attn.o_proj.weight", MIXTURE_HIDDEN, MIXTURE_HEADS * MIXTURE_HEAD_DIM);
            add(t, layer + "self_attn.q_norm.weight", MIXTURE_HEAD_DIM);
            add(t, layer + "self_attn.k_norm.weight", MIXTURE_HEAD_DIM);
            add(t, layer + "post_attention_layernorm.weight", MIXTURE_HIDDEN);
            add(t, layer + "mlp.gate.weight", MIXTURE_EXPERTS, MIXTURE_HIDDEN);
            for (int e = 0; e < MIXTURE_EXPERTS; e++) {
                String expert = layer + "mlp.experts." + e + ".";
                add(t, expert + "gate_proj.weight", MIXTURE_WIDTH, MIXTURE_HIDDEN);
                add(t, expert + "up_proj.weight", MIXTURE_WIDTH, MIXTURE_HIDDEN);
                add(t, expert + "down_proj.weight", MIXTURE_HIDDEN, MIXTURE_WIDTH);
            }
        }
        add(t, "model.norm.weight", MIXTURE_HIDDEN);
        fill(folder, t);
    }

    private static void fill(Path folder, Map<String, Declared> tensors) throws IOException {
        Random random = new Random(2);
        short[] normal = new short[1 << 16];
        for (int i = 0; i < normal.length; i++) {
            normal[i] = bfloat16((float) (0.02 * random.nextGaussian()));
        }
        short one = bfloat16(1f);
        try (Arena arena = Arena.ofConfined(); SafetensorsWriter out = new SafetensorsWriter(folder.resolve("model.safetensors"), tensors, Map.of("format", "pt"))) {
            MemorySegment chunk = arena.allocate(2L * CHUNK);
            for (Map.Entry<String, Declared> t : tensors.entrySet()) {
                boolean norm = t.getKey().endsWith("norm.weight");
                long elements = t.getValue().shape().elements();
                for (long at = 0; at < elements; at += CHUNK) {
                    int n = (int) Math.min(CHUNK, elements - at);
                    for (int i = 0; i < n; i++) {
                        chunk.setAtIndex(ValueLayout.JAVA_SHORT, i, norm ? one : normal[random.nextInt() >>> 16]);
                    }
                    out.write(t.getKey(), at, chunk.asSlice(0, 2L * n));
                }
            }
        }
    }

    private static Map<String, Declared> tensors(int layers) {
        Map<String, Declared> t = new LinkedHashMap<>();
        add(t, "model.embed_tokens.weight", VOCABULARY, HIDDEN);
        for (int l = 0; l < layers; l++) {
            String layer = "model.layers." + l + ".";
            add(t, layer + "input_layernorm.weight", HIDDEN);
            projection(t, layer + "self_attn.q_proj", HIDDEN);
            projection(t, layer + "self_attn.k_proj", KEY_VALUE_HEADS * HEAD_DIM);
            projection(t, layer + "self_attn.v_proj", KEY_VALUE_HEADS * HEAD_DIM);
            add(t, layer + "self_attn.o_proj.weight", HIDDEN, HIDDEN);
            add(t, layer + "post_attention_layernorm.weight", HIDDEN);
            add(t, layer + "mlp.gate_proj.weight", INTERMEDIATE, HIDDEN);
            add(t, layer + "mlp.up_proj.weight", INTERMEDIATE, HIDDEN);
            add(t, layer + "mlp.down_proj.weight", HIDDEN, INTERMEDIATE);
        }
        add(t, "model.norm.weight", HIDDEN);
        return t;
    }

    private static void projection(Map<String, Declared> t, String name, int out) {
        add(t, name + ".weight", out, HIDDEN);
        add(t, name + ".bias", out);
    }

    private static void add(Map<String, Declared> t, String name, long... sizes) {
        t.put(name, new Declared(DType.BF16, Shape.of(sizes)));
    }

    /// The upper half of the float's bits, rounded to the nearest.
    private static short bfloat16(float value) {
        return (short) (Float.floatToRawIntBits(value) + 0x8000 >>> 16);
    }
}
