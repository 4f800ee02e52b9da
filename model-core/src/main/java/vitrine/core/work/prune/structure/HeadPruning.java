package vitrine.core.work.prune.structure;

import java.io.IOException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.backward.Parameter;
import vitrine.core.prune.Structure;
import vitrine.core.task.PruneSettings;
import vitrine.core.work.input.LossGradients;

/// `heads`: key/value groups go whose heads' gates the loss feels least ([StructureScores#heads]), as many of every layer or the least of all.
public record HeadPruning(StructuredWork work) implements StructureMethod {

    /// Heads go in steps of so large a share, and are scored anew after each.
    private static final double AT_A_TIME = 0.1;

    @Override
    public Structure structure() throws IOException {
        PruneSettings s = work.s;
        Map<Integer, int[]> stay = all(work.spec);
        try (LossGradients gradients = new LossGradients(work.model, work.scores.outputs())) {
            Map<String, Parameter> byName = gradients.tensors().stream().collect(Collectors.toMap(Parameter::name, p -> p));
            for (int step = 1; step <= Math.max(1, (int) Math.ceil(s.sparsity() / AT_A_TIME - 1e-9)); step++) {
                double[][] heads = work.scores.heads(gradients, "heads-" + step);
                if (step == 1) {
                    work.spec.layers().forEach(l -> work.list(l.index(), "head_importance", heads[l.index()]));
                }
                take(stay, heads, work.spec, Math.min(s.sparsity(), step * AT_A_TIME), !Boolean.FALSE.equals(s.even()));
                for (LayerSpec l : work.spec.layers()) {
                    silence(l, stay.get(l.index()), byName.get(l.attention().output().weight()));
                }
            }
        }
        return new Structure(work.allLayers(), stay, Map.of(), Map.of());
    }

    /// The numbers of all key/value groups, by layer.
    public static Map<Integer, int[]> all(ModelSpec spec) {
        Map<Integer, int[]> out = new TreeMap<>();
        spec.layers().forEach(l -> out.put(l.index(), IntStream.range(0, l.attention().keyValueHeads()).toArray()));
        return out;
    }

    /// Takes those of the smallest scores of the groups that are left, until a share of all has gone.
    ///
    /// @param left groups by layer; changed
    /// @param heads scores of query heads, by layer
    /// @param even whether as many go of every layer; else the least of all do, and each layer keeps one
    public static void take(Map<Integer, int[]> left, double[][] heads, ModelSpec spec, double share, boolean even) {
        Map<Integer, double[]> groups = new TreeMap<>();
        spec.layers().forEach(l -> groups.put(l.index(), StructureScores.groups(heads[l.index()], l.attention())));
        if (even) {
            groups.forEach((l, of) -> left.put(l, fewer(left.get(l), of, Math.min(of.length - 1, (int) Math.round(share * of.length)))));
        } else {
            fewerOfAll(left, groups, (int) Math.round(share * groups.values().stream().mapToInt(of -> of.length).sum()));
        }
    }

    /// Of those that are left, as many more of the smallest scores go until `gone` have gone in all.
    private static int[] fewer(int[] left, double[] scores, int gone) {
        int more = gone - (scores.length - left.length);
        int[] stay = Structure.without(Arrays.stream(left).mapToDouble(i -> scores[i]).toArray(), Math.max(0, more));
        return Arrays.stream(stay).map(i -> left[i]).toArray();
    }

    /// The same over all layers together; each keeps one.
    private static void fewerOfAll(Map<Integer, int[]> left, Map<Integer, double[]> scores, int gone) {
        record Group(int layer, int number) {}
        int before = left.values().stream().mapToInt(k -> k.length).sum();
        int total = scores.values().stream().mapToInt(k -> k.length).sum();
        for (int more = gone - (total - before); more > 0; more--) {
            left.entrySet().stream().filter(e -> e.getValue().length > 1).flatMap(e -> Arrays.stream(e.getValue()).mapToObj(g -> new Group(e.getKey(), g)))
                    .min(Comparator.comparingDouble(g -> scores.get(g.layer)[g.number]))
                    .ifPresent(least -> left.put(least.layer, Arrays.stream(left.get(least.layer)).filter(g -> g != least.number).toArray()));
        }
    }

    /// Sets the output columns of heads that have gone to 0, so that the next scores are those of the model without them.
    private static void silence(LayerSpec l, int[] kept, Parameter output) {
        AttentionSpec a = l.attention();
        Linear o = a.output();
        float[] w = output.toArray();
        for (int r = 0; r < o.out(); r++) {
            for (int c = 0; c < o.in(); c++) {
                if (Arrays.binarySearch(kept, c / a.valueDim() / a.groupSize()) < 0) {
                    w[o.inputMajor() ? c * o.out() + r : r * o.in() + c] = 0;
                }
            }
        }
        output.set(w);
    }
}
