package vitrine.views.lora;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import javafx.beans.property.BooleanProperty;
import javafx.beans.property.DoubleProperty;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.beans.property.SimpleBooleanProperty;
import javafx.beans.property.SimpleDoubleProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.collections.FXCollections;
import javafx.collections.ListChangeListener;
import javafx.collections.ObservableList;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.RankTrail;
import vitrine.core.engine.Ending;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskAdapterBuilder;
import vitrine.core.task.TaskAdapterCutBuilder;
import vitrine.views.tasks.Latest;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.Subject;
import vitrine.views.view.SubjectModel;

/// What the LoRA view shows, and what it asks for.
///
/// An adapter is read as soon as it is shown: spectra of low-rank factors take moments. With an open base the deltas are also laid against its weights, at
/// once where it is small and on demand where that takes minutes. Losses over texts, cuts and comparisons are asked for.
public final class LoraViewModel implements SubjectModel {

    /// What the cards are about.
    public enum Mode {
        RANKS("Ranks"), ALIGNMENT("Alignment"), COMPARE("Compare"), RUN("Run");

        private final String label;

        Mode(String label) {
            this.label = label;
        }

        public String label() {
            return label;
        }
    }

    /// Where a written folder comes from and goes to; the window copies it, whole or not at all.
    public interface Keep {
        void to(Artifact artifact, Path target) throws IOException;
    }

    /// A folder that was written.
    ///
    /// @param summary what the engine says of it
    public record Written(Path path, boolean adapter, com.fasterxml.jackson.databind.node.ObjectNode summary) {}

    /// Bases of more parameters are compared with only when that is asked for.
    private static final long SMALL_BASE = 200_000_000;
    /// The loss without each module is one pass per module, so it takes the beginning of the text.
    static final int LEFT_OUT_TOKENS = 1024;

    private final ObjectProperty<Subject> subject = new SimpleObjectProperty<>(this, "subject");
    private final ObjectProperty<Subject> base = new SimpleObjectProperty<>(this, "base");
    private final ObservableList<Subject> bases = FXCollections.observableArrayList();
    private final ObservableList<Subject> adapters = FXCollections.observableArrayList();
    private final ObservableList<AdapterText> texts = FXCollections.observableArrayList();
    private final ObservableList<AdapterText> chosen = FXCollections.observableArrayList();
    private final ObjectProperty<Mode> mode = new SimpleObjectProperty<>(this, "mode", Mode.RANKS);
    private final ObjectProperty<Importance> importance = new SimpleObjectProperty<>(this, "importance", Importance.SINGULAR);
    private final ObjectProperty<Boolean> sorted = new SimpleObjectProperty<>(this, "sorted", true);
    private final ObjectProperty<String> selected = new SimpleObjectProperty<>(this, "selected");
    private final ObjectProperty<String> hovered = new SimpleObjectProperty<>(this, "hovered");
    private final ObjectProperty<Cut.Rule> rule = new SimpleObjectProperty<>(this, "rule", Cut.Rule.RANK);
    private final IntegerProperty rank = new SimpleIntegerProperty(this, "rank", 0);
    private final DoubleProperty energy = new SimpleDoubleProperty(this, "energy", 0.9);
    private final DoubleProperty parameters = new SimpleDoubleProperty(this, "parameters", 0.5);
    private final BooleanProperty gradients = new SimpleBooleanProperty(this, "gradients", false);
    private final DoubleProperty lossRise = new SimpleDoubleProperty(this, "lossRise", 0.05);
    private final ObjectProperty<Placement> placement = new SimpleObjectProperty<>(this, "placement", Placement.AMPLIFICATION);
    private final ObjectProperty<Comparison.Measure> measure = new SimpleObjectProperty<>(this, "measure", Comparison.Measure.COSINE);
    private final ObjectProperty<Subject> other = new SimpleObjectProperty<>(this, "other");
    private final ReadOnlyObjectWrapper<ViewState<Written>> written = new ReadOnlyObjectWrapper<>(this, "written", new ViewState.Empty<>(""));
    private final ReadOnlyObjectWrapper<Study> study = new ReadOnlyObjectWrapper<>(this, "study");

