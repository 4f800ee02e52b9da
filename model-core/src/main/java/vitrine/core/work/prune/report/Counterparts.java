package vitrine.core.work.prune.report;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.prune.Structure;

/// Which layer, head and expert of a pruned model was which of the model that it came from.
///
/// @param layers by layer of the pruned model, in order: its number before
/// @param heads by layer before, those that are left: of each query head of the pruned model its number before
/// @param experts by layer before, those in which experts went: of each expert before its number in the pruned model, of merged ones that of what they became; -1 where it went
public record Counterparts(List<Integer> layers, Map<Integer, int[]> heads, Map<Integer, int[]> experts) {

    /// Of a model that keeps its shapes.
    public static Counterparts same(ModelSpec spec) {
        Map<Integer, int[]> heads = new TreeMap<>();
        spec.layers().forEach(l -> heads.put(l.index(), IntStream.range(0, l.attention().heads()).toArray()));
        return new Counterparts(IntStream.range(0, spec.layers().size()).boxed().toList(), heads, Map.of());
    }

    /// Of a model with smaller shapes.
    ///
    /// @param merged by layer, of each expert the one in whose place it went on; empty where none were merged
    public static Counterparts of(ModelSpec spec, Structure s, Map<Integer, int[]> merged) {
        Map<Integer, int[]> heads = new TreeMap<>();
        for (int l : s.layers()) {
            int size = spec.layers().get(l).attention().groupSize();
            int[] groups = s.shared().containsKey(l) ? Arrays.stream(s.shared().get(l)).flatMapToInt(Arrays::stream).toArray()
                    : s.groups().getOrDefault(l, IntStream.range(0, spec.layers().get(l).attention().keyValueHeads()).toArray());
            heads.put(l, Arrays.stream(groups).flatMap(g -> IntStream.range(g * size, (g + 1) * size)).toArray());
        }
        Map<Integer, int[]> experts = new TreeMap<>();
        s.experts().forEach((l, kept) -> experts.put(l, IntStream.range(0, spec.experts(l).experts().count())
                .map(e -> Math.max(-1, Arrays.binarySearch(kept, merged.containsKey(l) ? merged.get(l)[e] : e))).toArray()));
        return new Counterparts(s.layers(), heads, experts);
    }

    /// The number that a layer has in the pruned model, -1 where it went.
    public int after(int layer) {
        return layers.indexOf(layer);
    }

    /// What an expert became, or -1.
    int expert(int layer, int before) {
        return experts.containsKey(layer) ? experts.get(layer)[before] : before;
    }
}
