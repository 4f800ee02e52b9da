package vitrine.core.work;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import vitrine.core.analysis.adapter.Dense;
import vitrine.core.analysis.adapter.Factors;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// Adapter folders changed by hand.
public final class Edited {

    private Edited() {}

    /// A copy of an adapter whose module has one component less in effect: its column of B is zero, or its singular component is taken from a dense
    /// decomposition of B A and written over B and A.
    public static void withoutComponent(Path from, Path to, String module, boolean singular, int component) throws IOException {
        Files.copy(from.resolve("adapter_config.json"), to.resolve("adapter_config.json"));
        Map<String, Declared> declared = new LinkedHashMap<>();
        Map<String, float[]> values = new LinkedHashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(from.resolve("adapter_model.safetensors"))) {
            file.tensors().values().forEach(t -> {
                declared.put(t.name(), new Declared(DType.F32, t.shape()));
                values.put(t.name(), file.floats(t.name()));
            });
        }
        String nameA = "base_model.model." + module + ".lora_A.weight";
        String nameB = "base_model.model." + module + ".lora_B.weight";
        Shape shapeA = declared.get(nameA).shape();
        Shape shapeB = declared.get(nameB).shape();
        int r = (int) shapeA.size(0);
        if (!singular) {
            for (int o = 0; o < shapeB.size(0); o++) {
                values.get(nameB)[o * r + component] = 0;
            }
        } else {
            try (Arena arena = Arena.ofConfined()) {
                Dense a = Dense.of(arena, doubles(values.get(nameA)), r, (int) shapeA.size(1));
                Dense b = Dense.of(arena, doubles(values.get(nameB)), (int) shapeB.size(0), r);
                Dense.Decomposed d = new Factors(a, b, 1).delta(arena).decompose(arena);
                for (int k = 0; k < r; k++) {
                    double root = k == component ? 0 : Math.sqrt(d.values()[k]);
                    for (int i = 0; i < a.columns(); i++) {
                        values.get(nameA)[k * a.columns() + i] = (float) (root * d.right().get(k, i));
                    }
                    for (int o = 0; o < b.rows(); o++) {
                        values.get(nameB)[o * r + k] = (float) (root * d.left().get(o, k));
                    }
                }
            }
        }
        try (SafetensorsWriter out = new SafetensorsWriter(to.resolve("adapter_model.safetensors"), declared, Map.of())) {
            for (Map.Entry<String, float[]> e : values.entrySet()) {
                out.write(e.getKey(), 0, e.getValue());
            }
        }
    }

    private static double[] doubles(float[] of) {
        double[] out = new double[of.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = of[i];
        }
        return out;
    }
}
