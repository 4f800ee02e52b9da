package vitrine.core.work.convert;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.architecture.family.Families;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.tensor.StoredValues;
import vitrine.core.tensor.kernel.Widen;
import vitrine.core.train.Randomness;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.ChangedTensor;
import vitrine.core.work.output.CheckpointFolderWriter;
import vitrine.core.work.output.Outcome;
import vitrine.core.work.prune.structure.SmallerModel;

/// A checkpoint made of another without training, streamed tensor by tensor: deeper, sparser, nearer to a second one, or in another type.
///
/// - `stack` (G_stack): layer i is a copy of layer i mod l; `interleave` repeats each layer in place instead. Copies are bit for bit.
/// - `upcycle`: every layer's feed-forward block becomes E copies of itself behind a random router whose chosen weights add up to 1, so that the output is
///   that of the dense model, up to the noise that parts the copies.
/// - `pool` (MoUE's universal experts): layers in groups share the experts of the group's first layer, which become the mean of theirs; each keeps its router.
///   Mixtral only, whose config can say so here (`expert_pools`).
/// - `lines` (LiNeS): `base + s (tuned - base)`, s = alpha + (1 - alpha) l / (L - 1) in layer l and alpha outside; the output head has a factor of its own.
/// - `interpolate`: `(1 - share) model + share other`.
/// - `cast`: every floating-point value rounded to the nearest one of another type, ties to even.
///
/// What is computed is written as float32 (`cast`: as its type), the rest as it was.
///
/// Source: Du et al., *Stacking Your Transformers*, 2024 (arXiv 2405.15319); Komatsuzaki et al., *Sparse Upcycling*, 2022; Wang, Dimitriadis et al., *LiNeS*,
/// 2024 (arXiv 2410.17146); Chen et al., *Mixture of Universal Experts*, 2026 (arXiv 2603.04971) for the shared pool, not for its first values; Ren et al., *I-LoRA*, 2024 (arXiv 2402.18865) for the study of interpolation.
public final class ConvertRun {

    private static final long PART = 1 << 22;
    private static final int ROUNDED_PART = 1 << 18;

    private final Task.Convert task;
    private final Checkpoint model;
    private final ModelSpec spec;
    private final ObjectNode config;
    private final Map<String, Integer> layers = new HashMap<>();
    private final Map<String, Piece> pieces = new LinkedHashMap<>();

    /// Where a tensor of the result comes from.
    private interface Piece {
        Declared declared();

        void write(String name, SafetensorsWriter out) throws IOException;
    }

    private ConvertRun(Task.Convert task) {
        this.task = task;
        model = open(task.model());
        spec = Families.read(model.config(), model.configFile(), model.tensors().keySet());
        config = model.config();
        NamedTensor.of(spec).forEach(t -> layers.put(t.name(), t.layer()));
    }

    private static Checkpoint open(String path) {
        Checkpoint c = Checkpoints.open(Path.of(path));
        if (c.kind() == Checkpoint.Kind.ADAPTER) {
            throw Refusal.of(Category.TASK_INVALID, c.path(), "this is an adapter; a checkpoint belongs here").help("vitrine adapter merge makes one of it.");
        }
        LoadedModel.requireNoLoops(c);
        return c;
    }

    public static Outcome run(Task.Convert task, Path staging, Progress progress) throws IOException {
        return new ConvertRun(task).run(staging, progress);
    }

    private Outcome run(Path staging, Progress progress) throws IOException {
        ObjectNode summary = Json.object().put("model", model.name()).put("how", task.how().name());
        try (MappedWeights map = new MappedWeights(model)) {
            String said;
            if (task.how().compares()) {
                Checkpoint other = open(task.other());
                try (MappedWeights otherMap = new MappedWeights(other)) {
                    said = task.how() == Task.How.lines ? lines(map, other, otherMap, summary) : interpolate(map, other, otherMap, summary);
                    write(staging, progress);
                }
            } else {
                said = switch (task.how()) {
                    case stack -> stack(map, summary);
                    case pool -> pool(map, summary);
                    case upcycle -> upcycle(map, summary);
                    case cast -> cast(map, summary);
                    case lines, interpolate -> throw new AssertionError("these compare");
                };
                write(staging, progress);
            }
            summary.put("tensors", pieces.size()).put("parameters", pieces.values().stream().mapToLong(p -> p.declared().shape().elements()).sum());
            String card = String.format(Locale.ROOT, "# %s, converted by Vitrine%n%n%s%n", Visible.escape(model.name()), said);
            Files.write(staging.resolve("README.md"), card.getBytes(StandardCharsets.UTF_8));
            return new Outcome(summary, Map.of("converted", Provenance.derived(model.name(), "F32", said)));
        }
    }

