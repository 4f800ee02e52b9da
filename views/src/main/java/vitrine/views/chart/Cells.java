package vitrine.views.chart;

/// A matrix of values to look at, `[rows, columns]`, float32.
///
/// [#NONE] stands where there is no value: a masked key, a part that is not loaded, a head that was not measured. Such
/// cells are drawn empty, never in 0's colour. NaN stands for a value that was computed and is not a number: it is
/// hatched in the colour of danger. Both are kept by pooling.
public interface Cells {

    /// No value: masked, missing or not loaded. Negative infinity, which is what a causal mask adds to a score.
    float NONE = Float.NEGATIVE_INFINITY;

    int rows();

    int columns();

    float at(int row, int column);

    /// Cells over an array of rows, which is not copied.
    static Cells of(int rows, int columns, float[] values) {
        if (values.length != (long) rows * columns) {
            throw new IllegalArgumentException(values.length + " values are not " + rows + " × " + columns);
        }
        return new Cells() {
            @Override
            public int rows() {
                return rows;
            }

            @Override
            public int columns() {
                return columns;
            }

            @Override
            public float at(int row, int column) {
                return values[row * columns + column];
            }
        };
    }

    /// The same cells with everything right of the diagonal empty: a query sees no later key.
    default Cells causal() {
        Cells all = this;
        return new Cells() {
            @Override
            public int rows() {
                return all.rows();
            }

            @Override
            public int columns() {
                return all.columns();
            }

            @Override
            public float at(int row, int column) {
                return column > row ? NONE : all.at(row, column);
            }
        };
    }
}
