package vitrine.views.anatomy;

import vitrine.core.architecture.Rope;
import vitrine.views.chart.Numbers;

/// How rotary positions are stretched, in a word.
final class Positions {

    private Positions() {}

    /// Such as `yarn × 4`; empty for none.
    static String scaling(Rope.Scaling scaling) {
        return switch (scaling) {
            case Rope.Scaling.None ignored -> "";
            case Rope.Scaling.Linear s -> "linear × " + Numbers.general(s.factor());
            case Rope.Scaling.Dynamic s -> "dynamic × " + Numbers.general(s.factor());
            case Rope.Scaling.Llama3 s -> "llama3 × " + Numbers.general(s.factor());
            case Rope.Scaling.Yarn s -> "yarn × " + Numbers.general(s.factor());
            case Rope.Scaling.LongRope ignored -> "longrope";
        };
    }
}
