package vitrine.views.attention;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.attention.AttentionViewModel.Similarity;
import vitrine.views.chart.Axis;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Scale;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;
import vitrine.views.view.States;
import vitrine.views.tasks.ViewState;

/// How alike the layers attend, and ARank when asked.
final class SimilarityCard {

    /// Above this cosine two layers are told as repeating each other.
    private static final double ALIKE = 0.95;

    private final Card card = new Card("Layers").explained(Guide.Section.formula("attention", "layer similarity"));
    private final AttentionViewModel model;
    private final MatrixChart chart = new MatrixChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final LineChart rankChart = new LineChart();
    private final FigureCanvas rankCanvas = new FigureCanvas(rankChart);
    private final Segments<Similarity> measure;

    SimilarityCard(AttentionViewModel model) {
        this.model = model;
        canvas.setId("similarity");
        measure = new Segments<>(List.of(Similarity.values()), s -> s == Similarity.COSINE ? "cosine" : "JS").compact();
        Tooltip.install(measure, new Tooltip("Cosine of mean maps, or their Jensen-Shannon divergence"));
        measure.valueProperty().bindBidirectional(model.similarityProperty());
        card.actions(measure);
        for (var p : List.of(model.captureState().stateProperty(), model.rankState().stateProperty(), model.similarityProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    /// The card.
    Card node() {
        return card;
    }

    private void show() {
        AttentionCapture c = model.capture().orElse(null);
        Similarity s = model.similarityProperty().get();
        if (c == null) {
            card.content(new EmptyState(Icons.ATTENTION, "How alike layers attend."));
            return;
        }
        Cells cells = c.layerMatrix(s.tensor());
        if (cells == null) {
            card.content(new EmptyState(Icons.INFORMATION, "Layers were not compared: this prompt is long. Add similarity to --what."));
            return;
        }
        card.subtitle(s == Similarity.COSINE ? "of mean maps" : "of mean maps, nats");
        List<String> names = IntStream.range(0, c.layers()).mapToObj(Integer::toString).toList();
        chart.labels(names, names).format(Numbers::inCell).legend(s == Similarity.COSINE ? "cosine" : "JS divergence, nats").withoutLegend();
        chart.largestCell(26, 22);
        chart.show(cells, s == Similarity.COSINE ? Scale.linear(Math.min(0.5, Math.floor(least(cells) * 10) / 10), 1) : Scale.linear(0, Math.log(2)));
        Provenance from = c.provenance(s.tensor());
        card.provenance(from);
        Region findings = findings(c, cells, s, from);
        HBox.setHgrow(canvas, Priority.SOMETIMES);
        HBox.setHgrow(findings, Priority.ALWAYS);
        double wanted = Math.min(26 * c.layers() + 28, 260);
        canvas.setMinWidth(Math.min(wanted, 136));
        canvas.setPrefWidth(wanted);
        HBox row = new HBox(12, canvas, findings);
        card.content(row);
    }

    private static double least(Cells cells) {
        double least = 1;
        for (int r = 0; r < cells.rows(); r++) {
            for (int k = 0; k < cells.columns(); k++) {
                least = Math.min(least, cells.at(r, k));
            }
        }
        return Math.max(0, least);
    }

    /// What the matrix says about neighbours, in figures; and ARank below.
    private Region findings(AttentionCapture c, Cells cells, Similarity s, Provenance from) {
        if (model.rankState().state().valueOrNull() != null) {
            return new StackPane(rank());
        }
        VBox box = new VBox(6);
        if (c.layers() > 1) {
            int best = 1;
            for (int l = 2; l < c.layers(); l++) {
                boolean better = s == Similarity.COSINE ? cells.at(l, l - 1) > cells.at(best, best - 1) : cells.at(l, l - 1) < cells.at(best, best - 1);
                best = better ? l : best;
            }
            double value = cells.at(best, best - 1);
            String extreme = s == Similarity.COSINE ? "highest" : "lowest";
            String words = String.format(Locale.ROOT, "%s between neighbours: layers %d and %d.", extreme, best - 1, best);
            Label figure = new Label(Numbers.fixed(value, s == Similarity.COSINE ? 2 : 3) + " " + words);
            figure.getStyleClass().add(Styles.SMALL);
            figure.setWrapText(true);
            figure.setMinHeight(Region.USE_PREF_SIZE);
            ProvenanceAudit.tag(figure, from);
            box.getChildren().add(figure);
            if (s == Similarity.COSINE) {
                List<Integer> repeating = new ArrayList<>();
                for (int l = 1; l < c.layers(); l++) {
                    if (cells.at(l, l - 1) > ALIKE) {
                        repeating.add(l);
                    }
                }
                Label told = new Label(repeating.isEmpty() ? "No layer repeats the one before it (above 0.95)."
                        : "Above 0.95 with the layer before: " + repeating.stream().map(String::valueOf).limit(6).reduce((a, b) -> a + ", " + b).orElse("") + (repeating.size() > 6 ? ", …" : "") + ".");
                told.getStyleClass().add(Styles.CAPTION);
                told.setWrapText(true);
                told.setMinHeight(Region.USE_PREF_SIZE);
                ProvenanceAudit.tag(told, from);
                box.getChildren().add(told);
            }
        }
        box.getChildren().add(rank());
        return box;
    }

    private Node rank() {
        ViewState<AttentionCapture> state = model.rankState().state();
        AttentionCapture r = state.valueOrNull();
        if (r != null && r.layerMeans("attention_rank") != null) {
            double[] means = r.layerMeans("attention_rank");
            int most = Math.max(1, r.tokens().size() - 1);
            double[] shares = java.util.Arrays.stream(means).map(v -> v / most).toArray();
            rankChart.axes(Axis.of("layer"), Axis.of("ARank ÷ most").between(0, 1));
            rankChart.series(List.of(LineSeries.of("ARank", shares, 0).withoutLabel()));
            rankChart.formats(x -> "layer " + (int) x, Numbers::probabilityInList);
            ProvenanceAudit.tag(rankCanvas, r.provenance("attention_rank"));
            return rankCanvas;
        }
        if (state instanceof ViewState.Working<AttentionCapture> w) {
            return States.working(w.row());
        }
        if (state instanceof ViewState.Problem<AttentionCapture> p) {
            Label label = new Label(p.details().isEmpty() ? p.what() : p.details().getFirst());
            label.setWrapText(true);
            label.getStyleClass().add(Styles.CAPTION);
            return ProvenanceAudit.notAFigure(label, "message of a failure");
        }
        Button ask = Buttons.plain("Compute ARank", model::askRank);
        ask.getStyleClass().add(Styles.COMPACT);
        String obstacle = model.rankObstacle();
        if (!obstacle.isEmpty()) {
            Buttons.disableBecause(ask, obstacle, "");
        }
        return ask;
    }
}
