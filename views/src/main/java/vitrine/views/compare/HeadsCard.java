package vitrine.views.compare;

import java.util.stream.IntStream;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.resources.Guide;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;

/// How far every head's attention moved: layers down, heads across. A click shows the head.
final class HeadsCard {

    private final Card card = new Card("Attention moved").explained(Guide.Section.formula("compare", "attention moved")).subtitle("layers × heads");
    private final CompareViewModel model;
    private final MatrixChart chart = new MatrixChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final VBox content = new VBox(canvas);
    private boolean quiet;

    HeadsCard(CompareViewModel model) {
        this.model = model;
        canvas.setId("attention-moved");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        chart.readOut(this::readOut);
        chart.hoveredProperty().addListener((o, old, now) -> model.hoveredLayerProperty().set(now == null ? -1 : now.row()));
        chart.markedRowProperty().bind(model.hoveredLayerProperty());
        chart.selectedProperty().addListener((o, old, now) -> {
            if (!quiet && now != null) {
                model.headProperty().set(new HeadId(now.row(), now.column()));
            } else if (!quiet) {
                select();
            }
        });
        model.headProperty().addListener((o, old, now) -> select());
        model.stateProperty().addListener((o, old, now) -> show());
        show();
    }

    Card node() {
        return card;
    }

    MatrixChart chart() {
        return chart;
    }

    void focus() {
        canvas.requestFocus();
    }

    private void select() {
        HeadId h = model.headProperty().get();
        quiet = true;
        chart.selectedProperty().set(h == null || model.comparison().map(c -> h.layer() >= c.moved().length).orElse(true) ? null : new Cell(h.layer(), h.head()));
        quiet = false;
    }

    private void show() {
        Comparison c = model.comparison().orElse(null);
        if (c == null) {
            return;
        }
        if (!c.heads()) {
            card.content(new EmptyState(Icons.ATTENTION, c.artifact().absent().getOrDefault("heads", c.artifact().absent().getOrDefault("prompt", "Write a prompt to see which heads moved."))));
            return;
        }
        int heads = c.moved()[0].length;
        float[] values = new float[c.moved().length * heads];
        for (int l = 0; l < c.moved().length; l++) {
            for (int h = 0; h < heads; h++) {
                values[l * heads + h] = Double.isNaN(c.moved()[l][h]) ? Cells.NONE : (float) c.moved()[l][h];
            }
        }
        Cells cells = Cells.of(c.moved().length, heads, values);
        quiet = true;
        chart.labels(IntStream.range(0, cells.rows()).mapToObj(Integer::toString).toList(), IntStream.range(0, heads).mapToObj(Integer::toString).toList())
                .legend("total variation").largestCell(96, 72).format(Numbers::inCell);
        chart.show(cells, Scale.linear(0, 0.1).fittedTo(cells).fittedTo(0, most(c.moved())));
        quiet = false;
        select();
        ProvenanceAudit.tag(card, c.provenance("attention_total_variation"));
        card.content(content);
    }

    private static double most(double[][] values) {
        double most = 0;
        for (double[] row : values) {
            for (double v : row) {
                most = v > most ? v : most;
            }
        }
        return most == 0 ? 0.1 : most;
    }

    private ReadOut readOut(int l, int h) {
        return model.comparison().map(c -> readOut(c, l, h)).orElseGet(ReadOut::new);
    }

    private static ReadOut readOut(Comparison c, int l, int h) {
        return new ReadOut().add(ReadOut.Role.NAME, new HeadId(l, h).toString()).line().add(ReadOut.Role.VALUE, Numbers.probability(c.moved()[l][h])).add(ReadOut.Role.CONTEXT, "total variation").line()
                .add(ReadOut.Role.CONTEXT, "first-token mass A").add(ReadOut.Role.NUMBER, Numbers.probabilityInList(c.firstA()[l][h])).add(ReadOut.Role.CONTEXT, "B")
                .add(ReadOut.Role.NUMBER, Numbers.probabilityInList(c.firstB()[l][h]));
    }
}
