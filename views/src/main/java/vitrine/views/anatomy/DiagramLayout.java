package vitrine.views.anatomy;

import java.util.List;
import vitrine.core.architecture.Part;
import vitrine.views.chart.Surface;
import vitrine.views.chart.TextStyle;

/// Where everything in the diagram lies at one width and one distance between boxes. [DiagramBuilder] makes it.
///
/// @param marks what is drawn first: frames, lines, words
/// @param bottom where the last box ends
record DiagramLayout(List<Place> places, List<Mark> marks, double bottom) {

    /// The radius of a plus.
    static final double PLUS = 8;


    /// How a box is drawn.
    enum Look {
        /// On the ground, with its part's colour along the left edge.
        BOX,
        /// Small and filled, as a head.
        CELL,
        /// Wide and filled, as a projection over all heads.
        BAR
    }

    /// A box in its place; a tensor of many heads has many places.
    record Place(Box box, double x, double y, double w, double h, Look look, String text, String detail, Part tint) {

        boolean holds(double px, double py) {
            return px >= x && px < x + w && py >= y && py < y + h;
        }
    }

    /// How strong words are.
    enum Tone { STRONG, TEXT, MUTED }

    /// What is no box.
    sealed interface Mark {
        /// A line through points; with an arrow head at its end where it leads into a box.
        record Line(double[] xs, double[] ys, boolean arrow, boolean dashed) implements Mark {}

        record Words(String text, double x, double y, TextStyle style, Tone tone, boolean right) implements Mark {}

        /// Where a block's output joins the residual stream.
        record Plus(double x, double y) implements Mark {}

        /// The frame of the layer, or of a block within it.
        record Frame(double x, double y, double w, double h, boolean block) implements Mark {}

        /// A layer to go to.
        record Step(int layer, double x, double y, double w, double h, String text) implements Mark {
            boolean holds(double px, double py) {
                return px >= x - 2 && px < x + w + 2 && py >= y - 3 && py < y + h + 3;
            }
        }

        /// All layers as a line to point at, for a model of many.
        record Track(double x, double y, double w, double h) implements Mark {
            boolean holds(double px, double py) {
                return px >= x && px <= x + w && py >= y && py <= y + h;
            }

            int layerAt(double px, int layers) {
                return Math.clamp((int) ((px - x) / w * layers), 0, layers - 1);
            }
        }
    }

    /// How much air there is.
    ///
    /// @param gap the distance between boxes, in pixels
    /// @param squeeze what heights of boxes are multiplied with, at most 1
    record Spacing(double gap, double squeeze) {}

    /// Lays the diagram out from `top` down.
    static DiagramLayout of(Wiring wiring, double width, Spacing spacing, double top, Surface surface) {
        return new DiagramBuilder(wiring, width, spacing, top, surface).build();
    }
}
