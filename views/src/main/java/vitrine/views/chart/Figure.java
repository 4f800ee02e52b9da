package vitrine.views.chart;

import java.util.List;
import javafx.beans.Observable;

/// Something that draws itself with a [Pen] at any size and in either look.
///
/// The same code makes the screen ([FigureCanvas]), PNG and SVG ([FigureFile]), so what is exported is what is shown,
/// hover and lock included. A figure that answers the pointer is an [Interactive].
public interface Figure {

    void draw(Pen pen, double width, double height, Theme theme);

    /// What a drawing depends on: when one of these changes, the screen is drawn anew.
    default List<? extends Observable> inputs() {
        return List.of();
    }

    /// The height that the figure wants at a width, or 0 if it takes what it gets.
    default double heightFor(double width, Surface surface) {
        return 0;
    }

    /// The width below which the figure would be cut; it then scrolls.
    default double leastWidth(Surface surface) {
        return 0;
    }

    /// What the figure shows just now, in words: its accessible text, and the text of its read-out.
    default String description() {
        return "";
    }

    /// The numbers behind the figure with full precision, as lines of comma-separated values with a head line; empty
    /// for a figure that shows no numbers.
    default String csv() {
        return "";
    }
}
