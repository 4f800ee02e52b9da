package vitrine.views.rank;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import javafx.scene.Node;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Measure;
import vitrine.core.artifact.SpectrumArtifact;
import vitrine.resources.Guide;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.SeriesKey;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.rank.Item.Place;

/// The singular values of one matrix, both axes logarithmic, with what is read off them: effective rank, noise edge, power law, threshold.
final class SpectrumCard {

    /// Values this far below the largest are rounding and would flatten the rest.
    private static final double FLOOR = 1e-6;

    private final Card card = new Card("Spectrum").explained(Guide.Section.formula("rank", "noise edge"));
    private final RankViewModel model;
    private final LineChart chart = new LineChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final ReadingNote note = new ReadingNote();
    private final VBox content = new VBox(6, canvas, note);
    private boolean quiet;

    SpectrumCard(RankViewModel model) {
        this.model = model;
        canvas.setId("spectrum");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        chart.thresholdProperty().addListener((o, old, now) -> {
            if (!quiet && Double.isFinite(now.doubleValue())) {
                model.keep((int) Math.round(now.doubleValue()));
                threshold();
            }
        });
        chart.thresholdName(v -> "keep " + Numbers.count(v));
        for (var p : List.of(model.stateProperty(), model.selectedProperty(), model.comparedProperty())) {
            p.addListener((o, old, now) -> show());
        }
        for (var p : List.of(model.shareProperty(), model.ruleProperty(), model.truncationsProperty())) {
            p.addListener((o, old, now) -> threshold());
        }
        show();
    }

    Card node() {
        return card;
    }

    LineChart chart() {
        return chart;
    }

    private void threshold() {
        quiet = true;
        Optional<Truncation> t = model.truncation();
        int k = t.map(model.whatIf()::rank).orElse(0);
        chart.thresholdProperty().set(t.isPresent() && k >= 1 ? k : Double.NaN);
        quiet = false;
    }

    private void show() {
        Spectra s = model.spectra().orElse(null);
        Item i = model.item().orElse(null);
        if (s == null || i == null) {
            card.subtitle("");
            card.content(new EmptyState(Icons.RANK, s == null ? "Singular values of the selected matrix." : "Select a matrix in the map."));
            return;
        }
        card.subtitle(i.title().toLowerCase(java.util.Locale.ROOT));
        card.provenance(s.provenance(i));
        double[] sigma = s.values(i);
        if (sigma.length == 0 || !(sigma[0] > 0)) {
            card.content(new EmptyState(Icons.INFORMATION, "There is no spectrum to draw: " + (i.absent() == null ? "all values are 0" : i.absent()) + "."));
            return;
        }
        quiet = true;
        double largest = sigma[0];
        List<LineSeries> series = new ArrayList<>();
        series.add(line(i.title(), sigma, largest, i.kind().category(), true));
        addCompared(series, s, i, largest);
        List<LineChart.Reference> references = new ArrayList<>();
        List<LineChart.Mark> marks = new ArrayList<>();
        addFit(series, i, largest);
        i.value(Measure.NOISE_EDGE, false).ifPresent(edge -> {
            if (edge < largest) {
                references.add(new LineChart.Reference(edge / largest, "noise edge σ = " + Numbers.general(edge), ""));
            }
        });
        i.value(Measure.EFFECTIVE_RANK, false).ifPresent(er -> marks.add(new LineChart.Mark(er, "effective rank " + Numbers.fixed(er, 1))));
        chart.axes(Axis.log("index i (log)").between(1, Math.max(2, longest(series))), Axis.log("σᵢ / σ₁ (log)").between(lowest(series), highest(series))).series(series).references(references)
                .marks(marks).formats(x -> "i = " + Numbers.count(x), Numbers::general);
        quiet = false;
        threshold();
        key(series);
        note.say(reading(i), source(i));
        card.content(content);
    }

    /// Names the dashed lines.
    private void key(List<LineSeries> series) {
        SeriesKey lines = new SeriesKey();
        series.stream().skip(1).limit(2).forEach(l -> lines.add(l.name().startsWith("α") ? l.name().substring(0, l.name().indexOf(" from")) : l.name(), SeriesKey.Sample.DASHED, l.colour(), null));
        FigureCanvas picture = new FigureCanvas(lines);
        double width = lines.widthFor(picture.surface());
        picture.setMinSize(width, 18);
        picture.setMaxSize(width, 18);
        card.header(series.size() > 1 ? new Node[] {picture} : new Node[0]);
    }

    private static LineSeries line(String name, double[] sigma, double largest, int category, boolean labelled) {
        double[] xs = IntStream.rangeClosed(1, sigma.length).asDoubleStream().toArray();
        double[] ys = java.util.Arrays.stream(sigma).map(v -> v / largest).toArray();
        LineSeries line = LineSeries.of(name, xs, ys, category).withoutLabel();
        return labelled && sigma.length <= 64 ? line : line.withoutMarkers();
    }

