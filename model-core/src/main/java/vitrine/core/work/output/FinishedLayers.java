package vitrine.core.work.output;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32C;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsHeader;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.files.Whole;
import vitrine.core.forward.Adaptation;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The layers that a pruning run has finished, on the disk: a folder `NNNNNNNN` per layer, whole or absent, with `layer.safetensors` (the tensors
/// that changed as they are stored, under their names; `mask/NAME`; `factor_a/NAME`, `factor_b/NAME`) and `layer.json` (what run it belongs
/// to, the report's figures, a checksum). A run that was broken off goes on after the last of them, to the same bits.
public final class FinishedLayers implements AutoCloseable {

    public static final String MASK = "mask/";
    public static final String FACTOR_A = "factor_a/";
    public static final String FACTOR_B = "factor_b/";
    private static final int VERSION = 1;
    public static final String STATE = "layer.json";
    private static final String TENSORS = "layer.safetensors";
    private static final long MAX_BYTES = 64L << 20;
    private static final long LARGE_LAYER = 8L << 20;

    private final Path folder;
    private final String run;
    private final Arena arena = Arena.ofShared();
    private final Map<String, TensorEntry> entries = new LinkedHashMap<>();
    private final Map<Path, MemorySegment> maps = new HashMap<>();
    private final Map<Integer, ObjectNode> reports = new LinkedHashMap<>();

    /// @param run names the run: layers of another are never taken up
    public FinishedLayers(Path folder, String run) {
        this.folder = folder;
        this.run = run;
    }

    /// A tensor of a layer's file.
    ///
    /// @param bytes as stored
    public record Part(Declared declared, MemorySegment bytes) {}

    private Path of(int layer) {
        return folder.resolve(String.format("%08d", layer + 1));
    }

    /// Takes up a layer that is there.
    ///
    /// @return its figures, or null where it is not there or cannot be used
    public ObjectNode takeUp(int layer) throws IOException {
        Path at = of(layer);
        if (!Files.isDirectory(at)) {
            return null;
        }
        try {
            ObjectNode state = Json.readObject(at.resolve(STATE), at.resolve(STATE), MAX_BYTES, Category.ARTIFACT_INVALID);
            if (state.path("version").asInt() != VERSION || !state.path("run").asText().equals(run) || state.path("checksum").asLong(-1) != checksum(at.resolve(TENSORS))) {
                Whole.delete(at);
                return null;
            }
            map(at.resolve(TENSORS));
            ObjectNode report = (ObjectNode) state.get("report");
            reports.put(layer, report);
            return report;
        } catch (Refusal | NoSuchFileException e) {
            // A layer that cannot be read is computed again.
            Whole.delete(at);
            return null;
        }
    }

    /// Keeps a layer.
    public void write(int layer, Map<String, Part> tensors, ObjectNode report) throws IOException {
        Files.createDirectories(folder);
        Whole.removeLeftovers(folder);
        Path at = of(layer);
        Whole.delete(at);
        Map<String, Declared> declared = new LinkedHashMap<>();
        tensors.forEach((name, p) -> declared.put(name, p.declared()));
        try (Whole out = Whole.folder(at)) {
            Path file = out.staging().resolve(TENSORS);
            try (SafetensorsWriter to = new SafetensorsWriter(file, declared, Map.of())) {
                for (Map.Entry<String, Part> e : tensors.entrySet()) {
                    to.write(e.getKey(), 0, e.getValue().bytes());
                }
            }
            ObjectNode state = Json.object().put("version", VERSION).put("run", run).put("layer", layer).put("checksum", checksum(file));
            state.set("report", report);
            Files.write(out.staging().resolve(STATE), Json.pretty(state).getBytes(StandardCharsets.UTF_8));
            out.commit();
        }
        // Masks and scores of a layer are large arrays, which go straight into the old generation; the serial collector lets that grow to its limit
        // before it looks through it.
        if (tensors.values().stream().mapToLong(p -> p.bytes().byteSize()).sum() >= LARGE_LAYER) {
            System.gc();
        }
        map(at.resolve(TENSORS));
        reports.put(layer, report);
    }

    private void map(Path file) throws IOException {
        SafetensorsHeader header = SafetensorsHeader.read(file, file);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            maps.put(file, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
        }
        header.tensors().forEach(t -> entries.put(t.name(), t));
    }

    private static long checksum(Path file) throws IOException {
        CRC32C crc = new CRC32C();
        byte[] buffer = new byte[1 << 20];
        try (InputStream in = Files.newInputStream(file)) {
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                crc.update(buffer, 0, n);
            }
        }
        return crc.getValue();
    }

    /// All tensors of all finished layers, by name.
    public Map<String, TensorEntry> tensors() {
        return entries;
    }

    /// The figures of the finished layers, by number.
    public Map<Integer, ObjectNode> reports() {
        return reports;
    }

    /// A tensor's bytes.
    public MemorySegment data(TensorEntry t) {
        return maps.get(t.file()).asSlice(t.offset(), t.bytes());
    }

    /// Copies a tensor's bytes to where they stay, and lets go of its pages.
    public void copy(TensorEntry t, SafetensorsWriter to, String name) throws IOException {
        to.write(name, 0, data(t));
        data(t).unload();
    }

    /// What stands for the model's own tensors.
    public Adaptation adaptation() {
        Map<String, Adaptation.Replacement> replaced = new HashMap<>();
        entries.forEach((name, t) -> {
            if (!name.startsWith(MASK) && !name.startsWith(FACTOR_A) && !name.startsWith(FACTOR_B)) {
                replaced.put(name, new Adaptation.Replacement(t, data(t)));
            }
        });
        return new Adaptation(Map.of(), Map.of(), replaced);
    }

    @Override
    public void close() {
        arena.close();
    }
}
