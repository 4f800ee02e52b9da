package vitrine.core.analysis.rank;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.tensor.openblas.OpenBlas;

class RankAwareSparsityTest {

    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    private static float[] flat(double[][] m) {
        float[] out = new float[m.length * m[0].length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) m[i / m[0].length][i % m[0].length];
        }
        return out;
    }

    @Test
    void budgetsOfTheMethodsPage() {
        assertEquals(1024, RankAwareSparsity.channels(4096, 0.5, 0.5));
        assertEquals(512, RankAwareSparsity.rank(4096, 4096, 0.5, 1024));
        assertEquals(1843, RankAwareSparsity.channels(4096, 0.5, 0.9));
        assertEquals(102, RankAwareSparsity.rank(4096, 4096, 0.5, 1843));
        double[][] w = Rows.of(6, 6, (i, j) -> Math.sin(i + 2 * j + 0.3 * i * j));
        RankAwareSparsity.Split[] splits = new RankAwareSparsity(Rows.segment(arena, w), 6, 6, arena).splits(flat(Rows.of(9, 6, (t, j) -> Math.cos(t * j + t))), 0.5);
        for (RankAwareSparsity.Split s : splits) {
            assertEquals(s.alpha() == 0.5 ? 0.75 : s.alpha() == 0.9 ? 0.55 : 1 - 0.5 * s.alpha(), s.quantile(), 1e-12);
        }
    }

    /// The error by its definition, with W_r made explicitly.
    @ParameterizedTest
    @CsvSource({"5, 8", "8, 5", "6, 6"})
    void theClosedFormIsTheError(int out, int in) {
        double[][] w = Rows.of(out, in, (i, j) -> Math.sin(0.9 * i + 1.7 * j + 0.23 * i * j));
        double[][] x = Rows.of(20, in, (t, j) -> (float) Math.cos(0.31 * t + 1.1 * j + 0.07 * t * j * j));
        RankAwareSparsity r = new RankAwareSparsity(Rows.segment(arena, w), out, in, arena);
        double[] norms = IntStream.range(0, in).mapToDouble(j -> Math.sqrt(IntStream.range(0, out).mapToDouble(o -> w[o][j] * w[o][j]).sum())).toArray();
        for (RankAwareSparsity.Split s : r.splits(flat(x), 0.5)) {
            double[][] v = rightVectors(w, s.rank());
            double[][] low = Rows.times(Rows.times(w, v), Rows.transposed(v));
            double[][] y = Rows.times(x, Rows.transposed(w));
            double[][] large = Rows.of(20, in, (t, j) -> Math.abs(x[t][j]) * (s.alpha() == 1 ? 1 : norms[j]) > s.threshold() ? x[t][j] : 0);
            double[][] got = Rows.of(20, out, (t, o) -> {
                double sum = 0;
                for (int j = 0; j < in; j++) {
                    sum += large[t][j] * w[o][j] + (x[t][j] - large[t][j]) * low[o][j];
                }
                return sum;
            });
            assertEquals(Rows.norm(Rows.minus(y, got)) / Rows.norm(y), s.error(), 1e-9, () -> s.toString());
        }
    }

    private static double[][] rightVectors(double[][] w, int k) {
        int n = w[0].length;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment g = Rows.segment(arena, Rows.times(Rows.transposed(w), w));
            OpenBlas.open().eigenvectors(g, n);
            return Rows.of(n, k, (i, j) -> g.getAtIndex(JAVA_DOUBLE, (long) (n - 1 - j) * n + i));
        }
    }

    @Test
    void fullRankAndNoThresholdAreExact() {
        double[][] w = Rows.of(5, 8, (i, j) -> Math.sin(0.9 * i + 1.7 * j));
        float[] x = flat(Rows.of(7, 8, (t, j) -> Math.cos(t + j)));
        RankAwareSparsity r = new RankAwareSparsity(Rows.segment(arena, w), 5, 8, arena);
        assertEquals(0, r.error(x, Double.POSITIVE_INFINITY, true, 5), 1e-12);
        assertEquals(0, r.error(x, 0, true, 1), 1e-12);
        assertTrue(r.error(x, Double.POSITIVE_INFINITY, true, 1) > 1e-3);
    }

    @Test
    void theBestSplitIsOfThoseWithChannels() {
        RankAwareSparsity.Split[] splits = {new RankAwareSparsity.Split(0, 0, 3, 1, 0, 0.1), new RankAwareSparsity.Split(0.5, 2, 2, 0.75, 0, 0.3),
            new RankAwareSparsity.Split(1, 4, 1, 0.5, 0, 0.2)};
        assertEquals(1, RankAwareSparsity.best(splits).alpha());
        assertTrue(Arrays.stream(RankAwareSparsity.alphas()).anyMatch(a -> a == 0.5));
    }
}
