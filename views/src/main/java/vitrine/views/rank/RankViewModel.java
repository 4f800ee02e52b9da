package vitrine.views.rank;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import javafx.beans.property.DoubleProperty;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.beans.property.SimpleDoubleProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Measure;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskEvaluateBuilder;
import vitrine.core.task.TaskRankBuilder;
import vitrine.views.rank.Item.Place;
import vitrine.views.tasks.Latest;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.Subject;
import vitrine.views.view.SubjectModel;

/// What the Rank view shows, and what it asks for.
///
/// The user's intent is in the properties; everything else follows from them. Nothing is computed unless asked for: a large checkpoint
/// takes minutes.
public final class RankViewModel implements SubjectModel {

    /// What spectra are of.
    public enum Mode {
        WEIGHTS("Weights"), ACTIVATIONS("Activations"), CACHE("KV cache");

        private final String label;

        Mode(String label) {
            this.label = label;
        }

        public String label() {
            return label;
        }
    }

    /// Which activations.
    enum Values {
        HIDDEN("Hidden states", RankArtifact.Of.hidden), OUTPUTS("Linear layers", RankArtifact.Of.activations);

        private final String label;
        private final RankArtifact.Of of;

        Values(String label, RankArtifact.Of of) {
            this.label = label;
            this.of = of;
        }

        String label() {
            return label;
        }
    }

    /// What the columns of the map are.
    enum Columns {
        KINDS, HEADS
    }

    /// What the first card's curves run across.
    enum Across {
        LAYERS, OTHER
    }

    /// Where a result is kept: one for each thing that can be computed.
    private enum Slot {
        WEIGHTS, HIDDEN, OUTPUTS, CACHE
    }

    private final ObjectProperty<Subject> subject = new SimpleObjectProperty<>(this, "subject");
    private Consumer<ObjectNode> pruning;
    private final ObjectProperty<Mode> mode = new SimpleObjectProperty<>(this, "mode", Mode.WEIGHTS);
    private final ObjectProperty<Values> values = new SimpleObjectProperty<>(this, "values", Values.HIDDEN);
    private final ObjectProperty<Measure> measure = new SimpleObjectProperty<>(this, "measure", Measure.EFFECTIVE_RANK);
    private final ObjectProperty<Boolean> normalised = new SimpleObjectProperty<>(this, "normalised", true);
    private final ObjectProperty<Accuracy> accuracy = new SimpleObjectProperty<>(this, "accuracy", Accuracy.exact);
    private final ObjectProperty<Columns> columns = new SimpleObjectProperty<>(this, "columns", Columns.KINDS);
    private final ObjectProperty<Across> across = new SimpleObjectProperty<>(this, "across", Across.LAYERS);
    private final ObjectProperty<Place> selected = new SimpleObjectProperty<>(this, "selected");
    private final ObjectProperty<Place> compared = new SimpleObjectProperty<>(this, "compared");
    private final IntegerProperty hoveredLayer = new SimpleIntegerProperty(this, "hoveredLayer", -1);
    private final ObjectProperty<WhatIf.Rule> rule = new SimpleObjectProperty<>(this, "rule", WhatIf.Rule.ENERGY);
    private final DoubleProperty share = new SimpleDoubleProperty(this, "share", 0.9);
    private final ObjectProperty<CalibrationText> text = new SimpleObjectProperty<>(this, "text");
    private final ObservableList<CalibrationText> texts = FXCollections.observableArrayList();
    private final ObservableList<Subject> overlay = FXCollections.observableArrayList();
    private final ObjectProperty<Subject> against = new SimpleObjectProperty<>(this, "against");
    private final ReadOnlyObjectWrapper<ViewState<Spectra>> state = new ReadOnlyObjectWrapper<>(this, "state", new ViewState.Empty<>(""));
    private final ReadOnlyObjectWrapper<Map<Item, Truncation>> truncations = new ReadOnlyObjectWrapper<>(this, "truncations", Map.of());

