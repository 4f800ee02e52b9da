package vitrine.views.compare;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.beans.property.SimpleStringProperty;
import javafx.beans.property.StringProperty;
import javafx.collections.FXCollections;
import javafx.collections.ListChangeListener;
import javafx.collections.ObservableList;
import vitrine.core.adapter.Adapter;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.CompareArtifact;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskCompareBuilder;
import vitrine.views.tasks.Latest;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.Subject;

/// What the Compare view shows and is asked for: A and B, texts and a prompt, what is selected.
public final class CompareViewModel {

    /// Checkpoints of more parameters in both together are compared only when that is asked for.
    private static final long SMALL = 400_000_000;

    private final ObservableList<Subject> checkpoints = FXCollections.observableArrayList();
    private final ObservableList<Subject> adapters = FXCollections.observableArrayList();
    private final ObservableList<Candidate> results = FXCollections.observableArrayList();
    private final ObservableList<Candidate> candidates = FXCollections.observableArrayList();
    private final ObservableList<ComparedText> texts = FXCollections.observableArrayList();
    private final ObservableList<ComparedText> chosen = FXCollections.observableArrayList();
    private final ObjectProperty<Candidate> a = new SimpleObjectProperty<>(this, "a");
    private final ObjectProperty<Candidate> b = new SimpleObjectProperty<>(this, "b");
    private final StringProperty prompt = new SimpleStringProperty(this, "prompt", "");
    private final ObjectProperty<Mode> mode = new SimpleObjectProperty<>(this, "mode", Mode.BEHAVIOUR);
    private final ObjectProperty<HeadId> head = new SimpleObjectProperty<>(this, "head");
    private final ObjectProperty<MatrixId> matrix = new SimpleObjectProperty<>(this, "matrix");
    private final IntegerProperty token = new SimpleIntegerProperty(this, "token", -1);
    private final IntegerProperty hoveredToken = new SimpleIntegerProperty(this, "hoveredToken", -1);
    private final IntegerProperty hoveredLayer = new SimpleIntegerProperty(this, "hoveredLayer", -1);
    private final ObjectProperty<LensMeasure> lens = new SimpleObjectProperty<>(this, "lens", LensMeasure.TARGET);
    private final Latest<Comparison> latest;
    private Task.Compare asked;
    private boolean quiet;
    private boolean fresh = true;

    /// A kind of matrix in a layer.
    record MatrixId(int layer, String kind) {}

    public CompareViewModel(TaskBoard board) {
        latest = new Latest<>(board, "", Comparison::of);
        checkpoints.addListener((ListChangeListener<Subject>) c -> offer());
        adapters.addListener((ListChangeListener<Subject>) c -> offer());
        results.addListener((ListChangeListener<Candidate>) c -> offer());
        a.addListener((o, old, now) -> changed());
        b.addListener((o, old, now) -> changed());
        prompt.addListener((o, old, now) -> changed());
        chosen.addListener((ListChangeListener<ComparedText>) c -> changed());
        latest.stateProperty().addListener((o, old, now) -> settle(now));
    }

    // --- intent

    /// Open checkpoints, kept up to date by the window.
    public ObservableList<Subject> checkpoints() {
        return checkpoints;
    }

    /// Open adapters, likewise.
    public ObservableList<Subject> adapters() {
        return adapters;
    }

    /// Results of runs, likewise.
    public ObservableList<Candidate> results() {
        return results;
    }

    /// Everything that A and B can be.
    ObservableList<Candidate> candidates() {
        return candidates;
    }

    /// Texts that are offered.
    public ObservableList<ComparedText> texts() {
        return texts;
    }

    /// Texts that perplexities are measured over.
    public ObservableList<ComparedText> chosenTexts() {
        return chosen;
    }

    public ObjectProperty<Candidate> aProperty() {
        return a;
    }

    public ObjectProperty<Candidate> bProperty() {
        return b;
    }

