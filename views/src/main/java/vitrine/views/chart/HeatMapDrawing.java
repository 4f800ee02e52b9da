package vitrine.views.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import javafx.scene.paint.Color;

/// Draws a [HeatMap]: cells, labels, strips, accents, read-out, legend.
final class HeatMapDrawing {

    /// Beyond this many visible rows or columns, only the hovered and the locked label are shown.
    private static final int LABELS_UP_TO = 128;
    /// Labels closer than this would touch.
    private static final double LABEL_LINE = 11;
    /// From this cell size on, values are written into cells.
    private static final double VALUES_FROM_WIDTH = 30;
    private static final double VALUES_FROM_HEIGHT = 16;
    /// Space between the read-out and the edge of the empty corner it sits in.
    private static final double READ_OUT_INSET = 8;

    private final HeatMap map;
    private final HeatMapImage image = new HeatMapImage();
    private ColourTable colours;

    HeatMapDrawing(HeatMap map) {
        this.map = map;
    }

    /// Values changed, not only how they are looked at.
    void valuesChanged() {
        image.forget();
    }

    void draw(Pen pen, double width, double height, Palette palette) {
        HeatMapGeometry g = map.geometry(width, height, pen);
        pen.fillRect(g.left(), g.top(), g.width(), g.height(), palette.empty());
        pen.save();
        pen.clip(g.left(), g.top(), g.width(), g.height());
        drawCells(pen, g, palette);
        pen.restore();
        drawAccents(pen, g, palette);
        Cell locked = map.lockedCellProperty().get();
        Cell hovered = map.hoveredCellProperty().get();
        drawRowLabels(pen, g, palette, locked, hovered);
        drawColumnLabels(pen, g, palette, locked, hovered, width);
        drawStrips(pen, g, palette, locked);
        drawLegend(pen, width, height, palette);
        drawReadOut(pen, g, width, height, palette);
    }

    private void drawCells(Pen pen, HeatMapGeometry g, Palette palette) {
        if (Math.min(g.cellWidth(), g.cellHeight()) >= HeatMapGeometry.GAPS_FROM) {
            drawSeparateCells(pen, g, palette);
            return;
        }
        Scale scale = map.scaleProperty().get();
        if (colours == null || !colours.isFor(scale, palette)) {
            colours = new ColourTable(scale, palette);
        }
        Raster raster = image.draw(map.pyramid(), g, colours, Pooling.suiting(scale), palette, pen.pixelRatio());
        pen.image(raster, g.left(), g.top(), g.width(), g.height(), false);
    }

    private void drawSeparateCells(Pen pen, HeatMapGeometry g, Palette palette) {
        Scale scale = map.scaleProperty().get();
        double gap = g.gap(pen);
        boolean values = g.cellWidth() >= VALUES_FROM_WIDTH && g.cellHeight() >= VALUES_FROM_HEIGHT;
        float[] row = new float[g.columnTo() - g.columnFrom()];
        for (int r = g.rowFrom(); r < g.rowTo(); r++) {
            map.pyramid().read(0, r, g.columnFrom(), row, row.length);
            for (int i = 0; i < row.length; i++) {
                if (row[i] == Cells.NONE) {
                    continue;
                }
                double x = g.x(g.columnFrom() + i) + gap / 2;
                double y = g.y(r) + gap / 2;
                double w = g.cellWidth() - gap;
                double h = g.cellHeight() - gap;
                if (!Float.isFinite(row[i])) {
                    hatch(pen, x, y, w, h, palette.danger());
                    continue;
                }
                pen.fillRect(pen.snap(x), pen.snap(y), w, h, scale.colour(row[i], palette));
                if (values) {
                    pen.textMiddle(Numbers.inCell(row[i]), x + w / 2, y + h / 2, TextStyle.CELL, scale.textOn(row[i], palette),
                            Pen.Align.CENTRE);
                }
            }
        }
    }

    /// Marks what is not a number: stripes at 45 degrees.
    static void hatch(Pen pen, double x, double y, double w, double h, Color colour) {
        pen.save();
        pen.clip(x, y, w, h);
        for (double along = -h; along < w; along += 4) {
            pen.line(x + along, y + h, x + along + h, y, Stroke.of(colour, 1.25));
        }
        pen.restore();
    }

