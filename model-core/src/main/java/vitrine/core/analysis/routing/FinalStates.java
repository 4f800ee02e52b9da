package vitrine.core.analysis.routing;

import java.lang.foreign.Arena;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// Keeps what the head reads of one batch.
public final class FinalStates implements Probe, AutoCloseable {

    private final Arena arena = Arena.ofShared();
    private final Matrix[] states;

    /// @param sequences of the batch
    public FinalStates(int sequences) {
        states = new Matrix[sequences];
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.FINAL_NORM;
    }

    @Override
    public void at(Place place, Matrix value) {
        Matrix copy = Matrix.allocate(arena, value.rows(), value.columns());
        copy.copyFrom(value);
        states[place.sequence()] = copy;
    }

    /// `[positions, hidden]` of a sequence.
    Matrix of(int sequence) {
        return states[sequence];
    }

    @Override
    public void close() {
        arena.close();
    }
}