    private final Truncated truncated;
    private final Map<Slot, Latest<Spectra>> slots = new EnumMap<>(Slot.class);
    private final Executor background;
    private final Executor ui;
    private boolean heads;
    private boolean settled = true;
    private long loading;
    private Item readItem;
    private Truncation read;

    /// @param background reads singular values, away from the JavaFX thread
    /// @param ui runs on the JavaFX thread; a test may run both in place
    public RankViewModel(TaskBoard board, Executor background, Executor ui) {
        this.background = background;
        this.ui = ui;
        for (Slot slot : Slot.values()) {
            Latest<Spectra> latest = new Latest<>(board, "", artifact -> read(artifact));
            slots.put(slot, latest);
            latest.stateProperty().addListener((o, old, now) -> {
                if (slot == slot()) {
                    follow();
                }
            });
        }
        truncated = new Truncated(board, this::lossTask);
        share.addListener((o, old, now) -> follows());
        rule.addListener((o, old, now) -> follows());
        mode.addListener((o, old, now) -> follow());
        values.addListener((o, old, now) -> follow());
        accuracy.addListener((o, old, now) -> again());
        text.addListener((o, old, now) -> textChanged(old));
        texts.addListener((javafx.collections.ListChangeListener<CalibrationText>) c -> {
            if (text.get() == null && !texts.isEmpty()) {
                text.set(texts.getFirst());
            }
        });
    }

    private static Spectra read(Artifact artifact) {
        return artifact.manifest().kind().equals("spectrum") ? WeightSpectra.of(artifact) : ValueSpectra.of(artifact);
    }

    // --- intent

    @Override
    public ObjectProperty<Subject> subjectProperty() {
        return subject;
    }

    public ObjectProperty<Mode> modeProperty() {
        return mode;
    }

    ObjectProperty<Values> valuesProperty() {
        return values;
    }

    public ObjectProperty<Measure> measureProperty() {
        return measure;
    }

    /// Whether ranks are divided by the smaller side.
    public ObjectProperty<Boolean> normalisedProperty() {
        return normalised;
    }

    public ObjectProperty<Accuracy> accuracyProperty() {
        return accuracy;
    }

    ObjectProperty<Columns> columnsProperty() {
        return columns;
    }

    ObjectProperty<Across> acrossProperty() {
        return across;
    }

    /// The layer under the pointer in any figure, or -1: every figure marks it.
    IntegerProperty hoveredLayerProperty() {
        return hoveredLayer;
    }

    /// What the inspector tells and the spectrum shows, or null.
    ObjectProperty<Place> selectedProperty() {
        return selected;
    }

    /// A second spectrum, kept for comparison, or null.
    ObjectProperty<Place> comparedProperty() {
        return compared;
    }

    ObjectProperty<WhatIf.Rule> ruleProperty() {
        return rule;
    }

    /// The share of energy or of rank that is kept, 0 to 1.
    DoubleProperty shareProperty() {
        return share;
    }

    /// What activations and caches are measured over, or null.
    public ObjectProperty<CalibrationText> textProperty() {
        return text;
    }

    /// What is offered to measure over.
    public ObservableList<CalibrationText> texts() {
        return texts;
    }

    /// Further checkpoints of the series.
    ObservableList<Subject> overlay() {
        return overlay;
    }

    /// The checkpoint that is subtracted, or null.
    ReadOnlyObjectProperty<Subject> againstProperty() {
        return against;
    }

    // --- state

    private Slot slot() {
        return switch (mode.get()) {
            case WEIGHTS -> Slot.WEIGHTS;
            case ACTIVATIONS -> values.get() == Values.HIDDEN ? Slot.HIDDEN : Slot.OUTPUTS;
            case CACHE -> Slot.CACHE;
        };
    }

    /// What there is to show in this mode.
    ReadOnlyObjectProperty<ViewState<Spectra>> stateProperty() {
        return state.getReadOnlyProperty();
    }

