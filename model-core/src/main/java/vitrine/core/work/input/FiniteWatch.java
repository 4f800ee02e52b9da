package vitrine.core.work.input;

import java.util.function.Consumer;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// Watches the residual stream for values that are no numbers: from the first such layer on, figures are NaN because the model's
/// values are, and the user is told where it begins.
public final class FiniteWatch implements Probe {

    private final int last;
    private final long[] nonFinite;
    private final long[] values;

    /// Watches layers up to `last`.
    public FiniteWatch(ModelSpec spec, int last) {
        this.last = last;
        nonFinite = new long[spec.layers().size()];
        values = new long[spec.layers().size()];
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.RESID_POST && layer >= 0 && layer <= last;
    }

    @Override
    public void at(Place place, Matrix value) {
        values[place.layer()] += value.size();
        for (int r = 0; r < value.rows(); r++) {
            for (float v : value.row(r)) {
                nonFinite[place.layer()] += Float.isFinite(v) ? 0 : 1;
            }
        }
    }

    /// One sentence about the first layer after which a value was not finite; nothing where all were.
    public void warn(Consumer<String> warn) {
        for (int l = 0; l < nonFinite.length; l++) {
            if (nonFinite[l] > 0) {
                warn.accept(String.format("After layer %d, %,d of %,d values of the residual stream are NaN or infinite: figures from there on are not numbers.",
                        l, nonFinite[l], values[l]));
                return;
            }
        }
    }
}
