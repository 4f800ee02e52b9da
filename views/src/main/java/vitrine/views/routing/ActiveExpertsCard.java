package vitrine.views.routing;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import javafx.scene.control.Label;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.RoutingArtifact.Step;
import vitrine.core.artifact.RoutingArtifact.Sweep;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;

/// Loss against the number of experts that a token visits, the trained number marked.
final class ActiveExpertsCard {

    private final Card card = new Card("Active experts").explained(Guide.Section.formula("routing", "active experts"));
    private final RoutingViewModel model;
    private final LineChart chart = new LineChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final Label note = new Label();
    private final VBox content = new VBox(6, canvas, note);

    ActiveExpertsCard(RoutingViewModel model) {
        this.model = model;
        canvas.setId("active");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        note.setWrapText(true);
        note.setMinHeight(Region.USE_PREF_SIZE);
        note.setMaxWidth(560);
        note.getStyleClass().add(Styles.CAPTION);
        model.stateProperty().addListener((o, old, now) -> show());
        model.subjectProperty().addListener((o, old, now) -> show());
        show();
    }

    Card node() {
        return card;
    }

    LineChart chart() {
        return chart;
    }

    private void show() {
        RoutingData d = model.data().orElse(null);
        if (d == null) {
            return;
        }
        Optional<Sweep> sweep = d.artifact().sweep();
        if (sweep.isEmpty()) {
            card.subtitle("");
            EmptyState empty = new EmptyState(Icons.ROUTING, model.canCompute() ? "Not measured yet: the loss with fewer and more than " + d.perToken(0) + " experts per token."
                    : "This result holds no loss for other numbers of experts per token.");
            card.content(model.canCompute() ? empty.button(Buttons.plain("Measure the curve", model::sweep)) : empty);
            return;
        }
        Sweep s = sweep.get();
        double[] xs = s.steps().stream().mapToDouble(Step::perToken).toArray();
        List<LineSeries> lines = new ArrayList<>();
        boolean several = d.domains().size() > 1 && s.steps().stream().allMatch(st -> st.domainLosses().length == d.domains().size());
        if (several) {
            lines.add(new LineSeries("all", xs, s.steps().stream().mapToDouble(Step::loss).toArray(), p -> p.strong(), vitrine.views.chart.Marker.CIRCLE, false, false, false, true));
            IntStream.range(0, d.domains().size()).forEach(i -> lines.add(LineSeries.of(d.domains().get(i).name(), xs, s.steps().stream().mapToDouble(st -> st.domainLosses()[i]).toArray(), i)));
        } else {
            lines.add(new LineSeries("loss", xs, s.steps().stream().mapToDouble(Step::loss).toArray(), p -> p.strong(), vitrine.views.chart.Marker.CIRCLE, false, false, false, false));
        }
        chart.axes(Axis.log("k′ (log)").written(v -> v == Math.rint(v) ? Numbers.count(v) : ""), Axis.of("loss, nats per token")).series(lines)
                .marks(List.of(new LineChart.Mark(s.trained(), "k = " + s.trained()))).formats(x -> Numbers.count(x) + (x == 1 ? " expert" : " experts"), Numbers::loss);
        chart.selectedSeriesProperty().set(several ? "all" : "loss");
        card.subtitle("k′ per token, trained with " + s.trained());
        note.setText("Least loss with " + s.peak() + ". " + (s.range() > s.trained() ? "No worse than 0.005 nats up to " + s.range() + "."
                : "Every larger number tried is worse by more than 0.005 nats."));
        ProvenanceAudit.tag(card, vitrine.core.artifact.Provenance.measured(d.artifact().model(), "F32", "loss over the texts with k′ experts per token").of(d.artifact().tokens()));
        card.content(content);
    }
}
