package vitrine.views.lora;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.RankTrail;

/// An adapter along its training run: the ranks of every module at the steps that were kept.
///
/// @param folder of the run, or of the kept steps
/// @param going whether more steps may come
/// @param lines the modules of each step, layer by layer
record Along(Path folder, List<Step> steps, boolean going) {

    /// The modules at a step.
    record Step(long step, List<Line> lines) {}

    /// A module at a step.
    ///
    /// @param sigma singular values of the delta, largest first
    /// @param gate w of each stored component, whose mean is 1; empty where the method has none
    record Line(String path, int layer, int out, int in, double[] sigma, double[] normProduct, double[] gate) {

        String kind() {
            return path.substring(path.lastIndexOf('.') + 1);
        }

        String title() {
            return layer < 0 ? vitrine.core.refusal.Visible.name(path) : "Layer " + layer + ", " + vitrine.core.refusal.Visible.name(kind());
        }

        /// exp(entropy of sigma / sum sigma); 0 of a delta of zeros.
        double effectiveRank() {
            double sum = 0;
            for (double s : sigma) {
                sum += s;
            }
            double h = 0;
            for (double s : sigma) {
                h -= s > 0 ? s / sum * Math.log(s / sum) : 0;
            }
            return sum > 0 ? Math.exp(h) : 0;
        }

        double norm() {
            double sum = 0;
            for (double s : sigma) {
                sum += s * s;
            }
            return Math.sqrt(sum);
        }
    }

    /// What the cells show.
    enum Measure {
        SINGULAR("singular value", "σ of the delta", "σ_k of ΔW = s B A, largest first"),
        NORM_PRODUCT("norm product", "s ‖b‖ ‖a‖", "s ‖b_i‖ ‖a_i‖ of each stored component, gates in them"),
        GATE("gate", "w", "w = r softmax(g ÷ τ) of each stored component; all are 1 at the start, their mean always is");

        private final String label;
        private final String legend;
        private final String formula;

        Measure(String label, String legend, String formula) {
            this.label = label;
            this.legend = legend;
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

        double[] of(Line l) {
            return switch (this) {
                case SINGULAR -> l.sigma;
                case NORM_PRODUCT -> l.normProduct;
                case GATE -> l.gate;
            };
        }
    }

    /// Reads what a run keeps of its ranks.
    static Along read(Path folder, Path trail) {
        List<Step> steps = new ArrayList<>();
        for (RankTrail.Step s : RankTrail.read(trail).steps()) {
            steps.add(new Step(s.step(), sorted(s.modules().stream().map(m -> new Line(m.module(), m.layer(), m.out(), m.in(), m.sigma(), m.normProduct(), m.gate())).toList())));
        }
        return new Along(folder, List.copyOf(steps), !over(trail));
    }

    /// Whether the run has its result, in the trail's folder or beside it.
    static boolean over(Path trail) {
        return Files.exists(trail.resolveSibling(Manifest.FILE)) || Files.exists(trail.resolveSibling("result").resolve(Manifest.FILE));
    }

    /// A kept step that was read as any adapter.
    static Step of(long step, AdapterArtifact a) {
        return new Step(step, sorted(a.rows().stream().map(r -> new Line(r.module(), r.layer(), r.out(), r.in(), a.values("sv", r), a.values("norm_product", r), new double[0])).toList()));
    }

    private static List<Line> sorted(List<Line> lines) {
        return lines.stream().sorted(java.util.Comparator.comparingInt(Line::layer).thenComparingInt(l -> Module.category(l.kind()))).toList();
    }

    String name() {
        Path last = folder.getFileName();
        return last == null ? folder.toString() : last.toString().matches("\\d{1,9}") ? "run #" + last : last.toString();
    }

    Optional<Line> line(int at, String path) {
        return at < 0 || at >= steps.size() ? Optional.empty() : steps.get(at).lines.stream().filter(l -> l.path.equals(path)).findFirst();
    }

    List<Measure> measures() {
        return java.util.Arrays.stream(Measure.values()).filter(m -> steps.stream().anyMatch(s -> s.lines.stream().anyMatch(l -> m.of(l).length > 0))).toList();
    }

    /// The largest value of a measure at any step, so that steps can be told apart by colour.
    double most(Measure m) {
        return steps.stream().flatMap(s -> s.lines.stream()).flatMapToDouble(l -> java.util.Arrays.stream(m.of(l))).filter(Double::isFinite).max().orElse(0);
    }

    Provenance derived(String method) {
        return Provenance.derived(name(), "F64", method);
    }
}