    Optional<Spectra> spectra() {
        return Optional.ofNullable(state.get().valueOrNull());
    }

    /// Singular values of all that a truncation is told of; empty until they are read.
    ReadOnlyObjectProperty<Map<Item, Truncation>> truncationsProperty() {
        return truncations.getReadOnlyProperty();
    }

    /// Whether everything is read that the present result holds.
    public boolean settled() {
        return settled;
    }

    /// Why there is nothing to show although it was asked for.
    public Optional<String> failure() {
        return state.get() instanceof ViewState.Problem<Spectra> p ? Optional.of(p.details().isEmpty() ? p.what() : p.details().getFirst()) : Optional.empty();
    }

    /// The selected spectrum's row.
    Optional<Item> item() {
        return at(0, selected.get());
    }

    /// The row of a checkpoint at a place.
    Optional<Item> at(int checkpoint, Place place) {
        return place == null ? Optional.empty() : spectra().flatMap(s -> s.item(checkpoint, place));
    }

    /// The selected spectrum's singular values, where all are known.
    Optional<Truncation> truncation() {
        Item i = item().orElse(null);
        if (i == null || i.estimated() || i.absent() != null) {
            return Optional.empty();
        }
        Truncation known = truncations.get().get(i);
        if (known != null) {
            return Optional.of(known);
        }
        // Of a head or an embedding: read when it is selected, and kept while it is.
        if (!i.equals(readItem)) {
            double[] s = spectra().orElseThrow().values(i);
            read = s.length == 0 ? null : new Truncation(s, i.rows(), i.columns());
            readItem = i;
        }
        return Optional.ofNullable(read);
    }

    WhatIf whatIf() {
        return new WhatIf(rule.get(), share.get());
    }

    /// Keeps so many directions of the selected spectrum; the threshold becomes the share that this means.
    void keep(int rank) {
        truncation().ifPresent(t -> {
            int k = Math.clamp(rank, 0, t.size());
            share.set(rule.get() == WhatIf.Rule.RANK ? (double) k / t.size() : t.energy(k));
        });
    }

    /// Measures by a share of the other thing, at the same rank of the selected spectrum.
    void measureBy(WhatIf.Rule other) {
        Optional<Truncation> t = truncation();
        int k = t.map(whatIf()::rank).orElse(0);
        rule.set(other);
        if (t.isPresent()) {
            keep(k);
        }
    }

    /// Why this subject has nothing to show in this mode, or empty.
    public String obstacle() {
        Subject s = subject.get();
        if (s == null) {
            return spectra().isPresent() ? "" : "Open a checkpoint to see how much of their rank its matrices use.";
        }
        if (s.isAdapter()) {
            return s.name() + " is an adapter. Open its base to see ranks.";
        }
        if (mode.get() == Mode.WEIGHTS) {
            return "";
        }
        return s.anatomy().obstacle() == null ? "" : s.anatomy().obstacle().getMessage();
    }

    /// Whether something can be computed now.
    boolean canCompute() {
        return subject.get() != null && obstacle().isEmpty() && (mode.get() == Mode.WEIGHTS || text.get() != null);
    }

    private void follow() {
        ViewState<Spectra> now = slots.get(slot()).state();
        state.set(now instanceof ViewState.Empty<Spectra> e ? new ViewState.Empty<>(empty(e.sentence())) : now);
        if (now instanceof ViewState.Result<Spectra> r) {
            settle(r.value());
        } else if (now.valueOrNull() == null) {
            truncations.set(Map.of());
        }
    }

