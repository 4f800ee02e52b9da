package vitrine.core.prune;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import vitrine.core.forward.Batch;
import vitrine.core.forward.ForwardPass;
import vitrine.core.forward.Weights;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Matrix;

/// Calibration sequences on their way through a model, one layer at a time. What is kept is the residual stream between two layers,
/// float32 `[tokens, hidden]`.
public final class CalibrationPass implements AutoCloseable {

    /// Sequences pass a layer together up to so many tokens: what is copied where a layer must be passed twice.
    private static final int PART_TOKENS = 2048;

    private final ForwardPass forward;
    private final Weights weights;
    private final Arena arena = Arena.ofShared();
    private final Matrix x;
    private final List<Part> parts = new ArrayList<>();
    private final long tokens;
    private int layer;

    private record Part(Batch batch, int from, int tokens) {}

    /// Embeds the sequences; they then stand before layer 0.
    public CalibrationPass(ForwardPass forward, Weights weights, int hidden, List<int[]> sequences) {
        this(forward, weights, hidden, sequences, PART_TOKENS);
    }

    /// Sequences that pass each layer one by one.
    public static CalibrationPass apart(ForwardPass forward, Weights weights, int hidden, List<int[]> sequences) {
        return new CalibrationPass(forward, weights, hidden, sequences, 0);
    }

    private CalibrationPass(ForwardPass forward, Weights weights, int hidden, List<int[]> sequences, int partTokens) {
        this.forward = forward;
        this.weights = weights;
        int from = 0;
        List<int[]> together = new ArrayList<>();
        int count = 0;
        for (int[] s : sequences) {
            if (!together.isEmpty() && count + s.length > partTokens) {
                parts.add(new Part(Batch.of(together.toArray(int[][]::new)), from, count));
                from += count;
                together = new ArrayList<>();
                count = 0;
            }
            together.add(s);
            count += s.length;
        }
        parts.add(new Part(Batch.of(together.toArray(int[][]::new)), from, count));
        tokens = from + count;
        x = Matrix.allocate(arena, Math.toIntExact(tokens), hidden);
        for (Part p : parts) {
            forward.embed(p.batch, x.rows(p.from, p.tokens));
        }
    }

    /// Tokens of all sequences.
    public long tokens() {
        return tokens;
    }

    /// The layer before which the sequences stand.
    public int layer() {
        return layer;
    }

    /// Passes the next layer, with a listener to what its matrices read, or null.
    public void pass(Weights.Inputs inputs, Progress progress) {
        pass(inputs, Probe.NONE, progress);
    }

    /// Passes the next layer, with a listener to what its matrices read, or null, and a probe.
    public void pass(Weights.Inputs inputs, Probe probe, Progress progress) {
        weights.observe(inputs);
        try {
            for (Part p : parts) {
                forward.through(p.batch, x.rows(p.from, p.tokens), layer, layer + 1, probe, progress);
            }
        } finally {
            weights.observe(null);
        }
        layer++;
    }

    /// Looks at what the next layer's matrices read without passing it.
    public void look(Weights.Inputs inputs, Progress progress) {
        weights.observe(inputs);
        try (Arena scratch = Arena.ofShared()) {
            Matrix copy = Matrix.allocate(scratch, parts.stream().mapToInt(Part::tokens).max().orElse(0), x.columns());
            for (Part p : parts) {
                Matrix rows = copy.rows(0, p.tokens);
                rows.copyFrom(x.rows(p.from, p.tokens));
                forward.look(p.batch, rows, layer, progress);
            }
        } finally {
            weights.observe(null);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
