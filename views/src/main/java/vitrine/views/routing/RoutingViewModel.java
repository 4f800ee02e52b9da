package vitrine.views.routing;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.artifact.RoutingArtifact.Similarity;
import vitrine.core.json.Json;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.views.routing.RoutingData.Measure;
import vitrine.views.routing.RoutingData.Together;
import vitrine.views.tasks.Latest;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.Subject;
import vitrine.views.view.SubjectModel;

/// What the Routing view shows, and what it asks for.
///
/// The user's intent is in the properties; everything else follows from them. Nothing is computed unless asked for.
public final class RoutingViewModel implements SubjectModel {

    /// Whose load the maps show.
    enum Maps {
        EACH("each text"), TOGETHER("together"), DIFFERENCE("difference");

        private final String label;

        Maps(String label) {
            this.label = label;
        }

        String label() {
            return label;
        }
    }

    /// How load becomes colour.
    enum Spread {
        LOG("log₂"), LINEAR("linear");

        private final String label;

        Spread(String label) {
            this.label = label;
        }

        String label() {
            return label;
        }
    }

    /// Which cards stand below.
    enum Lower {
        TEXTS("Texts"), EXPERTS("Experts");

        private final String label;

        Lower(String label) {
            this.label = label;
        }

        String label() {
            return label;
        }
    }

    private static final int MOST_SWEPT = 8;
    private Consumer<ObjectNode> pruning;

    private final ObjectProperty<Subject> subject = new SimpleObjectProperty<>(this, "subject");
    private final ObservableList<Task.Domain> texts = FXCollections.observableArrayList();
    private final ObservableList<Task.Domain> chosen = FXCollections.observableArrayList();
    private final ObjectProperty<Measure> measure = new SimpleObjectProperty<>(this, "measure", Measure.LOAD);
    private final ObjectProperty<Maps> maps = new SimpleObjectProperty<>(this, "maps", Maps.EACH);
    private final ObjectProperty<Spread> spread = new SimpleObjectProperty<>(this, "spread", Spread.LOG);
    private final ObjectProperty<Lower> lower = new SimpleObjectProperty<>(this, "lower", Lower.TEXTS);
    private final ObjectProperty<Side> minuend = new SimpleObjectProperty<>(this, "minuend");
    private final ObjectProperty<Side> subtrahend = new SimpleObjectProperty<>(this, "subtrahend");
    private final ObjectProperty<Together> together = new SimpleObjectProperty<>(this, "together", Together.CONDITIONAL);
    private final ObjectProperty<Similarity> similarity = new SimpleObjectProperty<>(this, "similarity", Similarity.weights);
    private final ObjectProperty<Place> selected = new SimpleObjectProperty<>(this, "selected");
    private final ObjectProperty<Place> hovered = new SimpleObjectProperty<>(this, "hovered");
    private final IntegerProperty token = new SimpleIntegerProperty(this, "token", -1);
    private final IntegerProperty row = new SimpleIntegerProperty(this, "row", -1);
    private final ReadOnlyObjectWrapper<Tokens> tokens = new ReadOnlyObjectWrapper<>(this, "tokens");
    private final ReadOnlyObjectWrapper<Map<Change, RoutingArtifact.WhatIf>> measured = new ReadOnlyObjectWrapper<>(this, "measured", Map.of());

    private final Latest<RoutingData> main;
    private final Latest<RoutingArtifact> whatIf;
    private final Latest<RoutingArtifact> without;
    private final ObservableList<Change.Mask> off = FXCollections.observableArrayList();
    private final ObjectProperty<Change> change = new SimpleObjectProperty<>(this, "change");
    private final Executor background;
    private final Executor ui;
    private final List<Subject> others = new ArrayList<>();
    private boolean swept;
    private boolean alike;
    private boolean settled = true;
    private long loading;

