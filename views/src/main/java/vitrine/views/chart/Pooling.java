package vitrine.views.chart;

/// Which of several cells stands for all of them when they share a pixel.
///
/// NaN wins always, so that it is never hidden; [Cells#NONE] loses always.
public enum Pooling {
    /// The largest.
    MAX {
        @Override
        float of(float a, float b) {
            return Math.max(a, b);
        }

        @Override
        void merge(float[] into, float[] other, int count) {
            // In place of the loop below: this one the compiler turns into vector instructions.
            for (int i = 0; i < count; i++) {
                into[i] = Math.max(into[i], other[i]);
            }
        }
    },
    /// The one farthest from 0: for differences, where a strong fall matters as much as a strong rise.
    MAGNITUDE {
        @Override
        float of(float a, float b) {
            if (a != a || b != b) {
                return Float.NaN;
            }
            if (a == Cells.NONE || b == Cells.NONE) {
                return Math.max(a, b);
            }
            return Math.abs(b) > Math.abs(a) ? b : a;
        }
    };

    abstract float of(float a, float b);

    /// Keeps the stronger of each pair in the first array.
    void merge(float[] into, float[] other, int count) {
        for (int i = 0; i < count; i++) {
            into[i] = of(into[i], other[i]);
        }
    }

    /// The pooling that suits a scale.
    public static Pooling suiting(Scale scale) {
        return scale.kind() == Scale.Kind.DIVERGING ? MAGNITUDE : MAX;
    }

    /// Cells reduced to at most so many rows and columns, each the strongest of those that it stands for.
    ///
    /// Made for thumbnails; a matrix that is small enough already is returned as it is.
    public Cells reduce(Cells cells, int atMost) {
        int rows = Math.min(cells.rows(), atMost);
        int columns = Math.min(cells.columns(), atMost);
        if (rows == cells.rows() && columns == cells.columns()) {
            return cells;
        }
        float[] out = new float[rows * columns];
        java.util.Arrays.fill(out, Cells.NONE);
        for (int r = 0; r < cells.rows(); r++) {
            int to = (int) ((long) r * rows / cells.rows()) * columns;
            for (int c = 0; c < cells.columns(); c++) {
                int i = to + (int) ((long) c * columns / cells.columns());
                out[i] = of(out[i], cells.at(r, c));
            }
        }
        return Cells.of(rows, columns, out);
    }
}
