package vitrine.views.control;

import javafx.scene.control.Label;
import javafx.scene.control.OverrunStyle;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;

/// A task under way: name, bar, how far it is, time left, cancel. Where the length is unknown it shows the count.
///
/// When to show and remove rows is up to their owner: after 1 s, 8 s after they are done; failed ones stay.
public final class ProgressRow extends HBox {

    private final Meter meter = new Meter(0).thin();
    private final Label done = new Label();
    private final Label left = new Label();
    private final IconButton cancel;

    public ProgressRow(Icons icon, String name, Runnable cancelled) {
        getStyleClass().add(Styles.PROGRESS_ROW);
        // Progress is the state of the program, not a result.
        ProvenanceAudit.notAFigure(this, "progress of a task");
        Label title = new Label(name);
        title.setTextOverrun(OverrunStyle.ELLIPSIS);
        title.setMinWidth(60);
        HBox.setHgrow(title, Priority.SOMETIMES);
        done.getStyleClass().add(Styles.MUTED);
        left.getStyleClass().add(Styles.MUTED);
        done.setMinWidth(Region.USE_PREF_SIZE);
        left.setMinWidth(Region.USE_PREF_SIZE);
        cancel = new IconButton(Icons.CLOSE, "Cancel " + name, "", cancelled).compact();
        getChildren().addAll(icon.node(), title, meter, done, left, cancel);
    }

    /// Shows how far the task is: `step 410 / 600`, 13 s left.
    ///
    /// @param unit what is counted, in the singular or in the plural; empty while nothing was heard of the task
    /// @param secondsLeft NaN while it is unknown
    public void progress(long steps, long of, String unit, double secondsLeft) {
        boolean known = of > 0;
        meter.setVisible(known);
        meter.setManaged(known);
        meter.shareProperty().set(known ? (double) steps / of : Double.NaN);
        String one = unit.endsWith("s") ? unit.substring(0, unit.length() - 1) : unit;
        String counted = steps == 1 || one.isEmpty() ? one : one + "s";
        boolean waiting = one.isEmpty() && steps == 0;
        done.setText(known ? (one + " " + Numbers.count(steps) + " / " + Numbers.count(of)).strip() : waiting ? "waiting" : (Numbers.count(steps) + " " + counted).strip());
        left.setText(Double.isFinite(secondsLeft) ? Numbers.timeLeft(secondsLeft) + " left" : "");
    }

    /// Ends the row well.
    public void done(String summary) {
        end(Icons.DONE, summary);
    }

    /// Ends the row with what went wrong; it stays until it is closed.
    public void failed(String reason) {
        getStyleClass().add("vt-failed");
        end(Icons.FAILED, reason);
        Tooltip.install(this, new Tooltip(reason));
    }

    private void end(Icons icon, String words) {
        getChildren().set(0, icon.node());
        meter.setVisible(false);
        meter.setManaged(false);
        done.setText(words);
        left.setText("");
        cancel.setVisible(false);
        cancel.setManaged(false);
    }
}
