package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/// Matrices and what becomes of them when they have more cells than the screen has pixels: peaks survive, means never show.
class CellsTest {

    @Test
    void cellsLieRowByRow() {
        Cells cells = Cells.of(2, 3, new float[] {0, 1, 2, 10, 11, 12});
        assertEquals(12, cells.at(1, 2));
        assertEquals(10, cells.at(1, 0));
        assertThrows(IllegalArgumentException.class, () -> Cells.of(2, 2, new float[3]));
    }

    @Test
    void causalCellsAreEmptyRightOfTheDiagonal() {
        Cells cells = Cells.of(3, 3, new float[9]).causal();
        for (int r = 0; r < 3; r++) {
            for (int c = 0; c < 3; c++) {
                assertEquals(c > r ? Cells.NONE : 0, cells.at(r, c), r + ", " + c);
            }
        }
    }

    // --- pooling

    @Test
    void theLargestStandsForAll() {
        assertEquals(3, Pooling.MAX.of(-5, 3));
        assertEquals(-1, Pooling.MAX.of(-1, -5));
        assertEquals(-5, Pooling.MAX.of(Cells.NONE, -5));
        assertEquals(Cells.NONE, Pooling.MAX.of(Cells.NONE, Cells.NONE));
        assertTrue(Float.isNaN(Pooling.MAX.of(Float.NaN, 1)));
        assertTrue(Float.isNaN(Pooling.MAX.of(Cells.NONE, Float.NaN)));
    }

    @Test
    void ofDifferencesTheFarthestFromZeroStandsForAll() {
        assertEquals(-5, Pooling.MAGNITUDE.of(-5, 3));
        assertEquals(-5, Pooling.MAGNITUDE.of(3, -5));
        assertEquals(4, Pooling.MAGNITUDE.of(4, -3));
        assertEquals(-0.1f, Pooling.MAGNITUDE.of(Cells.NONE, -0.1f));
        assertEquals(-0.1f, Pooling.MAGNITUDE.of(-0.1f, Cells.NONE));
        assertEquals(Cells.NONE, Pooling.MAGNITUDE.of(Cells.NONE, Cells.NONE));
        assertTrue(Float.isNaN(Pooling.MAGNITUDE.of(7, Float.NaN)));
        assertTrue(Float.isNaN(Pooling.MAGNITUDE.of(Float.NaN, Cells.NONE)));
    }

    @Test
    void eachScaleHasItsPooling() {
        assertSame(Pooling.MAGNITUDE, Pooling.suiting(Scale.diverging(1)));
        assertSame(Pooling.MAX, Pooling.suiting(Scale.sqrt(0, 1)));
        assertSame(Pooling.MAX, Pooling.suiting(Scale.log(1)));
    }

