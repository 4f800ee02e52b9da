package vitrine.core.work.adapter;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import vitrine.core.adapter.AdapterFit;
import vitrine.core.adapter.AdapterModule;
import vitrine.core.analysis.adapter.Dense;
import vitrine.core.analysis.adapter.Factors;
import vitrine.core.analysis.adapter.Sensitivities;
import vitrine.core.analysis.adapter.Sensitivity;
import vitrine.core.backward.LossPass;
import vitrine.core.backward.LowRank;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.dataset.Sequences;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.tensor.Shape;
import vitrine.core.train.method.Target;
import vitrine.core.work.finetune.FinetuneForecast;
import vitrine.core.work.input.LoadedModel;

/// Importance of an adapter's components by gradients over texts: a backward pass for each sequence, in their order; nothing is trained.
///
/// The gate w_i of a component, dW = s B diag(w) A, has the derivative b_i . dL/db_i at w = 1, so that gates need no pass of their own. AdaLoRA's lambda
/// is folded into A, which changes neither theta dL/dtheta of A's values nor that of lambda, which is the gate's derivative.
///
/// Memory: base weights as mapped, 16 bytes for each value of the factors (value, gradient, mean, uncertainty), and of the passes what training takes.
///
/// Sources: Gu et al., *BeamLoRA*, ACL 2025; Zhang et al., *AdaLoRA*, ICLR 2023.
final class AdapterGradients implements AutoCloseable {

    private final Arena arena = Arena.ofShared();
    private final LoadedModel model;
    private final Parameters parameters;
    private final Map<AdapterFit.Site, Module> modules = new LinkedHashMap<>();
    private double sum;
    private long predicted;
    private int steps;

    /// A module at work: its gates' derivatives summed over all tokens, and what AdaLoRA keeps of each value.
    private static final class Module {
        private final LowRank factors;
        private final double[] gates;
        private final Sensitivities a;
        private final Sensitivities b;
        private final Sensitivity[] lambda;

        Module(LowRank factors, boolean diagonal, Arena arena) {
            this.factors = factors;
            gates = new double[factors.rank()];
            a = new Sensitivities(factors.a().elements(), arena);
            b = new Sensitivities(factors.b().elements(), arena);
            lambda = diagonal ? new Sensitivity[gates.length] : null;
            if (diagonal) {
                Arrays.setAll(lambda, i -> new Sensitivity());
            }
        }

        int in() {
            return (int) factors.a().shape().size(1);
        }

        int out() {
            return (int) factors.b().shape().size(0);
        }

        /// After the backward pass of one sequence, whose gradients are of its mean loss.
        void step(long weight) {
            int r = gates.length;
            double[] derivatives = new double[r];
            MemorySegment values = factors.b().data();
            MemorySegment gradient = factors.b().gradient();
            for (long at = 0; at < factors.b().elements(); at++) {
                double theta = values.getAtIndex(JAVA_FLOAT, at);
                double g = gradient.getAtIndex(JAVA_FLOAT, at);
                derivatives[(int) (at % r)] += theta * g;
                b.step(at, theta, g);
            }
            values = factors.a().data();
            gradient = factors.a().gradient();
            for (long at = 0; at < factors.a().elements(); at++) {
                a.step(at, values.getAtIndex(JAVA_FLOAT, at), gradient.getAtIndex(JAVA_FLOAT, at));
            }
            for (int i = 0; i < r; i++) {
                gates[i] += weight * derivatives[i];
                if (lambda != null) {
                    lambda[i].step(1, derivatives[i]);
                }
            }
        }

        double[] sensitivity() {
            double[] out = new double[gates.length];
            double[] column = new double[out()];
            double[] row = new double[in()];
            for (int i = 0; i < out.length; i++) {
                for (int o = 0; o < column.length; o++) {
                    column[o] = b.score((long) o * out.length + i);
                }
                for (int j = 0; j < row.length; j++) {
                    row[j] = a.score((long) i * row.length + j);
                }
                out[i] = Sensitivity.triplet(lambda == null ? 0 : lambda[i].score(), column, row);
            }
            return out;
        }
    }

    /// Refuses what the backward pass does not know, before anything is computed.
    ///
    /// @throws Refusal `task-invalid` where the adapter changes more than linear layers, `family-unsupported` where the model has no backward pass
    static void require(LoadedModel model) {
        model.requirePerplexity();
        AdapterFit fit = model.adapters().fit();
        if (!fit.replaced().isEmpty()) {
            throw refused(fit, "it saves %s whole", fit.replaced().keySet().iterator().next());
        }
        Set<String> known = Target.linears(model.spec()).keySet();
        for (AdapterFit.Site site : fit.sites()) {
            if (site.role() != AdapterFit.Role.LINEAR || !known.contains(site.weight())) {
                throw refused(fit, "%s is the embedding, the head, a router or a routed expert", site.module().path());
            }
            if (site.module().bias() != null) {
                throw refused(fit, "%s has a bias of B", site.module().path());
            }
        }
        new Parameters(model.checkpoint(), model.spec(), model.weights().products(), t -> false).close();
    }

