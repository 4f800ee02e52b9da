package vitrine.core.work.prune.structure;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.prune.Structure;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.Shape;

/// A checkpoint without some of its layers, heads, channels or experts, with the config that says so: which rows and columns of which stored tensors stay, and
/// under which names.
///
/// Whether the config can express it is found by reading it again: the family's own reader must ask for tensors of just these names and shapes. What stock
/// transformers refuses beyond that is known here ([#REFUSES_HEADS]).
public final class SmallerModel {

    /// Model types whose published classes refuse a number of heads that does not divide the hidden size, whatever the head's own size.
    private static final List<String> REFUSES_HEADS = List.of("llama", "gemma2");
    /// What configs call the number of layers.
    public static final List<String> LAYER_KEYS = List.of("num_hidden_layers", "n_layer", "n_layers", "num_layers");
    private static final List<String> WIDTH_KEYS = List.of("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size");
    private static final List<String> EXPERT_KEYS = List.of("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts");
    private static final List<String> PER_TOKEN_KEYS = List.of("num_experts_per_tok", "num_experts_per_token", "moe_k", "moe_top_k", "top_k");
    private static final Pattern NUMBER = Pattern.compile("(^|\\.)(\\d+)(\\.)");
    private static final Pattern EXPERT = Pattern.compile("(experts\\.)(\\d+)(\\.)");

    private final Checkpoint base;
    private final ModelSpec spec;
    private final Structure structure;
    private final ObjectNode config;
    private final Integer perToken;
    private final Map<String, Part> parts = new LinkedHashMap<>();
    private String note;

    /// A tensor of the result.
    ///
    /// @param from of the base
    /// @param rows along its first axis, null for all
    /// @param columns along its second axis, null for all
    private record Part(TensorEntry from, int[] rows, int[] columns) {
        Declared declared() {
            long[] sizes = from.shape().sizes().clone();
            if (rows != null) {
                sizes[0] = rows.length;
            }
            if (columns != null) {
                sizes[1] = columns.length;
            }
            return new Declared(from.dtype(), Shape.of(sizes));
        }
    }

    private SmallerModel(Checkpoint base, ModelSpec spec, Structure structure, Integer perToken) {
        this.perToken = perToken;
        this.base = base;
        this.spec = spec;
        this.structure = structure;
        config = base.config();
    }

    /// The smaller model, or the reason why a config cannot express it.
    ///
    /// @param perToken how many experts a token visits, null for as many as before
    /// @param problem filled with the reason
    public static SmallerModel ofOrNull(Checkpoint base, ModelSpec spec, Structure structure, Integer perToken, StringBuilder problem) {
        SmallerModel m = new SmallerModel(base, spec, structure, perToken);
        String why = m.build();
        if (why != null) {
            problem.append(why);
            return null;
        }
        return m;
    }

    /// What a reader should know of the config, or null.
    String note() {
        return note;
    }

    ObjectNode config() {
        return config;
    }

    public Map<String, Declared> declared() {
        Map<String, Declared> out = new LinkedHashMap<>();
        parts.forEach((name, p) -> out.put(name, p.declared()));
        return out;
    }

    /// The base's tensor behind one of the result's.
    TensorEntry from(String name) {
        return parts.get(name).from();
    }

