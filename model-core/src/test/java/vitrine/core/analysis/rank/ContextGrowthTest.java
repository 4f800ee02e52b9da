package vitrine.core.analysis.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class ContextGrowthTest {

    @Test
    void lengthsGrowByAboutTheRootOfTwo() {
        assertArrayEquals(new int[] {1, 2, 3, 4, 6, 8, 11, 16, 20}, ContextGrowth.lengths(20, 1));
        assertArrayEquals(new int[] {1}, ContextGrowth.lengths(1, 1));
        assertArrayEquals(new int[] {2, 3, 4, 5}, ContextGrowth.lengths(5, 2));
    }

    @Test
    void ranksOfKnownMatrices() {
        try (Arena arena = Arena.ofShared()) {
            assertEquals(3.026064, ContextGrowth.effectiveRank(Rows.matrix(arena, Rows.m64()), false), 2e-6);
            assertEquals(2.528309, ContextGrowth.effectiveRank(Rows.matrix(arena, Rows.m64()), true), 2e-6);
            assertEquals(3.026064, ContextGrowth.effectiveRank(Rows.matrix(arena, Rows.transposed(Rows.m64())), false), 2e-6, "fewer tokens than dimensions");
            assertEquals(1, ContextGrowth.effectiveRank(Rows.matrix(arena, Rows.of(1, 7, (i, j) -> j - 2)), false), 1e-7);
            assertEquals(3, ContextGrowth.effectiveRank(Rows.matrix(arena, Rows.of(3, 7, (i, j) -> i == j ? 5 : 0)), false), 1e-7);
            assertTrue(Double.isNaN(ContextGrowth.effectiveRank(Rows.matrix(arena, Rows.of(2, 2, (i, j) -> 0)), false)));
            assertTrue(Double.isNaN(ContextGrowth.effectiveRank(Rows.matrix(arena, Rows.of(2, 2, (i, j) -> Double.NaN)), false)));
        }
    }
}
