package vitrine.views.runs;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.stream.IntStream;
import javafx.geometry.HPos;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.ColumnConstraints;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Axis;
import vitrine.views.chart.ColumnChart;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.Meter;
import vitrine.views.control.MetricTile;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Quantity;

/// One pruning run: how far it is, what went of each layer and what that does to what the layer gives, and, once it ended, its report.
final class PruneLayout extends Region {

    private static final double GAP = 12;
    private static final double TEXTS_LEAST = 132;
    private static final double TEXTS_MOST = 240;
    private static final String ERROR = "‖ΔW X‖ ÷ ‖W X‖";
    private static final Guide.Section REPORT = new Guide.Section("pruning", "The report", "");
    private static final String INFLUENCE = "1 − cos(before, after)";
    private static final String STATES = "‖h′ − h‖ ÷ ‖h‖";
    private static final String CHANNELS = "channels that stay";

    private final RunsViewModel model;
    private final Meter meter = new Meter(0);
    private final Label layers = new Label();
    private final HBox progress = new HBox(10, meter, layers);
    private final MetricTile perplexity = tile("Perplexity");
    private final MetricTile gone = tile("Weights gone");
    private final MetricTile disk = tile("Size on disk");
    private final MetricTile speed = tile("Tokens per second");
    private final MetricTile agreement = tile("Same likeliest token");
    private final HBox tiles = new HBox(GAP, perplexity, gone, disk, speed, agreement);
    private final ColumnChart went = new ColumnChart();
    private final ColumnChart erred = new ColumnChart();
    private final Card wentCard = new Card("What went, by layer").explained(REPORT);
    private final InsideCard inside = new InsideCard();
    private final Card erredCard = inside.node().explained(REPORT);
    private final Card texts = new Card("Before and after").explained(REPORT);
    private final FigureCanvas wentCanvas = new FigureCanvas(went);
    private final FigureCanvas erredCanvas = new FigureCanvas(erred);
    private boolean erring;

    PruneLayout(RunsViewModel model) {
        this.model = model;
        meter.setMaxWidth(Double.MAX_VALUE);
        HBox.setHgrow(meter, Priority.ALWAYS);
        layers.getStyleClass().add(Styles.SMALL);
        layers.setMinWidth(USE_PREF_SIZE);
        progress.setAlignment(Pos.CENTER_LEFT);
        ProvenanceAudit.notAFigure(progress, "progress of the run");
        for (Node t : tiles.getChildren()) {
            HBox.setHgrow(t, Priority.ALWAYS);
            ((MetricTile) t).setPrefWidth(150);
            ((MetricTile) t).setMinWidth(100);
            ((MetricTile) t).setMinHeight(100);
        }
        wentCanvas.setId("went");
        erredCanvas.setId("erred");
        wentCard.content(wentCanvas);
        getChildren().addAll(progress, tiles, wentCard, erredCard, texts);
        setMinSize(0, 0);
    }

    private static MetricTile tile(String caption) {
        return new MetricTile(caption, Quantity.missing("", Provenance.measured("run", "", caption)), Styles.FIGURE_LARGE);
    }

    ColumnChart went() {
        return went;
    }

    InsideCard inside() {
        return inside;
    }

    ColumnChart erred() {
        return erred;
    }

    /// Shows a run.
    void show(RunData d) {
        JsonNode report = d.report();
        long of = d.steps();
        boolean ended = report != null;
        meter.shareProperty().set(ended ? 1 : of == 0 ? Double.NaN : (double) d.run().step() / of);
        layers.setText(ended ? Numbers.count(report.path("layers").size()) + " layers" : "layer " + Numbers.count(d.run().step()) + (of == 0 ? "" : " of " + Numbers.count(of)));
        figures(d, report);
        charts(d, report);
        table(d, report);
        requestLayout();
    }

    // --- tiles

    private static Provenance from(RunData d, String what) {
        return Origins.measured(d, what);
    }

    private static Quantity quantity(JsonNode v, DoubleFunction<String> format, Provenance from, String why) {
        return v.isNumber() ? Quantity.of(v.asDouble(), format, from) : Quantity.missing(why, from);
    }

