package vitrine.core.task;

import java.util.List;
import java.util.Optional;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.train.method.FirstFactors;

/// What an engine lacks of training, and why: what the command refuses before a run is begun, and the window greys out.
///
/// The `pytorch` engine says the same of itself (`catalogue.py`); a test holds the two against each other.
public final class TrainingSupport {

    /// The engine that is always there.
    public static final String EMBEDDED = "embedded";
    /// The user's own Python.
    public static final String PYTORCH = "pytorch";

    private TrainingSupport() {}

    /// Why an engine does not train by a method, a sentence without its full stop; empty where it does.
    public static Optional<String> lack(String engine, FinetuneMethod method) {
        return method == FinetuneMethod.sgt && engine.equals(PYTORCH) ? Optional.of("it runs models as transformers has them, whose attention does not loop") : Optional.empty();
    }

    /// Why an engine does not begin factors so; empty where it does.
    public static Optional<String> lack(String engine, FirstFactors.Kind init) {
        return Optional.empty();
    }

    /// Why an engine has not got an optimiser; empty where it has.
    public static Optional<String> lack(String engine, FinetuneSettings.OptimiserName optimiser) {
        return Optional.empty();
    }

    /// Why an engine has not got a value of a setting, as a task says both; empty where it has.
    ///
    /// @param setting such as `init`
    public static Optional<String> lack(String engine, String setting, String value) {
        return switch (setting) {
            case "init" -> lack(engine, FirstFactors.Kind.valueOf(value));
            case "optimiser" -> lack(engine, FinetuneSettings.OptimiserName.valueOf(value));
            default -> Optional.empty();
        };
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
        if (task.settings() != null && task.settings().optimiser() != null) {
            lack(engine, task.settings().optimiser()).ifPresent(why -> {
                throw refused(engine, "step by " + task.settings().optimiser().name(), why);
            });
        }
    }

    /// Refuses a run of the `pytorch` engine that several processes cannot share out.
    ///
    /// @throws Refusal `task-invalid`, with what runs in one process only
    public static void requireShareable(Task.Finetune task) {
        FinetuneSettings s = java.util.Objects.requireNonNullElse(task.settings(), FinetuneSettings.DEFAULTS);
        boolean shared = List.of(FinetuneMethod.full, FinetuneMethod.lora, FinetuneMethod.dora, FinetuneMethod.layra, FinetuneMethod.bone).contains(task.method());
        String alone = !shared ? task.method().name() : s.init() != null && (s.init().inner() || s.init().looksAtGradient()) ? s.init().name()
                : s.optimiser() != null && s.optimiser() != FinetuneSettings.OptimiserName.adamw ? s.optimiser().name() : Boolean.TRUE.equals(s.cautious()) ? "cautious decay" : null;
        if (alone != null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s runs in one process only", alone).help("Ask for one GPU.");
        }
    }

    private static Refusal refused(String engine, String what, String why) {
        return Refusal.of(Category.TASK_INVALID, null, "the %s engine does not %s: %s", engine, what, why).help(engine.equals(EMBEDDED) ? "The pytorch engine does." : "The embedded engine does.");
    }
}
