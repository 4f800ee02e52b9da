package vitrine.views.chart;

/// A pyramid over cells that are all in memory. Level 0 is read from the cells, the others are computed once: a third
/// of the matrix's size more.
public final class MaxPyramid implements Pyramid {

    private final Cells cells;
    private final float[][] pooled;

    public MaxPyramid(Cells cells, Pooling pooling) {
        this.cells = cells;
        this.pooled = new float[Pyramid.levelsFor(cells.rows(), cells.columns())][];
        for (int level = 1; level < pooled.length; level++) {
            pooled[level] = half(level, pooling);
        }
    }

    private float[] half(int level, Pooling pooling) {
        int rows = rows(level);
        int columns = columns(level);
        int columnsBelow = columns(level - 1);
        float[] upper = new float[columnsBelow];
        float[] lower = new float[columnsBelow];
        float[] out = new float[rows * columns];
        for (int r = 0; r < rows; r++) {
            read(level - 1, 2 * r, 0, upper, columnsBelow);
            if (2 * r + 1 < rows(level - 1)) {
                read(level - 1, 2 * r + 1, 0, lower, columnsBelow);
                pooling.merge(upper, lower, columnsBelow);
            }
            for (int c = 0; c < columns; c++) {
                float left = upper[2 * c];
                out[r * columns + c] = 2 * c + 1 < columnsBelow ? pooling.of(left, upper[2 * c + 1]) : left;
            }
        }
        return out;
    }

    @Override
    public int levels() {
        return pooled.length;
    }

    @Override
    public int rows(int level) {
        return Pyramid.sizeAt(level, cells.rows());
    }

    @Override
    public int columns(int level) {
        return Pyramid.sizeAt(level, cells.columns());
    }

    @Override
    public void read(int level, int row, int fromColumn, float[] into, int count) {
        if (level == 0) {
            for (int i = 0; i < count; i++) {
                into[i] = cells.at(row, fromColumn + i);
            }
        } else {
            System.arraycopy(pooled[level], row * columns(level) + fromColumn, into, 0, count);
        }
    }

    @Override
    public float at(int row, int column) {
        return cells.at(row, column);
    }
}