    private String empty(String before) {
        String start = before.equals("Cancelled.") ? "Cancelled. What was finished is kept: computing again goes on from there. " : "";
        return switch (mode.get()) {
            case WEIGHTS -> start.isEmpty() ? "No spectra yet. They are the singular values of every weight matrix, computed once and kept." : start.strip();
            case ACTIVATIONS -> (before.equals("Cancelled.") ? "Cancelled. " : "") + (values.get() == Values.HIDDEN
                    ? "No ranks of hidden states yet. They are measured while a text passes through the model."
                    : "No ranks of linear layers' outputs yet. They are measured while a text passes through the model.");
            case CACHE -> (before.equals("Cancelled.") ? "Cancelled. " : "") + "No ranks of the KV cache yet. They are measured while a text passes through the model.";
        };
    }

    private void settle(Spectra s) {
        Place p = selected.get();
        if (p == null || s.item(0, p).isEmpty()) {
            selected.set(first(s).orElse(null));
        }
        if (compared.get() != null && s.item(0, compared.get()).isEmpty()) {
            compared.set(null);
        }
        if (!Measures.of(s.items()).contains(measure.get())) {
            measure.set(Measure.EFFECTIVE_RANK);
        }
        columns.set(mode.get() == Mode.CACHE ? Columns.HEADS : Columns.KINDS);
        if (!hasOther()) {
            across.set(Across.LAYERS);
        }
        load(s);
    }

    private static Optional<Place> first(Spectra s) {
        for (Kind k : s.kinds()) {
            for (int l = 0; l < s.layers(); l++) {
                if (!s.at(0, k, l, -1).isEmpty()) {
                    return Optional.of(s.at(0, k, l, -1).getFirst().place());
                }
            }
        }
        return s.items().stream().findFirst().map(Item::place);
    }

    private void load(Spectra s) {
        long mine = ++loading;
        settled = false;
        truncations.set(Map.of());
        background.execute(() -> {
            Map<Item, Truncation> read = s.truncations();
            ui.execute(() -> {
                if (mine == loading) {
                    settled = true;
                    truncations.set(read);
                }
            });
        });
    }

    /// Whether there is a second thing that curves can run across: checkpoints, the context, or figures per layer.
    boolean hasOther() {
        return switch (spectra().orElse(null)) {
            case WeightSpectra w -> w.checkpoints().size() > 1;
            case ValueSpectra v -> v.ranks().growth().isPresent() || !v.ranks().figureNames().isEmpty();
            case null -> false;
        };
    }

    /// What that second thing is, as short as a segment.
    String otherName() {
        return switch (spectra().orElse(null)) {
            case WeightSpectra ignored -> "steps";
            case ValueSpectra v -> v.ranks().growth().isPresent() ? "context" : "figures";
            case null -> "";
        };
    }

    // --- what if

    /// Matrices of which only the largest directions stay.
    Truncated truncated() {
        return truncated;
    }

    /// The loss of the model as it is, over the text's beginning; null where there is no text or no pass.
    private Task.Evaluate lossTask() {
        return noLoss().isEmpty() ? TaskEvaluateBuilder.builder().model(subject.get().path()).data(textPath()).maxTokens(Truncated.TOKENS).build() : null;
    }

    /// Why no loss can be measured, or empty.
    String noLoss() {
        Subject s = subject.get();
        if (s == null) {
            return "This is a result made before. Open its checkpoint to measure losses.";
        }
        if (s.anatomy().obstacle() != null) {
            return s.anatomy().obstacle().getMessage();
        }
        return text.get() == null ? "Choose a text to see what this does to its loss." : "";
    }

    /// Why the selected spectrum cannot be truncated, or empty.
    String noTruncation() {
        Item i = item().orElse(null);
        if (i == null || mode.get() != Mode.WEIGHTS || i.head() >= 0 || i.expert() >= 0 || i.layer() < 0 || i.checkpoint() != 0 || against.get() != null || i.name().contains("#")) {
            return "Select a whole weight matrix of a layer: heads, experts, parts of fused matrices and values over texts are not truncated by themselves.";
        }
        return truncation().isEmpty() ? "Its singular values are not known one by one." : noLoss();
    }

