package vitrine.views.rank;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.scene.Node;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Measure;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.artifact.SpectrumArtifact;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Marker;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.Picker;
import vitrine.views.rank.Item.Place;

/// What runs across something else than layers: a measure over the checkpoints of a series, ranks as the context grows, figures that each
/// layer has one of.
final class OtherCard {

    /// More layers than this have no label each.
    private static final int LABELLED = 12;
    /// Names of checkpoints up to this length stand at their ticks.
    private static final int SHORT = 10;

    /// What the figures of each layer are called and how they are read.
    private record Words(String name, String reading, String source) {}

    private static final String SPARSING = "Luo et al., Sparsing Law, 2024, arXiv 2411.02335";
    private static final String MOHD = "Chen et al., Mixture of Hidden-Dimensions Transformer, 2024";
    private static final Map<String, Words> FIGURES = Map.ofEntries(
            Map.entry("sparsity", new Words("activation sparsity", "The share of MLP activations so small that dropping them all changes the output by the error told below.", SPARSING)),
            Map.entry("tail_error", new Words("error of dropping", "Mean over tokens of what the dropped activations would have added, as a share of the MLP's output.", SPARSING)),
            Map.entry("tail_threshold", new Words("threshold of dropping", "Activations whose |a| · ‖W_down column‖ is at most this are counted as dropped.", SPARSING)),
            Map.entry("block_influence", new Words("block influence", "How far a layer turns the residual stream: 0 means that it passes tokens on as they are.", "Men et al., ShortGPT, 2024; as Swift-SVD uses it")),
            Map.entry("hidden_density", new Words("hidden density", "The share of dimensions that hold 90 % of a token's energy.", MOHD)),
            Map.entry("hidden_overlap", new Words("overlap with the token before", "How many of these dimensions neighbouring tokens share.", MOHD)),
            Map.entry("hidden_shared", new Words("shared for five tokens", "Dimensions that stay in use for five tokens running.", MOHD)),
            Map.entry("hidden_shared_by_most", new Words("shared by most tokens", "Dimensions that more than half of the tokens use.", MOHD)));

    private final Card card = new Card("");
    private final RankViewModel model;
    private final LineChart chart = new LineChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final ReadingNote note = new ReadingNote();
    private final VBox content = new VBox(6, canvas, note);
    private final ObjectProperty<String> figure = new SimpleObjectProperty<>(this, "figure");
    private final Picker<String> picker = new Picker<>("", List.of(), OtherCard::named);
    private final Node which;
    private boolean quiet;

    /// @param which switches back to layers
    OtherCard(RankViewModel model, Node which) {
        this.model = model;
        this.which = which;
        canvas.setId("other");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        picker.valueProperty().bindBidirectional(figure);
        figure.addListener((o, old, now) -> show());
        for (var p : List.of(model.stateProperty(), model.measureProperty(), model.normalisedProperty(), model.selectedProperty())) {
            p.addListener((o, old, now) -> show());
        }
        chart.hoveredIndexProperty().addListener((o, old, now) -> {
            if (perLayer()) {
                model.hoveredLayerProperty().set(now.intValue());
            }
        });
        model.hoveredLayerProperty().addListener((o, old, now) -> {
            if (perLayer()) {
                chart.hoveredIndexProperty().set(now.intValue());
            }
        });
        show();
    }

    /// Whether the curve runs across layers, as those of the other cards do.
    private boolean perLayer() {
        return model.hasOther() && model.spectra().filter(s -> s instanceof ValueSpectra v && v.ranks().growth().isEmpty()).isPresent();
    }

    Card node() {
        return card;
    }

    LineChart chart() {
        return chart;
    }

    private void show() {
        if (quiet || !model.hasOther()) {
            return;
        }
        quiet = true;
        switch (model.spectra().orElseThrow()) {
            case WeightSpectra w -> series(w);
            case ValueSpectra v when v.ranks().growth().isPresent() -> growth(v, v.ranks().growth().get());
            case ValueSpectra v -> figures(v);
        }
        quiet = false;
        card.content(content);
    }

    // --- checkpoints

