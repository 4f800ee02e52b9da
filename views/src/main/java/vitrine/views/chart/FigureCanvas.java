package vitrine.views.chart;

import java.util.List;
import javafx.application.Platform;
import javafx.beans.InvalidationListener;
import javafx.beans.Observable;
import javafx.beans.WeakInvalidationListener;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.css.CssMetaData;
import javafx.css.SimpleStyleableObjectProperty;
import javafx.css.Styleable;
import javafx.css.StyleableObjectProperty;
import javafx.css.StyleableProperty;
import javafx.css.converter.EnumConverter;
import javafx.geometry.Orientation;
import javafx.scene.Scene;
import javafx.scene.canvas.Canvas;
import javafx.scene.input.KeyEvent;
import javafx.scene.input.MouseButton;
import javafx.scene.input.MouseEvent;
import javafx.scene.input.ScrollEvent;
import javafx.scene.layout.Region;
import javafx.scene.transform.Scale;
import vitrine.resources.Styles;

/// The node that shows a [Figure]: `new FigureCanvas(figure)` and put it anywhere.
///
/// It draws at most once per pulse, sharp at any pixel ratio, in the look that the stylesheet names by `-vt-theme`,
/// and hands gestures to a figure that is [Interactive]. Its accessible text is the figure's description.
public class FigureCanvas extends Region {

    /// Pointer steps below this, in pixels, are a click and not a drag.
    private static final double SLACK = 3;
    /// What one notch of a wheel reports as its delta.
    private static final double NOTCH = 40;

    private final Canvas canvas = new Canvas();
    private final CanvasPen pen = new CanvasPen(canvas.getGraphicsContext2D());
    private final ObjectProperty<Figure> figure = new SimpleObjectProperty<>(this, "figure");
    private final StyleableObjectProperty<Theme> theme =
            new SimpleStyleableObjectProperty<>(LookFromStyle.META, this, "theme", Theme.DARK);
    private final InvalidationListener redraw = o -> requestDraw();
    private final WeakInvalidationListener weakRedraw = new WeakInvalidationListener(redraw);
    private final Runnable atPulse = this::drawAtPulse;
    private List<? extends Observable> listenedTo = List.of();
    private Scene waitingIn;
    private double resolution = 1;
    private double pressX;
    private double pressY;
    private double lastX;
    private double lastY;
    private boolean dragging;

    public FigureCanvas(Figure figure) {
        getStyleClass().add(Styles.FIGURE);
        getChildren().add(canvas);
        this.figure.addListener((o, old, now) -> follow(now));
        this.figure.set(figure);
        theme.addListener(weakRedraw);
        addEventHandler(MouseEvent.ANY, this::mouse);
        addEventHandler(ScrollEvent.SCROLL, this::wheel);
        addEventHandler(KeyEvent.KEY_PRESSED, this::key);
    }

    public ObjectProperty<Figure> figureProperty() {
        return figure;
    }

    public Figure getFigure() {
        return figure.get();
    }

    /// The look, set by the stylesheet.
    public ObjectProperty<Theme> themeProperty() {
        return theme;
    }

    /// Where the figure is laid out: this canvas' text widths and pixels.
    public Surface surface() {
        return pen;
    }

    /// Draws the figure as it is now, at its present size and in its present look, with another pen.
    public void drawWith(Pen other) {
        if (getWidth() > 0 && getHeight() > 0) {
            getFigure().draw(other, getWidth(), getHeight(), theme.get());
        }
    }

    /// Asks for a drawing with the next pulse; any number of requests until then make one drawing.
    public void requestDraw() {
        Scene scene = getScene();
        if (scene == null || scene == waitingIn) {
            return;
        }
        forgetPulse();
        waitingIn = scene;
        scene.addPreLayoutPulseListener(atPulse);
        Platform.requestNextPulse();
    }

    /// Draws for a picture with so many pixels per logical pixel, without changing the size on screen.
    void drawAtResolution(double pixelsPerPixel) {
        resolution = pixelsPerPixel;
        fit();
        draw();
    }

    private void follow(Figure now) {
        listenedTo.forEach(o -> o.removeListener(weakRedraw));
        listenedTo = now.inputs();
        listenedTo.forEach(o -> o.addListener(weakRedraw));
        setFocusTraversable(now instanceof Interactive);
        requestLayout();
        requestDraw();
    }

    private void drawAtPulse() {
        forgetPulse();
        draw();
    }

    private void forgetPulse() {
        if (waitingIn != null) {
            waitingIn.removePreLayoutPulseListener(atPulse);
            waitingIn = null;
        }
    }

