package vitrine.core.analysis.adapter;

import java.lang.foreign.Arena;
import vitrine.core.tensor.openblas.OpenBlas;

/// What each stored component s b_i a_i^T is worth, without gradients.
///
/// @param normProduct n_i = s |b_i| |a_i|, the Frobenius norm of the component, `[r]`
/// @param share s^2 sum_j (b_i . b_j)(a_i . a_j) / |dW|_F^2: the component's part of the delta's energy; they sum to 1 and may be negative, `[r]`
/// @param interference |dW|_F^2 / sum n_i^2: 1 where components are orthogonal, above 1 where they add to each other, below 1 where they cancel
public record StoredComponents(double[] normProduct, double[] share, double interference) {

    public static StoredComponents of(Factors f, Arena arena) {
        int r = f.rank();
        // Small products by one thread, as in DeltaSpectrum.
        Dense[] grams = OpenBlas.open().inThreads(1, () -> new Dense[] {f.a().times(arena, false, f.a(), true), f.b().times(arena, true, f.b(), false)});
        Dense a = grams[0];
        Dense b = grams[1];
        double s2 = f.scaling() * f.scaling();
        double[] norm = new double[r];
        double[] share = new double[r];
        double total = 0;
        double squares = 0;
        for (int i = 0; i < r; i++) {
            norm[i] = Math.abs(f.scaling()) * Math.sqrt(a.get(i, i)) * Math.sqrt(b.get(i, i));
            squares += norm[i] * norm[i];
            for (int j = 0; j < r; j++) {
                share[i] += s2 * b.get(i, j) * a.get(i, j);
            }
            total += share[i];
        }
        for (int i = 0; i < r; i++) {
            share[i] = total > 0 ? share[i] / total : 0;
        }
        return new StoredComponents(norm, share, squares > 0 ? total / squares : Double.NaN);
    }

    /// The components, most important first; equal ones in their order.
    public static Integer[] order(double[] importance) {
        Integer[] order = new Integer[importance.length];
        java.util.Arrays.setAll(order, i -> i);
        java.util.Arrays.sort(order, java.util.Comparator.comparingDouble((Integer i) -> -importance[i]).thenComparingInt(i -> i));
        return order;
    }

    /// Spearman's correlation of the ranks of two scores, ties sharing their mean rank; NaN for fewer than 2 or where one is constant.
    public static double spearman(double[] x, double[] y) {
        double[] a = ranks(x);
        double[] b = ranks(y);
        double mean = (x.length - 1) / 2.0;
        double ab = 0;
        double aa = 0;
        double bb = 0;
        for (int i = 0; i < a.length; i++) {
            ab += (a[i] - mean) * (b[i] - mean);
            aa += (a[i] - mean) * (a[i] - mean);
            bb += (b[i] - mean) * (b[i] - mean);
        }
        return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : Double.NaN;
    }

    private static double[] ranks(double[] x) {
        Integer[] order = order(x);
        double[] out = new double[x.length];
        for (int i = 0; i < order.length; ) {
            int j = i;
            while (j < order.length && x[order[j]] == x[order[i]]) {
                j++;
            }
            for (int k = i; k < j; k++) {
                out[order[k]] = (i + j - 1) / 2.0;
            }
            i = j;
        }
        return out;
    }
}
