package vitrine.core.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import vitrine.core.backward.Parameter;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// A run's state on the disk: a folder `NNNNNNNN` with `state.safetensors` (trained tensors, moments, what the method remembers), `figures.jsonl` (a line
/// per finished step) and `state.json` (the step, what run it belongs to, a checksum). It is whole or absent; the last two are kept, so that a
/// damaged one costs the steps since the one before.
public record SavedStep(Path folder, long step) {

    /// The number of the format, in `state.json`.
    public static final int VERSION = 1;
    private static final String STATE = "state.json";
    private static final String TENSORS = "state.safetensors";
    private static final String FIGURES = "figures.jsonl";
    private static final int KEPT = 2;
    private static final long MAX_BYTES = 1 << 20;

    /// Writes a trainer's state.
    ///
    /// @param steps the folder of all saved steps
    /// @param run names the run: a state of another is never gone on from
    /// @param figures the lines of all finished steps
    public static void write(Path steps, Trainer trainer, String run, List<String> figures) throws IOException {
        Files.createDirectories(steps);
        Whole.removeLeftovers(steps);
        Path target = steps.resolve(String.format("%08d", trainer.done()));
        if (Files.exists(target)) {
            return;
        }
        Map<String, Declared> declared = new LinkedHashMap<>();
        for (Parameter p : trainer.parameters().trained()) {
            for (String kind : unmoved(trainer, p) ? List.of("w/") : List.of("w/", "m/", "v/")) {
                declared.put(kind + p.name(), new Declared(DType.F32, p.shape()));
            }
        }
        trainer.method().memory().forEach((name, values) -> declared.put("x/" + name, new Declared(DType.F32, Shape.of(values.length))));
        try (Whole out = Whole.folder(target)) {
            ObjectNode counts = Json.object();
            try (SafetensorsWriter tensors = new SafetensorsWriter(out.staging().resolve(TENSORS), declared, Map.of())) {
                for (Parameter p : trainer.parameters().trained()) {
                    tensors.write("w/" + p.name(), 0, p.data().asSlice(0, 4 * p.elements()));
                    if (unmoved(trainer, p)) {
                        continue;
                    }
                    AdamW.Moments moments = trainer.optimiser().moments(p);
                    tensors.write("m/" + p.name(), 0, moments.m().asSlice(0, 4 * p.elements()));
                    tensors.write("v/" + p.name(), 0, moments.v().asSlice(0, 4 * p.elements()));
                    counts.put(p.name(), moments.steps());
                }
                for (Map.Entry<String, float[]> e : trainer.method().memory().entrySet()) {
                    tensors.write("x/" + e.getKey(), 0, e.getValue());
                }
            }
            Files.write(out.staging().resolve(FIGURES), figures, StandardCharsets.UTF_8);
            ObjectNode state = Json.object().put("version", VERSION).put("run", run).put("step", trainer.done()).put("checksum", checksum(out.staging()));
            state.set("steps_of_tensors", counts);
            Files.write(out.staging().resolve(STATE), Json.pretty(state).getBytes(StandardCharsets.UTF_8));
            out.commit();
        }
        List<SavedStep> all = list(steps);
        for (SavedStep old : all.subList(0, Math.max(0, all.size() - KEPT))) {
            Whole.delete(old.folder);
        }
    }

    /// Whether a tensor has no moments.
    private static boolean unmoved(Trainer trainer, Parameter p) {
        return trainer.run().forwardOnly() || !trainer.method().stepped(p);
    }

    /// All saved steps, the earliest first.
    public static List<SavedStep> list(Path steps) throws IOException {
        List<SavedStep> out = new ArrayList<>();
        if (!Files.isDirectory(steps)) {
            return out;
        }
        try (Stream<Path> children = Files.list(steps)) {
            for (Path p : children.sorted().toList()) {
                if (p.getFileName().toString().matches("\\d{8,}")) {
                    out.add(new SavedStep(p, Long.parseLong(p.getFileName().toString())));
                }
            }
        }
        return out;
    }

    /// What is wrong with it, or null where nothing is.
    public String problem(String run) throws IOException {
        try {
            JsonNode state = Json.readObject(folder.resolve(STATE), folder.resolve(STATE), MAX_BYTES << 6, vitrine.core.refusal.Category.ARTIFACT_INVALID);
            if (state.path("version").asInt() != VERSION) {
                return "it was written in version " + state.path("version").asText("?") + " of the format";
            }
            if (!state.path("run").asText().equals(run)) {
                return "it belongs to a run of another task or of other inputs";
            }
            return state.path("checksum").asLong(-1) == checksum(folder) ? null : "its checksum does not fit";
        } catch (Refusal | java.nio.file.NoSuchFileException e) {
            return "it cannot be read";
        }
    }

    private static long checksum(Path folder) throws IOException {
        CRC32C crc = new CRC32C();
        byte[] buffer = new byte[1 << 20];
        for (String file : List.of(TENSORS, FIGURES)) {
            try (InputStream in = Files.newInputStream(folder.resolve(file))) {
                for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                    crc.update(buffer, 0, n);
                }
            }
        }
        return crc.getValue();
    }

    /// Puts a trainer, fresh and made from the same task, into this state; returns the lines of the finished steps.
    public List<String> restore(Trainer trainer) throws IOException {
        JsonNode state = Json.mapper().readTree(folder.resolve(STATE).toFile());
        try (SafetensorsFile tensors = SafetensorsFile.open(folder.resolve(TENSORS))) {
            for (Parameter p : trainer.parameters().trained()) {
                copy(tensors, "w/" + p.name(), p.data(), p.elements());
                if (unmoved(trainer, p)) {
                    continue;
                }
                AdamW.Moments moments = trainer.optimiser().moments(p);
                copy(tensors, "m/" + p.name(), moments.m(), p.elements());
                copy(tensors, "v/" + p.name(), moments.v(), p.elements());
                moments.steps(state.path("steps_of_tensors").path(p.name()).asLong());
            }
            Map<String, float[]> memory = new LinkedHashMap<>();
            for (String name : tensors.tensors().keySet()) {
                if (name.startsWith("x/")) {
                    memory.put(name.substring(2), tensors.floats(name));
                }
            }
            trainer.method().remember(memory);
        }
        trainer.resumeAt(step);
        return new ArrayList<>(Files.readAllLines(folder.resolve(FIGURES), StandardCharsets.UTF_8));
    }

    private static void copy(SafetensorsFile from, String name, MemorySegment to, long count) {
        int part = 1 << 20;
        for (long at = 0; at < count; at += part) {
            float[] values = from.floats(name, at, (int) Math.min(part, count - at));
            MemorySegment.copy(values, 0, to, JAVA_FLOAT, 4 * at, values.length);
        }
    }
}
