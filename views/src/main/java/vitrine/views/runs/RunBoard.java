package vitrine.views.runs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import javafx.beans.property.ReadOnlyLongProperty;
import javafx.beans.property.ReadOnlyLongWrapper;
import javafx.beans.property.ReadOnlyStringProperty;
import javafx.beans.property.ReadOnlyStringWrapper;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.run.PruneRecord;
import vitrine.core.run.RunRecord;
import vitrine.core.run.RunStore;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.core.work.finetune.FinetuneForecast;

/// The runs of this machine, kept up to date from their store: those that the window started and those of the command line alike.
///
/// It looks four times a second while one is going, else once a second, off the JavaFX thread; lists and properties change on it. Whatever is asked of
/// a run is asked of its process: through the file `stop` of its folder, or by a command line of its own, so that runs outlive the window.
public final class RunBoard implements AutoCloseable {

    /// Starts a `vitrine` command line in a process of its own.
    public interface Launcher {
        /// @param said a file for what it says
        /// @return whether it still lives
        BooleanSupplier start(List<String> arguments, Path said) throws IOException;
    }

    private static final long LOOK_MILLIS = 250;
    private static final int IDLE_LOOKS = 4;
    private static final int TAIL = 4096;
    /// Of how many earlier runs a pace is sought, and of how many steps it needs to be.
    private static final int PACE_RUNS = 5;
    private static final int PACE_STEPS = 10;
    /// Of how many earlier runs of a method of pruning predictions are looked up.
    private static final int PRUNED_RUNS = 50;