    /// Truncates the selected matrix to the rank that the threshold leaves, or makes it whole again.
    public void toggleTruncation() {
        Item i = item().orElse(null);
        if (i == null || !noTruncation().isEmpty()) {
            return;
        }
        if (truncated.has(i)) {
            truncated.remove(i);
        } else {
            truncate(i);
        }
    }

    private void truncate(Item i) {
        truncation().ifPresent(t -> truncated.put(i, Math.max(1, whatIf().rank(t)), t.size()));
    }

    /// What is selected and truncated follows the threshold.
    private void follows() {
        item().filter(truncated::has).ifPresent(this::truncate);
    }

    /// What opens the form of a run that writes the matrices so, or null.
    Runnable truncatedForm() {
        return pruning == null || !truncated.any() || subject.get() == null ? null : () -> {
            ObjectNode task = Json.object().put("model", subject.get().path().toString()).put("method", "svd");
            ObjectNode ranks = task.putObject("settings").putObject("ranks");
            truncated.ranks().forEach(ranks::put);
            if (text.get() != null) {
                task.put("data", text.get().path().toString());
            }
            pruning.accept(task);
        };
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
        heads = false;
        overlay.clear();
        against.set(null);
        compared.set(null);
        truncated.clear();
        slots.values().forEach(l -> l.clear(""));
        follow();
    }

    /// Shows an artifact that was made before. Nothing more can be asked about it: its checkpoint need not be there any more.
    ///
    /// @throws Refusal where it holds no spectra
    @Override
    public void show(Path folder) {
        Artifact artifact = Artifact.open(folder);
        String kind = artifact.manifest().kind();
        if (!kind.equals("spectrum") && !kind.equals(RankArtifact.KIND)) {
            throw Refusal.of(Category.ARTIFACT_INVALID, folder, "it is a result of %s; Rank shows those of spectrum and rank", kind);
        }
        Spectra s = read(artifact);
        subject.set(null);
        truncated.clear();
        slots.values().forEach(l -> l.clear(""));
        switch (s) {
            case WeightSpectra ignored -> mode.set(Mode.WEIGHTS);
            case ValueSpectra v -> {
                mode.set(v.ranks().of() == RankArtifact.Of.kv ? Mode.CACHE : Mode.ACTIVATIONS);
                values.set(v.ranks().of() == RankArtifact.Of.activations ? Values.OUTPUTS : Values.HIDDEN);
            }
        }
        slots.get(slot()).show(s);
    }

    /// Computes what this mode shows.
    public void compute() {
        if (canCompute()) {
            String what = switch (slot()) {
                case WEIGHTS -> "Spectra of ";
                case HIDDEN -> "Ranks of hidden states of ";
                case OUTPUTS -> "Ranks of linear layers of ";
                case CACHE -> "Ranks of the KV cache of ";
            };
            slots.get(slot()).ask(what + subject.get().name(), wanted());
        }
    }

    /// The task that fills this mode.
    Task wanted() {
        String model = subject.get().path();
        return switch (slot()) {
            case WEIGHTS -> new Task.Spectrum(model, overlay.isEmpty() ? null : overlay.stream().map(Subject::path).toList(), against.get() == null ? null : against.get().path(), null,
                    accuracy.get(), heads ? true : null);
            case HIDDEN, OUTPUTS -> Task.Rank.of(model, textPath(), values.get().of);
            case CACHE -> TaskRankBuilder.builder().model(model).data(textPath()).of(RankArtifact.Of.kv).growth(true).build();
        };
    }

    private String textPath() {
        return text.get().path().toAbsolutePath().normalize().toString();
    }

    /// Asks for spectra of single heads too.
    void computeHeads() {
        heads = true;
        mode.set(Mode.WEIGHTS);
        compute();
        columns.set(Columns.HEADS);
    }

    /// Lays other checkpoints over this one; an empty list takes them away.
    void overlay(List<Subject> others) {
        overlay.setAll(others);
        against.set(null);
        mode.set(Mode.WEIGHTS);
        again();
    }

