package vitrine.core.work.prune.structure;

import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.SkipSearch;
import vitrine.core.prune.Structure;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// `swift_skip`: sub-layers go without which the model still says what it says next, by SWIFT's search ([SkipSearch], [SkipMatch]). Layers of which both go leave; of others what the sub-layer gives to the
/// residual stream becomes 0.
///
/// @param sets how many sets the search draws at most
record SwiftSkipPruning(StructuredWork work, int sets) implements StructureMethod {

    @Override
    public Structure structure() throws IOException {
        Map<Integer, boolean[]> skipped = search();
        List<Integer> layers = work.allLayers().stream().filter(l -> !skipped.containsKey(l) || !skipped.get(l)[0] || !skipped.get(l)[1]).toList();
        StringBuilder problem = new StringBuilder();
        if (layers.size() < work.spec.layers().size() && SmallerModel.ofOrNull(work.model.checkpoint(), work.spec, new Structure(layers, Map.of(), Map.of(), Map.of()), null, problem) == null) {
            work.warn.accept("Layers that are skipped whole stay in the checkpoint: " + problem + ". What they give is set to 0.");
            layers = work.allLayers();
        }
        for (int l : skipped.keySet()) {
            ArrayNode list = work.row(l).putArray("skipped_sublayers");
            for (int part = 0; part < 2; part++) {
                if (skipped.get(l)[part]) {
                    list.add(part == 0 ? "attention" : "feed_forward");
                    if (layers.contains(l)) {
                        clear(work.spec.layers().get(l), part == 0);
                    }
                }
            }
        }
        return new Structure(layers, Map.of(), Map.of(), Map.of());
    }

    /// Searches.
    ///
    /// @return by layer, whether its attention and its feed-forward block are skipped; layers that are not named keep both
    private Map<Integer, boolean[]> search() throws IOException {
        SkipMatch match = work.scores.match();
        int skip = (int) (match.units() * work.s.sparsity());
        if (match.units() == 0) {
            throw Refusal.of(Category.TASK_INVALID, work.model.checkpoint().path(), "it has %d layers, and the first and the last are never skipped", work.spec.layers().size());
        }
        int[] tried = new int[1];
        SkipSearch.Found found = SkipSearch.run(match.units(), skip, work.s.seed() == null ? 0 : work.s.seed(), sets, set -> {
            work.progress.step(tried[0]++, SkipSearch.MOST, "sets");
            return match.of(set);
        });
        match.end();
        work.progress.step(found.tried(), found.tried(), "sets");
        work.allocation.put("allocation", "searched").put("sublayers", match.units()).put("skipped", skip).put("matchness", found.matchness()).put("compared_tokens", match.tokens())
                .put("sets_tried", found.tried());
        Map<Integer, boolean[]> parts = new TreeMap<>();
        for (int u : found.skipped()) {
            parts.computeIfAbsent(1 + u / 2, l -> new boolean[2])[u % 2] = true;
        }
        return parts;
    }

    /// Sets the matrices that lead a sub-layer back to the residual stream, and their biases, to 0.
    private void clear(LayerSpec l, boolean attention) {
        FeedForward f = l.feedForward();
        Linear single = attention ? l.attention().output() : f instanceof FeedForward.Gated g ? g.down() : f instanceof FeedForward.FusedGated g ? g.down() : f instanceof FeedForward.Plain p ? p.down() : null;
        boolean biased = single == null && f instanceof FeedForward.Mixture m && (m.experts().down() instanceof Experts.Blocks || m.experts().down() instanceof Experts.Stack k && k.bias() != null
                || m.experts().down() instanceof Experts.Each e && e.linears().getFirst().bias() != null);
        if (biased) {
            throw Refusal.of(Category.TASK_INVALID, work.model.checkpoint().path(), "the experts of layer %d have biases, or are stored in blocks of four bits: what they give cannot be set to 0", l.index());
        }
        for (PrunableMatrix m : PrunableMatrix.of(l)) {
            if (m.kind() == (attention ? PrunableMatrix.Kind.OUTPUT : PrunableMatrix.Kind.DOWN)) {
                work.silence(m, i -> false);
            }
        }
        if (single != null && single.bias() != null) {
            work.silence(new PrunableMatrix(single.bias(), -1, 0, 1, single.out(), false, false, PrunableMatrix.Kind.DOWN, l.index(), "", false), i -> false);
        }
    }

    @Override
    public String silenced() {
        return "sub-layers that are skipped";
    }
}
