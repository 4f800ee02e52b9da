package vitrine.views.compare;

import java.util.List;
import vitrine.core.task.Task;

/// Something that can be A or B: a checkpoint, one with an adapter on it, or the result of a run.
///
/// @param name on screen
/// @param model the checkpoint's path
/// @param adapters on it; none where empty
/// @param parameters of the checkpoint
public record Candidate(String name, String model, List<Task.AdapterUse> adapters, long parameters) {

    /// What a task names; null for none.
    List<Task.AdapterUse> uses() {
        return adapters.isEmpty() ? null : adapters;
    }

    /// The same model, whatever it is called.
    boolean sameAs(Candidate other) {
        return other != null && model.equals(other.model) && adapters.equals(other.adapters);
    }
}