    /// The same matrix of the other checkpoint, else the one that was kept for comparison; dashed.
    private void addCompared(List<LineSeries> series, Spectra s, Item i, double largest) {
        List<SpectrumArtifact.Subject> checkpoints = s.checkpoints();
        for (int c = 1; c < checkpoints.size(); c++) {
            int other = c;
            model.at(c, i.place()).ifPresent(b -> add(series, s, b, AcrossCard.label(checkpoints.get(other)), largest));
        }
        Place p = model.comparedProperty().get();
        if (p != null && !p.equals(i.place())) {
            model.at(0, p).ifPresent(b -> {
                double[] sigma = s.values(b);
                add(series, s, b, b.title(), sigma.length == 0 ? largest : sigma[0]);
            });
        }
    }

    private static void add(List<LineSeries> series, Spectra s, Item b, String name, double largest) {
        double[] sigma = s.values(b);
        if (sigma.length > 0 && sigma[0] > 0) {
            series.add(line(name, sigma, largest, b.kind().category(), false).asDashed());
        }
    }

    /// The fitted power law as the line that it is in these axes: of `n` values in the tail, the i-th is at
    /// `λ = xmin · (n / i)^(1 / (α − 1))`.
    private static void addFit(List<LineSeries> series, Item i, double largest) {
        OptionalDouble alpha = i.value(Measure.ALPHA, false);
        OptionalDouble xMin = i.value(Measure.ALPHA_X_MIN, false);
        OptionalDouble tail = i.value(Measure.ALPHA_TAIL, false);
        if (alpha.isEmpty() || xMin.isEmpty() || tail.isEmpty() || alpha.getAsDouble() <= 1 || tail.getAsDouble() < 2) {
            return;
        }
        int n = (int) tail.getAsDouble();
        double[] xs = IntStream.rangeClosed(1, n).asDoubleStream().toArray();
        double[] ys = java.util.Arrays.stream(xs).map(x -> fitted(x, n, alpha.getAsDouble(), xMin.getAsDouble()) / largest).toArray();
        series.add(new LineSeries("α = " + Numbers.fixed(alpha.getAsDouble(), 2) + " from σ = " + Numbers.general(Math.sqrt(xMin.getAsDouble())), xs, ys, p -> p.warning(), null, true,
                false, false, false));
    }

    /// The singular value that the power law expects at a place of the tail.
    static double fitted(double index, double tail, double alpha, double xMin) {
        return Math.sqrt(xMin * Math.pow(tail / index, 1 / (alpha - 1)));
    }

    private static double longest(List<LineSeries> series) {
        return series.stream().mapToDouble(l -> l.xs()[l.xs().length - 1]).max().orElse(1);
    }

    /// 1, or above it where the fit begins there.
    private static double highest(List<LineSeries> series) {
        return series.stream().flatMapToDouble(l -> java.util.Arrays.stream(l.ys())).filter(Double::isFinite).max().orElse(1);
    }

    /// A whole decade below the smallest value that is more than rounding.
    private static double lowest(List<LineSeries> series) {
        double least = series.stream().flatMapToDouble(l -> java.util.Arrays.stream(l.ys())).filter(v -> v > FLOOR).min().orElse(0.1);
        return Math.pow(10, Math.min(-1, Math.floor(Math.log10(least) + 1e-9)));
    }

    private String reading(Item i) {
        StringBuilder s = new StringBuilder();
        i.value(Measure.SPIKES, false).ifPresent(n -> s.append(n == 0 ? "No value stands" : Numbers.count(n) + (n == 1 ? " value stands" : " values stand")).append(" above what noise alone would give. "));
        OptionalDouble alpha = i.value(Measure.ALPHA, false);
        if (alpha.isPresent()) {
            double tail = i.value(Measure.ALPHA_TAIL, false).orElse(0);
            double distance = i.value(Measure.ALPHA_DISTANCE, false).orElse(0);
            s.append("A straight fall is a power law: α ").append(Numbers.fixed(alpha.getAsDouble(), 2));
            i.value(Measure.ALPHA_ERROR, false).ifPresent(e -> s.append(" ± ").append(Numbers.fixed(e, 2)));
            s.append(" over ").append(Numbers.count(tail)).append(" values").append(i.rank() < 50 || tail < 20 || distance > 0.1 ? "; too few or too far off to rely on." : ".");
        } else if (s.isEmpty()) {
            s.append("A cliff means few directions, a slow fall many. P keeps this spectrum to compare others with.");
        }
        return i.estimated() ? "Estimated: only the largest values are known one by one. " + s : s.toString();
    }

    private static String source(Item i) {
        return i.value(Measure.ALPHA, false).isPresent() ? Measures.source(Measure.ALPHA) : i.value(Measure.SPIKES, false).isPresent() ? Measures.source(Measure.SPIKES) : "";
    }
}
