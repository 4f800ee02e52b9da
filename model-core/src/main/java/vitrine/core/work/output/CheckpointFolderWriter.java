package vitrine.core.work.output;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Writes a checkpoint as transformers reads it: one safetensors file, or shards with an index, and the small files of another checkpoint.
public final class CheckpointFolderWriter {

    private static final long SHARD_BYTES = 5_000_000_000L;
    private static final long MOST_SMALL_BYTES = 64L << 20;
    private static final List<String> SMALL = List.of("generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
            "merges.txt", "vocab.txt", "tokenizer.model", "spiece.model", "chat_template.jinja", "chat_template.json", "LICENSE", "LICENSE.txt");

    private static final Set<String> PACKED = Set.of("gptq", "awq", "bitsandbytes");

    private CheckpointFolderWriter() {}

    /// Fills in the values of tensors, in the order in which they were declared.
    public interface Source {
        void write(String tensor, SafetensorsWriter to) throws IOException;
    }

    /// @throws Refusal `task-invalid` where a tensor's type is one that only GGUF files hold
    public static void write(Path folder, ObjectNode config, Map<String, Declared> tensors, Source source, Checkpoint smallFilesOf) throws IOException {
        for (Map.Entry<String, Declared> e : tensors.entrySet()) {
            if (e.getValue().dtype().blocked()) {
                throw Refusal.of(Category.TASK_INVALID, smallFilesOf.path(), "it is stored as %s, which a safetensors file cannot hold", e.getValue().dtype().name())
                        .where("tensor " + e.getKey()).help("Start from the checkpoint that the file was made from.");
            }
        }
        // Packed weights were put together when they were read, and are written as plain ones.
        if (PACKED.contains(config.path("quantization_config").path("quant_method").asText().toLowerCase(Locale.ROOT))) {
            config.remove("quantization_config");
        }
        Files.write(folder.resolve("config.json"), Json.pretty(config).getBytes(StandardCharsets.UTF_8));
        for (String name : SMALL) {
            Path file = smallFilesOf.folder().folder().resolve(name);
            if (smallFilesOf.embedded() != null) {
                if (name.equals("tokenizer.json") && smallFilesOf.hasTokenizer()) {
                    Files.write(folder.resolve(name), smallFilesOf.tokenizer());
                }
            } else if (Files.exists(file)) {
                Files.write(folder.resolve(name), Json.readBytes(smallFilesOf.resolve(file), MOST_SMALL_BYTES, Category.LIMIT_EXCEEDED));
            }
        }
        List<Map<String, Declared>> shards = new ArrayList<>();
        long room = 0;
        long total = 0;
        for (Map.Entry<String, Declared> e : tensors.entrySet()) {
            long bytes = e.getValue().dtype().bytes(e.getValue().shape().elements());
            total += bytes;
            if (shards.isEmpty() || bytes > room) {
                shards.add(new LinkedHashMap<>());
                room = SHARD_BYTES;
            }
            shards.getLast().put(e.getKey(), e.getValue());
            room -= bytes;
        }
        ObjectNode index = Json.object();
        index.putObject("metadata").put("total_size", total);
        ObjectNode weights = index.putObject("weight_map");
        for (int i = 0; i < shards.size(); i++) {
            String name = shards.size() == 1 ? "model.safetensors" : String.format("model-%05d-of-%05d.safetensors", i + 1, shards.size());
            try (SafetensorsWriter out = new SafetensorsWriter(folder.resolve(name), shards.get(i), Map.of("format", "pt"))) {
                for (String tensor : shards.get(i).keySet()) {
                    source.write(tensor, out);
                    weights.put(tensor, name);
                }
            }
        }
        if (shards.size() > 1) {
            Files.write(folder.resolve("model.safetensors.index.json"), Json.pretty(index).getBytes(StandardCharsets.UTF_8));
        }
    }

    /// The names that a folder's files have, for a card.
    static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }
}
