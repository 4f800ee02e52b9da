package vitrine.core.prune;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Parallel;

/// A pass whose values err by as much as they would if matrices were pruned, without a matrix that is.
///
/// What a matrix gives without the part that went is y - d. Where that part has nothing to do with the one that stays, as with weights of uncorrelated inputs or with the tail of a
/// spectrum, d lies half in y: with e^2 = E d^2 / E y^2 of a channel, the rest is (1 - e^2) y and something uncorrelated with y of the second moment e^2 (1 - e^2) E y^2. Here that something
/// is Gaussian noise, which for a channel c and a token t has the amplitude e_c rms_c s_t sqrt(1 - e_c^2): rms_c over the tokens of the sequence, and s_t^2 the mean over
/// channels of (y_tc / rms_c)^2, so that loud channels and loud tokens err more. The loss of such a pass is what independent errors of this size cost; real errors hang together, so it is an estimate.
///
/// The noise hangs on layer, place, sequence and row alone: a pass gives the same bits however many threads there are.
public final class Disturbance implements Probe {

    private final Map<Integer, Map<Site, double[]>> errors = new HashMap<>();
    private final long seed;

    public Disturbance(long seed) {
        this.seed = seed;
    }

    /// Lets the values at a place err; where they did already, as two steps in a row do.
    ///
    /// @param squared the relative squared error of each channel, or one for all; from 0 to 1
    public void add(int layer, Site site, double... squared) {
        errors.computeIfAbsent(layer, l -> new EnumMap<>(Site.class)).merge(site, squared.clone(), Disturbance::both);
    }

    private static double[] both(double[] a, double[] b) {
        double[] out = new double[Math.max(a.length, b.length)];
        Arrays.setAll(out, i -> 1 - (1 - a[a.length == 1 ? 0 : i]) * (1 - b[b.length == 1 ? 0 : i]));
        return out;
    }

    /// The relative squared errors of a place; empty where it has none.
    public double[] squared(int layer, Site site) {
        return errors.getOrDefault(layer, Map.of()).getOrDefault(site, new double[0]).clone();
    }

    @Override
    public boolean wants(int layer, Site site) {
        double[] e = errors.getOrDefault(layer, Map.of()).get(site);
        return e != null && Arrays.stream(e).anyMatch(v -> v > 0);
    }

    @Override
    public void at(Place place, Matrix value) {
        double[] squared = errors.get(place.layer()).get(place.site());
        int n = value.columns();
        double[] rms = new double[n];
        for (int r = 0; r < value.rows(); r++) {
            float[] row = value.row(r);
            for (int c = 0; c < n; c++) {
                rms[c] += (double) row[c] * row[c] / value.rows();
            }
        }
        for (int c = 0; c < n; c++) {
            rms[c] = Math.sqrt(rms[c]);
        }
        Parallel.over(value.rows(), 16, (from, to) -> {
            for (int r = from; r < to; r++) {
                disturb(value, r, squared, rms, new SplittableRandom(mix(place, r)));
            }
        });
    }

    private static void disturb(Matrix value, int r, double[] squared, double[] rms, SplittableRandom random) {
        float[] row = value.row(r);
        double loud = 0;
        for (int c = 0; c < row.length; c++) {
            loud += rms[c] == 0 ? 0 : Math.pow(row[c] / rms[c], 2) / row.length;
        }
        for (int c = 0; c < row.length; c++) {
            double e = squared[squared.length == 1 ? 0 : c];
            value.set(r, c, (float) ((1 - e) * row[c] + Math.sqrt(e * (1 - e) * loud) * rms[c] * random.nextGaussian()));
        }
    }

    private long mix(Place place, int row) {
        long h = seed;
        for (long part : new long[] {place.layer(), place.site().ordinal(), place.sequence(), place.firstPosition() + (long) row}) {
            h = (h ^ part) * 0x9E3779B97F4A7C15L;
            h ^= h >>> 29;
        }
        return h;
    }
}
