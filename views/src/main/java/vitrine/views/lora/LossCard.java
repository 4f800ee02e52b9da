package vitrine.views.lora;

import java.util.ArrayList;
import java.util.List;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.layout.Priority;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.resources.Guide;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.States;

/// The perplexity of texts where every module keeps so many ranks, measured; the line is the cut.
final class LossCard {

    private final Card card = new Card("Perplexity against rank").explained(Guide.Section.formula("lora", "perplexity"));
    private final LoraViewModel model;
    private final LineChart chart = new LineChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final Runnable chooseTexts;
    private boolean quiet;

    /// @param chooseTexts asks for texts to measure over
    LossCard(LoraViewModel model, Runnable chooseTexts) {
        this.model = model;
        this.chooseTexts = chooseTexts;
        canvas.setId("losses");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        chart.thresholdName(v -> "");
        chart.thresholdProperty().addListener((o, old, now) -> {
            if (!quiet && Double.isFinite(now.doubleValue())) {
                model.ruleProperty().set(Cut.Rule.RANK);
                model.rankProperty().set(Math.max(1, (int) Math.round(now.doubleValue())));
                threshold();
            }
        });
        for (var p : List.of(model.studyProperty(), model.lossesProperty(), model.baseProperty(), model.subjectProperty())) {
            p.addListener((o, old, now) -> show());
        }
        model.chosenTexts().addListener((javafx.beans.InvalidationListener) o -> show());
        model.texts().addListener((javafx.beans.InvalidationListener) o -> show());
        for (var p : List.of(model.rankProperty(), model.ruleProperty())) {
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
        chart.thresholdProperty().set(model.ruleProperty().get() == Cut.Rule.RANK && model.rankProperty().get() > 0 ? model.rankProperty().get() : Double.NaN);
        quiet = false;
    }

    private void show() {
        Study m = model.measured().filter(s -> s.artifact().curve().isPresent()).orElse(null);
        if (m == null) {
            card.content(nothing());
            return;
        }
        AdapterArtifact.Curve curve = m.artifact().curve().orElseThrow();
        double[] xs = curve.points().stream().mapToDouble(AdapterArtifact.Point::rank).toArray();
        List<LineSeries> series = new ArrayList<>();
        for (int d = 0; d < m.artifact().domains().size(); d++) {
            int domain = d;
            double[] ys = curve.points().stream().mapToDouble(p -> p.losses().get(domain).perplexity()).toArray();
            LineSeries line = LineSeries.of(AdapterText.shown(m.artifact().domains().get(d).name()), xs, ys, d);
            series.add(d == 1 ? line.asDashed() : line);
        }
        String how = switch (curve.order()) {
            case "norm_product" -> "the stored components of the largest norm";
            case "activation" -> "the stored components of the largest activation";
            default -> "the strongest singular directions";
        };
        card.provenance(m.overTexts("exp of the mean loss over all predicted tokens, every module cut to " + how));
        chart.axes(Axis.of("rank kept per module").between(0, xs.length == 0 ? 1 : xs[xs.length - 1]).written(v -> v == Math.rint(v) ? Numbers.count(v) : ""), Axis.log("perplexity (log)"))
                .series(series).formats(x -> "rank " + Numbers.count(x), Numbers::perplexity);
        threshold();
        card.content(model.lossesProperty().get() instanceof ViewState.Working<Study> w ? new VBox(6, States.working(w.row(), model::cancelLosses), canvas) : canvas);
    }

    private Node nothing() {
        return switch (model.lossesProperty().get()) {
            case ViewState.Working<Study> w -> States.working(w.row(), model::cancelLosses);
            case ViewState.Problem<Study> p -> new StackPane(new ErrorCard(p.what(), p.details(), p.help() == null ? "" : p.help(), model::measure));
            default -> empty();
        };
    }

    private Node empty() {
        String reason = model.noLosses();
        if (!reason.isEmpty()) {
            return new EmptyState(Icons.INFORMATION, reason);
        }
        List<AdapterText> chosen = model.chosenTexts();
        EmptyState empty = new EmptyState(Icons.LORA, "No losses yet. They are measured over a text, with every module cut to fewer and fewer ranks.");
        // One below the other where the card is narrow.
        javafx.scene.layout.FlowPane buttons = new javafx.scene.layout.FlowPane(8, 8);
        buttons.setAlignment(Pos.CENTER);
        if (!chosen.isEmpty()) {
            String over = chosen.size() == 1 ? AdapterText.shown(chosen.getFirst().name()) : chosen.size() + " texts";
            buttons.getChildren().add(ProvenanceAudit.notAFigure(Buttons.primary("Measure over " + over, model::measure), "name of a text"));
        }
        javafx.scene.control.Button texts = chosen.isEmpty() ? Buttons.primary("Choose texts…", chooseTexts) : Buttons.plain("Other texts…", chooseTexts);
        texts.setId("choose-texts");
        buttons.getChildren().add(texts);
        VBox box = new VBox(10, empty, buttons);
        box.setAlignment(Pos.CENTER);
        empty.setMinHeight(StackPane.USE_PREF_SIZE);
        // In a low window the card is lower than its words and buttons.
        javafx.scene.control.ScrollPane scroll = new javafx.scene.control.ScrollPane(box);
        scroll.setFitToWidth(true);
        scroll.setFitToHeight(true);
        scroll.setFocusTraversable(false);
        scroll.setMinHeight(0);
        scroll.getStyleClass().addAll("edge-to-edge", "vt-view-scroll");
        return scroll;
    }
}
