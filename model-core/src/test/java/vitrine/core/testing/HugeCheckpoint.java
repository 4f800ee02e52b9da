package vitrine.core.testing;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// A sharded checkpoint of 140 GB in 100,003 tensors, as large mixture-of-experts models are, made of sparse files: it takes a few
/// megabytes of the disk, and all its values read as zeros.
///
/// 50 layers of 664 experts of three bfloat16 matrices `[688, 1024]`, and per layer attention, norms and router; 36 shards.
public final class HugeCheckpoint {

    private static final int LAYERS = 50;
    private static final int EXPERTS = 664;
    private static final int HIDDEN = 1024;
    private static final int INTERMEDIATE = 688;
    private static final int VOCABULARY = 32_000;
    private static final long SHARD_BYTES = 4_000_000_000L;

    /// Tensors of the checkpoint.
    public static final int TENSORS = LAYERS * (3 * EXPERTS + 8) + 3;

    private record Tensor(String name, long rows, long columns) {
        long bytes() {
            return 2 * rows * Math.max(1, columns);
        }

        String shape() {
            return columns == 0 ? "[" + rows + "]" : "[" + rows + "," + columns + "]";
        }
    }

    private HugeCheckpoint() {}

    /// Writes the checkpoint into `folder`, which is made; returns the bytes of its tensors.
    public static long write(Path folder) {
        try {
            Files.createDirectories(folder);
            return writeAll(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long writeAll(Path folder) throws IOException {
        List<List<Tensor>> shards = shards();
        long total = 0;
        try (Writer index = Files.newBufferedWriter(folder.resolve("model.safetensors.index.json"))) {
            index.write("{\"weight_map\":{");
            String separator = "";
            for (int s = 0; s < shards.size(); s++) {
                String file = String.format("model-%05d-of-%05d.safetensors", s + 1, shards.size());
                total += writeShard(folder.resolve(file), shards.get(s));
                for (Tensor t : shards.get(s)) {
                    index.write(separator + "\"" + t.name + "\":\"" + file + "\"");
                    separator = ",";
                }
            }
            index.write("},\"metadata\":{\"total_size\":" + total + "}}");
        }
        Files.writeString(folder.resolve("config.json"), String.format("""
                {"model_type": "vitrine_benchmark_moe", "hidden_size": %d, "num_hidden_layers": %d, "num_experts": %d,
                 "moe_intermediate_size": %d, "vocab_size": %d}
                """, HIDDEN, LAYERS, EXPERTS, INTERMEDIATE, VOCABULARY));
        return total;
    }

    private static List<List<Tensor>> shards() {
        List<List<Tensor>> shards = new ArrayList<>(List.of(new ArrayList<>()));
        long bytes = 0;
        for (Tensor t : tensors()) {
            if (bytes + t.bytes() > SHARD_BYTES) {
                shards.add(new ArrayList<>());
                bytes = 0;
            }
            shards.getLast().add(t);
            bytes += t.bytes();
        }
        return shards;
    }

    private static List<Tensor> tensors() {
        List<Tensor> out = new ArrayList<>(TENSORS);
        out.add(new Tensor("model.embed_tokens.weight", VOCABULARY, HIDDEN));
        for (int l = 0; l < LAYERS; l++) {
            String layer = "model.layers." + l + ".";
            out.add(new Tensor(layer + "input_layernorm.weight", HIDDEN, 0));
            for (String kind : List.of("q", "k", "v", "o")) {
                out.add(new Tensor(layer + "self_attn." + kind + "_proj.weight", HIDDEN, HIDDEN));
            }
            out.add(new Tensor(layer + "post_attention_layernorm.weight", HIDDEN, 0));
            out.add(new Tensor(layer + "mlp.gate.weight", EXPERTS, HIDDEN));
            out.add(new Tensor(layer + "mlp.gate.e_score_correction_bias", EXPERTS, 0));
            for (int e = 0; e < EXPERTS; e++) {
                String expert = layer + "mlp.experts." + e + ".";
                out.add(new Tensor(expert + "gate_proj.weight", INTERMEDIATE, HIDDEN));
                out.add(new Tensor(expert + "up_proj.weight", INTERMEDIATE, HIDDEN));
                out.add(new Tensor(expert + "down_proj.weight", HIDDEN, INTERMEDIATE));
            }
        }
        out.add(new Tensor("model.norm.weight", HIDDEN, 0));
        out.add(new Tensor("lm_head.weight", VOCABULARY, HIDDEN));
        return out;
    }

    private static long writeShard(Path file, List<Tensor> tensors) throws IOException {
        StringBuilder json = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
        long end = 0;
        for (Tensor t : tensors) {
            json.append(",\"").append(t.name).append("\":{\"dtype\":\"BF16\",\"shape\":").append(t.shape()).append(",\"data_offsets\":[")
                    .append(end).append(',').append(end += t.bytes()).append("]}");
        }
        json.append('}').repeat(' ', (8 - json.length() % 8) % 8);
        byte[] header = json.toString().getBytes(StandardCharsets.UTF_8);
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).array());
            out.write(header);
            // The rest is never written: it takes no room on the disk.
            out.setLength(8 + header.length + end);
        }
        return end;
    }
}