    private final TaskBoard board;
    private final Executor background;
    private final Executor ui;
    private final Latest<Study> analysis;
    private final Latest<Study> losses;
    private final Latest<Study> ablation;
    private final Latest<Comparison> comparison;
    private final ComponentsOff off;
    private final AlongReader along;
    private Keep keep = (artifact, target) -> {
        throw new IOException("nobody has said how folders are written");
    };
    private boolean withoutBase;
    private boolean lossesAsked;
    private long writing;
    private Task.AdapterCut cutWritten;

    /// @param background copies what was written, away from the JavaFX thread
    /// @param ui runs on the JavaFX thread; a test may run both in place
    public LoraViewModel(TaskBoard board, Executor background, Executor ui) {
        this.board = board;
        this.background = background;
        this.ui = ui;
        analysis = new Latest<>(board, "", Study::of);
        losses = new Latest<>(board, "", Study::of);
        ablation = new Latest<>(board, "", Study::of);
        comparison = new Latest<>(board, "", Comparison::of);
        off = new ComponentsOff(board, this::offTask);
        along = new AlongReader(board, background, ui, selected);
        analysis.stateProperty().addListener((o, old, now) -> settle());
        losses.stateProperty().addListener((o, old, now) -> {
            settle();
            if (now instanceof ViewState.Result<Study> && lossesAsked) {
                lossesAsked = false;
                leaveOut();
            }
        });
        bases.addListener((ListChangeListener<Subject>) c -> basesChanged());
        gradients.addListener((o, old, now) -> clearLosses());
        chosen.addListener((ListChangeListener<AdapterText>) c -> {
            if (subject.get() != null) {
                clearLosses();
                off.ask();
            }
        });
    }

    // --- intent

    /// The adapter, or a checkpoint that has none, or null.
    @Override
    public ObjectProperty<Subject> subjectProperty() {
        return subject;
    }

    /// The base that it is shown on, or null.
    public ReadOnlyObjectProperty<Subject> baseProperty() {
        return base;
    }

    /// Open checkpoints, kept up to date by the window.
    public ObservableList<Subject> bases() {
        return bases;
    }

    /// Open adapters, likewise.
    public ObservableList<Subject> adapters() {
        return adapters;
    }

    /// Texts that are offered.
    public ObservableList<AdapterText> texts() {
        return texts;
    }

    /// Texts that losses are measured over.
    public ObservableList<AdapterText> chosenTexts() {
        return chosen;
    }

    public ObjectProperty<Mode> modeProperty() {
        return mode;
    }

    /// Whether texts are also gone through for gradients of the components.
    BooleanProperty gradientsProperty() {
        return gradients;
    }

    ObjectProperty<Importance> importanceProperty() {
        return importance;
    }

    /// Whether stored components stand strongest first rather than in their places.
    ObjectProperty<Boolean> sortedProperty() {
        return sorted;
    }

    /// The path of the module that the inspector tells of, or null.
    public ObjectProperty<String> selectedProperty() {
        return selected;
    }

    /// The path of the module under the pointer in any figure, or null.
    ObjectProperty<String> hoveredProperty() {
        return hovered;
    }

    ObjectProperty<Cut.Rule> ruleProperty() {
        return rule;
    }

    /// Ranks that every module keeps.
    public IntegerProperty rankProperty() {
        return rank;
    }

    /// The share of each delta's squared norm that is kept.
    DoubleProperty energyProperty() {
        return energy;
    }

    /// The share of the factors' parameters that is kept.
    DoubleProperty parametersProperty() {
        return parameters;
    }

    /// By how many nats per token the loss may rise.
    DoubleProperty lossRiseProperty() {
        return lossRise;
    }

    ObjectProperty<Placement> placementProperty() {
        return placement;
    }

    ObjectProperty<Comparison.Measure> measureProperty() {
        return measure;
    }

    /// The adapter that this one is compared with, or null.
    ReadOnlyObjectProperty<Subject> otherProperty() {
        return other;
    }

    // --- state

    ReadOnlyObjectProperty<ViewState<Study>> stateProperty() {
        return analysis.stateProperty();
    }

    ReadOnlyObjectProperty<ViewState<Study>> lossesProperty() {
        return losses.stateProperty();
    }

    ReadOnlyObjectProperty<ViewState<Comparison>> comparisonProperty() {
        return comparison.stateProperty();
    }

    ReadOnlyObjectProperty<ViewState<Written>> writtenProperty() {
        return written.getReadOnlyProperty();
    }

    /// What is shown of the adapter, with what the texts told; null while there is nothing.
    ReadOnlyObjectProperty<Study> studyProperty() {
        return study.getReadOnlyProperty();
    }

