package vitrine.core.train;

/// Learning-rate schedules: what the peak rate is multiplied with after k finished steps of K, w of them for warming up.
///
/// With a warm-up the first step has the rate 0. Source: `get_scheduler` of transformers 5.18.
public enum Schedule {
    LINEAR, COSINE, CONSTANT,
    /// Warm up, stay, decay (by half a cosine over the last d steps).
    WSD;

    /// @param k finished steps
    /// @param w steps of warming up
    /// @param total all steps, K
    /// @param d steps of decay, for [#WSD]
    public double multiplier(long k, long w, long total, long d) {
        if (k < w) {
            return (double) k / Math.max(1, w);
        }
        return switch (this) {
            case LINEAR -> Math.max(0, (double) (total - k) / Math.max(1, total - w));
            case COSINE -> Math.max(0, 0.5 * (1 + Math.cos(Math.PI * (k - w) / Math.max(1, total - w))));
            case CONSTANT -> 1;
            case WSD -> k < total - d ? 1 : 0.5 * (1 + Math.cos(Math.PI * (k - (total - d)) / Math.max(1, d)));
        };
    }
}
