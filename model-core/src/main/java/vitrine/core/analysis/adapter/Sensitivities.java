package vitrine.core.analysis.adapter;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// [Sensitivity] of all parameters of a tensor: the same formulas, 8 bytes for each parameter in memory outside the heap (as an optimiser's moments).
/// Steps are computed in float64 and kept in float32.
public final class Sensitivities {

    private final MemorySegment means;
    private final MemorySegment uncertainties;

    /// Nothing seen yet.
    public Sensitivities(long count, Arena arena) {
        means = arena.allocate(Math.max(4, 4 * count), 64);
        uncertainties = arena.allocate(Math.max(4, 4 * count), 64);
    }

    /// One backward pass, as it is for parameter `i`.
    public void step(long i, double parameter, double gradient) {
        double now = Math.abs(parameter * gradient);
        double mean = Sensitivity.smoothed(means.getAtIndex(JAVA_FLOAT, i), now);
        means.setAtIndex(JAVA_FLOAT, i, (float) mean);
        uncertainties.setAtIndex(JAVA_FLOAT, i, (float) Sensitivity.smoothed(uncertainties.getAtIndex(JAVA_FLOAT, i), Math.abs(now - mean)));
    }

    /// The score of parameter `i`.
    public double score(long i) {
        return (double) means.getAtIndex(JAVA_FLOAT, i) * uncertainties.getAtIndex(JAVA_FLOAT, i);
    }
}