    Optional<Study> study() {
        return Optional.ofNullable(study.get());
    }

    /// The study that holds losses over texts.
    Optional<Study> measured() {
        Study l = losses.state().valueOrNull();
        return l != null ? Optional.of(l) : study().filter(Study::measured);
    }

    /// The study that holds losses without each module.
    Optional<Study> leftOut() {
        Study a = ablation.state().valueOrNull();
        return a != null ? Optional.of(a) : study().filter(s -> s.modules().stream().anyMatch(m -> !m.row().lossWithout().isEmpty()));
    }

    ReadOnlyObjectProperty<ViewState<Study>> leftOutProperty() {
        return ablation.stateProperty();
    }

    Optional<Module> module() {
        return selected.get() == null ? Optional.empty() : study().flatMap(s -> s.module(selected.get()));
    }

    Optional<Comparison> comparison() {
        return Optional.ofNullable(comparison.state().valueOrNull());
    }

    /// What the slider means; null where nothing can be cut.
    Cut cut() {
        Study s = study.get();
        if (s == null || s.known().isEmpty()) {
            return null;
        }
        return switch (rule.get()) {
            case RANK -> Cut.toRank(s, rank.get());
            case ENERGY -> Cut.toEnergy(s, energy.get());
            case PARAMETERS -> Cut.toParameters(s, parameters.get());
            case LOSS -> measured().map(m -> Cut.toLoss(s, m.artifact(), lossRise.get())).orElse(null);
        };
    }

    /// Why there is nothing to show although it was asked for.
    public Optional<String> failure() {
        for (ViewState<?> s : List.of(analysis.state(), losses.state(), ablation.state(), comparison.state())) {
            if (s instanceof ViewState.Problem<?> p) {
                return Optional.of(p.details().isEmpty() ? p.what() : p.details().getFirst());
            }
        }
        return Optional.empty();
    }

    /// Why this subject has nothing to show, or empty.
    String obstacle() {
        Subject s = subject.get();
        if (s == null) {
            return study.get() != null || comparison().isPresent() ? "" : "Open an adapter to see what its ranks are worth.";
        }
        return s.isAdapter() ? "" : "No adapter here: " + s.name() + " is a checkpoint. Drop an adapter on the window, or extract one from what a fine-tune changed.";
    }

    /// Why no loss can be measured now, or empty.
    String noLosses() {
        return subject.get() == null ? "This is a result made before. Open its adapter and base to measure more."
                : base.get() == null ? "Losses need the base. Open the checkpoint that this adapter was made for." : "";
    }

    private void settle() {
        Study now = analysis.state().valueOrNull();
        study.set(now == null ? null : now.with(losses.state().valueOrNull()));
        if (now == null) {
            return;
        }
        if (selected.get() == null || now.module(selected.get()).isEmpty()) {
            // The largest delta is where one looks first.
            selected.set(now.known().stream().max(Comparator.comparingDouble(Module::energy)).or(() -> now.modules().stream().findFirst()).map(Module::path).orElse(null));
        }
        if (rank.get() < 1 || rank.get() > now.mostRanks()) {
            rank.set(Math.max(1, now.mostRanks() / 2));
        }
        if (!importances().contains(importance.get())) {
            importance.set(Importance.SINGULAR);
        }
    }

    /// The measures of importance that are there.
    List<Importance> importances() {
        Study s = study.get();
        return s == null ? List.of(Importance.SINGULAR)
                : java.util.Arrays.stream(Importance.values()).filter(i -> i == Importance.SINGULAR || s.modules().stream().anyMatch(m -> i.stored(m).length > 0)).toList();
    }

    // --- asking

    /// Shows another adapter, on the open base that it names, or else on the one that is open.
    @Override
    public void show(Subject s) {
        if (s.equals(subject.get())) {
            subject.set(s);
            return;
        }
        subject.set(s);
        withoutBase = false;
        selected.set(null);
        rank.set(0);
        other.set(null);
        off.clear();
        clearLosses();
        comparison.clear("");
        written.set(new ViewState.Empty<>(""));
        analysis.clear("");
        if (s.isAdapter()) {
            base.set(likely(s).orElse(null));
            compute();
        } else {
            base.set(null);
        }
    }

