package vitrine.views.anatomy;

import javafx.animation.PauseTransition;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.util.Duration;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.Meter;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.tasks.TaskRow;

/// How far the reading of values is, in a line that fits a card or the inspector.
final class States {

    private States() {}

    /// Bar, bytes and cancel; appears when it took a while.
    ///
    /// @param after how long nothing is shown yet
    static Node reading(TaskRow task, Duration after) {
        Meter meter = new Meter(0).thin();
        meter.setMinWidth(40);
        HBox.setHgrow(meter, Priority.ALWAYS);
        meter.setMaxWidth(160);
        Label words = new Label();
        words.getStyleClass().addAll(Styles.CAPTION);
        words.setMinWidth(Region.USE_PREF_SIZE);
        Runnable tell = () -> {
            meter.shareProperty().set(task.total() > 0 ? (double) task.done() / task.total() : Double.NaN);
            words.setText(task.total() <= 0 ? "waiting" : Numbers.bytes(task.done()) + " of " + Numbers.bytes(task.total()) + left(task));
        };
        task.shareProperty().addListener((o, old, now) -> tell.run());
        tell.run();
        HBox row = new HBox(8, meter, words, new IconButton(Icons.CLOSE, "Cancel " + task.title(), "", task::cancel).compact());
        row.setAlignment(javafx.geometry.Pos.CENTER_LEFT);
        ProvenanceAudit.notAFigure(row, "progress of a task");
        if (after.greaterThan(Duration.ZERO)) {
            row.setVisible(false);
            PauseTransition wait = new PauseTransition(after);
            wait.setOnFinished(e -> row.setVisible(true));
            wait.play();
        }
        return row;
    }

    private static String left(TaskRow task) {
        double seconds = task.secondsLeftProperty().get();
        return Double.isFinite(seconds) && seconds >= 1 ? ", " + Numbers.timeLeft(seconds) + " left" : "";
    }
}
