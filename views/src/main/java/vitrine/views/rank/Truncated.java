package vitrine.views.rank;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import javafx.beans.property.ReadOnlyIntegerProperty;
import javafx.beans.property.ReadOnlyIntegerWrapper;
import javafx.beans.property.ReadOnlyObjectProperty;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.task.Task;
import vitrine.core.task.TaskEvaluateBuilder;
import vitrine.views.tasks.Latest;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;

/// Weight matrices of which only the largest singular directions stay, and what that does to the loss on the text. No weight is changed.
final class Truncated {

    /// So much of the text passes: enough to see what a change does, soon enough to see it at once.
    static final int TOKENS = 1024;

    /// A loss over the text's beginning, nats per token.
    record Loss(double value, Provenance provenance) {

        static Loss of(Artifact a) {
            return new Loss(a.manifest().summary().path("loss").asDouble(Double.NaN), a.provenance("loss").orElseThrow());
        }
    }

    /// A matrix and how many of its directions stay.
    record Kept(Item.Place place, String title, int rank, int of) {}

    private final TreeMap<String, Kept> kept = new TreeMap<>();
    private final ReadOnlyIntegerWrapper version = new ReadOnlyIntegerWrapper(this, "version");
    private final Supplier<Task.Evaluate> whole;
    private final Latest<Loss> before;
    private final Latest<Loss> after;
    private Task.Evaluate wholeAsked;

    /// @param whole what measures the model as it is; null where nothing can be asked
    Truncated(TaskBoard board, Supplier<Task.Evaluate> whole) {
        this.whole = whole;
        before = new Latest<>(board, "", Loss::of);
        after = new Latest<>(board, "", Loss::of);
    }

    /// Counts changes of what is truncated.
    ReadOnlyIntegerProperty versionProperty() {
        return version.getReadOnlyProperty();
    }

    ReadOnlyObjectProperty<ViewState<Loss>> beforeProperty() {
        return before.stateProperty();
    }

    ReadOnlyObjectProperty<ViewState<Loss>> afterProperty() {
        return after.stateProperty();
    }

    boolean any() {
        return !kept.isEmpty();
    }

    /// By the name of the matrix without `.weight`.
    Map<String, Kept> kept() {
        return kept;
    }

    /// The name of a matrix as the engine has it.
    static String name(Item i) {
        return i.name().replaceFirst("\\.weight$", "");
    }

    boolean has(Item i) {
        return kept.containsKey(name(i));
    }

    /// Keeps so many directions of a matrix from now on.
    void put(Item i, int rank, int of) {
        Kept now = new Kept(i.place(), i.title(), rank, of);
        if (!now.equals(kept.put(name(i), now))) {
            ask();
        }
    }

    /// Makes a matrix whole again.
    void remove(Item i) {
        if (kept.remove(name(i)) != null) {
            ask();
        }
    }

    /// Everything whole again.
    void clear() {
        kept.clear();
        wholeAsked = null;
        before.clear("");
        ask();
    }

    Map<String, Integer> ranks() {
        Map<String, Integer> out = new LinkedHashMap<>();
        kept.forEach((name, k) -> out.put(name, k.rank()));
        return out;
    }

    /// Measures anew, such as over another text.
    void ask() {
        version.set(version.get() + 1);
        Task.Evaluate all = whole.get();
        if (all == null || !any()) {
            after.clear("");
            return;
        }
        if (!all.equals(wholeAsked)) {
            wholeAsked = all;
            before.ask("Loss of the text", all);
        }
        after.ask("Loss with matrices of lower rank", TaskEvaluateBuilder.builder().model(all.model()).data(all.data()).maxLength(all.maxLength()).maxTokens(all.maxTokens())
                .off(new Task.Off(null, null, ranks())).build());
    }

    /// As the command line takes them, with a space before; empty where all is whole.
    String options() {
        List<String> all = new ArrayList<>();
        ranks().forEach((name, r) -> all.add(name + "=" + r));
        return all.isEmpty() ? "" : " --max-tokens " + TOKENS + " --keep-ranks " + RankViewModel.quoted(String.join(",", all));
    }
}
