package vitrine.views.tasks;

import java.util.ArrayList;
import java.util.List;
import javafx.beans.property.ReadOnlyDoubleProperty;
import javafx.beans.property.ReadOnlyDoubleWrapper;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.beans.property.ReadOnlyStringProperty;
import javafx.beans.property.ReadOnlyStringWrapper;
import vitrine.core.engine.EngineEvent;
import vitrine.core.engine.TaskHandle;

/// A task that was asked for, as the drawer shows it. All properties change on the JavaFX thread.
public final class TaskRow {

    /// A task waits, runs, and then is one of the other three for ever.
    public enum State {
        WAITING, RUNNING, FINISHED, FAILED, CANCELLED;

        public boolean over() {
            return this == FINISHED || this == FAILED || this == CANCELLED;
        }
    }

    private final String title;
    private final ReadOnlyObjectWrapper<State> state = new ReadOnlyObjectWrapper<>(State.WAITING);
    private final ReadOnlyDoubleWrapper share = new ReadOnlyDoubleWrapper(-1);
    private final ReadOnlyDoubleWrapper secondsLeft = new ReadOnlyDoubleWrapper(Double.NaN);
    private final ReadOnlyStringWrapper message = new ReadOnlyStringWrapper("");
    private final List<String> warnings = new ArrayList<>();
    private final long startedNanos = System.nanoTime();
    private long done;
    private long total;
    private String unit = "";
    private TaskHandle handle;

    TaskRow(String title) {
        this.title = title;
    }

    void started(TaskHandle h) {
        handle = h;
    }

    void event(EngineEvent event) {
        switch (event) {
            case EngineEvent.Progress p -> {
                state.set(State.RUNNING);
                done = p.done();
                total = p.total();
                unit = p.unit();
                double elapsed = (System.nanoTime() - startedNanos) / 1e9;
                share.set(total > 0 ? (double) done / total : -1);
                secondsLeft.set(share.get() > 0.02 ? elapsed / share.get() - elapsed : Double.NaN);
            }
            case EngineEvent.Warning w -> warnings.add(w.message());
            case EngineEvent.Metric ignored -> state.set(State.RUNNING);
        }
    }

    void end(State how, String words) {
        if (!state.get().over()) {
            message.set(words);
            state.set(how);
        }
    }

    /// What the task does, in words: `Attention of stories260k, 30 tokens`.
    public String title() {
        return title;
    }

    public ReadOnlyObjectProperty<State> stateProperty() {
        return state.getReadOnlyProperty();
    }

    public State state() {
        return state.get();
    }

    /// From 0 to 1, or -1 while the length is unknown.
    public ReadOnlyDoubleProperty shareProperty() {
        return share.getReadOnlyProperty();
    }

    /// An estimate in seconds, NaN while there is none.
    public ReadOnlyDoubleProperty secondsLeftProperty() {
        return secondsLeft.getReadOnlyProperty();
    }

    /// How it ended: why it failed, or a short summary.
    public ReadOnlyStringProperty messageProperty() {
        return message.getReadOnlyProperty();
    }

    public long done() {
        return done;
    }

    public long total() {
        return total;
    }

    /// What is counted: layers, tokens, bytes.
    public String unit() {
        return unit;
    }

    /// The same for one of them: layer, token, byte.
    public String singularUnit() {
        return unit.endsWith("s") && unit.length() > 1 ? unit.substring(0, unit.length() - 1) : unit;
    }

    /// Seconds since the task was asked for.
    public double elapsedSeconds() {
        return (System.nanoTime() - startedNanos) / 1e9;
    }

    /// What the task's user should know, one sentence each.
    public List<String> warnings() {
        return warnings;
    }

    /// Gives the task up.
    public void cancel() {
        if (handle != null) {
            handle.cancel();
        }
    }
}
