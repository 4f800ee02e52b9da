package vitrine.core.work;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.core.task.TaskInputs;
import vitrine.core.tensor.kernel.Parallel;
import vitrine.core.work.adapter.AdapterCompareRun;
import vitrine.core.work.adapter.AdapterCutRun;
import vitrine.core.work.adapter.AdapterExtractRun;
import vitrine.core.work.adapter.AdapterMergeRun;
import vitrine.core.work.adapter.AdapterRun;
import vitrine.core.work.capture.CaptureRun;
import vitrine.core.work.capture.HeadsRun;
import vitrine.core.work.compare.CompareRun;
import vitrine.core.work.convert.ConvertRun;
import vitrine.core.work.evaluate.EvaluateRun;
import vitrine.core.work.finetune.FinetuneRun;
import vitrine.core.work.finetune.PreviewRun;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.KeptSpectra;
import vitrine.core.work.output.KeptSums;
import vitrine.core.work.output.Outcome;
import vitrine.core.work.prune.PrunePreview;
import vitrine.core.work.prune.PruneRun;
import vitrine.core.work.rank.RankRun;
import vitrine.core.work.routing.RoutingRun;
import vitrine.core.work.spectrum.SpectrumRun;
import vitrine.core.work.spectrum.StatisticsRun;

/// Runs tasks in this process and writes their artifacts whole.
public final class TaskRunner {

    private TaskRunner() {}

    /// Runs a task; its artifact is at `folder` when this returns, and nothing is there when it throws.
    ///
    /// @param warn told of what the user should know, one sentence each
    /// @throws vitrine.core.refusal.Refusal for an input that cannot be used
    /// @throws Progress.CancelledException where the user has cancelled
    /// @throws IOException where the artifact cannot be written
    public static Artifact run(Task task, Path folder, Progress progress, Consumer<String> warn) throws IOException {
        long started = System.nanoTime();
        List<String> warnings = new ArrayList<>();
        Consumer<String> both = w -> {
            warnings.add(w);
            warn.accept(w);
        };
        Map<String, String> inputs = TaskInputs.fingerprints(task);
        try (Whole out = Whole.folder(folder)) {
            Path tensors = out.staging().resolve(Artifact.TENSORS);
            Outcome outcome = switch (task) {
                case Task.Capture c -> CaptureRun.run(c, tensors, progress, both);
                case Task.Heads h -> HeadsRun.run(h, tensors, progress, both);
                case Task.Evaluate e -> EvaluateRun.run(e, progress, both);
                case Task.Rank r -> RankRun.run(r, tensors, progress, both);
                case Task.Finetune f -> FinetuneRun.run(f, out.staging(), RunFolder.of(folder), inputs, progress, both);
                case Task.Routing r -> RoutingRun.run(r, tensors, progress, both);
                case Task.Adapter a -> AdapterRun.run(a, out.staging(), progress, both);
                case Task.AdapterCompare a -> AdapterCompareRun.run(a, out.staging(), progress, both);
                case Task.AdapterCut a -> AdapterCutRun.run(a, out.staging(), progress, both);
                case Task.AdapterMerge a -> AdapterMergeRun.run(a, out.staging(), progress, both);
                case Task.AdapterExtract a -> AdapterExtractRun.run(a, out.staging(), progress, both);
                case Task.Compare c -> CompareRun.run(c, out.staging(), KeptSpectra.beside(folder), Json.line(Json.object().put("engine", TaskInputs.ENGINE_VERSION)
                        .<ObjectNode>set("task", task.toJson()).set("inputs", Json.mapper().valueToTree(inputs))), progress, both);
                case Task.Prune p -> PruneRun.run(p, out.staging(), RunFolder.of(folder), inputs, progress, both);
                case Task.Preview p -> p.method() == null ? PreviewRun.run(p, progress, both) : PrunePreview.run(p, progress);
                case Task.Convert c -> ConvertRun.run(c, out.staging(), progress);
                case Task.Statistics s -> StatisticsRun.run(s, tensors, progress, both);
                case Task.Spectrum s -> SpectrumRun.run(s, out.staging(), KeptSpectra.beside(folder), Json.line(Json.object().put("engine", TaskInputs.ENGINE_VERSION)
                        .<ObjectNode>set("task", task.toJson()).set("inputs", Json.mapper().valueToTree(inputs))), progress, both);
            };
            if (task.adapters() != null && !task.adapters().isEmpty()) {
                outcome.summary().set("adapters", task.toJson().get("adapters"));
            }
            double seconds = (System.nanoTime() - started) / 1e9;
            ObjectNode engine = Json.object().put("name", "embedded").put("version", TaskInputs.ENGINE_VERSION).put("products", LoadedModel.productsName())
                    .put("threads", Parallel.threads()).put("dtype", "float32");
            new Manifest(task.kind(), task.toJson(), inputs, engine, Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(), seconds,
                    outcome.summary(), outcome.provenance(), warnings).write(out.staging());
            progress.checkCancelled();
            commit(out, folder);
            Files.deleteIfExists(KeptSpectra.beside(folder));
            if (task instanceof Task.Prune) {
                KeptSums.delete(RunFolder.of(folder));
            }
        }
        return Artifact.open(folder);
    }

    /// Two processes may compute the same at once: who comes second takes what the first has put there.
    private static void commit(Whole out, Path folder) throws IOException {
        try {
            out.commit();
        } catch (FileSystemException e) {
            if (!Files.isRegularFile(folder.resolve(Manifest.FILE))) {
                throw e;
            }
        }
    }
}
