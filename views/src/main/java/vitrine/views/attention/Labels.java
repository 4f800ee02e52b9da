package vitrine.views.attention;

import vitrine.core.analysis.attention.HeadMetric;

/// Metrics as they are called on screen.
final class Labels {

    private Labels() {}

    static String of(HeadMetric m) {
        return switch (m) {
            case ENTROPY -> "Entropy";
            case NORMALISED_ENTROPY -> "Entropy, normalised";
            case DISTANCE -> "Mean distance";
            case FIRST_TOKEN_MASS -> "First-token mass";
            case SINK_MASS -> "Mass on the first 4 tokens";
            case PREVIOUS_TOKEN -> "Previous-token mass";
            case SELF_ATTENTION -> "Self-attention";
            case MAX_WEIGHT -> "Largest weight";
            case EFFECTIVE_CONTEXT -> "Effective context";
            case PREVIOUS_TOKEN_SHARE -> "Previous-token share";
            case DUPLICATE_TOKEN_SHARE -> "Duplicate-token share";
            case INDUCTION_SHARE -> "Induction share";
        };
    }
}
