package vitrine.core.work.prune.structure;

import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.SkipSearch;
import vitrine.core.prune.Structure;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.core.work.input.CalibrationTexts;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.FinishedLayers;
import vitrine.core.work.output.KeptSums;
import vitrine.core.work.output.Outcome;

/// A pruning run that takes whole layers, heads, channels or experts: its [StructureMethod] finds out what stays, and [StructuredResult] writes it. Where the config can express what is left, the checkpoint is
/// smaller; where it cannot, what goes is set to 0 in its place, which computes the same, and the report says why.
public final class StructuredRun {

    private StructuredRun() {}

    /// @param out an empty folder for the result
    /// @param identity names the run: finished layers of another are never taken up
    public static Outcome run(Task.Prune task, Path out, RunFolder folder, String identity, Progress progress, Consumer<String> warn) throws IOException {
        return run(task, out, folder, identity, new KeptSums(folder, identity, warn), progress, warn);
    }

    public static Outcome run(Task.Prune task, Path out, RunFolder folder, String identity, KeptSums kept, Progress progress, Consumer<String> warn) throws IOException {
        PruneSettings s = task.numbers();
        try (LoadedModel model = LoadedModel.open(task.model()); FinishedLayers finished = new FinishedLayers(folder.steps(), identity)) {
            model.requirePerplexity();
            folder.requireRoom(2 * model.checkpoint().tensorBytes() + 2 * keptBytes(task.method(), s, model.spec()));
            CalibrationTexts texts = task.data() == null ? null : CalibrationTexts.read(task.data(), s, model, progress);
            StructureScores scores = new StructureScores(model, texts, kept, progress);
            try (StructuredWork work = new StructuredWork(s, model, texts, scores, kept, finished, progress, warn)) {
                StructureMethod method = StructureMethod.of(task.method(), work, SkipSearch.MOST);
                return new StructuredResult(task, work, method, method.structure()).write(out);
            }
        }
    }

    /// Bytes of the scores that are kept, where they are not next to nothing; while they are written anew there are two of them.
    private static long keptBytes(PruneMethod method, PruneSettings s, ModelSpec spec) {
        return method != PruneMethod.taylor ? 0 : (Boolean.TRUE.equals(s.secondOrder()) ? 16 : 8) * PrunableMatrix.of(spec).stream().mapToLong(PrunableMatrix::size).sum();
    }

    /// What a run would write, in memory: until it is closed the model's weights are those.
    ///
    /// @param error the mean over layers of the relative output error; NaN where none was measured
    public record Rebuilt(LoadedModel model, Probe probe, double error, StructuredWork work) implements AutoCloseable {
        @Override
        public void close() {
            work.close();
        }
    }

    /// Does to the model in memory what a run would do to it, and writes nothing.
    ///
    /// @param scores what has been measured of the model as it is, whatever the amount that goes
    /// @param sets how many sets a search draws at most
    /// @throws Refusal where the run would refuse
    public static Rebuilt rebuilt(Task.Prune task, LoadedModel model, CalibrationTexts texts, StructureScores scores, int sets, Progress progress) throws IOException {
        StructuredWork work = new StructuredWork(task.numbers(), model, texts, scores, KeptSums.NONE, null, progress, w -> { });
        try {
            Structure structure = StructureMethod.of(task.method(), work, sets).structure();
            PrunedInMemory pruned = new PrunedInMemory(work, structure);
            double error = work.rows.valueStream().mapToDouble(r -> r.path("relative_output_error").asDouble(Double.NaN)).filter(e -> !Double.isNaN(e)).average().orElse(Double.NaN);
            return new Rebuilt(pruned.model(), pruned.probe(), error, work);
        } catch (IOException | RuntimeException | Error e) {
            work.close();
            throw e;
        }
    }
}