    /// The prompt whose tokens pass both; blank for none.
    public StringProperty promptProperty() {
        return prompt;
    }

    ObjectProperty<Mode> modeProperty() {
        return mode;
    }

    /// The head that is shown large.
    ObjectProperty<HeadId> headProperty() {
        return head;
    }

    /// The kind and layer that the inspector tells of in Weights, or null.
    ObjectProperty<MatrixId> matrixProperty() {
        return matrix;
    }

    /// The locked token, or -1.
    IntegerProperty tokenProperty() {
        return token;
    }

    /// The token under the pointer in any figure, or -1.
    IntegerProperty hoveredTokenProperty() {
        return hoveredToken;
    }

    IntegerProperty hoveredLayerProperty() {
        return hoveredLayer;
    }

    ObjectProperty<LensMeasure> lensProperty() {
        return lens;
    }

    // --- state

    ReadOnlyObjectProperty<ViewState<Comparison>> stateProperty() {
        return latest.stateProperty();
    }

    Optional<Comparison> comparison() {
        return Optional.ofNullable(latest.state().valueOrNull());
    }

    /// What A or B of the comparison is called: as in the list that it was chosen from, where it still is the choice.
    String name(boolean second) {
        CompareArtifact.Subject shown = comparison().map(c -> second ? c.artifact().b() : c.artifact().a()).orElse(null);
        Candidate chosen = (second ? b : a).get();
        boolean same = shown != null && chosen != null && chosen.model().equals(shown.path()) && chosen.adapters().stream().map(Task.AdapterUse::path).toList().equals(shown.adapters());
        return same ? chosen.name() : shown == null ? "" : shown.name();
    }

    /// Why there is nothing to show although it was asked for.
    public Optional<String> failure() {
        return latest.state() instanceof ViewState.Problem<Comparison> p ? Optional.of(p.details().isEmpty() ? p.what() : p.details().getFirst()) : Optional.empty();
    }

    /// Whether the figures are those of what is chosen now.
    boolean current() {
        return asked != null && asked.equals(taskOrNull());
    }

    private void settle(ViewState<Comparison> now) {
        if (!(now instanceof ViewState.Result<Comparison> r)) {
            return;
        }
        Comparison c = r.value();
        HeadId h = head.get();
        if (fresh || h == null || h.layer() >= c.moved().length || h.head() >= c.moved()[h.layer()].length) {
            // The head that moved most is where one looks first.
            head.set(c.mostMoved() != null || !c.heads() ? c.mostMoved() : new HeadId(0, 0));
        }
        fresh = false;
        if (token.get() >= c.tokens()) {
            token.set(-1);
        }
        if (matrix.get() == null || matrix.get().layer() >= c.artifact().relativeChange().length || !c.artifact().kinds().contains(matrix.get().kind())) {
            matrix.set(mostChanged(c));
        }
    }

    private static MatrixId mostChanged(Comparison c) {
        MatrixId best = null;
        double most = -1;
        double[][] rows = c.artifact().relativeChange();
        for (int l = 0; l < rows.length; l++) {
            for (int k = 0; k < rows[l].length; k++) {
                if (rows[l][k] > most) {
                    most = rows[l][k];
                    best = new MatrixId(l, c.artifact().kinds().get(k));
                }
            }
        }
        return best;
    }

    // --- what can be compared

    private void offer() {
        List<Candidate> all = new ArrayList<>();
        checkpoints.stream().filter(s -> !s.isAdapter()).forEach(s -> all.add(candidate(s)));
        for (Subject adapter : adapters) {
            for (Subject base : bases(adapter)) {
                all.add(new Candidate(base.name() + " + " + shortName(base, adapter), base.path(), List.of(Task.AdapterUse.of(adapter.path())), parameters(base)));
            }
        }
        results.stream().filter(r -> all.stream().noneMatch(r::sameAs)).forEach(all::add);
        quiet = true;
        candidates.setAll(all);
        a.set(kept(a.get()));
        b.set(kept(b.get()));
        quiet = false;
        suggest();
    }

