package vitrine.views.rank;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import javafx.scene.Node;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Measure;
import vitrine.core.artifact.SpectrumArtifact;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Marker;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.Segments;
import vitrine.views.rank.Item.Place;

/// A measure across the layers, a curve for each kind; of two checkpoints the second is dashed, of a series each is a curve.
final class AcrossCard {

    private final Card card = new Card("Across layers");
    private final RankViewModel model;
    private final LineChart chart = new LineChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final ReadingNote note = new ReadingNote();
    private final VBox content = new VBox(6, canvas, note);
    private final Segments<Boolean> scaling = new Segments<>(List.of(true, false), n -> n ? "÷ side" : "absolute").compact();
    private boolean quiet;

    /// @param which switches to what curves can run across instead of layers
    AcrossCard(RankViewModel model, Node which) {
        this.model = model;
        canvas.setId("across");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        scaling.valueProperty().bindBidirectional(model.normalisedProperty());
        card.besideTitle(which);
        card.header(scaling);
        chart.hoveredIndexProperty().bindBidirectional(model.hoveredLayerProperty());
        chart.lockedIndexProperty().addListener((o, old, now) -> layerChosen(now.intValue()));
        for (var p : List.of(model.stateProperty(), model.measureProperty(), model.normalisedProperty(), model.selectedProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    Card node() {
        return card;
    }

    LineChart chart() {
        return chart;
    }

    private void layerChosen(int layer) {
        Place p = model.selectedProperty().get();
        if (!quiet && layer >= 0 && p != null && model.at(0, p.atLayer(layer)).isPresent()) {
            model.selectedProperty().set(p.atLayer(layer));
        } else if (!quiet) {
            show();
        }
    }

    private void show() {
        Spectra s = model.spectra().orElse(null);
        if (s == null) {
            return;
        }
        Measure m = model.measureProperty().get();
        boolean n = model.normalisedProperty().get() && Measures.isRank(m);
        scaling.setVisible(Measures.isRank(m));
        scaling.setManaged(Measures.isRank(m));
        List<SpectrumArtifact.Subject> checkpoints = s.checkpoints();
        Kind chosen = chosen(s);
        quiet = true;
        List<LineSeries> series = checkpoints.size() > 2 ? steps(s, chosen, m, n) : kinds(s, chosen, m, n, checkpoints);
        chart.axes(Axis.of("layer").written(v -> v == Math.rint(v) ? Numbers.count(v) : ""), yAxis(s, m, n)).series(series).references(references(s, chosen, m, n))
                .formats(x -> "layer " + Numbers.count(x), Measures.format(m, n));
        chart.selectedSeriesProperty().set(chosen == null ? "" : chosen.label());
        Place p = model.selectedProperty().get();
        chart.lockedIndexProperty().set(p == null ? -1 : p.layer());
        quiet = false;
        String against = s instanceof WeightSpectra w ? w.against() : null;
        card.title(against != null ? "Change across layers" : checkpoints.size() > 2 && chosen != null ? "Across layers, " + chosen.label() : "Across layers");
        card.subtitle(Measures.formula(m, n));
        card.provenance(s.provenance(m, n));
        String drawn = checkpoints.size() == 2 ? "Solid " + checkpoints.get(0).name() + ", dashed " + checkpoints.get(1).name() + ". "
                : against != null ? "Spectra of " + s.subject() + ". " : "";
        note.say(drawn + Measures.reading(m), Measures.source(m));
        card.content(content);
    }

    private Kind chosen(Spectra s) {
        Place p = model.selectedProperty().get();
        return p == null ? null : s.kinds().stream().filter(k -> k.id().equals(p.kind())).findFirst().orElse(null);
    }

    /// Shares have a fixed range; a cut one begins at a half.
    static Axis yAxis(Spectra s, Measure m, boolean normalised) {
        String name = Measures.name(m, normalised);
        if (!normalised && m != Measure.SOFT_RANK) {
            return Axis.of(name);
        }
        return Axis.of(name).between(shareFloor(s, m, normalised), 1);
    }

    /// Where the axis of shares begins: 0.5 where no layer's figure is below.
    static double shareFloor(Spectra s, Measure m, boolean normalised) {
        double least = s.items().stream().filter(i -> i.layer() >= 0 && i.head() < 0 && i.value(m, normalised).isPresent()).mapToDouble(i -> i.low(m, normalised).getAsDouble())
                .min().orElse(0);
        return least >= 0.5 ? 0.5 : 0;
    }

    private static List<LineSeries> kinds(Spectra s, Kind chosen, Measure m, boolean n, List<SpectrumArtifact.Subject> checkpoints) {
        List<LineSeries> series = new ArrayList<>();
        List<Kind> order = new ArrayList<>(s.kinds());
        if (chosen != null) {
            order.remove(chosen);
            order.addFirst(chosen);
        }
        for (Kind k : order) {
            double[] a = s.curve(0, k, m, n);
            if (anyNumber(a)) {
                series.add(LineSeries.of(k.label(), a, k.category()));
                if (k.experts()) {
                    addRange(series, s, k, m, n);
                }
            }
            if (checkpoints.size() == 2) {
                double[] b = s.curve(1, k, m, n);
                if (anyNumber(b)) {
                    series.add(LineSeries.of(k.label() + " of " + checkpoints.get(1).name(), b, k.category()).asDashed().withoutLabel());
                }
            }
        }
        return series;
    }

    /// The lowest and the highest expert of each layer, faint.
    private static void addRange(List<LineSeries> series, Spectra s, Kind k, Measure m, boolean n) {
        double[] low = IntStream.range(0, s.layers()).mapToDouble(l -> s.point(0, k, l, -1, m, n).low()).toArray();
        double[] high = IntStream.range(0, s.layers()).mapToDouble(l -> s.point(0, k, l, -1, m, n).high()).toArray();
        series.add(LineSeries.of(k.label() + ", lowest expert", low, k.category()).asRaw());
        series.add(LineSeries.of(k.label() + ", highest expert", high, k.category()).asRaw());
    }

    /// One kind, a curve for each checkpoint: from dark to light in their order.
    private static List<LineSeries> steps(Spectra s, Kind chosen, Measure m, boolean n) {
        List<LineSeries> series = new ArrayList<>();
        int count = s.checkpoints().size();
        for (int c = count - 1; c >= 0 && chosen != null; c--) {
            double place = 0.25 + 0.75 * c / (count - 1.0);
            double[] ys = s.curve(c, chosen, m, n);
            double[] xs = IntStream.range(0, ys.length).asDoubleStream().toArray();
            if (anyNumber(ys)) {
                series.add(new LineSeries(label(s.checkpoints().get(c)), xs, ys, p -> p.sequential(place), Marker.of(c % 4), false, false, false, true));
            }
        }
        return series;
    }

    /// `step 500`, or the checkpoint's name.
    static String label(SpectrumArtifact.Subject checkpoint) {
        return checkpoint.step() >= 0 ? String.format(Locale.ROOT, "step %,d", checkpoint.step()) : checkpoint.name();
    }

    static boolean anyNumber(double[] values) {
        return java.util.Arrays.stream(values).anyMatch(Double::isFinite);
    }

    private static List<LineChart.Reference> references(Spectra s, Kind chosen, Measure m, boolean n) {
        List<LineChart.Reference> lines = new ArrayList<>();
        Map<String, Double> baselines = s.baselines(m, n);
        for (Map.Entry<String, Double> e : baselines.entrySet()) {
            boolean mine = chosen != null && s.items().stream().anyMatch(i -> i.kind().equals(chosen) && i.layer() >= 0 && i.head() < 0 && i.shape().equals(e.getKey()));
            boolean known = lines.stream().anyMatch(l -> Math.abs(l.y() - e.getValue()) < 1e-12);
            if (mine || !known) {
                lines.removeIf(l -> mine && Math.abs(l.y() - e.getValue()) < 1e-12);
                lines.add(new LineChart.Reference(e.getValue(), "random " + e.getKey(), mine ? chosen.label() : ""));
            }
        }
        // Of two lines that would touch, the first is drawn: the one that stands clear of more curves.
        lines.sort((a, b) -> Double.compare(b.y(), a.y()));
        return lines;
    }
}
