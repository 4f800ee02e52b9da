package vitrine.core.prune;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.probe.Place;
import vitrine.core.probe.Site;
import vitrine.core.prune.method.LowRank;
import vitrine.core.prune.method.Magnitude;
import vitrine.core.prune.method.Wanda;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.nd4j.Nd4jProducts;

/// Errors that are expected are held against those of matrices that were really pruned, by the definition.
class ExpectedErrorTest {

    private static final int OUT = 24;
    private static final int IN = 32;
    private static final double[] SHARES = {0.5, 0.1, 0.9, 0.25};

    private final Random random = new Random(7);

    private Matrix matrix(Arena arena, int rows, int columns) {
        Matrix m = Matrix.allocate(arena, rows, columns);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                m.set(r, c, (float) random.nextGaussian());
            }
        }
        return m;
    }

    private static Matrix copy(Arena arena, Matrix w) {
        Matrix c = Matrix.allocate(arena, w.rows(), w.columns());
        c.copyFrom(w);
        return c;
    }

    /// ||(W - V) X||^2 / ||W X||^2 by the definition, of one output or of all (-1).
    private static double measured(Matrix w, Matrix v, Matrix x, int output) {
        double gone = 0;
        double all = 0;
        for (int t = 0; t < x.rows(); t++) {
            for (int o = 0; o < w.rows(); o++) {
                if (output >= 0 && o != output) {
                    continue;
                }
                double y = 0;
                double d = 0;
                for (int j = 0; j < w.columns(); j++) {
                    y += (double) w.get(o, j) * x.get(t, j);
                    d += ((double) w.get(o, j) - v.get(o, j)) * x.get(t, j);
                }
                gone += d * d;
                all += y * y;
            }
        }
        return gone / all;
    }

    @ParameterizedTest
    @ValueSource(strings = {"magnitude", "magnitude by row", "wanda", "2:4"})
    void masksOverAnyInputs(String method) {
        try (Arena arena = Arena.ofShared(); InputStatistics inputs = new InputStatistics(IN, false, 100, 100)) {
            Matrix w = matrix(arena, OUT, IN);
            Matrix x = matrix(arena, 100, IN);
            inputs.add(x);
            MatrixMethod m = switch (method) {
                case "wanda" -> new Wanda(null);
                case "2:4" -> new Wanda(new NofM(2, 4));
                default -> new Magnitude(method.endsWith("row"), null);
            };
            Matrix before = copy(arena, w);
            ExpectedError e = ExpectedError.byMasks(w, inputs, m, SHARES, new Nd4jProducts());
            assertArrayEquals(before.toArray(), w.toArray(), "nothing is changed");
            for (int i = 0; i < SHARES.length; i++) {
                Matrix v = copy(arena, w);
                m.prune(v, inputs, SHARES[i]);
                assertEquals(Math.min(1, measured(w, v, x, -1)), e.whole()[i], 1e-5);
                for (int o = 0; o < OUT; o += 5) {
                    assertEquals(Math.min(1, measured(w, v, x, o)), e.outputs()[i][o], 1e-5);
                }
            }
        }
    }

    @Test
    void ranksOverAnyInputs() {
        try (Arena arena = Arena.ofShared(); InputStatistics inputs = new InputStatistics(IN, true, 1, 100)) {
            Matrix w = matrix(arena, OUT, IN);
            Matrix x = matrix(arena, 100, IN);
            inputs.add(x);
            int[] ranks = {3, 12, 23, 24, 40};
            LowRank method = new LowRank(LowRank.Way.SWIFT, null);
            ExpectedError e = ExpectedError.byRank(method.spectrum(w, inputs), ranks);
            for (int i = 0; i < ranks.length; i++) {
                Matrix v = copy(arena, w);
                method.truncate(v, inputs, ranks[i]);
                assertEquals(measured(w, v, x, -1), e.whole()[i], 1e-5);
            }
        }
    }

    @Test
    void valuesErrByAsMuchAsWasSaid() {
        try (Arena arena = Arena.ofShared()) {
            int tokens = 4000;
            Matrix y = matrix(arena, tokens, OUT);
            // Loud channels and loud tokens.
            for (int t = 0; t < tokens; t++) {
                for (int c = 0; c < OUT; c++) {
                    y.set(t, c, y.get(t, c) * (1 + c) * (t % 10 == 0 ? 3 : 1));
                }
            }
            double[] squared = new double[OUT];
            for (int c = 0; c < OUT; c++) {
                squared[c] = c / (double) OUT;
            }
            Disturbance d = new Disturbance(3);
            d.add(2, Site.MLP_OUT, squared);
            assertTrue(d.wants(2, Site.MLP_OUT));
            assertFalse(d.wants(1, Site.MLP_OUT));
            Matrix v = copy(arena, y);
            d.at(new Place(2, Site.MLP_OUT, 0, -1, 0), v);
            for (int c = 0; c < OUT; c++) {
                double gone = 0;
                double with = 0;
                double all = 0;
                for (int t = 0; t < tokens; t++) {
                    double e = y.get(t, c) - v.get(t, c);
                    gone += e * e;
                    with += e * v.get(t, c);
                    all += (double) y.get(t, c) * y.get(t, c);
                }
                assertEquals(squared[c], gone / all, 0.1 * squared[c], "channel " + c);
                assertEquals(0, with / all, 0.06, "what is left has nothing to do with what went");
                assertTrue(c > 0 || gone == 0);
            }
            Matrix again = copy(arena, y);
            d.at(new Place(2, Site.MLP_OUT, 0, -1, 0), again);
            assertArrayEquals(v.toArray(), again.toArray());
        }
    }

    @Test
    void twoStepsInARowErrTogether() {
        Disturbance d = new Disturbance(1);
        d.add(0, Site.MLP_MID, 0.5);
        d.add(0, Site.MLP_MID, 0.5, 0.0);
        assertArrayEquals(new double[] {0.75, 0.5}, d.squared(0, Site.MLP_MID), 1e-12);
    }
}