    /// A pick stays while its files are known, and goes with them.
    private Candidate kept(Candidate pick) {
        return pick == null ? null : candidates.stream().filter(pick::sameAs).findFirst().orElse(null);
    }

    /// An adapter's name without that of its base, which stands beside it.
    private static String shortName(Subject base, Subject adapter) {
        String name = adapter.name();
        return name.startsWith(base.name() + "-") ? name.substring(base.name().length() + 1) : name;
    }

    private static Candidate candidate(Subject s) {
        return new Candidate(s.name(), s.path(), List.of(), parameters(s));
    }

    private static long parameters(Subject s) {
        return s.anatomy().checkpoint().tensors().values().stream().mapToLong(t -> t.elements()).sum();
    }

    /// The open checkpoints that an adapter names as its base, or all where it names none of them.
    private List<Subject> bases(Subject adapter) {
        List<Subject> all = checkpoints.stream().filter(s -> !s.isAdapter()).toList();
        try {
            Optional<Path> base = Adapter.of(adapter.anatomy().checkpoint()).baseFolder();
            List<Subject> named = all.stream().filter(s -> base.isPresent() && Path.of(s.path()).equals(base.get().toAbsolutePath().normalize())).toList();
            return named.isEmpty() ? all : named;
        } catch (Refusal unreadable) {
            // Its own view says what is wrong with it.
            return List.of();
        }
    }

    /// Takes up what lies near: the first checkpoint as A; as B the same with an adapter, or else another of the same tensors.
    private void suggest() {
        quiet = true;
        if (a.get() == null && !candidates.isEmpty()) {
            a.set(candidates.getFirst());
        }
        if (b.get() == null && a.get() != null) {
            Candidate first = a.get();
            candidates.stream().filter(c -> c.model().equals(first.model()) && !c.sameAs(first)).findFirst()
                    .or(() -> candidates.stream().filter(c -> !c.sameAs(first) && c.parameters() == first.parameters()).findFirst())
                    .or(() -> candidates.stream().filter(c -> !c.sameAs(first)).findFirst()).ifPresent(b::set);
        }
        quiet = false;
        changed();
    }

    /// A is this checkpoint from now on, or B where it is an adapter.
    public void show(Subject s) {
        if (s == null) {
            return;
        }
        if (s.isAdapter()) {
            candidates.stream().filter(c -> c.adapters().stream().anyMatch(u -> u.path().equals(s.path()))).findFirst().filter(c -> !c.sameAs(a.get())).ifPresent(b::set);
            return;
        }
        boolean involved = a.get() != null && a.get().model().equals(s.path()) || b.get() != null && b.get().model().equals(s.path());
        if (involved) {
            return;
        }
        candidates.stream().filter(c -> c.sameAs(candidate(s))).findFirst().ifPresent(c -> {
            quiet = true;
            b.set(null);
            quiet = false;
            a.set(c);
            suggest();
        });
    }

    /// Compares two things that are open.
    public void compare(Candidate first, Candidate second) {
        quiet = true;
        for (Candidate c : List.of(first, second)) {
            if (candidates.stream().noneMatch(c::sameAs)) {
                results.add(c);
                quiet = true;
            }
        }
        a.set(kept(first));
        b.set(kept(second));
        quiet = false;
        changed();
    }

    /// Compares two open checkpoints, or a checkpoint and itself with an adapter.
    public void compare(Subject first, Subject second) {
        Subject base = first.isAdapter() ? second : first;
        Subject other = first.isAdapter() ? first : second;
        if (other.isAdapter()) {
            compare(candidate(base), new Candidate(base.name() + " + " + shortName(base, other), base.path(), List.of(Task.AdapterUse.of(other.path())), parameters(base)));
        } else {
            compare(candidate(first), candidate(second));
        }
    }

    /// B becomes A and A becomes B.
    void swap() {
        Candidate first = a.get();
        quiet = true;
        a.set(b.get());
        b.set(first);
        quiet = false;
        changed();
    }

