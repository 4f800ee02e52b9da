package vitrine.views.chart;

import javafx.beans.property.ObjectProperty;

/// The node that shows a [HeatMap], with the properties that other panels link to.
public final class HeatMapView extends FigureCanvas {

    private final HeatMap map;

    public HeatMapView(HeatMap map) {
        super(map);
        this.map = map;
    }

    public HeatMapView() {
        this(new HeatMap());
    }

    /// What is shown, to be set up.
    public HeatMap map() {
        return map;
    }

    /// The cell under the pointer, or null.
    public ObjectProperty<Cell> hoveredCellProperty() {
        return map.hoveredCellProperty();
    }

    /// The cell that was clicked, or null.
    public ObjectProperty<Cell> lockedCellProperty() {
        return map.lockedCellProperty();
    }
}
