package vitrine.views.anatomy;

import vitrine.core.architecture.Part;
import vitrine.views.chart.Surface;
import vitrine.views.chart.TextStyle;

/// Query heads over the key/value heads that they read: one by one where there is room, else in groups, else the first and the last.
final class HeadCells {

    private static final double CELL_GAP = 3;
    private static final double GROUP_GAP = 10;
    private static final double DOTS = 24;
    private static final double LINK = DiagramBuilder.LINK;

    private final DiagramBuilder builder;
    private final Wiring.Attention a;
    private final double left;
    private final double room;
    private final int groups;
    private final int size;
    private final double queryCell;
    private final double rangeCell;
    private final double pair;
    private double y;
    private double high;

    HeadCells(DiagramBuilder builder, Wiring.Attention a, double left, double room, Surface surface) {
        this.builder = builder;
        this.a = a;
        this.left = left;
        this.room = room;
        groups = a.keyValueHeads();
        size = a.heads() / groups;
        queryCell = Math.max(18, surface.textWidth("q" + (a.heads() - 1), TextStyle.CELL) + 6);
        rangeCell = surface.textWidth("q" + (a.heads() - size) + "–" + (a.heads() - 1), TextStyle.CELL) + 8;
        pair = 2 * Math.max(18, surface.textWidth("k" + (groups - 1), TextStyle.CELL) + 6) + CELL_GAP;
    }

    /// Puts both rows of cells, the upper one at `top`, and returns how high they are together.
    double place(double top, double cellHeight) {
        y = top;
        high = cellHeight;
        double each = (room - (groups - 1) * GROUP_GAP) / groups;
        double single = Math.max(size * queryCell + (size - 1) * CELL_GAP, pair);
        double ranged = Math.max(rangeCell, pair);
        boolean singly = each >= single;
        if (singly || size > 1 && each >= ranged) {
            for (int g = 0; g < groups; g++) {
                group(g, left + g * (each + GROUP_GAP), each, singly);
            }
        } else {
            abbreviated(size <= 2 ? single : ranged, size <= 2);
        }
        return 2 * high + LINK;
    }

    private void abbreviated(double each, boolean singly) {
        boolean narrow = room < 2 * each + DOTS + GROUP_GAP;
        double dots = narrow ? 14 : DOTS;
        double between = narrow ? 4 : GROUP_GAP;
        if (room < 2 * each + dots + between) {
            group(0, left, room - dots, singly);
            builder.words("…", left + room - dots + 2, y + high + LINK / 2, TextStyle.SMALL, DiagramLayout.Tone.MUTED);
            return;
        }
        int shown = Math.max(1, (int) ((room - dots - each) / (each + between)));
        double wide = (room - dots - shown * between) / (shown + 1);
        for (int g = 0; g < shown; g++) {
            group(g, left + g * (wide + between), wide, singly);
        }
        group(groups - 1, left + room - wide, wide, singly);
        double x = left + shown * (wide + between) + dots / 2 - between / 2;
        builder.words("…", x - 5, y + high + LINK / 2, TextStyle.SMALL, DiagramLayout.Tone.MUTED);
    }

    private void group(int g, double x, double w, boolean singly) {
        int first = g * size;
        double under = y + high;
        double link = under + LINK / 2;
        if (singly) {
            double each = (w - (size - 1) * CELL_GAP) / size;
            for (int i = 0; i < size; i++) {
                double qx = x + i * (each + CELL_GAP);
                builder.cell(a.query(), qx, y, each, high, "q" + (first + i), Part.QUERY);
                builder.line(false, qx + each / 2, under, qx + each / 2, link, x + w / 2, link);
            }
        } else {
            builder.cell(a.query(), x, y, w, high, "q" + first + "–" + (first + size - 1), Part.QUERY);
            builder.line(false, x + w / 2, under, x + w / 2, link);
        }
        double half = (w - CELL_GAP) / 2;
        double below = under + LINK;
        builder.line(false, x + half / 2, below, x + half / 2, link, x + w - half / 2, link, x + w - half / 2, below);
        builder.cell(a.key(), x, below, half, high, "k" + g, Part.KEY);
        builder.cell(a.value(), x + half + CELL_GAP, below, half, high, "v" + g, Part.VALUE);
    }
}
