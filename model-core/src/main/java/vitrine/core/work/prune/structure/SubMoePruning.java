package vitrine.core.work.prune.structure;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.Router;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.Structure;
import vitrine.core.prune.method.ExpertMerge;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.Matrix;
import vitrine.core.work.output.ChangedTensor;

/// `submoe`: routed experts that do alike become one, in the place of the first of them; its router row is the mean of theirs ([ExpertMerge]).
///
/// @param merged by layer, of each expert the one in whose place it went on
record SubMoePruning(StructuredWork work, Map<Integer, int[]> merged) implements StructureMethod {

    @Override
    public Structure structure() throws IOException {
        ExpertPruning.require(work.spec, work.model.checkpoint());
        Map<Integer, double[]> visits = work.scores.experts().frequency();
        Map<Integer, double[][]> alike = work.scores.alike();
        Map<Integer, int[]> left = new TreeMap<>();
        for (int l : work.spec.expertLayers()) {
            work.progress.checkCancelled();
            int[] groups = ExpertMerge.groups(alike.get(l), ExpertPruning.staying(work.s, work.spec, l, work.model.checkpoint()));
            left.put(l, Arrays.stream(groups).distinct().sorted().toArray());
            merged.put(l, groups);
            work.once(l, () -> merge(l, groups, visits.get(l)));
            work.list(l, "merged_into", groups);
            work.list(l, "expert_frequency", visits.get(l));
        }
        return new Structure(work.allLayers(), Map.of(), Map.of(), left);
    }

    private void merge(int layer, int[] groups, double[] visits) {
        FeedForward.Mixture m = work.spec.experts(layer);
        for (Experts.Matrices x : new Experts.Matrices[] {m.experts().gate(), m.experts().up(), m.experts().down()}) {
            boolean biased = x instanceof Experts.Stack k && k.bias() != null || x instanceof Experts.Each e && e.linears().getFirst().bias() != null;
            if (biased || x instanceof Experts.Blocks) {
                throw Refusal.of(Category.TASK_INVALID, work.model.checkpoint().path(), biased ? "its experts have biases, which are not merged" : "its experts are stored in blocks of four bits, in which merged ones cannot be written");
            }
        }
        Map<String, List<PrunableMatrix>> kinds = new LinkedHashMap<>();
        PrunableMatrix.of(work.spec.layers().get(layer)).stream().filter(PrunableMatrix::routed).forEach(p -> kinds.computeIfAbsent(p.kind().name(), k -> new ArrayList<>()).add(p));
        kinds.values().forEach(each -> mean(each, groups, visits, work.s.rank()));
        // Rows of the router, and what else it has for each expert, are matrices of one row for each: their mean counts all alike.
        Router r = m.router();
        if (r.logits().inputMajor()) {
            throw Refusal.of(Category.TASK_INVALID, work.model.checkpoint().path(), "its router is stored inputs first, which merging does not know");
        }
        rows(r.logits().weight(), r.logits().in(), groups);
        if (r.logits().bias() != null) {
            rows(r.logits().bias(), 1, groups);
        }
        if (r.correction() != null) {
            rows(r.correction(), 1, groups);
        }
    }

    /// @param each of one kind, by expert
    private void mean(List<PrunableMatrix> each, int[] groups, double[] visits, Integer rank) {
        for (int g : Arrays.stream(groups).distinct().toArray()) {
            int[] members = IntStream.range(0, groups.length).filter(e -> groups[e] == g).toArray();
            if (members.length == 1) {
                continue;
            }
            PrunableMatrix first = each.get(g);
            // A stack of experts is copied once; of experts with tensors of their own the others are copied for the moment.
            ChangedTensor to = work.changed(first);
            try (Arena arena = Arena.ofShared()) {
                List<Matrix> all = Arrays.stream(members).mapToObj(e -> work.storable(each.get(e))).map(m -> work.widened(m, arena)).toList();
                Matrix mean = Matrix.allocate(arena, first.out(), first.in());
                boolean alongInputs = first.kind() == PrunableMatrix.Kind.DOWN;
                ExpertMerge.merge(all, Arrays.stream(members).mapToDouble(e -> visits[e]).toArray(), alongInputs, rank == null ? Integer.MAX_VALUE : rank, mean);
                to.store(first, mean);
            }
        }
    }

    private void rows(String tensor, int width, int[] groups) {
        List<PrunableMatrix> each = IntStream.range(0, groups.length).mapToObj(e -> new PrunableMatrix(tensor, e, (long) e * width, 1, width, false, false, PrunableMatrix.Kind.DOWN, 0, "", true)).toList();
        mean(each, groups, new double[groups.length], null);
    }
}