    private void figures(RunData d, JsonNode report) {
        JsonNode r = report == null ? com.fasterxml.jackson.databind.node.MissingNode.getInstance() : report;
        String why = report != null ? "not finite" : d.going() ? "not yet" : "no report";
        JsonNode first = r.path("evaluations").path(0);
        String on = first.path("name").asText("");
        String noText = report != null && first.isMissingNode() ? "no text" : why;
        perplexity.caption(on.isEmpty() ? "Perplexity" : "Perplexity, " + on);
        perplexity.show(quantity(first.at("/pruned/perplexity"), Numbers::perplexity, from(d, "exp of the mean loss over " + Numbers.count(first.path("predicted_tokens").asLong()) + " predicted tokens; " + r.path("recipe").asText()), noText));
        perplexity.note(first.at("/dense/perplexity").isNumber() ? "was " + Numbers.perplexity(first.at("/dense/perplexity").asDouble()) : "");
        JsonNode s = r.path("sparsity");
        boolean thin = thin(s);
        gone.caption(thin ? "Gone as thin matrices" : "Weights gone");
        gone.show(s.isMissingNode() ? Quantity.missing(why, from(d, "")) : Quantity.of(100 * goneShare(s), v -> Numbers.fixed(v, 1), Origins.derived(d, thin ? "1 − values of the thin matrices ÷ weights that could be pruned" : "zeros and removed parameters ÷ weights that could be pruned")).in("%"));
        gone.note(s.isMissingNode() ? "" : thin ? Numbers.si(s.path("factorised_parameters").asDouble()) + " of " + Numbers.si(s.path("parameters").asDouble()) + " left"
                : Numbers.count(s.path("parameters").asLong()) + " parameters");
        disk.show(quantity(s.path("bytes"), Numbers::bytes, from(d, "files of the checkpoint, masks and thin matrices left out"), why));
        disk.note(s.has("bytes_before") ? s.path("bytes").asLong() == s.path("bytes_before").asLong() ? thin ? "as before" : "zeros take room" : "was " + Numbers.bytes(s.path("bytes_before").asDouble()) : "");
        JsonNode v = r.path("speed");
        speed.show(quantity(v.path("pruned_tokens_per_second"), Numbers::rate, from(d, "a pass with logits over " + Numbers.count(v.path("tokens").asLong()) + " tokens, in turn with the model as it was, the best of " + v.path("rounds").asInt()), noText));
        speed.note(v.path("dense_tokens_per_second").isNumber() ? "was " + Numbers.rate(v.path("dense_tokens_per_second").asDouble()) : "");
        agreement.show(first.path("top1_agreement").isNumber() ? Quantity.of(100 * first.path("top1_agreement").asDouble(), x -> Numbers.fixed(x, 1), from(d, "positions whose likeliest next token is that of the model as it was, over " + Numbers.count(first.path("compared_tokens").asLong()) + " tokens")).in("%")
                : Quantity.missing(noText, from(d, "")));
        agreement.note(first.path("kl").isNumber() ? "KL " + Numbers.fixed(first.path("kl").asDouble(), 3) + Numbers.THIN_SPACE + "nats" : "");
    }

    /// Whether thin matrices, or heads stored once, would hold less than what was written.
    private static boolean thin(JsonNode s) {
        return s.path("factorised_parameters").asLong(Long.MAX_VALUE) < s.path("parameters").asLong();
    }

    /// With methods of rank, thin matrices hold less although no weight is 0.
    private static double goneShare(JsonNode s) {
        return thin(s) ? s.path("factorised_of_prunable").asDouble() : s.path("of_prunable").asDouble();
    }

    // --- by layer

