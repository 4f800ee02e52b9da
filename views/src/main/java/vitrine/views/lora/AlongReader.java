package vitrine.views.lora;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.beans.property.SimpleObjectProperty;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.RankTrail;
import vitrine.core.engine.Ending;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.views.tasks.TaskBoard;

/// The run whose ranks are shown over its steps: read from what it keeps of them, or from its kept steps one after the other, and read again while it goes on.
final class AlongReader {

    private static final Pattern KEPT_STEP = Pattern.compile("(?:checkpoint|step)[-_](\\d{1,15})");

    private final ReadOnlyObjectWrapper<Along> shown = new ReadOnlyObjectWrapper<>(this, "shown");
    private final IntegerProperty at = new SimpleIntegerProperty(this, "at", 0);
    private final ObjectProperty<Along.Measure> measure = new SimpleObjectProperty<>(this, "measure", Along.Measure.SINGULAR);
    private final ObjectProperty<String> selected;
    private final TaskBoard board;
    private final Executor background;
    private final Executor ui;
    private String problem = "";
    private String seen = "";
    private long reading;

    /// @param selected the module that is looked at, by its path
    AlongReader(TaskBoard board, Executor background, Executor ui, ObjectProperty<String> selected) {
        this.board = board;
        this.background = background;
        this.ui = ui;
        this.selected = selected;
    }

    /// The run whose ranks are shown over its steps, or null.
    ReadOnlyObjectProperty<Along> shownProperty() {
        return shown.getReadOnlyProperty();
    }

    /// Which of its steps is looked at.
    IntegerProperty atProperty() {
        return at;
    }

    ObjectProperty<Along.Measure> measureProperty() {
        return measure;
    }

    /// Why there is no run to show, or empty.
    String nothing() {
        return !problem.isEmpty() ? problem
                : shown.get() == null ? "No run here. In Runs, a run of an adapter has \"Ranks along the run\"; a run's folder, or one with kept steps (checkpoint-100, checkpoint-200), can be dropped on the window." : "";
    }

    /// Whether a folder holds an adapter's ranks over steps: what a run keeps of them, or kept steps that are adapters.
    static boolean hasSteps(Path folder) {
        return RankTrail.in(folder).isPresent() || !keptSteps(folder).isEmpty();
    }

    private static SortedMap<Long, Path> keptSteps(Path folder) {
        SortedMap<Long, Path> out = new TreeMap<>();
        if (!Files.isDirectory(folder)) {
            return out;
        }
        try (Stream<Path> children = Files.list(folder)) {
            children.forEach(p -> {
                Matcher m = KEPT_STEP.matcher(p.getFileName().toString());
                if (m.matches() && Files.isRegularFile(p.resolve("adapter_config.json"))) {
                    out.put(Long.parseLong(m.group(1)), p);
                }
            });
        } catch (IOException gone) {
            // A folder that cannot be listed has none to show; opening it says why.
            return out;
        }
        return out;
    }

    /// Shows the ranks over the steps of a run.
    ///
    /// @throws Refusal where the folder holds none
    void show(Path folder) {
        Optional<Path> trail = RankTrail.in(folder);
        problem = "";
        seen = "";
        reading++;
        if (trail.isPresent()) {
            seen = stamp(trail.get());
            take(Along.read(folder, trail.get()));
            return;
        }
        SortedMap<Long, Path> kept = keptSteps(folder);
        if (kept.isEmpty()) {
            throw Refusal.of(Category.ARTIFACT_INVALID, folder, "it holds no ranks over steps").help("Runs of adapters keep them in ranks.jsonl; folders with adapters named checkpoint-100, checkpoint-200 hold them too.");
        }
        shown.set(null);
        List<Along.Step> steps = new ArrayList<>();
        readNext(folder, new ArrayDeque<>(kept.entrySet()), steps, reading);
    }

    /// One kept step after the other: each is read as any adapter, and shown at once.
    private void readNext(Path folder, ArrayDeque<Map.Entry<Long, Path>> left, List<Along.Step> steps, long mine) {
        Map.Entry<Long, Path> next = left.poll();
        if (next == null || mine != reading) {
            return;
        }
        board.ask("Ranks at step " + next.getKey(), Task.Adapter.alone(next.getValue().toAbsolutePath().normalize().toString()), ending -> {
            if (mine != reading) {
                return;
            }
            switch (ending) {
                case Ending.Finished f -> {
                    steps.add(Along.of(next.getKey(), AdapterArtifact.of(f.artifact())));
                    take(new Along(folder, List.copyOf(steps), false));
                    readNext(folder, left, steps, mine);
                }
                case Ending.Refused r -> fail(r.message());
                case Ending.Failed f -> fail(f.cause().sentence() + ". " + f.message());
                case Ending.Cancelled ignored -> fail("Cancelled.");
            }
        });
    }

    private void fail(String why) {
        problem = why;
        Along before = shown.get();
        shown.set(null);
        shown.set(before);
    }

    private void take(Along now) {
        Along before = shown.get();
        // Who looks at the latest step goes on looking at the latest.
        boolean latest = before == null || before.steps().isEmpty() || !before.folder().equals(now.folder()) || at.get() >= before.steps().size() - 1;
        shown.set(now);
        if (now.steps().isEmpty()) {
            problem = "The run has not told of its ranks yet.";
            return;
        }
        problem = "";
        at.set(latest ? now.steps().size() - 1 : Math.min(at.get(), now.steps().size() - 1));
        if (selected.get() == null || now.line(now.steps().size() - 1, selected.get()).isEmpty()) {
            selected.set(now.steps().getLast().lines().stream().max(Comparator.comparingDouble(Along.Line::norm)).map(Along.Line::path).orElse(null));
        }
        if (!now.measures().contains(measure.get())) {
            measure.set(Along.Measure.SINGULAR);
        }
    }

    private static String stamp(Path file) {
        try {
            return Files.size(file) + " " + Files.getLastModifiedTime(file);
        } catch (IOException gone) {
            return "";
        }
    }

    /// Reads what a run under way has added, away from the JavaFX thread.
    void refresh() {
        Along now = shown.get();
        if (now == null || !now.going()) {
            return;
        }
        long mine = reading;
        String before = seen;
        background.execute(() -> {
            Path trail = RankTrail.in(now.folder()).orElse(null);
            if (trail == null) {
                return;
            }
            String stamp = stamp(trail);
            if (stamp.equals(before) && !Along.over(trail)) {
                return;
            }
            try {
                Along read = Along.read(now.folder(), trail);
                ui.execute(() -> {
                    if (mine == reading) {
                        seen = stamp;
                        take(read);
                    }
                });
            } catch (Refusal damaged) {
                ui.execute(() -> {
                    if (mine == reading) {
                        fail(damaged.getMessage());
                    }
                });
            }
        });
    }
}