    private static Refusal refused(AdapterFit fit, String what, String name) {
        return Refusal.of(Category.TASK_INVALID, fit.adapter().checkpoint().path(), "importance by gradients is there for low-rank changes of linear layers only, and " + what, name)
                .help("Leave --gradients out: all else is measured without them.");
    }

    /// @param sites whose factors are finite; the adapter's other modules have none and the loss is not finite with them
    AdapterGradients(LoadedModel model, List<AdapterFit.Site> sites) {
        this.model = model;
        parameters = new Parameters(model.checkpoint(), model.spec(), model.weights().products(), t -> false);
        int number = 0;
        for (AdapterFit.Site site : sites) {
            LowRank l = factors(site, number++);
            parameters.adapt(site.weight(), l);
            modules.put(site, new Module(l, site.module().diagonal() != null, arena));
        }
    }

    private LowRank factors(AdapterFit.Site site, int number) {
        AdapterModule m = site.module();
        try (Arena reading = Arena.ofConfined()) {
            Factors f = model.adapters().factors(site, reading);
            Parameter a = parameter(m.path() + ".lora_A.weight", f.a());
            Parameter b = parameter(m.path() + ".lora_B.weight", f.b());
            Parameter magnitude = null;
            if (m.magnitude() != null) {
                magnitude = Parameter.zeros(m.path() + ".lora_magnitude_vector", Shape.of(m.out()), parameters.arena());
                Dense stored = model.adapters().values(m.magnitude(), reading);
                for (int o = 0; o < m.out(); o++) {
                    magnitude.data().setAtIndex(JAVA_FLOAT, o, (float) stored.get(0, o));
                }
            }
            return new LowRank(a, b, (float) f.scaling(), 0f, null, 0f, magnitude, number);
        }
    }

    private Parameter parameter(String name, Dense values) {
        Parameter p = Parameter.zeros(name, Shape.of(values.rows(), values.columns()), parameters.arena());
        for (long i = 0; i < p.elements(); i++) {
            p.data().setAtIndex(JAVA_FLOAT, i, (float) values.data().getAtIndex(JAVA_DOUBLE, i));
        }
        return p;
    }

    /// Passes over all sequences that predict anything.
    ///
    /// @return what was not finite, where the passes ended early; null where all is well
    String run(List<Sequences.Labelled> data, Progress progress) {
        int longest = data.stream().mapToInt(s -> s.ids().length).max().orElse(1);
        long all = data.stream().mapToLong(s -> s.ids().length).sum();
        long done = 0;
        try (LossPass pass = new LossPass(parameters, FinetuneForecast.keptLayers(model.spec(), longest))) {
            for (Sequences.Labelled s : data) {
                progress.checkCancelled();
                progress.step(done, all, "tokens of gradients");
                LossPass.Sequence sequence = LossPass.Sequence.of(s.ids(), s.labels(), false);
                int count = sequence.predicted();
                if (count > 0) {
                    parameters.clearGradients();
                    LossPass.Loss loss = pass.backward(List.of(sequence), 1f / count, 0f, null, progress);
                    steps++;
                    if (!Double.isFinite(loss.sum())) {
                        return String.format("the loss of sequence %,d is not finite", steps);
                    }
                    sum += loss.sum();
                    predicted += count;
                    modules.values().forEach(m -> m.step(count));
                    String wrong = nonFinite();
                    if (wrong != null) {
                        return wrong;
                    }
                }
                done += s.ids().length;
            }
            progress.step(done, all, "tokens of gradients");
        }
        return steps == 0 ? "no token of the texts is predicted" : null;
    }

    private String nonFinite() {
        for (Map.Entry<AdapterFit.Site, Module> e : modules.entrySet()) {
            if (!Arrays.stream(e.getValue().gates).allMatch(Double::isFinite)) {
                return String.format("at sequence %,d the gradient of %s is not finite", steps, Visible.name(e.getKey().module().path()));
            }
        }
        return null;
    }

    /// Sequences that passed.
    int steps() {
        return steps;
    }

    /// The mean loss over all predicted tokens, nats.
    double loss() {
        return sum / predicted;
    }

    /// -dL/dw of each component's gate, L the mean loss over all predicted tokens in nats: to first order the rise of the loss without the component.
    double[] gates(AdapterFit.Site site) {
        return Arrays.stream(modules.get(site).gates).map(g -> -g / predicted).toArray();
    }

    /// AdaLoRA's score of each component.
    double[] sensitivity(AdapterFit.Site site) {
        return modules.get(site).sensitivity();
    }

    @Override
    public void close() {
        parameters.close();
        arena.close();
    }
}