    /// @param background reads tokens, away from the JavaFX thread
    /// @param ui runs on the JavaFX thread; a test may run both in place
    public RoutingViewModel(TaskBoard board, Executor background, Executor ui) {
        this.background = background;
        this.ui = ui;
        main = new Latest<>(board, emptySentence(), a -> RoutingData.of(RoutingArtifact.of(a)), background, ui);
        whatIf = new Latest<>(board, "", RoutingArtifact::of);
        without = new Latest<>(board, "", RoutingArtifact::of);
        main.stateProperty().addListener((o, old, now) -> {
            if (now instanceof ViewState.Result<RoutingData> r) {
                settle(r.value());
            }
        });
        whatIf.stateProperty().addListener((o, old, now) -> {
            if (now instanceof ViewState.Result<RoutingArtifact> r && change.get() != null) {
                r.value().whatIf().ifPresent(w -> {
                    Map<Change, RoutingArtifact.WhatIf> more = new HashMap<>(measured.get());
                    more.put(change.get(), w);
                    measured.set(Map.copyOf(more));
                });
            }
        });
        selected.addListener((o, old, now) -> {
            // A what-if of another place is not what the inspector tells now.
            if (now != null && whatIf.state() instanceof ViewState.Problem) {
                whatIf.clear("");
            }
        });
        token.addListener((o, old, now) -> follow(now.intValue()));
    }

    private static String emptySentence() {
        return "No routing yet. It is measured while texts pass through the model.";
    }

    // --- intent

    @Override
    public ObjectProperty<Subject> subjectProperty() {
        return subject;
    }

    /// What is offered to measure over, each with the name that its tokens go by.
    public ObservableList<Task.Domain> texts() {
        return texts;
    }

    /// Offers texts, and measures over all of them until others are chosen.
    public void offer(List<Task.Domain> now) {
        boolean untouched = chosen.isEmpty() || chosen.equals(texts);
        texts.setAll(named(now));
        if (untouched && data().isEmpty() && !(main.state() instanceof ViewState.Working)) {
            chosen.setAll(texts);
        }
    }

    /// Of two texts with one name the second is told by its folder: tokens go by these names.
    private static List<Task.Domain> named(List<Task.Domain> all) {
        java.util.Set<String> taken = new java.util.HashSet<>();
        List<Task.Domain> out = new ArrayList<>();
        for (Task.Domain d : all) {
            Path folder = Path.of(d.file()).getParent();
            String name = d.name();
            for (int i = 1; !taken.add(name); i++) {
                name = d.name() + (folder == null || folder.getFileName() == null ? "" : " of " + folder.getFileName()) + (i == 1 ? "" : " " + i);
            }
            out.add(new Task.Domain(name, d.file()));
        }
        return out;
    }

    /// A file as a domain, by the name that `vitrine routing` would give it.
    public static Task.Domain domain(Path file) {
        return new Task.Domain(TextChoice.domainName(file), file.toAbsolutePath().normalize().toString());
    }

    /// What is measured over.
    public ObservableList<Task.Domain> chosen() {
        return chosen;
    }

    ObjectProperty<Measure> measureProperty() {
        return measure;
    }

    ObjectProperty<Maps> mapsProperty() {
        return maps;
    }

    ObjectProperty<Spread> spreadProperty() {
        return spread;
    }

    ObjectProperty<Lower> lowerProperty() {
        return lower;
    }

    /// What the difference is taken of, and what is taken from it.
    ObjectProperty<Side> minuendProperty() {
        return minuend;
    }

    ObjectProperty<Side> subtrahendProperty() {
        return subtrahend;
    }

    ObjectProperty<Together> togetherProperty() {
        return together;
    }

    ObjectProperty<Similarity> similarityProperty() {
        return similarity;
    }

    /// What the inspector tells, or null before anything is there.
    ObjectProperty<Place> selectedProperty() {
        return selected;
    }

    /// The expert under the pointer in any card, or null; its layer may stand alone with expert -1.
    ObjectProperty<Place> hoveredProperty() {
        return hovered;
    }

    /// The selected one of the kept tokens, or -1.
    IntegerProperty tokenProperty() {
        return token;
    }

    /// Which sequence the lanes show, or -1 for all kept tokens.
    IntegerProperty rowProperty() {
        return row;
    }

    // --- state

