package vitrine.core.work.prune.structure;

import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Router;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.prune.Structure;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.PruneSettings;

/// `experts`: the routed experts go that are visited least, or whose outputs count least ([StructureScores.ExpertUse]); a token may visit fewer of them.
public record ExpertPruning(StructuredWork work) implements StructureMethod {

    @Override
    public Structure structure() throws IOException {
        require(work.spec, work.model.checkpoint());
        StructureScores.ExpertUse use = work.scores.experts();
        warnOfSharesThatGrow(work);
        boolean byUse = work.s.criterion() == PruneSettings.Criterion.frequency;
        Map<Integer, int[]> left = new TreeMap<>();
        for (int l : work.spec.expertLayers()) {
            double[] score = (byUse ? use.frequency() : use.saliency()).get(l);
            left.put(l, Structure.without(score, score.length - staying(work.s, work.spec, l, work.model.checkpoint())));
            work.list(l, "expert_frequency", use.frequency().get(l));
            work.list(l, "expert_weight", use.weight().get(l));
            work.list(l, "expert_saliency", use.saliency().get(l));
        }
        return new Structure(work.allLayers(), Map.of(), Map.of(), left);
    }

    /// Refuses a model without experts.
    public static void require(ModelSpec spec, Checkpoint checkpoint) {
        if (spec.expertLayers().isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, checkpoint.path(), "it has no experts");
        }
    }

    /// How many experts of a layer stay.
    ///
    /// @throws Refusal where that is fewer than a token visits, or more than there are
    public static int staying(PruneSettings s, ModelSpec spec, int layer, Checkpoint checkpoint) {
        int count = spec.experts(layer).experts().count();
        int perToken = perToken(s, spec, layer);
        int stay = s.experts() != null ? s.experts() : s.sparsity() == null ? count : count - s.gone(count);
        if (stay < perToken || stay > count) {
            throw Refusal.of(Category.TASK_INVALID, checkpoint.path(), "%d experts are to stay in layer %d: it has %d, and a token visits %d", stay, layer, count, perToken);
        }
        return stay;
    }

    /// How many experts of a layer a token visits afterwards.
    public static int perToken(PruneSettings s, ModelSpec spec, int layer) {
        return s.expertsPerToken() != null ? s.expertsPerToken() : spec.experts(layer).router().perToken();
    }

    static void warnOfSharesThatGrow(StructuredWork work) {
        Router router = work.spec.experts(work.spec.expertLayers().getFirst()).router();
        if (router.score() == Router.Score.SOFTMAX && router.weighting().norm() == 0) {
            work.warn.accept("Its routers weigh experts by a softmax over all of them that is not renormalised over the chosen: without those that go, the weights of those that stay grow.");
        }
    }
}
