package vitrine.views.attention;

import java.util.List;
import vitrine.core.analysis.attention.HeadMetric;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.chart.Numbers;

/// Short names for what a head does on this prompt: a reading aid, by fixed thresholds, never a claim about what it is for.
final class Patterns {

    /// Below this a pattern has no name.
    static final double NAMED = 0.4;

    private record Pattern(HeadMetric metric, String name) {}

    private static final List<Pattern> PATTERNS = List.of(new Pattern(HeadMetric.INDUCTION_SHARE, "induction"), new Pattern(HeadMetric.DUPLICATE_TOKEN_SHARE, "duplicate token"),
            new Pattern(HeadMetric.PREVIOUS_TOKEN, "previous token"), new Pattern(HeadMetric.FIRST_TOKEN_MASS, "first token"), new Pattern(HeadMetric.SELF_ATTENTION, "itself"));

    private Patterns() {}

    /// The strongest pattern with its figure, or `no named pattern`.
    static String name(AttentionCapture c, HeadId h) {
        Pattern best = null;
        double most = NAMED;
        for (Pattern p : PATTERNS) {
            double v = c.metric(p.metric, h.layer(), h.head());
            if (v >= most) {
                best = p;
                most = v;
            }
        }
        return best == null ? "no named pattern" : best.name + " " + Numbers.fixed(most, 2);
    }
}
