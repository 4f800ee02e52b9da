package vitrine.core.work.evaluate;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import vitrine.core.analysis.evaluate.CacheEviction;
import vitrine.core.analysis.evaluate.CachePolicy;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.artifact.Provenance;
import vitrine.core.dataset.Sequences;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.work.input.DataInput;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.Outcome;

/// Loss and perplexity of a model over texts.
public final class EvaluateRun {

    private EvaluateRun() {}

    public static Outcome run(Task.Evaluate task, Progress progress, Consumer<String> warn) throws IOException {
        try (LoadedModel model = LoadedModel.openWithLoops(task.model(), task.adapters()); PartsOff off = PartsOff.of(task.off(), model, progress); Arena arena = Arena.ofShared()) {
            model.requirePerplexity();
            if (task.cache() != null || task.elastic() != null || task.lazy() != null || task.heterogeneity() != null) {
                model.requireNoLoops();
            }
            List<Sequences.Labelled> data = DataInput.first(DataInput.read(task.data(), task.maxLength(), model, progress), task.maxTokens());
            Evaluation.Results results = new Evaluation(model.forward()).run(data, off.probe(arena), progress);
            ObjectNode summary = Json.object().put("model", model.checkpoint().name()).put("family", model.spec().family());
            put(summary, results.all(), warn);
            results.byLabel().forEach((label, r) -> put(summary.withObject("/labels").putObject(label), r, warn));
            summary.put("recipe", "mean of −ln p over every predicted token, float32; texts cut to the model's length, each piece with the tokenizer's begin token");
            if (task.cache() != null) {
                summary.set("cache", cache(task.cache(), model, data, progress));
            }
            if (task.elastic() != null) {
                summary.set("elastic", new ElasticGrid(model, task.elastic(), progress).measure(task.data(), data));
            }
            if (task.lazy() != null) {
                summary.set("lazy", new LazyLayers(model, task.lazy(), progress).measure(data, results.all()));
            }
            if (task.heterogeneity() != null) {
                String against = task.heterogeneity().against();
                summary.set("heterogeneity", new ParameterImpact(model, progress).measure(data, against == null ? null : DataInput.read(against, task.maxLength(), model, progress)));
            }
            return new Outcome(summary, Map.of("loss", Provenance.derived("logits", "F32", "mean of −ln p over predicted tokens, nats").of(results.all().predicted()),
                    "perplexity", Provenance.derived("loss", "F64", "exp(loss)").of(results.all().predicted())));
        }
    }

    private static ObjectNode cache(Task.CacheBudget budget, LoadedModel model, List<Sequences.Labelled> data, Progress progress) {
        double prompt = budget.prompt() == null ? 0.5 : budget.prompt();
        long seed = budget.seed() == null ? 0 : budget.seed();
        List<CachePolicy> policies = budget.policies() == null ? List.of(CachePolicy.values()) : budget.policies();
        CacheEviction eviction = new CacheEviction(model.spec(), model.forward(), prompt, seed);
        ObjectNode out = Json.object().put("prompt", prompt).put("seed", seed)
                .put("recipe", "one eviction after the prompt, per layer and key/value head; loss over the tokens that follow, float32; keys that stay keep their positions");
        CacheEviction.Measured whole = eviction.measure(data, null, 1, progress);
        if (whole.predicted() == 0) {
            throw Refusal.of(Category.TASK_INVALID, null, "no text is long enough for a prompt and two tokens after it").help("Longer texts, or a smaller share for the prompt.");
        }
        out.put("sequences", whole.sequences()).put("predicted_tokens", whole.predicted());
        Figures.put(out, "loss", whole.loss());
        Figures.put(out, "perplexity", Math.exp(whole.loss()));
        ArrayNode rows = out.putArray("budgets");
        for (CachePolicy policy : policies) {
            for (double keep : budget.keep()) {
                CacheEviction.Measured m = eviction.measure(data, policy, keep, progress);
                ObjectNode row = rows.addObject().put("policy", policy.name()).put("keep", keep).put("kept_share", m.keptShare());
                Figures.put(row, "loss", m.loss());
                Figures.put(row, "perplexity", Math.exp(m.loss()));
                Figures.put(row, "perplexity_change_percent", 100 * (Math.exp(m.loss() - whole.loss()) - 1));
            }
        }
        return out;
    }

    private static void put(ObjectNode to, Evaluation.Result r, Consumer<String> warn) {
        Figures.putLoss(to, r.loss(), warn);
        to.put("predicted_tokens", r.predicted()).put("sequences", r.sequences());
    }
}
