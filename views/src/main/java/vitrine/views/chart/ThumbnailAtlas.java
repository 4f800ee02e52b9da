package vitrine.views.chart;

/// The image that holds all thumbnails of a [ThumbnailGrid], painted anew only when something in it changes.
final class ThumbnailAtlas {

    private Raster image;
    private ColourTable colours;
    private double paintedSize;
    private double paintedRatio;

    /// Paints all anew the next time.
    void forget() {
        image = null;
    }

    Raster paint(ThumbnailGrid grid, double size, double step, double ratio, Scale scale, Palette palette) {
        boolean sameColours = colours != null && colours.isFor(scale, palette);
        if (image != null && sameColours && paintedSize == size && paintedRatio == ratio) {
            return image;
        }
        if (!sameColours) {
            colours = new ColourTable(scale, palette);
        }
        paintedSize = size;
        paintedRatio = ratio;
        int pixels = (int) Math.round(size * ratio);
        int stepPixels = (int) Math.round(step * ratio);
        image = new Raster(grid.heads() * stepPixels, grid.layers() * stepPixels);
        Pooling pooling = Pooling.suiting(scale);
        int ground = Palette.argb(palette.empty());
        int danger = Palette.argb(palette.danger());
        for (int layer = 0; layer < grid.layers(); layer++) {
            for (int place = 0; place < grid.heads(); place++) {
                Cells cells = grid.thumbnail(layer, grid.headAt(layer, place));
                int corner = layer * stepPixels * image.width() + place * stepPixels;
                paint(cells, corner, pixels, pooling, ground, danger);
            }
        }
        return image;
    }

    /// One thumbnail: where several cells share a pixel, the strongest shows.
    private void paint(Cells cells, int corner, int pixels, Pooling pooling, int ground, int danger) {
        int rows = cells == null ? 0 : cells.rows();
        int columns = cells == null ? 0 : cells.columns();
        int[] out = image.pixels();
        for (int y = 0; y < pixels; y++) {
            int rowFrom = from(y, rows, pixels);
            int rowTo = to(y, rows, pixels);
            for (int x = 0; x < pixels; x++) {
                float value = Cells.NONE;
                int columnTo = to(x, columns, pixels);
                for (int r = rowFrom; r < rowTo; r++) {
                    for (int c = from(x, columns, pixels); c < columnTo; c++) {
                        value = pooling.of(value, cells.at(r, c));
                    }
                }
                int colour = colours.of(value);
                out[corner + y * image.width() + x] = colour == ColourTable.NOTHING ? ground
                        : colour == ColourTable.NOT_A_NUMBER ? danger : colour;
            }
        }
    }

    private static int from(int pixel, int count, int pixels) {
        return count >= pixels ? (int) ((long) pixel * count / pixels) : (int) ((2L * pixel + 1) * count / (2L * pixels));
    }

    private static int to(int pixel, int count, int pixels) {
        return count == 0 ? 0 : count >= pixels ? Math.max(from(pixel, count, pixels) + 1, (int) (((long) pixel + 1) * count / pixels))
                : from(pixel, count, pixels) + 1;
    }
}
