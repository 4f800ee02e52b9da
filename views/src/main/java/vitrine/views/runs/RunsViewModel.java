package vitrine.views.runs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import javafx.beans.InvalidationListener;
import javafx.beans.WeakInvalidationListener;
import javafx.beans.property.BooleanProperty;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.beans.property.ReadOnlyStringProperty;
import javafx.beans.property.ReadOnlyStringWrapper;
import javafx.beans.property.SimpleBooleanProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.beans.property.SimpleStringProperty;
import javafx.beans.property.StringProperty;
import javafx.beans.value.ChangeListener;
import javafx.beans.value.ObservableValue;
import javafx.beans.value.WeakChangeListener;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import vitrine.core.artifact.Manifest;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.run.RunRecord;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.views.tasks.TaskBoard;

/// What the Runs view shows and asks: a list, one run, two side by side, or the form of a new one.
public final class RunsViewModel {

    /// What fills the middle.
    public enum Mode { LIST, RUN, COMPARE, NEW }

    private final RunBoard board;
    private final ObjectProperty<Mode> mode = new SimpleObjectProperty<>(this, "mode", Mode.LIST);
    private final ObjectProperty<Long> selected = new SimpleObjectProperty<>(this, "selected");
    private final ObjectProperty<Long> other = new SimpleObjectProperty<>(this, "other");
    private final ObservableList<Long> overlays = FXCollections.observableArrayList();
    private final ReadOnlyObjectWrapper<RunData> shown = new ReadOnlyObjectWrapper<>(this, "shown");
    private final ReadOnlyStringWrapper refused = new ReadOnlyStringWrapper(this, "refused", "");
    private final BooleanProperty log = new SimpleBooleanProperty(this, "log");
    private final StringProperty search = new SimpleStringProperty(this, "search", "");
    private final ReadOnlyStringWrapper said = new ReadOnlyStringWrapper(this, "said", "");
    private final EngineChoice engine;
    private final RunForm form;
    private final PruneForm pruneForm;
    private final TaskBoard tasks;
    private final BooleanProperty pruning = new SimpleBooleanProperty(this, "pruning");
    /// A run that was opened from a folder, not from the store.
    private RunData opened;
    private boolean chosen;
    /// Listeners to the board, which knows them weakly: it outlives the view and must not hold it.
    private final List<Object> followers = new ArrayList<>();

    RunsViewModel(RunBoard board, Executor background, Executor ui) {
        this(board, null, background, ui);
    }

    /// @param tasks where predictions are asked for; null for nowhere
    RunsViewModel(RunBoard board, TaskBoard tasks, Executor background, Executor ui) {
        this.board = board;
        engine = new EngineChoice(ui);
        form = new RunForm(board, engine, background, ui);
        pruneForm = new PruneForm(board, engine, tasks, background, ui);
        this.tasks = tasks;
        follow(board.rows(), this::rowsChanged);
        follow(board.lookedProperty(), this::show);
        InvalidationListener want = o -> {
            wanted();
            show();
        };
        selected.addListener(want);
        other.addListener(want);
        overlays.addListener(want);
        mode.addListener((o, old, now) -> {
            chosen = true;
            if (now == Mode.NEW) {
                engine.look();
            }
        });
        rowsChanged();
    }

    RunBoard board() {
        return board;
    }

    /// Runs `what` with every change of a list of the board, as long as this view lives.
    void follow(ObservableList<?> list, Runnable what) {
        InvalidationListener listener = o -> what.run();
        followers.add(listener);
        list.addListener(new WeakInvalidationListener(listener));
    }

    /// Runs `what` with every change of a value of the board, as long as this view lives.
    void follow(ObservableValue<?> value, Runnable what) {
        ChangeListener<Object> listener = (o, old, now) -> what.run();
        followers.add(listener);
        value.addListener(new WeakChangeListener<>(listener));
    }

    /// Where what needs an engine is asked for; null for nowhere.
    TaskBoard tasks() {
        return tasks;
    }

    /// What a new run is computed with.
    EngineChoice engine() {
        return engine;
    }

    /// The form of a training run.
    RunForm form() {
        return form;
    }

    /// The form of a pruning run.
    PruneForm pruneForm() {
        return pruneForm;
    }

    /// Whether the form is that of a pruning run.
    BooleanProperty pruningProperty() {
        return pruning;
    }

    /// The form that is shown.
    Form shownForm() {
        return pruning.get() ? pruneForm : form;
    }

    public ObjectProperty<Mode> modeProperty() {
        return mode;
    }

    /// The number of the run that is shown, or null.
    public ObjectProperty<Long> selectedProperty() {
        return selected;
    }

    /// The run that it is compared with, or null.
    ObjectProperty<Long> otherProperty() {
        return other;
    }

    /// Runs whose curves are laid over the selected one's.
    ObservableList<Long> overlays() {
        return overlays;
    }

