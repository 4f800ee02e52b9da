package vitrine.core.analysis.adapter;

import java.lang.foreign.Arena;

/// Two deltas of one module against each other.
///
/// Factors are never compared: they are not unique. Norms depend on alpha, cosines and angles do not.
///
/// @param inner <dW1, dW2>
/// @param cosine inner / (|dW1| |dW2|); NaN where one is zero
/// @param leftAngles principal angles of the left spaces, degrees, smallest first
/// @param rightAngles of the right spaces
/// @param overlap phi of the left spaces, and of the right ones
/// @param signConflict the share of coordinates where the two have opposite signs
/// @param trimmedConflict the same among coordinates that both keep when each is trimmed to its largest 20 % (TIES); NaN where they keep none in common
/// @param shared how many coordinates both keep
public record ModuleComparison(double inner, double cosine, double firstNorm, double secondNorm, double[] leftAngles, double[] rightAngles, double overlap, double rightOverlap,
                               double signConflict, double trimmedConflict, long shared) {

    /// The share of coordinates that TIES keeps.
    public static final double KEPT = 0.2;
    /// Deltas of at most so many values are sorted as they are; of larger ones the threshold is found from a histogram.
    private static final int BINS = 1 << 16;

    public static ModuleComparison of(Factors one, Factors two, Arena arena) {
        DeltaSpectrum first = DeltaSpectrum.of(one, arena);
        DeltaSpectrum second = DeltaSpectrum.of(two, arena);
        Dense bb = one.b().times(arena, true, two.b(), false);
        Dense aa = one.a().times(arena, false, two.a(), true);
        double inner = 0;
        for (int i = 0; i < bb.rows(); i++) {
            for (int j = 0; j < bb.columns(); j++) {
                inner += bb.get(i, j) * aa.get(i, j);
            }
        }
        inner *= one.scaling() * two.scaling();
        double n1 = first.measures().frobenius();
        double n2 = second.measures().frobenius();
        int k1 = first.numericalRank();
        int k2 = second.numericalRank();
        Dense u1 = first.left().firstColumns(arena, k1);
        Dense u2 = second.left().firstColumns(arena, k2);
        Dense v1 = Subspaces.transposed(first.right().rows(0, k1), arena);
        Dense v2 = Subspaces.transposed(second.right().rows(0, k2), arena);
        Signs signs = signs(one, two);
        return new ModuleComparison(inner, n1 > 0 && n2 > 0 ? Math.clamp(inner / (n1 * n2), -1, 1) : Double.NaN, n1, n2, Subspaces.angles(u1, u2, arena), Subspaces.angles(v1, v2, arena),
                overlap(u1, u2, arena), overlap(v1, v2, arena), signs.conflict, signs.trimmed, signs.shared);
    }

    private static double overlap(Dense x, Dense y, Arena arena) {
        return x.columns() == 0 || y.columns() == 0 ? Double.NaN : x.times(arena, true, y, false).squares() / Math.min(x.columns(), y.columns());
    }

    private record Signs(double conflict, double trimmed, long shared) {}

    private static Signs signs(Factors one, Factors two) {
        long n = (long) one.out() * one.in();
        long kept = (long) Math.ceil(KEPT * n - 1e-9);
        double t1 = threshold(one, kept);
        double t2 = threshold(two, kept);
        long[] counts = new long[3];
        pass(one, two, (x, y) -> {
            boolean opposite = x * y < 0 || x > 0 && y < 0 || x < 0 && y > 0;
            counts[0] += opposite ? 1 : 0;
            if (Math.abs(x) >= t1 && Math.abs(y) >= t2 && x != 0 && y != 0) {
                counts[1]++;
                counts[2] += opposite ? 1 : 0;
            }
        });
        return new Signs((double) counts[0] / n, counts[1] == 0 ? Double.NaN : (double) counts[2] / counts[1], counts[1]);
    }

    private interface Pair {
        void at(double x, double y);
    }

    private static void pass(Factors one, Factors two, Pair each) {
        int most = (int) Math.clamp(BaseWeight.BLOCK_BYTES / 8 / one.in(), 1, one.out());
        for (int from = 0; from < one.out(); from += most) {
            int count = Math.min(most, one.out() - from);
            try (Arena scratch = Arena.ofConfined()) {
                double[] x = one.deltaRows(scratch, from, count).toArray();
                double[] y = two == null ? x : two.deltaRows(scratch, from, count).toArray();
                for (int i = 0; i < x.length; i++) {
                    each.at(x[i], y[i]);
                }
            }
        }
    }

    /// The magnitude of the `kept`-th largest value: exact where the values fit an array, else to 1 / 65,536 of the largest.
    private static double threshold(Factors f, long kept) {
        long n = (long) f.out() * f.in();
        if (n <= 1 << 22) {
            double[] all = new double[(int) n];
            int[] at = {0};
            pass(f, null, (x, y) -> all[at[0]++] = Math.abs(x));
            java.util.Arrays.sort(all);
            return all[(int) (n - kept)];
        }
        double[] largest = {0};
        pass(f, null, (x, y) -> largest[0] = Math.max(largest[0], Math.abs(x)));
        long[] bins = new long[BINS + 1];
        if (largest[0] == 0) {
            return 0;
        }
        pass(f, null, (x, y) -> bins[(int) (Math.abs(x) / largest[0] * BINS)]++);
        long above = 0;
        for (int b = BINS; b >= 0; b--) {
            above += bins[b];
            if (above >= kept) {
                return largest[0] * b / BINS;
            }
        }
        return 0;
    }
}