    ReadOnlyObjectProperty<ViewState<RoutingData>> stateProperty() {
        return main.stateProperty();
    }

    Optional<RoutingData> data() {
        return Optional.ofNullable(main.state().valueOrNull());
    }

    /// The kept tokens; null until they are read.
    ReadOnlyObjectProperty<Tokens> tokensProperty() {
        return tokens.getReadOnlyProperty();
    }

    /// What is known of changed routes, by change.
    ReadOnlyObjectProperty<Map<Change, RoutingArtifact.WhatIf>> measuredProperty() {
        return measured.getReadOnlyProperty();
    }

    ReadOnlyObjectProperty<ViewState<RoutingArtifact>> whatIfProperty() {
        return whatIf.stateProperty();
    }

    /// The change that was asked about last, or null.
    ReadOnlyObjectProperty<Change> changeProperty() {
        return change;
    }

    /// The layer that the lower cards show, counting those with experts.
    int layer() {
        return selected.get() == null ? 0 : selected.get().layer();
    }

    /// Whether everything is read that the present result holds.
    public boolean settled() {
        return settled && !main.reading();
    }

    /// Why there is nothing to show although it was asked for.
    public Optional<String> failure() {
        return main.state() instanceof ViewState.Problem<RoutingData> p ? Optional.of(p.details().isEmpty() ? p.what() : p.details().getFirst()) : Optional.empty();
    }

    /// Why this subject has nothing to show, or empty.
    public String obstacle() {
        Subject s = subject.get();
        if (s == null) {
            return data().isPresent() || main.state() instanceof ViewState.Problem ? "" : "Open a mixture-of-experts checkpoint to see which expert sees which token.";
        }
        return obstacle(s);
    }

    /// Why a subject has no routing, or empty.
    public static String obstacle(Subject s) {
        if (s.isAdapter()) {
            return s.name() + " is an adapter. Open its base to see routing.";
        }
        if (s.anatomy().spec().isPresent() && s.anatomy().spec().get().expertLayers().isEmpty()) {
            return "No routing here: " + s.name() + " has no experts. Open a mixture-of-experts checkpoint, such as moe-mini.";
        }
        return s.anatomy().obstacle() == null ? "" : s.anatomy().obstacle().getMessage();
    }

    boolean canCompute() {
        return subject.get() != null && obstacle().isEmpty() && !chosen.isEmpty();
    }

    private void settle(RoutingData d) {
        Place p = selected.get();
        if (p == null || p.layer() >= d.layers() || p.expert() >= d.experts(p.layer())) {
            selected.set(d.first());
        }
        List<Side> sides = d.sides();
        if (!sides.contains(minuend.get()) || !sides.contains(subtrahend.get())) {
            boolean other = !d.against().isEmpty();
            minuend.set(other ? new Side(0, RoutingData.ALL) : sides.getFirst());
            subtrahend.set(other ? new Side(1, RoutingData.ALL) : sides.size() > 1 ? sides.get(1) : sides.getFirst());
        }
        if (sides.size() < 2 && maps.get() == Maps.DIFFERENCE) {
            maps.set(Maps.EACH);
        }
        long mine = ++loading;
        settled = false;
        token.set(-1);
        tokens.set(null);
        background.execute(() -> {
            try {
                Tokens read = Tokens.read(d);
                ui.execute(() -> loaded(mine, read, d));
            } catch (Refusal r) {
                ui.execute(() -> {
                    if (mine == loading) {
                        settled = true;
                        main.fail(r);
                    }
                });
            }
        });
    }

    private void loaded(long mine, Tokens read, RoutingData d) {
        if (mine != loading) {
            return;
        }
        settled = true;
        // The first row of the domain that the selected expert sees most of.
        Place p = selected.get();
        int domain = p == null ? 0 : IntStream.range(0, d.domains().size()).boxed().max(java.util.Comparator.comparingDouble(i -> d.specialisation(p.layer(), i, p.expert()))).orElse(0);
        row.set(IntStream.range(0, read.rows().size()).filter(r -> read.rows().get(r).domain() == domain).findFirst().orElse(read.rows().isEmpty() ? -1 : 0));
        tokens.set(read);
    }

