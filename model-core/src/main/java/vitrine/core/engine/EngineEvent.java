package vitrine.core.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;

/// What an engine says while a task runs.
public sealed interface EngineEvent {

    /// `done` of `total` units are finished.
    record Progress(long done, long total, String unit) implements EngineEvent {}

    /// Figures of a step, as the worker sent them.
    record Metric(ObjectNode values) implements EngineEvent {}

    /// Something the user should know, one sentence.
    record Warning(String message) implements EngineEvent {}
}