    /// The open checkpoint that the adapter names; where it names none that is open, the only one.
    private Optional<Subject> likely(Subject adapter) {
        String declared = declaredBase(adapter);
        return bases.stream().filter(b -> b.name().equals(declared)).findFirst().or(() -> bases.size() == 1 ? Optional.of(bases.getFirst()) : Optional.empty());
    }

    /// The last part of what the adapter's config names as its base; empty where it names nothing.
    private static String declaredBase(Subject adapter) {
        try {
            String name = adapter.anatomy().checkpoint().config().path("base_model_name_or_path").asText("");
            return name.substring(name.replaceFirst("/+$", "").lastIndexOf('/') + 1).replaceFirst("/+$", "");
        } catch (Refusal unreadable) {
            // Anatomy's warnings say so.
            return "";
        }
    }

    private void basesChanged() {
        Subject s = subject.get();
        if (s == null || !s.isAdapter()) {
            return;
        }
        if (base.get() != null && !bases.contains(base.get())) {
            // What was computed with it stays true; more cannot be asked.
            base.set(null);
        } else if (base.get() == null && !withoutBase && study.get() != null && study.get().base() == null) {
            likely(s).ifPresent(this::on);
        }
    }

    /// Shows the adapter on another base; null shows it alone.
    public void on(Subject newBase) {
        withoutBase = newBase == null;
        base.set(newBase);
        clearLosses();
        off.ask();
        if (subject.get() != null && subject.get().isAdapter()) {
            compute();
        }
    }

    /// Shows an artifact that was made before. Nothing more can be asked about it: its adapter need not be there any more.
    ///
    /// @throws Refusal where it holds neither an adapter's figures nor a comparison
    @Override
    public void show(Path path) {
        if (hasSteps(path) && !java.nio.file.Files.isRegularFile(path.resolve(vitrine.core.artifact.Manifest.FILE)) || RankTrail.in(path).isPresent()) {
            subject.set(null);
            base.set(null);
            showAlong(path);
            return;
        }
        Artifact artifact = Artifact.open(path);
        String kind = artifact.manifest().kind();
        boolean compared = kind.equals(Comparison.KIND);
        if (!compared && !kind.equals(AdapterArtifact.KIND)) {
            throw Refusal.of(Category.ARTIFACT_INVALID, path, "it is a result of %s; LoRA shows those of adapter and adapter-compare", kind);
        }
        subject.set(null);
        base.set(null);
        clearLosses();
        off.clear();
        if (compared) {
            analysis.clear("");
            comparison.show(Comparison.of(artifact));
            mode.set(Mode.COMPARE);
            return;
        }
        comparison.clear("");
        Study s = Study.of(artifact);
        analysis.show(s);
        mode.set(Mode.RANKS);
    }

    /// Reads the adapter's figures.
    public void compute() {
        if (subject.get() != null && subject.get().isAdapter()) {
            analysis.ask("Ranks of " + subject.get().name(), wanted(null));
        }
    }

    /// Compares the deltas with the weights of a large base too, which takes as long as it takes.
    void align() {
        analysis.ask("Alignment of " + subject.get().name(), wanted(Task.Alignment.fast));
    }

    private Task.Adapter wanted(Task.Alignment asked) {
        Subject b = base.get();
        Task.Alignment how = b == null ? null : asked != null ? asked : b.anatomy().parameters() <= SMALL_BASE ? Task.Alignment.fast : Task.Alignment.none;
        return TaskAdapterBuilder.builder().adapter(subject.get().path()).model(b == null ? null : b.path()).alignment(how).build();
    }

    /// Measures losses over the chosen texts with fewer ranks; then, of a small base, without each module.
    public void measure() {
        if (noLosses().isEmpty() && !chosen.isEmpty()) {
            lossesAsked = true;
            losses.ask("Losses of " + subject.get().name(), lossTask());
        }
    }

    private Task.Adapter lossTask() {
        return TaskAdapterBuilder.builder().adapter(subject.get().path()).model(base.get().path()).alignment(Task.Alignment.none).data(domains())
                .gradients(gradients.get() ? true : null).build();
    }

    private void clearLosses() {
        lossesAsked = false;
        losses.clear("");
        ablation.clear("");
    }

    /// Once the curve is there, and the base is small: the loss without each module, over the beginning of the first text.
    private void leaveOut() {
        if (base.get() != null && base.get().anatomy().parameters() <= SMALL_BASE && !chosen.isEmpty()) {
            ablation.ask("Losses of " + subject.get().name() + " without each module", leaveOutTask());
        }
    }

