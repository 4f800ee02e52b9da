package vitrine.core.work.prune.report;

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
import vitrine.core.artifact.Provenance;
import vitrine.core.json.Json;
import vitrine.core.refusal.Visible;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.Task;
import vitrine.core.work.input.CalibrationTexts;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.Outcome;

/// The `pruning_report.json` of a result, its card, and the summary.
public final class PruneReport {

    public static final String FILE = "pruning_report.json";
    private static final String RECIPE = "perplexity = exp(mean of -ln p over every predicted token), float32; pieces do not overlap, the first token of a piece is not predicted; dense and pruned measured "
            + "one after the other on the same pieces";

    private final Task.Prune task;
    private final PruneSettings s;
    private final LoadedModel model;
    private final CalibrationTexts texts;
    private final SkippedTensors skipped;

    PruneReport(Task.Prune task, PruneSettings s, LoadedModel model, CalibrationTexts texts, SkippedTensors skipped) {
        this.task = task;
        this.s = s;
        this.model = model;
        this.texts = texts;
        this.skipped = skipped;
    }

    Outcome write(Path out, ArrayNode layers, PruneEnding.Sizes size, long bytes, ObjectNode allocation, PruneEnding.Story story, ArrayNode evaluations, ObjectNode speed,
                  ObjectNode loadBack, PruneEnding.Inside inside) throws IOException {
        ObjectNode n = Json.object().put("format", "vitrine-pruning").put("version", 1).put("model", model.checkpoint().name()).put("family", model.spec().family())
                .put("method", task.method().name()).put("output", story.output());
        n.set("task", task.toJson());
        if (texts != null) {
            n.set("calibration", texts.json());
            n.withObject("/calibration").put("propagation", s.propagation() == PruneSettings.Propagation.sequential ? "sequential" : "dense");
        }
        n.set("allocation", allocation);
        double gone = size.zeros() + size.removed();
        ObjectNode sizes = n.putObject("sparsity").put("prunable_weights", size.prunable()).put("zeros", size.zeros()).put("removed_parameters", size.removed())
                .put("of_prunable", size.prunable() == 0 ? 0 : gone / size.prunable()).put("parameters_before", size.parameters()).put("parameters", size.parameters() - size.removed())
                .put("of_all", gone / size.parameters()).put("bytes_before", model.checkpoint().fileBytes()).put("bytes", bytes);
        if (size.factorised() >= 0) {
            sizes.put("factorised_parameters", size.factorised()).put("factorised_of_prunable", size.prunable() == 0 ? 0 : (double) (size.parameters() - size.factorised()) / size.prunable());
        }
        n.put("note", story.note());
        if (speed != null) {
            n.set("speed", speed);
        }
        n.put("recipe", RECIPE);
        n.set("evaluations", evaluations);
        behaviour(evaluations, n);
        n.set("load_back", loadBack);
        put(n, "effective_rank", inside.ranks());
        put(n, "attention", inside.attention());
        put(n, "routing", inside.routing());
        n.set("layers", layers);
        for (JsonNode l : layers) {
            for (JsonNode m : l.path("matrices")) {
                if (m.path("untouched").asBoolean()) {
                    skipped.add(m.get("name").asText(), m.path("note").asText());
                }
            }
        }
        n.set("skipped", skipped.json());
        ObjectNode summary = summary(n);
        Files.write(out.resolve(FILE), Json.pretty(n).getBytes(StandardCharsets.UTF_8));
        Files.write(out.resolve("README.md"), card(n).getBytes(StandardCharsets.UTF_8));
        return new Outcome(summary, provenance(task, model.checkpoint().name()));
    }

    private static void put(ObjectNode to, String key, ObjectNode value) {
        if (value != null) {
            to.set(key, value);
        }
    }

    /// The figures of a part of the report that are single numbers.
    private static ObjectNode single(JsonNode part) {
        ObjectNode out = Json.object();
        part.properties().stream().filter(e -> e.getValue().isValueNode()).forEach(e -> out.set(e.getKey(), e.getValue()));
        return out;
    }

    public static Map<String, Provenance> provenance(Task.Prune task, String model) {
        Map<String, Provenance> from = new LinkedHashMap<>();
        if (task.method().masks()) {
            from.put("masks", Provenance.derived(model, "U8", "1 = kept, by " + task.method().name()));
        }
        from.put("perplexity", Provenance.derived("loss", "F64", "exp(loss)"));
        return from;
    }

