package vitrine.core.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// An `adapter_config.json`: what changes the numbers, and all of it as it is.
///
/// @param type `LORA` or `ADALORA`
/// @param rank of modules that no pattern names
/// @param rankStabilised whether s = alpha / sqrt(r) (rsLoRA) rather than alpha / r
/// @param initialisation what `init_lora_weights` says: `true`, `false` or a method's name
/// @param base what `base_model_name_or_path` says; empty where it says nothing
/// @param json the whole object; unknown keys are kept and never stand in the way
public record AdapterConfig(Path file, Type type, int rank, double alpha, boolean rankStabilised, boolean dora, boolean fanInFanOut, String initialisation, String base,
                            List<String> modulesToSave, List<String> targetParameters, ObjectNode json, Map<ModulePattern, Integer> ranks, Map<ModulePattern, Double> alphas) {

    /// What AdaLoRA adds to the rank that it divides by.
    private static final double ADALORA_EPSILON = 1e-5;
    /// Initialisations that take something out of the base's weights: the adapter belongs to what is left of them.
    private static final Set<String> CHANGE_THE_BASE = Set.of("pissa", "olora", "corda", "lora_ga", "loftq");
    /// Keys of variants whose delta is no B A.
    private static final List<String> OTHER_DELTAS = List.of("kasa_config", "use_bdlora");
    /// Keys of variants that do not add their delta everywhere, or not to this base.
    private static final List<String> OTHER_PASSES = List.of("alora_invocation_tokens", "arrow_config", "layer_replication");
    private static final int MOST_RANK = 1 << 20;

    /// The kinds of adapter that are read.
    public enum Type {
        LORA, ADALORA,
        /// Coefficients in bases of the base's singular vectors, as `vitrine adapter cut --storage solar` writes them.
        SOLAR
    }

    /// Reads a config.
    ///
    /// @throws Refusal `adapter-invalid` for a value that cannot be
    static AdapterConfig of(ObjectNode json, Path file) {
        Type type = switch (json.path("peft_type").asText("LORA")) {
            case "LORA" -> Type.LORA;
            case "ADALORA" -> Type.ADALORA;
            case "SOLAR" -> Type.SOLAR;
            case String other -> throw Refusal.of(Category.ADAPTER_INVALID, file, "it is %s; adapters that are read here are LORA, ADALORA and SOLAR", other).where("peft_type");
        };
        for (String key : OTHER_DELTAS) {
            if (isSet(json, key)) {
                throw Refusal.of(Category.ADAPTER_INVALID, file, "it is set, and this variant of LoRA is not understood: figures of its deltas would be wrong").where(key);
            }
        }
        String rankKey = type == Type.ADALORA ? "init_r" : "r";
        JsonNode r = json.path(rankKey);
        if (!r.isIntegralNumber() || !r.canConvertToInt() || r.intValue() < 1 || r.intValue() > MOST_RANK) {
            throw Refusal.of(Category.ADAPTER_INVALID, file, "it is %s; a whole number from 1 to %,d belongs here", shown(r), MOST_RANK).where(rankKey);
        }
        Map<ModulePattern, Integer> ranks = new LinkedHashMap<>();
        // AdaLoRA keeps under the same key which components live: their number is in the tensors.
        if (type == Type.LORA) {
            for (Map.Entry<String, JsonNode> e : json.path("rank_pattern").properties()) {
                if (!e.getValue().isIntegralNumber() || !e.getValue().canConvertToInt() || e.getValue().intValue() < 1) {
                    throw Refusal.of(Category.ADAPTER_INVALID, file, "it is %s; a whole number from 1 belongs here", shown(e.getValue())).where("rank_pattern, " + e.getKey());
                }
                ranks.put(new ModulePattern(e.getKey(), file), e.getValue().intValue());
            }
        }
        Map<ModulePattern, Double> alphas = new LinkedHashMap<>();
        // AdaLoRA has the key and does not look at it.
        for (Map.Entry<String, JsonNode> e : (type == Type.ADALORA ? JsonNodeFactory.instance.objectNode() : json.path("alpha_pattern")).properties()) {
            alphas.put(new ModulePattern(e.getKey(), file), number(e.getValue(), "alpha_pattern, " + e.getKey(), file));
        }
        JsonNode init = json.path("init_lora_weights");
        return new AdapterConfig(file, type, r.intValue(), number(json.path("lora_alpha"), "lora_alpha", file), json.path("use_rslora").asBoolean(false),
                json.path("use_dora").asBoolean(false), json.path("fan_in_fan_out").asBoolean(false), init.isMissingNode() || init.isNull() ? "true" : init.asText("true"),
                json.path("base_model_name_or_path").asText("").equals("null") ? "" : json.path("base_model_name_or_path").asText(""), texts(json.path("modules_to_save")),
                texts(json.path("target_parameters")), json, ranks, alphas);
    }

    private static boolean isSet(ObjectNode json, String key) {
        JsonNode n = json.path(key);
        return !n.isMissingNode() && !n.isNull() && !(n.isBoolean() && !n.booleanValue()) && !(key.equals("layer_replication") && n.isEmpty());
    }

    /// Refuses to apply a variant of LoRA that adds its delta to some tokens only (aLoRA), by a router of its own (Arrow), or to a base whose layers are repeated; its deltas
    /// can be shown.
    public void requireApplicable() {
        for (String key : OTHER_PASSES) {
            if (isSet(json, key)) {
                throw Refusal.of(Category.ADAPTER_INVALID, file, "it is set, and this variant of LoRA can be shown and not applied here").where(key);
            }
        }
    }

    private static double number(JsonNode node, String key, Path file) {
        if (!node.isNumber() || !Double.isFinite(node.doubleValue())) {
            throw Refusal.of(Category.ADAPTER_INVALID, file, "it is %s; a finite number belongs here", shown(node)).where(key);
        }
        return node.doubleValue();
    }

    private static String shown(JsonNode node) {
        return node.isMissingNode() ? "missing" : node.toString();
    }

    private static List<String> texts(JsonNode list) {
        List<String> out = new ArrayList<>();
        list.forEach(n -> out.add(n.asText()));
        return List.copyOf(out);
    }

    /// The rank that the config gives a module: that of the first pattern that matches, as in PEFT.
    int rankOf(String path) {
        return ranks.entrySet().stream().filter(e -> e.getKey().matches(path)).map(Map.Entry::getValue).findFirst().orElse(rank);
    }

    /// Names of the parameters of a module that `target_parameters` names, in the order in which such modules have them: down projections last.
    ///
    /// @param stem the module's path. A name without its module is taken for one of stacked experts, or of the module itself
    List<String> parametersOf(String stem) {
        Set<String> out = new java.util.TreeSet<>(java.util.Comparator.comparing((String n) -> n.equals("down_proj")).thenComparing(n -> n));
        for (String t : targetParameters) {
            int dot = t.lastIndexOf('.');
            String name = t.substring(dot + 1);
            if (dot < 0 ? stem.equals("experts") || stem.endsWith(".experts") || name.equals("weight") : (stem + "." + name).equals(t) || (stem + "." + name).endsWith("." + t)) {
                out.add(name);
            }
        }
        return List.copyOf(out);
    }

    /// Whether a module is one of those that were trained as a copy of their own (`modules_to_save`).
    public boolean savesWhole(String path) {
        return modulesToSave.stream().anyMatch(m -> path.equals(m) || path.endsWith("." + m));
    }

    /// The ids whose rows of a table were trained (`trainable_token_indices`): a list for the embedding, or lists by the module's name; null where none are
    /// named for it.
    int[] rowsOf(String path) {
        JsonNode named = json.path("trainable_token_indices");
        JsonNode list = named.isArray() ? named : null;
        for (Map.Entry<String, JsonNode> e : named.properties()) {
            if (path.equals(e.getKey()) || path.endsWith("." + e.getKey())) {
                list = e.getValue();
            }
        }
        if (list == null || !list.isArray()) {
            return null;
        }
        int[] out = new int[list.size()];
        for (int i = 0; i < out.length; i++) {
            JsonNode id = list.get(i);
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0) {
                throw Refusal.of(Category.ADAPTER_INVALID, file, "it holds %s; ids of tokens belong there", shown(id)).where("trainable_token_indices");
            }
            out[i] = id.intValue();
        }
        return out;
    }

    /// The alpha that the config gives a module.
    double alphaOf(String path) {
        return alphas.entrySet().stream().filter(e -> e.getKey().matches(path)).map(Map.Entry::getValue).findFirst().orElse(alpha);
    }

    /// s of a module.
    ///
    /// AdaLoRA divides by the rank that training began with, also where components have gone since, and knows no patterns of alpha.
    double scaling(String path, int r) {
        double a = alphaOf(path);
        return switch (type) {
            case ADALORA -> (alpha > 0 ? alpha : rank) / (rank + ADALORA_EPSILON);
            // The coefficients hold it already.
            case SOLAR -> 1;
            case LORA -> rankStabilised ? a / Math.sqrt(r) : a / r;
        };
    }

    /// The alpha with which a module of rank `r` would have the scaling `s`.
    public double alphaFor(double s, int r) {
        return rankStabilised ? s * Math.sqrt(r) : s * r;
    }

    /// The initialisation that changed the base as well (PiSSA, OLoRA, CorDA, LoRA-GA, LoftQ), or null: such an adapter is wrong on the original base.
    public String changedBaseOrNull() {
        return CHANGE_THE_BASE.stream().filter(m -> initialisation.equals(m) || initialisation.startsWith(m + "_")).findFirst().orElse(null);
    }
}
