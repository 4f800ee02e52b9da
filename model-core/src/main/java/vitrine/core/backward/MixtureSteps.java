package vitrine.core.backward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.FeedForward.Mixture;
import vitrine.core.architecture.Router;
import vitrine.core.forward.Routing;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Scratch;
import vitrine.core.tensor.kernel.Derivatives;
import vitrine.core.tensor.kernel.Elementwise;

/// One layer's routed experts on a tape. The choice itself has no gradient; the weights of the chosen experts have.
///
/// Legend: E experts, k experts per token, l router logits, w weights of the chosen.
final class MixtureSteps {

    private final Tape tape;
    private final Scratch pool;
    private final Mixture spec;
    private final Router router;
    private final Balance balance;
    private final int layer;

    /// @param balance counts choices and adds to the gradients of the logits; or null
    MixtureSteps(Tape tape, int layer, Mixture spec, Balance balance) {
        this.tape = tape;
        pool = tape.pool;
        this.layer = layer;
        this.spec = spec;
        router = spec.router();
        this.balance = balance;
    }

    private record Visit(int expert, int[] tokens, int[] ranks) {

        /// What is multiplied together.
        Stream<Visit> parts() {
            return Routing.parts(tokens.length).stream().map(p -> new Visit(expert, Arrays.copyOfRange(tokens, p.from(), p.to()), Arrays.copyOfRange(ranks, p.from(), p.to())));
        }
    }

    Variable run(Variable h) {
        Variable logits = tape.linear(h, tape.parameters.projection(router.logits()));
        int[][] ids = new int[h.rows()][router.perToken()];
        Variable w = weights(logits, ids);
        List<Visit> visits = visits(ids);
        Variable out = tape.result(pool.zeros(h.rows(), h.columns()), h.tracked || w.tracked || expertsAreTrained());
        for (Visit v : visits) {
            Variable x = tape.gatherRows(h, v.tokens);
            if (router.weighting().ofInput()) {
                x = scaled(x, w, v);
            }
            addTo(out, w, v, expert(v.expert, x));
        }
        if (spec.shared() == null) {
            return out;
        }
        Variable y = LayerSteps.dense(tape, spec.shared(), h);
        if (spec.sharedGate() != null) {
            y = gatedBySigmoid(y, tape.linear(h, tape.parameters.projection(spec.sharedGate())));
        }
        return tape.sum(out, y, 1f);
    }

    /// Whether any of them is: a run may train some and leave others.
    private boolean expertsAreTrained() {
        Experts e = spec.experts();
        for (int i = 0; i < e.count(); i++) {
            if (tape.parameters.projection(e.gate(), i).trained() || tape.parameters.projection(e.down(), i).trained()
                    || e.up() != null && tape.parameters.projection(e.up(), i).trained()) {
                return true;
            }
        }
        return false;
    }

    // --- the choice

    private float[] correction() {
        Parameter stored = tape.parameters.vector(router.correction());
        if (stored == null) {
            return null;
        }
        float[] out = new float[router.experts()];
        MemorySegment.copy(stored.data(), JAVA_FLOAT, 0, out, 0, out.length);
        return out;
    }

    /// The weights of the chosen experts `[tokens, k]`; fills `ids`.
    private Variable weights(Variable logits, int[][] ids) {
        Variable w = tape.result(pool.matrix(logits.rows(), router.perToken()), logits.tracked);
        Routing routing = new Routing(router, correction());
        float[] weights = new float[router.perToken()];
        for (int t = 0; t < logits.rows(); t++) {
            float[] l = logits.value.row(t);
            float[] scores = routing.scores(l);
            routing.pick(l, scores, routing.choice(l, scores), ids[t], weights);
            MemorySegment.copy(weights, 0, w.value.data(), JAVA_FLOAT, w.value.rowOffset(t), weights.length);
        }
        if (balance != null) {
            balance.count(layer, router, logits.value, ids);
        }
        tape.step(logits, () -> {
            if (balance != null) {
                balance.addGradient(layer, router, logits.value, logits.gradient);
            }
        });
        tape.step(w, () -> {
            Matrix dl = tape.gradient(logits);
            RoutingGradient gradient = new RoutingGradient(router);
            for (int t = 0; t < w.rows(); t++) {
                gradient.add(logits.value.row(t), ids[t], w.gradient.row(t), dl, t);
            }
        });
        return w;
    }

    private List<Visit> visits(int[][] ids) {
        int[] counts = new int[router.experts()];
        for (int[] chosen : ids) {
            for (int e : chosen) {
                counts[e]++;
            }
        }
        List<Visit> visits = new ArrayList<>();
        Visit[] byExpert = new Visit[counts.length];
        for (int e = 0; e < counts.length; e++) {
            if (counts[e] > 0) {
                byExpert[e] = new Visit(e, new int[counts[e]], new int[counts[e]]);
                visits.add(byExpert[e]);
            }
        }
        int[] filled = new int[counts.length];
        for (int t = 0; t < ids.length; t++) {
            for (int i = 0; i < ids[t].length; i++) {
                int e = ids[t][i];
                byExpert[e].tokens[filled[e]] = t;
                byExpert[e].ranks[filled[e]++] = i;
            }
        }
        return visits.stream().flatMap(Visit::parts).toList();
    }

