package vitrine.core.analysis.rank;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// How much a layer turns the residual stream: the mean over tokens of `1 - cos(before, after)`.
///
/// Source: Swift-SVD, arXiv 2604.01609 (after ShortGPT's block influence), which adds the means of samples up where this takes the mean
/// over all tokens; the allocation that uses them does not depend on their scale.
public final class BlockInfluence implements Probe {

    private final double[] sums;
    private final double[] counts;
    private final Map<Integer, float[]> before = new HashMap<>();

    public BlockInfluence(ModelSpec spec) {
        sums = new double[spec.layers().size()];
        counts = new double[sums.length];
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.RESID_PRE || site == Site.RESID_POST;
    }

    @Override
    public void at(Place place, Matrix value) {
        if (place.site() == Site.RESID_PRE) {
            before.put(place.sequence(), value.toArray());
            return;
        }
        float[] x = before.remove(place.sequence());
        int width = value.columns();
        for (int r = 0; r < value.rows(); r++) {
            float[] y = value.row(r);
            double xy = 0;
            double xx = 0;
            double yy = 0;
            for (int i = 0; i < width; i++) {
                double a = x[r * width + i];
                xy += a * y[i];
                xx += a * a;
                yy += (double) y[i] * y[i];
            }
            sums[place.layer()] += 1 - xy / Math.sqrt(xx * yy);
            counts[place.layer()]++;
        }
    }

    /// What is added up: changed from outside, it goes on from there.
    public List<double[]> sums() {
        return List.of(sums, counts);
    }

    /// `[layers]`
    public double[] mean() {
        double[] out = new double[sums.length];
        for (int l = 0; l < out.length; l++) {
            out[l] = sums[l] / counts[l];
        }
        return out;
    }
}
