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
    static final int LAYERS = 24;
    private static final int CHUNK = 1 << 20;

    /// The sizes of a model.
    ///
    /// @param biased whether queries, keys and values have biases (Qwen2) rather than none (Llama)
    record Sizes(int vocabulary, int hidden, int layers, int heads, int keyValueHeads, int intermediate, boolean biased) {}

    private static final Sizes QWEN = new Sizes(VOCABULARY, 896, LAYERS, 14, 2, 4864, true);
    /// SmolLM-135M's, 269 MB.
    static final Sizes SMOL = new Sizes(49_152, 576, 30, 9, 3, 1536, false);

    private RandomCheckpoint() {}

    /// Writes `config.json` and `model.safetensors` into a folder, which is made.
    static void write(Path folder) throws IOException {
        write(folder, QWEN);
    }

    /// The same with fewer layers.
    static void write(Path folder, int layers) throws IOException {
        write(folder, new Sizes(QWEN.vocabulary, QWEN.hidden, layers, QWEN.heads, QWEN.keyValueHeads, QWEN.intermediate, QWEN.biased));
    }

    /// A checkpoint of other sizes.
    static void write(Path folder, Sizes z) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), """
                {"architectures": ["%s"], "model_type": "%s", "dtype": "bfloat16", "hidden_act": "silu",
                 "vocab_size": %d, "hidden_size": %d, "num_hidden_layers": %d, "num_attention_heads": %d, "num_key_value_heads": %d,
                 "intermediate_size": %d, "max_position_embeddings": 32768, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
                 "tie_word_embeddings": true, "attention_dropout": 0.0, "initializer_range": 0.02}
                """.formatted(z.biased ? "Qwen2ForCausalLM" : "LlamaForCausalLM", z.biased ? "qwen2" : "llama", z.vocabulary, z.hidden, z.layers, z.heads, z.keyValueHeads, z.intermediate));
        Map<String, Declared> tensors = tensors(z);
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

    private static Map<String, Declared> tensors(Sizes z) {
        Map<String, Declared> t = new LinkedHashMap<>();
        int narrow = z.keyValueHeads * (z.hidden / z.heads);
        add(t, "model.embed_tokens.weight", z.vocabulary, z.hidden);
        for (int l = 0; l < z.layers; l++) {
            String layer = "model.layers." + l + ".";
            add(t, layer + "input_layernorm.weight", z.hidden);
            projection(t, layer + "self_attn.q_proj", z.hidden, z);
            projection(t, layer + "self_attn.k_proj", narrow, z);
            projection(t, layer + "self_attn.v_proj", narrow, z);
            add(t, layer + "self_attn.o_proj.weight", z.hidden, z.hidden);
            add(t, layer + "post_attention_layernorm.weight", z.hidden);
            add(t, layer + "mlp.gate_proj.weight", z.intermediate, z.hidden);
            add(t, layer + "mlp.up_proj.weight", z.intermediate, z.hidden);
            add(t, layer + "mlp.down_proj.weight", z.hidden, z.intermediate);
        }
        add(t, "model.norm.weight", z.hidden);
        return t;
    }

    private static void projection(Map<String, Declared> t, String name, int out, Sizes z) {
        add(t, name + ".weight", out, z.hidden);
        if (z.biased) {
            add(t, name + ".bias", out);
        }
    }

    private static void add(Map<String, Declared> t, String name, long... sizes) {
        t.put(name, new Declared(DType.BF16, Shape.of(sizes)));
    }

    /// The upper half of the float's bits, rounded to the nearest.
    private static short bfloat16(float value) {
        return (short) (Float.floatToRawIntBits(value) + 0x8000 >>> 16);
    }
}