    /// Writes what stays of a tensor.
    ///
    /// @param bytes of the base's tensor, changed or not
    void write(String name, MemorySegment bytes, SafetensorsWriter to) throws IOException {
        Part p = parts.get(name);
        if (p.rows == null && p.columns == null) {
            to.write(name, 0, bytes);
            return;
        }
        long[] sizes = p.from.shape().sizes();
        long inner = Arrays.stream(sizes).skip(1).reduce(1, Math::multiplyExact);
        int size = p.from.dtype().bits() / 8;
        int[] rows = p.rows != null ? p.rows : IntStream.range(0, (int) sizes[0]).toArray();
        long width = p.columns == null ? inner : p.columns.length;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment row = arena.allocate(Math.max(1, width * size), 64);
            for (int r = 0; r < rows.length; r++) {
                MemorySegment source = bytes.asSlice(rows[r] * inner * size, inner * size);
                if (p.columns == null) {
                    to.write(name, r * width, source);
                    continue;
                }
                for (int c = 0; c < p.columns.length; c++) {
                    MemorySegment.copy(source, (long) p.columns[c] * size, row, (long) c * size, size);
                }
                to.write(name, r * width, row.asSlice(0, width * size));
            }
        }
    }

    // --- what stays

    private String build() {
        Map<String, Part> cut = new HashMap<>();
        Map<String, Integer> layerOf = new HashMap<>();
        NamedTensor.of(spec).forEach(t -> layerOf.put(t.name(), t.layer()));
        for (LayerSpec l : spec.layers()) {
            String why = heads(l, cut);
            why = why != null ? why : channels(l, cut);
            why = why != null ? why : experts(l, cut);
            if (why != null) {
                return why;
            }
        }
        for (TensorEntry t : base.tensors().values()) {
            Integer layer = layerOf.get(t.name());
            int old = layer == null ? numbered(t.name()) : layer;
            int now = old < 0 ? -1 : structure.layers().indexOf(old);
            if (old >= 0 && now < 0) {
                continue;
            }
            String name = renamed(t.name(), old, now);
            if (name != null) {
                parts.put(name, cut.getOrDefault(t.name(), new Part(t, null, null)));
            }
        }
        String why = edit();
        return why != null ? why : verify();
    }

    /// The layer that a tensor which the pass does not need stands in, by its name; -1 for none.
    private int numbered(String name) {
        Matcher m = NUMBER.matcher(name);
        return m.find() && Integer.parseInt(m.group(2)) < spec.layers().size() ? Integer.parseInt(m.group(2)) : -1;
    }

    /// The name in the result; null where the tensor is an expert's that goes.
    private String renamed(String name, int old, int now) {
        String out = name;
        if (old >= 0 && old != now) {
            out = NUMBER.matcher(out).replaceFirst(m -> Matcher.quoteReplacement(m.group(1) + now + m.group(3)));
        }
        int[] experts = structure.experts().get(old);
        Matcher m = EXPERT.matcher(out);
        if (experts != null && m.find()) {
            int expert = Arrays.binarySearch(experts, Integer.parseInt(m.group(2)));
            return expert < 0 ? null : m.replaceFirst(Matcher.quoteReplacement(m.group(1) + expert + m.group(3)));
        }
        return out;
    }

    private TensorEntry entry(String name) {
        return base.tensor(name).orElseThrow();
    }

    private void outputs(Linear l, int[] kept, Map<String, Part> cut) {
        cut.put(l.weight(), new Part(entry(l.weight()), l.inputMajor() ? null : kept, l.inputMajor() ? kept : null));
        if (l.bias() != null) {
            cut.put(l.bias(), new Part(entry(l.bias()), kept, null));
        }
    }

    private void inputs(Linear l, int[] kept, Map<String, Part> cut) {
        cut.put(l.weight(), new Part(entry(l.weight()), l.inputMajor() ? kept : null, l.inputMajor() ? null : kept));
    }

    /// `count` numbers of each of some blocks.
    private static int[] blocks(int[] which, int width) {
        return Arrays.stream(which).flatMap(b -> IntStream.range(b * width, (b + 1) * width)).toArray();
    }

    private String heads(LayerSpec l, Map<String, Part> cut) {
        int[][] shared = structure.shared().get(l.index());
        // Heads that share a key and a value stay with their queries; they only stand beside each other.
        int[] kept = shared == null ? structure.groups().get(l.index()) : Arrays.stream(shared).flatMapToInt(Arrays::stream).toArray();
        if (kept == null) {
            return null;
        }
        int[] stored = shared == null ? kept : Arrays.stream(shared).mapToInt(piece -> piece[0]).toArray();
        AttentionSpec a = l.attention();
        if (!(a.projection() instanceof Separate s)) {
            return "queries, keys and values are one fused matrix, of which the config cannot leave heads out";
        }
        boolean rows = a.queryKeyNorm() != null && a.queryKeyNorm().scope() == AttentionSpec.QueryKeyNorm.Scope.ROWS;
        if (a.queryKeyNorm() != null && a.queryKeyNorm().scope() != AttentionSpec.QueryKeyNorm.Scope.HEAD && !rows) {
            return "one norm covers the queries of all heads";
        }
        if (s.query().scales() != null) {
            return "weights are stored with scales of blocks";
        }
        outputs(s.query(), blocks(kept, a.headDim() * a.groupSize()), cut);
        outputs(s.key(), blocks(stored, a.headDim()), cut);
        outputs(s.value(), blocks(stored, a.valueDim()), cut);
        inputs(a.output(), blocks(kept, a.valueDim() * a.groupSize()), cut);
        if (rows) {
            String query = a.queryKeyNorm().query().getFirst().weight();
            String key = a.queryKeyNorm().key().getFirst().weight();
            cut.put(query, new Part(entry(query), blocks(kept, a.groupSize()), null));
            cut.put(key, new Part(entry(key), stored, null));
        }
        if (a.sinks() != null) {
            cut.put(a.sinks(), new Part(entry(a.sinks()), blocks(kept, a.groupSize()), null));
        }
        return null;
    }

    private String channels(LayerSpec l, Map<String, Part> cut) {
        int[] kept = structure.channels().get(l.index());
        if (kept == null) {
            return null;
        }
        switch (l.feedForward()) {
            case FeedForward.Gated g -> {
                if (g.gate().scales() != null) {
                    return "weights are stored with scales of blocks";
                }
                outputs(g.gate(), kept, cut);
                outputs(g.up(), kept, cut);
                inputs(g.down(), kept, cut);
            }
            case FeedForward.FusedGated g -> {
                outputs(g.gateUp(), IntStream.concat(Arrays.stream(kept), Arrays.stream(kept).map(c -> c + g.width())).toArray(), cut);
                inputs(g.down(), kept, cut);
            }
            case FeedForward.Plain p -> {
                outputs(p.up(), kept, cut);
                inputs(p.down(), kept, cut);
            }
            case FeedForward.Mixture ignored -> {
                return "layer " + l.index() + " has experts";
            }
        }
        return null;
    }

    private String experts(LayerSpec l, Map<String, Part> cut) {
        int[] kept = structure.experts().get(l.index());
        if (kept == null) {
            return null;
        }
        FeedForward.Mixture m = (FeedForward.Mixture) l.feedForward();
        if (m.router().groups() != null) {
            return "its router chooses among groups of experts of one size";
        }
        outputs(m.router().logits(), kept, cut);
        if (m.router().correction() != null) {
            TensorEntry t = entry(m.router().correction());
            cut.put(t.name(), new Part(t, m.router().correctionRank() == 1 ? kept : null, m.router().correctionRank() == 1 ? null : kept));
        }
        for (Experts.Matrices x : new Experts.Matrices[] {m.experts().gate(), m.experts().up(), m.experts().down()}) {
            switch (x) {
                case Experts.Stack s when s.flat() -> {
                    return "its experts are rows of one matrix";
                }
                case Experts.Stack s -> {
                    cut.put(s.weight(), new Part(entry(s.weight()), kept, null));
                    if (s.bias() != null) {
                        cut.put(s.bias(), new Part(entry(s.bias()), kept, null));
                    }
                }
                case Experts.Blocks b -> {
                    cut.put(b.blocks(), new Part(entry(b.blocks()), kept, null));
                    cut.put(b.scales(), new Part(entry(b.scales()), kept, null));
                    if (b.bias() != null) {
                        cut.put(b.bias(), new Part(entry(b.bias()), kept, null));
                    }
                }
                case Experts.Each ignored -> { }
                case null -> { }
            }
        }
        return null;
    }

    // --- the config

    private static String keyOf(ObjectNode config, List<String> keys) {
        return keys.stream().filter(config::has).findFirst().orElse(null);
    }

    private String edit() {
        int layers = spec.layers().size();
        if (structure.layers().size() < layers) {
            editLayers(layers);
        }
        Function<Map<Integer, int[]>, Integer> count = kept -> kept.values().iterator().next().length;
        if (!structure.groups().isEmpty()) {
            if (!Structure.even(structure.groups()) || structure.groups().size() < structure.layers().size()) {
                return "layers keep different numbers of heads, which the config cannot say";
            }
            AttentionSpec a = spec.layers().getFirst().attention();
            int groups = count.apply(structure.groups());
            int heads = groups * a.groupSize();
            if (!config.has("num_attention_heads")) {
                return "the config has no num_attention_heads";
            }
            config.put("num_attention_heads", heads).put("head_dim", a.headDim());
            if (config.has("num_key_value_heads") || a.groupSize() > 1) {
                config.put("num_key_value_heads", groups);
            }
            String type = config.path("model_type").asText();
            if (REFUSES_HEADS.contains(type) && spec.hiddenSize() % heads != 0) {
                boolean plain = type.equals("llama") && !config.path("attention_bias").asBoolean() && !config.path("mlp_bias").asBoolean();
                if (!plain) {
                    return String.format("transformers' %s refuses %d heads, which do not divide a hidden size of %,d", type, heads, spec.hiddenSize());
                }
                config.put("model_type", "mistral").putNull("sliding_window");
                config.putArray("architectures").add("MistralForCausalLM");
                config.remove(List.of("attention_bias", "mlp_bias", "pretraining_tp"));
                note = String.format("transformers' Llama refuses %d heads with a hidden size of %,d, Mistral does not: without biases and window both compute the same, so the config says Mistral", heads,
                        spec.hiddenSize());
            }
        }
        if (!structure.shared().isEmpty()) {
            if (!config.has("num_attention_heads")) {
                return "the config has no num_attention_heads";
            }
            config.put("num_key_value_heads", structure.shared().values().iterator().next().length);
        }
        if (!structure.channels().isEmpty()) {
            if (!Structure.even(structure.channels()) || structure.channels().size() < structure.layers().size()) {
                return "layers keep different numbers of channels, which the config cannot say";
            }
            String key = keyOf(config, WIDTH_KEYS);
            // Falcon's configs may leave theirs out.
            String usual = config.path("model_type").asText().equals("falcon") ? "ffn_hidden_size" : WIDTH_KEYS.getFirst();
            config.put(key == null ? usual : key, count.apply(structure.channels()));
        }
        if (!structure.experts().isEmpty()) {
            String key = keyOf(config, EXPERT_KEYS);
            if (key == null || !Structure.even(structure.experts())) {
                return key == null ? "the config has no number of experts" : "layers keep different numbers of experts, which the config cannot say";
            }
            config.put(key, count.apply(structure.experts()));
        }
        if (perToken != null) {
            String key = keyOf(config, PER_TOKEN_KEYS);
            if (key == null) {
                return "the config has no number of experts per token";
            }
            config.put(key, perToken);
        }
        return null;
    }

    private void editLayers(int layers) {
        String key = keyOf(config, LAYER_KEYS);
        if (key != null) {
            config.put(key, structure.layers().size());
        }
        // Settings of every layer lose those that go.
        List<String> lists = new ArrayList<>();
        config.properties().forEach(e -> {
            if (e.getValue().isArray() && e.getValue().size() == layers && !e.getKey().equals("architectures")) {
                lists.add(e.getKey());
            }
        });
        for (String name : lists) {
            JsonNode old = config.get(name);
            ArrayNode now = config.putArray(name);
            structure.layers().forEach(l -> now.add(old.get(l)));
        }
        for (String first : List.of("max_window_layers", "first_k_dense_replace")) {
            if (config.path(first).isInt()) {
                int before = config.get(first).asInt();
                config.put(first, (int) structure.layers().stream().filter(l -> l < before).count());
            }
        }
        if (config.path("mlp_only_layers").isArray()) {
            JsonNode old = config.get("mlp_only_layers").deepCopy();
            ArrayNode now = config.putArray("mlp_only_layers");
            old.forEach(l -> {
                if (structure.layers().contains(l.asInt())) {
                    now.add(structure.layers().indexOf(l.asInt()));
                }
            });
        }
    }

    /// Reads the config again: it must ask for what is written, and for a model of the same kind.
    private String verify() {
        try {
            ModelSpec again = Families.read(config.deepCopy(), base.configFile(), parts.keySet());
            Map<String, Declared> declared = declared();
            for (NamedTensor needed : NamedTensor.of(again)) {
                Declared d = declared.get(needed.name());
                if (d == null || !d.shape().equals(needed.shape())) {
                    return "by the config " + needed.name() + " would have the shape " + needed.shape() + (d == null ? " and is not there" : " and has " + d.shape());
                }
            }
            for (int i = 0; i < again.layers().size(); i++) {
                AttentionSpec a = again.layers().get(i).attention();
                AttentionSpec b = spec.layers().get(structure.layers().get(i)).attention();
                if (perToken != null && again.layers().get(i).feedForward() instanceof FeedForward.Mixture m && m.router().perToken() != perToken) {
                    return "by the config a token of layer " + i + " would visit " + m.router().perToken() + " experts";
                }
                if (a.window() != b.window() || a.chunk() != b.chunk() || a.scale() != b.scale() || !Objects.equals(a.alibi(), b.alibi()) || (a.rope() == null) != (b.rope() == null)) {
                    return "by the config layer " + structure.layers().get(i) + " would attend otherwise in its new place";
                }
            }
            return null;
        } catch (Refusal r) {
            return "the config would be refused: " + r.problem();
        }
    }
}
