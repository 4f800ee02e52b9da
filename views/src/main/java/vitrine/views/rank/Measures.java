package vitrine.views.rank;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleFunction;
import vitrine.core.artifact.Measure;
import vitrine.views.chart.Numbers;

/// What each measure is called, by which formula it is found, how it is written, and how it is read.
final class Measures {

    private static final String ROY = "Roy and Vetterli, The effective rank, EUSIPCO 2007";
    private static final String MARTIN = "Martin et al., Nature Communications 12, 2021";

    /// Those that are numbers of directions and can be divided by the most there could be.
    private static final Set<Measure> RANKS = Set.of(Measure.EFFECTIVE_RANK, Measure.EFFECTIVE_RANK_SQUARED, Measure.PARTICIPATION_RATIO,
            Measure.PARTICIPATION_RATIO_SIGMA, Measure.STABLE_RANK, Measure.NUCLEAR_RANK, Measure.RANK_90, Measure.RANK_95, Measure.RANK_99, Measure.NUMERICAL_RANK);

    private static final List<Measure> OFFERED = List.of(Measure.EFFECTIVE_RANK, Measure.EFFECTIVE_RANK_SQUARED, Measure.STABLE_RANK, Measure.PARTICIPATION_RATIO,
            Measure.PARTICIPATION_RATIO_SIGMA, Measure.NUCLEAR_RANK, Measure.RANK_90, Measure.RANK_95, Measure.RANK_99, Measure.NUMERICAL_RANK, Measure.SPECTRAL_NORM,
            Measure.FROBENIUS_NORM, Measure.NUCLEAR_NORM, Measure.ALPHA, Measure.ALPHA_HAT, Measure.SOFT_RANK, Measure.SPIKES, Measure.CONDITION_NUMBER, Measure.RELATIVE_CHANGE);

    private static final Map<Measure, Measure> RANDOM = Map.of(Measure.EFFECTIVE_RANK, Measure.RANDOM_EFFECTIVE_RANK, Measure.EFFECTIVE_RANK_SQUARED,
            Measure.RANDOM_EFFECTIVE_RANK_SQUARED, Measure.PARTICIPATION_RATIO, Measure.RANDOM_PARTICIPATION_RATIO, Measure.STABLE_RANK, Measure.RANDOM_STABLE_RANK);

    private Measures() {}

    /// Those of a list of spectra that any of them has, in the order in which they are offered.
    static List<Measure> of(List<Item> items) {
        return OFFERED.stream().filter(m -> items.stream().anyMatch(i -> i.figures().containsKey(m))).toList();
    }

    static boolean isRank(Measure m) {
        return RANKS.contains(m);
    }

    /// The measure that holds what a random matrix reaches, or null.
    static Measure random(Measure m) {
        return RANDOM.get(m);
    }

    /// `effective rank`, `normalised effective rank`, `power-law alpha`.
    static String name(Measure m, boolean normalised) {
        String plain = switch (m) {
            case EFFECTIVE_RANK_SQUARED -> "effective rank of energy";
            default -> m.label().startsWith("Marchenko") ? m.label() : m.label().substring(0, 1).toLowerCase(Locale.ROOT) + m.label().substring(1);
        };
        return normalised && isRank(m) ? "normalised " + plain : plain;
    }

    /// The formula, as it stands in a card's subtitle.
    static String formula(Measure m, boolean normalised) {
        String f = switch (m) {
            case EFFECTIVE_RANK -> "exp(entropy of σ / Σσ)";
            case EFFECTIVE_RANK_SQUARED -> "exp(entropy of σ² / Σσ²)";
            case STABLE_RANK -> "Σσ² / σ₁²";
            case PARTICIPATION_RATIO -> "(Σσ²)² / Σσ⁴";
            case PARTICIPATION_RATIO_SIGMA -> "(Σσ)² / Σσ²";
            case NUCLEAR_RANK -> "Σσ / σ₁";
            case RANK_90 -> "fewest σ with 90 % of Σσ²";
            case RANK_95 -> "fewest σ with 95 % of Σσ²";
            case RANK_99 -> "fewest σ with 99 % of Σσ²";
            case NUMERICAL_RANK -> "σ above rounding";
            case SPECTRAL_NORM -> "σ₁";
            case FROBENIUS_NORM -> "√Σσ²";
            case NUCLEAR_NORM -> "Σσ";
            case ALPHA -> "exponent of the tail of λ = σ²";
            case ALPHA_HAT -> "α · log₁₀ λ₁";
            case SOFT_RANK -> "noise edge λ₊ / λ₁";
            case SPIKES -> "σ above the noise edge";
            case CONDITION_NUMBER -> "σ₁ / smallest σ";
            case RELATIVE_CHANGE -> "‖after − before‖ / ‖before‖";
            default -> "";
        };
        return normalised && isRank(m) ? f + " ÷ smaller side" : f;
    }

