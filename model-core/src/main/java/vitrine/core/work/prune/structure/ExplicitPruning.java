package vitrine.core.work.prune.structure;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.Structure;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.DroppedParts;

/// `explicit`: the layers, heads and experts go that are named ([DroppedParts]). Heads leave their matrices where whole key/value groups go, as many of every layer, and the config can say so; elsewhere their
/// columns of the output projection become 0.
record ExplicitPruning(StructuredWork work) implements StructureMethod {

    @Override
    public Structure structure() {
        DroppedParts drop = work.s.drop();
        if (drop == null) {
            return new Structure(work.allLayers(), Map.of(), Map.of(), Map.of());
        }
        drop.requireIn(work.spec);
        List<Integer> layers = work.allLayers().stream().filter(l -> !drop.layerSet().contains(l)).toList();
        if (layers.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, work.model.checkpoint().path(), "all of its %d layers are to go", work.spec.layers().size());
        }
        Map<Integer, int[]> experts = experts(drop, layers);
        Map<Integer, int[]> groups = wholeGroups(drop, layers);
        Structure smaller = new Structure(layers, groups, Map.of(), experts);
        if (!groups.isEmpty() && SmallerModel.ofOrNull(work.model.checkpoint(), work.spec, smaller, work.s.expertsPerToken(), new StringBuilder()) != null) {
            return smaller;
        }
        silence(drop, layers);
        return new Structure(layers, Map.of(), Map.of(), experts);
    }

    /// The experts that stay of every layer that stays; nothing where none go.
    private Map<Integer, int[]> experts(DroppedParts drop, List<Integer> layers) {
        Map<Integer, int[]> out = new TreeMap<>();
        if (drop.expertsByLayer().isEmpty()) {
            return out;
        }
        ExpertPruning.warnOfSharesThatGrow(work);
        // Layers that are not named lose none, which only a config that counts by layer could say: the check of the config finds it.
        for (int l : work.spec.expertLayers().stream().filter(layers::contains).toList()) {
            TreeSet<Integer> gone = drop.expertsByLayer().getOrDefault(l, new TreeSet<>());
            int perToken = ExpertPruning.perToken(work.s, work.spec, l);
            int[] kept = IntStream.range(0, work.spec.experts(l).experts().count()).filter(e -> !gone.contains(e)).toArray();
            if (kept.length < perToken) {
                throw Refusal.of(Category.TASK_INVALID, work.model.checkpoint().path(), "%d experts are to stay in layer %d, and a token visits %d", kept.length, l, perToken);
            }
            out.put(l, kept);
        }
        return out;
    }

    /// The key/value groups that stay of every layer that stays, where the heads that go are whole groups and as many of every layer; else nothing.
    private Map<Integer, int[]> wholeGroups(DroppedParts drop, List<Integer> layers) {
        Map<Integer, int[]> out = new TreeMap<>();
        for (int l : layers) {
            AttentionSpec a = work.spec.layers().get(l).attention();
            TreeSet<Integer> gone = drop.headsByLayer().getOrDefault(l, new TreeSet<>());
            int[] kept = IntStream.range(0, a.keyValueHeads()).filter(g -> IntStream.range(0, a.groupSize()).anyMatch(h -> !gone.contains(g * a.groupSize() + h))).toArray();
            if (kept.length == 0 || (a.keyValueHeads() - kept.length) * a.groupSize() != gone.size()) {
                return Map.of();
            }
            out.put(l, kept);
        }
        boolean none = out.entrySet().stream().allMatch(e -> e.getValue().length == work.spec.layers().get(e.getKey()).attention().keyValueHeads());
        return none || !Structure.even(out) ? Map.of() : out;
    }

    /// Sets what heads give to the residual stream to 0.
    private void silence(DroppedParts drop, List<Integer> layers) {
        for (PrunableMatrix m : PrunableMatrix.of(work.spec)) {
            TreeSet<Integer> gone = m.kind() == PrunableMatrix.Kind.OUTPUT && layers.contains(m.layer()) ? drop.headsByLayer().get(m.layer()) : null;
            if (gone != null) {
                int width = work.spec.layers().get(m.layer()).attention().valueDim();
                work.silence(m, i -> !gone.contains(i / width));
                work.list(m.layer(), "silenced_heads", gone.stream().mapToInt(h -> h).toArray());
            }
        }
    }
}