    /// A selected token's row is shown.
    private void follow(int t) {
        if (t >= 0 && tokens.get() != null && row.get() >= 0) {
            row.set(tokens.get().rowOf(t));
        }
    }

    // --- asking

    /// Shows another checkpoint; nothing is computed before it is asked for.
    @Override
    public void show(Subject s) {
        if (s.equals(subject.get())) {
            subject.set(s);
            return;
        }
        subject.set(s);
        forget();
        main.clear(emptySentence());
    }

    private void forget() {
        swept = false;
        alike = false;
        others.clear();
        loading++;
        settled = true;
        selected.set(null);
        hovered.set(null);
        token.set(-1);
        tokens.set(null);
        change.set(null);
        measured.set(Map.of());
        whatIf.clear("");
        off.clear();
        without.clear("");
        maps.set(Maps.EACH);
    }

    /// Shows an artifact that was made before. Nothing more can be asked about it: its checkpoint need not be there any more.
    ///
    /// @throws Refusal where it is no result of routing
    @Override
    public void show(Path folder) {
        Artifact artifact = Artifact.open(folder);
        RoutingArtifact.of(artifact);
        subject.set(null);
        forget();
        main.show(artifact);
    }

    /// Measures over the chosen texts.
    public void compute() {
        if (canCompute()) {
            measured.set(Map.of());
            whatIf.clear("");
            askWithout();
            main.ask("Routing of " + subject.get().name(), wanted());
        }
    }

    /// Measures over other texts.
    void compute(List<Task.Domain> over) {
        chosen.setAll(over);
        compute();
    }

    /// Asks for the loss with other numbers of experts per token, too.
    void sweep() {
        swept = true;
        compute();
    }

    /// Asks how alike the experts are, too.
    void compareExperts() {
        alike = true;
        compute();
    }

    /// Lets other checkpoints route the same tokens.
    void against(List<Subject> before) {
        others.clear();
        others.addAll(before);
        // With the result both sides are chosen anew.
        minuend.set(null);
        maps.set(before.isEmpty() ? Maps.EACH : Maps.DIFFERENCE);
        compute();
    }

    List<Subject> others() {
        return List.copyOf(others);
    }

    /// Asks what a change of routes does.
    void ask(Change what) {
        if (canCompute() && data().isPresent()) {
            change.set(what);
            whatIf.ask("What if " + what.words(), Asking.whatIf(subject.get().path(), chosen, what));
        }
    }

    /// Asks for the loss when the selected expert adds nothing.
    public void switchOff() {
        Place p = selected.get();
        data().filter(d -> p != null).ifPresent(d -> ask(new Change.Silence(d.number(p.layer()), p.expert())));
    }

    /// Experts that are switched off together, by layer and number; layers are the model's own numbers.
    ObservableList<Change.Mask> off() {
        return off;
    }

    /// What the losses are without them.
    ReadOnlyObjectProperty<ViewState<RoutingArtifact>> withoutProperty() {
        return without.stateProperty();
    }

    /// Switches the selected expert off with the others that are, or on again.
    public void toggleOff() {
        Place p = selected.get();
        if (p == null || data().isEmpty() || !canCompute()) {
            return;
        }
        Change.Mask expert = new Change.Mask(data().orElseThrow().number(p.layer()), p.expert());
        if (!off.remove(expert)) {
            int at = (int) off.stream().filter(m -> m.layer() < expert.layer() || m.layer() == expert.layer() && m.expert() < expert.expert()).count();
            off.add(at, expert);
        }
        askWithout();
    }

    /// All experts on again.
    void allOn() {
        off.clear();
        askWithout();
    }

    private void askWithout() {
        if (off.isEmpty() || !canCompute()) {
            without.clear("");
        } else {
            without.ask("Losses with experts switched off", Asking.whatIf(subject.get().path(), chosen, new Change.Without(List.copyOf(off))));
        }
    }

