package vitrine.views.routing;

import java.util.Arrays;

/// The order of a hierarchical clustering: things that are alike come to stand side by side.
///
/// Average linkage (UPGMA; Sokal and Michener, 1958); of two clusters that join, each is turned so that the more alike ends meet.
final class Clustering {

    private Clustering() {}

    /// @param affinity symmetric, greater where more alike, `[n * n]`; the diagonal and NaN count for nothing
    /// @return numbers from 0 to n - 1
    static int[] order(double[] affinity, int n) {
        double[] between = new double[n * n];
        for (int i = 0; i < between.length; i++) {
            between[i] = Double.isFinite(affinity[i]) ? affinity[i] : 0;
        }
        int[][] members = new int[n][];
        boolean[] alive = new boolean[n];
        int[] best = new int[n];
        for (int i = 0; i < n; i++) {
            members[i] = new int[] {i};
            alive[i] = true;
        }
        for (int i = 0; i < n; i++) {
            best[i] = best(between, alive, i, n);
        }
        for (int joins = 1; joins < n; joins++) {
            int a = -1;
            for (int i = 0; i < n; i++) {
                if (alive[i] && (a < 0 || between[i * n + best[i]] > between[a * n + best[a]])) {
                    a = i;
                }
            }
            int b = best[a];
            double sizeA = members[a].length;
            double sizeB = members[b].length;
            for (int i = 0; i < n; i++) {
                if (alive[i] && i != a && i != b) {
                    double joined = (sizeA * between[a * n + i] + sizeB * between[b * n + i]) / (sizeA + sizeB);
                    between[a * n + i] = joined;
                    between[i * n + a] = joined;
                }
            }
            members[a] = joined(members[a], members[b], affinity, n);
            alive[b] = false;
            for (int i = 0; i < n; i++) {
                if (alive[i] && (i == a || best[i] == a || best[i] == b || between[i * n + a] > between[i * n + best[i]])) {
                    best[i] = best(between, alive, i, n);
                }
            }
        }
        for (int i = 0; i < n; i++) {
            if (alive[i]) {
                return members[i];
            }
        }
        return new int[0];
    }

    private static int best(double[] between, boolean[] alive, int i, int n) {
        int best = -1;
        for (int j = 0; j < n; j++) {
            if (j != i && alive[j] && (best < 0 || between[i * n + j] > between[i * n + best])) {
                best = j;
            }
        }
        return Math.max(best, 0);
    }

    private static int[] joined(int[] a, int[] b, double[] affinity, int n) {
        int[] bestA = a;
        int[] bestB = b;
        double most = Double.NEGATIVE_INFINITY;
        for (int turn = 0; turn < 4; turn++) {
            int[] left = turn % 2 == 0 ? a : reversed(a);
            int[] right = turn < 2 ? b : reversed(b);
            double here = affinity[left[left.length - 1] * n + right[0]];
            if (here > most) {
                most = here;
                bestA = left;
                bestB = right;
            }
        }
        int[] out = Arrays.copyOf(bestA, a.length + b.length);
        System.arraycopy(bestB, 0, out, a.length, b.length);
        return out;
    }

    private static int[] reversed(int[] a) {
        int[] out = new int[a.length];
        for (int i = 0; i < a.length; i++) {
            out[i] = a[a.length - 1 - i];
        }
        return out;
    }
}
