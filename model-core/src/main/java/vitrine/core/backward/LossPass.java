package vitrine.core.backward;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import vitrine.core.architecture.Embedding;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.forward.RotaryTable;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Scratch;

/// The loss of sequences, and its gradient with respect to everything that is trained.
///
/// Sequences do not see each other and each begins at position 0, whether they share a pass or not: packing is several sequences in a pass.
/// Memory that was taken is kept for the next pass. One thread.
public final class LossPass implements AutoCloseable {

    private final Parameters parameters;
    private final ModelSpec spec;
    private final Scratch pool = new Scratch();
    private final Arena arena = Arena.ofShared();
    private final RotaryTable.Shelf ropes = new RotaryTable.Shelf(arena);
    private final int keptLayers;
    /// Whether anything trained stands before layer l.
    private final boolean[] trackedBefore;
    private final int firstTrained;
    private Watch watch;
    private Looping looping;

    /// A sequence and what is predicted in it.
    ///
    /// @param segments a segment id per token, or null for all 0
    /// @param targets the token that each position predicts, -1 for none
    public record Sequence(int[] ids, int[] segments, int[] targets) {

        /// A sequence with labels as they stand beside the tokens: a decoder predicts the label of the next position (the first token's counts
        /// for nothing), an encoder that of its own.
        ///
        /// @param labels a target per token, negative where none counts
        public static Sequence of(int[] ids, int[] labels, boolean encoder) {
            int[] targets = new int[ids.length];
            for (int t = 0; t < ids.length; t++) {
                int from = encoder ? t : t + 1;
                targets[t] = from < ids.length ? Math.max(-1, labels[from]) : -1;
            }
            return new Sequence(ids, null, targets);
        }

        /// Targets that count.
        public int predicted() {
            int n = 0;
            for (int t : targets) {
                n += t >= 0 ? 1 : 0;
            }
            return n;
        }
    }

    /// What a pass came to.
    ///
    /// @param sum the sum of -ln p over all targets, nats
    /// @param balance the balance loss without its coefficient; 0 where it was not asked for
    public record Loss(double sum, long predicted, double balance) {}

    /// @param keptLayers how many layers, the last ones, keep all their values until the gradient has passed; the others are computed twice
    public LossPass(Parameters parameters, int keptLayers) {
        this.parameters = parameters;
        spec = parameters.spec();
        looping = Looping.ofOrNull(spec);
        this.keptLayers = keptLayers;
        trackedBefore = new boolean[spec.layers().size() + 1];
        List<NamedTensor> tensors = NamedTensor.of(spec);
        Set<String> embedding = embeddingTensors(spec.embedding());
        trackedBefore[0] = parameters.anyTrained(tensors.stream().filter(t -> embedding.contains(t.name())).toList());
        int first = trackedBefore[0] ? 0 : spec.layers().size();
        for (LayerSpec l : spec.layers()) {
            boolean here = parameters.anyTrained(tensors.stream().filter(t -> t.layer() == l.index()).toList());
            trackedBefore[l.index() + 1] = trackedBefore[l.index()] || here;
            first = trackedBefore[l.index() + 1] ? Math.min(first, l.index()) : first;
        }
        firstTrained = first;
    }

    private static Set<String> embeddingTensors(Embedding e) {
        return java.util.stream.Stream.of(e.tokens(), e.positions() == null ? null : e.positions().table(), e.segments() == null ? null : e.segments().table(),
                e.norm() == null ? null : e.norm().weight(), e.norm() == null ? null : e.norm().bias(), e.projection() == null ? null : e.projection().weight())
                .filter(java.util.Objects::nonNull).collect(Collectors.toSet());
    }

    /// Lets someone see what heads and channels do in all passes from now on.
    public void watch(Watch by) {
        watch = by;
    }

    /// Lets layers run their attention again in all passes from now on, in place of the loops that the model has of itself.
    public void loop(Looping by) {
        looping = by;
    }

    /// The loss alone.
    public Loss evaluate(List<Sequence> sequences, Progress progress) {
        return new Pass(sequences, false, null, null).run(0f, progress);
    }

    /// The loss, and the gradient of `weight * sum + balance * balance loss`, which is added to the parameters' gradients.
    ///
    /// @param weight 1 / targets of the whole step for a mean over them
    /// @param balance the coefficient of the balance loss; 0 for none
    /// @param noise dropout's random numbers, or null
    public Loss backward(List<Sequence> sequences, float weight, float balance, Noise noise, Progress progress) {
        return new Pass(sequences, true, balance == 0f ? null : new Balance(balance), noise).run(weight, progress);
    }

    /// Bytes that passes have taken so far for values and gradients between layers.
    public long bytes() {
        return pool.bytes();
    }

    /// The sequences and, behind them, one that predicts nothing and fills their tokens up to a round number.
    ///
    /// Texts of different lengths make another number of tokens of every batch, and products are prepared anew for every number: on a small model that takes longer than the products, and what was
    /// prepared takes a megabyte each. Nothing that is computed of the others changes but the last bits of sums over tokens. Experts would see the filling, so models with experts do without, and so
    /// do passes that somebody watches.
    private List<Sequence> filled(List<Sequence> sequences) {
        int tokens = sequences.stream().mapToInt(s -> s.ids().length).sum();
        // At most a sixteenth more.
        int more = -tokens & grain(tokens) - 1;
        boolean alone = watch == null && looping == null && spec.layers().stream().noneMatch(l -> l.feedForward() instanceof FeedForward.Mixture);
        if (more == 0 || more > spec.maxPositions() || !alone) {
            return sequences;
        }
        int[] ids = new int[more];
        Arrays.fill(ids, sequences.getFirst().ids()[0]);
        int[] targets = new int[more];
        Arrays.fill(targets, -1);
        List<Sequence> out = new ArrayList<>(sequences);
        out.add(new Sequence(ids, null, targets));
        return out;
    }

