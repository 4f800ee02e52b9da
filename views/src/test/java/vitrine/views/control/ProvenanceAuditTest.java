package vitrine.views.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.stage.Stage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Theme;
import vitrine.views.testing.FxThread;

/// The audit finds every number whose origin nobody told, and only those.
class ProvenanceAuditTest {

    private static final Provenance FROM = Provenance.measured("model", "F32", "read");

    private Stage stage;

    @AfterEach
    void close() {
        if (stage != null) {
            FxThread.run(stage::close);
        }
    }

    private List<String> found(java.util.function.Supplier<Node> content) {
        StackPane root = FxThread.get(() -> new StackPane(content.get()));
        stage = FxThread.show(root, 300, 200, Theme.DARK);
        return FxThread.get(() -> ProvenanceAudit.untagged(root).stream().map(ProvenanceAudit.Untold::shown).toList());
    }

    @Test
    void anUntaggedNumberIsFoundWithItsPlace() {
        Label[] label = new Label[1];
        StackPane root = FxThread.get(() -> {
            label[0] = new Label("0.448");
            label[0].getStyleClass().add("vt-planted");
            return new StackPane(new VBox(new Label("words"), label[0]));
        });
        stage = FxThread.show(root, 300, 200, Theme.DARK);
        List<ProvenanceAudit.Untold> untold = FxThread.get(() -> ProvenanceAudit.untagged(root));
        assertEquals(1, untold.size());
        assertEquals("0.448", untold.getFirst().shown());
        assertTrue(untold.getFirst().path().contains("/vt-planted/"), untold.getFirst().path());
    }

    @Test
    void aDrawnFigureIsFoundByItsDescription() {
        assertEquals(List.of("curve"), found(() -> new FigureCanvas(new Named("curve"))));
    }

    private record Named(String description) implements vitrine.views.chart.Figure {
        @Override
        public void draw(vitrine.views.chart.Pen pen, double width, double height, Theme theme) {}
    }

    @Test
    void taggedNumbersAndFiguresAreLeftAlone() {
        assertEquals(List.of(), found(() -> new VBox(new NumberLabel(Quantity.of(0.448, Numbers::probabilityInList, FROM)),
                ProvenanceAudit.tag(new FigureCanvas(new Named("curve")), FROM), KeyValueRow.of("Layer 3", Quantity.of(2, Numbers::count, FROM)))));
    }

    @Test
    void aTagHoldsForAllThatLiesBelow() {
        assertEquals(List.of(), found(() -> new Card("Heads 1").provenance(FROM).content(new VBox(new Label("0.5"), new FigureCanvas(new Named("c"))))));
        FxThread.run(stage::close);
        assertEquals(List.of("0.5"), found(() -> new Card("Heads 1").content(new Label("0.5"))));
    }

    @Test
    void whatIsNoFigureIsLeftAlone() {
        assertEquals(List.of(), found(() -> new VBox(ProvenanceAudit.notAFigure(new Label("layer 3"), "a name"), new Label("no digits"),
                new EmptyState(Icons.ATTENTION, "Give a prompt of 2 to 512 tokens."), new ErrorCard("tensor 7 needs 44 bytes", List.of("a1"), "", null))));
        assertThrows(IllegalArgumentException.class, () -> ProvenanceAudit.notAFigure(new javafx.scene.Group(), " "));
    }

    /// A figure belongs to a section of the guide: its own, or that of the view around it.
    @Test
    void aFigureWithoutASectionOfTheGuideIsFound() {
        Node[] rows = FxThread.get(() -> {
            Node alone = new Card("Heads").provenance(FROM).content(new Label("0.5"));
            Node own = new Card("Heads").provenance(FROM).explained(Guide.Section.formula("attention", "weights")).content(new Label("0.5"));
            return new Node[] {new VBox(alone, own), GuideLink.about(new StackPane(new VBox(ProvenanceAudit.tag(new Label("0.5"), FROM))), Guide.Section.formulas("attention"))};
        });
        assertEquals(1, FxThread.get(() -> ProvenanceAudit.unexplained(rows[0])).size());
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.unexplained(rows[1])));
    }

    @Test
    void whatIsHiddenIsNoNumberOnScreen() {
        assertEquals(List.of(), found(() -> {
            Label hidden = new Label("7");
            hidden.setVisible(false);
            VBox box = new VBox(new Label("8"));
            box.setVisible(false);
            return new VBox(hidden, box);
        }));
    }

    @Test
    void scrolledContentIsLookedAt() {
        assertEquals(List.of("42"), found(() -> new ScrollPane(new VBox(new Label("42")))));
    }

    /// A label has no text node until it is laid out: a view that was never shown must not pass for clean.
    @Test
    void labelsThatWereNeverLaidOutAreLookedAt() {
        assertEquals(List.of("42"), FxThread.get(() -> ProvenanceAudit.untagged(new VBox(new Label("42"), new Label("words"))).stream()
                .map(ProvenanceAudit.Untold::shown).toList()));
    }

    @Test
    void theNearestTagIsTheOneThatHolds() {
        Provenance inner = Provenance.derived("a", "F64", "sum");
        Node[] nodes = FxThread.get(() -> {
            Label label = new Label("1");
            VBox near = ProvenanceAudit.tag(new VBox(label), inner);
            return new Node[] {label, ProvenanceAudit.tag(new StackPane(near), FROM)};
        });
        assertSame(inner, FxThread.get(() -> ProvenanceAudit.of(nodes[0])));
        assertSame(FROM, FxThread.get(() -> ProvenanceAudit.of(nodes[1])));
        assertNull(FxThread.get(() -> ProvenanceAudit.of(new Label("1"))));
        // Below a tag everything is told.
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.untagged(nodes[0])));
    }
}
