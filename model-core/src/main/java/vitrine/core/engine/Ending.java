package vitrine.core.engine;

import vitrine.core.artifact.Artifact;
import vitrine.core.refusal.Category;

/// How a task ended. Exactly one of these, and it never changes.
public sealed interface Ending {

    /// The artifact is there.
    ///
    /// @param cached whether it was there before the task was asked for
    record Finished(Artifact artifact, boolean cached) implements Ending {}

    /// The input cannot be used.
    record Refused(Category category, String message, String file) implements Ending {}

    /// The task failed through no fault of its input.
    record Failed(Cause cause, String message) implements Ending {}

    /// The user gave it up.
    record Cancelled() implements Ending {}

    /// Why a task failed.
    enum Cause {
        /// Memory ran out: the worker said so, or the system killed it.
        OUT_OF_MEMORY("The worker ran out of memory"),
        /// The worker's process crashed.
        CRASHED("The worker crashed"),
        /// Nothing was heard of the worker for too long; it was ended.
        STUCK("The worker was stuck and was ended"),
        /// The worker ended without a word.
        LOST("The worker ended before the task did"),
        /// What the worker said makes no sense, or its result is not there.
        PROTOCOL("The worker did not keep to the protocol"),
        /// The worker could not be started.
        NOT_STARTED("The worker could not be started"),
        /// A fault in the program that the worker survived.
        FAULT("The task failed");

        private final String sentence;

        Cause(String sentence) {
            this.sentence = sentence;
        }

        /// What happened, without a full stop.
        public String sentence() {
            return sentence;
        }
    }
}
