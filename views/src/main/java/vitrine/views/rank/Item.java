package vitrine.views.rank;

import java.util.Map;
import java.util.OptionalDouble;
import vitrine.core.artifact.Measure;
import vitrine.core.artifact.SpectrumArtifact.Figure;
import vitrine.core.refusal.Visible;

/// One spectrum with its figures.
///
/// @param checkpoint index in the series, 0 where there is one only
/// @param layer or -1
/// @param head or -1 for all heads together
/// @param expert or -1
/// @param name of the tensor or of the place in the model
/// @param rows of the matrix; tokens of values over texts
/// @param columns of the matrix; width of values over texts
/// @param dtype as stored or computed
/// @param figures those that there are
/// @param estimated whether the spectrum is known only in part
/// @param method how it was found
/// @param note what to mind, or null
/// @param absent why there is no spectrum, or null
/// @param origin the artifact's own row
record Item(Kind kind, int checkpoint, int layer, int head, int expert, String name, long rows, int columns, String dtype, Map<Measure, Figure> figures,
        boolean estimated, String method, String note, String absent, Object origin) {

    /// Where an item is, whatever the checkpoint.
    record Place(String kind, int layer, int head, int expert) {
        Place atLayer(int other) {
            return new Place(kind, other, head, expert);
        }
    }

    Place place() {
        return new Place(kind.id(), layer, head, expert);
    }

    /// The smaller side: the most that a rank can be.
    int rank() {
        return (int) Math.min(rows, columns);
    }

    /// A figure as it is to be shown.
    ///
    /// @param normalised whether ranks are divided by the smaller side
    OptionalDouble value(Measure measure, boolean normalised) {
        return of(measure, normalised, 0);
    }

    /// The ends of an estimate's interval, or the value itself.
    OptionalDouble low(Measure measure, boolean normalised) {
        return of(measure, normalised, -1);
    }

    OptionalDouble high(Measure measure, boolean normalised) {
        return of(measure, normalised, 1);
    }

    private OptionalDouble of(Measure measure, boolean normalised, int end) {
        Figure f = figures.get(measure);
        if (f == null) {
            return OptionalDouble.empty();
        }
        double v = end == 0 || !f.estimated() ? f.value() : end < 0 ? f.low() : f.high();
        return OptionalDouble.of(normalised && Measures.isRank(measure) ? v / rank() : v);
    }

    /// What a random matrix of the same shape reaches, where that is known.
    OptionalDouble random(Measure measure, boolean normalised) {
        Figure f = Measures.random(measure) == null ? null : figures.get(Measures.random(measure));
        return f == null ? OptionalDouble.empty() : OptionalDouble.of(normalised ? f.value() : f.value() * rank());
    }

    /// `Layer 3, q_proj`.
    String title() {
        StringBuilder s = new StringBuilder(layer < 0 ? "" : "Layer " + layer + ", ");
        s.append(layer < 0 ? capital(shortName()) : shortName());
        if (expert >= 0) {
            s.append(", expert ").append(expert);
        }
        if (head >= 0) {
            s.append(", head ").append(head);
        }
        return s.toString();
    }

    private static String capital(String text) {
        return text.isEmpty() || text.indexOf('_') >= 0 ? text : Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }

    /// The last part of the name that says something: `q_proj`, `c_attn query`.
    String shortName() {
        if (name.isEmpty()) {
            return kind.words();
        }
        int cut = name.indexOf('#');
        String stored = (cut < 0 ? name : name.substring(0, cut)).replaceFirst("\\.weight$", "");
        String last = stored.substring(stored.lastIndexOf('.') + 1);
        String part = cut < 0 ? "" : name.substring(cut + 1).replaceAll("\\.?(expert|head)\\.\\d+$", "");
        return Visible.name(part.isEmpty() ? last : last + " " + part);
    }

    /// `64 × 64`, or `192 tokens × 64`.
    String shape() {
        return String.format(java.util.Locale.ROOT, "%,d × %,d", rows, columns);
    }
}
