package vitrine.views.lora;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ForkJoinPool;
import javafx.application.Platform;
import javafx.scene.layout.StackPane;
import vitrine.resources.Styles;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.HeatMap;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.view.Subject;

/// A small picture of an adapter: modules down, rank components across, as the LoRA view shows them at first. It asks the engine for what that view would ask
/// for, so that opening the view finds it there.
public final class LoraPreview extends StackPane {

    private final LoraViewModel model;

    /// @param size in pixels
    public LoraPreview(TaskBoard board, double size) {
        model = new LoraViewModel(board, ForkJoinPool.commonPool(), Platform::runLater);
        getStyleClass().add(Styles.CANVAS);
        setMinSize(size, size);
        setMaxSize(size, size);
        model.studyProperty().addListener((o, old, now) -> {
            if (now != null) {
                draw(now);
            }
        });
    }

    /// Asks for the picture.
    public void show(Subject adapter, Subject base) {
        model.bases().setAll(base);
        model.show(adapter);
    }

    private void draw(Study study) {
        List<Module> modules = study.known();
        int ranks = study.mostRanks();
        if (modules.isEmpty()) {
            return;
        }
        float[] values = new float[modules.size() * ranks];
        Arrays.fill(values, Cells.NONE);
        for (int m = 0; m < modules.size(); m++) {
            double[] sigma = Importance.SINGULAR.stored(modules.get(m));
            for (int r = 0; r < sigma.length; r++) {
                values[m * ranks + r] = (float) sigma[r];
            }
        }
        HeatMap map = new HeatMap().withoutLegend().stretched();
        map.show(Cells.of(modules.size(), ranks, values));
        map.scaleProperty().set(Importance.SINGULAR.scale(study));
        FigureCanvas picture = new FigureCanvas(map);
        // Whole pixels per cell, in the middle.
        picture.setMaxSize(Math.max(1, Math.floor(getMaxWidth() / ranks)) * ranks, Math.max(1, Math.floor(getMaxHeight() / modules.size())) * modules.size());
        picture.setMouseTransparent(true);
        picture.setFocusTraversable(false);
        ProvenanceAudit.tag(picture, study.derived("singular values of each module's delta"));
        getChildren().setAll(picture);
    }
}
