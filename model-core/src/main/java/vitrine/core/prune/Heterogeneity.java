package vitrine.core.prune;

import java.util.Arrays;
import java.util.BitSet;

/// How much a few weights of a matrix count for more than all others do, by any score from 0.
///
/// By impact, the second derivative of the loss for equal disturbances of the weights (empirical Fisher, the mean of squared gradients of single texts), the largest are what CherryQ keeps exact.
///
/// Source: Cui and Wang, *Cherry on Top: Parameter Heterogeneity and Quantization in Large Language Models*, 2024, arXiv 2404.02837.
public final class Heterogeneity {

    /// Of so many weights one is a cherry.
    public static final int CHERRY = 256;
    private static final int TOP = 100;

    private Heterogeneity() {}

    /// The mean of the largest hundredth over the largest of the others; 1 where all are alike, NaN where the others are 0 or there are none.
    ///
    /// @param scores of weights, from 0
    public static double of(double[] scores) {
        int top = Math.max(1, scores.length / TOP);
        if (scores.length <= top) {
            return Double.NaN;
        }
        double[] ascending = scores.clone();
        Arrays.parallelSort(ascending);
        double sum = 0;
        for (int i = scores.length - top; i < scores.length; i++) {
            sum += ascending[i];
        }
        double rest = ascending[scores.length - top - 1];
        return rest > 0 ? sum / top / rest : Double.NaN;
    }

    /// Which weights are cherries: the largest of every [#CHERRY]; of equal scores the smaller number first.
    public static BitSet cherries(double[] scores) {
        BitSet out = new BitSet(scores.length);
        int count = scores.length / CHERRY;
        if (count == 0) {
            return out;
        }
        double[] ascending = scores.clone();
        Arrays.parallelSort(ascending);
        double least = ascending[scores.length - count];
        for (int i = 0; i < scores.length; i++) {
            if (scores[i] > least) {
                out.set(i);
            }
        }
        for (int i = 0, left = count - out.cardinality(); left > 0; i++) {
            if (scores[i] == least) {
                out.set(i);
                left--;
            }
        }
        return out;
    }

    /// What two sets have in common, of what either has; 1 where both are empty.
    public static double overlap(BitSet a, BitSet b) {
        BitSet both = (BitSet) a.clone();
        both.and(b);
        BitSet either = (BitSet) a.clone();
        either.or(b);
        return either.isEmpty() ? 1 : (double) both.cardinality() / either.cardinality();
    }
}
