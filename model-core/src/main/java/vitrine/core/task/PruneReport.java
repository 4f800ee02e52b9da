package vitrine.core.task;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import vitrine.core.artifact.Provenance;
import vitrine.core.json.Json;
import vitrine.core.refusal.Visible;

/// The `pruning_report.json` of a result, its card, and the summary.
final class PruneReport {

    static final String FILE = "pruning_report.json";
    private static final String RECIPE = "perplexity = exp(mean of -ln p over every predicted token), float32; pieces do not overlap, the first token of a piece is not predicted; dense and pruned measured "
            + "one after the other on the same pieces";

    private final Task.Prune task;
    private final PruneSettings s;
    private final LoadedModel model;
    private final double sparsity;
    private final CalibrationTexts texts;
    private final SkippedTensors skipped;
    private final Consumer<String> warn;

    PruneReport(Task.Prune task, PruneSettings s, LoadedModel model, double sparsity, CalibrationTexts texts, SkippedTensors skipped, Consumer<String> warn) {
        this.task = task;
        this.s = s;
        this.model = model;
        this.sparsity = sparsity;
        this.texts = texts;
        this.skipped = skipped;
        this.warn = warn;
    }

    Outcome write(Path out, Map<Integer, ObjectNode> layers, ObjectNode shares, ArrayNode evaluations, ObjectNode speed, ObjectNode loadBack) throws IOException {
        ObjectNode n = Json.object().put("format", "vitrine-pruning").put("version", 1).put("model", model.checkpoint().name()).put("family", model.spec().family())
                .put("method", task.method().name()).put("output", output());
        n.set("task", task.toJson());
        if (texts != null) {
            n.set("calibration", texts.json());
            n.withObject("/calibration").put("propagation", s.propagation() == PruneSettings.Propagation.sequential ? "sequential" : "dense");
        }
        n.set("allocation", shares);
        long weights = 0;
        long zeros = 0;
        long kept = 0;
        for (ObjectNode l : layers.values()) {
            weights += l.path("weights").asLong();
            zeros += l.path("zeros").asLong();
            kept += l.path("kept_parameters").asLong();
        }
        long parameters = model.checkpoint().tensors().values().stream().filter(t -> t.dtype().floating()).mapToLong(t -> t.elements()).sum();
        long bytes = bytes(out);
        ObjectNode sizes = n.putObject("sparsity").put("prunable_weights", weights).put("zeros", zeros).put("of_prunable", weights == 0 ? 0 : (double) zeros / weights)
                .put("parameters", parameters).put("of_all", (double) zeros / parameters).put("bytes_before", model.checkpoint().fileBytes()).put("bytes", bytes);
        if (task.method().form() == PruneMethod.Form.RANK) {
            sizes.put("factorised_parameters", parameters - weights + kept).put("factorised_of_prunable", weights == 0 ? 0 : 1 - (double) kept / weights);
        }
        n.put("note", note());
        if (speed != null) {
            n.set("speed", speed);
        }
        n.put("recipe", RECIPE);
        n.set("evaluations", evaluations);
        n.set("load_back", loadBack);
        ArrayNode all = n.putArray("layers");
        new TreeMap<>(layers).values().forEach(all::add);
        for (JsonNode l : all) {
            for (JsonNode m : l.get("matrices")) {
                if (m.path("untouched").asBoolean()) {
                    skipped.add(m.get("name").asText(), m.path("note").asText());
                }
            }
        }
        n.set("skipped", skipped.json());
        ObjectNode summary = summary(n);
        Files.write(out.resolve(FILE), Json.pretty(n).getBytes(StandardCharsets.UTF_8));
        Files.write(out.resolve("README.md"), card(n).getBytes(StandardCharsets.UTF_8));
        Map<String, Provenance> from = new LinkedHashMap<>();
        if (task.method().masks()) {
            from.put("masks", Provenance.derived(model.checkpoint().name(), "U8", "1 = kept, by " + task.method().name()));
        }
        from.put("perplexity", Provenance.derived("loss", "F64", "exp(loss)"));
        return new Outcome(summary, from);
    }

    private String output() {
        return switch (task.method().form()) {
            case MASK -> "same shapes, with zeros";
            case RANK -> "same shapes, factors multiplied back";
        };
    }

