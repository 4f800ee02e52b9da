package vitrine.views.chart;

/// Turns the visible part of a pyramid into device pixels.
///
/// Each pixel shows the strongest of all cells that it covers, however far the map is zoomed out: a maximum never
/// disappears. The cost depends on the pixels, not on the size of the matrix, and is paid only when the view of the
/// matrix changes: hovering draws the last image again.
final class HeatMapImage {

    private record View(Pyramid pyramid, HeatMapGeometry geometry, ColourTable colours, double pixels) {}

    /// Width of the stripes that mark what is not a number, in pixels.
    private static final int STRIPE = 3;

    private Raster raster = new Raster(1, 1);
    private View drawn;
    private int[] columnFrom = new int[1];
    private int[] columnTo = new int[1];
    private float[] strongest = {};
    private float[] other = {};

    /// Draws anew the next time, because values changed.
    void forget() {
        drawn = null;
    }

    /// @param pixels per logical pixel
    Raster draw(Pyramid pyramid, HeatMapGeometry g, ColourTable colours, Pooling pooling, Palette palette, double pixels) {
        View wanted = new View(pyramid, g, colours, pixels);
        if (!wanted.equals(drawn)) {
            paint(pyramid, g, colours, pooling, palette, pixels);
            drawn = wanted;
        }
        return raster;
    }

    private void paint(Pyramid pyramid, HeatMapGeometry g, ColourTable colours, Pooling pooling, Palette palette, double pixels) {
        int width = Math.max(1, (int) Math.round(g.width() * pixels));
        int height = Math.max(1, (int) Math.round(g.height() * pixels));
        if (raster.width() != width || raster.height() != height) {
            raster = new Raster(width, height);
            columnFrom = new int[width];
            columnTo = new int[width];
        }
        // The coarsest level that is still finer than a pixel, so that no pixel reads more than a few values.
        double finest = Math.max(g.cellWidth(), g.cellHeight()) * pixels;
        int level = Math.clamp((int) Math.floor(-Math.log(finest) / Math.log(2) + 1e-9), 0, pyramid.levels() - 1);
        int columns = pyramid.columns(level);
        int rows = pyramid.rows(level);
        double perPixelAcross = 1 / (g.cellWidth() * pixels) / (1 << level);
        double perPixelDown = 1 / (g.cellHeight() * pixels) / (1 << level);
        double firstColumn = g.firstColumn() / (1 << level);
        double firstRow = g.firstRow() / (1 << level);
        for (int x = 0; x < width; x++) {
            columnFrom[x] = from(firstColumn, perPixelAcross, x, columns);
            columnTo[x] = to(firstColumn, perPixelAcross, x, columns);
        }
        int start = columnFrom[0];
        int count = columnTo[width - 1] - start;
        if (strongest.length < count) {
            strongest = new float[count];
            other = new float[count];
        }
        int hatch = Palette.argb(palette.danger());
        int ground = Palette.argb(palette.empty());
        int[] out = raster.pixels();
        int lastFrom = -1;
        int lastTo = -1;
        for (int y = 0; y < height; y++) {
            int rowFrom = from(firstRow, perPixelDown, y, rows);
            int rowTo = to(firstRow, perPixelDown, y, rows);
            if (rowFrom != lastFrom || rowTo != lastTo) {
                pyramid.read(level, rowFrom, start, strongest, count);
                for (int row = rowFrom + 1; row < rowTo; row++) {
                    pyramid.read(level, row, start, other, count);
                    pooling.merge(strongest, other, count);
                }
                lastFrom = rowFrom;
                lastTo = rowTo;
            }
            for (int x = 0; x < width; x++) {
                float value = strongest[columnFrom[x] - start];
                for (int column = columnFrom[x] + 1; column < columnTo[x]; column++) {
                    value = pooling.of(value, strongest[column - start]);
                }
                int colour = colours.of(value);
                if (colour == ColourTable.NOT_A_NUMBER) {
                    colour = (x + y) / STRIPE % 2 == 0 ? hatch : ground;
                }
                out[y * width + x] = colour;
            }
        }
        raster.changed();
    }

    /// The first value that a pixel shows. Where a value covers a pixel or more, it is the one under the pixel's middle.
    private static int from(double first, double perPixel, int pixel, int count) {
        double place = perPixel >= 1 ? first + pixel * perPixel + 1e-9 : first + (pixel + 0.5) * perPixel;
        return Math.clamp((int) Math.floor(place), 0, count - 1);
    }

    /// One past the last value that a pixel shows.
    private static int to(double first, double perPixel, int pixel, int count) {
        double place = perPixel >= 1 ? Math.ceil(first + (pixel + 1) * perPixel - 1e-9)
                : Math.floor(first + (pixel + 0.5) * perPixel) + 1;
        return Math.clamp((int) place, from(first, perPixel, pixel, count) + 1, count);
    }
}