    private void charts(RunData d, JsonNode report) {
        List<String> names = new ArrayList<>();
        List<ColumnChart.Series> first = new ArrayList<>();
        List<ColumnChart.Series> second = new ArrayList<>();
        JsonNode rows = report == null ? null : report.path("layers");
        String yWent = "share of weights gone";
        String yErred = "";
        if (rows == null || rows.path(0).has("matrices")) {
            Curve share = d.curve("sparsity");
            Curve error = d.curve("relative_output_error");
            int n = rows != null ? rows.size() : share.steps().length == 0 ? 0 : (int) share.steps()[share.steps().length - 1];
            IntStream.range(0, n).forEach(l -> names.add(String.valueOf(l)));
            double[] a = IntStream.range(0, n).mapToDouble(l -> rows != null ? rows.get(l).path("sparsity").asDouble(Double.NaN) : share.at(l + 1)).toArray();
            double[] b = IntStream.range(0, n).mapToDouble(l -> rows != null ? rows.get(l).path("relative_output_error").asDouble(Double.NaN) : error.at(l + 1)).toArray();
            first.add(ColumnChart.Series.of("gone", a, 0));
            if (IntStream.range(0, n).anyMatch(l -> Double.isFinite(b[l]))) {
                second.add(ColumnChart.Series.of("relative error", b, 1));
                yErred = ERROR;
            }
        } else {
            IntStream.range(0, rows.size()).forEach(l -> names.add(String.valueOf(l)));
            yWent = parts(rows, first);
            for (String[] score : new String[][] {{"block_influence", "influence", INFLUENCE}, {"relative_output_error", "relative error", ERROR}, {"kept_channels", "stay", CHANNELS}}) {
                if (second.isEmpty() && !(score[0].startsWith("kept") && yWent.startsWith("channels")) && rows.path(0).has(score[0])) {
                    second.add(ColumnChart.Series.of(score[1], IntStream.range(0, rows.size()).mapToDouble(l -> rows.get(l).path(score[0]).isArray() ? rows.get(l).path(score[0]).size() : rows.get(l).path(score[0]).asDouble(Double.NaN)).toArray(), 1));
                    yErred = score[2];
                }
            }
        }
        if (second.isEmpty() && rows != null && IntStream.range(0, rows.size()).anyMatch(l -> rows.get(l).path("hidden_state_error").isNumber())) {
            second.add(ColumnChart.Series.of("relative error", IntStream.range(0, rows.size()).mapToDouble(l -> rows.get(l).path("hidden_state_error").asDouble(Double.NaN)).toArray(), 1));
            yErred = STATES;
        }
        boolean counted = yErred.equals(CHANNELS);
        boolean share = yWent.startsWith("share");
        wentCard.title(share ? "What went, by layer" : "What stays, by layer");
        went.categories(names, "layer").series(first, share ? Axis.of(yWent).between(0, 1).written(Numbers::wholePercent) : Axis.of(yWent), share ? Numbers::percent : v -> Numbers.count(Math.round(v)));
        wentCard.provenance(Origins.derived(d, "counted in what was written"));
        boolean known = !second.isEmpty();
        if (known) {
            erred.categories(names, "layer").series(second, Axis.of(yErred), counted ? v -> Numbers.count(Math.round(v)) : v -> Numbers.fixed(v, 3));
        }
        String title = yErred.equals(INFLUENCE) ? "Block influence, by layer" : counted ? "Channels, by layer" : yErred.equals(STATES) ? "Hidden-state error, by layer" : "Output error, by layer";
        Provenance from = counted ? Origins.derived(d, "counted in what was written") : Origins.measured(d, yErred.equals(INFLUENCE) ? "mean over the calibration tokens, before anything went"
                : yErred.equals(STATES) ? "residual stream behind the layer, over the first tokens of the first text" : "over rows of what its matrices read, of the calibration texts");
        erring = inside.show(d, report, title, known ? erredCanvas : null, from);
    }

    /// How many of each layer stay, of the first kind of part that the run took.
    private static String parts(JsonNode rows, List<ColumnChart.Series> to) {
        record Kind(String kept, String name) {}
        for (Kind k : List.of(new Kind("kept_groups", "key/value heads that stay"), new Kind("kept_experts", "experts that stay"), new Kind("kept_channels", "channels that stay"))) {
            if (IntStream.range(0, rows.size()).anyMatch(l -> rows.get(l).has(k.kept))) {
                to.add(ColumnChart.Series.of("stay", IntStream.range(0, rows.size()).mapToDouble(l -> rows.get(l).has(k.kept) ? rows.get(l).path(k.kept).size() : Double.NaN).toArray(), 0));
                return k.name;
            }
        }
        if (rows.path(0).has("key_groups")) {
            for (String of : List.of("key", "value")) {
                to.add(ColumnChart.Series.of(of + "s", IntStream.range(0, rows.size()).mapToDouble(l -> rows.get(l).path(of + "_groups").valueStream().distinct().count()).toArray(), to.size()));
            }
            return "heads of keys and of values that stay";
        }
        to.add(ColumnChart.Series.of("stays", IntStream.range(0, rows.size()).mapToDouble(l -> rows.get(l).path("kept").asBoolean(true) ? 1 : 0).toArray(), 0));
        return "1 = stays";
    }

    // --- texts

