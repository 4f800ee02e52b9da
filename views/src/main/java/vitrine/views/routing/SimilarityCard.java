package vitrine.views.routing;

import java.util.List;
import javafx.scene.control.Label;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.RoutingArtifact.Similarity;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.routing.RoutingData.Pairs;

/// How alike the experts of the chosen layer are: which could be merged.
final class SimilarityCard {

    private final Card card = new Card("Expert similarity").explained(Guide.Section.formula("routing", "expert similarity"));
    private final RoutingViewModel model;
    private final PairsMap map;
    private final Label note = new Label();
    private final VBox content;
    private List<Object> drawn = List.of();
    private final Picker<Similarity> measure = new Picker<>("", List.of(Similarity.values()), Enum::name);

    SimilarityCard(RoutingViewModel model) {
        this.model = model;
        map = new PairsMap("similarity", e -> model.hoveredProperty().set(e < 0 ? null : new Place(model.layer(), e)), e -> model.select(model.layer(), e));
        content = new VBox(6, map.canvas(), note);
        VBox.setVgrow(map.canvas(), Priority.ALWAYS);
        note.setWrapText(true);
        note.setMinHeight(Region.USE_PREF_SIZE);
        note.getStyleClass().add(Styles.CAPTION);
        measure.valueProperty().bindBidirectional(model.similarityProperty());
        for (var p : List.of(model.stateProperty(), model.similarityProperty(), model.selectedProperty(), model.subjectProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    Card node() {
        return card;
    }

    private void show() {
        RoutingData d = model.data().orElse(null);
        if (d == null) {
            return;
        }
        int layer = model.layer();
        Similarity by = model.similarityProperty().get();
        card.title("Similarity, layer " + d.number(layer));
        Pairs pairs = d.similarity(by, layer).orElse(null);
        if (pairs == null) {
            drawn = List.of();
            card.header();
            EmptyState empty = new EmptyState(Icons.ROUTING, model.canCompute() ? "Not compared yet. Every layer's experts are set against each other: their weights, what they write, what they make of the same tokens."
                    : "This result does not compare the experts.");
            card.content(model.canCompute() ? empty.button(Buttons.plain("Compare experts", model::compareExperts)) : empty);
            return;
        }
        List<Object> now = List.of(d, layer, by);
        if (now.equals(drawn)) {
            map.mark(model.selectedProperty().get() == null ? -1 : model.selectedProperty().get().expert());
            return;
        }
        drawn = now;
        card.header(measure);
        boolean cosine = by != Similarity.subspace;
        map.show(pairs, 1, cosine ? Scale.diverging(1) : Scale.linear(0, 1), cosine ? "cosine" : "overlap", (a, b) -> new ReadOut().add(ReadOut.Role.NAME, "Experts " + a + " and " + b).line()
                .add(ReadOut.Role.VALUE, Numbers.orReason(pairs.values()[a * d.experts(layer) + b], Numbers::probability)).add(ReadOut.Role.CONTEXT, words(by)));
        map.mark(model.selectedProperty().get() == null ? -1 : model.selectedProperty().get().expert());
        note.setText(switch (by) {
            case weights -> "Cosine of all weights. Experts that began alike stay near 1.";
            case subspace -> "Overlap of the directions that the down projections write to; 1: the same.";
            case outputs -> "Cosine of what both make of the same token, mean over tokens.";
        });
        ProvenanceAudit.tag(card, d.provenance(by.tensor()));
        card.content(content);
    }

    private static String words(Similarity by) {
        return switch (by) {
            case weights -> "cosine of weights";
            case subspace -> "overlap of subspaces";
            case outputs -> "mean cosine of outputs";
        };
    }
}
