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
            case hft -> Optional.of("its rounds and halves are no part of peft");
            case ilora -> Optional.of("its slow learner is no part of peft");
            case multilora, nola, svft -> Optional.of("peft has no such factors");
            default -> Optional.empty();
        };
    }

    /// Why an engine does not begin factors so; empty where it does.
    public static Optional<String> lack(String engine, FirstFactors.Kind init) {
        if (!engine.equals(PYTORCH)) {
            return Optional.empty();
        }
        return switch (init) {
            case kaiming, gaussian -> Optional.empty();
            case orthogonal -> Optional.of("peft draws such factors from a state of its own, and first values here are functions of the seed");
            case loraxs, lorasb -> Optional.of("peft has no factors with a small matrix between them");
            case pissa, olora, loraga -> Optional.of("peft changes the base for it, and the result would not stand on the base as it is");
        };
    }

    /// Why an engine has not got an optimiser; empty where it has.
    public static Optional<String> lack(String engine, FinetuneSettings.OptimiserName optimiser) {
        return engine.equals(PYTORCH) && (optimiser == FinetuneSettings.OptimiserName.mezo || optimiser == FinetuneSettings.OptimiserName.zosam)
                ? Optional.of("it has adamw and spam") : Optional.empty();
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

    private static Refusal refused(String engine, String what, String why) {
        return Refusal.of(Category.TASK_INVALID, null, "the %s engine does not %s: %s", engine, what, why).help(engine.equals(EMBEDDED) ? "The pytorch engine does." : "The embedded engine does.");
    }
}
