package vitrine.core.analysis.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RankAllocationTest {

    private static double norm(double first, double decay) {
        double squares = 0;
        for (int i = 0; i < 32; i++) {
            double s = first * Math.pow(2, -decay * i);
            squares += s * s;
        }
        return Math.sqrt(squares);
    }

    @Test
    void sharesTheToyOut() {
        double[] influences = {0.2, 0.5, 0.1};
        double[] energies = {norm(10, 0.1), norm(20, 0.2), norm(5, 0.05)};
        int[] full = {32, 32, 32};
        assertArrayEquals(new double[] {1.25, 2, 1}, RankAllocation.normalised(influences), 1e-5);
        assertEquals(9, RankAllocation.uniform(32, 32, 0.6));
        assertArrayEquals(new int[] {9, 10, 8}, RankAllocation.share(influences, energies, full, 27, 0.6, 0));
        assertArrayEquals(new int[] {9, 11, 7}, RankAllocation.share(influences, energies, full, 27, 0.6, 0.5));
        assertArrayEquals(new int[] {8, 12, 7}, RankAllocation.share(influences, energies, full, 27, 0.6, 1));
    }

    @Test
    void theFactorsHoldTheShareOfTheParameters() {
        assertEquals((int) (4096 * 0.5 / 2), RankAllocation.uniform(4096, 4096, 0.5));
        assertEquals(4096 * 11008 * 6 / 10 / (4096 + 11008), RankAllocation.uniform(4096, 11008, 0.6));
    }

    @Test
    void theBudgetIsSpentAndNoLayerGetsMoreThanItHas() {
        Random random = new Random(3);
        for (int trial = 0; trial < 200; trial++) {
            int layers = 1 + random.nextInt(8);
            double ratio = 0.1 + 0.85 * random.nextDouble();
            int[] full = new int[layers];
            Arrays.setAll(full, l -> 8 + random.nextInt(60));
            int budget = Arrays.stream(full).map(f -> RankAllocation.uniform(f, f, ratio)).sum();
            int[] ranks = RankAllocation.share(random.doubles(layers).toArray(), random.doubles(layers, 0, 1e4).toArray(), full, budget, ratio, random.nextDouble());
            assertEquals(budget, Arrays.stream(ranks).sum());
            for (int l = 0; l < layers; l++) {
                assertTrue(ranks[l] >= 0 && ranks[l] <= full[l]);
            }
        }
    }
}