    /// How to read a curve of this measure: one or two plain sentences.
    static String reading(Measure m) {
        return switch (m) {
            case EFFECTIVE_RANK -> "How many directions carry the matrix, each weighed by its singular value. The small values of the tail count most: compare equal shapes, or against the random line.";
            case EFFECTIVE_RANK_SQUARED -> "The same weighed by energy: large singular values count most, a noisy tail hardly.";
            case STABLE_RANK -> "How much energy there is beside the strongest direction. 1 means that one direction holds it all.";
            case PARTICIPATION_RATIO -> "How many equally strong directions would hold the same energy.";
            case PARTICIPATION_RATIO_SIGMA -> "How many equal singular values would give the same sum and energy.";
            case NUCLEAR_RANK -> "The sum of the singular values, counted in units of the largest one.";
            case RANK_90, RANK_95, RANK_99 -> "The rank that a truncation must keep for this share of the energy: what low-rank compression costs.";
            case NUMERICAL_RANK -> "Directions that are more than rounding. Below the smaller side, the matrix is exactly of low rank.";
            case SPECTRAL_NORM -> "The strongest gain of the matrix. Under weight decay it settles: a curve that still rises has not converged.";
            case FROBENIUS_NORM -> "The size of all entries together.";
            case NUCLEAR_NORM -> "The sum of the singular values.";
            case ALPHA -> "How heavy the tail of the spectrum is. 2 to 6 is the usual range of trained matrices; fits on fewer than 50 values say little.";
            case ALPHA_HAT -> "Alpha weighed by size; comparable within one family only.";
            case SOFT_RANK -> "How far the noise reaches toward the largest eigenvalue: near 1, nothing stands out of the noise.";
            case SPIKES -> "Directions that stand out of what random entries of the same spread would give.";
            case CONDITION_NUMBER -> "How unevenly the weakest and the strongest direction are passed on.";
            case RELATIVE_CHANGE -> "How far the matrix has moved, measured by its own size.";
            default -> "";
        };
    }

    static String source(Measure m) {
        return switch (m) {
            case EFFECTIVE_RANK, EFFECTIVE_RANK_SQUARED -> ROY;
            case ALPHA, ALPHA_HAT -> MARTIN;
            case SOFT_RANK, SPIKES -> "Marchenko and Pastur, 1967; bulk as Martin and Mahoney fit it";
            case SPECTRAL_NORM -> "Fan et al., Robust Layerwise Scaling Rules, 2025, arXiv 2510.15262";
            case RANK_90, RANK_95, RANK_99 -> "Eckart and Young, 1936";
            default -> "Standard definition";
        };
    }

    static DoubleFunction<String> format(Measure m, boolean normalised) {
        if (normalised && isRank(m) || m == Measure.SOFT_RANK || m == Measure.RELATIVE_CHANGE) {
            return Numbers::probability;
        }
        return switch (m) {
            case RANK_90, RANK_95, RANK_99, NUMERICAL_RANK, SPIKES, ALPHA_TAIL -> Numbers::count;
            case EFFECTIVE_RANK, EFFECTIVE_RANK_SQUARED, STABLE_RANK, PARTICIPATION_RATIO, PARTICIPATION_RATIO_SIGMA, NUCLEAR_RANK, ALPHA, ALPHA_HAT -> v -> Numbers.fixed(v, 2);
            default -> Numbers::general;
        };
    }
}
