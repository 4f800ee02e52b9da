package vitrine.views.chart;

import java.util.List;
import javafx.scene.paint.Color;

/// How a line is drawn.
///
/// @param dashes lengths of dash and gap in turn; empty for a solid line
public record Stroke(Color colour, double width, List<Double> dashes) {

    /// Solid.
    public static Stroke of(Color colour, double width) {
        return new Stroke(colour, width, List.of());
    }

    /// Dashed, such as 4-4 for reference lines, 2-3 for the cursor and 5-3 for a second series.
    public static Stroke dashed(Color colour, double width, double dash, double gap) {
        return new Stroke(colour, width, List.of(dash, gap));
    }
}