    private void drawAccents(Pen pen, HeatMapGeometry g, Palette palette) {
        pen.save();
        pen.clip(g.left() - 2, g.top() - 2, g.width() + 4, g.height() + 4);
        Cell hovered = map.hoveredCellProperty().get();
        if (hovered != null && map.readOut(hovered) != null) {
            outline(pen, g, hovered.row(), hovered.column(), 1, 1, Stroke.of(palette.strong(), 1));
        }
        Cell locked = map.lockedCellProperty().get();
        if (locked != null) {
            outline(pen, g, locked.row(), 0, 1, g.columns(), Stroke.of(palette.accent(), 1));
            outline(pen, g, locked.row(), locked.column(), 1, 1, Stroke.of(palette.locked(), 1.5));
        }
        pen.restore();
    }

    private static void outline(Pen pen, HeatMapGeometry g, int row, int column, int rows, int columns, Stroke stroke) {
        double x = pen.snap(g.x(column));
        double y = pen.snap(g.y(row));
        double w = Math.max(3, pen.snap(g.x(column + columns)) - x);
        double h = Math.max(3, pen.snap(g.y(row + rows)) - y);
        double half = stroke.width() < 1.5 ? 0.5 : 0.25;
        pen.strokeRoundRect(x + half, y + half, w - 2 * half, h - 2 * half, 2, stroke);
    }

    private void drawRowLabels(Pen pen, HeatMapGeometry g, Palette palette, Cell locked, Cell hovered) {
        if (map.rowLabels().isEmpty()) {
            return;
        }
        int lock = locked == null ? -1 : locked.row();
        int hover = hovered == null ? -1 : hovered.row();
        for (int r : shownLabels(g.rowFrom(), g.rowTo(), g.cellHeight(), lock, hover)) {
            double middle = g.y(r + 0.5);
            if (r < map.rowLabels().size() && middle >= g.top() && middle <= g.top() + g.height()) {
                String label = pen.shortened(map.rowLabels().get(r), TextStyle.AXIS, map.longestLabel());
                pen.textMiddle(label, g.left() - HeatMapMargins.LABEL_GAP, middle, r == lock ? TextStyle.AXIS_STRONG : TextStyle.AXIS,
                        labelColour(r, lock, hover, palette), Pen.Align.RIGHT);
            }
        }
    }

    private void drawColumnLabels(Pen pen, HeatMapGeometry g, Palette palette, Cell locked, Cell hovered, double width) {
        if (map.columnLabels().isEmpty()) {
            return;
        }
        boolean upright = HeatMapMargins.around(map, width, pen).upright();
        int lock = locked == null ? -1 : locked.column();
        int hover = hovered == null ? -1 : hovered.column();
        for (int c : shownLabels(g.columnFrom(), g.columnTo(), g.cellWidth(), lock, hover)) {
            double middle = g.x(c + 0.5);
            if (c >= map.columnLabels().size() || middle < g.left() || middle > g.left() + g.width()) {
                continue;
            }
            String label = pen.shortened(map.columnLabels().get(c), TextStyle.AXIS, map.longestLabel());
            TextStyle style = c == lock ? TextStyle.AXIS_STRONG : TextStyle.AXIS;
            Color colour = labelColour(c, lock, hover, palette);
            if (upright) {
                pen.text(label, middle, g.top() - HeatMapMargins.LABEL_GAP, style, colour, Pen.Align.CENTRE);
            } else {
                pen.text(label, middle + style.middleToBaseline(), g.top() - HeatMapMargins.LABEL_GAP, style, colour, Pen.Align.LEFT, -90);
            }
        }
    }

    /// The labels that have room, and always those of the locked and the hovered cell, before which others give way.
    private static Iterable<Integer> shownLabels(int from, int to, double cell, int lock, int hover) {
        List<Integer> shown = new ArrayList<>();
        int every = (int) Math.max(1, Math.ceil(LABEL_LINE / cell));
        int clear = every == 1 ? 0 : every;
        if (to - from <= LABELS_UP_TO) {
            for (int i = from; i < to; i++) {
                boolean inWay = lock >= 0 && Math.abs(i - lock) < clear || hover >= 0 && Math.abs(i - hover) < clear;
                if (i % every == 0 && !inWay) {
                    shown.add(i);
                }
            }
        }
        TreeSet<Integer> all = new TreeSet<>(shown);
        if (lock >= from && lock < to && (hover < 0 || hover == lock || Math.abs(hover - lock) >= clear)) {
            all.add(lock);
        }
        if (hover >= from && hover < to) {
            all.add(hover);
        }
        return all;
    }

