package vitrine.core.work.input;

import java.util.List;
import java.util.Set;
import vitrine.core.backward.LossPass;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.dataset.Sequences;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;

/// Gradients of the mean loss of single pieces of text with respect to some tensors.
public final class LossGradients implements AutoCloseable {

    private final Parameters parameters;
    private final LossPass pass;

    /// @param tensors their names
    public LossGradients(LoadedModel model, Set<String> tensors) {
        parameters = new Parameters(model.checkpoint(), model.spec(), model.weights().products(), t -> tensors.contains(t.name()));
        pass = new LossPass(parameters, model.spec().layers().size());
    }

    /// Told of a piece's gradients.
    @FunctionalInterface
    public interface Piece {
        void gradients(List<Parameter> tensors);
    }

    public List<Parameter> tensors() {
        return parameters.trained();
    }

    /// One backward pass per piece.
    public void each(List<Sequences.Labelled> pieces, Progress progress, Piece what) {
        each(pieces, 0, pieces.size(), progress, what);
        progress.step(pieces.size(), pieces.size(), "sequences");
    }

    /// One backward pass per piece of pieces `from` to `to`.
    public void each(List<Sequences.Labelled> pieces, int from, int to, Progress progress, Piece what) {
        for (int i = from; i < to; i++) {
            progress.checkCancelled();
            progress.step(i, pieces.size(), "sequences");
            LossPass.Sequence q = LossPass.Sequence.of(pieces.get(i).ids(), pieces.get(i).labels(), false);
            parameters.trained().forEach(Parameter::clear);
            pass.backward(List.of(q), 1f / Math.max(1, q.predicted()), 0f, null, new Quiet(progress));
            what.gradients(parameters.trained());
        }
    }

    /// The mean loss over all targets of some pieces, nats.
    public double loss(List<Sequences.Labelled> pieces) {
        double sum = 0;
        long predicted = 0;
        for (Sequences.Labelled p : pieces) {
            LossPass.Loss l = pass.evaluate(List.of(LossPass.Sequence.of(p.ids(), p.labels(), false)), Progress.NONE);
            sum += l.sum();
            predicted += l.predicted();
        }
        return sum / predicted;
    }

    @Override
    public void close() {
        pass.close();
        parameters.close();
    }
}
