package vitrine.core.prune.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Layers' matrices as sums of shared ones.
class LayerDictionaryTest {

    private static double[][] inner(double[][] w) {
        double[][] out = new double[w.length][w.length];
        for (int a = 0; a < w.length; a++) {
            for (int b = 0; b < w.length; b++) {
                for (int i = 0; i < w[a].length; i++) {
                    out[a][b] += w[a][i] * w[b][i];
                }
            }
        }
        return out;
    }

    private static double[] sum(double[] by, double[][] of) {
        return IntStream.range(0, of[0].length).mapToDouble(i -> IntStream.range(0, by.length).mapToDouble(k -> by[k] * of[k][i]).sum()).toArray();
    }

    private static double square(double[] v) {
        return Arrays.stream(v).map(x -> x * x).sum();
    }

    private static double[] minus(double[] a, double[] b) {
        return IntStream.range(0, a.length).mapToDouble(i -> a[i] - b[i]).toArray();
    }

    /// Three phase shifts of one sine span two dimensions.
    @Test
    void whatSpansTwoDimensionsNeedsTwoAtoms() {
        double[] phases = {0, 0.3, 2};
        double[][] w = Arrays.stream(phases).mapToObj(p -> IntStream.range(0, 12).mapToDouble(i -> Math.sin(0.7 * (i / 3) + 1.3 * (i % 3) + 0.1 * (i / 3) * (i % 3) + p)).toArray()).toArray(double[][]::new);
        LayerDictionary d = new LayerDictionary(inner(w));
        double[] known = {0.957033, -0.425947, -0.145286};
        assertArrayEquals(new double[] {1, known[0], known[1]}, d.cosines()[0], 1e-6);
        assertArrayEquals(new double[] {known[1], known[2], 1}, d.cosines()[2], 1e-6);
        // The cosines' characteristic polynomial without its zero root: x^2 - 3 x + the sum of the minors.
        double minors = Arrays.stream(known).map(c -> 1 - c * c).sum();
        double largest = (3 + Math.sqrt(9 - 4 * minors)) / 2;
        assertEquals(Math.sqrt(largest), d.singularValues()[0], 1e-5);
        assertEquals(1 - largest / 3, d.error(1), 1e-5);
        assertEquals(0, d.error(2), 1e-12);
        double[][] mixing = d.mixing(2);
        for (int l = 0; l < 3; l++) {
            assertArrayEquals(w[l], sum(mixing[l], w), 1e-9);
        }
    }

    /// Errors, coefficients and atoms are those of the matrices that come of them, whatever norms layers have.
    @Test
    void whatIsToldIsWhatIsThere() {
        Random random = new Random(6);
        double[] shared = random.doubles(40, -1, 1).toArray();
        double[][] w = IntStream.range(0, 5).mapToObj(l -> Arrays.stream(shared).map(v -> (l + 1) * (v + random.nextDouble() - 0.5)).toArray()).toArray(double[][]::new);
        LayerDictionary d = new LayerDictionary(inner(w));
        double[] norms = Arrays.stream(w).mapToDouble(v -> Math.sqrt(square(v))).toArray();
        for (int atoms = 1; atoms <= 5; atoms++) {
            double[][] made = new double[atoms][];
            for (int s = 0; s < atoms; s++) {
                made[s] = sum(d.atoms(atoms)[s], w);
                assertEquals(1, square(made[s]), 1e-9);
                for (int t = 0; t < s; t++) {
                    assertEquals(0, inner(new double[][] {made[s], made[t]})[0][1], 1e-9);
                }
            }
            double all = 0;
            for (int l = 0; l < 5; l++) {
                double[] now = sum(d.mixing(atoms)[l], w);
                assertArrayEquals(sum(d.coefficients(atoms)[l], made), now, 1e-9);
                double error = square(minus(w[l], now)) / square(w[l]);
                assertEquals(error, d.error(l, atoms), 1e-9);
                all += square(minus(w[l], now)) / (norms[l] * norms[l]) / 5;
                // No other mixture of the same atoms is closer: what is left stands at right angles to all of them.
                for (double[] atom : made) {
                    assertEquals(0, inner(new double[][] {minus(w[l], now), atom})[0][1], 1e-9);
                }
            }
            assertEquals(all, d.error(atoms), 1e-9);
        }
    }

    @Test
    void layersThatHaveNothingInCommon() {
        double[][] w = new double[4][4];
        for (int l = 0; l < 4; l++) {
            w[l][l] = l + 1;
        }
        LayerDictionary d = new LayerDictionary(inner(w));
        for (int atoms = 0; atoms <= 4; atoms++) {
            assertEquals(1 - atoms / 4.0, d.error(atoms), 1e-12);
        }
        assertEquals(0, new LayerDictionary(new double[3][3]).error(1), 0);
    }
}
