package vitrine.views.lora;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import vitrine.views.chart.Scale;

/// What the cells of the importance map show: one value per component of a module.
///
/// The first two are of the delta's singular directions, which no choice of factors changes. The others are of the stored columns of B and rows of A:
/// (B G)(G^-1 A) is the same delta with other components.
enum Importance {
    SINGULAR("singular value", "σ of the delta", true, "σ_k of ΔW = s B A"),
    ENERGY("singular energy", "share of ‖ΔW‖²", true, "σ_k² ÷ Σσ²"),
    NORM_PRODUCT("norm product", "s ‖b‖ ‖a‖", false, "s ‖b_i‖ ‖a_i‖, the norm of the component alone"),
    SHARE("share", "share of ‖ΔW‖²", false, "s b_i · (ΔW a_i) ÷ ‖ΔW‖²; shares sum to 1 and may be negative"),
    ACTIVATION("activation", "s ‖b‖ rms(a · x)", false, "s ‖b_i‖ times the root mean square of a_i · x over the text"),
    GATE("gate's gradient", "−dL/dw, nats", false, "−dL/dw_i of the gates in ΔW = s B diag(w) A at w = 1: to first order the rise of the loss without the component (BeamLoRA)"),
    SENSITIVITY("sensitivity", "AdaLoRA's score", false, "smoothed |θ ∂L/∂θ| times its smoothed deviation, meaned over b_i and over a_i (AdaLoRA)"),
    LOSS("loss without it", "change of the loss, nats", false, "loss without the component alone, minus the loss of the adapter");

    private final String label;
    private final String legend;
    private final boolean ofDelta;
    private final String formula;

    Importance(String label, String legend, boolean ofDelta, String formula) {
        this.label = label;
        this.legend = legend;
        this.ofDelta = ofDelta;
        this.formula = formula;
    }

    String label() {
        return label;
    }

    String legend() {
        return legend;
    }

    String formula() {
        return formula;
    }

    /// Whether the components are the delta's singular directions, strongest first by nature.
    boolean ofDelta() {
        return ofDelta;
    }

    /// The values in the order in which they are stored; empty where there are none.
    double[] stored(Module m) {
        return switch (this) {
            case SINGULAR -> m.sigma();
            case ENERGY -> {
                double total = m.energy();
                yield Arrays.stream(m.sigma()).map(s -> total > 0 ? s * s / total : 0).toArray();
            }
            case NORM_PRODUCT -> m.normProduct();
            case SHARE -> m.share();
            case ACTIVATION -> m.activation();
            case GATE -> m.gate();
            case SENSITIVITY -> m.sensitivity();
            case LOSS -> m.loss();
        };
    }

    /// The indices of the stored components in the order in which they are drawn.
    int[] order(Module m, boolean sorted) {
        double[] v = stored(m);
        return !sorted || ofDelta ? IntStream.range(0, v.length).toArray()
                : IntStream.range(0, v.length).boxed().sorted(Comparator.comparingDouble((Integer i) -> -v[i])).mapToInt(Integer::intValue).toArray();
    }

    /// Colours from 0 to the largest; where some are negative, symmetric about 0.
    Scale scale(Study s) {
        double least = 0;
        double most = 0;
        for (Module m : s.modules()) {
            for (double v : stored(m)) {
                if (Double.isFinite(v)) {
                    least = Math.min(least, v);
                    most = Math.max(most, v);
                }
            }
        }
        if (least < 0) {
            double end = Math.max(-least, most);
            return Scale.diverging(end > 0 ? end : 1);
        }
        return Scale.sqrt(0, most > 0 ? most : 1);
    }
}
