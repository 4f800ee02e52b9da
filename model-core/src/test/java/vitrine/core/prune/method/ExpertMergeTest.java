package vitrine.core.prune.method;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.openblas.OpenBlas;

/// Experts that become one.
class ExpertMergeTest {

    private static Matrix matrix(Arena arena, float[][] rows) {
        Matrix m = Matrix.allocate(arena, rows.length, rows[0].length);
        for (int r = 0; r < rows.length; r++) {
            for (int c = 0; c < rows[r].length; c++) {
                m.set(r, c, rows[r][c]);
            }
        }
        return m;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void atFullRankItIsTheWeightedMean(boolean alongInputs) {
        try (Arena arena = Arena.ofShared()) {
            Matrix to = Matrix.allocate(arena, 2, 2);
            ExpertMerge.merge(List.of(matrix(arena, new float[][] {{1, 0}, {0, 2}}), matrix(arena, new float[][] {{1, 1}, {0, 1}})), new double[] {3, 1}, alongInputs, 2, to);
            assertArrayEquals(new float[] {1, 0.25f, 0, 1.75f}, to.toArray(), 1e-7f);
        }
    }

    /// By the definition: the decomposition of the matrices side by side (or below each other), whose own parts of V (or U) are averaged.
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void truncatedItIsTheJointDecomposition(boolean alongInputs) {
        int out = 6;
        int in = 5;
        int k = 3;
        double[] f = {5, 2, 3};
        Random random = new Random(4);
        try (Arena arena = Arena.ofShared()) {
            List<Matrix> all = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                Matrix w = Matrix.allocate(arena, out, in);
                for (int r = 0; r < out; r++) {
                    for (int c = 0; c < in; c++) {
                        w.set(r, c, (float) random.nextGaussian());
                    }
                }
                all.add(w);
            }
            int rows = alongInputs ? out : 3 * out;
            int columns = alongInputs ? 3 * in : in;
            int least = Math.min(rows, columns);
            MemorySegment joint = arena.allocate(8L * rows * columns);
            for (int i = 0; i < 3; i++) {
                for (int r = 0; r < out; r++) {
                    for (int c = 0; c < in; c++) {
                        joint.setAtIndex(JAVA_DOUBLE, alongInputs ? (long) r * columns + i * in + c : (long) (i * out + r) * columns + c, all.get(i).get(r, c));
                    }
                }
            }
            MemorySegment u = arena.allocate(8L * rows * least);
            MemorySegment v = arena.allocate(8L * least * columns);
            double[] s = OpenBlas.open().decompose(joint, rows, columns, columns, u, v);
            Matrix to = Matrix.allocate(arena, out, in);
            ExpertMerge.merge(all, f, alongInputs, k, to);
            for (int r = 0; r < out; r++) {
                for (int c = 0; c < in; c++) {
                    double expected = 0;
                    for (int j = 0; j < k; j++) {
                        double own = 0;
                        for (int i = 0; i < 3; i++) {
                            own += f[i] / 10 * (alongInputs ? v.getAtIndex(JAVA_DOUBLE, (long) j * columns + i * in + c) : u.getAtIndex(JAVA_DOUBLE, (long) (i * out + r) * least + j));
                        }
                        expected += s[j] * own * (alongInputs ? u.getAtIndex(JAVA_DOUBLE, (long) r * least + j) : v.getAtIndex(JAVA_DOUBLE, (long) j * columns + c));
                    }
                    assertEquals(expected, to.get(r, c), 1e-6);
                }
            }
        }
    }

    /// Two bundles of directions, mixed: K-means finds them; with as many groups as experts nobody moves, with one all are together.
    @Test
    void groupsThatLieTogether() {
        double[] angles = {0.0, 2.0, 0.1, 2.1, -0.1, 1.9};
        double[][] cosine = new double[6][6];
        for (int a = 0; a < 6; a++) {
            for (int b = 0; b < 6; b++) {
                cosine[a][b] = Math.cos(angles[a] - angles[b]);
            }
        }
        assertArrayEquals(new int[] {0, 1, 0, 1, 0, 1}, ExpertMerge.groups(cosine, 2));
        assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5}, ExpertMerge.groups(cosine, 6));
        assertArrayEquals(new int[6], ExpertMerge.groups(cosine, 1));
    }

    /// Every expert is in the group of the nearest mean, by hand from points.
    @Test
    void everyExpertIsWithTheNearestMean() {
        Random random = new Random(8);
        double[][] x = new double[9][4];
        for (double[] p : x) {
            double norm = 0;
            for (int d = 0; d < 4; d++) {
                p[d] = random.nextGaussian();
                norm += p[d] * p[d];
            }
            for (int d = 0; d < 4; d++) {
                p[d] /= Math.sqrt(norm);
            }
        }
        double[][] cosine = new double[9][9];
        for (int a = 0; a < 9; a++) {
            for (int b = 0; b < 9; b++) {
                for (int d = 0; d < 4; d++) {
                    cosine[a][b] += x[a][d] * x[b][d];
                }
            }
        }
        int[] of = ExpertMerge.groups(cosine, 3);
        for (int e = 0; e < 9; e++) {
            double own = distance(x, of, of[e], e);
            for (int g : java.util.Arrays.stream(of).distinct().toArray()) {
                assertTrue(distance(x, of, g, e) >= own - 1e-9, "expert " + e + " to " + g);
            }
        }
        assertEquals(3, java.util.Arrays.stream(of).distinct().count());
    }

    private static double distance(double[][] x, int[] of, int group, int e) {
        double sum = 0;
        for (int d = 0; d < 4; d++) {
            double mean = 0;
            int n = 0;
            for (int o = 0; o < of.length; o++) {
                mean += of[o] == group ? x[o][d] : 0;
                n += of[o] == group ? 1 : 0;
            }
            sum += (x[e][d] - mean / n) * (x[e][d] - mean / n);
        }
        return sum;
    }
}
