package vitrine.core.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.tensor.DType;

/// An adapter that was opened: its modules, and the tensors that stand for the base's own.
///
/// @param modules in the order of the file
/// @param saved tensors that replace the base's, by the base's name for them (`model.norm.weight`)
/// @param copies tensors that repeat the base's own (`base_layer`), by the base's name for them: no delta
/// @param rows rows of tables that were trained by themselves (`trainable_token_indices`), by the module's path
/// @param notes what was put right while reading, and what the user should know, one sentence each
public record Adapter(Checkpoint checkpoint, AdapterConfig config, List<AdapterModule> modules, Map<String, TensorEntry> saved, Map<String, TensorEntry> copies,
                      Map<String, TensorEntry> rows, List<String> notes) {

    /// What PEFT writes before the base's own names.
    public static final String PREFIX = "base_model.model.";

    private static final String NAME = ".default";
    private static final Pattern FACTOR = Pattern.compile("(.+)\\.lora_(embedding_A|embedding_B|magnitude_vector|solar_value|solar_place|A|B|E)(\\.weight|\\.bias)?");
    private static final String ROWS = ".token_adapter.trainable_tokens_delta";
    private static final String COPY = ".base_layer.";
    private static final String SAVED = ".modules_to_save.";
    /// What peft writes of the base's own biases beside modules that are saved whole; it never reads them.
    private static final String ORIGINAL = ".original_module.";
    /// What variants of training keep beside the factors; a pass does not read it.
    private static final List<String> OF_TRAINING = List.of(".lora_velora_", ".lora_monteclora_sampler.");
    /// Places of coefficients are written in 16 bits.
    private static final int MOST_VECTORS = 64;

    /// Opens an adapter: a PEFT folder, or a file of its tensors with the config beside it.
    ///
    /// @throws Refusal where it is none, or cannot be what its config says
    public static Adapter open(String path) {
        Checkpoint checkpoint = Checkpoints.open(Path.of(path));
        if (checkpoint.kind() != Checkpoint.Kind.ADAPTER) {
            throw Refusal.of(Category.ADAPTER_INVALID, checkpoint.path(), "this is a checkpoint, not an adapter: none of its %,d tensors is a low-rank factor", checkpoint.tensors().size())
                    .help("An adapter folder holds adapter_config.json and adapter_model.safetensors.");
        }
        return of(checkpoint);
    }

    /// Reads an opened adapter.
    public static Adapter of(Checkpoint checkpoint) {
        return new Reader(checkpoint, AdapterConfig.of(checkpoint.config(), checkpoint.configFile())).read();
    }

    public String name() {
        return checkpoint.name();
    }

    /// A module by its path.
    public Optional<AdapterModule> module(String path) {
        return modules.stream().filter(m -> m.path().equals(path)).findFirst();
    }

    /// The values that were trained: factors, magnitudes, biases and tensors saved whole; copies of the base's own do not count.
    public long parameters() {
        return modules.stream().mapToLong(AdapterModule::parameters).sum() + saved.values().stream().mapToLong(TensorEntry::elements).sum()
                + rows.values().stream().mapToLong(TensorEntry::elements).sum();
    }

    /// Where the config says the base is, if that is a path to something; a name on a hub is none.
    public Optional<Path> baseFolder() {
        String base = config.base();
        if (base.isEmpty()) {
            return Optional.empty();
        }
        try {
            Path at = checkpoint.folder().folder().resolve(base).normalize();
            return Files.isDirectory(at) ? Optional.of(at) : Optional.empty();
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    /// What to say where the config names a path for the base and nothing is there; a name on a hub says nothing.
    public Optional<String> absentBase() {
        String base = config.base();
        return (base.startsWith(".") || base.startsWith("/")) && baseFolder().isEmpty()
                ? Optional.of("Its base " + Visible.name(base) + " is not there: what needs no base still works.") : Optional.empty();
    }

    /// Sorts tensors by the module that they belong to.
    private static final class Reader {
        private final Checkpoint checkpoint;
        private final AdapterConfig config;
        private final Map<String, Map<String, TensorEntry>> factors = new LinkedHashMap<>();
        private final Map<String, TensorEntry> saved = new LinkedHashMap<>();
        private final Map<String, TensorEntry> copies = new LinkedHashMap<>();
        private final Map<String, TensorEntry> rows = new LinkedHashMap<>();
        private final List<String> notes = new ArrayList<>();
        private int named;
        private int bare;

        Reader(Checkpoint checkpoint, AdapterConfig config) {
            this.checkpoint = checkpoint;
            this.config = config;
        }

        Adapter read() {
            checkpoint.tensors().values().forEach(this::sort);
            if (bare > 0) {
                notes.add(String.format("%,d tensor names do not begin with %s: they were read as names of the base's modules.", bare, PREFIX));
            }
            if (named > 0) {
                notes.add(String.format("%,d tensor names hold the adapter's own name (%s), which was left out.", named, NAME));
            }
            List<AdapterModule> modules = new ArrayList<>();
            factors.forEach((path, found) -> {
                if (config.type() == AdapterConfig.Type.ADALORA && found.values().stream().anyMatch(t -> t.elements() == 0)) {
                    notes.add("No component of " + path + " is left: it was read as a module that changes nothing.");
                    return;
                }
                List<AdapterModule> experts = experts(path, found);
                if (experts.isEmpty()) {
                    modules.add(module(path, found));
                } else {
                    modules.addAll(experts);
                }
            });
            if (modules.isEmpty() && saved.isEmpty() && rows.isEmpty()) {
                throw Refusal.of(Category.ADAPTER_INVALID, checkpoint.path(), "it changes nothing: there is no low-rank factor in it");
            }
            if (config.changedBaseOrNull() != null) {
                notes.add("It was initialised by " + config.initialisation() + ", which changed the base's weights as well: on the original base it would be wrong.");
            }
            return new Adapter(checkpoint, config, List.copyOf(modules), saved, copies, rows, List.copyOf(notes));
        }

        private void sort(TensorEntry t) {
            String name = t.name();
            if (name.startsWith(PREFIX)) {
                name = name.substring(PREFIX.length());
            } else {
                bare++;
            }
            if (name.endsWith(NAME) || name.contains(NAME + ".")) {
                named++;
                name = name.replace(NAME + ".", ".");
                name = name.endsWith(NAME) ? name.substring(0, name.length() - NAME.length()) : name;
            }
            Matcher m = FACTOR.matcher(name);
            if (m.matches()) {
                String key = m.group(2) + (".bias".equals(m.group(3)) ? ".bias" : "");
                if (factors.computeIfAbsent(m.group(1), p -> new LinkedHashMap<>()).putIfAbsent(key, t) != null) {
                    throw Refusal.of(Category.DUPLICATE_NAME, checkpoint.path(), "there are two tensors lora_%s of %s", key, m.group(1)).where("tensor " + t.name());
                }
            } else if (name.contains(ORIGINAL) || OF_TRAINING.stream().anyMatch(name::contains)) {
                return;
            } else if (name.endsWith(ROWS)) {
                rows.put(name.substring(0, name.length() - ROWS.length()), t);
            } else if (name.endsWith(COPY + "weight")) {
                copies.put(name.replace(COPY, "."), t);
            } else {
                // Biases of adapted layers are those of the layer within the wrapper.
                saved.put(name.replace(COPY, ".").replace(SAVED, "."), t);
            }
        }

        private AdapterModule module(String path, Map<String, TensorEntry> found) {
            if (config.type() == AdapterConfig.Type.SOLAR) {
                return solar(path, found);
            }
            boolean embedding = found.containsKey("embedding_A") || found.containsKey("embedding_B");
            TensorEntry a = require(path, found, embedding ? "embedding_A" : "A", embedding ? "embedding_B" : "B");
            TensorEntry b = require(path, found, embedding ? "embedding_B" : "B", embedding ? "embedding_A" : "A");
            for (TensorEntry t : List.of(a, b)) {
                if (t.shape().rank() != 2 || t.elements() == 0 || t.shape().size(0) > Integer.MAX_VALUE || t.shape().size(1) > Integer.MAX_VALUE) {
                    throw Refusal.of(Category.SHAPE_INVALID, checkpoint.path(), "its shape is %s; a factor has two dimensions", t.shape().toString()).where("tensor " + t.name());
                }
                if (!t.dtype().readable()) {
                    throw Refusal.of(Category.DTYPE_UNKNOWN, checkpoint.path(), "values of type %s cannot be computed with here", t.dtype()).where("tensor " + t.name());
                }
            }
            int rank = (int) a.shape().size(0);
            int in = (int) a.shape().size(1);
            int out = (int) b.shape().size(0);
            if (b.shape().size(1) != rank) {
                throw Refusal.of(Category.ADAPTER_MISMATCH, checkpoint.path(), "A of %s is %s and B is %s: their ranks are %d and %d", path, a.shape().toString(), b.shape().toString(), rank,
                        b.shape().size(1)).where("tensor " + b.name());
            }
            int declared = config.rankOf(path);
            if (config.type() == AdapterConfig.Type.LORA && declared != rank && config.targetParameters().isEmpty()) {
                throw Refusal.of(Category.ADAPTER_MISMATCH, checkpoint.path(), "the config says r = %d; its rank is %d", declared, rank).where("tensor " + a.name())
                        .help("With another rank the scaling would be another.");
            }
            TensorEntry diagonal = sized(found.get("E"), rank);
            TensorEntry magnitude = sized(found.get("magnitude_vector"), out);
            if (config.type() == AdapterConfig.Type.ADALORA && diagonal == null) {
                throw Refusal.of(Category.TENSOR_MISSING, checkpoint.path(), "it is not in the adapter, and the config says AdaLoRA").where("tensor " + a.name().replace("lora_A", "lora_E"));
            }
            if (config.dora() && magnitude == null && !embedding) {
                throw Refusal.of(Category.TENSOR_MISSING, checkpoint.path(), "it is not in the adapter, and the config says DoRA")
                        .where("tensor " + a.name().replace("lora_A.weight", "lora_magnitude_vector"));
            }
            return new AdapterModule(path, embedding, in, out, rank, config.alphaOf(path), config.scaling(path, rank), a, b, diagonal, magnitude, sized(found.get("B.bias"), out), null, null);
        }

        /// Factors of the parameters of all experts, as modules of the experts one by one; empty where they are none of these.
        ///
        /// PEFT wraps a module once for each of its parameters, in the order in which the module has them, down projections last: the first stands innermost, under the most `base_layer`s.
        private List<AdapterModule> experts(String path, Map<String, TensorEntry> found) {
            String stem = path.replaceAll("(\\.base_layer)+$", "");
            List<String> own = config.parametersOf(stem);
            if (own.isEmpty() || !found.keySet().equals(java.util.Set.of("A", "B"))) {
                return List.of();
            }
            int depth = (path.length() - stem.length()) / ".base_layer".length();
            String name = depth < own.size() ? own.get(own.size() - 1 - depth) : "";
            List<String> parts = switch (name) {
                case "gate_up_proj" -> List.of("gate_proj", "up_proj");
                case "gate_proj", "up_proj", "down_proj" -> List.of(name);
                default -> List.<String>of();
            };
            TensorEntry a = found.get("A");
            TensorEntry b = found.get("B");
            // Patterns see the parameter's own name.
            String key = stem + "." + name;
            int r = config.rankOf(key);
            if (parts.isEmpty() || a.shape().rank() != 2 || b.shape().rank() != 2 || a.shape().size(0) % r != 0 || a.shape().size(0) != b.shape().size(1) || b.shape().size(0) % parts.size() != 0
                    || !a.dtype().readable() || !b.dtype().readable() || a.elements() == 0 || a.elements() > Integer.MAX_VALUE || b.elements() > Integer.MAX_VALUE) {
                return List.of();
            }
            int experts = (int) (a.shape().size(0) / r);
            int out = (int) (b.shape().size(0) / parts.size());
            List<AdapterModule> all = new ArrayList<>();
            for (int e = 0; e < experts; e++) {
                for (int p = 0; p < parts.size(); p++) {
                    all.add(new AdapterModule(stem + "." + e + "." + parts.get(p), false, (int) a.shape().size(1), out, r, config.alphaOf(key), config.scaling(key, r), a, b, null, null, null, null,
                            new AdapterModule.Part(e, experts, p * out)));
                }
            }
            return all;
        }

        /// A module whose delta is stored as coefficients; what its bases need to know stands in the config.
        private AdapterModule solar(String path, Map<String, TensorEntry> found) {
            TensorEntry values = require(path, found, "solar_value", "solar_place");
            TensorEntry places = require(path, found, "solar_place", "solar_value");
            JsonNode all = config.json().path("solar");
            JsonNode own = all.path("modules").path(path);
            int out = whole(own, "out", path);
            int in = whole(own, "in", path);
            int rank = whole(own, "rank", path);
            JsonNode perturbation = all.path("perturbation");
            JsonNode seed = all.path("seed");
            JsonNode norm = own.path("base_norm");
            if (!perturbation.isNumber() || !seed.isIntegralNumber() || !norm.isNumber()) {
                throw Refusal.of(Category.ADAPTER_INVALID, config.file(), "perturbation, seed and the base's norm are numbers, and one of them is not here").where("solar, " + path);
            }
            AdapterModule.Solar solar = new AdapterModule.Solar(whole(all, "vectors", path), perturbation.doubleValue(), seed.longValue(), norm.doubleValue());
            int p = solar.width(out, in, out);
            int q = solar.width(in, in, out);
            if (values.dtype() != DType.F32 || places.dtype() != DType.I16 || values.shape().rank() != 1 || !values.shape().equals(places.shape()) || values.elements() > (long) p * q
                    || solar.vectors() > MOST_VECTORS || rank > Math.min(p, q)) {
                throw Refusal.of(Category.ADAPTER_INVALID, checkpoint.path(), "its %s coefficients %s with places %s %s do not fit bases of %d and %d vectors", values.dtype(), values.shape(),
                        places.dtype(), places.shape(), p, q).where("tensor " + values.name());
            }
            boolean embedding = own.path("embedding").asBoolean(false);
            return new AdapterModule(path, embedding, embedding ? out : in, embedding ? in : out, rank, rank, 1, values, places, null, sized(found.get("magnitude_vector"), out),
                    sized(found.get("B.bias"), out), solar, null);
        }

        private int whole(JsonNode of, String key, String path) {
            JsonNode n = of.path(key);
            if (!n.isIntegralNumber() || !n.canConvertToInt() || n.intValue() < 1) {
                throw Refusal.of(Category.ADAPTER_INVALID, config.file(), "%s is %s; a whole number from 1 belongs here", key, n.isMissingNode() ? "missing" : n.toString()).where("solar, " + path);
            }
            return n.intValue();
        }

        private TensorEntry require(String path, Map<String, TensorEntry> found, String factor, String other) {
            TensorEntry t = found.get(factor);
            if (t == null) {
                TensorEntry partner = found.get(other);
                String name = partner == null ? PREFIX + path + ".lora_" + factor : partner.name().replace("lora_" + other, "lora_" + factor);
                throw Refusal.of(Category.TENSOR_MISSING, checkpoint.path(), "it is not in the adapter, and there is no delta without it").where("tensor " + name);
            }
            return t;
        }

        private TensorEntry sized(TensorEntry t, int values) {
            if (t != null && t.elements() != values) {
                throw Refusal.of(Category.ADAPTER_MISMATCH, checkpoint.path(), "its shape is %s; %,d values belong there", t.shape().toString(), values).where("tensor " + t.name());
            }
            return t;
        }
    }
}