    private final Path folder;
    private final ObjectNode environment;
    private final Launcher launcher;
    private final Executor ui;
    private final ScheduledExecutorService background = Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().name("runs").factory());
    private final ObservableList<RunRow> rows = FXCollections.observableArrayList();
    private final ReadOnlyStringWrapper problem = new ReadOnlyStringWrapper(this, "problem", "");
    private final ReadOnlyLongWrapper looked = new ReadOnlyLongWrapper(this, "looked");
    private final Set<Long> watched = ConcurrentHashMap.newKeySet();
    /// Read on the JavaFX thread only.
    private final Map<Long, RunData> data = new HashMap<>();
    // What follows belongs to the background thread.
    private final Map<Long, BooleanSupplier> starting = new HashMap<>();
    private final Map<Long, String> troubles = new HashMap<>();
    private final Map<Long, RunData> known = new HashMap<>();
    private RunStore store;
    private long revision = Long.MIN_VALUE;
    private boolean going;
    private int idle;

    /// @param folder of all runs
    /// @param environment what new runs are computed with, for people
    /// @param ui the JavaFX thread
    public RunBoard(Path folder, ObjectNode environment, Launcher launcher, Executor ui) {
        this.folder = folder;
        this.environment = environment;
        this.launcher = launcher;
        this.ui = ui;
    }

    /// Looks from now on.
    public RunBoard watch() {
        background.scheduleWithFixedDelay(this::lookQuietly, 0, LOOK_MILLIS, TimeUnit.MILLISECONDS);
        return this;
    }

    /// All runs, the latest first.
    public ObservableList<RunRow> rows() {
        return rows;
    }

    /// Why the store cannot be read; empty where it can.
    public ReadOnlyStringProperty problemProperty() {
        return problem.getReadOnlyProperty();
    }

    /// Changes with every look that found something new, and while runs are going, with every look.
    ReadOnlyLongProperty lookedProperty() {
        return looked.getReadOnlyProperty();
    }

    public Optional<RunRow> row(long number) {
        return rows.stream().filter(r -> r.number() == number).findFirst();
    }

    /// All that is known of a watched run; empty until it was read.
    Optional<RunData> data(long number) {
        return Optional.ofNullable(data.get(number));
    }

    /// Which runs' figures are wanted.
    void want(Set<Long> numbers) {
        if (!watched.equals(numbers)) {
            watched.retainAll(numbers);
            watched.addAll(numbers);
            soon();
        }
    }

    // --- looking

    private void soon() {
        if (!background.isShutdown()) {
            background.execute(() -> {
                idle = IDLE_LOOKS;
                revision = Long.MIN_VALUE;
                lookQuietly();
            });
        }
    }

    /// Looks now and waits until what was found is on its way to the JavaFX thread; for tests and pictures.
    void look() {
        CompletableFuture.runAsync(() -> {
            revision = Long.MIN_VALUE;
            idle = IDLE_LOOKS;
            lookQuietly();
        }, background).join();
    }

    private void lookQuietly() {
        if (!going && starting.isEmpty() && ++idle < IDLE_LOOKS) {
            return;
        }
        idle = 0;
        try {
            lookOnce();
        } catch (Refusal r) {
            ui.execute(() -> problem.set(r.getMessage()));
        } catch (RuntimeException e) {
            // A fault would end the looking without a word.
            ui.execute(() -> {
                throw e;
            });
        }
    }

    private RunStore store() {
        if (store == null) {
            store = RunStore.open(folder);
        }
        return store;
    }

    private void lookOnce() {
        if (store == null && !Files.exists(folder) && starting.isEmpty()) {
            // Nobody has trained anything: no reason to make a store.
            ui.execute(() -> problem.set(""));
            return;
        }
        long now = store().revision();
        if (now == revision && !going && starting.isEmpty()) {
            return;
        }
        revision = now;
        List<RunRecord> all = store().list();
        List<RunRow> found = new ArrayList<>();
        going = false;
        for (RunRecord r : all) {
            RunRow row = row(r);
            going |= row.state() == RunRow.State.RUNNING;
            found.add(row);
        }
        Map<Long, RunData> read = new HashMap<>();
        for (RunRecord r : all) {
            if (watched.contains(r.number())) {
                read.put(r.number(), RunData.read(store(), r, known.get(r.number())));
            }
        }
        known.clear();
        known.putAll(read);
        ui.execute(() -> take(found, read));
    }

    private RunRow row(RunRecord r) {
        BooleanSupplier alive = starting.get(r.number());
        if (alive != null && (r.state() == RunRecord.State.running || r.state() == RunRecord.State.finished || r.state() == RunRecord.State.failed || r.state() == RunRecord.State.cancelled)) {
            starting.remove(r.number());
        } else if (alive != null && !alive.getAsBoolean()) {
            starting.remove(r.number());
            troubles.put(r.number(), "It was not taken up. " + lastWords(new RunFolder(r.folder()).console()));
        }
        boolean begins = starting.containsKey(r.number());
        if (begins || r.state() != RunRecord.State.interrupted) {
            troubles.remove(r.number());
        }
        RunFolder.Stop asked = null;
        if (r.state() == RunRecord.State.running) {
            try {
                asked = new RunFolder(r.folder()).asked().orElse(null);
            } catch (IOException unreadable) {
                // What was asked is a hint on screen only.
            }
        }
        return RunRow.of(r, begins, asked, troubles.get(r.number()));
    }

    private static String lastWords(Path console) {
        try {
            String text = Files.readString(console);
            return text.substring(Math.max(0, text.length() - TAIL)).lines().filter(l -> !l.isBlank()).reduce((a, b) -> b).orElse("It said nothing.");
        } catch (IOException nothing) {
            return "It said nothing.";
        }
    }

    private void take(List<RunRow> found, Map<Long, RunData> read) {
        problem.set("");
        data.keySet().retainAll(read.keySet());
        data.putAll(read);
        if (!rows.equals(found)) {
            rows.setAll(found);
        }
        looked.set(looked.get() + 1);
    }

    // --- asking

    /// Makes a run and starts it; the number is there when the run is listed.
    ///
    /// @return fails with a [Refusal] where it cannot be made
    CompletableFuture<Long> start(Task task, EngineChoice.Chosen with) {
        return start(task, with, Double.NaN, Double.NaN);
    }

    /// The same for a run of which something is predicted: it is kept beside it.
    ///
    /// @param loss of the model as it is, NaN where nothing is predicted
    /// @param predicted of what becomes of it
    CompletableFuture<Long> start(Task task, EngineChoice.Chosen with, double loss, double predicted) {
        return asked(() -> {
            RunRecord run = store().create(task.toJson(), with.environment(environment));
            if (Double.isFinite(loss) && Double.isFinite(predicted)) {
                PruneRecord.predict(run, loss, predicted);
            }
            launch(run, List.of("runs", "resume", String.valueOf(run.number())));
            return run.number();
        });
    }

    /// How predictions fared in earlier runs of a method of pruning.
    CompletableFuture<List<PruneRecord>> fared(String method) {
        if (store == null && !Files.exists(folder)) {
            return CompletableFuture.completedFuture(List.of());
        }
        return CompletableFuture.supplyAsync(() -> PruneRecord.of(store().list().stream().filter(r -> r.method().equals(method)).limit(PRUNED_RUNS).toList()), background);
    }

    /// Tokens per second that an earlier run of the same model and method had, the middle of its steps; NaN where there was none.
    CompletableFuture<Double> pace(Task.Finetune task) {
        if (store == null && !Files.exists(folder)) {
            return CompletableFuture.completedFuture(Double.NaN);
        }
        return CompletableFuture.supplyAsync(() -> store().list().stream().filter(r -> r.method().equals(task.method().name()) && r.model().equals(task.model())).limit(PACE_RUNS)
                .map(r -> store().figures(r.number()).get("tokens_per_second")).filter(f -> f != null && f.size() >= PACE_STEPS).findFirst()
                .map(f -> Curve.of(f).median(f.size())).orElse(Double.NaN), background);
    }

    /// Tokens per second that a task may have where no run like it has been: an earlier run's, scaled by the arithmetic of a token; NaN where there was none.
    CompletableFuture<Double> paceOfAnother(Task.Finetune task, FinetuneForecast of) {
        if (store == null && !Files.exists(folder)) {
            return CompletableFuture.completedFuture(Double.NaN);
        }
        return CompletableFuture.supplyAsync(() -> {
            for (RunRecord r : store().list().stream().limit(4L * PACE_RUNS).toList()) {
                var speed = store().figures(r.number()).get("tokens_per_second");
                if (speed == null || speed.size() < PACE_STEPS) {
                    continue;
                }
                try {
                    FinetuneForecast then = FinetuneForecast.of((Task.Finetune) Task.fromJson(r.task()));
                    return Curve.of(speed).median(speed.size()) * perToken(then) / perToken(of);
                } catch (Refusal gone) {
                    // Its model is not there any more: the run before may tell.
                }
            }
            return Double.NaN;
        }, background);
    }

    /// Multiplications and additions of a token, forward and back through all values, and once more for the gradients of those that are trained.
    private static double perToken(FinetuneForecast f) {
        return 4.0 * f.all() + 2.0 * f.trained();
    }

    /// Goes on with a run from its last saved step.
    CompletableFuture<Long> resume(long number) {
        return asked(() -> {
            launch(store().get(number).orElseThrow(), List.of("runs", "resume", String.valueOf(number)));
            return number;
        });
    }

    /// Goes on with a run to so many steps in all.
    CompletableFuture<Long> extend(long number, int steps) {
        return asked(() -> {
            launch(store().get(number).orElseThrow(), List.of("runs", "extend", String.valueOf(number), "--steps", String.valueOf(steps)));
            return number;
        });
    }

    /// Asks a run to end; one that is not going can only be given up.
    CompletableFuture<Long> stop(long number, RunFolder.Stop how) {
        return asked(() -> {
            RunRecord run = store().get(number).orElseThrow();
            if (run.state() == RunRecord.State.running) {
                new RunFolder(run.folder()).ask(how);
            } else if (how == RunFolder.Stop.discard) {
                launcher.start(List.of("runs", "stop", String.valueOf(number), "--discard"), new RunFolder(run.folder()).console());
            }
            return number;
        });
    }

    private void launch(RunRecord run, List<String> arguments) throws IOException {
        List<String> all = new ArrayList<>(arguments);
        all.addAll(List.of("--threads", String.valueOf(environment.path("threads").asInt(1)), "--json"));
        Path console = new RunFolder(run.folder()).console();
        Files.deleteIfExists(console);
        starting.put(run.number(), launcher.start(all, console));
    }

    /// Runs a command line that makes a file and no run.
    ///
    /// @param arguments the last is the file
    /// @return its last words, or fails with a [Refusal] of them where it made nothing
    CompletableFuture<String> run(List<String> arguments) {
        CompletableFuture<String> answer = new CompletableFuture<>();
        Thread.ofPlatform().daemon().name("command").start(() -> {
            try {
                Path made = Path.of(arguments.getLast());
                var before = Files.exists(made) ? Files.getLastModifiedTime(made) : null;
                Path console = Files.createTempFile("vitrine", ".log");
                try {
                    BooleanSupplier alive = launcher.start(arguments, console);
                    while (alive.getAsBoolean()) {
                        Thread.sleep(LOOK_MILLIS / 2);
                    }
                    String words = lastWords(console);
                    if (!Files.exists(made) || Files.getLastModifiedTime(made).equals(before)) {
                        throw Refusal.of(Category.TASK_INVALID, null, "%s", words);
                    }
                    ui.execute(() -> answer.complete(words));
                } finally {
                    Files.deleteIfExists(console);
                }
            } catch (IOException e) {
                ui.execute(() -> answer.completeExceptionally(Refusal.of(Category.UNREADABLE, null, "the command could not be run (%s)", Json.reason(e)).cause(e)));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (RuntimeException e) {
                ui.execute(() -> answer.completeExceptionally(e));
            }
        });
        return answer;
    }

    private interface Asking {
        long ask() throws IOException;
    }

    private CompletableFuture<Long> asked(Asking work) {
        CompletableFuture<Long> answer = new CompletableFuture<>();
        background.execute(() -> {
            try {
                long number = work.ask();
                revision = Long.MIN_VALUE;
                idle = IDLE_LOOKS;
                lookQuietly();
                ui.execute(() -> answer.complete(number));
            } catch (IOException e) {
                ui.execute(() -> answer.completeExceptionally(Refusal.of(Category.UNREADABLE, folder, "the run's folder cannot be written to (%s)", Json.reason(e)).cause(e)));
            } catch (RuntimeException e) {
                ui.execute(() -> answer.completeExceptionally(e));
            }
        });
        return answer;
    }

    /// Ends looking, and waits a moment for the store to be closed; runs go on.
    @Override
    public void close() {
        background.execute(() -> {
            if (store != null) {
                store.close();
                store = null;
            }
        });
        background.shutdown();
        try {
            // Not longer: the store stands a program that ends in the middle.
            background.awaitTermination(2, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
