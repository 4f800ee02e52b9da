package vitrine.core.prune;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// SWIFT's search for the sub-layers that a pass can skip: random sets, and every 25th time the one of which a Gaussian process over all sets seen so far hopes for most. It ends where a set
/// is good enough, where nothing better has come for long, or where all sets have been tried.
///
/// The process has a Matern 5/2 kernel over the sets as corners of a cube, and hopes for mean + 2 standard deviations; its proposals are the best of random points of the cube, whose
/// largest coordinates are skipped.
///
/// Source: Xia et al., *SWIFT*, 2024, arXiv 2410.06916.
public final class SkipSearch {

    public static final double ENOUGH = 0.95;
    public static final int PATIENCE = 300;
    public static final int MOST = 1000;
    private static final int PROPOSAL_EVERY = 25;
    private static final int CANDIDATES = 200;
    private static final double NOISE = 1e-4;
    private static final double HOPE = 2;

    private final int units;
    private final int skip;
    private final Random random;
    private final Map<BitSet, Double> seen = new HashMap<>();
    private final List<BitSet> order = new ArrayList<>();

    private SkipSearch(int units, int skip, long seed) {
        this.units = units;
        this.skip = skip;
        random = new Random(seed);
    }

    /// The best set that was found.
    ///
    /// @param skipped ascending
    /// @param matchness of it
    /// @param tried how many different sets were
    public record Found(int[] skipped, double matchness, int tried) {}

    /// How well a set does.
    @FunctionalInterface
    public interface Matchness {
        /// From 0 to 1.
        double of(BitSet skipped) throws IOException;
    }

    /// @param skip how many of the units
    /// @param matchness of a set: asked for once
    public static Found run(int units, int skip, long seed, Matchness matchness) throws IOException {
        return run(units, skip, seed, MOST, matchness);
    }

    /// The same search, broken off earlier: what it finds is no better than what it would have found.
    ///
    /// @param most sets that are drawn
    public static Found run(int units, int skip, long seed, int most, Matchness matchness) throws IOException {
        return new SkipSearch(units, skip, seed).search(Math.min(MOST, most), matchness);
    }

    private Found search(int most, Matchness matchness) throws IOException {
        double all = sets();
        BitSet best = null;
        int without = 0;
        for (int i = 1; i <= most && without < PATIENCE && seen.size() < all; i++) {
            BitSet now = i % PROPOSAL_EVERY == 0 ? proposal() : largest(point());
            double before = best == null ? Double.NEGATIVE_INFINITY : seen.get(best);
            if (!seen.containsKey(now)) {
                seen.put(now, matchness.of(now));
                order.add(now);
            }
            if (seen.get(now) > before) {
                best = now;
                without = 0;
            } else {
                without++;
            }
            if (seen.get(best) > ENOUGH) {
                break;
            }
        }
        return new Found(best.stream().toArray(), seen.get(best), seen.size());
    }

    /// How many sets there are.
    private double sets() {
        double n = 1;
        for (int i = 1; i <= skip; i++) {
            n = n * (units - skip + i) / i;
        }
        return Math.rint(n);
    }

    private double[] point() {
        return random.doubles(units).toArray();
    }

    private BitSet largest(double[] point) {
        BitSet out = new BitSet(units);
        int[] stay = Structure.without(point, units - skip);
        Arrays.stream(stay).forEach(out::set);
        return out;
    }

    /// The set of which most is hoped for.
    private BitSet proposal() {
        int n = order.size();
        double mean = order.stream().mapToDouble(seen::get).average().orElse(0);
        double[][] l = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                double v = kernel(order.get(i), order.get(j)) + (i == j ? NOISE : 0);
                for (int k = 0; k < j; k++) {
                    v -= l[i][k] * l[j][k];
                }
                l[i][j] = i == j ? Math.sqrt(Math.max(v, 1e-12)) : v / l[j][j];
            }
        }
        double spread = Math.sqrt(Math.max(1e-12, order.stream().mapToDouble(o -> Math.pow(seen.get(o) - mean, 2)).average().orElse(0)));
        double[] y = forward(l, order.stream().mapToDouble(o -> (seen.get(o) - mean) / spread).toArray());
        BitSet best = null;
        double most = Double.NEGATIVE_INFINITY;
        for (int c = 0; c < CANDIDATES; c++) {
            BitSet now = largest(point());
            if (seen.containsKey(now)) {
                continue;
            }
            double[] a = forward(l, order.stream().mapToDouble(o -> kernel(o, now)).toArray());
            double expected = 0;
            double variance = 1 + NOISE;
            for (int i = 0; i < n; i++) {
                expected += a[i] * y[i];
                variance -= a[i] * a[i];
            }
            double hope = expected + HOPE * Math.sqrt(Math.max(0, variance));
            if (hope > most) {
                most = hope;
                best = now;
            }
        }
        return best == null ? largest(point()) : best;
    }

    /// Solves `L x = b`.
    private static double[] forward(double[][] l, double[] b) {
        double[] x = b.clone();
        for (int i = 0; i < x.length; i++) {
            for (int k = 0; k < i; k++) {
                x[i] -= l[i][k] * x[k];
            }
            x[i] /= l[i][i];
        }
        return x;
    }

    private double kernel(BitSet a, BitSet b) {
        BitSet apart = (BitSet) a.clone();
        apart.xor(b);
        double r = Math.sqrt(5 * apart.cardinality() / Math.max(1.0, skip));
        return (1 + r + r * r / 3) * Math.exp(-r);
    }
}
