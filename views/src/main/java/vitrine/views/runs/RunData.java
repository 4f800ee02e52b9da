package vitrine.views.runs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.stream.Stream;
import vitrine.core.artifact.LoopTrail;
import vitrine.core.refusal.Refusal;
import vitrine.core.run.PruneRecord;
import vitrine.core.run.RunRecord;
import vitrine.core.run.RunStore;
import vitrine.core.task.RunFolder;

/// All that is drawn of one run. Made off the JavaFX thread.
///
/// @param environment what it is computed with
/// @param curves figures over steps, by name
/// @param smoothed the training loss as [Curve#smoothed()]
/// @param events what happened to it
/// @param saved steps whose state is on the disk, the latest first
/// @param live when its last step was heard of, as [System#nanoTime()] tells time
/// @param report of a pruning run that ended; null for all others
/// @param loops how attention came to loop; null for all but runs of SGT with a step behind them
public record RunData(RunRecord run, ObjectNode environment, Map<String, Curve> curves, Curve smoothed, List<RunStore.Event> events, List<Long> saved, long live, ObjectNode report, LoopTrail loops) {

    /// Figures that stand for the whole run rather than a step; they are told with step 0.
    static final String FORECAST = "memory_forecast_bytes";
    static final String TRAINED = "trained_parameters";

    Curve curve(String name) {
        return curves.getOrDefault(name, Curve.NONE);
    }

    Curve loss() {
        return curve("loss");
    }

    Curve validation() {
        return curve("validation_loss");
    }

    /// Reads a run, or what is new of it since it was read before.
    ///
    /// @param before null for all of it
    static RunData read(RunStore store, RunRecord run, RunData before) {
        // A run that was taken up again may be at an earlier step than it was.
        boolean anew = before == null || before.run.state() != run.state() || run.step() < before.run.step();
        long from = anew ? 0 : before.run.step();
        Map<String, SortedMap<Long, Double>> figures = store.figures(run.number(), from);
        Map<String, Curve> curves = new LinkedHashMap<>(anew ? Map.of() : before.curves);
        figures.forEach((name, values) -> curves.merge(name, Curve.of(values), Curve::then));
        boolean further = before == null || run.step() != before.run.step() || before.run.state() != run.state();
        return new RunData(run, anew ? store.environment(run.number()) : before.environment, curves, curves.getOrDefault("loss", Curve.NONE).smoothed(), store.events(run.number()),
                saved(run), further ? System.nanoTime() : before.live, !anew && before.report != null ? before.report : report(run), loops(run));
    }

    /// A damaged trail is as good as none: figures over steps are there without it.
    static LoopTrail loops(RunRecord run) {
        if (!run.method().equals("sgt")) {
            return null;
        }
        try {
            LoopTrail trail = LoopTrail.in(run.folder()).map(LoopTrail::read).orElse(null);
            return trail == null || trail.steps().isEmpty() ? null : trail;
        } catch (Refusal damaged) {
            return null;
        }
    }

    /// A damaged report is as good as none: the result's own opening says what is wrong with it.
    private static ObjectNode report(RunRecord run) {
        if (!RunRow.prunes(run) || run.state() != RunRecord.State.finished) {
            return null;
        }
        try {
            return PruneRecord.report(run).orElse(null);
        } catch (Refusal damaged) {
            return null;
        }
    }

    boolean prunes() {
        return RunRow.prunes(run);
    }

    private static List<Long> saved(RunRecord run) {
        Path steps = new RunFolder(run.folder()).steps();
        if (!Files.isDirectory(steps)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(steps)) {
            return children.map(p -> p.getFileName().toString()).filter(n -> n.matches("\\d{8,18}")).map(Long::valueOf).sorted(java.util.Comparator.reverseOrder()).toList();
        } catch (IOException gone) {
            // A folder that is taken away while it is read has nothing to show.
            return List.of();
        }
    }

    boolean going() {
        return run.state() == RunRecord.State.running;
    }

    /// Steps in all: what the run said, or what its task asks for.
    long steps() {
        return run.steps() > 0 ? run.steps() : run.task().path("settings").path("steps").asLong();
    }

    /// Tokens that passed so far.
    double tokens() {
        double sum = 0;
        for (double v : curve("tokens").values()) {
            sum += v;
        }
        return sum;
    }

    /// Seconds of training so far, NaN where they were not kept.
    double seconds() {
        return curve("seconds").last();
    }

    /// Seconds left at the pace of the last steps; NaN where there is no pace yet.
    double secondsLeft() {
        Curve seconds = curve("seconds");
        int n = seconds.steps().length;
        int back = Math.min(n - 1, 20);
        if (back < 1 || steps() == 0) {
            return Double.NaN;
        }
        double pace = (seconds.values()[n - 1] - seconds.values()[n - 1 - back]) / (seconds.steps()[n - 1] - seconds.steps()[n - 1 - back]);
        return Math.max(0, steps() - run.step()) * pace;
    }

    int threads() {
        return environment.path("threads").asInt(1);
    }
}
