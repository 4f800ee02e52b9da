package vitrine.core.backward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Parallel;

/// Which values dropout leaves out. A number is a function of a key and a place: there is no state, so that a layer computed twice drops the same
/// values twice, and a run that goes on needs to remember nothing.
///
/// @param key differs from pass to pass
public record Noise(long key) {

    /// Sets a share of the values to 0 and divides the others by what is left of 1.
    ///
    /// @param firstRow where x's first row is among all rows of the pass
    void drop(int layer, float share, Matrix x, int firstRow) {
        long stream = mix(key + 0x9E3779B97F4A7C15L * (layer + 1L));
        long limit = (long) (share * 4294967296.0);
        float rest = 1f / (1f - share);
        Parallel.over(x.rows(), 16, (from, to) -> {
            for (int r = from; r < to; r++) {
                for (int i = 0; i < x.columns(); i++) {
                    long place = (long) (firstRow + r) * x.columns() + i;
                    long at = x.rowOffset(r) + 4L * i;
                    boolean out = (mix(stream + 0x9E3779B97F4A7C15L * (place + 1)) >>> 32) < limit;
                    x.data().set(JAVA_FLOAT, at, out ? 0f : x.data().get(JAVA_FLOAT, at) * rest);
                }
            }
        });
    }

    /// SplitMix64's finalizer. Source: Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*, 2014.
    public static long mix(long z) {
        long a = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        long b = (a ^ (a >>> 27)) * 0x94D049BB133111EBL;
        return b ^ (b >>> 31);
    }
}