    private Task.Adapter leaveOutTask() {
        return TaskAdapterBuilder.builder().adapter(subject.get().path()).model(base.get().path()).alignment(Task.Alignment.none).data(List.of(domains().getFirst()))
                .ranks(List.of(0)).without(Task.Without.modules).maxTokens(LEFT_OUT_TOKENS).build();
    }

    /// The chosen texts, each under a name of its own.
    private List<Task.Domain> domains() {
        Map<String, Task.Domain> out = new LinkedHashMap<>();
        for (AdapterText t : chosen) {
            String name = t.name();
            for (int n = 2; out.containsKey(name); n++) {
                name = t.name() + " " + n;
            }
            out.put(name, new Task.Domain(name, t.path().toAbsolutePath().normalize().toString()));
        }
        return List.copyOf(out.values());
    }

    /// Takes a text in or out.
    void toggle(AdapterText text) {
        if (!chosen.remove(text)) {
            chosen.add(text);
        }
    }

    /// Compares with another adapter; null ends that.
    public void compareWith(Subject second) {
        other.set(second);
        if (second == null) {
            comparison.clear("");
        } else {
            mode.set(Mode.COMPARE);
            comparison.ask(subject.get().name() + " against " + second.name(), new Task.AdapterCompare(subject.get().path(), second.path()));
        }
    }

    void cancel() {
        analysis.cancel();
    }

    void cancelLosses() {
        losses.cancel();
    }

    void cancelComparison() {
        comparison.cancel();
    }

    // --- along a run

    AlongReader along() {
        return along;
    }

    /// Whether a folder holds an adapter's ranks over steps: what a run keeps of them, or kept steps that are adapters.
    public static boolean hasSteps(Path folder) {
        return AlongReader.hasSteps(folder);
    }

    /// Shows the ranks over the steps of a run.
    ///
    /// @throws Refusal where the folder holds none
    public void showAlong(Path folder) {
        along.show(folder);
        mode.set(Mode.RUN);
    }

    // --- writing

    /// How folders are written.
    public void keepWith(Keep how) {
        keep = how;
    }

    /// Why nothing can be written now, or empty.
    String noWriting() {
        return subject.get() == null || !subject.get().isAdapter() ? "This is a result made before. Open its adapter to write from it." : "";
    }

    /// The cut as a task, with the texts' losses before and after where they can be had.
    Task.AdapterCut cutTask() {
        boolean told = base.get() != null && !chosen.isEmpty();
        Cut.Rule by = rule.get();
        return TaskAdapterCutBuilder.builder().adapter(subject.get().path()).model(told ? base.get().path() : null).rank(by == Cut.Rule.RANK ? rank.get() : null)
                .energy(by == Cut.Rule.ENERGY ? energy.get() : null).parameters(by == Cut.Rule.PARAMETERS ? parameters.get() : null)
                .lossRise(by == Cut.Rule.LOSS ? lossRise.get() : null).data(told ? domains() : null).build();
    }

    /// The losses that the cut of the slider was found to have when it was written, or empty.
    Optional<com.fasterxml.jackson.databind.JsonNode> writtenLosses() {
        return written.get() instanceof ViewState.Result<Written> r && r.value().adapter() && cutWritten != null && cut() != null && noWriting().isEmpty() && noCut().isEmpty() && cutWritten.equals(cutTask())
                ? Optional.of(r.value().summary().path("domains")) : Optional.empty();
    }

    /// Why this cut cannot be had now, or empty.
    String noCut() {
        if (rule.get() != Cut.Rule.LOSS) {
            return "";
        }
        return measured().isEmpty() ? "A budget of loss needs measured losses: choose texts and measure." : noLosses().isEmpty() && chosen.isEmpty() ? "A budget of loss needs texts." : noLosses();
    }

    /// A name for what a cut writes.
    String cutName() {
        return subject.get().name() + switch (rule.get()) {
            case RANK -> "-r" + rank.get();
            case ENERGY -> "-e" + Math.round(1000 * energy.get()) / 10.0;
            case PARAMETERS -> "-p" + Math.round(1000 * parameters.get()) / 10.0;
            case LOSS -> "-l" + vitrine.views.chart.Numbers.exact(lossRise.get());
        };
    }

    /// Writes the adapter with fewer ranks to a new folder.
    public void writeCut(Path target) {
        cutWritten = cutTask();
        write("Cut of " + subject.get().name(), cutWritten, target, true);
    }

