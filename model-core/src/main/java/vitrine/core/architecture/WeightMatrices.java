package vitrine.core.architecture;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.MatrixView;
import vitrine.core.tensor.Shape;

/// The weight matrices of a checkpoint, each as the model uses it: fused projections cut into queries, keys, values, gate and up, stacks of
/// experts cut into experts.
///
/// Where the family is known, its [ModelSpec] says how fused tensors are laid out. Elsewhere (families without a forward pass here) names
/// say what a tensor is for and the config how many heads there are; a fused tensor of a layout that is not known stays whole.
///
/// Vectors, norms, biases, scales of quantised weights and whole-number tensors are no weight matrices.
///
/// @param matrices in the order of the forward pass: embeddings, layer by layer, head; after each attention matrix its heads, where asked for
/// @param scales the tensor that holds the scales of a quantised one, by the name of the latter
/// @param leftOut what was left out although it is a weight, or not cut although it is fused, one sentence each
public record WeightMatrices(List<WeightMatrix> matrices, Map<String, TensorEntry> scales, List<String> leftOut) {

    private static final Pattern EXPERT = Pattern.compile("experts?\\.(\\d{1,6})\\.");
    private static final String EXPERT_SUFFIX = "#expert.";
    private static final List<String> SCALE_SUFFIXES = List.of("_scale_inv", "_scale");
    /// Words in the names of tensors that hold several matrices.
    private static final List<String> FUSED = List.of("qkv", "query_key_value", "c_attn", "W_pack", "gate_up");
    /// Families that store stacked experts `[experts, in, out]`, gate and up in the columns.
    private static final Set<String> INPUT_MAJOR_EXPERTS = Set.of("gpt_oss", "llama4", "llama4_text");
    /// Those of them whose gate and up columns take turns.
    private static final Set<String> INTERLEAVED_EXPERTS = Set.of("gpt_oss");

    /// @param spec where the family is known, else null
    /// @param config where there is one, else null; asked only where the spec is silent
    /// @param heads whether each head of the attention matrices is listed as well
    public static WeightMatrices of(Checkpoint checkpoint, ModelSpec spec, JsonNode config, boolean heads) {
        return new Collector(checkpoint, spec, config, heads).collect();
    }

    /// A part of a stored matrix: what it is for, where it lies, and how it is cut into heads.
    private record Cut(Part part, String suffix, MatrixView view, List<MatrixView> heads) {}

    private static final class Collector {
        private final Checkpoint checkpoint;
        private final ModelSpec spec;
        private final JsonNode config;
        private final boolean heads;
        private final Map<String, List<Cut>> known = new HashMap<>();
        private final Map<String, NamedTensor> named = new HashMap<>();
        private final List<WeightMatrix> out = new ArrayList<>();
        private final Map<String, TensorEntry> scales = new HashMap<>();
        private final List<String> leftOut = new ArrayList<>();
        private final String type;
        private int blocks;
        private int unreadable;
        private int otherRanks;
        private int fused;

        Collector(Checkpoint checkpoint, ModelSpec spec, JsonNode config, boolean heads) {
            this.checkpoint = checkpoint;
            this.spec = spec;
            this.config = config == null ? null : config.has("text_config") && !config.has("hidden_size") ? config.get("text_config") : config;
            this.heads = heads;
            type = this.config == null ? "" : this.config.path("model_type").asText();
            if (spec != null) {
                NamedTensor.of(spec).forEach(t -> named.put(t.name(), t));
                spec.layers().forEach(this::know);
            }
        }

        WeightMatrices collect() {
            Set<String> isScale = new HashSet<>();
            for (TensorEntry t : checkpoint.tensors().values()) {
                for (String suffix : SCALE_SUFFIXES) {
                    TensorEntry s = checkpoint.tensors().get(t.name() + suffix);
                    if (s != null && t.shape().rank() >= 2) {
                        scales.putIfAbsent(t.name(), s);
                        isScale.add(s.name());
                    }
                }
            }
            for (TensorEntry t : checkpoint.tensors().values()) {
                if (!isScale.contains(t.name())) {
                    take(t);
                }
            }
            out.sort(ORDER);
            say(blocks, "in quantised blocks");
            say(unreadable, "of a type that cannot be read here");
            say(otherRanks, "of more than two dimensions");
            if (fused > 0) {
                leftOut.add(String.format(java.util.Locale.ROOT, "%,d fused tensors stay whole: the layout of their parts is not known here.", fused));
            }
            return new WeightMatrices(List.copyOf(out), Map.copyOf(scales), List.copyOf(leftOut));
        }

