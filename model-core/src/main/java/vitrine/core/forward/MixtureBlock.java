package vitrine.core.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.FeedForward.Mixture;
import vitrine.core.architecture.Router;
import vitrine.core.forward.ForwardPass.Group;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Scratch;
import vitrine.core.tensor.kernel.Activate;
import vitrine.core.tensor.kernel.Elementwise;

/// One layer's routed experts over a group of sequences: score, choose, let every chosen expert see its tokens together, add up.
///
/// Legend: T tokens, E experts, k experts per token. Only weights of experts that a token visits are read.
final class MixtureBlock {

    private final int layer;
    private final Mixture spec;
    private final Router router;
    private final Weights weights;
    private final Scratch scratch;

    MixtureBlock(int layer, Mixture spec, Weights weights, Scratch scratch) {
        this.layer = layer;
        this.spec = spec;
        router = spec.router();
        this.weights = weights;
        this.scratch = scratch;
    }

    /// `out = mixture(h)`, both `[tokens, hidden]`.
    void run(Matrix h, Matrix out, Group group, Probe probe) {
        Matrix ids = scratch.matrix(h.rows(), router.perToken());
        Matrix w = scratch.matrix(h.rows(), router.perToken());
        route(h, ids, w, group, probe);
        out.data().asSlice(0, 4L * out.size()).fill((byte) 0);
        boolean parted = weights.readAsStored(spec.experts().gate());
        for (Visit visit : visits(ids, w).stream().flatMap(v -> parted ? v.parts() : Stream.of(v)).toList()) {
            try (Scratch.Frame ignored = scratch.frame()) {
                Matrix x = scratch.matrix(visit.tokens.length, h.columns());
                Elementwise.gatherRows(h, visit.tokens, x);
                if (router.weighting().ofInput()) {
                    Elementwise.scaleRows(x, visit.weights);
                }
                Matrix y = scratch.matrix(visit.tokens.length, h.columns());
                expert(visit.expert, x, y);
                Elementwise.addToRows(out, visit.tokens, y, router.weighting().ofInput() ? ones(visit.tokens.length) : visit.weights);
            }
        }
        shared(h, out, group, probe);
    }

    // --- the choice

    private void route(Matrix h, Matrix ids, Matrix w, Group group, Probe probe) {
        Matrix logits = scratch.matrix(h.rows(), router.experts());
        Matrix choice = scratch.matrix(h.rows(), router.experts());
        weights.multiply(h, router.logits(), logits);
        ForwardPass.announce(probe, layer, Site.ROUTER_LOGITS, group, logits);
        Routing routing = new Routing(router, correction());
        float[][] scores = new float[h.rows()][];
        for (int t = 0; t < h.rows(); t++) {
            float[] l = logits.row(t);
            scores[t] = routing.scores(l);
            put(choice, t, routing.choice(l, scores[t]));
        }
        ForwardPass.announce(probe, layer, Site.ROUTER_CHOICE, group, choice);
        int[] chosen = new int[router.perToken()];
        float[] numbers = new float[chosen.length];
        float[] chosenWeights = new float[chosen.length];
        for (int t = 0; t < h.rows(); t++) {
            routing.pick(logits.row(t), scores[t], choice.row(t), chosen, chosenWeights);
            for (int i = 0; i < chosen.length; i++) {
                numbers[i] = chosen[i];
            }
            put(ids, t, numbers);
            put(w, t, chosenWeights);
        }
        ForwardPass.announce(probe, layer, Site.EXPERT_IDS, group, ids);
        ForwardPass.announce(probe, layer, Site.EXPERT_WEIGHTS, group, w);
    }

    private float[] correction() {
        MemorySegment stored = weights.vector(router.correction());
        return stored == null ? null : stored.asSlice(0, 4L * router.experts()).toArray(JAVA_FLOAT);
    }

    private static void put(Matrix m, int row, float[] values) {
        MemorySegment.copy(values, 0, m.data(), JAVA_FLOAT, m.rowOffset(row), values.length);
    }

    // --- the experts

    /// The tokens that one expert sees, in order, with their weights.
    private record Visit(int expert, int[] tokens, float[] weights) {

        /// What is multiplied together.
        Stream<Visit> parts() {
            return Routing.parts(tokens.length).stream().map(p -> new Visit(expert, Arrays.copyOfRange(tokens, p.from(), p.to()), Arrays.copyOfRange(weights, p.from(), p.to())));
        }
    }