    /// The selected run as it was last read, or null.
    public ReadOnlyObjectProperty<RunData> shownProperty() {
        return shown.getReadOnlyProperty();
    }

    /// Why the last thing that was asked could not be done; empty where it could.
    ReadOnlyStringProperty refusedProperty() {
        return refused.getReadOnlyProperty();
    }

    /// What came of the last thing that was asked, where it has no other place on screen; empty where there is nothing to say.
    ReadOnlyStringProperty saidProperty() {
        return said.getReadOnlyProperty();
    }

    BooleanProperty logProperty() {
        return log;
    }

    StringProperty searchProperty() {
        return search;
    }

    /// Whether what is shown was opened from a folder: nothing can be asked of it.
    boolean isOpened() {
        return opened != null;
    }

    Optional<RunData> data() {
        return Optional.ofNullable(shown.get());
    }

    Optional<RunRow> row() {
        return opened != null ? Optional.of(RunRow.of(opened.run(), false, null, null)) : selected.get() == null ? Optional.empty() : board.row(selected.get());
    }

    /// The data of a run beside the selected one, once they were read.
    Optional<RunData> dataOf(Long number) {
        return number == null ? Optional.empty() : board.data(number);
    }

    /// The curves that are laid over, those that were read.
    List<RunData> overlaid() {
        return overlays.stream().filter(n -> !n.equals(selected.get())).map(board::data).flatMap(Optional::stream).toList();
    }

    /// Rows that fit what is searched for: all of its words, anywhere.
    List<RunRow> found() {
        List<String> words = List.of(search.get().strip().toLowerCase(Locale.ROOT).split("\\s+"));
        return board.rows().stream().filter(r -> words.stream().allMatch(w -> r.words().contains(w))).toList();
    }

    /// Shows a run.
    public void show(long number) {
        opened = null;
        selected.set(number);
        mode.set(Mode.RUN);
    }

    /// Two runs side by side.
    void compare(long a, long b) {
        selected.set(a);
        other.set(b);
        mode.set(Mode.COMPARE);
    }

    /// The form, with the settings of a run and the engine that it was computed with.
    void copy(RunData of) {
        engine.choose(EngineChoice.Chosen.of(of.environment()));
        copy(of.run().task());
    }

    /// The form, with the settings of a run.
    private void copy(ObjectNode task) {
        boolean prunes = task.path("kind").asText().equals("prune");
        if (prunes) {
            pruneForm.fill(task);
        } else {
            form.fill(task);
        }
        pruning.set(prunes);
        mode.set(Mode.NEW);
    }

    /// The form of a pruning run, filled with a task; settings may be missing in it.
    public void prune(ObjectNode task) {
        copy(task.put("kind", "prune"));
    }

    private void rowsChanged() {
        if (selected.get() == null && !board.rows().isEmpty() && opened == null) {
            selected.set(board.rows().stream().filter(r -> r.state().going()).findFirst().orElse(board.rows().getFirst()).number());
            if (!chosen) {
                mode.set(Mode.RUN);
                chosen = false;
            }
        }
    }

    private void wanted() {
        Set<Long> numbers = new HashSet<>(overlays);
        if (selected.get() != null) {
            numbers.add(selected.get());
        }
        if (other.get() != null) {
            numbers.add(other.get());
        }
        board.want(numbers);
    }

    private void show() {
        shown.set(opened != null ? opened : selected.get() == null ? null : board.data(selected.get()).orElse(null));
    }

    // --- asking

    private <T> CompletableFuture<T> told(CompletableFuture<T> asked) {
        refused.set("");
        asked.exceptionally(e -> {
            Throwable cause = e instanceof java.util.concurrent.CompletionException && e.getCause() != null ? e.getCause() : e;
            refused.set(cause instanceof Refusal r ? r.getMessage() : cause.toString());
            return null;
        });
        return asked;
    }

    /// Starts what the form says and shows it.
    CompletableFuture<Long> start() {
        Task task = shownForm().taskProperty().get();
        if (task == null) {
            return CompletableFuture.completedFuture(null);
        }
        Prediction.At foreseen = pruning.get() ? pruneForm.foreseen() : null;
        EngineChoice.Chosen with = engine.chosenProperty().get();
        return told(foreseen == null ? board.start(task, with) : board.start(task, with, pruneForm.predictionProperty().get().valueOrNull().loss(), foreseen.loss())).thenApply(n -> {
            show(n);
            return n;
        });
    }

    /// Writes what the form says as a job for a cluster; [#saidProperty] tells what to do with it.
    CompletableFuture<String> exportJob(Path script) {
        if (!form.noJob().isEmpty()) {
            return CompletableFuture.completedFuture("");
        }
        said.set("Writing " + script.getFileName() + "…");
        CompletableFuture<String> asked = told(board.run(form.job(script)));
        asked.whenComplete((words, e) -> said.set(e == null ? words : ""));
        return asked;
    }

