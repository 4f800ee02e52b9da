package vitrine.core.analysis.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MagnitudesTest {

    @Test
    void theMedianIsFoundWithinItsBin() {
        Random random = new Random(5);
        double[][] m = Rows.of(500, 20, (i, j) -> (float) random.nextGaussian());
        Magnitudes magnitudes = new Magnitudes(20);
        try (Arena arena = Arena.ofConfined()) {
            magnitudes.add(Rows.matrix(arena, m));
        }
        double[] sorted = Arrays.stream(m).flatMapToDouble(Arrays::stream).map(Math::abs).sorted().toArray();
        double median = sorted[sorted.length / 2];
        assertEquals(median, magnitudes.median(), 0.032 * median);
        assertArrayEquals(new int[0], magnitudes.massive());
    }

    @Test
    void oneLargeValueMakesADimensionMassive() {
        Magnitudes magnitudes = new Magnitudes(6);
        try (Arena arena = Arena.ofConfined()) {
            magnitudes.add(Rows.matrix(arena, Rows.of(50, 6, (i, j) -> i == 17 && j == 4 ? -250 : j == 2 && i == 3 ? 90 : 1)));
        }
        assertArrayEquals(new int[] {4}, magnitudes.massive());
        assertArrayEquals(new int[] {0, 1, 2, 3, 5}, magnitudes.others());
    }
}
