package vitrine.views.lora;

import java.util.List;
import java.util.stream.IntStream;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.resources.Guide;
import vitrine.views.chart.Cells;
import vitrine.views.chart.HeatMapView;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;

/// The components of the selected module over the steps of the run.
final class AlongModuleCard {

    private final Card card = new Card("One module over steps").explained(Guide.Section.formula("lora", "singular value"));
    private final LoraViewModel model;
    private final HeatMapView map = new HeatMapView();

    AlongModuleCard(LoraViewModel model) {
        this.model = model;
        map.setId("along-module");
        VBox.setVgrow(map, Priority.ALWAYS);
        map.map().stretched().readOut(this::readOut);
        map.lockedCellProperty().addListener((o, old, now) -> {
            if (now != null) {
                model.along().atProperty().set(now.column());
            }
        });
        for (var p : List.of(model.along().shownProperty(), model.along().measureProperty(), model.selectedProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    Card node() {
        return card;
    }

    private void show() {
        Along a = model.along().shownProperty().get();
        if (a == null || a.steps().isEmpty()) {
            return;
        }
        String path = model.selectedProperty().get();
        Along.Line last = a.line(a.steps().size() - 1, path).orElse(null);
        if (last == null) {
            card.subtitle("");
            card.content(new EmptyState(Icons.INFORMATION, "Select a module in the map."));
            return;
        }
        Along.Measure m = model.along().measureProperty().get();
        card.subtitle(last.title());
        card.provenance(a.derived(m.label() + ": " + m.formula()));
        int rows = m.of(last).length;
        int columns = a.steps().size();
        float[] values = new float[rows * columns];
        double most = 0;
        for (int c = 0; c < columns; c++) {
            double[] v = a.line(c, path).map(m::of).orElse(new double[0]);
            for (int r = 0; r < rows; r++) {
                values[r * columns + c] = r < v.length ? (float) v[r] : Cells.NONE;
                most = r < v.length && Double.isFinite(v[r]) ? Math.max(most, v[r]) : most;
            }
        }
        map.map().show(Cells.of(rows, columns, values)).name(m.legend()).format(Numbers::general);
        map.map().rowLabels(IntStream.rangeClosed(1, rows).mapToObj(r -> r == 1 || r % 4 == 0 || rows <= 8 ? Integer.toString(r) : "").toList());
        int each = Math.max(1, Math.ceilDiv(columns, 10));
        map.map().columnLabels(IntStream.range(0, columns).mapToObj(c -> c % each == 0 ? Numbers.count(a.steps().get(c).step()) : "").toList());
        map.map().scaleProperty().set(m == Along.Measure.GATE ? Scale.linear(0, Math.max(2, most)) : Scale.sqrt(0, most > 0 ? most : 1));
        card.content(map);
    }

    private ReadOut readOut(int row, int column) {
        Along a = model.along().shownProperty().get();
        if (a == null || column >= a.steps().size()) {
            // The map is not in front, and describes what it last showed.
            return new ReadOut();
        }
        Along.Measure m = model.along().measureProperty().get();
        ReadOut out = new ReadOut().add(ReadOut.Role.NAME, "step " + Numbers.count(a.steps().get(column).step()));
        a.line(column, model.selectedProperty().get()).filter(l -> row < m.of(l).length).ifPresent(l -> out.line().add(ReadOut.Role.VALUE, Numbers.orReason(m.of(l)[row], Numbers::general))
                .add(ReadOut.Role.CONTEXT, m.legend() + " of component " + (row + 1)));
        return out;
    }
}
