package vitrine.views.chart;

import javafx.scene.input.KeyCode;

/// What a reader does with the pointer or a key, in the figure's own coordinates.
public sealed interface Gesture {

    /// The pointer moved without a button.
    record Move(double x, double y) implements Gesture {}

    /// The pointer left the figure.
    record Leave() implements Gesture {}

    /// The main button went down.
    record Press(double x, double y) implements Gesture {}

    /// The pointer moved with the main button held.
    ///
    /// @param startX where the button went down
    /// @param dx how far since the last event
    record Drag(double x, double y, double startX, double startY, double dx, double dy) implements Gesture {}

    /// The main button went up after a drag.
    record Drop(double x, double y, double startX, double startY) implements Gesture {}

    /// The main button went down and up at one place.
    ///
    /// @param count 2 for a double click
    /// @param extend whether Shift was held
    record Click(double x, double y, int count, boolean extend) implements Gesture {}

    /// The wheel turned.
    ///
    /// @param notches positive away from the reader
    /// @param command whether Ctrl (Cmd on macOS) was held
    record Wheel(double x, double y, double notches, boolean command) implements Gesture {}

    /// A key went down while the figure had the focus.
    record Key(KeyCode code, boolean shift, boolean command) implements Gesture {}
}
