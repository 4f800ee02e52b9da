package vitrine.views.runs;

import java.util.List;
import vitrine.resources.Guide;
import vitrine.views.view.HelpTopic;

/// What the figures of this view mean, by which formula, from where.
final class RunsHelp {

    private RunsHelp() {}

    static final List<HelpTopic> TOPICS = List.of(
            new HelpTopic("Training loss", "The mean over the learned tokens of a step, before the step changes the weights. It is noisy, so a smoothed curve stands over the raw one. Different texts have different losses: compare within one text.",
                    "loss = −(1/T) Σ ln p(token | tokens before), nats;  EMA: s ← 0.95 s + 0.05 x, divided by 1 − 0.95ᵗ", "Cross-entropy; bias correction as in Kingma and Ba, Adam, 2015, arXiv 1412.6980", Guide.Section.formula("runs", "training loss")),
            new HelpTopic("Validation", "The same over a text that is not trained on, without padding, weighted by tokens. Where it rises while the training loss falls, the model learns its text by heart. A hint tells the step at which it was lowest; "
                    + "early stop ends a run after so many validations without a lower one and takes the weights of the lowest.", "perplexity = exp(loss)", "Prechelt, Early Stopping, but when?, 1998, for early stop", Guide.Section.formula("runs", "validation perplexity")),
            new HelpTopic("Gradient norm", "The length of all gradients together, before clipping. Steps above the limit are scaled down to it. Jumps tell of a bad batch or too large a rate.", "‖g‖ = √Σ g²;  g ← g · min(1, limit / (‖g‖ + 10⁻⁶))", "Pascanu et al., 2013, arXiv 1211.5063; clip_grad_norm_ of PyTorch", Guide.Section.formula("runs", "gradient norm")),
            new HelpTopic("Learning rate", "It rises linearly from 0, then follows the schedule. Dashed is what is still to come.", "cosine: ½ (1 + cos π (k − w) / (K − w)), after k of K steps, w of them for warming up", "get_scheduler of transformers 5.18", Guide.Section.formula("runs", "learning rate")),
            new HelpTopic("Memory", "Predicted before the start from headers alone: what a worker holds anyway, the weights as they are stored, 16 bytes for each trained value (value, gradient, two moments), and the values that the layers of a pass keep. "
                    + "Measured is the worker's resident memory, mapped weights included.", "bytes ≈ worker + weights + 16 · trained + (kept layers + 1) · values of a layer", "Estimated; docs/benchmarks.md compares it with measured memory", Guide.Section.formula("runs", "memory")),
            new HelpTopic("Runs and this window", "A run is a process of its own: close the window, and it goes on. Pause saves its state after the present step; Resume goes on to the same bits. Stop and save writes the result as it is. "
                    + "Cancel run keeps the figures and nothing else. A run that was killed goes on from its last saved step.", "", "docs/decisions/013-runs-outlive-the-window.md", new Guide.Section("runs", "What can be done", "")));
}
