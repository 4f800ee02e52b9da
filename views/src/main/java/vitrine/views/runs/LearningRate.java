package vitrine.views.runs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/// The learning rate that a task's schedule has at a step: for the part of the curve that is still to come.
///
/// Defined as in `get_scheduler` of transformers 5.18; a test compares it with the trainer's.
record LearningRate(double peak, String schedule, long warmup, long steps, long decay) {

    static LearningRate of(ObjectNode task, long steps) {
        JsonNode s = task.path("settings");
        boolean checkpoint = !Methods.adapts(task.path("method").asText());
        return new LearningRate(s.path("lr").asDouble(checkpoint ? 2e-5 : 2e-4), s.path("schedule").asText("cosine"), s.has("warmupSteps") ? s.path("warmupSteps").asLong() : (long) Math.ceil(0.03 * steps),
                steps, s.has("decaySteps") ? s.path("decaySteps").asLong() : steps / 5);
    }

    /// At a step, counted from 1.
    double at(long step) {
        double k = step - 1;
        if (k < warmup) {
            return peak * k / Math.max(1, warmup);
        }
        double after = (k - warmup) / Math.max(1, steps - warmup);
        return peak * switch (schedule) {
            case "linear" -> Math.max(0, (steps - k) / Math.max(1, steps - warmup));
            case "constant" -> 1;
            case "wsd" -> k < steps - decay ? 1 : 0.5 * (1 + Math.cos(Math.PI * (k - (steps - decay)) / Math.max(1, decay)));
            default -> Math.max(0, 0.5 * (1 + Math.cos(Math.PI * after)));
        };
    }
}