    CompletableFuture<Long> resume() {
        return told(board.resume(selected.get()));
    }

    CompletableFuture<Long> extend(int steps) {
        return told(board.extend(selected.get(), steps));
    }

    CompletableFuture<Long> stop(RunFolder.Stop how) {
        return told(board.stop(selected.get(), how));
    }

    /// Where the result of a run is, if it is there.
    static Optional<Path> result(RunRecord run) {
        Path result = new RunFolder(run.folder()).result();
        return Files.exists(result.resolve(Manifest.FILE)) ? Optional.of(result) : run.state() == RunRecord.State.finished && Files.exists(run.folder().resolve(Manifest.FILE)) ? Optional.of(run.folder()) : Optional.empty();
    }

    // --- a run from a folder

    /// Shows a run by its result: a folder with `manifest.json` and `figures.jsonl`, or the run's folder around it.
    void open(Path folder) {
        Path result = Files.exists(folder.resolve(Manifest.FILE)) ? folder : new RunFolder(folder).result();
        Manifest manifest = Manifest.read(result);
        Path figures = result.resolve("figures.jsonl");
        if (!manifest.kind().equals("finetune") || !Files.exists(figures)) {
            throw Refusal.of(Category.ARTIFACT_INVALID, folder, "it is no result of a training run: Runs shows those, with their figures.jsonl");
        }
        try {
            Map<String, SortedMap<Long, Double>> read = new LinkedHashMap<>();
            for (String line : Files.readAllLines(figures)) {
                ObjectNode n = (ObjectNode) Json.mapper().readTree(line);
                long step = n.path("step").asLong();
                n.properties().forEach(e -> {
                    if (!e.getKey().equals("step")) {
                        read.computeIfAbsent(e.getKey(), k -> new TreeMap<>()).put(step, e.getValue().asDouble(Double.NaN));
                    }
                });
            }
            Map<String, Curve> curves = new LinkedHashMap<>();
            read.forEach((name, values) -> curves.put(name, Curve.of(values)));
            Curve loss = curves.getOrDefault("loss", Curve.NONE);
            ObjectNode task = (ObjectNode) manifest.task();
            long number = result.getParent() != null && result.getParent().getFileName() != null && result.getParent().getFileName().toString().matches("\\d{1,9}") ? Long.parseLong(result.getParent().getFileName().toString()) : 0;
            long steps = manifest.summary().path("steps").asLong();
            RunRecord run = new RunRecord(number, manifest.created(), task.path("method").asText(), task.path("model").asText(), task, folder, RunRecord.State.finished,
                    steps, steps, loss.last(), curves.getOrDefault("validation_loss", Curve.NONE).last(), null);
            opened = new RunData(run, manifest.engine().deepCopy(), curves, loss.smoothed(), List.of(), List.of(), System.nanoTime(), null, RunData.loops(run));
            mode.set(Mode.RUN);
            show();
        } catch (IOException e) {
            throw Json.refuse(figures, Category.ARTIFACT_INVALID, e);
        }
    }

    // --- as text

    String csv() {
        RunData d = shown.get();
        if (d == null) {
            return "";
        }
        List<RunData> all = new ArrayList<>(List.of(d));
        all.addAll(mode.get() == Mode.COMPARE ? dataOf(other.get()).stream().toList() : overlaid());
        vitrine.views.chart.Csv csv = new vitrine.views.chart.Csv().line("run", "step", "figure", "value");
        for (RunData r : all) {
            r.curves().forEach((name, c) -> {
                for (int i = 0; i < c.steps().length; i++) {
                    csv.line(r.run().number(), (long) c.steps()[i], name, Double.isFinite(c.values()[i]) ? (Object) c.values()[i] : "");
                }
            });
        }
        return csv.toString();
    }

    String command() {
        if (mode.get() == Mode.NEW) {
            return shownForm().command();
        }
        RunData d = shown.get();
        if (d == null) {
            return "vitrine runs list";
        }
        long n = d.run().number();
        if (opened != null) {
            return "vitrine snapshot runs " + Form.quoted(d.run().folder().toString()) + " --out runs.png";
        }
        if (mode.get() == Mode.COMPARE && other.get() != null) {
            return "vitrine runs compare " + n + " " + other.get();
        }
        Task task = Task.fromJson(d.run().task());
        return (task instanceof Task.Finetune f ? Form.line(RunForm.arguments(f, EngineChoice.Chosen.of(d.environment()))) : task instanceof Task.Prune p ? Form.line(PruneForm.arguments(p, EngineChoice.Chosen.of(d.environment()))) : "vitrine " + task.kind() + " --task " + Form.quoted(d.run().folder().resolve("task.json").toString())) + "\nvitrine runs show " + n + "\nvitrine runs export " + n + " --csv\nvitrine snapshot runs " + n + " --out run" + n + ".png";
    }
}
