package vitrine.views.chart;

/// One value per row or per column, drawn as bars along the edge of a heat map.
///
/// @param name what the bars show, such as `row entropy`
/// @param letter a short sign for it that stands at the end of the bars
/// @param values one per row or column; NaN where there is none
/// @param longest the value of a bar of full length
public record Strip(String name, String letter, double[] values, double longest) {

    /// How long bars are at most, in pixels.
    static final double LENGTH = 14;

    /// Length of a bar in pixels; 0 where there is no value.
    double length(int index) {
        double value = values[index];
        return Double.isFinite(value) && longest > 0 ? Math.clamp(value / longest, 0, 1) * LENGTH : 0;
    }
}
