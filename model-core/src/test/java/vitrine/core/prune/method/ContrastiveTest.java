package vitrine.core.prune.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.TextNorms;
import vitrine.core.tensor.Matrix;

/// Masks of one set of texts against another, by brute force.
class ContrastiveTest {

    private static Matrix matrix(Arena arena, int rows, int columns, Random random) {
        Matrix m = Matrix.allocate(arena, rows, columns);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                m.set(r, c, (float) random.nextGaussian());
            }
        }
        return m;
    }

    @Test
    void normsOfTextsAreHeldAgainstEachOther() {
        Random random = new Random(4);
        PrunableMatrix query = new PrunableMatrix("q", -1, 0, 2, 3, false, false, PrunableMatrix.Kind.QUERY, 0, "0.attn", false);
        PrunableMatrix key = new PrunableMatrix("k", -1, 0, 2, 3, false, false, PrunableMatrix.Kind.KEY, 0, "0.attn", false);
        PrunableMatrix expert = new PrunableMatrix("w", 5, 0, 2, 3, false, false, PrunableMatrix.Kind.UP, 0, "0.expert.5", true);
        TextNorms[] sums = new TextNorms[2];
        double[][][] norms = new double[2][][];
        double[][][] ofExpert = new double[2][][];
        try (Arena arena = Arena.ofConfined()) {
            for (int side = 0; side < 2; side++) {
                sums[side] = new TextNorms(List.of(query, key, expert));
                int texts = 3 + side;
                norms[side] = new double[texts][3];
                ofExpert[side] = new double[texts][3];
                for (int t = 0; t < texts; t++) {
                    Matrix x = matrix(arena, 4 + t, 3, random);
                    sums[side].at("q", -1, x);
                    sums[side].at("k", -1, x);
                    norms(x, norms[side][t]);
                    // One text in two visits the expert.
                    if (t % 2 == 0) {
                        sums[side].at("w", 5, x.rows(0, 2));
                        norms(x.rows(0, 2), ofExpert[side][t]);
                    }
                }
            }
        }
        var z = TextNorms.contrast(sums[0], sums[1]);
        assertArrayEquals(contrast(norms[0], norms[1]), z.get("0.attn"), 1e-12);
        assertArrayEquals(contrast(ofExpert[0], ofExpert[1]), z.get("0.expert.5"), 1e-12);
    }

    private static void norms(Matrix x, double[] out) {
        for (int j = 0; j < out.length; j++) {
            int column = j;
            out[j] = Math.sqrt(IntStream.range(0, x.rows()).mapToDouble(r -> Math.pow(x.row(r)[column], 2)).sum());
        }
    }

    private static double[] contrast(double[][] a, double[][] b) {
        return IntStream.range(0, a[0].length).mapToDouble(j -> (mean(a, j) - mean(b, j)) / Math.sqrt(variance(a, j) + variance(b, j) + 1e-8)).toArray();
    }

    private static double mean(double[][] texts, int j) {
        return Arrays.stream(texts).mapToDouble(t -> t[j]).average().orElseThrow();
    }

    private static double variance(double[][] texts, int j) {
        double mean = mean(texts, j);
        return Arrays.stream(texts).mapToDouble(t -> Math.pow(t[j] - mean, 2)).average().orElseThrow();
    }

    @Test
    void everyRowKeepsItsHighestScores() {
        Random random = new Random(9);
        try (Arena arena = Arena.ofShared()) {
            for (double sparsity : new double[] {0, 0.3, 0.5, 0.9, 0.99}) {
                Matrix w = matrix(arena, 7, 20, random);
                w.set(2, 3, 0f);
                double[] z = random.doubles(20, -1, 1).toArray();
                byte[] wanted = new byte[7 * 20];
                int stay = Math.max(1, (int) ((1 - sparsity) * 20));
                for (int r = 0; r < 7; r++) {
                    float[] row = w.row(r);
                    // By score, of equal scores by magnitude.
                    Comparator<Integer> order = Comparator.<Integer>comparingDouble(j -> Math.abs(row[j]) * Math.max(0, z[j])).thenComparingDouble(j -> Math.abs(row[j])).reversed();
                    int at = 20 * r;
                    IntStream.range(0, 20).boxed().sorted(order).limit(stay).forEach(j -> wanted[at + j] = 1);
                }
                Contrastive method = new Contrastive(null, z);
                byte[] mask = method.mask(w, sparsity);
                assertArrayEquals(wanted, mask, "at " + sparsity);
                double overlap = method.overlap(w, sparsity);
                assertEquals(new Contrastive(null, Arrays.stream(z).map(v -> -v).toArray()).overlap(w, sparsity), overlap);
                Matrix before = Matrix.allocate(arena, 7, 20);
                before.copyFrom(w);
                assertArrayEquals(mask, method.prune(w, null, sparsity).kept());
                for (int r = 0; r < 7; r++) {
                    for (int j = 0; j < 20; j++) {
                        assertEquals(mask[20 * r + j] == 1 ? before.row(r)[j] : 0f, w.row(r)[j]);
                    }
                }
                assertEquals(sparsity == 0, overlap == 1);
            }
        }
    }
}
