package vitrine.core.artifact;

/// Figures of one matrix's spectrum, as they stand in the JSON of a spectrum. Formulas: `docs/protocol.md`
/// and the analysis package `spectrum`.
public enum Measure {
    EFFECTIVE_RANK("effective_rank", "Effective rank"),
    EFFECTIVE_RANK_SQUARED("effective_rank_squared", "Effective rank of energy"),
    NORMALISED_EFFECTIVE_RANK("normalised_effective_rank", "Normalised effective rank"),
    STABLE_RANK("stable_rank", "Stable rank"),
    PARTICIPATION_RATIO("participation_ratio", "Participation ratio"),
    SPECTRAL_NORM("spectral_norm", "Spectral norm"),
    FROBENIUS_NORM("frobenius_norm", "Frobenius norm"),
    ALPHA("alpha", "Power-law alpha"),
    /// Shannon entropy of the shares of singular values, nats.
    ENTROPY("entropy", "Entropy"),
    PARTICIPATION_RATIO_SIGMA("participation_ratio_sigma", "Participation ratio of singular values"),
    NUCLEAR_RANK("nuclear_rank", "Nuclear rank"),
    NUCLEAR_NORM("nuclear_norm", "Nuclear norm"),
    /// Singular values that hold 90 % of the energy.
    RANK_90("rank_90", "Rank at 90 % energy"),
    RANK_95("rank_95", "Rank at 95 % energy"),
    RANK_99("rank_99", "Rank at 99 % energy"),
    NUMERICAL_RANK("numerical_rank", "Numerical rank"),
    /// Absent where the smallest value is 0 or within the noise of the arithmetic.
    CONDITION_NUMBER("condition_number", "Condition number"),
    ALPHA_HAT("alpha_hat", "Alpha-hat"),
    /// Kolmogorov-Smirnov distance of the tail from the fitted power law.
    ALPHA_DISTANCE("alpha_distance", "Distance of the fit"),
    /// Standard error of alpha.
    ALPHA_ERROR("alpha_error", "Standard error of alpha"),
    /// Values that the fit rests on.
    ALPHA_TAIL("alpha_tail", "Values in the tail"),
    /// Where the fitted tail begins, an eigenvalue (a squared singular value).
    ALPHA_X_MIN("alpha_x_min", "Start of the tail"),
    /// Standard deviation of the bulk's entries.
    NOISE_SIGMA("noise_sigma", "Noise level"),
    /// Upper Marchenko-Pastur edge, as a singular value.
    NOISE_EDGE("noise_edge", "Noise edge"),
    /// The edge with its Tracy-Widom margin: values above it are spikes.
    NOISE_CUTOFF("noise_cutoff", "Noise edge with margin"),
    /// Singular values above [#NOISE_CUTOFF].
    SPIKES("spikes", "Spikes"),
    /// Upper edge by largest eigenvalue.
    SOFT_RANK("soft_rank", "Marchenko-Pastur soft rank"),
    /// What a random matrix of this shape reaches in [#NORMALISED_EFFECTIVE_RANK]; `RANDOM_...` likewise, as shares of the smaller side.
    RANDOM_EFFECTIVE_RANK("random_effective_rank", "Random baseline"),
    RANDOM_EFFECTIVE_RANK_SQUARED("random_effective_rank_squared", "Random baseline of energy"),
    RANDOM_PARTICIPATION_RATIO("random_participation_ratio", "Random participation ratio"),
    RANDOM_STABLE_RANK("random_stable_rank", "Random stable rank"),
    /// Share of the nuclear norm in values near the noise of the arithmetic; above 0.01 the effective rank deserves doubt.
    FLOOR_SHARE("floor_share", "Share near the noise floor"),
    /// `|after - before|_F / |before|_F`, of a delta only.
    RELATIVE_CHANGE("relative_change", "Relative change");

    private final String key;
    private final String label;

    Measure(String key, String label) {
        this.key = key;
        this.label = label;
    }

    /// The key in JSON.
    public String key() {
        return key;
    }

    /// The words on screen.
    public String label() {
        return label;
    }
}
