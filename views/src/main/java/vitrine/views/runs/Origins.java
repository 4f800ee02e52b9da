package vitrine.views.runs;

import vitrine.core.artifact.Provenance;

/// Where a run's figures come from.
final class Origins {

    private Origins() {}

    private static String of(RunData d) {
        return d.run().number() == 0 ? RunRow.file(d.run().folder().toString()) : "run #" + d.run().number();
    }

    static Provenance loss(RunData d) {
        return Provenance.measured(of(d), "F32", "mean loss over the learned tokens of each step, before the step changes the weights; nats per token").of(d.loss().steps().length);
    }

    static Provenance smoothed(RunData d) {
        return Provenance.derived(of(d), "F32", "training loss, exponential moving average 0.95, corrected for its start");
    }

    static Provenance validation(RunData d) {
        return Provenance.measured(of(d), "F32", "mean loss over all tokens of the validation text; nats per token").of(d.validation().steps().length);
    }

    static Provenance perplexity(RunData d) {
        return Provenance.derived(of(d), "F32", "exp of the loss over the validation text");
    }

    static Provenance measured(RunData d, String what) {
        return Provenance.measured(of(d), "", what);
    }

    static Provenance derived(RunData d, String what) {
        return Provenance.derived(of(d), "", what);
    }

    static Provenance forecast(String model) {
        return Provenance.estimated(model, "what a worker holds anyway + weights as stored + 16 bytes per trained value (value, gradient, two moments) + values that the layers of a pass keep", 0, Double.NaN);
    }

    static Provenance timeLeft(RunData d) {
        return Provenance.estimated(of(d), "steps left × seconds per step over the last 20 steps", 0, Double.NaN);
    }
}
