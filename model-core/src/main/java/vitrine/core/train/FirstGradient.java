package vitrine.core.train;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.backward.LossPass;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Products;

/// The gradient that the untouched model has on some samples: what initialisations and estimates of importance look at before a run.
public final class FirstGradient {

    private FirstGradient() {}

    /// The gradients of the mean loss over all learned tokens, by tensor, as the tensors are stored.
    ///
    /// @param tensors names of the checkpoint's tensors
    public static Map<String, float[]> of(Set<String> tensors, Checkpoint checkpoint, ModelSpec spec, Products products, List<List<LossPass.Sequence>> samples, Progress progress) {
        Map<String, float[]> out = new HashMap<>();
        long learned = samples.stream().flatMap(List::stream).mapToLong(LossPass.Sequence::predicted).sum();
        try (Parameters parameters = new Parameters(checkpoint, spec, products, t -> tensors.contains(t.name())); LossPass pass = new LossPass(parameters, 1)) {
            parameters.clearGradients();
            for (List<LossPass.Sequence> sample : samples) {
                pass.backward(sample, 1f / learned, 0f, null, progress);
            }
            for (Parameter p : parameters.trained()) {
                out.put(p.name(), p.gradientToArray());
            }
        }
        return out;
    }
}