    /// Of which rows of products are a multiple where that can be had: a power of two, at most a sixteenth of them.
    static int grain(int rows) {
        return Math.max(1, Integer.highestOneBit(rows) / 16);
    }

    private final class Pass {
        private final List<Sequence> sequences;
        private final boolean gradients;
        private final Balance balance;
        private final Noise noise;
        private final int[] starts;
        private final int layers = spec.layers().size();

        private record Kept(Tape tape, Variable in, Variable out, Scratch.Frame mark) {}

        Pass(List<Sequence> sequences, boolean gradients, Balance balance, Noise noise) {
            this.sequences = filled(sequences);
            this.gradients = gradients;
            this.balance = balance;
            this.noise = noise;
            starts = new int[this.sequences.size() + 1];
            for (int s = 0; s < starts.length - 1; s++) {
                starts[s + 1] = starts[s] + this.sequences.get(s).ids().length;
            }
        }

        Loss run(float weight, Progress progress) {
            try (Scratch.Frame ignored = pool.frame()) {
                int tokens = starts[starts.length - 1];
                Matrix gradient = pool.matrix(tokens, spec.hiddenSize());
                Tape embedding = new Tape(pool, parameters, gradients, noise);
                Variable x = new EmbeddingSteps(embedding, spec.embedding(), sequences).run();
                Matrix[] inputs = inputs(x.value, tokens);
                List<Kept> kept = new ArrayList<>();
                for (LayerSpec l : spec.layers()) {
                    progress.checkCancelled();
                    forward(l, inputs, kept);
                }
                double sum;
                try (Scratch.Frame head = pool.frame()) {
                    Tape tape = new Tape(pool, parameters, gradients, noise);
                    Variable last = tape.leaf(inputs[layers], trackedBefore[layers]);
                    sum = new HeadSteps(tape, spec).run(last, targets(), weight);
                    if (last.gradient != null) {
                        gradient.copyFrom(last.gradient);
                    } else {
                        gradient.data().asSlice(0, 4L * gradient.size()).fill((byte) 0);
                    }
                }
                if (gradients) {
                    back(inputs, kept, gradient, progress);
                    if (x.tracked) {
                        x.gradient = gradient;
                        embedding.backward();
                    }
                }
                return new Loss(sum, sequences.stream().mapToLong(Sequence::predicted).sum(), balance == null ? 0 : balance.loss());
            }
        }

        /// A place for every layer's input: one for each where they are wanted again, else two that take turns.
        private Matrix[] inputs(Matrix first, int tokens) {
            Matrix[] inputs = new Matrix[layers + 1];
            inputs[0] = first;
            Matrix[] turns = new Matrix[2];
            for (int l = 1; l <= layers; l++) {
                boolean wanted = gradients && l >= firstTrained;
                if (wanted) {
                    inputs[l] = keeps(l - 1) ? null : pool.matrix(tokens, spec.hiddenSize());
                } else {
                    turns[l % 2] = turns[l % 2] == null ? pool.matrix(tokens, spec.hiddenSize()) : turns[l % 2];
                    inputs[l] = turns[l % 2];
                }
            }
            return inputs;
        }

        private boolean keeps(int layer) {
            return gradients && layer >= firstTrained && layer >= layers - Math.max(1, keptLayers);
        }

        private void forward(LayerSpec l, Matrix[] inputs, List<Kept> kept) {
            boolean keep = keeps(l.index());
            Scratch.Frame mark = pool.frame();
            Tape tape = new Tape(pool, parameters, keep, noise);
            tape.watched(watch, l.index());
            tape.looped(looping, gradients);
            Variable in = tape.leaf(inputs[l.index()], trackedBefore[l.index()]);
            Variable out = LayerSteps.run(tape, l, in, starts, ropes, balance);
            if (keep) {
                kept.add(new Kept(tape, in, out, mark));
                inputs[l.index() + 1] = out.value;
            } else {
                inputs[l.index() + 1].copyFrom(out.value);
                mark.close();
            }
        }

        private int[] targets() {
            int[] out = new int[starts[starts.length - 1]];
            for (int s = 0; s < sequences.size(); s++) {
                System.arraycopy(sequences.get(s).targets(), 0, out, starts[s], sequences.get(s).targets().length);
            }
            return out;
        }

        /// From the last layer to the first that is trained; `gradient` is that of each layer's output, then of its input.
        private void back(Matrix[] inputs, List<Kept> kept, Matrix gradient, Progress progress) {
            for (int l = layers - 1; l >= firstTrained; l--) {
                progress.checkCancelled();
                Kept k;
                if (keeps(l)) {
                    k = kept.removeLast();
                } else {
                    Scratch.Frame mark = pool.frame();
                    Tape tape = new Tape(pool, parameters, true, noise);
                    tape.looped(looping, false);
                    Variable in = tape.leaf(inputs[l], trackedBefore[l]);
                    k = new Kept(tape, in, LayerSteps.run(tape, spec.layers().get(l), in, starts, ropes, balance), mark);
                }
                k.out.gradient = gradient;
                k.tape.backward();
                if (k.in.gradient != null) {
                    gradient.copyFrom(k.in.gradient);
                }
                k.mark.close();
            }
        }
    }

    @Override
    public void close() {
        pool.close();
        arena.close();
    }
}
