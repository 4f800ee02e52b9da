package vitrine.core.work.spectrum;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import vitrine.core.analysis.anatomy.TensorStatistics;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.work.output.Outcome;

/// Figures and histograms of stored tensors, one row per tensor.
public final class StatisticsRun {

    private static final String[] FIGURES = {"count", "min", "max", "mean", "standard_deviation", "zeros", "nan", "infinite"};

    private StatisticsRun() {}

    public static Outcome run(Task.Statistics task, Path file, Progress progress, Consumer<String> warn) throws IOException {
        Checkpoint checkpoint = Checkpoints.open(Path.of(task.model()));
        List<TensorEntry> tensors = chosen(task, checkpoint);
        List<TensorStatistics> results = new ArrayList<>();
        long bytes = tensors.stream().mapToLong(TensorEntry::bytes).sum();
        long done = 0;
        try (MappedWeights map = new MappedWeights(checkpoint)) {
            for (TensorEntry t : tensors) {
                progress.step(done, bytes, "bytes");
                TensorStatistics s = TensorStatistics.of(t.dtype(), map.data(t), t.elements(), task.bins(), progress);
                map.release(t);
                results.add(s);
                done += t.bytes();
                if (s.nonFinite() > 0) {
                    warn.accept(String.format("Tensor %s holds %,d values that are not finite (%,d NaN, %,d infinite).", t.name(), s.nonFinite(), s.nan(), s.infinite()));
                }
            }
        }
        progress.step(bytes, bytes, "bytes");
        return write(file, checkpoint, tensors, results, task.bins());
    }

    private static List<TensorEntry> chosen(Task.Statistics task, Checkpoint checkpoint) {
        List<TensorEntry> out = new ArrayList<>();
        if (task.tensors() == null) {
            checkpoint.tensors().values().stream().filter(t -> t.dtype().readable()).forEach(out::add);
            return out;
        }
        for (String name : task.tensors()) {
            TensorEntry t = checkpoint.tensor(name).orElseThrow(() ->
                    Refusal.of(Category.TENSOR_MISSING, checkpoint.path(), "it is not in the checkpoint").where("tensor " + name));
            if (!t.dtype().readable()) {
                throw Refusal.of(Category.DTYPE_UNKNOWN, checkpoint.path(), "values of type %s cannot be read here", t.dtype().name()).where("tensor " + name);
            }
            out.add(t);
        }
        return out;
    }

    private static Outcome write(Path file, Checkpoint checkpoint, List<TensorEntry> tensors, List<TensorStatistics> results, int bins) throws IOException {
        int n = tensors.size();
        Map<String, Declared> declared = new LinkedHashMap<>();
        declared.put("figures", new Declared(DType.F64, Shape.of(n, FIGURES.length)));
        declared.put("histogram", new Declared(DType.I64, Shape.of(n, bins)));
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", "vitrine-statistics");
        metadata.put("tensors", Json.line(Json.mapper().valueToTree(tensors.stream().map(TensorEntry::name).toList())));
        metadata.put("figures", Json.line(Json.mapper().valueToTree(FIGURES)));
        try (SafetensorsWriter out = new SafetensorsWriter(file, declared, metadata)) {
            for (int i = 0; i < n; i++) {
                TensorStatistics s = results.get(i);
                out.write("figures", (long) i * FIGURES.length, new double[] {s.count(), s.min(), s.max(), s.mean(), s.standardDeviation(), s.zeros(), s.nan(), s.infinite()});
                out.write("histogram", (long) i * bins, s.histogram());
            }
        }
        ObjectNode summary = Json.object().put("model", checkpoint.name()).put("tensors", n)
                .put("non_finite", results.stream().mapToLong(TensorStatistics::nonFinite).sum());
        Provenance from = Provenance.measured(checkpoint.name(), "as stored", "all values read, float64 sums").of(results.stream().mapToLong(TensorStatistics::count).sum());
        return new Outcome(summary, Map.of("figures", from, "histogram", from));
    }
}
