package vitrine.core.prune;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.BitSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;

class SkipSearchTest {

    /// Each unit costs something, and some pairs more than their sum; never above what is enough.
    private static double cost(BitSet set) {
        double worth = 0.9;
        for (int u = set.nextSetBit(0); u >= 0; u = set.nextSetBit(u + 1)) {
            worth -= 0.01 * (1 + u * 7 % 10);
            worth -= set.get(u ^ 1) ? 0.02 : 0;
        }
        return worth;
    }

    /// The best of all sets, tried one by one.
    private static double best(int units, int skip, ToDoubleFunction<BitSet> of) {
        double best = Double.NEGATIVE_INFINITY;
        for (long bits = 0; bits < 1L << units; bits++) {
            if (Long.bitCount(bits) == skip) {
                best = Math.max(best, of.applyAsDouble(BitSet.valueOf(new long[] {bits})));
            }
        }
        return best;
    }

    @Test
    void whereThereAreFewSetsTheBestIsFoundAndNoneIsTriedTwice() throws IOException {
        AtomicInteger asked = new AtomicInteger();
        SkipSearch.Found found = SkipSearch.run(8, 3, 0, set -> {
            assertEquals(3, set.cardinality());
            asked.incrementAndGet();
            return cost(set);
        });
        assertEquals(best(8, 3, SkipSearchTest::cost), found.matchness(), 1e-12);
        assertEquals(3, found.skipped().length);
        assertEquals(asked.get(), found.tried());
        assertTrue(found.tried() <= 56);
        assertArrayEquals(found.skipped(), SkipSearch.run(8, 3, 0, SkipSearchTest::cost).skipped(), "the same seed finds the same");
    }

    /// 16 units, 8 skipped: 12,870 sets, of which some hundreds are looked at.
    @Test
    void amongManySetsOneOfTheBestIsFound() throws IOException {
        SkipSearch.Found found = SkipSearch.run(16, 8, 5, SkipSearchTest::cost);
        double[] all = java.util.stream.LongStream.range(0, 1L << 16).filter(b -> Long.bitCount(b) == 8).mapToDouble(b -> cost(BitSet.valueOf(new long[] {b}))).sorted().toArray();
        assertTrue(found.tried() <= SkipSearch.MOST && found.tried() < all.length / 10);
        assertTrue(found.matchness() >= all[all.length - all.length / 100], found.matchness() + " of at most " + all[all.length - 1]);
    }

    @Test
    void itEndsWhereASetIsGoodEnough() throws IOException {
        assertEquals(1, SkipSearch.run(20, 5, 1, set -> 0.96).tried());
        assertEquals(0, SkipSearch.run(6, 0, 1, set -> 0.5).skipped().length);
        // Nothing better in 300 tries ends it, although not all sets have been seen.
        assertTrue(SkipSearch.run(24, 12, 1, set -> 0.5).tried() <= SkipSearch.PATIENCE + 1);
    }
}