    /// Takes a text in or out.
    public void toggle(ComparedText t) {
        if (!chosen.remove(t)) {
            chosen.add(t);
        }
    }

    // --- asking

    /// Why nothing can be compared now, or empty.
    String obstacle() {
        if (a.get() == null && b.get() == null && comparison().isPresent()) {
            return "";
        }
        if (candidates.isEmpty()) {
            return "Nothing to compare yet. Open a checkpoint, then another, or an adapter of it.";
        }
        if (candidates.size() == 1) {
            return candidates.getFirst().name() + " is the only checkpoint here. Open another, or an adapter of it, to compare.";
        }
        if (a.get() == null || b.get() == null) {
            return "Choose A and B above.";
        }
        return a.get().sameAs(b.get()) ? "A and B are the same model. Choose another for one of them." : "";
    }

    private void changed() {
        if (quiet) {
            return;
        }
        if (a.get() == null && b.get() == null) {
            // An artifact that was opened stays.
            return;
        }
        if (!obstacle().isEmpty()) {
            latest.clear("");
            asked = null;
            return;
        }
        if (a.get().parameters() + b.get().parameters() <= SMALL) {
            compute();
        } else if (!current()) {
            latest.clear("Not compared yet: these are large, so it is done when you say so.");
        }
    }

    /// Compares what is chosen.
    public void compute() {
        Task.Compare task = taskOrNull();
        if (task == null || task.equals(asked) && !(latest.state() instanceof ViewState.Problem) && !(latest.state() instanceof ViewState.Empty)) {
            return;
        }
        fresh = asked == null || !asked.model().equals(task.model()) || !asked.other().equals(task.other());
        asked = task;
        latest.ask("Compare " + a.get().name() + " and " + b.get().name(), task);
    }

    void cancel() {
        latest.cancel();
    }

    private Task.Compare taskOrNull() {
        if (a.get() == null || b.get() == null) {
            return null;
        }
        return TaskCompareBuilder.builder().model(a.get().model()).other(b.get().model())
                .data(chosen.isEmpty() ? null : chosen.stream().map(ComparedText::domain).toList())
                .prompt(prompt.get().isBlank() ? null : Task.Prompt.ofText(prompt.get())).spectra(Accuracy.fast).adapters(a.get().uses())
                .otherAdapters(b.get().uses()).build();
    }

    public Optional<Task> task() {
        return Optional.ofNullable(asked != null ? asked : taskOrNull());
    }

    /// Shows a result that was made before.
    void show(Path artifact) {
        Artifact opened = Artifact.open(artifact);
        Comparison c = Comparison.of(opened);
        quiet = true;
        a.set(null);
        b.set(null);
        quiet = false;
        asked = null;
        fresh = true;
        latest.show(c);
    }

    /// Releases locks; false where nothing was locked.
    boolean release() {
        if (token.get() < 0) {
            return false;
        }
        token.set(-1);
        return true;
    }

    /// The command line that makes what is shown.
    String command() {
        Task.Compare t = taskOrNull();
        if (t == null) {
            return "";
        }
        StringBuilder out = new StringBuilder("vitrine compare ").append(quoted(t.model())).append(' ').append(quoted(t.other()));
        if (t.adapters() != null) {
            t.adapters().forEach(u -> out.append(" --adapter-a ").append(quoted(u.path())));
        }
        if (t.otherAdapters() != null) {
            t.otherAdapters().forEach(u -> out.append(" --adapter-b ").append(quoted(u.path())));
        }
        if (t.data() != null) {
            t.data().forEach(d -> out.append(" --data ").append(quoted(d.name() + "=" + d.file())));
        }
        if (t.prompt() != null) {
            out.append(" --prompt ").append(quoted(t.prompt().text()));
        }
        return out.append(" --out comparison").toString();
    }

    private static String quoted(String text) {
        return text.matches("[A-Za-z0-9_./:=@%+,-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
    }
}
