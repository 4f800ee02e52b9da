package vitrine.core.train.method;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import vitrine.core.architecture.AttentionLoops;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.json.Json;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.kernel.Widen;

/// A changed model as an ordinary Hugging Face checkpoint: float32 weights under the names that they had, the config, and the tokenizer's files.
final class CheckpointResult {

    private static final String WEIGHTS = "model.safetensors";
    private static final List<String> COMPANIONS = List.of("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
            "vocab.txt", "tokenizer.model", "spiece.model", "chat_template.jinja", "chat_template.json", "generation_config.json",
            AttentionLoops.FILE);
    private static final long PART = 4 << 20;

    private CheckpointResult() {}

    static void write(Parameters parameters, Path folder) throws IOException {
        Checkpoint checkpoint = parameters.checkpoint();
        Map<String, Parameter> trained = parameters.trained().stream().collect(Collectors.toMap(Parameter::name, p -> p));
        Map<String, Declared> declared = new LinkedHashMap<>();
        checkpoint.tensors().values().forEach(t -> declared.put(t.name(), new Declared(floating(t.dtype()) ? DType.F32 : t.dtype(), t.shape())));
        try (SafetensorsWriter out = new SafetensorsWriter(folder.resolve(WEIGHTS), declared, Map.of("format", "pt")); MappedWeights map = new MappedWeights(checkpoint);
             Arena arena = Arena.ofShared()) {
            MemorySegment wide = arena.allocate(4 * PART, 64);
            for (TensorEntry t : checkpoint.tensors().values()) {
                Parameter p = trained.get(t.name());
                if (p != null) {
                    out.write(t.name(), 0, p.data().asSlice(0, 4 * p.elements()));
                } else if (!floating(t.dtype())) {
                    out.write(t.name(), 0, map.data(t));
                } else {
                    for (long from = 0; from < t.elements(); from += PART) {
                        long count = Math.min(PART, t.elements() - from);
                        Widen.toFloat(t.dtype(), map.data(t), from, count, wide);
                        out.write(t.name(), from, wide.asSlice(0, 4 * count));
                    }
                }
            }
        }
        ObjectNode config = checkpoint.config().deepCopy();
        config.remove("torch_dtype");
        config.put("dtype", "float32").put("torch_dtype", "float32");
        Files.write(folder.resolve("config.json"), Json.pretty(config).getBytes(StandardCharsets.UTF_8));
        copyCompanions(checkpoint, folder);
    }

    private static boolean floating(DType t) {
        return Stream.of("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2").anyMatch(t.name()::equals);
    }

    /// Copies the tokenizer's files, the loops of the base and what else belongs beside weights.
    static void copyCompanions(Checkpoint checkpoint, Path folder) throws IOException {
        for (String name : COMPANIONS) {
            Path file = checkpoint.folder().folder().resolve(name);
            if (Files.exists(file)) {
                Files.copy(checkpoint.resolve(file), folder.resolve(name));
            }
        }
    }
}
