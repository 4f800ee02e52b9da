package vitrine.views.lora;

import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.resources.Guide;
import vitrine.views.chart.Cells;
import vitrine.views.chart.HeatMap;
import vitrine.views.chart.HeatMapView;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.Segments;

/// Of the selected module: how much the delta's first i singular directions lie in the base's first j, for all i and j.
final class SubspaceCard {

    private final Card card = new Card("Subspace similarity").explained(Guide.Section.formula("lora", "subspace similarity"));
    private final LoraViewModel model;
    private final HeatMap map = new HeatMap();
    private final HeatMapView canvas = new HeatMapView(map);
    private final Segments<Boolean> side = new Segments<>(List.of(true, false), left -> left ? "left" : "right").compact();

    SubspaceCard(LoraViewModel model) {
        this.model = model;
        canvas.setId("subspaces");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        card.header(side);
        map.largestCell(32).stretched();
        for (var p : List.of(model.studyProperty(), model.selectedProperty(), side.valueProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    Card node() {
        return card;
    }

    HeatMap map() {
        return map;
    }

    private void show() {
        Study s = model.studyProperty().get();
        Module m = model.module().orElse(null);
        boolean left = side.valueProperty().get();
        double[] phi = s == null || m == null ? new double[0] : s.artifact().values(left ? "phi_left" : "phi_right", m.row());
        if (phi.length == 0) {
            card.subtitle("");
            card.content(new EmptyState(Icons.INFORMATION, s != null && s.aligned() ? "Select a module whose delta is not zero." : "Needs the base's weights."));
            return;
        }
        int rows = m.row().figure("numerical_rank").isPresent() ? rows(m, phi.length) : m.sigma().length;
        int columns = phi.length / rows;
        float[] values = new float[phi.length];
        for (int i = 0; i < phi.length; i++) {
            values[i] = (float) phi[i];
        }
        int wide = left ? m.row().out() : m.row().in();
        card.subtitle(m.title().toLowerCase(Locale.ROOT));
        card.provenance(s.derived("φ(i, j) = ‖X_iᵀ Y_j‖² ÷ min(i, j), X of ΔW and Y of W, " + (left ? "left" : "right") + " singular vectors").of(phi.length));
        map.scaleProperty().set(Scale.sqrt(0, 1));
        map.name("φ, by chance max(i, j) ÷ " + wide).format(Numbers::probability).rowLabels(numbers(rows)).columnLabels(numbers(columns)).readOut((r, c) -> new ReadOut()
                .add(ReadOut.Role.NAME, "first " + (r + 1) + " of ΔW").add(ReadOut.Role.CONTEXT, "in").add(ReadOut.Role.NAME, "first " + (c + 1) + " of W").line()
                .add(ReadOut.Role.VALUE, Numbers.probability(phi[r * columns + c])).add(ReadOut.Role.CONTEXT, "φ").line()
                .add(ReadOut.Role.CONTEXT, "by chance").add(ReadOut.Role.NUMBER, Numbers.probability((double) Math.max(r + 1, c + 1) / wide)));
        map.show(Cells.of(rows, columns, values));
        card.content(canvas);
    }

    /// The delta's vectors: as many as its rank that numbers tell, or as it has values.
    private static int rows(Module m, int size) {
        int known = m.sigma().length;
        return size % known == 0 ? known : (int) m.row().figure("numerical_rank").orElse(known);
    }

    private static List<String> numbers(int n) {
        return IntStream.rangeClosed(1, n).mapToObj(Integer::toString).toList();
    }
}