    /// The visits of all experts that are visited, in order. A token that chose an expert twice (by a probe's hand) sees it once, with both weights.
    private List<Visit> visits(Matrix ids, Matrix w) {
        int[] counts = new int[router.experts()];
        int[] last = new int[router.experts()];
        Arrays.fill(last, -1);
        for (int t = 0; t < ids.rows(); t++) {
            for (int i = 0; i < ids.columns(); i++) {
                int e = expert(ids, t, i);
                counts[e] += last[e] == t ? 0 : 1;
                last[e] = t;
            }
        }
        Visit[] all = new Visit[counts.length];
        List<Visit> visited = new ArrayList<>();
        for (int e = 0; e < all.length; e++) {
            if (counts[e] > 0) {
                all[e] = new Visit(e, new int[counts[e]], new float[counts[e]]);
                visited.add(all[e]);
            }
        }
        int[] filled = new int[counts.length];
        for (int t = 0; t < ids.rows(); t++) {
            for (int i = 0; i < ids.columns(); i++) {
                Visit v = all[expert(ids, t, i)];
                int n = filled[v.expert];
                if (n > 0 && v.tokens[n - 1] == t) {
                    v.weights[n - 1] += w.get(t, i);
                } else {
                    v.tokens[n] = t;
                    v.weights[n] = w.get(t, i);
                    filled[v.expert]++;
                }
            }
        }
        return visited;
    }

    private int expert(Matrix ids, int token, int rank) {
        float id = ids.get(token, rank);
        if (!(id >= 0 && id < router.experts() && id == Math.rint(id))) {
            throw new IllegalStateException("a probe sent a token to expert " + id + " of " + router.experts());
        }
        return (int) id;
    }

    private static float[] ones(int count) {
        float[] ones = new float[count];
        Arrays.fill(ones, 1f);
        return ones;
    }

    private void expert(int e, Matrix x, Matrix y) {
        expert(spec.experts(), e, x, y, weights, scratch);
    }

    /// `y = expert(x)`, both `[visits, hidden]`.
    static void expert(Experts experts, int e, Matrix x, Matrix y, Weights weights, Scratch scratch) {
        int width = experts.width();
        Matrix gate;
        Matrix up;
        if (experts.fusion() == Experts.Fusion.HALVES) {
            Matrix both = scratch.matrix(x.rows(), 2 * width);
            weights.multiply(x, experts.gate(), e, both);
            gate = both.columns(0, width);
            up = both.columns(width, width);
        } else {
            gate = scratch.matrix(x.rows(), width);
            up = scratch.matrix(x.rows(), width);
            if (experts.fusion() == Experts.Fusion.NONE) {
                weights.multiply(x, experts.gate(), e, gate);
                weights.multiply(x, experts.up(), e, up);
            } else {
                Matrix both = scratch.matrix(x.rows(), 2 * width);
                weights.multiply(x, experts.gate(), e, both);
                Elementwise.takeTurns(both, gate, up);
            }
        }
        if (experts.limit() > 0) {
            Elementwise.clamp(gate, Float.NEGATIVE_INFINITY, experts.limit());
            Elementwise.clamp(up, -experts.limit(), experts.limit());
        }
        if (experts.upOffset() != 0f) {
            Elementwise.shift(up, experts.upOffset());
        }
        Activate.applyGated(experts.activation(), gate, up);
        weights.multiply(gate, experts.down(), e, y);
    }

    private void shared(Matrix h, Matrix out, Group group, Probe probe) {
        if (spec.shared() == null) {
            return;
        }
        Matrix y = scratch.matrix(h.rows(), h.columns());
        ForwardPass.dense(spec.shared(), h, y, weights, scratch, mid -> { });
        if (spec.sharedGate() != null) {
            Matrix gate = scratch.matrix(h.rows(), 1);
            weights.multiply(h, spec.sharedGate(), gate);
            for (int t = 0; t < h.rows(); t++) {
                gate.set(t, 0, (float) (1 / (1 + Math.exp(-gate.get(t, 0)))));
            }
            ForwardPass.announce(probe, layer, Site.SHARED_GATE, group, gate);
            Elementwise.scaleRows(y, gate.toArray());
        }
        Elementwise.add(out, y, 1f);
    }
}