    /// Shows what this checkpoint changed of another; null ends that.
    void against(Subject before) {
        overlay.clear();
        against.set(before);
        mode.set(Mode.WEIGHTS);
        again();
    }

    /// Computes anew what is shown or under way.
    private void again() {
        Latest<Spectra> weights = slots.get(Slot.WEIGHTS);
        if (subject.get() != null && !(weights.state() instanceof ViewState.Empty) || against.get() != null || !overlay.isEmpty()) {
            if (mode.get() == Mode.WEIGHTS) {
                compute();
            } else {
                weights.clear("");
            }
        }
    }

    private void textChanged(CalibrationText old) {
        truncated.ask();
        if (old == null || subject.get() == null) {
            return;
        }
        boolean shown = mode.get() != Mode.WEIGHTS && !(slots.get(slot()).state() instanceof ViewState.Empty);
        for (Slot s : List.of(Slot.HIDDEN, Slot.OUTPUTS, Slot.CACHE)) {
            if (s != slot() || !shown) {
                slots.get(s).clear("");
            }
        }
        if (shown) {
            compute();
        }
    }

    /// Gives up what is under way.
    void cancel() {
        slots.get(slot()).cancel();
    }

    // --- what is told

    /// Those with the lowest figure of the chosen measure, whole matrices of layers only, least first.
    List<Item> lowest(int count) {
        Measure m = measure.get();
        boolean n = normalised.get();
        return spectra().map(s -> s.items().stream().filter(i -> i.checkpoint() == 0 && i.layer() >= 0 && i.head() < 0 && i.value(m, n).isPresent())
                .sorted(Comparator.comparingDouble(i -> i.value(m, n).getAsDouble())).limit(count).toList()).orElse(List.of());
    }

    /// How the kinds stand against random matrices of their shapes, in one or two sentences; empty where nobody knows.
    String finding() {
        Spectra s = spectra().orElse(null);
        if (s == null) {
            return "";
        }
        record Range(Kind kind, double low, double high) {}
        Measure m = Measures.random(measure.get()) == null ? Measure.EFFECTIVE_RANK : measure.get();
        List<Range> ranges = new ArrayList<>();
        for (Kind k : s.kinds()) {
            double[] shares = s.items().stream().filter(i -> i.checkpoint() == 0 && i.kind().equals(k) && i.layer() >= 0 && i.head() < 0)
                    .filter(i -> i.random(m, true).isPresent() && i.value(m, true).isPresent()).mapToDouble(i -> i.value(m, true).getAsDouble() / i.random(m, true).getAsDouble()).toArray();
            if (shares.length > 0) {
                ranges.add(new Range(k, java.util.Arrays.stream(shares).min().orElse(0), java.util.Arrays.stream(shares).max().orElse(0)));
            }
        }
        if (ranges.isEmpty()) {
            return "";
        }
        ranges.sort(Comparator.comparingDouble(Range::low));
        // Two groups, parted where the gap between neighbours is largest.
        int cut = 0;
        double gap = 0.05;
        for (int i = 1; i < ranges.size(); i++) {
            double d = ranges.get(i).low() - ranges.get(i - 1).low();
            if (d > gap) {
                gap = d;
                cut = i;
            }
        }
        List<String> parts = new ArrayList<>();
        for (List<Range> group : cut == 0 ? List.of(ranges) : List.of(ranges.subList(0, cut), ranges.subList(cut, ranges.size()))) {
            long low = Math.round(100 * group.stream().mapToDouble(Range::low).min().orElse(0));
            long high = Math.round(100 * group.stream().mapToDouble(Range::high).max().orElse(0));
            List<String> names = s.kinds().stream().filter(k -> group.stream().anyMatch(g -> g.kind().equals(k))).map(Kind::label).toList();
            String percent = low == high ? low + "\u00a0%" : low + " to " + high + "\u00a0%";
            parts.add(listed(names) + (parts.isEmpty() ? (names.size() == 1 ? " reaches " : " reach ") + percent + " of the " + Measures.name(m, false) + " of a random matrix of "
                    + (names.size() == 1 ? "its" : "their") + " shape" : " " + percent));
        }
        String all = String.join("; ", parts) + ".";
        return all.substring(0, 1).toUpperCase(Locale.ROOT) + all.substring(1);
    }

