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

/// A checkpoint whose weights are random bfloat16 values of a normal distribution with deviation 0.02, as a fresh model's are; norms are 1.
///
/// @param name whose shape it has
/// @param biases whether queries, keys and values have biases
record RandomCheckpoint(String name, String family, int vocabulary, int hidden, int layers, int heads, int keyValueHeads, int intermediate, boolean biases) {

    /// 988 MB.
    static final RandomCheckpoint QWEN = new RandomCheckpoint("Qwen2.5-0.5B", "qwen2", 151_936, 896, 24, 14, 2, 4864, true);
    /// 269 MB.
    static final RandomCheckpoint SMOL = new RandomCheckpoint("SmolLM-135M", "llama", 49_152, 576, 30, 9, 3, 1536, false);
    /// 15 GB.
    static final RandomCheckpoint LLAMA_8B = new RandomCheckpoint("Llama-3.1-8B", "llama", 128_256, 4096, 32, 32, 8, 14_336, false);

    private static final int CHUNK = 1 << 20;

    /// The same with fewer layers.
    RandomCheckpoint withLayers(int count) {
        return new RandomCheckpoint(name, family, vocabulary, hidden, count, heads, keyValueHeads, intermediate, biases);
    }

    /// Writes `config.json` and `model.safetensors` into a folder, which is made.
    void write(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), """
                {"architectures": ["%s"], "model_type": "%s", "dtype": "bfloat16", "hidden_act": "silu",
                 "vocab_size": %d, "hidden_size": %d, "num_hidden_layers": %d, "num_attention_heads": %d, "num_key_value_heads": %d,
                 "intermediate_size": %d, "max_position_embeddings": 32768, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
                 "tie_word_embeddings": true, "use_sliding_window": false, "attention_dropout": 0.0, "initializer_range": 0.02}
                """.formatted(family.equals("qwen2") ? "Qwen2ForCausalLM" : "LlamaForCausalLM", family, vocabulary, hidden, layers, heads, keyValueHeads, intermediate));
        fill(folder, tensors());
    }

    /// Writes `model.safetensors` with tensors of random values.
    static void fill(Path folder, Map<String, Declared> tensors) throws IOException {
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

    private Map<String, Declared> tensors() {
        int headDim = hidden / heads;
        Map<String, Declared> t = new LinkedHashMap<>();
        add(t, "model.embed_tokens.weight", vocabulary, hidden);
        for (int l = 0; l < layers; l++) {
            String layer = "model.layers." + l + ".";
            add(t, layer + "input_layernorm.weight", hidden);
            projection(t, layer + "self_attn.q_proj", hidden);
            projection(t, layer + "self_attn.k_proj", keyValueHeads * headDim);
            projection(t, layer + "self_attn.v_proj", keyValueHeads * headDim);
            add(t, layer + "self_attn.o_proj.weight", hidden, hidden);
            add(t, layer + "post_attention_layernorm.weight", hidden);
            add(t, layer + "mlp.gate_proj.weight", intermediate, hidden);
            add(t, layer + "mlp.up_proj.weight", intermediate, hidden);
            add(t, layer + "mlp.down_proj.weight", hidden, intermediate);
        }
        add(t, "model.norm.weight", hidden);
        return t;
    }

    private void projection(Map<String, Declared> t, String name, int out) {
        add(t, name + ".weight", out, hidden);
        if (biases) {
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
