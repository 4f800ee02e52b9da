package vitrine.core.architecture;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Fused;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Latent;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;
import vitrine.core.tensor.Shape;

/// A tensor that a [ModelSpec] needs: its name, the shape it must have, and what it is for.
///
/// @param layer the layer that it belongs to, or -1
/// @param parameters how many values of the model it holds of which part: a fused tensor belongs to several, scales of quantised weights hold none
public record NamedTensor(String name, Shape shape, int layer, Map<Part, Long> parameters) {

    /// The part that holds most of the tensor; of equal ones the first in the order of parts.
    public Part mainPart() {
        return parameters.entrySet().stream().max(Map.Entry.<Part, Long>comparingByValue().thenComparing(Map.Entry.<Part, Long>comparingByKey().reversed()))
                .map(Map.Entry::getKey).orElse(Part.OTHER);
    }

    /// All tensors of a model, each name once, in the order of the forward pass.
    public static List<NamedTensor> of(ModelSpec spec) {
        return new Collector().collect(spec);
    }

    private static final class Collector {
        private final Map<String, NamedTensor> out = new LinkedHashMap<>();
        private int layer = -1;

        List<NamedTensor> collect(ModelSpec spec) {
            Embedding e = spec.embedding();
            add(e.tokens(), Shape.of(spec.vocabSize(), e.width()), Part.EMBEDDING);
            if (e.positions() != null) {
                int width = e.projection() == null ? e.width() : spec.hiddenSize();
                add(e.positions().table(), Shape.of(e.positions().rows(), width), Part.EMBEDDING);
            }
            if (e.segments() != null) {
                add(e.segments().table(), Shape.of(e.segments().kinds(), e.width()), Part.EMBEDDING);
            }
            norm(e.norm());
            linear(e.projection(), Part.OTHER);
            for (LayerSpec l : spec.layers()) {
                layer = l.index();
                layer(l);
            }
            layer = -1;
            norm(spec.finalNorm());
            head(spec);
            return new ArrayList<>(out.values());
        }

        private void layer(LayerSpec l) {
            norm(l.attentionInput());
            attention(l.attention());
            norm(l.attentionOutput());
            norm(l.afterAttention());
            norm(l.feedForwardInput());
            feedForward(l.feedForward());
            norm(l.feedForwardOutput());
            norm(l.afterFeedForward());
        }

        private void feedForward(FeedForward f) {
            switch (f) {
                case FeedForward.Gated g -> {
                    linear(g.gate(), Part.GATE);
                    linear(g.up(), Part.UP);
                    linear(g.down(), Part.DOWN);
                }
                case FeedForward.FusedGated g -> {
                    long half = (long) g.gateUp().out() * g.gateUp().in() / 2;
                    fused(g.gateUp(), Map.of(Part.GATE, half, Part.UP, half));
                    linear(g.down(), Part.DOWN);
                }
                case FeedForward.Plain p -> {
                    linear(p.up(), Part.UP);
                    linear(p.down(), Part.DOWN);
                }
                case FeedForward.Mixture m -> mixture(m);
            }
        }

        private void mixture(FeedForward.Mixture m) {
            Router r = m.router();
            linear(r.logits(), Part.ROUTER);
            if (r.correction() != null) {
                add(r.correction(), r.correctionRank() == 2 ? Shape.of(1, r.experts()) : Shape.of(r.experts()), Part.ROUTER);
            }
            Experts e = m.experts();
            matrices(e.gate(), e.up() == null ? List.of(Part.GATE, Part.UP) : List.of(Part.GATE));
            if (e.up() != null) {
                matrices(e.up(), List.of(Part.UP));
            }
            matrices(e.down(), List.of(Part.DOWN));
            if (m.shared() != null) {
                feedForward(m.shared());
            }
            linear(m.sharedGate(), Part.GATE);
        }

        private void matrices(Experts.Matrices m, List<Part> parts) {
            switch (m) {
                case Experts.Each each -> each.linears().forEach(l -> linear(l, parts.getFirst()));
                case Experts.Stack s -> {
                    long rows = s.inputMajor() ? s.in() : s.out();
                    long columns = s.inputMajor() ? s.out() : s.in();
                    split(s.weight(), s.flat() ? Shape.of(s.count() * rows, columns) : Shape.of(s.count(), rows, columns), 1, parts);
                    stackedBias(s.bias(), s, parts);
                }
                case Experts.Blocks b -> {
                    long blocks = b.in() / Experts.Blocks.SIZE;
                    split(b.blocks(), Shape.of(b.count(), b.out(), blocks, Experts.Blocks.SIZE / 2), 2, parts);
                    split(b.scales(), Shape.of(b.count(), b.out(), blocks), 0, parts);
                    stackedBias(b.bias(), b, parts);
                }
            }
        }