    private static String listed(List<String> names) {
        return names.size() == 1 ? names.getFirst() : String.join(", ", names.subList(0, names.size() - 1)) + " and " + names.getLast();
    }

    /// Keeps the selected spectrum for comparison, or lets go of it.
    void pin() {
        compared.set(selected.get() == null || selected.get().equals(compared.get()) ? null : selected.get());
    }

    /// Lets go of what is kept for comparison; false where there was nothing.
    @Override
    public boolean release() {
        boolean held = compared.get() != null;
        compared.set(null);
        return held;
    }

    /// The equivalent command lines.
    @Override
    public String command() {
        if (subject.get() == null || mode.get() != Mode.WEIGHTS && text.get() == null) {
            return "";
        }
        Task task = wanted();
        String model = quoted(task.model());
        String loss = truncated.any() && noLoss().isEmpty() ? "\nvitrine eval " + model + " --data " + quoted(textPath()) + truncated.options() : "";
        return loss.isEmpty() ? command(task, model) : command(task, model) + loss;
    }

    private String command(Task task, String model) {
        return switch (task) {
            case Task.Spectrum t -> "vitrine spectrum " + model + (t.series() == null ? "" : " " + String.join(" ", t.series().stream().map(RankViewModel::quoted).toList()))
                    + (t.against() == null ? "" : " --against " + quoted(t.against())) + " --accuracy " + t.accuracy() + (Boolean.TRUE.equals(t.heads()) ? " --heads" : "")
                    + (t.series() == null && t.against() == null ? "\nvitrine snapshot rank " + model + " --out rank.png" : "");
            case Task.Rank t -> "vitrine rank " + model + " --data " + quoted(t.data()) + " --of " + t.of() + (Boolean.TRUE.equals(t.growth()) ? " --growth" : "");
            default -> throw new IllegalStateException("this view asks for no " + task.kind());
        };
    }

    /// How the window opens the form of a pruning run; null where it cannot.
    void pruneWith(Consumer<ObjectNode> how) {
        pruning = how;
    }

    /// What opens the form of a run that truncates the selected matrix, or null.
    Runnable pruneForm() {
        Item i = item().orElse(null);
        Truncation t = i == null || pruning == null || pruneCommand().isEmpty() ? null : truncation().orElse(null);
        return t == null ? null : () -> {
            ObjectNode task = Json.object().put("model", subject.get().path().toString()).put("method", "svd");
            task.putObject("settings").putObject("ranks").put(i.name().replaceFirst("\\.weight$", ""), Math.max(1, whatIf().rank(t)));
            if (text.get() != null) {
                task.put("data", text.get().path().toString());
            }
            pruning.accept(task);
        };
    }

    /// The command that writes a copy of the checkpoint whose selected matrix has no more rank than the threshold leaves, or empty where there is none.
    String pruneCommand() {
        Item i = item().orElse(null);
        Truncation t = i == null || mode.get() != Mode.WEIGHTS || i.head() >= 0 || i.expert() >= 0 || i.checkpoint() != 0 || subject.get() == null ? null : truncation().orElse(null);
        if (t == null) {
            return "";
        }
        int k = Math.max(1, whatIf().rank(t));
        return "vitrine prune --model " + quoted(subject.get().path().toString()) + " --method svd --rank " + k + " --target-modules " + quoted(i.name().replaceFirst("\\.weight$", ""))
                + " --out " + quoted(subject.get().name() + "-" + i.kind().id() + "-r" + k);
    }

    static String quoted(String text) {
        return text.matches("[A-Za-z0-9_./:=+-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
    }
}
