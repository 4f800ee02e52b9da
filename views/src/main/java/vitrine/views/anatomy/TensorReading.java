package vitrine.views.anatomy;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import vitrine.core.artifact.Provenance;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.views.tasks.Latest;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.view.Subject;
import vitrine.views.tasks.ViewState;

/// The values of one checkpoint's tensors, as far as they were read: those of all where that is a moment's work or was asked for, those
/// of single tensors else.
final class TensorReading {

    /// A tensor's figures with its histogram and how they came about.
    record Values(TensorValues.Figures figures, long[] histogram, Provenance provenance) {}

    /// Bins of every histogram; rows of the table draw two as one.
    static final int BINS = 64;
    /// Values of all tensors are read unasked up to this many bytes.
    static final long UNASKED_BYTES = 64L << 20;
    private static final String NO_VALUES = "Values are read when asked.";

    private final Latest<TensorValues> all;
    private final Latest<TensorValues> one;
    private final Map<String, Values> known = new HashMap<>();
    private Subject subject;
    private TensorValues allValues;
    private TensorLine asked;

    /// @param changed told whenever there is something new to show
    TensorReading(TaskBoard board, Runnable changed) {
        all = new Latest<>(board, NO_VALUES, TensorValues::of);
        one = new Latest<>(board, NO_VALUES, TensorValues::of);
        all.stateProperty().addListener((o, old, now) -> {
            if (now instanceof ViewState.Result<TensorValues> r && r.value() != allValues) {
                takeAll(r.value());
            }
            changed.run();
        });
        one.stateProperty().addListener((o, old, now) -> {
            if (now instanceof ViewState.Result<TensorValues> r) {
                takeOne(r.value());
            }
            changed.run();
        });
    }

    /// Begins with another checkpoint; a small one is read at once.
    void open(Subject now) {
        subject = now;
        if (isSmall() && now.anatomy().tensors().stream().anyMatch(t -> t.entry().dtype().readable())) {
            askAll();
        }
    }

    /// Shows values that were read before.
    void show(TensorValues made) {
        all.show(made);
    }

    /// Lets go of everything.
    void forget() {
        subject = null;
        asked = null;
        known.clear();
        one.clear(NO_VALUES);
        all.clear(NO_VALUES);
        if (allValues != null) {
            allValues.close();
            allValues = null;
        }
    }

    Latest<TensorValues> allState() {
        return all;
    }

    /// The values of all tensors, or null while they are not read.
    TensorValues all() {
        return allValues;
    }

    Optional<Values> values(TensorLine line) {
        return known.containsKey(line.name()) ? Optional.of(known.get(line.name())) : allValues == null ? Optional.empty() : read(allValues, line);
    }

    private static Optional<Values> read(TensorValues from, TensorLine line) {
        return from.figures(line.name()).map(f -> new Values(f, from.histogram(line.name()), from.provenance(line.name(), line.dtype())));
    }

    Optional<TensorValues.Figures> figures(String tensor) {
        Values v = known.get(tensor);
        return v != null ? Optional.of(v.figures()) : allValues == null ? Optional.empty() : allValues.figures(tensor);
    }

    /// How the figures of a tensor whose values were read came about.
    Provenance provenance(TensorLine line) {
        Values v = known.get(line.name());
        return v != null ? v.provenance() : allValues.provenance(line.name(), line.dtype());
    }

    /// What there is to show of a tensor's values.
    ViewState<Values> state(TensorLine line) {
        Optional<Values> there = values(line);
        if (there.isPresent()) {
            return new ViewState.Result<>(there.get());
        }
        if (!readable(line)) {
            return new ViewState.Empty<>("Values of type " + line.dtype() + " cannot be read here.");
        }
        ViewState<TensorValues> source = line.equals(asked) ? one.state() : all.state();
        return switch (source) {
            case ViewState.Working<TensorValues> w -> new ViewState.Working<>(w.row(), null);
            case ViewState.Problem<TensorValues> p -> new ViewState.Problem<>(p.what(), p.details(), p.help());
            case ViewState.Empty<TensorValues> e -> new ViewState.Empty<>(e.sentence());
            case ViewState.Result<TensorValues> ignored -> new ViewState.Empty<>("Its values were not read.");
        };
    }

    private static boolean readable(TensorLine line) {
        return line.item() == null || line.item().entry().dtype().readable();
    }

    /// Reads one tensor's values, unless they are known or on their way; the request before is given up.
    void ask(TensorLine line) {
        boolean coming = all.state() instanceof ViewState.Working && isSmall();
        if (subject == null || figures(line.name()).isPresent() || !readable(line) || coming) {
            cancelOne();
            return;
        }
        asked = line;
        one.ask("Values of " + Visible.name(Names.title(line.name())), new Task.Statistics(subject.path(), List.of(line.name()), BINS));
    }

    /// Gives the reading of one tensor up.
    void cancelOne() {
        one.cancel();
        asked = null;
    }

    private boolean isSmall() {
        return subject != null && subject.anatomy().checkpoint().tensorBytes() <= UNASKED_BYTES;
    }

    /// Asks again for what failed.
    void retry(TensorLine line) {
        if (all.state() instanceof ViewState.Problem && isSmall()) {
            askAll();
        } else {
            ask(line);
        }
    }

    /// The task that reads the values of all tensors.
    static Task.Statistics allTask(Subject of) {
        return new Task.Statistics(of.path(), null, BINS);
    }

    void askAll() {
        if (subject != null) {
            all.ask("Values of " + subject.name(), allTask(subject));
        }
    }

    void cancelAll() {
        if (all.state() instanceof ViewState.Working<TensorValues> w) {
            w.row().cancel();
        }
    }

    private void takeAll(TensorValues values) {
        if (allValues != null) {
            allValues.close();
        }
        allValues = values;
        known.clear();
        cancelOne();
    }

    private void takeOne(TensorValues values) {
        if (asked != null) {
            read(values, asked).ifPresent(v -> known.put(asked.name(), v));
        }
        values.close();
    }

    /// Tensors that hold NaN or infinities, as far as they were read.
    Map<String, TensorValues.Figures> nonFinite() {
        Map<String, TensorValues.Figures> odd = new LinkedHashMap<>();
        if (allValues != null) {
            allValues.names().forEach(n -> allValues.figures(n).filter(f -> f.nonFinite() > 0).ifPresent(f -> odd.put(n, f)));
        }
        known.forEach((n, v) -> {
            if (v.figures().nonFinite() > 0) {
                odd.put(n, v.figures());
            }
        });
        return odd;
    }
}
