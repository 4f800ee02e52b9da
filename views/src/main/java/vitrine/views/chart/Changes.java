package vitrine.views.chart;

import java.util.ArrayList;
import java.util.List;
import javafx.beans.InvalidationListener;
import javafx.beans.Observable;

/// Tells listeners that a figure's data or settings changed.
final class Changes implements Observable {

    private final List<InvalidationListener> listeners = new ArrayList<>();

    void tell() {
        List.copyOf(listeners).forEach(l -> l.invalidated(this));
    }

    @Override
    public void addListener(InvalidationListener listener) {
        listeners.add(listener);
    }

    @Override
    public void removeListener(InvalidationListener listener) {
        listeners.remove(listener);
    }
}
