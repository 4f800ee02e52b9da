package vitrine.core.artifact;

/// How a figure came about: the answer to "where does this number come from?".
///
/// @param source the tensor, file or field that it was taken from, such as `model.layers.2.mlp.gate_proj.weight`
/// @param dtype the stored or computed element type, such as `F32`; empty where there is none
/// @param method what was done, in a few words: `mean over queries of row entropy, nats`
/// @param samples how many values, tokens or sequences went in; 0 where that means nothing
/// @param error half the width of a 95 % interval for an estimate, NaN where none is known
public record Provenance(Kind kind, String source, String dtype, String method, long samples, double error) {

    /// How directly a figure was obtained.
    public enum Kind {
        /// Read from a file or observed in a run.
        MEASURED,
        /// Computed from measured values by an exact formula.
        DERIVED,
        /// Computed from a part or by a model of the truth, with an error bar where it is known.
        ESTIMATED,
        /// An example that stands for data that is not there.
        SAMPLE;

        /// The word on screen.
        public String label() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    public static Provenance measured(String source, String dtype, String method) {
        return new Provenance(Kind.MEASURED, source, dtype, method, 0, Double.NaN);
    }

    public static Provenance derived(String source, String dtype, String method) {
        return new Provenance(Kind.DERIVED, source, dtype, method, 0, Double.NaN);
    }

    public static Provenance estimated(String source, String method, long samples, double error) {
        return new Provenance(Kind.ESTIMATED, source, "", method, samples, error);
    }

    /// The same with the number of values, tokens or sequences that went in.
    public Provenance of(long count) {
        return new Provenance(kind, source, dtype, method, count, error);
    }

    /// One or two lines for a tooltip.
    public String sentence() {
        StringBuilder s = new StringBuilder(kind.label().substring(0, 1).toUpperCase(java.util.Locale.ROOT)).append(kind.label().substring(1));
        s.append(": ").append(method).append('.');
        s.append("\nFrom ").append(source);
        if (!dtype.isEmpty()) {
            s.append(", ").append(dtype);
        }
        if (samples > 0) {
            s.append(String.format(java.util.Locale.ROOT, ", %,d values", samples));
        }
        if (!Double.isNaN(error)) {
            s.append(String.format(java.util.Locale.ROOT, ", ± %.3g", error));
        }
        return s.append('.').toString();
    }
}
