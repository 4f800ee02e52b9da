package vitrine.core.tensor;

/// Where a matrix `[rows, columns]` lies within a stored tensor, in elements: value (g, r, c), row `r` of group `g`, is at
/// `offset + g * groupStride + r * rowStride + c * columnStride`.
///
/// Groups let one view gather rows that are stored in turn with others, as the queries of a fused projection whose heads
/// each hold query, key and value; a plain matrix is one group.
public record MatrixView(long offset, int groups, int rowsPerGroup, long groupStride, long rowStride, int columns, long columnStride) {

    /// A whole row-major matrix.
    public static MatrixView of(int rows, int columns) {
        return new MatrixView(0, 1, rows, 0, columns, columns, 1);
    }

    /// Matrix `index` of a stack `[count, rows, columns]`.
    public static MatrixView ofStack(int index, int rows, int columns) {
        return new MatrixView((long) index * rows * columns, 1, rows, 0, columns, columns, 1);
    }

    public int rows() {
        return groups * rowsPerGroup;
    }

    /// The number of values.
    public long size() {
        return (long) rows() * columns;
    }

    /// Rows `[from, from + count)` of a view of one group.
    public MatrixView rows(int from, int count) {
        if (groups != 1 || from < 0 || from + count > rowsPerGroup) {
            throw new IllegalArgumentException("rows " + from + " to " + (from + count) + " of " + this);
        }
        return new MatrixView(offset + from * rowStride, 1, count, 0, rowStride, columns, columnStride);
    }

    /// Columns `[from, from + count)`.
    public MatrixView columns(int from, int count) {
        if (from < 0 || from + count > columns) {
            throw new IllegalArgumentException("columns " + from + " to " + (from + count) + " of " + this);
        }
        return new MatrixView(offset + from * columnStride, groups, rowsPerGroup, groupStride, rowStride, count, columnStride);
    }

    /// Every `step`th column from column `first` on, of a view whose columns divide by `step`.
    public MatrixView everyColumn(int first, int step) {
        return new MatrixView(offset + first * columnStride, groups, rowsPerGroup, groupStride, rowStride, columns / step, step * columnStride);
    }

    /// The rows cut into `count` equal parts, and those from `from` to before `to` of each part gathered.
    public MatrixView inEachPart(int count, int from, int to) {
        if (groups != 1 || rowsPerGroup % count != 0) {
            throw new IllegalArgumentException(count + " parts of " + this);
        }
        long part = rowsPerGroup / count * rowStride;
        return new MatrixView(offset + from * rowStride, count, to - from, part, rowStride, columns, columnStride);
    }

    /// The rows of one group.
    public MatrixView group(int index) {
        return new MatrixView(offset + index * groupStride, 1, rowsPerGroup, 0, rowStride, columns, columnStride);
    }

    /// Where a row begins.
    public long rowOffset(int row) {
        return offset + row / rowsPerGroup * groupStride + row % rowsPerGroup * rowStride;
    }

    /// Whether the values are one run without gaps, in order.
    public boolean dense() {
        return groups == 1 && columnStride == 1 && (rowStride == columns || rowsPerGroup <= 1);
    }
}
