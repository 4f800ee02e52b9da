package vitrine.app.shell;

import javafx.beans.property.BooleanProperty;
import javafx.beans.property.DoubleProperty;
import javafx.beans.property.SimpleBooleanProperty;
import javafx.beans.property.SimpleDoubleProperty;
import javafx.scene.Cursor;
import javafx.scene.input.MouseEvent;
import javafx.scene.layout.Region;

/// Navigator, middle and inspector side by side, with borders that can be dragged.
///
/// Below [#NARROW] the sides are narrower, below [#TIGHT] the inspector lies over the middle and is shown only when asked for, below [#SMALL] the navigator too.
/// A double click on a border brings its side back to its usual width.
final class Frame extends Region {

    /// The width below which the sides are narrower.
    static final double NARROW = 1360;
    /// The width below which the inspector lies over the middle.
    static final double TIGHT = 1180;
    /// The width below which the navigator lies over the middle as well: what a screen of 1920 pixels leaves at a scale of 200 %.
    static final double SMALL = 1024;

    private static final double GRIP = 8;
    private static final double NAVIGATOR_LEAST = 200;
    private static final double NAVIGATOR_MOST = 360;
    private static final double INSPECTOR_LEAST = 240;
    private static final double INSPECTOR_MOST = 420;
    private static final double MIDDLE_LEAST = 520;

    private final Region navigator;
    private final Region middle;
    private final Region inspector;
    private final Region navigatorGrip = new Region();
    private final Region inspectorGrip = new Region();
    private final BooleanProperty navigatorShown = new SimpleBooleanProperty(this, "navigatorShown", true);
    private final BooleanProperty inspectorShown = new SimpleBooleanProperty(this, "inspectorShown", true);
    /// What the user drew, or NaN for the usual width.
    private final DoubleProperty navigatorWidth = new SimpleDoubleProperty(this, "navigatorWidth", Double.NaN);
    private final DoubleProperty inspectorWidth = new SimpleDoubleProperty(this, "inspectorWidth", Double.NaN);
    /// Whether the inspector was asked for while it lies over the middle.
    private boolean over;
    /// Whether the navigator was asked for while it lies over the middle.
    private boolean navigatorOver;

    Frame(Region navigator, Region middle, Region inspector) {
        this.navigator = navigator;
        this.middle = middle;
        this.inspector = inspector;
        getChildren().addAll(middle, navigator, inspector, navigatorGrip, inspectorGrip);
        grip(navigatorGrip, navigatorWidth, x -> Math.clamp(x, NAVIGATOR_LEAST, NAVIGATOR_MOST));
        grip(inspectorGrip, inspectorWidth, x -> Math.clamp(getWidth() - x, INSPECTOR_LEAST, INSPECTOR_MOST));
        for (var p : new javafx.beans.Observable[] {navigatorShown, inspectorShown, navigatorWidth, inspectorWidth}) {
            p.addListener(o -> requestLayout());
        }
    }

    private void grip(Region grip, DoubleProperty width, java.util.function.DoubleUnaryOperator fromX) {
        grip.setCursor(Cursor.H_RESIZE);
        grip.addEventHandler(MouseEvent.MOUSE_DRAGGED, e -> width.set(fromX.applyAsDouble(sceneToLocal(e.getSceneX(), e.getSceneY()).getX())));
        grip.addEventHandler(MouseEvent.MOUSE_CLICKED, e -> {
            if (e.getClickCount() == 2) {
                width.set(Double.NaN);
            }
        });
    }

    BooleanProperty navigatorShownProperty() {
        return navigatorShown;
    }

    DoubleProperty navigatorWidthProperty() {
        return navigatorWidth;
    }

    DoubleProperty inspectorWidthProperty() {
        return inspectorWidth;
    }

    /// Shows the navigator or takes it away, beside the middle or over it.
    void toggleNavigator() {
        if (getWidth() < SMALL) {
            navigatorOver = !navigatorOver;
            requestLayout();
        } else {
            navigatorShown.set(!navigatorShown.get());
        }
    }

    /// Shows the navigator, wherever it lies.
    void showNavigator() {
        navigatorOver = true;
        navigatorShown.set(true);
        requestLayout();
    }

    /// Whether the navigator is seen.
    boolean navigatorSeen() {
        return getWidth() < SMALL ? navigatorOver : navigatorShown.get();
    }

    /// Shows the inspector or takes it away, beside the middle or over it.
    void toggleInspector() {
        if (getWidth() < TIGHT) {
            over = !over;
            requestLayout();
        } else {
            inspectorShown.set(!inspectorShown.get());
        }
    }

    /// Shows the inspector, wherever it lies.
    void showInspector() {
        over = true;
        inspectorShown.set(true);
        requestLayout();
    }

    /// Whether the inspector is seen.
    boolean inspectorSeen() {
        return getWidth() < TIGHT ? over : inspectorShown.get();
    }

    /// Shows both sides, or hides them if one is seen.
    void toggleSides() {
        boolean show = !navigatorSeen() && !inspectorSeen();
        navigatorOver = show && getWidth() < SMALL;
        navigatorShown.set(show);
        inspectorShown.set(show);
        over = show && getWidth() < TIGHT;
        requestLayout();
    }

    @Override
    protected void layoutChildren() {
        double w = getWidth();
        double h = getHeight();
        boolean narrow = w < NARROW;
        boolean tight = w < TIGHT;
        boolean small = w < SMALL;
        double left = navigatorSeen() ? chosen(navigatorWidth.get(), narrow ? 216 : 260) : 0;
        double right = inspectorSeen() ? chosen(inspectorWidth.get(), narrow ? 264 : 300) : 0;
        if (!tight && w - left - right < MIDDLE_LEAST) {
            right = Math.max(right == 0 ? 0 : INSPECTOR_LEAST, w - left - MIDDLE_LEAST);
        }
        place(navigator, left > 0, 0, left, h);
        place(inspector, right > 0, w - right, right, h);
        double beside = small ? 0 : left;
        place(middle, true, beside, w - beside - (tight ? 0 : right), h);
        place(navigatorGrip, left > 0, left - GRIP / 2, GRIP, h);
        place(inspectorGrip, right > 0, w - right - GRIP / 2, GRIP, h);
    }

    private static double chosen(double width, double usual) {
        return Double.isNaN(width) ? usual : width;
    }

    private static void place(Region node, boolean seen, double x, double width, double height) {
        node.setVisible(seen);
        if (seen) {
            node.resizeRelocate(Math.round(x), 0, Math.round(width), height);
        }
    }

    @Override
    protected double computePrefWidth(double height) {
        return 1440;
    }

    @Override
    protected double computePrefHeight(double width) {
        return 800;
    }

    @Override
    protected double computeMinWidth(double height) {
        return 0;
    }

    @Override
    protected double computeMinHeight(double width) {
        return 0;
    }
}
