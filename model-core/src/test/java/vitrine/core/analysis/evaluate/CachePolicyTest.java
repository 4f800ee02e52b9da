package vitrine.core.analysis.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.BitSet;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Which keys stay.
class CachePolicyTest {

    private static BitSet kept(CachePolicy policy, double[] proxies, double[] all, double keep, long seed) {
        return policy.kept(proxies, all, keep, new SplittableRandom(seed));
    }

    /// n = 65,536 at a fifth: 655 proxies, 256 first, 399 last, 7,864 by the proxies and 4,587 drawn: 13,106.
    @Test
    void naclsExample() {
        int n = 65536;
        double[] score = new double[n];
        for (int j = 0; j < n; j++) {
            score[j] = (j * 7919L % n) / (double) n;
        }
        assertEquals(655, CachePolicy.proxies(n));
        BitSet kept = kept(CachePolicy.nacl, score, score, 0.2, 1);
        assertEquals(256 + 399 + 7864 + 4587, kept.cardinality());
        assertTrue(kept.nextClearBit(0) >= 256 && kept.previousClearBit(n - 1) < n - 399);
        // The 7,864 largest of the middle are all there.
        double[] middle = Arrays.copyOfRange(score, 256, n - 399);
        double[] sorted = middle.clone();
        Arrays.sort(sorted);
        for (int j = 0; j < middle.length; j++) {
            assertTrue(middle[j] <= sorted[middle.length - 7864 - 1] || kept.get(256 + j), "key " + j);
        }
    }

    @ParameterizedTest
    @EnumSource
    void allStayWhereTheBudgetIsWholeAndTheSameStayForTheSameSeed(CachePolicy policy) {
        double[] score = new SplittableRandom(3).doubles(100).toArray();
        assertEquals(100, kept(policy, score, score, 1, 5).cardinality());
        BitSet half = kept(policy, score, score, 0.5, 5);
        assertEquals(half, kept(policy, score, score, 0.5, 5));
        assertTrue(half.get(99), "the last key stays");
        assertTrue(half.cardinality() <= 50 && half.cardinality() >= 47, half.cardinality() + " of 50");
    }

    @Test
    void h2oKeepsTheLastAndTheMostAttended() {
        double[] all = {9, 1, 5, 2, 8, 1, 1, 1, 1, 1};
        BitSet kept = kept(CachePolicy.h2o, new double[10], all, 0.4, 0);
        assertEquals("{0, 4, 8, 9}", kept.toString());
        assertEquals("{0, 1, 2, 3, 9}", kept(CachePolicy.window, all, all, 0.5, 0).toString());
        assertEquals("{9}", kept(CachePolicy.window, all, all, 0.1, 0).toString());
    }

    /// Draws follow the softmax of the scores: of two keys that are left, the one with ln 4 more is drawn four times of five.
    @Test
    void naclDrawsByTheSoftmax() {
        // 40 keys at 0.0715: none first, one last, one by score, one drawn of the 38 that are left.
        double[] score = new double[40];
        Arrays.fill(score, -50);
        score[20] = 3;
        score[7] = Math.log(4);
        score[8] = 0;
        int[] drawn = new int[40];
        int rounds = 20_000;
        SplittableRandom random = new SplittableRandom(11);
        for (int i = 0; i < rounds; i++) {
            CachePolicy.nacl.kept(score, score, 0.0715, new SplittableRandom(random.nextLong())).stream().forEach(j -> drawn[j]++);
        }
        assertEquals(rounds, drawn[20]);
        assertEquals(rounds, drawn[39]);
        assertEquals(0.8, drawn[7] / (double) rounds, 5 * Math.sqrt(0.16 / rounds));
        assertEquals(rounds, drawn[7] + drawn[8]);
    }
}
