package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.analysis.evaluate.CachePolicy;
import vitrine.core.artifact.Artifact;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.task.TaskEvaluateBuilder;

@Command(name = "eval", description = {"Token-weighted loss and perplexity over texts.", "With --kv-keep also after a prompt whose key/value cache is cut; with --elastic also of smaller models within this one; with --lazy also where layers take over what others attend with; with --heterogeneity also how unevenly the weights of each matrix count."}, mixinStandardHelpOptions = true)
final class EvalCommand extends EngineCommand {

    @Parameters(paramLabel = "MODEL", description = "a checkpoint")
    Path model;

    @Option(names = "--data", required = true, paramLabel = "FILE", description = "a text file or JSONL")
    Path data;

    @Option(names = "--sequence-length", paramLabel = "N", description = "cut texts to N tokens; default the model's own limit, at most 2,048")
    Integer length;

    @Option(names = "--max-tokens", paramLabel = "N", description = "stop after N tokens; default all")
    Integer maxTokens;

    @Option(names = "--kv-keep", split = ",", paramLabel = "SHARE,...", description = "the loss after a prompt of which only this share of keys and values is kept: 0.5,0.2")
    List<Double> keep;

    @Option(names = "--kv-policy", split = ",", paramLabel = "NAME,...", description = "which are kept: nacl, h2o, window (four first tokens and the last), random; default all of these")
    List<String> policies;

    @Option(names = "--kv-prompt", paramLabel = "SHARE", description = "how much of each text is the prompt; default 0.5")
    Double prompt;

    @Option(names = "--seed", paramLabel = "N", description = "of what nacl and random draw; default 0")
    Long seed;

    @Option(names = "--elastic", description = "a grid of smaller models within this one: layers x experts x experts per token, each with its loss and parameters, and those that nothing is better than")
    boolean elastic;

    @Option(names = "--layers", split = ",", paramLabel = "N,...", description = "elastic: how many layers stay; default all, three quarters and half")
    List<Integer> layers;

    @Option(names = "--experts", split = ",", paramLabel = "N,...", description = "elastic: how many experts of a layer stay; default all, three quarters and half")
    List<Integer> experts;

    @Option(names = "--experts-per-token", split = ",", paramLabel = "K,...", description = "elastic: how many a token visits; default as many as it does, and one")
    List<Integer> perToken;

    @Option(names = "--calibration", paramLabel = "FILE", description = "elastic: texts by which layers and experts are ordered; default --data")
    Path calibration;

    @Option(names = "--lazy", split = ",", paramLabel = "NATS,...", description = "the loss where layers take over the queries, or the attention weights, of an earlier layer from which they diverge by no more than this: 0.05")
    List<Double> lazy;

    @Option(names = "--lazy-longest", paramLabel = "N", description = "lazy: how many layers in a row attend alike at most, the first among them; default 4")
    Integer lazyLongest;

    @Option(names = "--lazy-without-first", description = "lazy: compare layers without what goes to the first key")
    boolean lazyWithoutFirst;

    @Option(names = "--heterogeneity", description = "how much a few weights of each matrix count for more than the others: by squared gradients of the texts' losses, by magnitude, and by magnitude times what is read")
    boolean heterogeneity;

    @Option(names = "--against", paramLabel = "FILE", description = "heterogeneity: other texts; how many of the weights of most impact are the same")
    Path against;

    @Mixin
    OffOptions off = new OffOptions();

    @Mixin
    AdapterOptions adapters = new AdapterOptions();

    @Override
    Task task() {
        if (keep == null && (policies != null || prompt != null || seed != null)) {
            throw Refusal.of(Category.TASK_INVALID, null, "--kv-policy, --kv-prompt and --seed go with --kv-keep only");
        }
        if (!elastic && (layers != null || experts != null || perToken != null || calibration != null)) {
            throw Refusal.of(Category.TASK_INVALID, null, "--layers, --experts, --experts-per-token and --calibration go with --elastic only");
        }
        if (lazy == null && (lazyLongest != null || lazyWithoutFirst)) {
            throw Refusal.of(Category.TASK_INVALID, null, "--lazy-longest and --lazy-without-first go with --lazy only");
        }
        if (!heterogeneity && against != null) {
            throw Refusal.of(Category.TASK_INVALID, null, "--against goes with --heterogeneity only");
        }
        Task.CacheBudget cache = keep == null ? null : new Task.CacheBudget(keep,
                policies == null ? null : policies.stream().map(p -> FinetuneCommand.choice("--kv-policy", p, CachePolicy.class)).toList(), prompt, seed);
        Task.Elastic grid = elastic ? new Task.Elastic(layers, experts, perToken, calibration == null ? null : absolute(calibration)) : null;
        return TaskEvaluateBuilder.builder().model(absolute(model)).data(absolute(data)).maxLength(sequenceLength(length)).adapters(adapters.uses()).cache(cache)
                .elastic(grid).maxTokens(maxTokens).off(off.off()).lazy(lazy == null ? null : new Task.Lazy(lazy, lazyLongest, lazyWithoutFirst ? true : null))
                .heterogeneity(heterogeneity ? new Task.Impact(against == null ? null : absolute(against)) : null).build();
    }