    private void table(RunData d, JsonNode report) {
        if (report == null) {
            Label hint = new Label(d.going() ? "The result is opened again and measured beside the model as it was once all layers are done." : "The run has no report.");
            hint.setWrapText(true);
            hint.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            texts.content(ProvenanceAudit.notAFigure(new VBox(hint), "what will stand here"));
            return;
        }
        GridPane g = new GridPane();
        g.setHgap(16);
        g.setVgap(4);
        ColumnConstraints name = new ColumnConstraints(90, 140, Double.MAX_VALUE);
        name.setHgrow(Priority.ALWAYS);
        g.getColumnConstraints().add(name);
        String[] heads = {"Text", "Tokens", "Before", "After", "Ratio", "KL, nats"};
        for (int i = 0; i < heads.length; i++) {
            if (i > 0) {
                ColumnConstraints c = new ColumnConstraints();
                c.setHalignment(HPos.RIGHT);
                g.getColumnConstraints().add(c);
            }
            Label l = new Label(heads[i]);
            l.setMinWidth(Region.USE_PREF_SIZE);
            l.getStyleClass().add(Styles.CAPTION);
            g.add(ProvenanceAudit.notAFigure(l, "name of a column"), i, 0);
        }
        int row = 1;
        for (JsonNode e : report.path("evaluations")) {
            Label of = new Label(e.path("name").asText());
            of.getStyleClass().add(Styles.SMALL);
            of.setTooltip(new Tooltip(e.path("file").asText() + "\n" + e.path("text_hash").asText()));
            g.add(ProvenanceAudit.notAFigure(of, "name of a text"), 0, row);
            double dense = e.at("/dense/perplexity").asDouble(Double.NaN);
            double pruned = e.at("/pruned/perplexity").asDouble(Double.NaN);
            cell(d, g, 1, row, e.path("predicted_tokens").asDouble(), Numbers::count);
            cell(d, g, 2, row, dense, Numbers::perplexity);
            cell(d, g, 3, row, pruned, Numbers::perplexity);
            cell(d, g, 4, row, pruned / dense, Numbers::ratio);
            cell(d, g, 5, row++, e.path("kl").asDouble(Double.NaN), v -> Numbers.fixed(v, 3));
        }
        Label recipe = new Label(report.path("note").asText() + " " + (report.path("evaluations").isEmpty() ? "No text was named: nothing was measured." : "Recipe: " + report.path("recipe").asText() + "."));
        recipe.setWrapText(true);
        recipe.setMaxWidth(560);
        recipe.setMinHeight(Region.USE_PREF_SIZE);
        recipe.getStyleClass().addAll(Styles.CAPTION);
        VBox box = new VBox(10);
        if (!report.path("evaluations").isEmpty()) {
            box.getChildren().add(g);
        }
        box.getChildren().add(ProvenanceAudit.notAFigure(recipe, "explanation"));
        ScrollPane scroll = new ScrollPane(box);
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        texts.subtitle("perplexity");
        texts.content(scroll);
        texts.provenance(Origins.measured(d, report.path("recipe").asText()));
    }

    private static void cell(RunData d, GridPane g, int column, int row, double v, DoubleFunction<String> format) {
        Label l = new Label(Numbers.orReason(v, format));
        l.getStyleClass().add(Styles.MONO);
        l.setMinWidth(Region.USE_PREF_SIZE);
        g.add(ProvenanceAudit.tag(l, Origins.measured(d, "in the run's report")), column, row);
    }

    @Override
    protected void layoutChildren() {
        double w = getWidth();
        double h = getHeight();
        double y = 0;
        place(progress, 0, y, w, 20);
        y += 20 + GAP;
        double tilesHeight = Math.max(100, tiles.prefHeight(w));
        place(tiles, 0, y, w, tilesHeight);
        y += tilesHeight + GAP;
        erredCard.setVisible(erring);
        double rest = h - y;
        double low = Math.clamp(Math.floor(rest * 0.38), TEXTS_LEAST, TEXTS_MOST);
        double upper = rest - low - GAP;
        double each = erring ? Math.floor((w - GAP) / 2) : w;
        place(wentCard, 0, y, each, upper);
        place(erredCard, each + GAP, y, w - each - GAP, upper);
        place(texts, 0, h - low, w, low);
    }

    private static void place(Node node, double x, double y, double w, double h) {
        node.resizeRelocate(Math.round(x), Math.round(y), Math.round(w), Math.round(h));
    }
}
