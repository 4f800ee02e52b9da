package vitrine.core.task;

import java.util.Optional;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// What an engine lacks of pruning, and why: what the command refuses before a run is begun, and the window greys out.
///
/// The `pytorch` engine refuses the same by itself (`prune.py`); a test holds the two lists against each other.
public final class PruneSupport {

    /// The setting of ranks of single matrices.
    public static final String RANKS = "ranks";
    /// Training what is left in the same run.
    public static final String RECOVERY = "recovery";

    private PruneSupport() {}

    /// Why an engine does not prune by a method, a sentence without its full stop; empty where it does.
    public static Optional<String> lack(String engine, PruneMethod method) {
        if (!engine.equals(TrainingSupport.PYTORCH)) {
            return Optional.empty();
        }
        return switch (method) {
            case magnitude, wanda, sparsegpt, svd, whitened_svd, shortgpt -> Optional.empty();
            case swift_svd -> Optional.of("of the methods of rank its package has SVD and SVD-LLM");
            default -> Optional.of("its package takes whole layers out, and no heads, channels or experts");
        };
    }

    /// Why an engine does not share a sparsity out so; empty where it does.
    public static Optional<String> lack(String engine, PruneSettings.AllocationName allocation) {
        return engine.equals(TrainingSupport.PYTORCH) && allocation != PruneSettings.AllocationName.uniform ? Optional.of("it shares a sparsity out evenly only") : Optional.empty();
    }

    /// Why an engine does not take a part of a task, [#RANKS] or [#RECOVERY]; empty where it does.
    public static Optional<String> lack(String engine, String part) {
        if (!engine.equals(TrainingSupport.PYTORCH)) {
            return Optional.empty();
        }
        return switch (part) {
            case RANKS -> Optional.of("it cuts every matrix by one share or rank");
            case RECOVERY -> Optional.of("it does not train in a run that prunes; a run of fine-tuning may follow");
            default -> Optional.empty();
        };
    }

    /// Refuses a run that the engine has not got.
    ///
    /// @throws Refusal `task-invalid`, with the reason
    public static void require(String engine, Task.Prune task) {
        lack(engine, task.method()).ifPresent(why -> {
            throw refused(engine, "prune by " + task.method().name(), why);
        });
        PruneSettings s = task.settings();
        if (s != null && s.allocation() != null) {
            lack(engine, s.allocation()).ifPresent(why -> {
                throw refused(engine, "allocate by " + s.allocation().name(), why);
            });
        }
        if (s != null && s.ranks() != null) {
            lack(engine, RANKS).ifPresent(why -> {
                throw refused(engine, "take ranks of single matrices", why);
            });
        }
        if (task.recovery() != null) {
            lack(engine, RECOVERY).ifPresent(why -> {
                throw refused(engine, "recover what was pruned", why);
            });
        }
    }

    private static Refusal refused(String engine, String what, String why) {
        return Refusal.of(Category.TASK_INVALID, null, "the %s engine does not %s: %s", engine, what, why).help("The embedded engine does.");
    }
}