    private void write(Path staging, Progress progress) throws IOException {
        Map<String, Declared> declared = new LinkedHashMap<>();
        pieces.forEach((name, p) -> declared.put(name, p.declared()));
        // What is written must be a model that opens.
        Families.read(config, model.configFile(), declared.keySet());
        int[] done = {0};
        CheckpointFolderWriter.write(staging, config, declared, (name, out) -> {
            progress.checkCancelled();
            progress.step(done[0]++, declared.size(), "tensors");
            pieces.get(name).write(name, out);
        }, model);
        progress.step(declared.size(), declared.size(), "tensors");
    }

    // --- kinds of pieces

    private record Copy(TensorEntry of, MappedWeights map) implements Piece {
        @Override
        public Declared declared() {
            return new Declared(of.dtype(), of.shape());
        }

        @Override
        public void write(String name, SafetensorsWriter out) throws IOException {
            out.write(name, 0, map.data(of));
            map.release(of);
        }
    }

    /// Values of one or two tensors by a formula.
    private interface Formula {
        double of(double first, double second, long index);
    }

    private record Computed(TensorEntry first, MappedWeights firstMap, TensorEntry second, MappedWeights secondMap, Formula formula) implements Piece {
        @Override
        public Declared declared() {
            return new Declared(DType.F32, first.shape());
        }

        @Override
        public void write(String name, SafetensorsWriter out) throws IOException {
            try (Arena arena = Arena.ofShared()) {
                MemorySegment a = arena.allocate(4 * PART, 64);
                MemorySegment b = arena.allocate(4 * PART, 64);
                for (long from = 0; from < first.elements(); from += PART) {
                    long count = Math.min(PART, first.elements() - from);
                    Widen.toFloat(first.dtype(), firstMap.data(first), from, count, a);
                    if (second != null) {
                        Widen.toFloat(second.dtype(), secondMap.data(second), from, count, b);
                    }
                    for (long i = 0; i < count; i++) {
                        a.setAtIndex(JAVA_FLOAT, i, (float) formula.of(a.getAtIndex(JAVA_FLOAT, i), second == null ? 0 : b.getAtIndex(JAVA_FLOAT, i), from + i));
                    }
                    out.write(name, from, a.asSlice(0, 4 * count));
                }
            }
            firstMap.release(first);
        }
    }

    /// The mean of tensors of one shape, summed in float64.
    private record Mean(List<TensorEntry> of, MappedWeights map) implements Piece {
        @Override
        public Declared declared() {
            return new Declared(DType.F32, of.getFirst().shape());
        }

        @Override
        public void write(String name, SafetensorsWriter out) throws IOException {
            try (Arena arena = Arena.ofShared()) {
                MemorySegment a = arena.allocate(4 * PART, 64);
                for (long from = 0; from < of.getFirst().elements(); from += PART) {
                    int count = (int) Math.min(PART, of.getFirst().elements() - from);
                    double[] sum = new double[count];
                    for (TensorEntry t : of) {
                        Widen.toFloat(t.dtype(), map.data(t), from, count, a);
                        for (int i = 0; i < count; i++) {
                            sum[i] += a.getAtIndex(JAVA_FLOAT, i);
                        }
                    }
                    for (int i = 0; i < count; i++) {
                        a.setAtIndex(JAVA_FLOAT, i, (float) (sum[i] / of.size()));
                    }
                    out.write(name, from, a.asSlice(0, 4L * count));
                }
            }
            of.forEach(map::release);
        }
    }

