package vitrine.views.routing;

import java.util.Arrays;
import java.util.List;
import javafx.scene.control.Label;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Cells;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.routing.RoutingData.Pairs;
import vitrine.views.routing.RoutingData.Together;

/// Which experts of the chosen layer see the same tokens, against chance.
final class TogetherCard {

    /// Fewer tokens than this per pair of experts say little.
    private static final int FEW_PER_PAIR = 20;

    private final Card card = new Card("Co-activation").explained(Guide.Section.formula("routing", "co-activation"));
    private final RoutingViewModel model;
    private final PairsMap map;
    private final Label note = new Label();
    private final VBox content;
    private List<Object> drawn = List.of();
    private final Picker<Together> measure = new Picker<>("", List.of(Together.values()), Together::label);

    TogetherCard(RoutingViewModel model) {
        this.model = model;
        map = new PairsMap("together", e -> model.hoveredProperty().set(e < 0 ? null : new Place(model.layer(), e)), e -> model.select(model.layer(), e));
        content = new VBox(6, map.canvas(), note);
        VBox.setVgrow(map.canvas(), Priority.ALWAYS);
        note.setWrapText(true);
        note.setMinHeight(Region.USE_PREF_SIZE);
        note.getStyleClass().add(Styles.CAPTION);
        measure.valueProperty().bindBidirectional(model.togetherProperty());
        card.header(ProvenanceAudit.notAFigure(measure, "names of measures"));
        for (var p : List.of(model.stateProperty(), model.togetherProperty(), model.selectedProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    Card node() {
        return card;
    }

    PairsMap map() {
        return map;
    }

    private void show() {
        RoutingData d = model.data().orElse(null);
        if (d == null) {
            return;
        }
        int layer = model.layer();
        int n = d.experts(layer);
        int k = d.perToken(layer);
        card.title("Co-activation, layer " + d.number(layer));
        if (k < 2) {
            drawn = List.of();
            card.content(new EmptyState(Icons.ROUTING, "Every token visits one expert here, so no two see the same token."));
            return;
        }
        Together by = model.togetherProperty().get();
        Pairs pairs = d.together(by, layer);
        double chance = (k - 1.0) / (n - 1);
        List<Object> now = List.of(d, layer, by);
        if (now.equals(drawn)) {
            map.mark(model.selectedProperty().get() == null ? -1 : model.selectedProperty().get().expert());
            return;
        }
        drawn = now;
        map.show(pairs, Cells.NONE, scale(by, pairs), by == Together.CONDITIONAL ? "P(column | row)" : by.label(), (a, b) -> readOut(d, layer, by, a, b));
        map.mark(model.selectedProperty().get() == null ? -1 : model.selectedProperty().get().expert());
        long tokens = d.artifact().tokens();
        double perPair = (double) tokens * k * (k - 1) / (n * (n - 1.0));
        String reading = switch (by) {
            case CONDITIONAL -> "By chance " + Numbers.probabilityInList(chance) + ".";
            case LIFT -> "1 is chance.";
            case JACCARD -> "By chance " + Numbers.probabilityInList(jaccardByChance(n, k)) + ".";
            case NPMI -> "0 is chance, 1 always together, −1 never.";
        };
        note.setText(reading + " " + Numbers.count(tokens) + " tokens" + (perPair < FEW_PER_PAIR ? ": few for so many pairs, read with care." : "."));
        Provenance from = switch (by) {
            case CONDITIONAL -> d.provenance("coactivation_conditional");
            case LIFT -> d.provenance("coactivation_lift");
            case JACCARD -> d.provenance("coactivation_jaccard");
            case NPMI -> d.provenance("coactivation_npmi");
        };
        ProvenanceAudit.tag(card, from);
        card.content(content);
    }

    /// Of two experts that each see a share k / N and meet by chance alone.
    private static double jaccardByChance(int n, int k) {
        double both = (double) k * (k - 1) / ((double) n * (n - 1));
        return both / (2.0 * k / n - both);
    }

    private static Scale scale(Together by, Pairs pairs) {
        double most = Arrays.stream(pairs.values()).filter(Double::isFinite).max().orElse(1);
        return switch (by) {
            case CONDITIONAL -> Scale.linear(0, 1);
            case LIFT -> Scale.load();
            case JACCARD -> Scale.linear(0, 1).fittedTo(0, Math.max(most, 1e-3));
            case NPMI -> Scale.diverging(1);
        };
    }

    private static ReadOut readOut(RoutingData d, int layer, Together by, int a, int b) {
        int n = d.experts(layer);
        double both = d.together(layer, a, b);
        double value = d.together(by, layer).values()[a * n + b];
        return new ReadOut().add(ReadOut.Role.NAME, "Experts " + a + " and " + b).line()
                .add(ReadOut.Role.VALUE, Numbers.orReason(value, v -> by == Together.CONDITIONAL || by == Together.JACCARD ? Numbers.probability(v) : Numbers.fixed(v, 2)))
                .add(ReadOut.Role.CONTEXT, by == Together.CONDITIONAL ? "of expert " + a + "'s tokens visit " + b + " too" : by.label()).line()
                .add(ReadOut.Role.CONTEXT, "P(" + b + " | " + a + ")").add(ReadOut.Role.NUMBER, Numbers.probability(d.conditional(layer, a, b)))
                .add(ReadOut.Role.CONTEXT, "P(" + a + " | " + b + ")").add(ReadOut.Role.NUMBER, Numbers.probability(d.conditional(layer, b, a))).line()
                .add(ReadOut.Role.NUMBER, Numbers.count(both)).add(ReadOut.Role.CONTEXT, "tokens visit both; chance " + Numbers.probability((d.perToken(layer) - 1.0) / (n - 1)));
    }
}
