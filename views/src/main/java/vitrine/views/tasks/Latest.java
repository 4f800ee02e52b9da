package vitrine.views.tasks;

import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.Supplier;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import vitrine.core.artifact.Artifact;
import vitrine.core.engine.Ending;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;

/// Requests of one view of which only the last counts: a new one cancels the one before, and what a cancelled one brings is never shown.
public final class Latest<T> {

    private final TaskBoard board;
    private final Function<Artifact, T> reader;
    private final Executor background;
    private final Executor ui;
    private final ReadOnlyObjectWrapper<ViewState<T>> state;
    private TaskRow current;
    private long number;
    private boolean reading;

    /// @param reader makes what is drawn of an artifact; called on the JavaFX thread, so it reads headers and small tensors only
    public Latest(TaskBoard board, String emptySentence, Function<Artifact, T> reader) {
        this(board, emptySentence, reader, Runnable::run, Runnable::run);
    }

    /// @param reader makes what is drawn of an artifact; may take its time
    /// @param background where it is called
    /// @param ui runs on the JavaFX thread
    public Latest(TaskBoard board, String emptySentence, Function<Artifact, T> reader, Executor background, Executor ui) {
        this.board = board;
        this.reader = reader;
        this.background = background;
        this.ui = ui;
        state = new ReadOnlyObjectWrapper<>(new ViewState.Empty<>(emptySentence));
    }

    /// What there is to show.
    public ReadOnlyObjectProperty<ViewState<T>> stateProperty() {
        return state.getReadOnlyProperty();
    }

    public ViewState<T> state() {
        return state.get();
    }

    /// Asks anew; what is shown stays, as stale, until the answer is there.
    public void ask(String title, Task task) {
        drop();
        long mine = number;
        T previous = state.get().valueOrNull();
        current = board.ask(title, task, ending -> {
            if (mine == number) {
                current = null;
                set(mine, () -> read(ending, previous));
            }
        });
        if (!current.state().over()) {
            state.set(new ViewState.Working<>(current, previous));
        }
    }

    /// Forgets what is shown and what is under way.
    public void clear(String emptySentence) {
        drop();
        state.set(new ViewState.Empty<>(emptySentence));
    }

    /// Shows something that was not asked for, such as an opened artifact.
    public void show(T value) {
        drop();
        state.set(new ViewState.Result<>(value));
    }

    /// Shows what is read of an artifact that was not asked for.
    public void show(Artifact artifact) {
        drop();
        set(number, () -> read(new Ending.Finished(artifact, true), null));
    }

    /// Whether an artifact is being read.
    public boolean reading() {
        return reading;
    }

    /// Shows a problem that was seen before anything was asked.
    public void fail(Refusal r) {
        drop();
        state.set(problem(r));
    }

    /// Gives up what is under way; its answer is not shown, but what was there before.
    public void cancel() {
        drop();
        if (state.get() instanceof ViewState.Working<T> w) {
            state.set(before(w.previous()));
        }
    }

    private void drop() {
        number++;
        reading = false;
        if (current != null) {
            current.cancel();
            current = null;
        }
    }

    private static <T> ViewState<T> before(T previous) {
        return previous == null ? new ViewState.Empty<>("Cancelled.") : new ViewState.Result<>(previous);
    }

    private void set(long mine, Supplier<ViewState<T>> made) {
        reading = true;
        background.execute(() -> {
            ViewState<T> shown;
            RuntimeException fault = null;
            try {
                shown = made.get();
            } catch (RuntimeException e) {
                // A fault of the program: the view says that it has nothing, and whoever handles faults hears of it.
                shown = new ViewState.Problem<>("The result cannot be read", List.of(e.toString()), "The log tells more.");
                fault = e;
            }
            ViewState<T> now = shown;
            ui.execute(() -> {
                if (mine == number) {
                    reading = false;
                    state.set(now);
                }
            });
            if (fault != null) {
                throw fault;
            }
        });
    }

    private ViewState<T> read(Ending ending, T previous) {
        return switch (ending) {
            case Ending.Finished f -> {
                try {
                    yield new ViewState.Result<>(reader.apply(f.artifact()));
                } catch (Refusal r) {
                    yield problem(r);
                }
            }
            case Ending.Refused r -> new ViewState.Problem<>("This cannot be computed", List.of(r.message()), null);
            case Ending.Failed f -> new ViewState.Problem<>(f.cause().sentence(), List.of(f.message()), help(f.cause()));
            case Ending.Cancelled ignored -> before(previous);
        };
    }

    private static <T> ViewState<T> problem(Refusal r) {
        String place = (r.file() == null ? "" : r.file().toString()) + (r.where() == null ? "" : ", " + r.where());
        return new ViewState.Problem<>(r.problem(), place.isEmpty() ? List.of() : List.of(place), r.remedy());
    }

    private static String help(Ending.Cause cause) {
        return switch (cause) {
            case OUT_OF_MEMORY -> "A shorter prompt or fewer layers need less memory.";
            case CRASHED, LOST, STUCK -> "A new worker starts with the next request. The log tells more.";
            case PROTOCOL, FAULT, NOT_STARTED -> "The log tells more.";
        };
    }
}
