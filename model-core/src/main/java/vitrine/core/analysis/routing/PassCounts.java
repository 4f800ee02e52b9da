package vitrine.core.analysis.routing;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// The little that is wanted of a further pass over the same texts: loads, the probability that the chosen experts have together, and, against the model as it is, how many
/// of a token's experts are the same.
///
/// Source of the saturation: Muennighoff et al., *OLMoE*, 2024.
public final class PassCounts implements Probe {

    private final List<Integer> layers;
    private final long[][][] ofGroup;
    private final double[] mass;
    private final double[] shared;
    private final long[] sharedFirst;
    private long tokens;
    private RoutingStatistics original;
    private int[] groupOf;
    private int[] starts;
    private final Map<Integer, float[][]> logits = new HashMap<>();

    /// @param spec of the pass, whose layers with experts are those of the original
    public PassCounts(ModelSpec spec, int groups) {
        layers = spec.expertLayers();
        ofGroup = layers.stream().map(l -> new long[groups][spec.experts(l).router().experts()]).toArray(long[][][]::new);
        mass = new double[layers.size()];
        shared = new double[layers.size()];
        sharedFirst = new long[layers.size()];
    }

    /// The batch that passes next, as [RoutingStatistics#begin].
    ///
    /// @param before the model as it is, over the same batch; null where no experts are compared
    public void begin(int[][] ofBatch, int[] groupOfSequence, RoutingStatistics before) {
        original = before;
        groupOf = groupOfSequence;
        starts = new int[ofBatch.length + 1];
        for (int s = 0; s < ofBatch.length; s++) {
            starts[s + 1] = starts[s] + ofBatch[s].length;
        }
        tokens += starts[ofBatch.length];
    }

    @Override
    public boolean wants(int layer, Site site) {
        return (site == Site.ROUTER_LOGITS || site == Site.EXPERT_IDS) && layers.contains(layer);
    }

    @Override
    public void at(Place place, Matrix value) {
        if (place.site() == Site.ROUTER_LOGITS) {
            float[][] rows = new float[value.rows()][];
            java.util.Arrays.setAll(rows, value::row);
            logits.put(place.sequence(), rows);
            return;
        }
        int i = layers.indexOf(place.layer());
        float[][] l = logits.remove(place.sequence());
        for (int t = 0; t < value.rows(); t++) {
            double[] p = Confidence.softmax(l[t]);
            float[] chosen = value.row(t);
            for (float e : chosen) {
                ofGroup[i][groupOf[place.sequence()]][(int) e]++;
                mass[i] += p[(int) e];
            }
            if (original != null) {
                compare(i, chosen, original.chosenOfBatch(i), (starts[place.sequence()] + t) * original.layer(i).perToken());
            }
        }
    }

    private void compare(int i, float[] chosen, int[] before, int at) {
        int k = original.layer(i).perToken();
        int same = 0;
        for (int a = at; a < at + k; a++) {
            for (float e : chosen) {
                same += before[a] == (int) e ? 1 : 0;
            }
        }
        shared[i] += (double) same / k;
        sharedFirst[i] += before[at] == (int) chosen[0] ? 1 : 0;
    }

    /// Tokens of each group that visited each expert of the i-th layer with experts, `[groups][experts]`.
    public long[][] ofGroup(int i) {
        return ofGroup[i];
    }

    /// Loads of the i-th layer with experts.
    public Load load(int i) {
        long[] sum = new long[ofGroup[i][0].length];
        for (long[] group : ofGroup[i]) {
            for (int e = 0; e < sum.length; e++) {
                sum[e] += group[e];
            }
        }
        return new Load(sum);
    }

    /// Mean sum of p over the chosen.
    public double mass(int i) {
        return mass[i] / tokens;
    }

    /// Share of a token's experts that the other pass has chosen too, mean over tokens; 1 where all are the same, chance is k / N.
    public double saturation(int i) {
        return shared[i] / tokens;
    }

    /// Share of tokens whose first expert is the same.
    public double firstSaturation(int i) {
        return (double) sharedFirst[i] / tokens;
    }
}
