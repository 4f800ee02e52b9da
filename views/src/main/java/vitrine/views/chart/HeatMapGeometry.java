package vitrine.views.chart;

/// Where each cell of a heat map lies on the figure.
///
/// @param left the left edge of the part of the figure that shows cells
/// @param width how much of the figure shows cells
/// @param cellWidth of one cell; may be far less than a pixel
/// @param firstRow the row at the upper edge, counted from 0; a fraction when a row is cut
record HeatMapGeometry(double left, double top, double width, double height, double cellWidth, double cellHeight, double firstRow,
        double firstColumn, int rows, int columns) {

    /// From this many pixels per cell on, cells are parted by gaps.
    static final double GAPS_FROM = 8;
    /// As far as zooming goes.
    private static final double LARGEST_CELL = 96;

    /// Fits a map into an area, magnified and scrolled as asked, as far as there is something to see.
    ///
    /// Cells of two device pixels or more get a whole number of them: cells of uneven size would look like data.
    ///
    /// @param cap the largest cell at zoom 1
    /// @param square whether cells are as high as wide
    static HeatMapGeometry fit(double left, double top, double width, double height, int rows, int columns, double cap, boolean square,
            double zoom, double firstRow, double firstColumn, Surface surface) {
        double ratio = surface.pixelRatio();
        double cellWidth = Math.min(width / columns, cap);
        double cellHeight = Math.min(height / rows, cap);
        if (square) {
            cellWidth = cellHeight = Math.min(cellWidth, cellHeight);
        }
        cellWidth = whole(Math.min(cellWidth * zoom, Math.max(LARGEST_CELL, cellWidth)), ratio);
        cellHeight = whole(Math.min(cellHeight * zoom, Math.max(LARGEST_CELL, cellHeight)), ratio);
        double shownWidth = Math.min(width, columns * cellWidth);
        double shownHeight = Math.min(height, rows * cellHeight);
        double shownLeft = surface.snap(left + (width - shownWidth) / 2);
        return new HeatMapGeometry(shownLeft, surface.snap(top), shownWidth, shownHeight, cellWidth, cellHeight,
                first(firstRow, rows, shownHeight, cellHeight, ratio), first(firstColumn, columns, shownWidth, cellWidth, ratio), rows,
                columns);
    }

    private static double whole(double cell, double ratio) {
        double pixels = cell * ratio;
        return pixels >= 2 ? Math.floor(pixels + 1e-9) / ratio : cell;
    }

    /// Keeps the edge within the map and on a whole device pixel.
    private static double first(double wanted, int count, double shown, double cell, double ratio) {
        double within = Math.clamp(wanted, 0, Math.max(0, count - shown / cell));
        return Math.round(within * cell * ratio) / (cell * ratio);
    }

    double x(double column) {
        return left + (column - firstColumn) * cellWidth;
    }

    double y(double row) {
        return top + (row - firstRow) * cellHeight;
    }

    double columnAt(double x) {
        return firstColumn + (x - left) / cellWidth;
    }

    double rowAt(double y) {
        return firstRow + (y - top) / cellHeight;
    }

    /// The cell under a point, or null.
    Cell cellAt(double x, double y) {
        if (x < left || y < top || x >= left + width || y >= top + height) {
            return null;
        }
        return new Cell(Math.clamp((int) rowAt(y), 0, rows - 1), Math.clamp((int) columnAt(x), 0, columns - 1));
    }

    int rowFrom() {
        return Math.max(0, (int) Math.floor(firstRow + 1e-9));
    }

    int rowTo() {
        return Math.min(rows, (int) Math.ceil(firstRow + height / cellHeight - 1e-9));
    }

    int columnFrom() {
        return Math.max(0, (int) Math.floor(firstColumn + 1e-9));
    }

    int columnTo() {
        return Math.min(columns, (int) Math.ceil(firstColumn + width / cellWidth - 1e-9));
    }

    /// The space between cells: none below 8 pixels, then from half a pixel to two.
    double gap(Surface surface) {
        double cell = Math.min(cellWidth, cellHeight);
        return cell < GAPS_FROM ? 0 : Math.max(1 / surface.pixelRatio(), surface.snap(Math.clamp(cell * 0.06, 0.5, 2)));
    }
}