        private void say(int count, String what) {
            if (count > 0) {
                leftOut.add(String.format(java.util.Locale.ROOT, "%s left out: %s.", count == 1 ? "1 tensor is" : String.format(java.util.Locale.ROOT, "%,d tensors are", count), what));
            }
        }

        private void take(TensorEntry t) {
            int rank = t.shape().rank();
            String name = t.name();
            if (t.dtype() == DType.U8 && name.endsWith("_blocks")) {
                blocks++;
                return;
            }
            if (rank < 2 || !t.dtype().floating() || name.endsWith("bias") || spec != null && spec.ignoredSuffixes().stream().anyMatch(name::endsWith)) {
                return;
            }
            Part part = named.containsKey(name) ? named.get(name).mainPart() : PartGuess.of(name, rank);
            if (part == Part.NORM) {
                return;
            }
            if (!t.dtype().readable()) {
                unreadable++;
                return;
            }
            for (long size : t.shape().sizes()) {
                if (size > Integer.MAX_VALUE) {
                    otherRanks++;
                    return;
                }
            }
            if (rank == 2) {
                matrix(t, part);
            } else if (rank == 3 && (name.contains("expert") || name.contains("moe"))) {
                stack(t, part);
            } else {
                otherRanks++;
            }
        }

        private int layer(TensorEntry t) {
            NamedTensor n = named.get(t.name());
            return n != null ? n.layer() : TensorNames.layerOf(t.name());
        }

        private void matrix(TensorEntry t, Part part) {
            List<Cut> cuts = known.get(t.name());
            if (cuts == null) {
                cuts = List.of(guessed(t, part));
            }
            Matcher m = EXPERT.matcher(t.name());
            int expert = m.find() ? Integer.parseInt(m.group(1)) : -1;
            for (Cut c : cuts) {
                String name = t.name() + c.suffix;
                int ofCut = c.suffix.startsWith(EXPERT_SUFFIX) ? Integer.parseInt(c.suffix.substring(EXPERT_SUFFIX.length())) : expert;
                out.add(new WeightMatrix(name, t, c.view, c.part, layer(t), -1, ofCut));
                for (int h = 0; heads && h < c.heads.size(); h++) {
                    out.add(new WeightMatrix(name + (c.suffix.isEmpty() ? "#head." : ".head.") + h, t, c.heads.get(h), c.part, layer(t), h, expert));
                }
            }
        }

        // --- where the spec knows

        private void know(LayerSpec l) {
            AttentionSpec a = l.attention();
            int d = a.headDim();
            switch (a.projection()) {
                case QueryKeyValue.Separate s -> {
                    know(s.query(), outputs(Part.QUERY, "", s.query(), 0, a.heads(), d));
                    know(s.key(), outputs(Part.KEY, "", s.key(), 0, a.keyValueHeads(), d));
                    know(s.value(), outputs(Part.VALUE, "", s.value(), 0, a.keyValueHeads(), d));
                }
                case QueryKeyValue.Latent latent -> know(a, latent);
                case QueryKeyValue.Fused f -> know(f.all(), f.layout() == QueryKeyValue.Layout.BLOCKS ? blocks(f.all(), a) : interleaved(f.all(), a));
            }
            if (a.output() != null) {
                know(a.output(), inputs(Part.OUTPUT, a.output(), a.heads(), a.valueDim()));
            }
            if (l.feedForward() instanceof FeedForward.Mixture m) {
                know(m.experts().gate(), Part.GATE);
                know(m.experts().up(), Part.UP);
                know(m.experts().down(), Part.DOWN);
            }
            if (l.feedForward() instanceof FeedForward.FusedGated g) {
                int half = g.gateUp().out() / 2;
                know(g.gateUp(), new Cut(Part.GATE, "#gate", outputRows(g.gateUp(), 0, half), List.of()), new Cut(Part.UP, "#up", outputRows(g.gateUp(), half, half), List.of()));
            }
        }