    /// Rank components that are switched off.
    ComponentsOff off() {
        return off;
    }

    /// The adapter without the components that are off, and the losses of the texts' beginnings where they can be had.
    private Optional<Task.AdapterCut> offTask() {
        if (!off.any() || !noWriting().isEmpty()) {
            return Optional.empty();
        }
        boolean told = base.get() != null && !chosen.isEmpty();
        return Optional.of(Task.AdapterCut.without(subject.get().path(), told ? base.get().path() : null, off.order(), off.list(), told ? domains() : null, told ? LEFT_OUT_TOKENS : null));
    }

    /// A name for the adapter without what is switched off.
    String offName() {
        return subject.get().name() + "-without-" + off.components().values().stream().mapToInt(java.util.Set::size).sum();
    }

    /// Writes the adapter without the components that are off to a new folder.
    public void writeOff(Path target) {
        cutWritten = null;
        offTask().ifPresent(t -> write(subject.get().name() + " without components", t, target, true));
    }

    /// Writes base and adapter as one checkpoint to a new folder.
    void merge(Path target) {
        write(subject.get().name() + " merged into " + base.get().name(), new Task.AdapterMerge(base.get().path(), List.of(Task.AdapterUse.of(subject.get().path()))), target, false);
    }

    /// Writes the best adapter of a rank for what this checkpoint changed of another.
    void extract(Subject before, int ranks, Path target) {
        cutWritten = null;
        write("Adapter from " + subject.get().name(), new Task.AdapterExtract(before.path(), subject.get().path(), ranks, null), target, true);
    }

    private void write(String title, Task task, Path target, boolean adapter) {
        long mine = ++writing;
        vitrine.views.tasks.TaskRow row = board.ask(title, task, ending -> {
            switch (ending) {
                case Ending.Finished f -> background.execute(() -> {
                    ViewState<Written> end = kept(f.artifact(), target, adapter);
                    ui.execute(() -> tell(mine, end));
                });
                case Ending.Refused r -> tell(mine, new ViewState.Problem<>("Nothing was written", List.of(r.message()), null));
                case Ending.Failed f -> tell(mine, new ViewState.Problem<>("Nothing was written", List.of(f.cause().sentence() + ". " + f.message()), null));
                case Ending.Cancelled ignored -> tell(mine, new ViewState.Empty<>(""));
            }
        });
        if (mine == writing && !row.state().over()) {
            written.set(new ViewState.Working<>(row, null));
        }
    }

    private ViewState<Written> kept(Artifact artifact, Path target, boolean adapter) {
        try {
            keep.to(artifact, target);
            return new ViewState.Result<>(new Written(target, adapter, artifact.manifest().summary()));
        } catch (IOException e) {
            return new ViewState.Problem<>("Nothing was written", List.of(target + ": " + vitrine.core.json.Json.reason(e)), "Choose a folder that is not there yet.");
        } catch (Refusal r) {
            return new ViewState.Problem<>("Nothing was written", List.of(r.getMessage()), r.remedy());
        }
    }

    private void tell(long mine, ViewState<Written> end) {
        if (mine == writing) {
            written.set(end);
        }
    }

    // --- what is told

    /// Modules by the loss without them, the dearest first; of the first text.
    List<Module> dearest(int count) {
        Study m = leftOut().orElse(null);
        return m == null ? List.of() : m.modules().stream().filter(x -> !x.row().lossWithout().isEmpty() && Double.isFinite(x.row().lossWithout().getFirst()))
                .sorted(Comparator.comparingDouble(x -> -x.row().lossWithout().getFirst())).limit(count).toList();
    }