    private static Color labelColour(int index, int lock, int hover, Palette palette) {
        return index == lock ? palette.accent() : index == hover ? palette.strong() : palette.muted();
    }

    private void drawStrips(Pen pen, HeatMapGeometry g, Palette palette, Cell locked) {
        Strip rows = map.rowStrip();
        if (rows != null) {
            double left = pen.snap(g.left() + g.width() + HeatMapMargins.STRIP_GAP);
            for (int r = g.rowFrom(); r < g.rowTo(); r++) {
                double y = Math.max(g.top(), g.y(r));
                double h = Math.max(0.5, Math.min(g.top() + g.height(), g.y(r + 1)) - y - barGap(g.cellHeight()));
                Color colour = locked != null && locked.row() == r ? palette.accent() : palette.subtle();
                pen.fillRect(left, y + barGap(g.cellHeight()) / 2, rows.length(r), h, colour);
            }
            pen.text(rows.letter(), left, g.top() + g.height() + 14, TextStyle.CAPTION, palette.muted(), Pen.Align.LEFT);
        }
        Strip columns = map.columnStrip();
        if (columns != null) {
            double top = pen.snap(g.top() + g.height() + HeatMapMargins.STRIP_GAP);
            for (int c = g.columnFrom(); c < g.columnTo(); c++) {
                double x = Math.max(g.left(), g.x(c));
                double w = Math.max(0.5, Math.min(g.left() + g.width(), g.x(c + 1)) - x - barGap(g.cellWidth()));
                Color colour = locked != null && locked.column() == c ? palette.accent() : palette.subtle();
                pen.fillRect(x + barGap(g.cellWidth()) / 2, top, w, columns.length(c), colour);
            }
        }
    }

    private static double barGap(double cell) {
        return cell < 4 ? 0 : Math.min(4, cell * 0.25);
    }

    private void drawLegend(Pen pen, double width, double height, Palette palette) {
        Legend legend = map.legend();
        if (legend == null) {
            return;
        }
        double legendHeight = legend.heightFor(width, pen);
        pen.save();
        pen.translate(0, height - legendHeight);
        legend.draw(pen, width, legendHeight, palette.theme());
        pen.restore();
        String strips = stripNames();
        double free = width - 320;
        if (!strips.isEmpty() && free > pen.textWidth(strips, TextStyle.CAPTION)) {
            pen.textMiddle(strips, width, height - 7, TextStyle.CAPTION, palette.muted(), Pen.Align.RIGHT);
        }
    }

    private String stripNames() {
        List<String> names = new ArrayList<>();
        if (map.rowStrip() != null) {
            names.add(map.rowStrip().letter() + ": " + map.rowStrip().name());
        }
        if (map.columnStrip() != null) {
            names.add("below: " + map.columnStrip().name());
        }
        return String.join("; ", names);
    }

    /// Puts the card where no data is, in the masked corner; else 12 pixels off the cell.
    private void drawReadOut(Pen pen, HeatMapGeometry g, double width, double height, Palette palette) {
        Cell cell = map.hoveredCellProperty().get() != null ? map.hoveredCellProperty().get() : map.toldWhenLocked() ? map.lockedCellProperty().get() : null;
        ReadOut card = map.readOut(cell);
        if (card == null) {
            return;
        }
        double w = card.width(pen);
        double h = card.height();
        double right = g.left() + g.width() - READ_OUT_INSET - w;
        double bottom = g.top() + g.height() - READ_OUT_INSET - h;
        double[][] corners = {{right, g.top() + READ_OUT_INSET}, {g.left() + READ_OUT_INSET, bottom}};
        for (double[] corner : corners) {
            if (isEmpty(g, corner[0], corner[1], w, h)) {
                card.draw(pen, corner[0], corner[1], palette);
                return;
            }
        }
        card.drawBeside(pen, g.x(cell.column() + 1), g.y(cell.row() + 1), width, height, palette);
    }

    private boolean isEmpty(HeatMapGeometry g, double x, double y, double w, double h) {
        int steps = 6;
        for (int i = 0; i <= steps; i++) {
            for (int j = 0; j <= steps; j++) {
                Cell cell = g.cellAt(x + w * i / steps, y + h * j / steps);
                if (cell == null || map.pyramid().at(cell.row(), cell.column()) != Cells.NONE) {
                    return false;
                }
            }
        }
        return true;
    }
}
