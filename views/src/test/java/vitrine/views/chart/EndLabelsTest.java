package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import org.junit.jupiter.api.Test;

class EndLabelsTest {

    @Test
    void labelsWithRoomStay() {
        assertArrayEquals(new double[] {50, 20, 90}, EndLabels.spread(new double[] {50, 20, 90}, 0, 100), 1e-9);
        assertArrayEquals(new double[0], EndLabels.spread(new double[0], 0, 100));
    }

    @Test
    void touchingLabelsMoveApartBy14AroundTheirMiddle() {
        assertArrayEquals(new double[] {43, 57}, EndLabels.spread(new double[] {50, 50}, 0, 100), 1e-9);
        assertArrayEquals(new double[] {36, 64, 50}, EndLabels.spread(new double[] {49, 51, 50}, 0, 100), 1e-9);
        assertArrayEquals(new double[] {0, 14}, EndLabels.spread(new double[] {2, 3}, 0, 100), 1e-9);
        assertArrayEquals(new double[] {86, 100}, EndLabels.spread(new double[] {99, 99}, 0, 100), 1e-9);
    }

    @Test
    void labelsNeverCoverEachOtherAndKeepTheirOrder() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 2000; round++) {
            int n = 1 + random.nextInt(12);
            double[] wanted = random.doubles(n, 0, 200).toArray();
            double[] placed = EndLabels.spread(wanted, 0, 200);
            Integer[] order = new Integer[n];
            Arrays.setAll(order, i -> i);
            Arrays.sort(order, Comparator.comparingDouble(i -> wanted[i]));
            for (int i = 0; i < n; i++) {
                // Twelve labels need 154 pixels: there is room for all.
                assertTrue(placed[i] >= -1e-6 && placed[i] <= 200 + 1e-6, "seed " + seed + ": " + Arrays.toString(placed));
                if (i > 0) {
                    assertTrue(placed[order[i]] - placed[order[i - 1]] >= EndLabels.APART - 1e-6,
                            "seed " + seed + ": " + Arrays.toString(wanted) + " at " + Arrays.toString(placed));
                }
            }
        }
        assertEquals(14, EndLabels.APART);
    }
}