    private void series(WeightSpectra w) {
        Measure m = model.measureProperty().get();
        boolean n = model.normalisedProperty().get() && Measures.isRank(m);
        Place p = model.selectedProperty().get();
        Kind kind = w.kinds().stream().filter(k -> p != null && k.id().equals(p.kind())).findFirst().orElse(w.kinds().isEmpty() ? null : w.kinds().getFirst());
        List<SpectrumArtifact.Subject> checkpoints = w.checkpoints();
        boolean steps = IntStream.range(0, checkpoints.size()).allMatch(c -> checkpoints.get(c).step() >= 0 && (c == 0 || checkpoints.get(c).step() > checkpoints.get(c - 1).step()));
        double[] xs = IntStream.range(0, checkpoints.size()).mapToDouble(c -> steps ? checkpoints.get(c).step() : c).toArray();
        List<LineSeries> lines = new ArrayList<>();
        for (int l = 0; kind != null && l < w.layers(); l++) {
            int layer = l;
            double[] ys = IntStream.range(0, xs.length).mapToDouble(c -> w.point(c, kind, layer, -1, m, n).value()).toArray();
            if (AcrossCard.anyNumber(ys)) {
                lines.add(layerLine(l, w.layers(), xs, ys, p));
            }
        }
        selectedFirst(lines, p);
        card.title("Across checkpoints" + (kind == null ? "" : ", " + kind.label()));
        card.subtitle(Measures.formula(m, n));
        card.besideTitle(which);
        card.header();
        card.provenance(w.provenance(m, n));
        chart.axes(steps ? Axis.of("step") : Axis.of("checkpoint").written(v -> v == Math.rint(v) && v >= 0 && v < checkpoints.size() ? shortName(checkpoints.get((int) v).name(), (int) v) : ""),
                AcrossCard.yAxis(w, m, n)).series(lines).formats(x -> steps ? "step " + Numbers.count(x) : checkpoints.get((int) x).name(), Measures.format(m, n));
        note.say(m == Measure.SPECTRAL_NORM ? Measures.reading(m) : "One curve per layer, dark to light from the first to the last. A rank that rises means that training spreads over more directions.",
                m == Measure.SPECTRAL_NORM ? Measures.source(m) : "Gu et al., APEX, 2025, arXiv 2505.24241");
    }

    /// A long name would be cut at the plot's edge: then its place in the series stands there, and the read-out has the name.
    private static String shortName(String name, int index) {
        return name.length() <= SHORT ? name : Numbers.count(index);
    }

    private LineSeries layerLine(int layer, int layers, double[] xs, double[] ys, Place selected) {
        double place = layers == 1 ? 0.6 : 0.2 + 0.8 * layer / (layers - 1.0);
        boolean labelled = layers <= LABELLED || selected != null && selected.layer() == layer;
        LineSeries line = new LineSeries("layer " + layer, xs, ys, p -> p.sequential(place), Marker.of(layer % 4), false, false, false, labelled);
        return xs.length > 24 ? line.withoutMarkers() : line;
    }

    private void selectedFirst(List<LineSeries> lines, Place p) {
        String name = p == null ? "" : "layer " + p.layer();
        chart.selectedSeriesProperty().set(name);
        lines.stream().filter(l -> l.name().equals(name)).findFirst().ifPresent(l -> {
            lines.remove(l);
            lines.addFirst(l);
        });
    }

    // --- the context

    private void growth(ValueSpectra v, RankArtifact.Growth g) {
        Place p = model.selectedProperty().get();
        int site = Math.max(0, g.sites().indexOf(p == null ? "k" : p.kind()));
        double[] xs = java.util.Arrays.stream(g.lengths()).asDoubleStream().toArray();
        List<LineSeries> lines = new ArrayList<>();
        for (int l = 0; l < v.layers(); l++) {
            double[] ys = g.effectiveRank()[site][l];
            if (AcrossCard.anyNumber(ys)) {
                lines.add(layerLine(l, v.layers(), xs, ys, p));
            }
        }
        selectedFirst(lines, p);
        String kind = v.kind(g.sites().get(site)).map(Kind::label).orElse(g.sites().get(site));
        card.title("As the context grows, " + kind);
        card.subtitle("effective rank of all heads together");
        card.besideTitle(which);
        card.header();
        card.provenance(v.artifact().provenance("growth." + g.sites().get(site)).orElseGet(() -> Provenance.derived(v.subject(), "F64", "effective rank of the rows so far, mean over sequences")
                .of(g.sequences().length == 0 ? 0 : g.sequences()[0])));
        chart.axes(Axis.log("tokens (log)"), Axis.of("effective rank")).series(lines).formats(x -> Numbers.count(x) + " tokens", x -> Numbers.fixed(x, 2));
        note.say("Where a curve flattens, new tokens add no new directions to the cache: it could be kept at that width.", "Chen et al., KV-CoRE, 2026, arXiv 2602.05929");
    }

    // --- figures of each layer

    private static String named(String figure) {
        Words w = FIGURES.get(figure);
        if (w != null) {
            return w.name();
        }
        return figure.replace(".split_participation_ratio", ": participation ratio by halves").replace("_out.", ": ").replace("_", " ");
    }

    private void figures(ValueSpectra v) {
        List<String> names = v.ranks().figureNames();
        picker.setChoices(names);
        String name = figure.get();
        card.title("Per layer");
        card.subtitle("");
        card.besideTitle(which);
        card.header(picker);
        card.provenance(v.artifact().provenance(name).orElseGet(() -> Provenance.derived(v.subject(), "F64", named(name)).of(v.ranks().tokens())));
        chart.selectedSeriesProperty().set("");
        chart.axes(Axis.of("layer").written(x -> x == Math.rint(x) ? Numbers.count(x) : ""), Axis.of(named(name))).series(List.of(LineSeries.of(named(name), v.ranks().figures(name), 8).withoutLabel()))
                .formats(x -> "layer " + Numbers.count(x), Numbers::general);
        Words w = FIGURES.get(name);
        note.say(w == null ? name.endsWith("split_participation_ratio") ? "The participation ratio from two halves of the sequences, without the bias that few tokens bring." : "" : w.reading(), w == null ? "" : w.source());
    }
}
