package vitrine.views.routing;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ForkJoinPool;
import javafx.application.Platform;
import javafx.scene.layout.StackPane;
import vitrine.resources.Styles;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.HeatMap;
import vitrine.views.chart.Scale;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.Subject;

/// A small picture of a mixture of experts at work: kinds of text down, experts across, in the layer that tells most of the kinds; colours as the load maps of
/// the Routing view have them. It asks the engine for what that view would ask for, so that opening the view finds it there.
public final class RoutingPreview extends StackPane {

    private final RoutingViewModel model;

    /// @param size in pixels
    public RoutingPreview(TaskBoard board, double size) {
        model = new RoutingViewModel(board, ForkJoinPool.commonPool(), Platform::runLater);
        getStyleClass().add(Styles.CANVAS);
        setMinSize(size, size);
        setMaxSize(size, size);
        model.stateProperty().addListener((o, old, now) -> {
            if (now instanceof ViewState.Result<RoutingData> r) {
                draw(r.value());
            }
        });
    }

    /// Asks for the picture.
    public void show(Subject subject, List<Path> texts) {
        model.show(subject);
        if (model.obstacle().isEmpty()) {
            model.offer(texts.stream().map(RoutingViewModel::domain).toList());
            model.compute();
        }
    }

    private void draw(RoutingData d) {
        int layer = d.first().layer();
        int experts = d.experts(layer);
        double fair = (double) d.perToken(layer) / experts;
        float[] load = new float[d.domains().size() * experts];
        for (int i = 0; i < load.length; i++) {
            load[i] = (float) (d.specialisation(layer, i / experts, i % experts) / fair);
        }
        HeatMap map = new HeatMap().withoutLegend().stretched();
        map.show(Cells.of(d.domains().size(), experts, load));
        map.scaleProperty().set(Scale.load());
        FigureCanvas picture = new FigureCanvas(map);
        // Whole pixels per cell, in the middle.
        picture.setMaxSize(Math.max(1, Math.floor(getMaxWidth() / experts)) * experts, Math.max(1, Math.floor(getMaxHeight() / d.domains().size())) * d.domains().size());
        picture.setMouseTransparent(true);
        picture.setFocusTraversable(false);
        ProvenanceAudit.tag(picture, d.provenance("domain_specialisation", "share of each text's tokens that visit the expert, divided by k / N"));
        getChildren().setAll(picture);
    }
}
