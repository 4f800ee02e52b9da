package vitrine.views.chart;

import java.util.Comparator;
import java.util.List;

/// The room that labels, strips and legend take around the cells of a heat map, in pixels.
///
/// @param upright whether column labels are short enough to stand upright
record HeatMapMargins(double left, double top, double right, double bottom, boolean upright) {

    /// Between labels and cells.
    static final double LABEL_GAP = 6;
    /// Between strips and cells.
    static final double STRIP_GAP = 8;
    /// Room below for the legend, with the space above it.
    private static final double LEGEND_GAP = 14;
    private static final double LINE = 14;

    static HeatMapMargins around(HeatMap map, double width, Surface surface) {
        double left = map.rowLabels().isEmpty() ? 0 : widest(map.rowLabels(), map, surface) + LABEL_GAP;
        double right = map.rowStrip() == null ? 0 : STRIP_GAP + Strip.LENGTH + 1;
        double roomAcross = (width - left - right) / map.columns();
        double widest = map.columnLabels().isEmpty() ? 0 : widest(map.columnLabels(), map, surface);
        boolean upright = widest + 4 <= Math.min(roomAcross, map.largestCell());
        // Half a line, so that the first row's name is not cut.
        double top = widest == 0 ? map.rowLabels().isEmpty() ? 0 : LINE / 2 - 1 : upright ? LINE + LABEL_GAP - 2 : widest + LABEL_GAP;
        double bottom = map.columnStrip() == null ? 0 : STRIP_GAP + Strip.LENGTH;
        if (map.rowStrip() != null) {
            bottom = Math.max(bottom, LINE);
        }
        Legend legend = map.legend();
        if (legend != null) {
            bottom += LEGEND_GAP + legend.heightFor(width, surface);
        }
        return new HeatMapMargins(left, top, right, bottom, upright);
    }

    /// Labels are set in a typeface of one width, so the one with most characters is the widest.
    private static double widest(List<String> labels, HeatMap map, Surface surface) {
        String longest = labels.stream().max(Comparator.comparingInt(String::length)).orElse("");
        return Math.ceil(Math.min(map.longestLabel(), surface.textWidth(longest, TextStyle.AXIS)));
    }
}
