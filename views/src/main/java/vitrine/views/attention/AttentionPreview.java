package vitrine.views.attention;

import javafx.scene.layout.StackPane;
import vitrine.core.analysis.attention.HeadMetric;
import vitrine.resources.Styles;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.HeatMap;
import vitrine.views.chart.Scale;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.view.Subject;

/// A small picture of a checkpoint at work: of all heads, the one that shows induction best on a prompt. It asks the engine for what the
/// Attention view would ask for, so that opening the view finds it there.
public final class AttentionPreview extends StackPane {

    private final AttentionViewModel model;

    /// @param size in pixels
    public AttentionPreview(TaskBoard board, double size) {
        model = new AttentionViewModel(board);
        getStyleClass().add(Styles.CANVAS);
        setMinSize(size, size);
        setMaxSize(size, size);
        model.captureState().stateProperty().addListener((o, old, now) -> model.capture().ifPresent(this::draw));
    }

    /// Asks for the picture.
    public void show(Subject subject, String prompt) {
        model.show(subject);
        if (model.obstacle().isEmpty()) {
            model.promptProperty().set(prompt);
            model.run();
        }
    }

    private void draw(AttentionCapture c) {
        HeadId best = new HeadId(0, 0);
        double most = Double.NEGATIVE_INFINITY;
        for (int l = 0; l < c.layers(); l++) {
            for (int h = 0; h < c.heads(); h++) {
                double v = c.metric(HeadMetric.INDUCTION_SHARE, l, h);
                if (v > most) {
                    most = v;
                    best = new HeadId(l, h);
                }
            }
        }
        Cells cells = c.thumbnail(best.layer(), best.head());
        if (cells == null) {
            return;
        }
        HeatMap map = new HeatMap().withoutLegend();
        map.show(cells);
        map.scaleProperty().set(Scale.sqrt(0, 1));
        FigureCanvas picture = new FigureCanvas(map);
        picture.setMouseTransparent(true);
        picture.setFocusTraversable(false);
        ProvenanceAudit.tag(picture, c.provenance("thumbnails"));
        getChildren().setAll(picture);
    }
}
