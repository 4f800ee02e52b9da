package vitrine.app.workspace;

import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.refusal.Refusal;
import vitrine.views.chart.Numbers;
import vitrine.views.view.Subject;

/// Short facts about subjects, as the navigator and the list of recent things tell them.
public final class Subjects {

    private Subjects() {}

    /// `Llama · 260 K`, or an adapter's rank.
    public static String fact(Subject subject) {
        Anatomy a = subject.anatomy();
        return subject.isAdapter() ? rank(a) : a.familyName() + " · " + Numbers.si(a.parameters());
    }

    /// An adapter's rank as its config tells it: `r 16`; empty where it does not.
    static String rank(Anatomy adapter) {
        try {
            int r = adapter.checkpoint().config().path("r").asInt(-1);
            return r < 0 ? "" : "r " + r;
        } catch (Refusal unreadable) {
            // Its warnings say so already.
            return "";
        }
    }
}