    /// Merging rows is the same as merging cell by cell, whatever the values.
    @Test
    void rowsMergeCellByCell() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (Pooling pooling : Pooling.values()) {
            float[] a = values(random, 97);
            float[] b = values(random, 97);
            float[] merged = a.clone();
            pooling.merge(merged, b, 97);
            for (int i = 0; i < 97; i++) {
                assertEquals(strongest(pooling, a[i], b[i]), merged[i], "seed " + seed + ", " + pooling + ": " + a[i] + " with " + b[i]);
            }
        }
    }

    @Test
    void aReducedMatrixHoldsTheStrongestOfEachTile() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (Pooling pooling : Pooling.values()) {
            for (int[] size : new int[][] {{65, 65}, {100, 70}, {64, 200}, {129, 1}, {1000, 999}}) {
                Cells cells = Cells.of(size[0], size[1], values(random, size[0] * size[1]));
                Cells small = pooling.reduce(cells, 64);
                assertEquals(Math.min(64, size[0]), small.rows());
                assertEquals(Math.min(64, size[1]), small.columns());
                float[] wanted = new float[small.rows() * small.columns()];
                Arrays.fill(wanted, Cells.NONE);
                for (int r = 0; r < size[0]; r++) {
                    for (int c = 0; c < size[1]; c++) {
                        int at = r * small.rows() / size[0] * small.columns() + c * small.columns() / size[1];
                        wanted[at] = strongest(pooling, wanted[at], cells.at(r, c));
                    }
                }
                assertArrayEquals(wanted, all(small), "seed " + seed + ", " + size[0] + " × " + size[1]);
            }
        }
        Cells small = Cells.of(2, 2, new float[4]);
        assertSame(small, Pooling.MAX.reduce(small, 64));
    }

    // --- pyramids

    @Test
    void levelsHalveUntilOneCellIsLeft() {
        assertEquals(1, Pyramid.levelsFor(1, 1));
        assertEquals(2, Pyramid.levelsFor(2, 1));
        assertEquals(3, Pyramid.levelsFor(3, 1));
        assertEquals(12, Pyramid.levelsFor(2048, 2048));
        assertEquals(13, Pyramid.levelsFor(2049, 5));
        assertEquals(5, Pyramid.sizeAt(0, 5));
        assertEquals(3, Pyramid.sizeAt(1, 5));
        assertEquals(2, Pyramid.sizeAt(2, 5));
        assertEquals(1, Pyramid.sizeAt(3, 5));
        assertEquals(1, Pyramid.sizeAt(9, 5));
    }

    @Test
    void oneBrightCellIsSeenAtEveryLevel() {
        float[] values = new float[2048 * 2048];
        values[1234 * 2048 + 567] = 0.9f;
        Pyramid pyramid = new MaxPyramid(Cells.of(2048, 2048, values), Pooling.MAX);
        for (int level = 0; level < pyramid.levels(); level++) {
            float[] row = new float[pyramid.columns(level)];
            pyramid.read(level, 1234 >> level, 0, row, row.length);
            assertEquals(0.9f, row[567 >> level], "level " + level);
        }
        assertEquals(1, pyramid.rows(pyramid.levels() - 1));
    }

    /// The law of every level: a value is the strongest of the cells that it stands for.
    @Test
    void everyLevelHoldsTheStrongestOfItsCells() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (Pooling pooling : Pooling.values()) {
            for (int[] size : new int[][] {{1, 1}, {7, 5}, {33, 64}, {1, 40}, {50, 1}, {100, 37}}) {
                Cells cells = Cells.of(size[0], size[1], values(random, size[0] * size[1]));
                checkLevels(cells, new MaxPyramid(cells, pooling), pooling, "seed " + seed + ", " + pooling + ", " + size[0] + " × " + size[1]);
            }
        }
    }

    private static void checkLevels(Cells cells, Pyramid pyramid, Pooling pooling, String where) {
        assertEquals(Pyramid.levelsFor(cells.rows(), cells.columns()), pyramid.levels());
        for (int level = 0; level < pyramid.levels(); level++) {
            float[] row = new float[pyramid.columns(level)];
            for (int r = 0; r < pyramid.rows(level); r++) {
                pyramid.read(level, r, 0, row, row.length);
                for (int c = 0; c < row.length; c++) {
                    assertEquals(strongestWithin(cells, pooling, r << level, c << level, 1 << level), row[c], where + ", level " + level + " at " + r + ", " + c);
                }
                if (row.length > 2) {
                    float[] piece = new float[2];
                    pyramid.read(level, r, 1, piece, 2);
                    assertEquals(row[1], piece[0], where);
                    assertEquals(row[2], piece[1], where);
                }
            }
        }
    }

    private static float strongestWithin(Cells cells, Pooling pooling, int row, int column, int side) {
        float best = Cells.NONE;
        for (int r = row; r < Math.min(cells.rows(), row + side); r++) {
            for (int c = column; c < Math.min(cells.columns(), column + side); c++) {
                best = strongest(pooling, best, cells.at(r, c));
            }
        }
        return best;
    }

    // --- pyramids of tiles

    /// A source that hands tiles over when it is told to.
    private static final class Held implements TileSource {

        private record Asked(int level, int row, int column, Consumer<float[]> loaded) {}

        private final Cells cells;
        private final Pyramid whole;
        private final List<Asked> asked = new ArrayList<>();

        Held(Cells cells) {
            this.cells = cells;
            whole = new MaxPyramid(cells, Pooling.MAX);
        }

        @Override
        public int rows() {
            return cells.rows();
        }

        @Override
        public int columns() {
            return cells.columns();
        }

        @Override
        public void load(int level, int tileRow, int tileColumn, Consumer<float[]> loaded) {
            asked.add(new Asked(level, tileRow, tileColumn, loaded));
        }

        void deliver() {
            List<Asked> now = List.copyOf(asked);
            asked.clear();
            for (Asked a : now) {
                int rows = Math.min(SIZE, whole.rows(a.level) - a.row * SIZE);
                int columns = Math.min(SIZE, whole.columns(a.level) - a.column * SIZE);
                float[] tile = new float[rows * columns];
                float[] row = new float[columns];
                for (int r = 0; r < rows; r++) {
                    whole.read(a.level, a.row * SIZE + r, a.column * SIZE, row, columns);
                    System.arraycopy(row, 0, tile, r * columns, columns);
                }
                a.loaded.accept(tile);
            }
        }
    }

    @Test
    void whatHasNotArrivedIsEmptyAndAskedForOnce() {
        long seed = System.nanoTime();
        Cells cells = Cells.of(300, 700, values(new Random(seed), 300 * 700));
        Held source = new Held(cells);
        int[] arrivals = new int[1];
        TiledPyramid pyramid = new TiledPyramid(source, () -> arrivals[0]++);
        float[] row = new float[700];
        pyramid.read(0, 280, 0, row, 700);
        pyramid.read(0, 281, 0, row, 700);
        for (float v : row) {
            assertEquals(Cells.NONE, v);
        }
        assertEquals(3, source.asked.size(), "three tiles of the second row");
        assertEquals(List.of(1, 1, 1), source.asked.stream().map(Held.Asked::row).toList());
        source.deliver();
        assertEquals(3, arrivals[0]);
        pyramid.read(0, 281, 0, row, 700);
        for (int c = 0; c < 700; c++) {
            assertEquals(cells.at(281, c), row[c], "seed " + seed + ", column " + c);
        }
        assertTrue(source.asked.isEmpty());
    }

    @Test
    void tilesMakeTheSamePyramidAsAllCellsAtOnce() {
        long seed = System.nanoTime();
        Cells cells = Cells.of(260, 530, values(new Random(seed), 260 * 530));
        Held source = new Held(cells);
        TiledPyramid pyramid = new TiledPyramid(source, () -> { });
        for (int level = 0; level < pyramid.levels(); level++) {
            float[] row = new float[pyramid.columns(level)];
            for (int r = 0; r < pyramid.rows(level); r++) {
                pyramid.read(level, r, 0, row, row.length);
            }
        }
        source.deliver();
        checkLevels(cells, pyramid, Pooling.MAX, "seed " + seed);
        assertEquals(cells.at(259, 529), pyramid.at(259, 529));
    }

    @Test
    void oldTilesGoAndAreAskedForAgain() {
        int side = TileSource.SIZE * 24;
        List<String> asked = new ArrayList<>();
        TileSource large = new TileSource() {
            @Override
            public int rows() {
                return side;
            }

            @Override
            public int columns() {
                return side;
            }

            @Override
            public void load(int level, int tileRow, int tileColumn, Consumer<float[]> loaded) {
                asked.add(tileRow + "." + tileColumn);
                loaded.accept(new float[SIZE * SIZE]);
            }
        };
        TiledPyramid pyramid = new TiledPyramid(large, () -> { });
        for (int r = 0; r < 24; r++) {
            for (int c = 0; c < 24; c++) {
                assertEquals(0, pyramid.at(r * TileSource.SIZE, c * TileSource.SIZE));
            }
        }
        assertEquals(576, asked.size());
        // 576 tiles were looked at, 512 are kept: the last one is there, the first one is not.
        pyramid.at(side - 1, side - 1);
        assertEquals(576, asked.size());
        pyramid.at(0, 0);
        assertEquals(577, asked.size());
        assertEquals("0.0", asked.getLast());
    }

    // ---

    private static float[] values(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            int kind = random.nextInt(20);
            values[i] = kind == 0 ? Cells.NONE : kind == 1 && random.nextInt(10) == 0 ? Float.NaN : (float) random.nextGaussian();
        }
        return values;
    }

    /// Which of two stands for both, written out once more.
    private static float strongest(Pooling pooling, float a, float b) {
        if (Float.isNaN(a) || Float.isNaN(b)) {
            return Float.NaN;
        }
        if (a == Cells.NONE) {
            return b;
        }
        if (b == Cells.NONE) {
            return a;
        }
        boolean second = pooling == Pooling.MAX ? b > a : Math.abs(b) > Math.abs(a);
        return second ? b : a;
    }

    private static float[] all(Cells cells) {
        float[] out = new float[cells.rows() * cells.columns()];
        for (int i = 0; i < out.length; i++) {
            out[i] = cells.at(i / cells.columns(), i % cells.columns());
        }
        return out;
    }
}
