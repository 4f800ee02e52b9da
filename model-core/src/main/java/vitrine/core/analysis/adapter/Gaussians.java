package vitrine.core.analysis.adapter;

/// Standard normal numbers that are the same on every machine and in every version: SplitMix64 and the Box-Muller transform in strict arithmetic.
///
/// Source: Steele, Lea, Flood, *Fast Splittable Pseudorandom Number Generators*, OOPSLA 2014; Box and Muller 1958.
public final class Gaussians {

    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    private long state;
    private double spare = Double.NaN;

    public Gaussians(long seed) {
        state = seed;
    }

    private long bits() {
        state += GOLDEN;
        long z = state;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }

    /// The next number.
    public double next() {
        if (!Double.isNaN(spare)) {
            double v = spare;
            spare = Double.NaN;
            return v;
        }
        // (0, 1], so that the logarithm is finite.
        double u = ((bits() >>> 11) + 1) * 0x1.0p-53;
        double v = (bits() >>> 11) * 0x1.0p-53;
        double r = Math.sqrt(-2 * StrictMath.log(u));
        spare = r * StrictMath.sin(2 * Math.PI * v);
        return r * StrictMath.cos(2 * Math.PI * v);
    }

    /// Fills a matrix, row by row.
    public Dense fill(Dense d) {
        for (int r = 0; r < d.rows(); r++) {
            for (int c = 0; c < d.columns(); c++) {
                d.set(r, c, next());
            }
        }
        return d;
    }
}
