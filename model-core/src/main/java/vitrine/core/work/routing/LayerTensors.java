package vitrine.core.work.routing;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// Tensors with a value for each of some layers, gathered to be written: one tensor of all layers where their shapes are equal, else one per layer, `NAME.L`.
///
/// Values are made when they are written, layer by layer, so that no tensor is in memory whole.
final class LayerTensors {

    private final List<Integer> layers;
    private final Map<String, Declared> declared = new LinkedHashMap<>();
    private final Map<String, Provenance> provenance = new LinkedHashMap<>();
    private final List<Writing> writings = new ArrayList<>();

    private interface Writing {
        void write(SafetensorsWriter out) throws IOException;
    }

    /// @param layers their numbers
    LayerTensors(List<Integer> layers) {
        this.layers = layers;
    }

    /// One tensor that belongs to no layer.
    void whole(String name, DType dtype, Shape shape, Object values, Provenance from) {
        declared.put(name, new Declared(dtype, shape));
        provenance.put(name, from);
        writings.add(out -> write(out, name, 0, values));
    }

    /// One value per layer.
    ///
    /// @param count how many of the layers have one, from the first on
    /// @param values arrays of the tensor's type, in rows
    void each(String name, DType dtype, int count, IntFunction<Shape> shape, IntFunction<Object> values, Provenance from) {
        passes(name, dtype, 0, count, shape, (pass, i) -> values.apply(i), from);
    }

    /// What is written of one pass and layer.
    interface OfPass {
        Object values(int pass, int layer);
    }

    /// One value per pass and layer: `[passes, layers, ...]`, or `[passes, ...]` per layer. With no passes `[layers, ...]`.
    void passes(String name, DType dtype, int passes, int count, IntFunction<Shape> shape, OfPass values, Provenance from) {
        Shape first = shape.apply(0);
        boolean uniform = IntStream.range(0, count).allMatch(i -> shape.apply(i).equals(first));
        long[] front = passes == 0 ? new long[0] : new long[] {passes};
        if (uniform) {
            declare(name, dtype, LongStream.concat(Arrays.stream(front), LongStream.concat(LongStream.of(count), Arrays.stream(first.sizes()))).toArray(), from);
        }
        for (int i = 0; i < count; i++) {
            int layer = i;
            Shape own = shape.apply(i);
            String to = uniform ? name : name + "." + layers.get(i);
            if (!uniform) {
                declare(to, dtype, LongStream.concat(Arrays.stream(front), Arrays.stream(own.sizes())).toArray(), from);
            }
            for (int p = 0; p < Math.max(1, passes); p++) {
                int pass = p;
                long at = (uniform ? (long) p * count + i : p) * own.elements();
                writings.add(out -> write(out, to, at, values.values(pass, layer)));
            }
        }
    }

    private void declare(String name, DType dtype, long[] sizes, Provenance from) {
        declared.put(name, new Declared(dtype, Shape.of(sizes)));
        provenance.put(name, from);
    }

    private static void write(SafetensorsWriter out, String name, long first, Object values) throws IOException {
        switch (values) {
            case long[] v -> out.write(name, first, v);
            case int[] v -> out.write(name, first, Arrays.stream(v).asLongStream().toArray());
            case float[] v -> out.write(name, first, v);
            case double[] v -> out.write(name, first, v);
            default -> throw new IllegalArgumentException(name);
        }
    }

    Map<String, Provenance> provenance() {
        return provenance;
    }

    void write(Path file, Map<String, String> metadata) throws IOException {
        Map<String, String> all = new LinkedHashMap<>(metadata);
        all.put("provenance", Json.line(Manifest.toJson(provenance)));
        try (SafetensorsWriter out = new SafetensorsWriter(file, declared, all)) {
            for (Writing w : writings) {
                w.write(out);
            }
        }
    }
}
