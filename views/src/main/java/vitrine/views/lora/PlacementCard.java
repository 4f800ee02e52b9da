package vitrine.views.lora;

import java.util.List;
import java.util.OptionalDouble;
import javafx.scene.Node;
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
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.States;

/// How the deltas lie to the base's weights: layers down, kinds of module across.
final class PlacementCard {

    private final Card card = new Card("Layers × modules").explained(Guide.Section.formula("lora", "amplification"));
    private final LoraViewModel model;
    private final MatrixChart chart = new MatrixChart().labelsOnTop();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final VBox content = new VBox(canvas);
    private boolean quiet;

    PlacementCard(LoraViewModel model) {
        this.model = model;
        canvas.setId("placement");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        Picker<Placement> which = new Picker<>("", List.of(Placement.values()), Placement::label);
        which.getStyleClass().add(vitrine.resources.Styles.COMPACT);
        which.valueProperty().bindBidirectional(model.placementProperty());
        card.header(which);
        chart.readOut(this::readOut);
        chart.selectedProperty().addListener((o, old, now) -> chosen(now));
        chart.hoveredProperty().addListener((o, old, now) -> {
            if (!quiet) {
                model.hoveredProperty().set(now == null || there(now).isEmpty() ? null : there(now).getFirst().path());
            }
        });
        model.hoveredProperty().addListener((o, old, now) -> mark(now));
        for (var p : List.of(model.studyProperty(), model.stateProperty(), model.placementProperty(), model.selectedProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    Card node() {
        return card;
    }

    MatrixChart chart() {
        return chart;
    }

    private void mark(String path) {
        Study s = model.studyProperty().get();
        int row = s == null || path == null ? -1 : s.module(path).map(m -> s.layers().indexOf(m.layer())).orElse(-1);
        chart.markedRowProperty().set(row);
    }

    private List<Module> there(Cell cell) {
        Study s = model.studyProperty().get();
        List<String> kinds = List.copyOf(s.kinds().keySet());
        return s.at(s.layers().get(cell.row()), kinds.get(cell.column()));
    }

    private void chosen(Cell cell) {
        if (quiet || model.studyProperty().get() == null) {
            return;
        }
        if (cell == null || there(cell).isEmpty()) {
            show();
            return;
        }
        model.selectedProperty().set(there(cell).getFirst().path());
    }

    private void show() {
        Study s = model.studyProperty().get();
        if (s == null) {
            return;
        }
        if (!s.aligned()) {
            card.content(nothing(s));
            return;
        }
        Placement p = model.placementProperty().get();
        card.provenance(s.derived(p.label() + ": " + p.formula()));
        List<Integer> layers = s.layers();
        List<String> kinds = List.copyOf(s.kinds().keySet());
        float[] values = new float[layers.size() * kinds.size()];
        for (int l = 0; l < layers.size(); l++) {
            for (int k = 0; k < kinds.size(); k++) {
                values[l * kinds.size() + k] = value(s.at(layers.get(l), kinds.get(k)), p);
            }
        }
        Cells cells = Cells.of(layers.size(), kinds.size(), values);
        quiet = true;
        chart.labels(layers.stream().map(l -> l < 0 ? "–" : l.toString()).toList(), kinds.stream().map(Module::head).toList()).format(Numbers::inCell).largestCell(96, 88).legend(p.label());
        boolean shares = p == Placement.LEFT || p == Placement.RIGHT;
        chart.show(cells, shares ? Scale.linear(0, 1) : p == Placement.INTRUDERS ? Scale.linear(0, Math.max(1, most(cells))) : Scale.sqrt(0, 1).fittedTo(cells));
        Module m = model.module().orElse(null);
        chart.selectedProperty().set(m == null ? null : new Cell(layers.indexOf(m.layer()), kinds.indexOf(m.kind())));
        quiet = false;
        card.content(content);
    }

    private static float value(List<Module> there, Placement p) {
        double[] v = there.stream().map(p::of).filter(OptionalDouble::isPresent).mapToDouble(OptionalDouble::getAsDouble).toArray();
        return v.length == 0 ? Cells.NONE : (float) java.util.Arrays.stream(v).average().orElseThrow();
    }

    private static double most(Cells cells) {
        double most = 0;
        for (int r = 0; r < cells.rows(); r++) {
            for (int c = 0; c < cells.columns(); c++) {
                most = Math.max(most, Float.isFinite(cells.at(r, c)) ? cells.at(r, c) : 0);
            }
        }
        return most;
    }

    private ReadOut readOut(int row, int column) {
        if (model.studyProperty().get() == null) {
            // The map is not in front, and describes what it last showed.
            return new ReadOut();
        }
        Placement p = model.placementProperty().get();
        List<Module> there = there(new Cell(row, column));
        Module first = there.getFirst();
        ReadOut out = new ReadOut().add(ReadOut.Role.NAME, first.title());
        float v = value(there, p);
        out.line().add(ReadOut.Role.VALUE, v == Cells.NONE ? Numbers.MISSING : p.format(v)).add(ReadOut.Role.CONTEXT, p.label() + (there.size() > 1 ? ", mean of " + there.size() + " modules" : ""));
        p.random(first).ifPresent(r -> out.line().add(ReadOut.Role.CONTEXT, "by chance").add(ReadOut.Role.NUMBER, p.format(r)));
        return out;
    }

    private Node nothing(Study s) {
        if (model.stateProperty().get() instanceof ViewState.Working<Study> w) {
            return States.working(w.row(), model::cancel);
        }
        if (s.base() == null) {
            return new EmptyState(Icons.INFORMATION, "Alignment needs the base's weights. Open the checkpoint that this adapter was made for.");
        }
        EmptyState empty = new EmptyState(Icons.LORA, "The deltas were not compared with the base's weights yet: the base is large, so this takes a while.");
        return model.noWriting().isEmpty() ? empty.button(Buttons.primary("Compare with the base", model::align)) : empty;
    }
}
