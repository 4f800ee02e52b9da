package vitrine.core.analysis.routing;

import java.util.Map;
import java.util.TreeMap;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// How often tokens chose each expert, by layer.
public final class ExpertCounts implements Probe {

    private final Map<Integer, long[]> counts = new TreeMap<>();

    public ExpertCounts(ModelSpec spec) {
        spec.expertLayers().forEach(l -> counts.put(l, new long[spec.experts(l).router().experts()]));
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.EXPERT_IDS && counts.containsKey(layer);
    }

    @Override
    public void at(Place place, Matrix ids) {
        long[] of = counts.get(place.layer());
        for (int t = 0; t < ids.rows(); t++) {
            for (float e : ids.row(t)) {
                if (e >= 0) {
                    of[(int) e]++;
                }
            }
        }
    }

    /// By layer, those with experts only.
    public Map<Integer, Load> loads() {
        Map<Integer, Load> out = new TreeMap<>();
        counts.forEach((l, c) -> out.put(l, new Load(c)));
        return out;
    }

    /// Half the sum over experts of the differences of two layers' load shares; NaN where their numbers of experts differ or no token passed.
    public static double moved(Load a, Load b) {
        if (a.counts().length != b.counts().length) {
            return Double.NaN;
        }
        double[] p = a.shares();
        double[] q = b.shares();
        double sum = 0;
        for (int e = 0; e < p.length; e++) {
            sum += Math.abs(q[e] - p[e]);
        }
        return sum / 2;
    }
}