        /// Experts stored as rows one after the other.
        private void know(Experts.Matrices matrices, Part part) {
            if (!(matrices instanceof Experts.Stack s) || !s.flat()) {
                return;
            }
            int rows = s.inputMajor() ? s.in() : s.out();
            int columns = s.inputMajor() ? s.out() : s.in();
            TensorEntry t = checkpoint.tensors().get(s.weight());
            if (t != null && t.shape().equals(Shape.of((long) s.count() * rows, columns))) {
                List<Cut> cuts = new ArrayList<>();
                for (int e = 0; e < s.count(); e++) {
                    cuts.add(new Cut(part, EXPERT_SUFFIX + e, MatrixView.ofStack(e, rows, columns), List.of()));
                }
                known.put(s.weight(), cuts);
            }
        }

        /// The latent's own matrix is neither key nor value; what is expanded from it is both, head by head.
        private void know(AttentionSpec a, QueryKeyValue.Latent l) {
            know(l.query(), outputs(Part.QUERY, "", l.query(), 0, a.heads(), a.headDim()));
            Linear down = l.keyValueDown();
            know(down, new Cut(Part.OTHER, "#latent", outputRows(down, 0, l.width()), List.of()),
                    new Cut(Part.KEY, "#key", outputRows(down, l.width(), down.out() - l.width()), List.of()));
            MatrixView up = MatrixView.of(l.keyValueUp().out(), l.keyValueUp().in());
            int both = l.plain() + a.valueDim();
            know(l.keyValueUp(), expanded(Part.KEY, "#key", up.inEachPart(a.heads(), 0, l.plain()), a.heads()),
                    expanded(Part.VALUE, "#value", up.inEachPart(a.heads(), l.plain(), both), a.heads()));
        }

        private static Cut expanded(Part part, String suffix, MatrixView all, int heads) {
            List<MatrixView> each = new ArrayList<>();
            for (int h = 0; h < heads; h++) {
                each.add(all.group(h));
            }
            return new Cut(part, suffix, all, each);
        }

        private void know(Linear l, Cut... cuts) {
            TensorEntry t = checkpoint.tensors().get(l.weight());
            if (t != null && t.shape().equals(l.shape())) {
                known.put(l.weight(), List.of(cuts));
            }
        }

        private static Cut[] blocks(Linear l, AttentionSpec a) {
            int d = a.headDim();
            return new Cut[] {outputs(Part.QUERY, "#query", l, 0, a.heads(), d), outputs(Part.KEY, "#key", l, a.heads() * d, a.keyValueHeads(), d),
                outputs(Part.VALUE, "#value", l, (a.heads() + a.keyValueHeads()) * d, a.keyValueHeads(), d)};
        }

        /// Queries, key and value of each key/value head in turn.
        private static Cut[] interleaved(Linear l, AttentionSpec a) {
            int d = a.headDim();
            int g = a.groupSize();
            MatrixView all = MatrixView.of(l.out(), l.in());
            List<MatrixView> queries = new ArrayList<>();
            for (int h = 0; h < a.heads(); h++) {
                queries.add(all.inEachPart(a.keyValueHeads(), h % g * d, (h % g + 1) * d).group(h / g));
            }
            return new Cut[] {new Cut(Part.QUERY, "#query", all.inEachPart(a.keyValueHeads(), 0, g * d), queries), shared(Part.KEY, "#key", all, a, g * d),
                shared(Part.VALUE, "#value", all, a, (g + 1) * d)};
        }

        private static Cut shared(Part part, String suffix, MatrixView all, AttentionSpec a, int first) {
            return expanded(part, suffix, all.inEachPart(a.keyValueHeads(), first, first + a.headDim()), a.keyValueHeads());
        }

        /// Output features `[from, from + heads * d)` and each head of them.
        private static Cut outputs(Part part, String suffix, Linear l, int from, int heads, int d) {
            List<MatrixView> each = new ArrayList<>();
            for (int h = 0; h < heads; h++) {
                each.add(outputRows(l, from + h * d, d));
            }
            return new Cut(part, suffix, outputRows(l, from, heads * d), each);
        }

        private static MatrixView outputRows(Linear l, int from, int count) {
            return l.inputMajor() ? MatrixView.of(l.in(), l.out()).columns(from, count) : MatrixView.of(l.out(), l.in()).rows(from, count);
        }

