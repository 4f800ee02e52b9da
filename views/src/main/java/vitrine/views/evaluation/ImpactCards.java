package vitrine.views.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import javafx.beans.property.ObjectProperty;
import vitrine.views.chart.Axis;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.ReadOut.Role;
import vitrine.views.chart.Scale;
import vitrine.views.control.Card;
import vitrine.views.control.Segments;

/// How unevenly the weights of each matrix count: a map of layers and matrices, and the three scores by layer.
final class ImpactCards {

    /// What weights are scored by.
    enum Score {
        IMPACT("impact", "Impact"), MAGNITUDE("magnitude", "|W|"), ACTIVATION("activation", "|W|·‖X‖"), OVERLAP("cherry_overlap", "Overlap");

        private final String key;
        private final String word;

        Score(String key, String word) {
            this.key = key;
            this.word = word;
        }

        String word() {
            return word;
        }
    }

    private static final List<String> KINDS = List.of("query", "key", "value", "query_key_value", "latent", "output", "gate", "up", "gate_up", "down");
    private static final Map<String, String> SHORT = Map.of("query", "q", "key", "k", "value", "v", "query_key_value", "qkv", "output", "o", "gate_up", "gate, up");

    /// Beyond this, plain colours and axes would show the largest only.
    private static final double FAR = 20;

    private final Evaluated of;
    private final Card map = new Card("Heterogeneity");
    private final Card curves = new Card("By layer");
    private final MatrixChart chart = new MatrixChart().largestCell(150, 96);
    private final LineChart lines = new LineChart();
    private final Segments<Score> scores;
    /// By layer, by kind.
    private final TreeMap<Integer, Map<String, List<JsonNode>>> rows = new TreeMap<>();
    private final List<String> kinds;

    ImpactCards(Evaluated of) {
        this.of = of;
        for (JsonNode m : of.matrices()) {
            rows.computeIfAbsent(m.path("layer").asInt(), l -> new LinkedHashMap<>()).computeIfAbsent(m.path("kind").asText(), k -> new ArrayList<>()).add(m);
        }
        kinds = KINDS.stream().filter(k -> rows.values().stream().anyMatch(r -> r.containsKey(k))).toList();
        boolean both = of.matrices().stream().anyMatch(m -> m.has(Score.OVERLAP.key));
        scores = new Segments<>(both ? List.of(Score.values()) : List.of(Score.IMPACT, Score.MAGNITUDE, Score.ACTIVATION), Score::word).compact();
        scores.valueProperty().addListener((o, old, now) -> show());
        FigureCanvas canvas = new FigureCanvas(chart);
        canvas.setId("heterogeneity");
        map.header(scores).content(canvas);
        FigureCanvas lineCanvas = new FigureCanvas(lines);
        lineCanvas.setId("heterogeneity-layers");
        curves.subtitle("mean over matrices").content(lineCanvas);
        curves.provenance(of.measured("mean over a layer's matrices of the largest hundredth of the scores ÷ the largest of the others"));
        lines();
        show();
    }

    Card map() {
        return map;
    }

    Card curves() {
        return curves;
    }

    MatrixChart chart() {
        return chart;
    }

    ObjectProperty<Score> scoreProperty() {
        return scores.valueProperty();
    }

    /// The mean over matrices of a kind in a layer (experts, above all); NaN where none has the figure.
    private double at(int row, int column, Score s) {
        List<JsonNode> all = rows.get(List.copyOf(rows.keySet()).get(row)).get(kinds.get(column));
        return all == null ? Double.NaN : all.stream().filter(m -> m.path(s.key).isNumber()).mapToDouble(m -> m.path(s.key).asDouble()).average().orElse(Double.NaN);
    }

    private void show() {
        Score s = scores.valueProperty().get();
        boolean share = s == Score.OVERLAP;
        float[] cells = new float[rows.size() * kinds.size()];
        double most = 1;
        for (int i = 0; i < cells.length; i++) {
            double v = at(i / kinds.size(), i % kinds.size(), s);
            cells[i] = Double.isNaN(v) ? Cells.NONE : (float) v;
            most = Double.isNaN(v) ? most : Math.max(most, v);
        }
        List<Integer> layers = List.copyOf(rows.keySet());
        chart.labels(layers.stream().map(String::valueOf).toList(), kinds.stream().map(k -> SHORT.getOrDefault(k, k)).toList()).legend(share ? "share of cherries in common" : "heterogeneity")
                .format(share ? Numbers::inCell : v -> v >= 100 ? Numbers.count(Math.round(v)) : Numbers.fixed(v, v >= 10 ? 1 : 2));
        chart.readOut((r, c) -> readOut(layers.get(r), r, c));
        chart.show(Cells.of(rows.size(), kinds.size(), cells), share ? Scale.linear(0, 1) : most > FAR ? Scale.sqrt(1, most) : Scale.linear(1, Math.max(1.1, most)));
        map.subtitle(share ? "one weight of 256, both texts" : "1 = all weights count alike");
        map.provenance(share ? of.measured("of the weights of most impact (one of 256) by either text, the share that is among those of both")
                : of.measured("mean of the largest hundredth of a matrix's scores ÷ the largest of the others; " + (s == Score.IMPACT ? "impact: mean over texts of the squared gradient of a text's mean loss" : s == Score.MAGNITUDE ? "score: |W|" : "score: |W| times the norm of what it multiplies")));
    }

    private ReadOut readOut(int layer, int r, int c) {
        List<JsonNode> all = rows.get(layer).get(kinds.get(c));
        ReadOut out = new ReadOut().add(Role.INDEX, "layer " + layer).add(Role.NAME, kinds.get(c)).add(Role.CONTEXT, all.size() > 1 ? "mean of " + all.size() + " matrices" : all.getFirst().path("name").asText());
        for (Score s : Score.values()) {
            double v = at(r, c, s);
            if (!Double.isNaN(v)) {
                out.line().add(Role.CONTEXT, s == Score.OVERLAP ? "cherries in common" : "by " + (s == Score.IMPACT ? "impact" : s.word)).add(Role.NUMBER, s == Score.OVERLAP ? Numbers.percent(v) : Numbers.general(v));
            }
        }
        return out;
    }

    private void lines() {
        double[] xs = rows.keySet().stream().mapToDouble(Integer::doubleValue).toArray();
        List<LineSeries> series = new ArrayList<>();
        for (Score s : List.of(Score.IMPACT, Score.ACTIVATION, Score.MAGNITUDE)) {
            double[] ys = IntStream.range(0, xs.length).mapToDouble(r -> IntStream.range(0, kinds.size()).mapToDouble(c -> at(r, c, s)).filter(Double::isFinite).average().orElse(Double.NaN)).toArray();
            series.add(LineSeries.of(s.word, xs, ys, series.size() + 1));
        }
        boolean far = series.stream().flatMapToDouble(s -> Arrays.stream(s.ys())).filter(Double::isFinite).max().orElse(1) > FAR;
        lines.axes(Axis.of("layer"), far ? Axis.log("heterogeneity (log)") : Axis.of("heterogeneity"));
        lines.formats(x -> "layer " + Math.round(x), Numbers::general);
        lines.series(series);
        lines.fit();
    }
}
