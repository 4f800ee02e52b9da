package vitrine.core.prune.method;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.openblas.OpenBlas;

/// Experts that do alike become one.
///
///     who goes together   K-means on the experts' outputs over shared tokens, each of length 1: all that it needs is the cosine of every two
///     what they become    along inputs (down):       [W_1 .. W_m] = U S [V_1 .. V_m], V = sum f_i V_i / sum f_i, W = U_k S_k V_k
///                         along outputs (gate, up):  [W_1; .. W_m] = [U_1; .. U_m] S V, U = sum f_i U_i / sum f_i, W = U_k S_k V_k
///
/// f is how many tokens visit an expert; where nobody visits any of them, each counts the same. The second is found without the decomposition of the long matrix, by the eigenvectors Q_k of the sum of
/// `W_i W_i^T` (or `W_i^T W_i`): W is the weighted mean projected on them. At full rank it is that mean itself. Float64.
///
/// Source: Li et al., *Sub-MoE*, 2025, arXiv 2506.23266, by its abstract; which side is shared for which matrix, and first centres that are far from each other, are choices of ours.
public final class ExpertMerge {

    private static final int MOST_ROUNDS = 100;

    private ExpertMerge() {}

    /// Groups experts by likeness.
    ///
    /// @param cosine of the outputs of every two, `[experts, experts]`
    /// @param count how many groups, from 1
    /// @return the group of each, the smallest number of an expert in it
    public static int[] groups(double[][] cosine, int count) {
        int n = cosine.length;
        int[] centre = new int[count];
        // The first centres: expert 0, then whoever is least like those that there are.
        for (int c = 1; c < count; c++) {
            double least = Double.POSITIVE_INFINITY;
            for (int e = 0; e < n; e++) {
                int expert = e;
                double like = IntStream.range(0, c).mapToDouble(o -> centre[o] == expert ? Double.POSITIVE_INFINITY : cosine[expert][centre[o]]).max().orElse(0);
                if (like < least) {
                    least = like;
                    centre[c] = e;
                }
            }
        }
        int[] of = new int[n];
        for (int e = 0; e < n; e++) {
            for (int c = 1; c < count; c++) {
                of[e] = e == centre[c] || e != centre[of[e]] && cosine[e][centre[c]] > cosine[e][centre[of[e]]] ? c : of[e];
            }
        }
        for (int round = 0; round < MOST_ROUNDS; round++) {
            int[] next = nearest(cosine, of, count);
            if (Arrays.equals(next, of)) {
                break;
            }
            of = next;
        }
        int[] found = of;
        return IntStream.range(0, n).map(e -> IntStream.range(0, n).filter(o -> found[o] == found[e]).findFirst().orElse(e)).toArray();
    }

    /// The nearest mean of each; an expert that is alone in its group stays there, so that no group is ever empty.
    private static int[] nearest(double[][] cosine, int[] of, int count) {
        int n = of.length;
        double[] size = new double[count];
        double[] within = new double[count];
        double[][] to = new double[n][count];
        for (int e = 0; e < n; e++) {
            size[of[e]]++;
            for (int o = 0; o < n; o++) {
                to[e][of[o]] += cosine[e][o];
            }
        }
        for (int e = 0; e < n; e++) {
            within[of[e]] += to[e][of[e]];
        }
        int[] out = new int[n];
        for (int e = 0; e < n; e++) {
            int best = of[e];
            for (int c = 0; c < count && size[of[e]] > 1; c++) {
                // Squared distance to a mean, less the expert's own square, which is the same for all.
                if (within[c] / (size[c] * size[c]) - 2 * to[e][c] / size[c] < within[best] / (size[best] * size[best]) - 2 * to[e][best] / size[best] - 1e-12) {
                    best = c;
                }
            }
            size[of[e]] -= best == of[e] ? 0 : 1;
            size[best] += best == of[e] ? 0 : 1;
            if (best != of[e]) {
                // Means move with whoever moves: the sums of both groups are those without and with it.
                within[of[e]] -= 2 * to[e][of[e]] - cosine[e][e];
                within[best] += 2 * to[e][best] + cosine[e][e];
                for (int o = 0; o < n; o++) {
                    to[o][of[e]] -= cosine[o][e];
                    to[o][best] += cosine[o][e];
                }
                of = of.clone();
                of[e] = best;
            }
            out[e] = best;
        }
        return out;
    }

    /// Merges matrices of one kind.
    ///
    /// @param all `[out, in]` each
    /// @param visits of the experts that they belong to
    /// @param alongInputs whether they share U (and stand side by side) or V (and stand below each other)
    /// @param rank how much of the shared side stays, from 1; all where as large as that side
    /// @param to `[out, in]`, filled
    public static void merge(List<Matrix> all, double[] visits, boolean alongInputs, int rank, Matrix to) {
        int out = to.rows();
        int in = to.columns();
        int side = alongInputs ? out : in;
        double sum = Arrays.stream(visits).sum();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment mean = arena.allocate(8L * out * in, 64);
            MemorySegment moments = rank < side ? arena.allocate(8L * side * side, 64) : null;
            for (int i = 0; i < all.size(); i++) {
                try (Arena scratch = Arena.ofShared()) {
                    MemorySegment w = Wide.of(all.get(i), scratch);
                    double f = sum > 0 ? visits[i] / sum : 1.0 / all.size();
                    for (long j = 0; j < (long) out * in; j++) {
                        mean.setAtIndex(JAVA_DOUBLE, j, mean.getAtIndex(JAVA_DOUBLE, j) + f * w.getAtIndex(JAVA_DOUBLE, j));
                    }
                    if (moments != null && alongInputs) {
                        OpenBlas.open().addOuter(w, out, in, in, i == 0 ? 0 : 1, moments);
                    } else if (moments != null) {
                        OpenBlas.open().addInner(w, out, in, in, i == 0 ? 0 : 1, moments);
                    }
                }
            }
            if (moments != null) {
                OpenBlas.open().eigenvectors(moments, side);
                MemorySegment q = moments.asSlice(8L * (side - rank) * side, 8L * rank * side);
                MemorySegment part = arena.allocate(8L * rank * (alongInputs ? in : out), 64);
                if (alongInputs) {
                    OpenBlas.open().multiply(false, false, rank, in, out, q, out, mean, in, 0, part, in);
                    OpenBlas.open().multiply(true, false, out, in, rank, q, out, part, in, 0, mean, in);
                } else {
                    OpenBlas.open().multiply(false, true, out, rank, in, mean, in, q, in, 0, part, rank);
                    OpenBlas.open().multiply(false, false, out, in, rank, part, rank, q, in, 0, mean, in);
                }
            }
            Wide.narrow(mean, to);
        }
    }
}
