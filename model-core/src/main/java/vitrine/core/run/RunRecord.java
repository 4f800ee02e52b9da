package vitrine.core.run;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;

/// A run as the store knows it.
///
/// @param number counts from 1
/// @param created ISO-8601 instant, UTC
/// @param state see [State]
/// @param step the last finished step; `steps` how many there are in all, 0 where that is not known yet
/// @param loss of the last finished step; NaN where there is none
/// @param validation the last loss over validation texts; NaN where there is none
/// @param message what ended it, for those that failed
public record RunRecord(long number, String created, String method, String model, ObjectNode task, Path folder, State state, long step, long steps, double loss, double validation, String message) {

    /// How a run stands.
    public enum State {
        /// A process is at work on it.
        running,
        /// It was asked to stop and can be gone on with.
        stopped,
        /// Its process ended without a word; it can be gone on with.
        interrupted,
        /// Its result is there.
        finished,
        /// It cannot go on as it is.
        failed,
        /// It was given up: its figures are left, its saved steps are not.
        cancelled
    }
}