        private void stackedBias(String bias, Experts.Matrices m, List<Part> parts) {
            if (bias != null) {
                split(bias, Shape.of(m.count(), m.out()), 1, parts);
            }
        }

        /// A tensor that belongs to several parts, the same share to each.
        ///
        /// @param each how many values of the model one stored element holds
        private void split(String name, Shape shape, int each, List<Part> parts) {
            Map<Part, Long> shares = new LinkedHashMap<>();
            parts.forEach(p -> shares.put(p, each * shape.elements() / parts.size()));
            put(new NamedTensor(name, shape, layer, shares));
        }

        private void attention(AttentionSpec a) {
            switch (a.projection()) {
                case Separate s -> {
                    linear(s.query(), Part.QUERY);
                    linear(s.key(), Part.KEY);
                    linear(s.value(), Part.VALUE);
                }
                case Fused f -> {
                    long q = (long) a.heads() * a.headDim() * f.all().in();
                    long kv = (long) a.keyValueHeads() * a.headDim() * f.all().in();
                    fused(f.all(), Map.of(Part.QUERY, q, Part.KEY, kv, Part.VALUE, kv));
                }
                case Latent l -> {
                    linear(l.queryDown(), Part.QUERY);
                    norm(l.queryNorm());
                    linear(l.query(), Part.QUERY);
                    long shared = (long) (l.keyValueDown().out() - l.width()) * l.keyValueDown().in();
                    // The latent is as much the values' as the keys'; the rest of the rows are keys only.
                    long latent = (long) l.width() * l.keyValueDown().in();
                    fused(l.keyValueDown(), Map.of(Part.KEY, shared + latent / 2, Part.VALUE, latent - latent / 2));
                    norm(l.latentNorm());
                    fused(l.keyValueUp(), Map.of(Part.KEY, (long) a.heads() * l.plain() * l.width(), Part.VALUE, (long) a.heads() * a.valueDim() * l.width()));
                }
            }
            if (a.sinks() != null) {
                add(a.sinks(), Shape.of(a.heads()), Part.OTHER);
            }
            QueryKeyNorm n = a.queryKeyNorm();
            if (n != null) {
                if (n.scope() == QueryKeyNorm.Scope.ROWS) {
                    add(n.query().getFirst().weight(), Shape.of(a.heads(), a.headDim()), Part.NORM);
                    add(n.key().getFirst().weight(), Shape.of(a.keyValueHeads(), a.headDim()), Part.NORM);
                } else {
                    n.query().forEach(this::norm);
                    n.key().forEach(this::norm);
                }
            }
            linear(a.output(), Part.OUTPUT);
        }

        private void head(ModelSpec spec) {
            Head h = spec.head();
            if (h == null) {
                return;
            }
            if (h.transform() != null) {
                linear(h.transform().dense(), Part.HEAD);
                norm(h.transform().norm());
            }
            linear(h.inputProjection(), Part.OTHER);
            add(h.weight(), Shape.of(spec.vocabSize(), h.width()), Part.HEAD);
            if (h.bias() != null) {
                add(h.bias(), Shape.of(spec.vocabSize()), Part.HEAD);
            }
        }

        private void linear(Linear l, Part part) {
            if (l != null) {
                add(l.weight(), l.shape(), part);
                scales(l, part);
                bias(l, part);
            }
        }

        private void scales(Linear l, Part part) {
            if (l.scales() != null) {
                put(new NamedTensor(l.scales().tensor(), l.scales().shape(l.out(), l.in()), layer, Map.of(part, 0L)));
            }
        }

        /// A bias has one value for each row of the weight: its values belong to the parts of their rows.
        private void fused(Linear l, Map<Part, Long> parameters) {
            put(new NamedTensor(l.weight(), l.shape(), layer, parameters));
            scales(l, Part.OTHER);
            if (l.bias() != null) {
                Map<Part, Long> rows = new LinkedHashMap<>();
                parameters.forEach((part, n) -> rows.put(part, n / l.in()));
                put(new NamedTensor(l.bias(), Shape.of(l.out()), layer, rows));
            }
        }

        private void bias(Linear l, Part part) {
            if (l.bias() != null) {
                add(l.bias(), Shape.of(l.out()), part);
            }
        }

        private void norm(Norm n) {
            if (n != null && n.weight() != null) {
                add(n.weight(), Shape.of(n.width()), Part.NORM);
            }
            if (n != null && n.bias() != null) {
                add(n.bias(), Shape.of(n.width()), Part.NORM);
            }
        }

        private void add(String name, Shape shape, Part part) {
            put(new NamedTensor(name, shape, layer, Map.of(part, shape.elements())));
        }

        private void put(NamedTensor t) {
            out.putIfAbsent(t.name(), t);
        }
    }
}
