package vitrine.views.anatomy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.views.view.Subject;

/// Checkpoints for the tests of this view: the reference cases of the model core, and small ones made here.
final class Cases {

    private static final Path REFERENCE = Path.of("../model-core/src/test/resources/reference");

    private Cases() {}

    /// A reference case by its name.
    static Subject reference(String name) {
        return new Subject(Anatomy.of(Checkpoints.open(REFERENCE.resolve(name))));
    }

    /// All reference cases that are checkpoints of a family.
    static List<String> references() throws IOException {
        try (Stream<Path> all = Files.list(REFERENCE)) {
            return all.filter(p -> Files.exists(p.resolve("config.json")) && Files.exists(p.resolve("model.safetensors")))
                    .map(p -> p.getFileName().toString()).sorted().toList();
        }
    }

    /// A file of float32 tensors with these values.
    static Path write(Path file, Map<String, float[]> tensors) throws IOException {
        Map<String, Declared> declared = new LinkedHashMap<>();
        tensors.forEach((name, values) -> declared.put(name, new Declared(DType.F32, Shape.of(values.length))));
        try (SafetensorsWriter out = new SafetensorsWriter(file, declared, Map.of())) {
            for (Map.Entry<String, float[]> t : tensors.entrySet()) {
                out.write(t.getKey(), 0, t.getValue());
            }
        }
        return file;
    }

    /// A file whose tensors hold nothing but zeros that were never written: large and quickly made.
    static Path sparse(Path file, Map<String, Shape> tensors) throws IOException {
        Map<String, Declared> declared = new LinkedHashMap<>();
        tensors.forEach((name, shape) -> declared.put(name, new Declared(DType.BF16, shape)));
        new SafetensorsWriter(file, declared, Map.of()).close();
        return file;
    }

    static Subject open(Path path) {
        return new Subject(Anatomy.of(Checkpoints.open(path)));
    }

    /// A float32 tensor's values, read here with plain reads.
    static float[] floats(TensorEntry t) throws IOException {
        if (t.dtype() != DType.F32) {
            throw new IllegalArgumentException(t.name() + " is " + t.dtype());
        }
        byte[] all = Files.readAllBytes(t.file());
        float[] out = new float[Math.toIntExact(t.elements())];
        ByteBuffer.wrap(all, Math.toIntExact(t.offset()), 4 * out.length).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(out);
        return out;
    }
}
