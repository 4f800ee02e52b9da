package vitrine.views.chart;

/// A figure that answers the pointer and the keyboard.
///
/// Hover peeks, click locks, Escape releases: a figure keeps what is hovered and what is locked in properties, which
/// are also the way to link it with others.
public interface Interactive extends Figure {

    /// Answers a gesture on a figure of this size.
    ///
    /// @return whether the gesture meant something here; if not, it is left to what lies around the figure
    boolean handle(Gesture gesture, double width, double height, Surface surface);
}