    private String note() {
        return switch (task.method().form()) {
            case MASK -> "A checkpoint of the same shapes with zeros in it takes as much room on the disk and as much time as before: only programs that know its zeros gain by them.";
            case RANK -> "The thin matrices are multiplied back to the full shape, so that any program loads the checkpoint: it is as large and as slow as before."
                    + (Boolean.TRUE.equals(s.factorised()) ? " factors.safetensors holds the thin matrices." : "");
        };
    }

    private static long bytes(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            long sum = 0;
            for (Path p : files.toList()) {
                String name = p.getFileName().toString();
                sum += name.startsWith("model") && name.endsWith(".safetensors") ? Files.size(p) : 0;
            }
            return sum;
        }
    }

    private ObjectNode summary(ObjectNode n) {
        ObjectNode out = Json.object();
        for (String key : new String[] {"model", "family", "method", "output"}) {
            out.set(key, n.get(key));
        }
        out.put("result", "checkpoint").put("target_sparsity", sparsity);
        out.set("sparsity", n.get("sparsity"));
        if (n.has("speed")) {
            out.set("speed", n.get("speed"));
        }
        ArrayNode texts = out.putArray("evaluations");
        n.get("evaluations").forEach(texts::add);
        if (!texts.isEmpty()) {
            JsonNode first = texts.get(0);
            out.set("loss", first.at("/pruned/loss"));
            out.set("perplexity", first.at("/pruned/perplexity"));
            out.set("loss_before", first.at("/dense/loss"));
            out.set("perplexity_before", first.at("/dense/perplexity"));
        }
        out.put("layers", n.get("layers").size()).put("skipped", n.get("skipped").size()).put("load_back_difference", n.at("/load_back/largest_logit_difference").asDouble());
        return out;
    }

    /// What a reader of the result's folder should know.
    private String card(ObjectNode n) {
        StringBuilder t = new StringBuilder();
        t.append("# ").append(Visible.escape(model.checkpoint().name())).append(", pruned by ").append(task.method().name()).append("\n\nPruned by Vitrine's embedded engine. ").append(n.get("note").asText())
                .append("\n\n| | |\n| --- | --- |\n");
        JsonNode sizes = n.get("sparsity");
        row(t, "zeros of the weights that could be pruned", String.format(Locale.ROOT, "%,d of %,d (%.2f %%)", sizes.path("zeros").asLong(), sizes.path("prunable_weights").asLong(),
                100 * sizes.path("of_prunable").asDouble()));
        row(t, "zeros of all parameters", String.format(Locale.ROOT, "%.2f %%", 100 * sizes.path("of_all").asDouble()));
        row(t, "bytes on disk, before and after", String.format(Locale.ROOT, "%,d, %,d", sizes.path("bytes_before").asLong(), sizes.path("bytes").asLong()));
        for (JsonNode e : n.get("evaluations")) {
            row(t, "perplexity of " + Visible.escape(e.path("name").asText()) + ", before and after", figure(e.at("/dense/perplexity")) + ", " + figure(e.at("/pruned/perplexity")));
        }
        t.append("\nEvery figure, its recipe and what was left as it is: `").append(FILE).append("`.\n");
        if (Boolean.TRUE.equals(s.factorised())) {
            t.append("""

                    ## Loading the factors

                    Stock transformers loads the multiplied-back weights. `factors.safetensors` holds, for a weight NAME, `NAME.a` [out, rank] and `NAME.b` [rank, in], W = a b. To use them:

                        from safetensors.torch import load_file
                        import torch
                        factors = load_file("factors.safetensors")
                        for name in {n[:-2] for n in factors}:
                            parent, _, leaf = name.removesuffix(".weight").rpartition(".")
                            old = model.get_submodule(f"{parent}.{leaf}")
                            a, b = factors[name + ".a"], factors[name + ".b"]
                            down = torch.nn.Linear(b.shape[1], b.shape[0], bias=False)
                            up = torch.nn.Linear(a.shape[1], a.shape[0], bias=old.bias is not None)
                            down.weight.data, up.weight.data = b, a
                            if old.bias is not None:
                                up.bias.data = old.bias.data
                            setattr(model.get_submodule(parent), leaf, torch.nn.Sequential(down, up))
                    """);
        }
        return t.toString();
    }

    private static void row(StringBuilder t, String name, String value) {
        t.append("| ").append(name).append(" | ").append(value).append(" |\n");
    }

    private static String figure(JsonNode n) {
        return n.isNumber() ? String.format(Locale.ROOT, "%.4f", n.asDouble()) : "not finite";
    }
}
