package vitrine.views.routing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ClusteringTest {

    /// Blocks of things that are alike, scattered over the numbers: in the order each block is in one piece.
    @Test
    void whatIsAlikeComesToStandTogether() {
        int n = 60;
        Random random = new Random(11);
        double[] affinity = new double[n * n];
        for (int a = 0; a < n; a++) {
            for (int b = 0; b < a; b++) {
                double v = (a % 5 == b % 5 ? 0.8 : 0.1) + 0.05 * random.nextDouble();
                affinity[a * n + b] = v;
                affinity[b * n + a] = v;
            }
        }
        int[] order = Clustering.order(affinity, n);
        assertArrayEquals(IntStream.range(0, n).toArray(), Arrays.stream(order).sorted().toArray(), "every number once");
        int changes = (int) IntStream.range(1, n).filter(i -> order[i] % 5 != order[i - 1] % 5).count();
        assertEquals(4, changes);
    }

    /// Along a line, where neighbours are most alike, the order is the line.
    @Test
    void clustersTurnTheirMoreAlikeEndsToEachOther() {
        double[] places = {4, 0, 9, 1, 10, 5};
        int n = places.length;
        double[] affinity = new double[n * n];
        for (int a = 0; a < n; a++) {
            for (int b = 0; b < n; b++) {
                affinity[a * n + b] = -Math.abs(places[a] - places[b]);
            }
        }
        double[] inOrder = Arrays.stream(Clustering.order(affinity, n)).mapToDouble(i -> places[i]).toArray();
        double[] up = Arrays.stream(places).sorted().toArray();
        double[] down = IntStream.range(0, n).mapToDouble(i -> up[n - 1 - i]).toArray();
        assertTrue(Arrays.equals(up, inOrder) || Arrays.equals(down, inOrder), () -> Arrays.toString(inOrder));
    }

    @Test
    void noFigureAndASingleThingAreNoTrouble() {
        double[] none = new double[9];
        Arrays.fill(none, Double.NaN);
        assertArrayEquals(new int[] {0, 1, 2}, Arrays.stream(Clustering.order(none, 3)).sorted().toArray());
        assertArrayEquals(new int[] {0}, Clustering.order(new double[] {1}, 1));
    }
}