    /// Where texts stand against others, how much more the loss of those rises: the last two evaluations are theirs.
    private void behaviour(ArrayNode evaluations, ObjectNode n) {
        if (s.against() == null) {
            return;
        }
        double wanted = rise(evaluations.get(evaluations.size() - 2));
        double other = rise(evaluations.get(evaluations.size() - 1));
        ObjectNode b = n.putObject("behaviour");
        Figures.put(b, "loss_rise", wanted);
        Figures.put(b, "loss_rise_against", other);
        Figures.put(b, "difference", other - wanted);
    }

    private static double rise(JsonNode evaluation) {
        return evaluation.at("/pruned/loss").asDouble(Double.NaN) - evaluation.at("/dense/loss").asDouble(Double.NaN);
    }

    private ObjectNode summary(ObjectNode n) {
        ObjectNode out = Json.object();
        for (String key : new String[] {"model", "family", "method", "output"}) {
            out.set(key, n.get(key));
        }
        out.put("result", "checkpoint");
        out.set("sparsity", n.get("sparsity"));
        if (n.has("speed")) {
            out.set("speed", n.get("speed"));
        }
        if (n.has("behaviour")) {
            out.set("behaviour", n.get("behaviour"));
        }
        for (String key : new String[] {"effective_rank", "attention", "routing"}) {
            if (n.has(key)) {
                out.set(key, single(n.get(key)));
            }
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
        row(t, "zero or gone, of the weights that could be pruned", String.format(Locale.ROOT, "%,d of %,d (%.2f %%)", sizes.path("zeros").asLong() + sizes.path("removed_parameters").asLong(), sizes.path("prunable_weights").asLong(),
                100 * sizes.path("of_prunable").asDouble()));
        row(t, "parameters, before and after", String.format(Locale.ROOT, "%,d, %,d", sizes.path("parameters_before").asLong(), sizes.path("parameters").asLong()));
        row(t, "zero or gone, of all parameters", String.format(Locale.ROOT, "%.2f %%", 100 * sizes.path("of_all").asDouble()));
        row(t, "bytes on disk, before and after", String.format(Locale.ROOT, "%,d, %,d", sizes.path("bytes_before").asLong(), sizes.path("bytes").asLong()));
        for (JsonNode e : n.get("evaluations")) {
            row(t, "perplexity of " + Visible.escape(e.path("name").asText()) + ", before and after", figure(e.at("/dense/perplexity")) + ", " + figure(e.at("/pruned/perplexity")));
        }
        JsonNode rank = n.path("effective_rank");
        row(t, "effective rank, mean of " + rank.path("matrices_compared").asInt() + " matrices, before and after", figure(rank.path("before")) + ", " + figure(rank.path("after")));
        JsonNode attention = n.path("attention");
        if (n.has("attention")) {
            row(t, "entropy of attention, nats, mean of " + attention.path("heads_compared").asInt() + " heads, before and after; how much of the weights moved", figure(attention.path("entropy_before")) + ", "
                    + figure(attention.path("entropy_after")) + "; " + figure(attention.path("total_variation")));
        }
        if (n.has("routing")) {
            row(t, "tokens whose experts are others than before", figure(n.at("/routing/changed_sets")));
        }
        if (n.has("behaviour")) {
            row(t, "rise of the loss of the calibration texts, and of those against", figure(n.at("/behaviour/loss_rise")) + ", " + figure(n.at("/behaviour/loss_rise_against")));
        }
        t.append("\nEvery figure, its recipe and what was left as it is: `").append(FILE).append("`.\n");
        if (Boolean.TRUE.equals(s.factorised()) && task.method() == PruneMethod.masa) {
            t.append("""

                    ## Loading the shared matrices

                    Stock transformers loads the checkpoint as it is. `factors.safetensors` holds, for a kind of matrix NAME (`*` stands for the layer), `NAME.atoms` [atoms, out, in], as the checkpoint stores them, and `NAME.coefficients` [layers, atoms]:
                    the matrix of layer l is the sum over the atoms of `coefficients[l, s] * atoms[s]`. `NAME.cosines` [layers, layers] tells how alike the layers were.
                    """);
        } else if (Boolean.TRUE.equals(s.factorised()) && task.method() == PruneMethod.dha) {
            t.append("""

                    ## Loading the fused heads

                    Stock transformers loads the checkpoint as it is. `factors.safetensors` holds every fused head once, under the names of the weights and biases, and `NAME.heads` [heads]: which of them each head of the model had become.
                    """);
        } else if (Boolean.TRUE.equals(s.factorised())) {
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
