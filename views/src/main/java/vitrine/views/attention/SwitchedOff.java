package vitrine.views.attention;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Comparator;
import java.util.List;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.collections.FXCollections;
import javafx.collections.ObservableSet;
import javafx.collections.SetChangeListener;
import vitrine.core.artifact.Artifact;
import vitrine.core.json.Json;
import vitrine.core.task.Task;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.tasks.Latest;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.Subject;

/// Heads and layers that are switched off, and what that does to the loss on the prompt. No weight is changed.
final class SwitchedOff {

    /// A loss over the prompt, nats per token but the first.
    record Loss(double value, vitrine.core.artifact.Provenance provenance) {

        static Loss of(Artifact a) {
            return new Loss(a.manifest().summary().path("loss").asDouble(Double.NaN), a.provenance("loss").orElseThrow());
        }
    }

    private final AttentionViewModel model;
    private final ObservableSet<HeadId> heads = FXCollections.observableSet();
    private final ObservableSet<Integer> layers = FXCollections.observableSet();
    private final Latest<Loss> whole;
    private final Latest<Loss> without;
    private Task.Capture wholeAsked;

    SwitchedOff(TaskBoard board, AttentionViewModel model) {
        this.model = model;
        whole = new Latest<>(board, "", Loss::of);
        without = new Latest<>(board, "", Loss::of);
        heads.addListener((SetChangeListener<HeadId>) c -> ask());
        layers.addListener((SetChangeListener<Integer>) c -> ask());
    }

    ObservableSet<HeadId> heads() {
        return heads;
    }

    ObservableSet<Integer> layers() {
        return layers;
    }

    ReadOnlyObjectProperty<ViewState<Loss>> wholeProperty() {
        return whole.stateProperty();
    }

    ReadOnlyObjectProperty<ViewState<Loss>> withoutProperty() {
        return without.stateProperty();
    }

    boolean any() {
        return !heads.isEmpty() || !layers.isEmpty();
    }

    void toggle(HeadId head) {
        if (!heads.remove(head)) {
            heads.add(head);
        }
    }

    void toggleLayer(int layer) {
        if (!layers.remove(layer)) {
            layers.add(layer);
        }
    }

    /// Everything on again.
    void clear() {
        heads.clear();
        layers.clear();
        whole.clear("");
        without.clear("");
        wholeAsked = null;
    }

    /// Measures anew, such as after another prompt.
    void ask() {
        Subject subject = model.subjectProperty().get();
        // While it is cleared for another subject, which may have no forward pass, parts go one by one.
        Task.Capture main = subject == null || subject.anatomy().spec().isEmpty() || model.capture().isEmpty() ? null : model.mainTask();
        if (main == null || !any()) {
            without.clear("");
            return;
        }
        Task.Capture all = new Task.Capture(main.model(), main.prompt(), List.of(Task.What.loss), null);
        if (!all.equals(wholeAsked)) {
            wholeAsked = all;
            whole.ask("Loss of the prompt", all);
        }
        without.ask("Loss with parts switched off", new Task.Capture(main.model(), main.prompt(), List.of(Task.What.loss), null, null, off()));
    }

    private Task.Off off() {
        return new Task.Off(heads.isEmpty() ? null : sortedHeads().stream().map(h -> new Task.HeadAt(h.layer(), h.head())).toList(), layers.isEmpty() ? null : layers.stream().sorted().toList());
    }

    List<HeadId> sortedHeads() {
        return heads.stream().sorted(Comparator.comparingInt(HeadId::layer).thenComparingInt(HeadId::head)).toList();
    }

    /// The task of a run that makes it permanent: a checkpoint without these parts, measured on a text that the form asks for.
    ObjectNode permanently() {
        ObjectNode task = Json.object().put("model", model.subjectProperty().get().path()).put("method", "explicit");
        ObjectNode drop = task.putObject("settings").putObject("drop");
        if (!layers.isEmpty()) {
            layers.stream().sorted().forEach(drop.putArray("layers")::add);
        }
        if (!heads.isEmpty()) {
            sortedHeads().forEach(h -> drop.withArray("/heads").add(h.layer() + "." + h.head()));
        }
        return task;
    }

    /// The options of the command line, with a space before them; empty where all is on.
    String options() {
        String out = heads.isEmpty() ? "" : " --without-heads " + String.join(",", sortedHeads().stream().map(h -> h.layer() + "." + h.head()).toList());
        return out + (layers.isEmpty() ? "" : " --without-layers " + String.join(",", layers.stream().sorted().map(String::valueOf).toList()));
    }
}