    @Override
    void finish(Artifact artifact, ObjectNode result, Output output) throws IOException {
        if (common.out != null) {
            Results.json(result, common.out);
        }
        line(output, "all", result);
        result.path("labels").properties().forEach(e -> line(output, Visible.name(e.getKey()), (ObjectNode) e.getValue()));
        if (result.has("cache")) {
            cache(output, result.get("cache"));
        }
        if (result.has("elastic")) {
            grid(output, result.get("elastic"));
        }
        if (result.has("lazy")) {
            lazy(output, result.get("lazy"));
        }
        if (result.has("heterogeneity")) {
            heterogeneity(output, result.get("heterogeneity"));
        }
    }

    private static void cache(Output output, JsonNode c) {
        output.text(String.format(Locale.ROOT, "after the prompt, all keys: perplexity %s, %,d tokens", Words.figure(c.path("perplexity"), "%.4g"), c.path("predicted_tokens").asLong()));
        for (JsonNode r : c.path("budgets")) {
            output.text(String.format(Locale.ROOT, "  %-8s %5.1f %% of the keys kept: perplexity %s, %s %%", r.path("policy").asText(), 100 * r.path("kept_share").asDouble(),
                    Words.figure(r.path("perplexity"), "%.4g"), Words.figure(r.path("perplexity_change_percent"), "%+.2f")));
        }
    }

    private static void heterogeneity(Output output, JsonNode of) {
        boolean both = of.has("sequences_against");
        output.text(String.format(Locale.ROOT, "%12s  %12s  %12s%s  matrix: mean of the largest hundredth over the largest other", "by impact", "magnitude", "activation", both ? "  same cherries" : ""));
        for (JsonNode m : of.path("matrices")) {
            output.text(String.format(Locale.ROOT, "%12s  %12s  %12s%s  %s", Words.figure(m.path("impact"), "%.4g"), Words.figure(m.path("magnitude"), "%.4g"), Words.figure(m.path("activation"), "%.4g"),
                    both ? String.format(Locale.ROOT, "  %11.1f %%", 100 * m.path("cherry_overlap").asDouble()) : "", Visible.escape(m.path("name").asText())));
        }
    }

    private static void lazy(Output output, JsonNode lazy) {
        for (JsonNode t : lazy.path("thresholds")) {
            output.text(String.format(Locale.ROOT, "up to %s nats: %d of %d layers attend as an earlier one", t.path("threshold").asText(), t.path("lazy_layers").asInt(), t.path("anchors").size()));
            for (String what : List.of("queries", "attention")) {
                JsonNode r = t.path(what);
                output.text(String.format(Locale.ROOT, "  %-9s taken over: perplexity %s, %s %%  KL %s  same next token %.1f %%%s", what, Words.figure(r.path("perplexity"), "%.4g"), Words.figure(r.path("perplexity_change_percent"), "%+.2f"),
                        Words.figure(r.path("kl"), "%.4f"), 100 * r.path("top1_agreement").asDouble(), what.equals("attention") ? String.format(Locale.ROOT, "  %.1f %% of the cache spared", 100 * t.path("spared_cache").asDouble()) : ""));
            }
            StringBuilder anchors = new StringBuilder("  layers attend as");
            t.path("anchors").forEach(a -> anchors.append(' ').append(a.asInt()));
            output.text(anchors.toString());
        }
    }

    private void grid(Output output, JsonNode grid) {
        output.text("layers  experts  a token     perplexity        parameters            active");
        for (JsonNode c : grid.path("cells")) {
            output.text(String.format(Locale.ROOT, "%6d  %7s  %7s  %13s  %,16d  %,16d%s", c.path("layers").asInt(), c.has("experts") ? c.get("experts").asText() : "–",
                    c.has("experts") ? c.get("experts_per_token").asText() : "–", Words.figure(c.path("perplexity"), "%.4g"), c.path("parameters").asLong(), c.path("active_parameters").asLong(),
                    c.path("pareto_active").asBoolean() ? "  on the front" : ""));
            if (c.path("pareto_active").asBoolean() && !c.path("prune").isEmpty()) {
                output.text("        " + command(c.get("prune")));
            }
        }
    }

    /// What writes a cell as a checkpoint.
    private String command(JsonNode prune) {
        StringBuilder t = new StringBuilder("vitrine prune --method explicit --model ").append(Visible.name(model.toString()));
        list(t, " --drop-layers ", prune.at("/drop/layers"));
        list(t, " --drop-experts ", prune.at("/drop/experts"));
        if (prune.has("expertsPerToken")) {
            t.append(" --experts-per-token ").append(prune.get("expertsPerToken").asInt());
        }
        return t.append(" --out DIR").toString();
    }

    private static void list(StringBuilder t, String option, JsonNode of) {
        String sign = option;
        for (JsonNode n : of) {
            t.append(sign).append(n.asText());
            sign = ",";
        }
    }

    private static void line(Output output, String label, ObjectNode r) {
        output.text(String.format(Locale.ROOT, "%-16s perplexity %s  loss %s nats  %,d tokens  %,d sequences", label,
                Words.figure(r.path("perplexity"), "%.4g"), Words.figure(r.path("loss"), "%.4f"),
                r.path("predicted_tokens").asLong(), r.path("sequences").asLong()));
    }
}
