package vitrine.core.train;

import vitrine.core.backward.Noise;

/// Random numbers as functions of where they are used: no state to save.
///
/// @param seed the run's
public record Randomness(long seed) {

    /// What numbers are drawn for; each is a stream of its own.
    public enum Stream {
        ORDER, DROPOUT, INITIAL, NOISE, PROBE, CHOICE
    }

    /// 64 random bits for place `index` of a stream at a step.
    public long bits(Stream stream, long step, long index) {
        long z = Noise.mix(seed + 0x9E3779B97F4A7C15L * (stream.ordinal() + 1));
        z = Noise.mix(z + 0x9E3779B97F4A7C15L * (step + 1));
        return Noise.mix(z + 0x9E3779B97F4A7C15L * (index + 1));
    }

    /// Evenly in [0, 1).
    public double uniform(Stream stream, long step, long index) {
        return (bits(stream, step, index) >>> 11) * 0x1.0p-53;
    }

    /// Normal with mean 0 and deviation 1, by the method of Box and Muller.
    public double normal(Stream stream, long step, long index) {
        double u = 1 - uniform(stream, step, 2 * index);
        double v = uniform(stream, step, 2 * index + 1);
        return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
    }

    /// Whole numbers 0 to n - 1 in random order.
    public int[] permutation(int n, Stream stream, long step) {
        int[] out = new int[n];
        for (int i = 0; i < n; i++) {
            int j = (int) Long.remainderUnsigned(bits(stream, step, i), i + 1L);
            out[i] = out[j];
            out[j] = i;
        }
        return out;
    }
}