        private static Cut inputs(Part part, Linear l, int heads, int d) {
            List<MatrixView> each = new ArrayList<>();
            for (int h = 0; h < heads; h++) {
                each.add(l.inputMajor() ? MatrixView.of(l.in(), l.out()).rows(h * d, d) : MatrixView.of(l.out(), l.in()).columns(h * d, d));
            }
            return new Cut(part, "", l.inputMajor() ? MatrixView.of(l.in(), l.out()) : MatrixView.of(l.out(), l.in()), each);
        }

        // --- where names and config must do

        private Cut guessed(TensorEntry t, Part part) {
            int rows = (int) t.shape().size(0);
            int columns = (int) t.shape().size(1);
            MatrixView all = MatrixView.of(rows, columns);
            if (FUSED.stream().anyMatch(t.name()::contains)) {
                fused++;
                return new Cut(Part.OTHER, "", all, List.of());
            }
            if (heads && config != null && spec == null) {
                int q = config.path("num_attention_heads").asInt(0);
                int kv = config.path("num_key_value_heads").asInt(q);
                int d = config.path("head_dim").asInt(q > 0 ? config.path("hidden_size").asInt(0) / q : 0);
                int count = part == Part.KEY || part == Part.VALUE ? kv : q;
                boolean attention = part == Part.QUERY || part == Part.KEY || part == Part.VALUE || part == Part.OUTPUT;
                if (attention && d > 0 && count > 0 && (long) count * d == (part == Part.OUTPUT ? columns : rows)) {
                    List<MatrixView> each = new ArrayList<>();
                    for (int h = 0; h < count; h++) {
                        each.add(part == Part.OUTPUT ? all.columns(h * d, d) : all.rows(h * d, d));
                    }
                    return new Cut(part, "", all, each);
                }
            }
            return new Cut(part, "", all, List.of());
        }

        /// A stack `[experts, a, b]`.
        private void stack(TensorEntry t, Part part) {
            Shape shape = t.shape();
            int a = (int) shape.size(1);
            int b = (int) shape.size(2);
            String last = t.name().substring(t.name().indexOf("expert") < 0 ? 0 : t.name().indexOf("expert"));
            boolean fused = last.contains("gate_up") || last.contains("input_linear");
            Part kind = last.contains("output_linear") || last.contains("down") ? Part.DOWN : last.contains("gate") ? Part.GATE : last.contains("up") ? Part.UP : part;
            boolean inColumns = fused && (INPUT_MAJOR_EXPERTS.contains(type) || config != null && config.path("hidden_size").asInt(-1) == a && b != a);
            for (int e = 0; e < shape.size(0); e++) {
                String name = t.name() + EXPERT_SUFFIX + e;
                MatrixView all = MatrixView.ofStack(e, a, b);
                if (!fused || (inColumns ? b : a) % 2 != 0) {
                    out.add(new WeightMatrix(name, t, all, fused ? Part.OTHER : kind, layer(t), -1, e));
                    continue;
                }
                boolean turns = INTERLEAVED_EXPERTS.contains(type);
                MatrixView gate = !inColumns ? all.rows(0, a / 2) : turns ? all.everyColumn(0, 2) : all.columns(0, b / 2);
                MatrixView up = !inColumns ? all.rows(a / 2, a / 2) : turns ? all.everyColumn(1, 2) : all.columns(b / 2, b / 2);
                out.add(new WeightMatrix(name + ".gate", t, gate, Part.GATE, layer(t), -1, e));
                out.add(new WeightMatrix(name + ".up", t, up, Part.UP, layer(t), -1, e));
            }
        }
    }

    private static final Comparator<WeightMatrix> ORDER = Comparator.comparingInt(WeightMatrices::zone).thenComparingInt(WeightMatrix::layer)
            .thenComparingInt(m -> block(m.part())).thenComparingInt(WeightMatrix::expert).thenComparing(WeightMatrix::part)
            .thenComparing(m -> m.tensor().name()).thenComparingInt(WeightMatrix::head);

    private static int zone(WeightMatrix m) {
        return m.layer() >= 0 ? 1 : m.part() == Part.EMBEDDING ? 0 : 2;
    }

    private static int block(Part part) {
        return switch (part) {
            case QUERY, KEY, VALUE, OUTPUT -> 0;
            case ROUTER -> 1;
            default -> 2;
        };
    }
}
