package vitrine.core.architecture;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Fused;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;
import vitrine.core.tensor.Shape;

/// A tensor that a [ModelSpec] needs: its name, the shape it must have, and what it is for.
///
/// @param layer the layer that it belongs to, or -1
/// @param parameters how many of its values belong to which part; a fused tensor belongs to several
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
            switch (l.feedForward()) {
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
            }
            norm(l.feedForwardOutput());
            norm(l.afterFeedForward());
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
            }
            QueryKeyNorm n = a.queryKeyNorm();
            if (n != null) {
                n.query().forEach(this::norm);
                n.key().forEach(this::norm);
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
                bias(l, part);
            }
        }

        /// A bias has one value for each row of the weight: its values belong to the parts of their rows.
        private void fused(Linear l, Map<Part, Long> parameters) {
            put(new NamedTensor(l.weight(), l.shape(), layer, parameters));
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
