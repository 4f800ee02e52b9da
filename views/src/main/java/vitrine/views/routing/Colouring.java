package vitrine.views.routing;

import java.util.function.Function;
import javafx.scene.paint.Color;
import vitrine.views.chart.Palette;
import vitrine.views.chart.Scale;
import vitrine.views.routing.RoutingData.Measure;

/// The colours of experts: twelve hues that repeat, and beyond 64 experts the load, since so many hues tell nothing.
final class Colouring {

    private static final int HUES_UP_TO = 64;
    private static final Scale LOAD = Scale.load();

    private Colouring() {}

    static boolean byLoad(RoutingData data) {
        return data.experts() > HUES_UP_TO;
    }

    static Color of(RoutingData data, int layer, int expert, Palette palette) {
        if (!byLoad(data)) {
            return palette.categorical(expert);
        }
        double share = data.share(Measure.LOAD, layer, RoutingData.ALL, expert);
        return LOAD.colour(Double.isFinite(share) ? share : 1, palette);
    }

    static Function<Palette, Color> of(RoutingData data, int layer, int expert) {
        return p -> of(data, layer, expert, p);
    }
}
