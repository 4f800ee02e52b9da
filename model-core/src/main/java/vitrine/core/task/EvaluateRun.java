package vitrine.core.task;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.artifact.Provenance;
import vitrine.core.dataset.Sequences;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;

/// Loss and perplexity of a model over texts.
final class EvaluateRun {

    private EvaluateRun() {}

    static Outcome run(Task.Evaluate task, Progress progress, Consumer<String> warn) {
        try (LoadedModel model = LoadedModel.open(task.model(), task.adapters())) {
            model.requirePerplexity();
            List<Sequences.Labelled> data = DataInput.read(task.data(), task.maxLength(), model, progress);
            Evaluation.Results results = new Evaluation(model.forward()).run(data, progress);
            ObjectNode summary = Json.object().put("model", model.checkpoint().name()).put("family", model.spec().family());
            put(summary, results.all(), warn);
            results.byLabel().forEach((label, r) -> put(summary.withObject("/labels").putObject(label), r, warn));
            summary.put("recipe", "mean of −ln p over every predicted token, float32; texts cut to the model's length, each piece with the tokenizer's begin token");
            return new Outcome(summary, Map.of("loss", Provenance.derived("logits", "F32", "mean of −ln p over predicted tokens, nats").of(results.all().predicted()),
                    "perplexity", Provenance.derived("loss", "F64", "exp(loss)").of(results.all().predicted())));
        }
    }

    private static void put(ObjectNode to, Evaluation.Result r, Consumer<String> warn) {
        putLoss(to, r.loss(), warn);
        to.put("predicted_tokens", r.predicted()).put("sequences", r.sequences());
    }

    /// Loss and perplexity, each null where it is not finite, and said.
    static void putLoss(ObjectNode to, double loss, Consumer<String> warn) {
        double perplexity = Math.exp(loss);
        to.putNull("loss").putNull("perplexity");
        if (!Double.isFinite(loss)) {
            warn.accept("The loss is not finite: the model's weights or activations hold NaN or infinity.");
            return;
        }
        to.put("loss", loss);
        if (Double.isFinite(perplexity)) {
            to.put("perplexity", perplexity);
        } else {
            warn.accept("The perplexity is too large for a number: the loss is " + loss + " nats.");
        }
    }
}
