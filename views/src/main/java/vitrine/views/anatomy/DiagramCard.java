package vitrine.views.anatomy;

import javafx.scene.Cursor;
import javafx.scene.Node;
import javafx.scene.control.ScrollPane;
import javafx.scene.layout.StackPane;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Styles;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;

/// How the model is wired, one layer in full; or why that cannot be drawn.
final class DiagramCard {

    private final StackPane card = new StackPane();
    private final AnatomyViewModel model;
    private final BlockDiagram diagram;
    private final FigureCanvas canvas;
    private final ScrollPane scroll;

    DiagramCard(AnatomyViewModel model) {
        this.model = model;
        diagram = new BlockDiagram(model.layerProperty()::set);
        // A low card scrolls; a high one is filled.
        canvas = new FigureCanvas(diagram) {
            @Override
            protected double computeMinHeight(double width) {
                return diagram.leastHeight(width < 0 ? getWidth() : width, surface());
            }
        };
        canvas.setId("diagram");
        scroll = new ScrollPane(canvas);
        scroll.setFitToWidth(true);
        scroll.setFitToHeight(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        scroll.setFocusTraversable(false);
        card.getStyleClass().add(Styles.CARD);
        diagram.selectedProperty().bindBidirectional(model.selectedProperty());
        diagram.hoveredProperty().addListener((o, old, now) -> canvas.setCursor(now != null && !now.box().tensors().isEmpty() ? Cursor.HAND : Cursor.DEFAULT));
        model.subjectProperty().addListener((o, old, now) -> show());
        model.layerProperty().addListener((o, old, now) -> wire());
        show();
    }

    Node node() {
        return card;
    }

    FigureCanvas canvas() {
        return canvas;
    }

    BlockDiagram diagram() {
        return diagram;
    }

    private void show() {
        String obstacle = model.diagramObstacle();
        if (!obstacle.isEmpty() || model.spec().isEmpty()) {
            card.getChildren().setAll(new EmptyState(Icons.ANATOMY, obstacle));
            ProvenanceAudit.notAFigure(card, "why there is no diagram");
            return;
        }
        ProvenanceAudit.tag(card, Provenance.measured("config.json", "", "wiring and sizes as the config says them; tensors by name in the headers"));
        card.getChildren().setAll(scroll);
        wire();
    }

    private void wire() {
        ModelSpec spec = model.spec().orElse(null);
        if (spec == null) {
            return;
        }
        var tensors = model.anatomy().orElseThrow().checkpoint().tensors();
        diagram.hoveredProperty().set(null);
        diagram.wiringProperty().set(Wiring.of(spec, Math.clamp(model.layerProperty().get(), 0, Math.max(0, spec.layers().size() - 1)), tensors::containsKey));
        canvas.requestLayout();
    }

    /// The height that shows the whole diagram with easy distances at a width of the card.
    double wantedHeight(double width) {
        return model.spec().isEmpty() ? 240 : diagram.heightFor(width - 26, canvas.surface()) + 26;
    }
}