    private void fit() {
        canvas.setWidth(Math.ceil(getWidth() * resolution));
        canvas.setHeight(Math.ceil(getHeight() * resolution));
        canvas.getTransforms().setAll(resolution == 1 ? List.of() : List.of(new Scale(1 / resolution, 1 / resolution)));
    }

    private void draw() {
        var g = canvas.getGraphicsContext2D();
        g.setTransform(1, 0, 0, 1, 0, 0);
        g.clearRect(0, 0, canvas.getWidth(), canvas.getHeight());
        g.scale(resolution, resolution);
        pen.setPixelRatio(resolution * screenRatio());
        speak();
        drawWith(pen);
        setAccessibleText(getFigure().description());
    }

    /// Takes up the language of the scene.
    void speak() {
        pen.speak(SpokenFigures.of(getScene()));
    }

    private double screenRatio() {
        Scene scene = getScene();
        return scene == null || scene.getWindow() == null ? 1 : scene.getWindow().getOutputScaleX();
    }

    @Override
    protected void layoutChildren() {
        fit();
        canvas.relocate(0, 0);
        draw();
    }

    @Override
    public Orientation getContentBias() {
        return Orientation.HORIZONTAL;
    }

    @Override
    protected double computeMinWidth(double height) {
        return getFigure().leastWidth(pen);
    }

    @Override
    protected double computeMinHeight(double width) {
        return 0;
    }

    @Override
    protected double computePrefHeight(double width) {
        return getFigure().heightFor(width < 0 ? getWidth() : width, pen);
    }

    @Override
    protected double computePrefWidth(double height) {
        return getFigure().leastWidth(pen);
    }

    private void mouse(MouseEvent e) {
        if (!(getFigure() instanceof Interactive)) {
            return;
        }
        double x = e.getX();
        double y = e.getY();
        boolean main = e.getButton() == MouseButton.PRIMARY;
        if (e.getEventType() == MouseEvent.MOUSE_MOVED) {
            pass(new Gesture.Move(x, y), e);
        } else if (e.getEventType() == MouseEvent.MOUSE_EXITED) {
            pass(new Gesture.Leave(), e);
        } else if (e.getEventType() == MouseEvent.MOUSE_PRESSED && main) {
            requestFocus();
            dragging = false;
            pressX = lastX = x;
            pressY = lastY = y;
            pass(new Gesture.Press(x, y), e);
        } else if (e.getEventType() == MouseEvent.MOUSE_DRAGGED && main) {
            dragging |= Math.hypot(x - pressX, y - pressY) > SLACK;
            if (dragging) {
                pass(new Gesture.Drag(x, y, pressX, pressY, x - lastX, y - lastY), e);
                lastX = x;
                lastY = y;
            }
        } else if (e.getEventType() == MouseEvent.MOUSE_RELEASED && main) {
            pass(dragging ? new Gesture.Drop(x, y, pressX, pressY) : new Gesture.Click(x, y, e.getClickCount(), e.isShiftDown()), e);
            dragging = false;
        }
    }

    private void wheel(ScrollEvent e) {
        double delta = e.getDeltaY() != 0 ? e.getDeltaY() : e.getDeltaX();
        if (delta != 0 && !e.isInertia()) {
            pass(new Gesture.Wheel(e.getX(), e.getY(), delta / NOTCH, e.isShortcutDown()), e);
        }
    }

    private void key(KeyEvent e) {
        pass(new Gesture.Key(e.getCode(), e.isShiftDown(), e.isShortcutDown()), e);
    }

    private void pass(Gesture gesture, javafx.event.Event event) {
        if (getFigure() instanceof Interactive interactive && interactive.handle(gesture, getWidth(), getHeight(), pen)) {
            event.consume();
        }
    }

    @Override
    public List<CssMetaData<? extends Styleable, ?>> getCssMetaData() {
        return LookFromStyle.ALL;
    }

    /// The one property that the stylesheet sets on a figure.
    private static final class LookFromStyle {

        static final CssMetaData<FigureCanvas, Theme> META =
                new CssMetaData<>("-vt-theme", new EnumConverter<>(Theme.class), Theme.DARK) {
                    @Override
                    public boolean isSettable(FigureCanvas node) {
                        return !node.theme.isBound();
                    }

                    @Override
                    public StyleableProperty<Theme> getStyleableProperty(FigureCanvas node) {
                        return node.theme;
                    }
                };

        static final List<CssMetaData<? extends Styleable, ?>> ALL =
                java.util.stream.Stream.concat(Region.getClassCssMetaData().stream(), java.util.stream.Stream.of(META)).toList();
    }
}
