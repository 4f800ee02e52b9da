package vitrine.views.routing;

import java.util.List;
import java.util.stream.IntStream;
import javafx.scene.control.Label;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Axis;
import vitrine.views.chart.BarList;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;

/// How much the expert says about the text, per layer; a bar each while they are few, else a curve.
final class InformationCard {

    private static final int BARS_UP_TO = 8;

    private final Card card = new Card("Domain information").explained(Guide.Section.formula("routing", "domain information"));
    private final RoutingViewModel model;
    private final BarList bars = new BarList().thickness(18);
    private final LineChart curve = new LineChart();
    private final FigureCanvas canvas = new FigureCanvas(bars);
    private final Label note = new Label();
    private final VBox content = new VBox(8, canvas, note);
    private boolean quiet;

    InformationCard(RoutingViewModel model) {
        this.model = model;
        canvas.setId("information");
        note.setWrapText(true);
        note.setMinHeight(Region.USE_PREF_SIZE);
        note.setMaxWidth(560);
        note.getStyleClass().add(Styles.CAPTION);
        bars.selectedProperty().addListener((o, old, now) -> chosen(now.intValue()));
        curve.lockedIndexProperty().addListener((o, old, now) -> chosen(now.intValue()));
        bars.hoveredProperty().addListener((o, old, now) -> model.hoveredProperty().set(now.intValue() < 0 ? null : new Place(now.intValue(), -1)));
        model.stateProperty().addListener((o, old, now) -> show());
        model.selectedProperty().addListener((o, old, now) -> show());
        show();
    }

    Card node() {
        return card;
    }

    BarList bars() {
        return bars;
    }

    private void chosen(int layer) {
        if (!quiet && layer >= 0 && model.selectedProperty().get() != null) {
            model.select(layer, model.selectedProperty().get().expert());
        } else if (!quiet) {
            show();
        }
    }

    private void show() {
        RoutingData d = model.data().orElse(null);
        if (d == null) {
            return;
        }
        if (d.domains().size() < 2) {
            card.content(new EmptyState(Icons.ROUTING, "One text tells nothing about texts. Measure over two or more."));
            return;
        }
        boolean few = d.layers() <= BARS_UP_TO;
        quiet = true;
        int layer = model.layer();
        if (few) {
            bars.rows(IntStream.range(0, d.layers()).mapToObj(i -> new BarList.Row(Integer.toString(d.number(i)), "", d.information(i), Numbers.orReason(d.information(i), Numbers::probabilityInList),
                    p -> i == layer ? p.accent() : p.subtle())).toList());
            bars.selectedProperty().set(layer);
        } else {
            double[] xs = IntStream.range(0, d.layers()).mapToDouble(d::number).toArray();
            double[] ys = IntStream.range(0, d.layers()).mapToDouble(d::information).toArray();
            curve.axes(Axis.of("layer").written(v -> v == Math.rint(v) ? Numbers.count(v) : ""), Axis.of("bits")).series(List.of(LineSeries.of("domain information", xs, ys, 8).withoutLabel()))
                    .formats(x -> "layer " + Numbers.count(x), Numbers::probability);
            curve.lockedIndexProperty().set(layer);
        }
        VBox.setVgrow(canvas, few ? Priority.NEVER : Priority.ALWAYS);
        canvas.figureProperty().set(few ? bars : curve);
        quiet = false;
        int n = d.domains().size();
        note.setText("Mutual information of text and expert, bits. At most log₂ " + n + " = " + Numbers.probabilityInList(Math.log(n) / Math.log(2)) + ".");
        ProvenanceAudit.tag(card, d.provenance("domain_load", "mutual information of text and expert over all choices, bits"));
        card.content(content);
    }
}
