package vitrine.views.lora;

import java.util.OptionalDouble;
import java.util.function.DoubleFunction;
import vitrine.views.chart.Numbers;

/// How a delta lies to the base's weight, one figure per module.
enum Placement {
    AMPLIFICATION("Amplification", "amplification", "‖ΔW‖ ÷ ‖Uᵀ W V‖ with ΔW's singular vectors U, V", "random_amplification", v -> v < 100 ? Numbers.fixed(v, 1) : Numbers.general(v)),
    RELATIVE("‖ΔW‖ ÷ ‖W‖", "relative_norm", "Frobenius norms", "", Numbers::probabilityInList),
    LEFT("Subspace similarity, left", "similarity_left", "‖Xᵀ Y‖² ÷ rank, left singular vectors of ΔW and as many of W", "random_similarity_left", Numbers::probabilityInList),
    RIGHT("Subspace similarity, right", "similarity_right", "‖Xᵀ Y‖² ÷ rank, right singular vectors of ΔW and as many of W", "random_similarity_right", Numbers::probabilityInList),
    INTRUDERS("Intruder dimensions", "intruders", "of the leading left vectors of W + ΔW those with no cosine of 0.5 or more with any of W's", "", Numbers::count);

    private final String label;
    private final String key;
    private final String formula;
    private final String random;
    private final DoubleFunction<String> format;

    Placement(String label, String key, String formula, String random, DoubleFunction<String> format) {
        this.label = label;
        this.key = key;
        this.formula = formula;
        this.random = random;
        this.format = format;
    }

    String label() {
        return label;
    }

    String formula() {
        return formula;
    }

    String format(double v) {
        return format.apply(v);
    }

    OptionalDouble of(Module m) {
        return m.row().figure(key);
    }

    /// What random directions would have; empty where that means nothing.
    OptionalDouble random(Module m) {
        return random.isEmpty() ? OptionalDouble.empty() : m.row().figure(random);
    }
}
