package vitrine.core.work.capture;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import vitrine.core.analysis.attention.HeadMetric;
import vitrine.core.analysis.attention.HeadMetrics;
import vitrine.core.analysis.attention.RepeatedTokens;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.dataset.Sequences;
import vitrine.core.forward.Batch;
import vitrine.core.json.Json;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.tokenizer.Vocabulary;
import vitrine.core.work.input.DataInput;
import vitrine.core.work.input.FiniteWatch;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.Outcome;

/// Every head of a model measured over texts, and on repeated random tokens.
public final class HeadsRun {

    private HeadsRun() {}

    public static Outcome run(Task.Heads task, Path file, Progress progress, Consumer<String> warn) throws IOException {
        try (LoadedModel model = LoadedModel.openWithLoops(task.model(), task.adapters())) {
            model.tellLoops(warn);
            ModelSpec spec = model.spec();
            List<Sequences.Labelled> data = DataInput.read(task.data(), task.maxLength(), model, progress);
            HeadMetrics metrics = new HeadMetrics(spec);
            FiniteWatch watch = new FiniteWatch(spec, spec.layers().size() - 1);
            long total = data.stream().mapToLong(s -> s.ids().length).sum();
            long done = 0;
            for (List<Sequences.Labelled> part : Evaluation.batches(data)) {
                progress.step(done, total, "tokens");
                Batch batch = new Batch(part.stream().map(s -> new Batch.Sequence(s.ids(), null)).toList());
                metrics.begin(batch);
                model.forward().run(batch, Probe.all(List.of(metrics, watch)), new Quiet(progress));
                done += batch.tokens();
            }
            progress.step(total, total, "tokens");
            watch.warn(warn);
            RepeatedTokens repeated = repeated(model);
            if (repeated != null) {
                model.forward().run(repeated.batch(), repeated, new Quiet(progress));
            } else {
                warn.accept("No induction scores: they need a decoder with room for a sequence of tokens said twice.");
            }
            return write(file, model, metrics, repeated, data.size(), total);
        }
    }

    private static RepeatedTokens repeated(LoadedModel model) {
        Vocabulary vocabulary = null;
        Checkpoint checkpoint = model.checkpoint();
        if (checkpoint.hasTokenizer()) {
            try {
                vocabulary = Vocabulary.of(checkpoint);
            } catch (Refusal unreadable) {
                vocabulary = null;
            }
        }
        Vocabulary v = vocabulary;
        int bos = checkpoint.config().path("bos_token_id").asInt(-1);
        return RepeatedTokens.ofOrNull(model.spec(), bos < model.spec().vocabSize() ? bos : -1,
                id -> id != bos && (v == null || id < v.size() && !v.isSpecial(id)));
    }

    private static Outcome write(Path file, LoadedModel model, HeadMetrics metrics, RepeatedTokens repeated, int sequences, long tokens) throws IOException {
        ModelSpec spec = model.spec();
        Map<String, double[][]> values = new LinkedHashMap<>();
        Map<String, Provenance> provenance = new LinkedHashMap<>();
        for (HeadMetric m : HeadMetric.values()) {
            values.put(m.tensor(), metrics.mean(m));
            provenance.put(m.tensor(), Provenance.derived("attentions", "F64", m.formula() + ", then over " + sequences + " sequences").of(tokens));
            if (sequences > 1) {
                values.put(m.tensor() + "_standard_error", metrics.standardError(m));
                provenance.put(m.tensor() + "_standard_error", Provenance.derived("attentions", "F64", "standard error over sequences").of(sequences));
            }
        }
        if (repeated != null) {
            values.put("induction_score", repeated.induction());
            values.put("induction_score_standard_error", repeated.inductionError());
            values.put("duplicate_token_score", repeated.duplicate());
            values.put("duplicate_token_score_standard_error", repeated.duplicateError());
            String how = ", mean over " + repeated.batch().sequences().size() + " sequences of " + repeated.segment() + " random tokens said twice";
            provenance.put("induction_score", Provenance.derived("attentions", "F64", "A[i, i−S+1] in the second copy" + how));
            provenance.put("duplicate_token_score", Provenance.derived("attentions", "F64", "A[i, i−S] in the second copy" + how));
            for (String score : List.of("induction_score", "duplicate_token_score")) {
                provenance.put(score + "_standard_error", Provenance.derived("attentions", "F64", "standard error over sequences")
                        .of(repeated.batch().sequences().size()));
            }
        }
        Map<String, Declared> declared = new LinkedHashMap<>();
        values.keySet().forEach(n -> declared.put(n, new Declared(DType.F64, Shape.of(spec.layers().size(), spec.maxHeads()))));
        Map<String, String> metadata = Map.of("format", "vitrine-heads", "model", model.checkpoint().name(), "sequences", String.valueOf(sequences));
        ObjectNode summary = Json.object().put("model", model.checkpoint().name()).put("family", spec.family()).put("layers", spec.layers().size())
                .put("heads", spec.maxHeads()).put("sequences", sequences).put("tokens", tokens);
        try (SafetensorsWriter out = new SafetensorsWriter(file, declared, metadata)) {
            for (Map.Entry<String, double[][]> e : values.entrySet()) {
                double[] flat = java.util.Arrays.stream(e.getValue()).flatMapToDouble(java.util.Arrays::stream).toArray();
                out.write(e.getKey(), 0, flat);
                ArrayNode rows = summary.withObject("/metrics").putArray(e.getKey());
                for (double[] row : e.getValue()) {
                    ArrayNode r = rows.addArray();
                    for (double v : row) {
                        Figures.add(r, v);
                    }
                }
            }
        }
        provenance.replaceAll((name, from) -> model.ofFirstRun(from));
        return new Outcome(summary, provenance);
    }
}
