package vitrine.core.task;

import java.util.Optional;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.train.method.FirstFactors;

/// What an engine lacks of training, and why: what the command refuses before a run is begun, and the window greys out.
///
/// The `pytorch` engine says the same of itself (`methods.py`); a test holds the two against each other.
public final class TrainingSupport {

    /// The engine that is always there.
    public static final String EMBEDDED = "embedded";
    /// The user's own Python.
    public static final String PYTORCH = "pytorch";

    private TrainingSupport() {}

    /// Why an engine does not train by a method, a sentence without its full stop; empty where it does.
    public static Optional<String> lack(String engine, FinetuneMethod method) {
        if (engine.equals(EMBEDDED)) {
            return method == FinetuneMethod.bone ? Optional.of("its change is as large as the matrices, made block by block of the matrices themselves, which peft has and this engine has not") : Optional.empty();
        }
        return switch (method) {
            case beamlora -> Optional.of("its gates and copies of ranks are no part of peft");
            case apex -> Optional.of("its expansion of heads and channels is no part of peft");
            case multilora, nola, svft -> Optional.of("peft has no such factors");
            default -> Optional.empty();
        };
    }

    /// Why an engine does not begin factors so; empty where it does.
    public static Optional<String> lack(String engine, FirstFactors.Kind init) {
        return engine.equals(PYTORCH) && init.inner() ? Optional.of("peft has no factors with a small matrix between them") : Optional.empty();
    }

    /// Refuses a run that the engine has not got.
    ///
    /// @throws Refusal `task-invalid`, with the reason
    public static void require(String engine, Task.Finetune task) {
        lack(engine, task.method()).ifPresent(why -> {
            throw refused(engine, "train by " + task.method().name(), why);
        });
        if (task.settings() != null && task.settings().init() != null) {
            lack(engine, task.settings().init()).ifPresent(why -> {
                throw refused(engine, "begin with " + task.settings().init().name(), why);
            });
        }
    }

    private static Refusal refused(String engine, String what, String why) {
        return Refusal.of(Category.TASK_INVALID, null, "the %s engine does not %s: %s", engine, what, why).help(engine.equals(EMBEDDED) ? "The pytorch engine does." : "The embedded engine does.");
    }
}
