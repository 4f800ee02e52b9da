package vitrine.core.backward;

import vitrine.core.architecture.Head;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Scratch;
import vitrine.core.tensor.kernel.Derivatives;
import vitrine.core.tensor.kernel.Elementwise;

/// From the last residual stream to the loss. Logits of a few rows at a time become their own gradients and are used up before the next rows'
/// are made: a vocabulary of 150,000 never stands in memory for all tokens.
final class HeadSteps {

    private static final long LOGIT_BYTES = 32L << 20;

    private final Tape tape;
    private final ModelSpec spec;
    private double sum;

    HeadSteps(Tape tape, ModelSpec spec) {
        this.tape = tape;
        this.spec = spec;
    }

    /// The sum of the losses of all rows that have a target; where the tape records, gradients of `weight` times that sum are passed back to `x`.
    ///
    /// @param targets a target per row, -1 for none
    double run(Variable x, int[] targets, float weight) {
        int[] rows = java.util.stream.IntStream.range(0, targets.length).filter(r -> targets[r] >= 0).toArray();
        int[] wanted = java.util.Arrays.stream(rows).map(r -> targets[r]).toArray();
        Head head = spec.head();
        Variable h = tape.gatherRows(tape.norm(x, spec.finalNorm()), rows);
        if (head.transform() != null) {
            h = tape.norm(tape.activate(head.transform().activation(), tape.linear(h, tape.parameters.projection(head.transform().dense()))), head.transform().norm());
        }
        if (head.inputProjection() != null) {
            h = tape.linear(h, tape.parameters.projection(head.inputProjection()));
        }
        logits(h, wanted, weight);
        tape.backward();
        return sum;
    }

    private void logits(Variable h, int[] targets, float weight) {
        Head head = spec.head();
        Parameter w = tape.parameters.get(head.weight());
        Parameter bias = tape.parameters.vector(head.bias());
        int vocabulary = spec.vocabSize();
        Projection p = new Projection(w, 0, vocabulary, head.width(), false, bias, 0, tape.parameters.adapters().get(Parameters.head(head.weight())));
        boolean back = tape.recording() && (h.tracked || p.trained());
        if (back && h.tracked) {
            h.gradient = tape.pool.matrix(h.rows(), h.columns());
        }
        int block = (int) Math.clamp(LOGIT_BYTES / (4L * vocabulary), 1, Math.max(1, h.rows()));
        int count;
        for (int from = 0; from < h.rows(); from += count) {
            int left = Math.min(block, h.rows() - from);
            // What is left over is a few rows by themselves.
            count = left - left % LossPass.grain(left);
            try (Scratch.Frame ignored = tape.pool.frame()) {
                Tape part = tape.part(back, from);
                Variable x = part.leaf(h.value.rows(from, count), h.tracked);
                Variable logits = part.linear(x, p);
                Matrix y = logits.value;
                if (head.multiplier() != 1f) {
                    Elementwise.scale(y, head.multiplier());
                }
                Matrix capped = null;
                if (head.softCap() != 0f) {
                    Elementwise.softCap(y, head.softCap());
                    if (back) {
                        capped = tape.pool.matrix(count, vocabulary);
                        capped.copyFrom(y);
                    }
                }
                for (double loss : Derivatives.crossEntropy(y, java.util.Arrays.copyOfRange(targets, from, from + count), back ? weight : 0f)) {
                    sum += loss;
                }
                if (back) {
                    if (capped != null) {
                        Derivatives.softCap(capped, y, head.softCap());
                    }
                    if (head.multiplier() != 1f) {
                        Elementwise.scale(y, head.multiplier());
                    }
                    // The logits have become their own gradient.
                    logits.gradient = y;
                    part.backward();
                    if (h.tracked) {
                        h.gradient.rows(from, count).copyFrom(x.gradient);
                    }
                }
            }
        }
    }
}
