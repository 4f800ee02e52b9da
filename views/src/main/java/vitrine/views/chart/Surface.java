package vitrine.views.chart;

/// What a figure must know about the place where it is drawn to lay itself out: how wide text is and how fine pixels are.
public interface Surface {

    /// Device pixels per logical pixel.
    double pixelRatio();

    double textWidth(String text, TextStyle style);

    /// The text itself, or as much of its front as fits, ended by an ellipsis.
    default String shortened(String text, TextStyle style, double width) {
        if (textWidth(text, style) <= width) {
            return text;
        }
        int low = 0;
        int high = text.length();
        while (low < high) {
            int middle = (low + high + 1) / 2;
            if (textWidth(text.substring(0, middle) + "…", style) <= width) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low == 0 ? "" : text.substring(0, low) + "…";
    }

    /// The nearest whole device pixel.
    default double snap(double length) {
        return Math.round(length * pixelRatio()) / pixelRatio();
    }
}
