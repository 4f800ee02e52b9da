package vitrine.core.work.compare;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import vitrine.core.analysis.routing.ExpertCounts;
import vitrine.core.analysis.routing.Load;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.artifact.CompareArtifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.task.CompareSettings;
import vitrine.core.task.Task;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.KeptSpectra;
import vitrine.core.work.output.Outcome;

/// Two models against each other; see [CompareArtifact] for what is written. What can be compared is; for the rest stands why it cannot.
public final class CompareRun {

    private final Compared of;

    private CompareRun(Compared of) {
        this.of = of;
    }

    /// @param staging the folder to write into
    /// @param keep where to keep spectra that are solved, for a run after this one
    /// @param identity what the results depend on
    public static Outcome run(Task.Compare task, Path staging, Path keep, String identity, Progress progress, Consumer<String> warn) throws IOException {
        try (CompareSide a = CompareSide.open(task.model(), task.adapters()); CompareSide b = CompareSide.open(task.other(), task.otherAdapters())) {
            return new CompareRun(new Compared(task, a, b, warn)).run(staging, keep, identity, progress);
        }
    }

    private Outcome run(Path staging, Path keep, String identity, Progress progress) throws IOException {
        subject("a", of.a, of.task.model(), of.task.adapters());
        subject("b", of.b, of.task.other(), of.task.otherAdapters());
        of.figures.set("absent", of.absent);
        List<Task.Domain> texts = of.task.data() == null ? List.of() : of.task.data();
        CompareWeights weights = new CompareWeights(of.a, of.b, of.task.spectra(), of.warn);
        CompareProgress stages = new CompareProgress(progress);
        for (Task.Domain d : texts) {
            stages.expect(2.0 * Path.of(d.file()).toFile().length() * (parameters(of.a) + parameters(of.b)) / 3);
        }
        stages.expect(of.task.prompt() == null ? 0 : 100 * (parameters(of.a) + parameters(of.b)));
        stages.expect(weights.cost());
        new Sameness(of).run();
        new ComparedTexts(of).run(texts, stages);
        ObjectNode summary = Json.object().put("model", of.a.name()).put("other", of.b.name());
        new ComparedPrompt(of).run(staging, stages, texts.isEmpty());
        routing(texts.isEmpty());
        of.figures.set("settings", CompareSettings.of(of.task, of.a.source().checkpoint(), of.b.source().checkpoint()));
        try (KeptSpectra kept = KeptSpectra.open(keep, staging.resolve("kept"), identity)) {
            weights.run(kept, stages.next(), of.figures);
        }
        if (weights.spectraAbsent() != null) {
            of.absent.put("spectra", weights.spectraAbsent());
        }
        of.absent.properties().forEach(e -> of.warn.accept(e.getValue().asText()));
        Files.write(staging.resolve(CompareArtifact.FIGURES), Json.pretty(of.figures).getBytes(StandardCharsets.UTF_8));
        for (String key : List.of("same", "texts", "tensors", "routing", "settings", "absent")) {
            summary.set(key, of.figures.get(key));
        }
        if (of.figures.get("prompt") instanceof ObjectNode p) {
            ObjectNode q = p.deepCopy();
            q.put("tokens", p.path("tokens").size());
            summary.set("prompt", q);
        } else {
            summary.putNull("prompt");
        }
        of.provenance.put("texts", Provenance.derived("logits", "F32", "mean of −ln p over predicted tokens, nats; perplexity exp(loss)"));
        of.provenance.put("relative_change", Provenance.derived("weights of " + of.a.name() + " and " + of.b.name(), "F64", "‖B − A‖ / ‖A‖, Frobenius"));
        if (of.task.spectra() != null) {
            of.provenance.put("rank_change", of.task.spectra() == vitrine.core.analysis.spectrum.Accuracy.estimate && weights.estimated()
                    ? Provenance.estimated("singular values", "normalised effective rank of B less that of A", 0, Double.NaN)
                    : Provenance.derived("singular values", "F64", "normalised effective rank of B less that of A"));
        }
        return new Outcome(summary, of.provenance);
    }

    private static double parameters(CompareSide s) {
        return s.source().checkpoint().tensors().values().stream().mapToDouble(t -> t.elements()).sum();
    }

    private void subject(String key, CompareSide s, String path, List<Task.AdapterUse> uses) {
        ObjectNode n = of.figures.putObject(key).put("name", s.name()).put("path", path);
        ArrayNode adapters = n.putArray("adapters");
        if (uses != null) {
            uses.forEach(u -> adapters.add(u.path()));
        }
        ModelSpec spec = s.specOrNull();
        if (spec != null) {
            n.put("family", spec.family()).put("layers", spec.layers().size()).put("heads", spec.maxHeads()).put("hidden", spec.hiddenSize()).put("vocabulary", spec.vocabSize());
        } else {
            n.putNull("family").put("layers", -1);
        }
        n.put("parameters", (long) parameters(s));
    }

    // --- routing

    private void routing(boolean overPrompt) {
        ArrayNode rows = of.figures.putArray("routing");
        if (of.expertsA == null) {
            return;
        }
        Map<Integer, Load> left = of.expertsA.loads();
        Map<Integer, Load> right = of.expertsB.loads();
        if (left.isEmpty() && right.isEmpty()) {
            return;
        }
        if (!left.keySet().equals(right.keySet())) {
            of.absent.put("routing", "Loads are not compared: layers " + left.keySet() + " of A have experts, and " + right.keySet() + " of B.");
            return;
        }
        of.figures.put("routing_over", overPrompt ? "prompt" : "texts");
        left.forEach((layer, p) -> {
            Load q = right.get(layer);
            if (p.sum() == 0 || q.sum() == 0) {
                return;
            }
            ObjectNode row = rows.addObject().put("layer", layer);
            Figures.put(row, "moved", ExpertCounts.moved(p, q));
            add(row.putArray("load_a"), p.shares());
            add(row.putArray("load_b"), q.shares());
        });
        of.provenance.put("routing", Provenance.derived("expert choices", "F64", "share of all choices that an expert has, over the " + (overPrompt ? "prompt" : "texts")));
    }

    private static void add(ArrayNode list, double[] values) {
        for (double v : values) {
            Figures.add(list, v);
        }
    }
}
