package vitrine.views.chart;

/// Where data lie in a plot, coarsely: finds room for text that must not cover them.
final class Occupied {

    private static final double GRAIN = 6;

    private final int columns;
    private final int rows;
    private final boolean[] taken;

    Occupied(double width, double height) {
        columns = Math.max(1, (int) Math.ceil(width / GRAIN));
        rows = Math.max(1, (int) Math.ceil(height / GRAIN));
        taken = new boolean[columns * rows];
    }

    /// Takes the places along a line.
    void line(double x1, double y1, double x2, double y2) {
        int steps = (int) Math.min(10_000, Math.hypot(x2 - x1, y2 - y1) / GRAIN) + 1;
        for (int i = 0; i <= steps; i++) {
            int column = (int) ((x1 + (x2 - x1) * i / steps) / GRAIN);
            int row = (int) ((y1 + (y2 - y1) * i / steps) / GRAIN);
            if (column >= 0 && column < columns && row >= 0 && row < rows) {
                taken[row * columns + column] = true;
            }
        }
    }

    /// How much of a rectangle is taken, from 0 to 1.
    double share(double x, double y, double width, double height) {
        int count = 0;
        int all = 0;
        for (int row = Math.max(0, (int) (y / GRAIN)); row < Math.min(rows, Math.ceil((y + height) / GRAIN)); row++) {
            for (int column = Math.max(0, (int) (x / GRAIN)); column < Math.min(columns, Math.ceil((x + width) / GRAIN)); column++) {
                all++;
                count += taken[row * columns + column] ? 1 : 0;
            }
        }
        return all == 0 ? 0 : (double) count / all;
    }
}
