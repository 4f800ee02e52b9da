package vitrine.views.lora;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import javafx.beans.property.ReadOnlyIntegerProperty;
import javafx.beans.property.ReadOnlyIntegerWrapper;
import javafx.beans.property.ReadOnlyObjectProperty;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.task.Task;
import vitrine.views.tasks.Latest;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;

/// Rank components that are switched off, and what that does to the losses of the chosen texts. The adapter is not changed.
///
/// They are all of one sort: singular directions of the deltas, or the columns of B with their rows of A as stored. What is measured is the adapter without
/// them, as a cut writes it, so that making it permanent only keeps what is there already.
final class ComponentsOff {

    /// What a text's loss is with all components and without those that are off, nats per token.
    record Loss(String name, double before, double after) {}

    /// @param energy the share of the squared norm of all deltas that is left
    /// @param losses by text; none without a base or texts
    /// @param summary of what was written
    record Effect(double energy, List<Loss> losses, Provenance energyFrom, Provenance lossesFrom) {

        static Effect of(Artifact a) {
            var s = a.manifest().summary();
            List<Loss> losses = new ArrayList<>();
            long tokens = 0;
            for (var d : s.path("domains")) {
                losses.add(new Loss(d.path("name").asText(), d.at("/before/loss").asDouble(Double.NaN), d.at("/after/loss").asDouble(Double.NaN)));
                tokens += d.path("predicted_tokens").asLong();
            }
            String adapter = s.path("adapter").asText();
            return new Effect(s.path("energy").asDouble(Double.NaN), List.copyOf(losses), Provenance.derived(adapter, "F64", "1 less the squared norm of what is off by that of all deltas"),
                    Provenance.measured(adapter, "F32", "loss over the texts with the adapter but for these components").of(tokens));
        }
    }

    private final TreeMap<String, TreeSet<Integer>> off = new TreeMap<>();
    private final ReadOnlyIntegerWrapper version = new ReadOnlyIntegerWrapper(this, "version");
    private final Latest<Effect> effect;
    private final Supplier<Optional<Task.AdapterCut>> task;
    private boolean ofDelta = true;

    /// @param task what measures the components that are off now; empty where nothing can be asked
    ComponentsOff(TaskBoard board, Supplier<Optional<Task.AdapterCut>> task) {
        effect = new Latest<>(board, "", Effect::of);
        this.task = task;
    }

    /// Counts changes of what is off.
    ReadOnlyIntegerProperty versionProperty() {
        return version.getReadOnlyProperty();
    }

    ReadOnlyObjectProperty<ViewState<Effect>> effectProperty() {
        return effect.stateProperty();
    }

    boolean any() {
        return !off.isEmpty();
    }

    /// Whether singular directions are off rather than stored components.
    boolean ofDelta() {
        return ofDelta;
    }

    /// By module, each component's number from 0.
    SortedMap<String, TreeSet<Integer>> components() {
        return off;
    }

    boolean has(boolean directions, String module, int component) {
        return directions == ofDelta && off.containsKey(module) && off.get(module).contains(component);
    }

    /// Switches a component off or on again. One of the other sort begins anew.
    ///
    /// @param directions whether it is a singular direction rather than a stored component
    void toggle(boolean directions, String module, int component) {
        if (directions != ofDelta) {
            off.clear();
            ofDelta = directions;
        }
        TreeSet<Integer> own = off.computeIfAbsent(module, m -> new TreeSet<>());
        if (!own.remove(component)) {
            own.add(component);
        }
        if (own.isEmpty()) {
            off.remove(module);
        }
        ask();
    }

    /// Everything on again.
    void clear() {
        off.clear();
        ask();
    }

    /// Measures anew, such as over other texts.
    void ask() {
        version.set(version.get() + 1);
        task.get().filter(t -> any()).ifPresentOrElse(t -> effect.ask("Losses with components switched off", t), () -> effect.clear(""));
    }

    List<Task.AdapterCut.Components> list() {
        return off.entrySet().stream().map(e -> new Task.AdapterCut.Components(e.getKey(), List.copyOf(e.getValue()))).toList();
    }

    Task.Order order() {
        return ofDelta ? Task.Order.singular : Task.Order.norm_product;
    }

    /// As the command line takes them.
    String options() {
        StringBuilder out = new StringBuilder(ofDelta ? "" : " --by norm_product");
        off.forEach((module, own) -> out.append(" --without ").append(LoraViewModel.quoted(module + ":" + String.join(",", own.stream().map(String::valueOf).toList()))));
        return out.toString();
    }
}