    // --- the experts

    private static float[] factors(Variable w, Visit v) {
        float[] out = new float[v.tokens.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = w.value.get(v.tokens[i], v.ranks[i]);
        }
        return out;
    }

    private void addWeightGradients(Variable w, Visit v, double[] gradients) {
        Matrix dw = tape.gradient(w);
        for (int i = 0; i < gradients.length; i++) {
            dw.set(v.tokens[i], v.ranks[i], (float) (dw.get(v.tokens[i], v.ranks[i]) + gradients[i]));
        }
    }

    private Variable scaled(Variable x, Variable w, Visit v) {
        float[] factors = factors(w, v);
        Variable y = tape.result(pool.matrix(x.rows(), x.columns()), x.tracked || w.tracked);
        y.value.copyFrom(x.value);
        Elementwise.scaleRows(y.value, factors);
        tape.step(y, () -> {
            if (w.tracked) {
                addWeightGradients(w, v, Derivatives.rowProducts(y.gradient, x.value));
            }
            tape.add(x, m -> {
                m.copyFrom(y.gradient);
                Elementwise.scaleRows(m, factors);
            });
        });
        return y;
    }

    private void addTo(Variable out, Variable w, Visit v, Variable y) {
        boolean weighted = !router.weighting().ofInput();
        float[] factors = weighted ? factors(w, v) : ones(v.tokens.length);
        Elementwise.addToRows(out.value, v.tokens, y.value, factors);
        tape.step(out, () -> {
            if (weighted && w.tracked) {
                try (Scratch.Frame ignored = markAfter(w)) {
                    Matrix rows = pool.matrix(v.tokens.length, out.columns());
                    Elementwise.gatherRows(out.gradient, v.tokens, rows);
                    addWeightGradients(w, v, Derivatives.rowProducts(rows, y.value));
                }
            }
            tape.add(y, m -> {
                Elementwise.gatherRows(out.gradient, v.tokens, m);
                Elementwise.scaleRows(m, factors);
            });
        });
    }

    /// Memory that ends with the mark must not hold a gradient that lives longer: that is taken first.
    private Scratch.Frame markAfter(Variable v) {
        tape.gradient(v);
        return pool.frame();
    }

    private static float[] ones(int count) {
        float[] ones = new float[count];
        java.util.Arrays.fill(ones, 1f);
        return ones;
    }

    private Variable expert(int e, Variable x) {
        Experts experts = spec.experts();
        Variable gate;
        Variable up;
        Variable first = tape.linear(x, tape.parameters.projection(experts.gate(), e));
        switch (experts.fusion()) {
            case NONE -> {
                gate = first;
                up = tape.linear(x, tape.parameters.projection(experts.up(), e));
            }
            case HALVES -> {
                gate = tape.columns(first, 0, experts.width());
                up = tape.columns(first, experts.width(), experts.width());
            }
            case IN_TURN -> {
                Variable[] both = tape.takeTurns(first);
                gate = both[0];
                up = both[1];
            }
            default -> throw new IllegalStateException();
        }
        if (experts.limit() > 0) {
            gate = tape.clamp(gate, Float.NEGATIVE_INFINITY, experts.limit());
            up = tape.clamp(up, -experts.limit(), experts.limit());
        }
        if (experts.upOffset() != 0f) {
            up = tape.shifted(up, experts.upOffset());
        }
        return tape.linear(tape.gated(experts.activation(), gate, up), tape.parameters.projection(experts.down(), e));
    }

    /// `y sigmoid(gate)`, a gate per token.
    private Variable gatedBySigmoid(Variable y, Variable gate) {
        float[] s = new float[gate.rows()];
        for (int t = 0; t < s.length; t++) {
            s[t] = (float) (1 / (1 + Math.exp(-gate.value.get(t, 0))));
        }
        Variable out = tape.result(pool.matrix(y.rows(), y.columns()), y.tracked || gate.tracked);
        out.value.copyFrom(y.value);
        Elementwise.scaleRows(out.value, s);
        tape.step(out, () -> {
            if (gate.tracked) {
                double[] along = Derivatives.rowProducts(out.gradient, y.value);
                Matrix dg = tape.gradient(gate);
                for (int t = 0; t < s.length; t++) {
                    dg.set(t, 0, (float) (dg.get(t, 0) + along[t] * s[t] * (1 - s[t])));
                }
            }
            tape.add(y, m -> {
                m.copyFrom(out.gradient);
                Elementwise.scaleRows(m, s);
            });
        });
        return out;
    }
}
