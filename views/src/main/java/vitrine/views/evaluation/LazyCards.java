package vitrine.views.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.stream.IntStream;
import javafx.geometry.HPos;
import javafx.geometry.Insets;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.layout.ColumnConstraints;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Styles;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.ReadOut.Role;
import vitrine.views.chart.Scale;
import vitrine.views.control.Card;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;

/// Layers that attend alike: how far every two are apart, and what was measured where some take over what others attend with.
final class LazyCards {

    private final Evaluated of;
    private final Card map = new Card("Layers that attend alike");
    private final Card losses = new Card("Measured losses");
    private final MatrixChart chart = new MatrixChart().largestCell(110, 96);
    private final List<JsonNode> thresholds = new ArrayList<>();
    private final Segments<Integer> which;

    LazyCards(Evaluated of) {
        this.of = of;
        of.lazy().path("thresholds").forEach(thresholds::add);
        which = new Segments<>(IntStream.range(0, thresholds.size()).boxed().toList(), i -> "≤ " + Numbers.general(thresholds.get(i).path("threshold").asDouble())).compact();
        // The first of which something can be seen.
        which.valueProperty().set(IntStream.range(0, thresholds.size()).filter(i -> thresholds.get(i).path("lazy_layers").asInt() > 0).findFirst().orElse(0));
        which.valueProperty().addListener((o, old, now) -> show());
        FigureCanvas canvas = new FigureCanvas(chart);
        canvas.setId("lazy");
        map.content(canvas);
        if (thresholds.size() > 1 && thresholds.size() <= 4) {
            map.header(which);
        }
        map.provenance(of.measured("Jensen-Shannon divergence of two layers' mean attention, mean over queries, nats, 0 to ln 2, over " + Numbers.count(of.lazy().path("compared_tokens").asLong()) + " tokens"
                + (of.lazy().path("without_first_key").asBoolean() ? ", without what goes to the first key" : "")));
        table();
        show();
    }

    Card map() {
        return map;
    }

    Card losses() {
        return losses;
    }

    MatrixChart chart() {
        return chart;
    }

    private void show() {
        JsonNode rows = of.lazy().path("divergence");
        int n = rows.size();
        float[] cells = new float[n * n];
        double most = 0;
        for (int i = 0; i < cells.length; i++) {
            JsonNode v = rows.get(i / n).path(i % n);
            cells[i] = v.isNumber() ? (float) v.asDouble() : Float.NaN;
            most = v.isNumber() ? Math.max(most, v.asDouble()) : most;
        }
        JsonNode t = thresholds.get(which.valueProperty().get());
        List<String> names = IntStream.range(0, n).mapToObj(l -> anchor(t, l) == l ? String.valueOf(l) : l + " as " + anchor(t, l)).toList();
        chart.labels(names, IntStream.range(0, n).mapToObj(Integer::toString).toList()).legend("divergence, nats").format(v -> Numbers.fixed(v, 2));
        chart.readOut((r, c) -> new ReadOut().add(Role.INDEX, "layers " + r + " and " + c).line().add(Role.VALUE, Numbers.orReason(rows.get(r).path(c).asDouble(Double.NaN), Numbers::probability)).add(Role.CONTEXT, "nats")
                .line().add(Role.CONTEXT, anchor(t, r) == r ? "layer " + r + " attends by itself" : "layer " + r + " attends as layer " + anchor(t, r)));
        chart.show(Cells.of(n, n, cells), Scale.linear(0, Math.max(0.01, most)));
        map.subtitle("up to " + Numbers.general(t.path("threshold").asDouble()) + Numbers.THIN_SPACE + "nats: " + t.path("lazy_layers").asInt() + " of " + n + " layers");
    }

    private static int anchor(JsonNode threshold, int layer) {
        return threshold.path("anchors").path(layer).asInt(layer);
    }

    private void table() {
        GridPane g = new GridPane();
        g.setHgap(16);
        g.setVgap(6);
        ColumnConstraints name = new ColumnConstraints(110, 150, Double.MAX_VALUE);
        name.setHgrow(Priority.ALWAYS);
        g.getColumnConstraints().add(name);
        String[] heads = {"Taken over", "Layers", "Perplexity", "Ratio", "KL, nats", "Same token", "Cache spared"};
        for (int i = 0; i < heads.length; i++) {
            if (i > 0) {
                ColumnConstraints c = new ColumnConstraints();
                c.setHalignment(HPos.RIGHT);
                g.getColumnConstraints().add(c);
            }
            g.add(ProvenanceAudit.notAFigure(words(heads[i], Styles.CAPTION), "name of a column"), i, 0);
        }
        Provenance loss = of.measured("perplexity of the model whose layers attend as their anchors do, on the same pieces");
        Provenance counted = Provenance.derived(of.model(), "", "counted in the groups of layers that attend alike");
        double whole = of.figures().path("perplexity").asDouble(Double.NaN);
        g.add(ProvenanceAudit.notAFigure(words("nothing, as it is", Styles.SMALL), "name of a row"), 0, 1);
        cell(g, 1, 1, 0, Numbers::count, counted);
        cell(g, 2, 1, whole, Numbers::perplexity, loss);
        int row = 2;
        for (JsonNode t : thresholds) {
            for (String what : List.of("queries", "attention")) {
                JsonNode r = t.path(what);
                g.add(ProvenanceAudit.notAFigure(words(what + ", ≤ " + Numbers.general(t.path("threshold").asDouble()) + Numbers.THIN_SPACE + "nats", Styles.SMALL), "name of a row"), 0, row);
                cell(g, 1, row, t.path("lazy_layers").asDouble(), Numbers::count, counted);
                cell(g, 2, row, r.path("perplexity").asDouble(Double.NaN), Numbers::perplexity, loss);
                cell(g, 3, row, r.path("perplexity").asDouble(Double.NaN) / whole, Numbers::ratio, loss);
                cell(g, 4, row, r.path("kl").asDouble(Double.NaN), v -> Numbers.fixed(v, 3), of.measured("KL of the next-token distribution of the whole model from the other's, mean over tokens"));
                cell(g, 5, row, r.path("top1_agreement").asDouble(Double.NaN), Numbers::percent, of.measured("positions whose likeliest next token stays the same"));
                cell(g, 6, row++, what.equals("attention") ? t.path("spared_cache").asDouble() : 0, Numbers::percent, counted);
            }
        }
        // Room for the bar, where there is one.
        g.setPadding(new Insets(0, 14, 0, 0));
        ScrollPane scroll = new ScrollPane(g);
        scroll.setFitToWidth(true);
        scroll.getStyleClass().add("edge-to-edge");
        losses.content(scroll);
        losses.provenance(loss);
    }

    private static Label words(String text, String style) {
        Label l = new Label(text);
        l.getStyleClass().add(style);
        return l;
    }

    private static void cell(GridPane g, int column, int row, double v, DoubleFunction<String> format, Provenance from) {
        Label l = words(Numbers.orReason(v, format), Styles.MONO);
        l.setMinWidth(Region.USE_PREF_SIZE);
        g.add(ProvenanceAudit.tag(l, from), column, row);
    }
}
