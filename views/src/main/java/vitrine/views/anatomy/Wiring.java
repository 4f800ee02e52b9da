package vitrine.views.anatomy;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue;
import vitrine.core.architecture.Embedding;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Norm;
import vitrine.core.architecture.Part;
import vitrine.core.tensor.Activation;
import vitrine.core.tensor.Shape;
import vitrine.views.chart.Numbers;

/// What the diagram draws: a model's way from tokens to logits with one of its layers in full. Follows the spec alone.
///
/// @param layer the layer that is drawn
/// @param layers how many there are
/// @param embeddings the token table, then those of positions and segments that are added to it
/// @param embeddingNotes what stands beside the embedding
/// @param embeddingNorm or null; `embeddingProjection` likewise
/// @param block the layer
/// @param finalNorm or null
/// @param headSteps what comes before the output matrix: a projection, a transform
/// @param head or null for a checkpoint without one
/// @param headDetail the second line of its box
record Wiring(int layer, int layers, List<Box> embeddings, List<Aside> embeddingNotes, Box embeddingNorm, Box embeddingProjection, Block block,
              Box finalNorm, List<Box> headSteps, Box head, String headDetail, List<Aside> headNotes) {

    /// What stands beside a box, and how it can be said where there is less room.
    record Aside(String full, String shorter, String shortest) {

        static Aside of(String text) {
            return new Aside(text, text, text);
        }

        static Aside parameters(long count) {
            return new Aside(Numbers.count(count) + " parameters", Numbers.count(count), Numbers.si(count));
        }
    }

    /// A layer. Norms that it does not have are null.
    ///
    /// @param parallel whether both blocks read the layer's input
    /// @param residual such as `× 0.22` where the blocks' outputs are scaled, else empty
    record Block(Box attentionInput, Attention attention, Box attentionOutput, Box afterAttention, Box feedForwardInput, Mlp mlp,
                 Box feedForwardOutput, Box afterFeedForward, boolean parallel, String residual) {}

    /// @param sizes such as `8 query, 4 key/value, size 8`
    /// @param features positions, window, caps
    /// @param fused the projection that makes queries, keys and values together, or null; then the three are the same box
    /// @param norms of queries and keys, if any
    record Attention(String title, String sizes, List<String> features, Box fused, Box query, Box key, Box value, int heads, int keyValueHeads,
                     List<Box> norms, Box output) {}

    /// @param inputs gate and up; one box where they are fused or there is no gate
    /// @param formula what is done between, such as `silu(gate) · up`
    record Mlp(String title, String sizes, List<Box> inputs, String formula, Box down) {}

    static Wiring of(ModelSpec spec, int layer, Predicate<String> present) {
        return new Builder(spec, present).build(layer);
    }

    /// The box that a tensor belongs to.
    Optional<Box> boxOf(String tensor) {
        return boxes().stream().filter(b -> b.has(tensor)).findFirst();
    }

    /// All boxes from top to bottom.
    List<Box> boxes() {
        List<Box> all = new ArrayList<>(embeddings);
        add(all, embeddingNorm, embeddingProjection);
        if (block != null) {
            Attention a = block.attention;
            add(all, block.attentionInput, a.fused);
            if (a.fused == null) {
                add(all, a.query, a.key, a.value);
            }
            all.addAll(a.norms);
            add(all, a.output, block.attentionOutput, block.afterAttention);
            if (block.feedForwardInput != null && !all.contains(block.feedForwardInput)) {
                all.add(block.feedForwardInput);
            }
            all.addAll(block.mlp.inputs);
            add(all, block.mlp.down, block.feedForwardOutput, block.afterFeedForward);
        }
        add(all, finalNorm);
        all.addAll(headSteps);
        if (head != null) {
            all.add(head);
        }
        return all;
    }

    private static void add(List<Box> all, Box... boxes) {
        for (Box b : boxes) {
            if (b != null) {
                all.add(b);
            }
        }
    }

    /// An activation as it is written in formulas.
    static String name(Activation a) {
        return switch (a) {
            case SILU -> "silu";
            case GELU, GELU_TANH -> "gelu";
            case QUICK_GELU -> "quick_gelu";
            case RELU -> "relu";
            case RELU_SQUARED -> "relu²";
            case TANH -> "tanh";
        };
    }

    private record Builder(ModelSpec spec, Predicate<String> present) {

        Wiring build(int layer) {
            Embedding e = spec.embedding();
            List<Box> headSteps = new ArrayList<>();
            vitrine.core.architecture.Head h = spec.head();
            if (h != null && h.transform() != null) {
                headSteps.add(linear(h.transform().dense(), Part.HEAD, "Transform before the output head, then " + name(h.transform().activation()) + "."));
                headSteps.add(norm(h.transform().norm(), "Normalises what the output head reads."));
            }
            if (h != null && h.inputProjection() != null) {
                headSteps.add(linear(h.inputProjection(), Part.OTHER, "From the residual stream to the width of the embedding."));
            }
            Block block = spec.layers().isEmpty() ? null : block(spec.layers().get(Math.clamp(layer, 0, spec.layers().size() - 1)));
            return new Wiring(layer, spec.layers().size(), embeddings(e), embeddingNotes(e), norm(e.norm(), "Normalises the sum of the embeddings."),
                    e.projection() == null ? null : linear(e.projection(), Part.OTHER, "From the embedding's width to the residual stream."), block,
                    finalNorm(), headSteps, head(h), headDetail(h), headNotes(h));
        }

        private List<Box> embeddings(Embedding e) {
            List<Box> boxes = new ArrayList<>();
            boolean tied = spec.head() != null && spec.head().tied();
            boxes.add(box("Token embedding", List.of(e.tokens()), Part.EMBEDDING, Shape.of(spec.vocabSize(), e.width()),
                    "One row per token id: the first residual stream." + (tied ? " Also the output head." : "")));
            if (e.positions() != null) {
                int width = e.projection() == null ? e.width() : spec.hiddenSize();
                boxes.add(box("Positions", List.of(e.positions().table()), Part.EMBEDDING, Shape.of(e.positions().rows(), width),
                        "One learned row per position, added to the token's" + (e.positions().offset() > 0 ? "; position 0 is row " + e.positions().offset() : "") + "."));
            }
            if (e.segments() != null) {
                boxes.add(box("Segments", List.of(e.segments().table()), Part.EMBEDDING, Shape.of(e.segments().kinds(), e.width()),
                        "One learned row per segment, added to the token's."));
            }
            return boxes;
        }

        private List<Aside> embeddingNotes(Embedding e) {
            List<Aside> notes = new ArrayList<>();
            if (e.positions() == null && e.segments() == null) {
                notes.add(Aside.parameters((long) spec.vocabSize() * e.width()));
            }
            if (e.multiplier() != 1) {
                notes.add(Aside.of("rows × " + Numbers.general(e.multiplier())));
            }
            return notes;
        }

        private Block block(LayerSpec l) {
            boolean shared = l.parallel() && l.attentionInput() != null && l.attentionInput().equals(l.feedForwardInput());
            Box attentionInput = norm(l.attentionInput(), shared ? "Normalises what both blocks read." : "Normalises what attention reads.");
            Box feedForwardInput = shared ? attentionInput : norm(l.feedForwardInput(), "Normalises what the feed-forward block reads.");
            return new Block(attentionInput, attention(l.attention()),
                    norm(l.attentionOutput(), "Normalises what attention gives, before it joins the residual stream."),
                    norm(l.afterAttention(), "Normalises the residual stream after attention has joined it."), feedForwardInput, mlp(l.feedForward()),
                    norm(l.feedForwardOutput(), "Normalises what the feed-forward block gives, before it joins the residual stream."),
                    norm(l.afterFeedForward(), "Normalises the residual stream after the feed-forward block has joined it."), l.parallel(),
                    l.residual() == 1 ? "" : "× " + Numbers.general(l.residual()));
        }

        private Attention attention(AttentionSpec a) {
            String size = "size " + a.headDim() + ".";
            Box fused = null;
            Box query;
            Box key;
            Box value;
            switch (a.projection()) {
                case QueryKeyValue.Separate s -> {
                    query = linear(s.query(), Part.QUERY, "Queries of " + count(a.heads(), "head") + " of " + size);
                    key = linear(s.key(), Part.KEY, "Keys of " + count(a.keyValueHeads(), "head") + " of " + size + sharing(a));
                    value = linear(s.value(), Part.VALUE, "Values of " + count(a.keyValueHeads(), "head") + " of " + size + sharing(a));
                }
                case QueryKeyValue.Latent l -> {
                    query = linear(l.query(), Part.QUERY, "Queries of " + count(a.heads(), "head") + " of " + size);
                    if (l.queryDown() != null) {
                        query = with(with(query, tensors(l.queryDown())), List.of(l.queryNorm().weight()));
                    }
                    key = latent(l, a);
                    value = key;
                }
                case QueryKeyValue.Fused f -> {
                    double all = a.heads() + 2.0 * a.keyValueHeads();
                    String order = f.layout() == QueryKeyValue.Layout.BLOCKS ? "first all queries, then all keys, then all values." : a.groupSize() == 1 ? "query, key and value of one head after the other." : "queries, key and value of one key/value head after the other.";
                    Box plain = linear(f.all(), Part.QUERY, "Queries, keys and values in one matrix: " + order);
                    fused = new Box(plain.label(), plain.tensors(), List.of(new Box.Share(Part.QUERY, a.heads() / all), new Box.Share(Part.KEY, a.keyValueHeads() / all),
                            new Box.Share(Part.VALUE, a.keyValueHeads() / all)), plain.shape(), plain.role(), plain.missing());
                    query = fused;
                    key = fused;
                    value = fused;
                }
            }
            List<Box> norms = new ArrayList<>();
            QueryKeyNorm n = a.queryKeyNorm();
            if (n != null) {
                norms.add(headNorm("q norm", n.query(), n, a.heads(), "queries"));
                norms.add(headNorm("k norm", n.key(), n, a.keyValueHeads(), "keys"));
            }
            if (a.sinks() != null) {
                norms.add(box("sinks", List.of(a.sinks()), Part.OTHER, Shape.of(a.heads()), "One logit per head that takes a part of every softmax and has no value."));
            }
            String title = a.projection() instanceof QueryKeyValue.Latent ? "Latent attention" : a.keyValueHeads() == a.heads() ? "Multi-head attention" : a.keyValueHeads() == 1 ? "Multi-query attention" : "Grouped-query attention";
            String heads = a.keyValueHeads() == a.heads() ? count(a.heads(), "head") : a.heads() + " query, " + a.keyValueHeads() + " key/value";
            return new Attention(title, heads + ", size " + a.headDim(), features(a), fused, query, key, value, a.heads(), a.keyValueHeads(), norms,
                    linear(a.output(), Part.OUTPUT, "Mixes what the heads read back into the residual stream."));
        }

        /// What keys and values of all heads are expanded from.
        private Box latent(QueryKeyValue.Latent l, AttentionSpec a) {
            double both = l.plain() + a.valueDim();
            Box plain = with(with(linear(l.keyValueUp(), Part.KEY, "Keys and values of " + count(a.heads(), "head") + " from a latent of " + l.width() + " values per token, made by "
                    + label(l.keyValueDown().weight()) + "."), tensors(l.keyValueDown())), List.of(l.latentNorm().weight()));
            return new Box(plain.label(), plain.tensors(), List.of(new Box.Share(Part.KEY, l.plain() / both), new Box.Share(Part.VALUE, a.valueDim() / both)), plain.shape(),
                    plain.role(), plain.missing());
        }

        private static String sharing(AttentionSpec a) {
            return a.groupSize() == 1 ? "" : " Each is shared by " + a.groupSize() + " query heads.";
        }

        private static String count(int n, String what) {
            return n + " " + what + (n == 1 ? "" : "s");
        }

        private List<String> features(AttentionSpec a) {
            List<String> out = new ArrayList<>();
            out.add(a.causal() ? "causal" : "both directions");
            out.add(a.window() > 0 ? "window " + Numbers.count(a.window()) : "");
            if (a.rope() != null) {
                out.add("RoPE θ " + Numbers.general(a.rope().theta()));
                out.add(a.rope().rotated() < a.headDim() ? "on " + a.rope().rotated() + " of " + a.headDim() : "");
                out.add(Positions.scaling(a.rope().scaling()));
            } else {
                out.add(a.alibi() != null ? "linear biases" : spec.embedding().positions() != null ? "learned positions" : "no positions");
            }
            out.add(a.softCap() > 0 ? "soft cap " + Numbers.general(a.softCap()) : "");
            boolean usual = Math.abs(a.scale() * Math.sqrt(a.headDim()) - 1) < 1e-6;
            out.add(usual ? "" : "scale " + Numbers.general(a.scale()));
            out.removeIf(String::isEmpty);
            return out;
        }

        private Box headNorm(String label, List<Norm> norms, QueryKeyNorm all, int heads, String of) {
            String covers = switch (all.scope()) {
                case PROJECTION -> "all heads together";
                case HEAD -> "head by head, with weights that all heads share";
                case PER_HEAD, ROWS -> "head by head, each with weights of its own";
            };
            List<String> tensors = norms.stream().flatMap(n -> java.util.stream.Stream.of(n.weight(), n.bias())).filter(java.util.Objects::nonNull).toList();
            Shape shape = all.scope() == QueryKeyNorm.Scope.ROWS ? Shape.of(heads, norms.getFirst().width()) : Shape.of(norms.getFirst().width());
            return box(label, tensors, Part.NORM, shape, normName(norms.getFirst()) + " of the " + of + ", " + covers + ", " + (all.afterRotation() ? "after" : "before") + " positions turn them.");
        }

        private Mlp mlp(FeedForward f) {
            return switch (f) {
                case FeedForward.Gated g -> new Mlp(gatedTitle(g.activation()), sizes(g), List.of(linear(g.gate(), Part.GATE, "The gate of the feed-forward block, through " + name(g.activation()) + "."),
                        linear(g.up(), Part.UP, "What the gate lets through.")), name(g.activation()) + "(gate) · up", down(g.down()));
                case FeedForward.FusedGated g -> {
                    Box plain = linear(g.gateUp(), Part.GATE, "Gate and up in one matrix: first the gate, then what it lets through.");
                    Box both = new Box(plain.label(), plain.tensors(), List.of(new Box.Share(Part.GATE, 0.5), new Box.Share(Part.UP, 0.5)), plain.shape(), plain.role(), plain.missing());
                    yield new Mlp(gatedTitle(g.activation()), sizes(g), List.of(both), name(g.activation()) + "(gate) · up", down(g.down()));
                }
                case FeedForward.Plain p -> new Mlp("MLP", sizes(p), List.of(linear(p.up(), Part.UP, "Widens the residual stream, through " + name(p.activation()) + ".")),
                        name(p.activation()) + "(up)", down(p.down()));
                case FeedForward.Mixture m -> mixture(m);
            };
        }

        /// Experts as one block: the router, then the matrices of all experts together.
        private Mlp mixture(FeedForward.Mixture m) {
            String title = m.experts().count() + " experts, " + m.router().perToken() + " per token" + (m.shared() == null ? "" : ", one shared");
            List<Box> in = new ArrayList<>();
            List<String> beside = new ArrayList<>();
            if (m.router().correction() != null) {
                beside.add(m.router().correction());
            }
            if (m.sharedGate() != null) {
                beside.addAll(tensors(m.sharedGate()));
            }
            in.add(with(linear(m.router().logits(), Part.ROUTER, "Chooses " + m.router().perToken() + " of " + m.experts().count() + " experts for every token."), beside));
            Mlp shared = m.shared() == null ? null : mlp(m.shared());
            in.add(with(experts(m.experts().gate(), m.experts().up() == null ? "gate and up" : "gate", Part.GATE), shared == null ? List.of() : shared.inputs.getFirst().tensors()));
            if (m.experts().up() != null) {
                in.add(with(experts(m.experts().up(), "up", Part.UP), shared == null ? List.of() : shared.inputs.getLast().tensors()));
            } else if (shared != null) {
                in.set(1, with(in.get(1), shared.inputs.getLast().tensors()));
            }
            return new Mlp(title, sizes(m), in, name(m.experts().activation()) + "(gate) · up, weighted by the router",
                    with(experts(m.experts().down(), "down", Part.DOWN), shared == null ? List.of() : shared.down.tensors()));
        }

        private Box experts(Experts.Matrices m, String which, Part part) {
            return switch (m) {
                case Experts.Each each -> box("experts " + which, each.linears().stream().flatMap(l -> tensors(l).stream()).toList(), part, each.linears().getFirst().shape(),
                        "The " + which + " matrix of every expert, " + m.count() + " tensors.");
                case Experts.Stack s -> box(label(s.weight()), s.bias() == null ? List.of(s.weight()) : List.of(s.weight(), s.bias()), part, stored(s),
                        "The " + which + " matrices of all experts in one tensor.");
                case Experts.Blocks b -> box(label(b.blocks()), b.bias() == null ? List.of(b.blocks(), b.scales()) : List.of(b.blocks(), b.scales(), b.bias()), part,
                        Shape.of(m.count(), m.out(), m.in() / Experts.Blocks.SIZE, Experts.Blocks.SIZE / 2), "The " + which + " matrices of all experts in one tensor of four-bit blocks.");
            };
        }

        private static Shape stored(Experts.Stack s) {
            long rows = s.inputMajor() ? s.in() : s.out();
            long columns = s.inputMajor() ? s.out() : s.in();
            return s.flat() ? Shape.of(s.count() * rows, columns) : Shape.of(s.count(), rows, columns);
        }

        private Box down(Linear l) {
            return linear(l, Part.DOWN, "Brings the feed-forward block's result back into the residual stream.");
        }

        private String sizes(FeedForward f) {
            return spec.hiddenSize() + " → " + f.width() + " → " + spec.hiddenSize();
        }

        private static String gatedTitle(Activation a) {
            return switch (a) {
                case SILU -> "SwiGLU MLP";
                case GELU, GELU_TANH, QUICK_GELU -> "GeGLU MLP";
                case RELU, RELU_SQUARED -> "ReGLU MLP";
                case TANH -> "Gated MLP";
            };
        }

        private Box head(vitrine.core.architecture.Head h) {
            if (h == null) {
                return null;
            }
            List<String> tensors = h.bias() == null ? List.of(h.weight()) : List.of(h.weight(), h.bias());
            return box("Output head", tensors, h.tied() ? Part.EMBEDDING : Part.HEAD, Shape.of(spec.vocabSize(), h.width()),
                    h.tied() ? "Logits from the embedding's own rows: y = x Wᵀ." : "Logits, one per token of the vocabulary: y = x Wᵀ.");
        }

        private String headDetail(vitrine.core.architecture.Head h) {
            return h == null ? "" : h.tied() ? "tied to embedding" : spec.vocabSize() + " × " + h.width();
        }

        private List<Aside> headNotes(vitrine.core.architecture.Head h) {
            List<Aside> notes = new ArrayList<>();
            if (h == null) {
                return notes;
            }
            notes.add(!h.tied() ? Aside.parameters((long) spec.vocabSize() * h.width())
                    : h.bias() == null ? new Aside("no tensor of its own", "no own tensor", "tied") : new Aside("only a bias of its own", "own bias only", "own bias"));
            String scaled = h.multiplier() == 1 ? "" : "logits × " + Numbers.general(h.multiplier());
            String capped = h.softCap() > 0 ? "soft cap " + Numbers.general(h.softCap()) : "";
            if (!scaled.isEmpty() || !capped.isEmpty()) {
                notes.add(Aside.of(scaled + (scaled.isEmpty() || capped.isEmpty() ? "" : ", ") + capped));
            }
            return notes;
        }

        private Box linear(Linear l, Part part, String role) {
            List<String> tensors = tensors(l);
            String product = l.inputMajor() ? "y = x W" : "y = x Wᵀ";
            return box(label(l.weight()), tensors, part, l.shape(), role + " " + product + (l.bias() == null ? "" : " + b") + ", " + l.in() + " → " + l.out() + ".");
        }

        /// The weight, its scales and its bias, as far as there are any.
        private static List<String> tensors(Linear l) {
            return java.util.stream.Stream.of(l.weight(), l.scales() == null ? null : l.scales().tensor(), l.bias()).filter(java.util.Objects::nonNull).toList();
        }

        /// The box, standing for some more tensors.
        private Box with(Box box, List<String> more) {
            List<String> all = new ArrayList<>(box.tensors());
            all.addAll(more);
            return new Box(box.label(), List.copyOf(all), box.shares(), box.shape(), box.role(), box.missing() || !more.stream().allMatch(present));
        }

        /// `o_proj`; with its owner where the last word says nothing: `output.dense`.
        private static String label(String weight) {
            String last = Names.last(weight);
            return last.equals("dense") ? Names.title(Names.withoutWeight(weight)) : last;
        }

        private Box norm(Norm n, String role) {
            if (n == null) {
                return null;
            }
            List<String> tensors = java.util.stream.Stream.of(n.weight(), n.bias()).filter(java.util.Objects::nonNull).toList();
            String weights = tensors.isEmpty() ? " It has no weights." : n.weightOffset() == 1 ? " Weights are stored around 0; 1 is added." : "";
            return box(normName(n), tensors, Part.NORM, tensors.isEmpty() ? null : Shape.of(n.width()), role + weights);
        }

        private Box finalNorm() {
            Box b = norm(spec.finalNorm(), "Normalises the residual stream after the last layer.");
            return b == null ? null : new Box("Final " + b.label(), b.tensors(), b.shares(), b.shape(), b.role(), b.missing());
        }

        private static String normName(Norm n) {
            return n.kind() == Norm.Kind.RMS ? "RMSNorm" : "LayerNorm";
        }

        private Box box(String label, List<String> tensors, Part part, Shape shape, String role) {
            // A norm without weights has nothing whose shape could be told.
            return new Box(label, tensors, List.of(new Box.Share(part, 1)), tensors.isEmpty() ? null : shape, role, !tensors.stream().allMatch(present));
        }
    }
}