    /// What the cut means, in a sentence or two of figures.
    String finding() {
        Study s = study.get();
        if (s == null || s.known().isEmpty()) {
            return "";
        }
        double least = s.known().stream().mapToDouble(m -> m.row().figure("effective_rank").orElse(0)).min().orElse(0);
        double most = s.known().stream().mapToDouble(m -> m.row().figure("effective_rank").orElse(0)).max().orElse(0);
        StringBuilder out = new StringBuilder("Effective rank runs from " + vitrine.views.chart.Numbers.fixed(least, 1) + " to " + vitrine.views.chart.Numbers.fixed(most, 1) + " of " + s.mostRanks() + ".");
        Cut cut = cut();
        Study m = measured().orElse(null);
        if (cut == null || m == null || m.artifact().curve().isEmpty() || cut.whole(s)) {
            return out.toString();
        }
        List<String> dearer = new ArrayList<>();
        List<String> back = new ArrayList<>();
        for (int d = 0; d < m.artifact().domains().size(); d++) {
            Cut.Predicted p = cut.loss(m.artifact().curve().get(), d);
            AdapterArtifact.Domain domain = m.artifact().domains().get(d);
            if (p != null) {
                boolean rose = p.loss() > domain.after().loss();
                (rose ? dearer : back).add(AdapterText.shown(domain.name()));
            }
        }
        String what = rule.get() == Cut.Rule.RANK ? " Keeping " + rank.get() : " Keeping " + cut.ranks();
        if (!dearer.isEmpty()) {
            out.append(what).append(" raises the perplexity of ").append(String.join(" and ", dearer));
            out.append(back.isEmpty() ? "." : " and gives back part of what the adapter made worse on " + String.join(" and ", back) + ".");
        } else if (!back.isEmpty()) {
            out.append(what).append(" lowers the perplexity of ").append(String.join(" and ", back)).append(".");
        }
        return out.toString();
    }

    /// The equivalent command lines.
    @Override
    public String command() {
        if (mode.get() == Mode.RUN && along.shownProperty().get() != null) {
            return "vitrine snapshot lora " + quoted(along.shownProperty().get().folder().toString()) + " --out run.png";
        }
        if (subject.get() == null || !subject.get().isAdapter()) {
            return "";
        }
        String a = quoted(subject.get().path());
        String on = base.get() == null ? "" : " --model " + quoted(base.get().path());
        if (mode.get() == Mode.COMPARE) {
            return other.get() == null ? "" : "vitrine adapter compare " + a + " " + quoted(other.get().path());
        }
        StringBuilder out = new StringBuilder("vitrine adapter " + a + on);
        if (base.get() != null && !chosen.isEmpty()) {
            Task.Adapter t = lossTask();
            t.data().forEach(d -> out.append(" --data ").append(quoted(d.name() + "=" + d.file())));
            out.append(gradients.get() ? " --gradients" : "");
            if (leftOut().isPresent()) {
                Task.Adapter each = leaveOutTask();
                out.append("\nvitrine adapter " + a + on + " --data ").append(quoted(each.data().getFirst().name() + "=" + each.data().getFirst().file()))
                        .append(" --ranks 0 --without modules --max-tokens ").append(each.maxTokens());
            }
        }
        if (cut() != null) {
            out.append("\nvitrine adapter cut ").append(a).append(switch (rule.get()) {
                case RANK -> " --rank " + rank.get();
                case ENERGY -> " --energy " + vitrine.views.chart.Numbers.exact(energy.get());
                case PARAMETERS -> " --parameters " + vitrine.views.chart.Numbers.exact(parameters.get());
                case LOSS -> " --loss " + vitrine.views.chart.Numbers.exact(lossRise.get()) + on + domains().stream().map(d -> " --data " + quoted(d.name() + "=" + d.file())).collect(java.util.stream.Collectors.joining());
            })
                    .append(" --out ").append(quoted(cutName()));
        }
        if (off.any()) {
            out.append("\nvitrine adapter cut ").append(a).append(off.options());
            if (base.get() != null && !chosen.isEmpty()) {
                out.append(on).append(domains().stream().map(d -> " --data " + quoted(d.name() + "=" + d.file())).collect(java.util.stream.Collectors.joining())).append(" --max-tokens ").append(LEFT_OUT_TOKENS);
            }
            out.append(" --out ").append(quoted(offName()));
        }
        return out.append("\nvitrine snapshot lora ").append(a).append(on).append(" --out lora.png").toString();
    }

    static String quoted(String text) {
        return text.matches("[A-Za-z0-9_./:=+-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
    }

    /// The task behind what is shown.
    Optional<Task> task() {
        if (subject.get() == null || !subject.get().isAdapter()) {
            return Optional.empty();
        }
        return switch (mode.get()) {
            case COMPARE -> other.get() == null ? Optional.empty() : Optional.of(new Task.AdapterCompare(subject.get().path(), other.get().path()));
            case RUN -> Optional.empty();
            case RANKS, ALIGNMENT -> Optional.of(losses.state().valueOrNull() != null ? lossTask() : wanted(null));
        };
    }
}