    /// Selects a token of the row that is shown, and leaves the selected expert as it is.
    public void lookAt(int position) {
        Tokens t = tokens.get();
        if (t != null && row.get() >= 0) {
            Tokens.Row shown = t.rows().get(row.get());
            token.set(Math.min(shown.from() + position, shown.to() - 1));
        }
    }

    /// Gives up what is under way.
    void cancel() {
        main.cancel();
        if (main.state() instanceof ViewState.Empty) {
            main.clear("Cancelled. " + emptySentence());
        }
    }

    void cancelWhatIf() {
        whatIf.cancel();
    }

    /// Numbers of experts per token to try: from 1 to four times the trained one.
    private List<Integer> counts() {
        var spec = subject.get().anatomy().spec().orElseThrow();
        int most = spec.expertLayers().stream().mapToInt(l -> spec.experts(l).router().mostPerToken()).min().orElse(1);
        int trained = spec.expertLayers().stream().mapToInt(l -> spec.experts(l).router().perToken()).max().orElse(1);
        int until = Math.min(most, 4 * trained);
        // Evenly on a logarithmic axis where there are many; the trained one is always among them.
        return IntStream.rangeClosed(0, MOST_SWEPT - 1).map(i -> (int) Math.round(Math.pow(until, i / (MOST_SWEPT - 1.0)))).boxed()
                .collect(Collectors.toCollection(java.util.TreeSet::new)).stream().toList();
    }

    /// The task that fills this view.
    Task wanted() {
        return Asking.routing(subject.get().path(), chosen, swept ? counts() : null, alike, others.stream().map(Subject::path).toList());
    }

    // --- what is told

    /// Selects an expert, keeping the layer's number within what is there.
    void select(int layer, int expert) {
        data().ifPresent(d -> {
            int l = Math.clamp(layer, 0, d.layers() - 1);
            selected.set(new Place(l, Math.clamp(expert, 0, d.experts(l) - 1)));
        });
    }

    /// Lets go of the selected token; false where none was.
    @Override
    public boolean release() {
        boolean held = token.get() >= 0;
        token.set(-1);
        return held;
    }

    /// The equivalent command lines.
    @Override
    public String command() {
        if (subject.get() == null || chosen.isEmpty()) {
            return "";
        }
        return Asking.command(wanted()) + (change.get() == null ? "" : "\n" + Asking.command(Asking.whatIf(subject.get().path(), chosen, change.get())))
                + (off.isEmpty() ? "" : "\n" + Asking.command(Asking.whatIf(subject.get().path(), chosen, new Change.Without(List.copyOf(off)))));
    }

    /// The command that writes a copy without those experts that the first text uses least, or empty where no text is chosen.
    String pruneCommand() {
        return subject.get() == null || chosen.isEmpty() ? "" : "vitrine prune --model " + Asking.quoted(subject.get().path()) + " --method experts --sparsity 0.5 --data "
                + Asking.quoted(chosen.getFirst().file()) + " --out " + Asking.quoted(subject.get().name() + "-half-the-experts");
    }

    /// How the window opens the form of a pruning run; null where it cannot.
    void pruneWith(Consumer<ObjectNode> how) {
        pruning = how;
    }

    /// What opens the form of a run that drops experts, or null.
    Runnable pruneForm() {
        return pruning == null || pruneCommand().isEmpty() ? null : () -> {
            ObjectNode task = Json.object().put("model", subject.get().path()).put("method", "experts").put("data", chosen.getFirst().file());
            task.putObject("settings").put("sparsity", 0.5);
            pruning.accept(task);
        };
    }

    /// What opens the form of a run that writes a checkpoint without some experts, or null.
    Runnable withoutForm(List<Change.Mask> experts) {
        return pruning == null || subject.get() == null || chosen.isEmpty() ? null : () -> {
            ObjectNode task = Json.object().put("model", subject.get().path()).put("method", "explicit").put("data", chosen.getFirst().file());
            var drop = task.putObject("settings").putObject("drop").putArray("experts");
            experts.forEach(e -> drop.add(e.layer() + "." + e.expert()));
            pruning.accept(task);
        };
    }
}
