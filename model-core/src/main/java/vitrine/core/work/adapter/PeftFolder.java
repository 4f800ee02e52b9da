package vitrine.core.work.adapter;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import vitrine.core.adapter.Adapter;
import vitrine.core.analysis.adapter.Factors;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// Writes a LoRA adapter as PEFT loads it: `adapter_config.json`, `adapter_model.safetensors` and a card, factors in float32.
///
/// The most frequent rank and alpha are the config's own; others stand in `rank_pattern` and `alpha_pattern` under the modules' full paths, and so do all
/// targets: a list of full paths means the same whatever else the model holds.
///
/// Source: PEFT 0.21, `LoraConfig` and `set_peft_model_state_dict`, read 2026-11.
final class PeftFolder {

    /// A module to write.
    ///
    /// @param out and `in` of the factors as they are stored: of an embedding the width and the vocabulary
    /// @param alpha with which the config's scaling is the factors'
    record Module(String path, boolean embedding, int out, int in, int rank, double alpha, Extra magnitude, Extra bias) {}

    /// A small tensor that goes with a module, or null.
    record Extra(double[] values) {}

    /// Makes the factors of a module when their turn comes, so that one module is in memory at a time.
    interface Source {
        Factors factors(Module module, Arena arena);
    }

    static final String TENSORS = "adapter_model.safetensors";

    private final ObjectNode config;
    private final List<Module> modules;
    private final Map<TensorEntry, MemorySegment> others = new LinkedHashMap<>();
    private Storage storage;

    /// Another way to store deltas than by factors: PEFT does not read it.
    interface Storage {
        /// Adds what the config must say.
        void config(ObjectNode config);

        /// Tensors of a module, by the end of their names.
        Map<String, Declared> tensors(Module m);

        /// Writes them.
        void write(Module m, SafetensorsWriter out, String stem) throws IOException;
    }

    /// @param config what is to stay of another adapter's config
    PeftFolder(ObjectNode config, List<Module> modules) {
        this.config = config.deepCopy();
        this.modules = modules;
    }

    /// Stores deltas another way.
    void storeAs(Storage as) {
        storage = as;
    }

    /// A tensor to be written as it is, under its name.
    void keep(TensorEntry tensor, MemorySegment data) {
        others.put(tensor, data);
    }

    /// The scaling s = 1 as an alpha.
    static double alphaOfOne(boolean rankStabilised, int rank) {
        return rankStabilised ? Math.sqrt(rank) : rank;
    }

    private static <T> T mostFrequent(List<Module> of, Function<Module, T> what) {
        Map<T, Long> counts = of.stream().collect(Collectors.groupingBy(what, LinkedHashMap::new, Collectors.counting()));
        return counts.entrySet().stream().max(Map.Entry.<T, Long>comparingByValue().thenComparing(Comparator.comparing(e -> e.getKey().toString()))).orElseThrow().getKey();
    }

    ObjectNode config() {
        int rank = mostFrequent(modules, Module::rank);
        double alpha = mostFrequent(modules.stream().filter(m -> m.rank == rank).toList(), Module::alpha);
        config.put("peft_type", "LORA").put("r", rank);
        number(config, "lora_alpha", alpha);
        ObjectNode ranks = config.putObject("rank_pattern");
        ObjectNode alphas = config.putObject("alpha_pattern");
        ArrayNode targets = config.putArray("target_modules");
        for (Module m : modules) {
            targets.add(m.path);
            if (m.rank != rank) {
                ranks.put(m.path, m.rank);
            }
            if (m.alpha != alpha) {
                number(alphas, m.path, m.alpha);
            }
        }
        // What has been said by full paths, or is no part of a plain LoRA.
        config.putNull("layers_to_transform").putNull("layers_pattern").putNull("exclude_modules").put("init_lora_weights", true).put("inference_mode", true);
        config.remove(List.of("solar", "init_r", "target_r", "tinit", "tfinal", "deltaT", "beta1", "beta2", "orth_reg_weight", "total_step"));
        if (storage != null) {
            storage.config(config);
        }
        return config;
    }

    /// Whole numbers are written as such: PEFT declares alpha as one.
    private static void number(ObjectNode to, String key, double value) {
        if (value == Math.rint(value) && Math.abs(value) < 1e9) {
            to.put(key, (long) value);
        } else {
            to.put(key, value);
        }
    }

    /// Writes config and tensors into a folder that is there.
    void write(Path folder, Source source, Runnable afterEach) throws IOException {
        Files.write(folder.resolve("adapter_config.json"), Json.pretty(config()).getBytes(StandardCharsets.UTF_8));
        Map<String, Declared> declared = new LinkedHashMap<>();
        for (Module m : modules) {
            if (storage != null) {
                storage.tensors(m).forEach((end, d) -> declared.put(Adapter.PREFIX + m.path + end, d));
            } else {
                declared.put(name(m, "A"), new Declared(DType.F32, Shape.of(m.rank, m.in)));
                declared.put(name(m, "B"), new Declared(DType.F32, Shape.of(m.out, m.rank)));
            }
            if (m.magnitude != null) {
                declared.put(Adapter.PREFIX + m.path + ".lora_magnitude_vector", new Declared(DType.F32, Shape.of(m.magnitude.values.length)));
            }
            if (m.bias != null) {
                declared.put(Adapter.PREFIX + m.path + ".lora_B.bias", new Declared(DType.F32, Shape.of(m.bias.values.length)));
            }
        }
        others.keySet().forEach(t -> declared.put(t.name(), new Declared(t.dtype(), t.shape())));
        try (SafetensorsWriter out = new SafetensorsWriter(folder.resolve(TENSORS), declared, Map.of("format", "pt"))) {
            for (Module m : modules) {
                if (storage != null) {
                    storage.write(m, out, Adapter.PREFIX + m.path);
                } else {
                    factors(m, source, out);
                }
                if (m.magnitude != null) {
                    out.write(Adapter.PREFIX + m.path + ".lora_magnitude_vector", 0, floats(m.magnitude.values));
                }
                if (m.bias != null) {
                    out.write(Adapter.PREFIX + m.path + ".lora_B.bias", 0, floats(m.bias.values));
                }
                afterEach.run();
            }
            for (Map.Entry<TensorEntry, MemorySegment> e : others.entrySet()) {
                out.write(e.getKey().name(), 0, e.getValue());
            }
        }
    }

    private static void factors(Module m, Source source, SafetensorsWriter out) throws IOException {
        try (Arena arena = Arena.ofShared()) {
            Factors f = source.factors(m, arena);
            out.write(name(m, "A"), 0, floats(f.a().toArray()));
            out.write(name(m, "B"), 0, floats(f.b().toArray()));
        }
    }

    private static String name(Module m, String factor) {
        return Adapter.PREFIX + m.path + (m.embedding ? ".lora_embedding_" + factor : ".lora_" + factor + ".weight");
    }

    private static float[] floats(double[] of) {
        float[] out = new float[of.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) of[i];
        }
        return out;
    }
}
