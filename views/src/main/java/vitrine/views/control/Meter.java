package vitrine.views.control;

import javafx.beans.property.DoubleProperty;
import javafx.beans.property.SimpleDoubleProperty;
import javafx.scene.layout.Region;
import vitrine.resources.Styles;

/// A bar that is filled as far as a share from 0 to 1; empty when the share is unknown (NaN).
public final class Meter extends Region {

    private final DoubleProperty share = new SimpleDoubleProperty(this, "share", Double.NaN);
    private final Region fill = new Region();

    public Meter(double first) {
        getStyleClass().add(Styles.METER);
        fill.getStyleClass().add("vt-meter-fill");
        fill.setManaged(false);
        getChildren().add(fill);
        share.addListener(o -> requestLayout());
        share.set(first);
    }

    /// 4 instead of 6 pixels high.
    public Meter thin() {
        getStyleClass().add("vt-thin");
        return this;
    }

    public DoubleProperty shareProperty() {
        return share;
    }

    @Override
    protected void layoutChildren() {
        double part = Double.isFinite(share.get()) ? Math.clamp(share.get(), 0, 1) : 0;
        fill.setVisible(part > 0);
        // A rounded bar shorter than it is high would be a blot.
        fill.resizeRelocate(0, 0, Math.max(getHeight(), part * getWidth()), getHeight());
    }
}
