package vitrine.core.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.backward.LossPass;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.progress.Progress;

/// A way of fine-tuning: what is trained, what happens between steps, and what the result is.
public interface Method {

    /// Whether a tensor of the checkpoint gets a float32 copy and a gradient.
    boolean trains(NamedTensor tensor);

    /// Adds what the method adds to the model; called once, before anything is computed.
    default void prepare(Parameters parameters, Randomness randomness) {}

    /// Whether the optimiser itself changes a trained tensor: otherwise it needs no moments.
    default boolean stepped(Parameter p) {
        return true;
    }

    /// Before the first step of this process.
    ///
    /// @param fresh whether the run begins, rather than goes on
    default void begin(LossPass pass, Batches batches, boolean fresh, Progress progress) {}

    /// Before the gradients of a step, counted from 1.
    ///
    /// @param trained what this step may change; the method returns what it shall change
    default List<Parameter> choose(long step, List<Parameter> trained, AdamW optimiser) {
        return trained;
    }

    /// After the gradients of a step and before anything is done with them.
    default void gradients() {}

    /// After a step, when `steps` is the number of all.
    default void after(long step, long steps, AdamW optimiser) {}

    /// Puts the values of the result in the place of those that are trained, for a validation, or takes them back.
    default void present(boolean result) {}

    /// Figures of the step beside loss and norm; none by default.
    default Map<String, Double> figures() {
        return Map.of();
    }

    /// What must be remembered beside the trained tensors and the optimiser's moments: arrays by name.
    default Map<String, float[]> memory() {
        return Map.of();
    }

    /// Takes back what [#memory] gave.
    default void remember(Map<String, float[]> memory) {}

    /// Writes the result into a folder and says in `summary` what it is.
    void write(Parameters parameters, Path folder, ObjectNode summary) throws IOException;
}