    private record Drawn(Shape shape, Formula formula) implements Piece {
        @Override
        public Declared declared() {
            return new Declared(DType.F32, shape);
        }

        @Override
        public void write(String name, SafetensorsWriter out) throws IOException {
            float[] values = new float[(int) shape.elements()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) formula.of(0, 0, i);
            }
            out.write(name, 0, values);
        }
    }

    private static void requireFloating(Checkpoint c, TensorEntry t) {
        if (t.dtype().bits() < 16 || c.config().has("quantization_config")) {
            throw Refusal.of(Category.TASK_INVALID, c.path(), "its weights are quantised (%s), so nothing can be computed with them here", t.dtype().name()).where("tensor " + t.name());
        }
    }

    private void becomesFloat() {
        becomes("float32");
    }

    private void becomes(String type) {
        config.remove("torch_dtype");
        config.put("dtype", type).put("torch_dtype", type);
    }

    // --- in another type

    /// One tensor rounded, part by part.
    private record Rounded(TensorEntry of, MappedWeights map, DType to, Checkpoint model) implements Piece {
        @Override
        public Declared declared() {
            return new Declared(to, of.shape());
        }

        @Override
        public void write(String name, SafetensorsWriter out) throws IOException {
            double[] values = new double[(int) Math.min(ROUNDED_PART, of.elements())];
            for (long from = 0; from < of.elements(); from += values.length) {
                int count = (int) Math.min(values.length, of.elements() - from);
                double[] part = count == values.length ? values : new double[count];
                for (int i = 0; i < count; i++) {
                    part[i] = StoredValues.at(of.dtype(), map.data(of), from + i);
                    if (Double.isFinite(part[i]) && Math.abs(part[i]) >= limit(to)) {
                        throw Refusal.of(Category.TASK_INVALID, model.path(), "its value %d is %s, and the largest of %s is %s", from + i, part[i], to.name(), to == DType.F16 ? "65504" : "3.39e38")
                                .where("tensor " + name).help("bfloat16 and float32 reach further than float16.");
                    }
                }
                out.write(name, from, StoredValues.of(part, to));
            }
            map.release(of);
        }

        /// From where on values round to infinity: half a step beyond the largest.
        private static double limit(DType to) {
            return switch (to) {
                case F16 -> 65520;
                case BF16 -> 0x1.ffp127;
                default -> 0x1.ffffffp127;
            };
        }
    }

    private String cast(MappedWeights map, ObjectNode summary) {
        DType to = switch (task.type()) {
            case float32 -> DType.F32;
            case float16 -> DType.F16;
            case bfloat16 -> DType.BF16;
        };
        for (TensorEntry t : model.tensors().values()) {
            if (ChangedTensor.storable(t.dtype())) {
                requireFloating(model, t);
                pieces.put(t.name(), t.dtype() == to ? new Copy(t, map) : new Rounded(t, map, to, model));
            } else {
                if (t.dtype().floating()) {
                    requireFloating(model, t);
                }
                pieces.put(t.name(), new Copy(t, map));
            }
        }
        becomes(task.type().name());
        summary.put("type", task.type().name());
        return String.format(Locale.ROOT, "Every floating-point value was rounded to the nearest %s; nothing else changed.", task.type().name());
    }

    // --- deeper

    private String stack(MappedWeights map, ObjectNode summary) {
        int count = spec.layers().size();
        int times = task.times();
        boolean interleaved = Boolean.TRUE.equals(task.interleave());
        for (TensorEntry t : model.tensors().values()) {
            Integer layer = layers.get(t.name());
            if (layer == null || layer < 0) {
                pieces.put(t.name(), new Copy(t, map));
                continue;
            }
            for (int k = 0; k < times; k++) {
                pieces.put(renumbered(t.name(), layer, interleaved ? layer * times + k : layer + k * count), new Copy(t, map));
            }
        }
        boolean told = false;
        for (String key : SmallerModel.LAYER_KEYS) {
            if (config.path(key).asInt() == count) {
                config.put(key, count * times);
                told = true;
            }
        }
        if (!told) {
            throw Refusal.of(Category.CONFIG_INVALID, model.configFile(), "no field of it says that there are %d layers", count);
        }
        for (Map.Entry<String, JsonNode> e : List.copyOf(config.properties())) {
            if (e.getValue() instanceof ArrayNode list && (e.getKey().contains("layer") || list.size() == count)) {
                config.set(e.getKey(), repeated(e.getKey(), list, count, times, interleaved));
            }
        }
        summary.put("layers_before", count).put("layers", count * times);
        return String.format(Locale.ROOT, "%d layers became %d: %s. Nothing else changed.", count, count * times,
                interleaved ? "each repeated " + times + " times in place" : "layer i is a copy of layer i mod " + count);
    }

    /// A list with a value per layer is repeated as the layers are; a list of layers' numbers tells the copies' numbers too.
    private static ArrayNode repeated(String key, ArrayNode list, int count, int times, boolean interleaved) {
        ArrayNode out = Json.mapper().createArrayNode();
        if (list.size() == count && !key.equals("mlp_only_layers")) {
            for (int i = 0; i < count * times; i++) {
                out.add(list.get(interleaved ? i / times : i % count));
            }
            return out;
        }
        if (key.equals("mlp_only_layers")) {
            for (int k = 0; k < times; k++) {
                for (JsonNode n : list) {
                    out.add(interleaved ? n.asInt() * times + k : n.asInt() + k * count);
                }
            }
            return out;
        }
        return list;
    }

    /// The name with another layer's number in it: the first part of the name that is the layer's number.
    private static String renumbered(String name, int from, int to) {
        String[] parts = name.split("\\.");
        for (int i = 0; i < parts.length; i++) {
            if (parts[i].equals(String.valueOf(from))) {
                parts[i] = String.valueOf(to);
                return String.join(".", parts);
            }
        }
        throw Refusal.of(Category.FAMILY_UNSUPPORTED, null, "the tensor %s does not tell its layer in its name", name);
    }

    // --- experts for several layers

    private String pool(MappedWeights map, ObjectNode summary) {
        if (!spec.modelType().equals("mixtral") || config.has("expert_pools")) {
            throw Refusal.of(Category.FAMILY_UNSUPPORTED, model.path(), config.has("expert_pools") ? "its layers share experts as it is" : "only a Mixtral's config can say that layers share experts")
                    .help(config.has("expert_pools") ? "Start from a checkpoint whose layers have experts of their own." : "vitrine convert upcycle makes one of a Llama or Mistral.");
        }
        int count = spec.layers().size();
        int group = task.group();
        String experts = ".block_sparse_moe.experts.";
        for (TensorEntry t : model.tensors().values()) {
            Integer layer = layers.get(t.name());
            if (layer == null || layer < 0 || !t.name().contains(experts)) {
                pieces.put(t.name(), new Copy(t, map));
            } else if (layer % group == 0) {
                requireFloating(model, t);
                List<TensorEntry> members = IntStream.range(layer, Math.min(count, layer + group)).mapToObj(l -> model.tensor(renumbered(t.name(), layer, l)).orElseThrow()).toList();
                pieces.put(t.name(), members.size() == 1 ? new Copy(t, map) : new Mean(members, map));
            }
        }
        ArrayNode pools = config.putArray("expert_pools");
        IntStream.range(0, count).forEach(l -> pools.add(l / group * group));
        becomesFloat();
        summary.put("pools", Math.ceilDiv(count, group));
        return String.format(Locale.ROOT, "%d layers share %d pools of experts, each the mean of its layers' experts; every layer keeps its router. Vitrine runs and trains such a checkpoint; "
                + "stock transformers knows no `expert_pools` and does not load it.", count, Math.ceilDiv(count, group));
    }

    // --- sparser

    /// How a family with experts calls what a dense family has.
    private record Sparse(String family, String architecture, String block, String router, Map<String, String> matrices) {}

    private static final Map<String, Sparse> SPARSE = Map.of(
            "llama", new Sparse("mixtral", "MixtralForCausalLM", "block_sparse_moe", "gate", Map.of("gate_proj", "w1", "up_proj", "w3", "down_proj", "w2")),
            "mistral", new Sparse("mixtral", "MixtralForCausalLM", "block_sparse_moe", "gate", Map.of("gate_proj", "w1", "up_proj", "w3", "down_proj", "w2")),
            "qwen3", new Sparse("qwen3_moe", "Qwen3MoeForCausalLM", "mlp", "gate", Map.of("gate_proj", "gate_proj", "up_proj", "up_proj", "down_proj", "down_proj")));

    private String upcycle(MappedWeights map, ObjectNode summary) {
        Sparse to = SPARSE.get(spec.modelType());
        if (to == null) {
            throw Refusal.of(Category.FAMILY_UNSUPPORTED, model.path(), "no family with experts is %s with its blocks copied; Llama and Mistral become Mixtral, Qwen3 becomes Qwen3-MoE", spec.family());
        }
        requirePlain(to);
        int experts = task.experts();
        int perToken = Objects.requireNonNullElse(task.perToken(), 2);
        double noise = Objects.requireNonNullElse(task.noise(), 0.05);
        Randomness random = new Randomness(Objects.requireNonNullElse(task.seed(), 0L));
        double deviation = config.path("initializer_range").asDouble(0.02);
        int number = 0;
        for (TensorEntry t : model.tensors().values()) {
            Integer layer = layers.get(t.name());
            String prefix = t.name().contains(".mlp.") ? t.name().substring(0, t.name().indexOf(".mlp.") + 1) : null;
            if (layer == null || layer < 0 || prefix == null) {
                pieces.put(t.name(), new Copy(t, map));
                continue;
            }
            requireFloating(model, t);
            String kind = t.name().substring(prefix.length() + 4, t.name().length() - ".weight".length());
            if (kind.equals("gate_proj")) {
                long stream = layer;
                pieces.put(prefix + to.block + "." + to.router + ".weight", new Drawn(Shape.of(experts, spec.hiddenSize()),
                        (x, y, i) -> deviation * random.normal(Randomness.Stream.INITIAL, stream, i)));
            }
            double spread = noise == 0 ? 0 : noise * deviation(t, map);
            for (int e = 0; e < experts; e++) {
                String name = prefix + to.block + ".experts." + e + "." + to.matrices.get(kind) + ".weight";
                long stream = (long) number * experts + e;
                // The first copy stays as it is.
                pieces.put(name, noise == 0 || e == 0 ? new Copy(t, map)
                        : new Computed(t, map, null, null, (x, y, i) -> x + spread * random.normal(Randomness.Stream.NOISE, stream, i)));
            }
            number++;
        }
        config.put("model_type", to.family);
        config.putArray("architectures").add(to.architecture);
        config.put(to.family.equals("mixtral") ? "num_local_experts" : "num_experts", experts).put("num_experts_per_tok", perToken)
                .put("router_aux_loss_coef", 0.001).put("output_router_logits", false);
        if (to.family.equals("qwen3_moe")) {
            // Mixtral has no such field: its chosen weights always add up to 1.
            config.put("norm_topk_prob", true).put("moe_intermediate_size", config.path("intermediate_size").asInt()).put("decoder_sparse_step", 1);
            config.putArray("mlp_only_layers");
        }
        if (noise > 0) {
            becomesFloat();
        }
        summary.put("experts", experts).put("experts_per_token", perToken).put("noise", noise);
        return String.format(Locale.ROOT, "Every feed-forward block became %d experts, copies of it%s, behind a random router that chooses %d and whose weights add up to 1.", experts,
                noise == 0 ? "" : String.format(Locale.ROOT, " of which all but the first got noise of %s of the weights' deviation", noise), perToken);
    }

    /// The families with experts lack what some dense checkpoints have.
    private void requirePlain(Sparse to) {
        for (LayerSpec l : spec.layers()) {
            if (!(l.feedForward() instanceof FeedForward.Gated)) {
                throw Refusal.of(Category.FAMILY_UNSUPPORTED, model.path(), "layer %d has a feed-forward block of another kind", l.index());
            }
        }
        JsonNode rope = config.path("rope_scaling");
        JsonNode type = rope.path("rope_type").isMissingNode() ? rope.path("type") : rope.path("rope_type");
        if (to.family.equals("mixtral") && (config.path("attention_bias").asBoolean() || config.path("mlp_bias").asBoolean() || rope.isObject() && !type.asText().equals("default"))) {
            throw Refusal.of(Category.FAMILY_UNSUPPORTED, model.path(), "it has biases or scaled rotary embeddings, and Mixtral has none");
        }
    }

    private static double deviation(TensorEntry t, MappedWeights map) {
        double sum = 0;
        double squares = 0;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment wide = arena.allocate(4 * PART, 64);
            for (long from = 0; from < t.elements(); from += PART) {
                long count = Math.min(PART, t.elements() - from);
                Widen.toFloat(t.dtype(), map.data(t), from, count, wide);
                for (long i = 0; i < count; i++) {
                    double v = wide.getAtIndex(JAVA_FLOAT, i);
                    sum += v;
                    squares += v * v;
                }
            }
        }
        double mean = sum / t.elements();
        return Math.sqrt(Math.max(0, squares / t.elements() - mean * mean));
    }

    // --- nearer to another

    private void requireSame(Checkpoint other, TensorEntry t) {
        TensorEntry o = other.tensor(t.name()).orElseThrow(() -> Refusal.of(Category.TENSOR_MISSING, other.path(), "it has no tensor %s, and %s has", t.name(), model.name()));
        if (!o.shape().equals(t.shape())) {
            throw Refusal.of(Category.SHAPE_INVALID, other.path(), "it is %s here and %s in %s", o.shape().toString(), t.shape().toString(), model.name()).where("tensor " + t.name());
        }
        requireFloating(model, t);
        requireFloating(other, o);
    }

    private String lines(MappedWeights map, Checkpoint base, MappedWeights baseMap, ObjectNode summary) {
        int count = spec.layers().size();
        double alpha = task.alpha();
        double head = Objects.requireNonNullElse(task.headScale(), 1.0);
        if (count < 2) {
            throw Refusal.of(Category.TASK_INVALID, model.path(), "it has %d layer; scales that grow from layer to layer need two", count);
        }
        for (TensorEntry t : model.tensors().values()) {
            requireSame(base, t);
            int layer = layers.getOrDefault(t.name(), -1);
            boolean isHead = spec.head() != null && !spec.head().tied() && t.name().equals(spec.head().weight());
            double scale = isHead ? head : scale(alpha, layer, count);
            pieces.put(t.name(), new Computed(t, map, base.tensor(t.name()).orElseThrow(), baseMap, (tuned, before, i) -> before + scale * (tuned - before)));
        }
        becomesFloat();
        summary.put("base", base.name()).put("alpha", alpha).put("head_scale", head);
        return String.format(Locale.ROOT, "The change from %s is scaled by %s in the first layer to 1 in the last, by %s outside the layers, by %s in the output head (LiNeS).", Visible.escape(base.name()), alpha,
                alpha, head);
    }

    /// What LiNeS multiplies a change with.
    ///
    /// @param layer -1 outside the layers
    static double scale(double alpha, int layer, int count) {
        return layer < 0 ? alpha : alpha + (1 - alpha) * layer / (count - 1);
    }

    private String interpolate(MappedWeights map, Checkpoint other, MappedWeights otherMap, ObjectNode summary) {
        double share = task.share();
        for (TensorEntry t : model.tensors().values()) {
            requireSame(other, t);
            pieces.put(t.name(), new Computed(t, map, other.tensor(t.name()).orElseThrow(), otherMap, (a, b, i) -> (1 - share) * a + share * b));
        }
        becomesFloat();
        summary.put("other", other.name()).put("share", share);
        return String.format(Locale.ROOT, "%s of itself and %s of %s, value by value.", 1 - share, share, Visible.escape(other.name()));
    }
}
