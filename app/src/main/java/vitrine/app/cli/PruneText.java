package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Locale;
import vitrine.core.refusal.Visible;

/// What a pruning run came to, for people.
final class PruneText {

    private PruneText() {}

    static void say(long run, ObjectNode r, Path at, Output output) {
        JsonNode size = r.get("sparsity");
        output.text(String.format(Locale.ROOT, "Run %d, %s: %s", run, r.path("method").asText(), r.path("output").asText()));
        long removed = size.path("removed_parameters").asLong();
        output.text(String.format(Locale.ROOT, "%-16s %,d of %,d weights that could be pruned, %.2f %%; of all parameters %.2f %%", removed == 0 ? "zeros" : size.path("zeros").asLong() == 0 ? "gone" : "gone or zero",
                size.path("zeros").asLong() + removed, size.path("prunable_weights").asLong(), 100 * size.path("of_prunable").asDouble(), 100 * size.path("of_all").asDouble()));
        if (size.path("factorised_parameters").asLong(Long.MAX_VALUE) < size.path("parameters").asLong()) {
            output.text(String.format(Locale.ROOT, "as thin matrices %,d parameters instead of %,d", size.path("factorised_parameters").asLong(), size.path("parameters").asLong()));
        }
        output.text(String.format(Locale.ROOT, "on disk          %s instead of %s", Words.bytes(size.path("bytes").asLong()), Words.bytes(size.path("bytes_before").asLong())));
        for (JsonNode e : r.path("evaluations")) {
            output.text(String.format(Locale.ROOT, "%-16s perplexity %s instead of %s over %,d tokens; KL %s nats; likeliest token the same in %.1f %%", Visible.name(e.path("name").asText()),
                    Words.figure(e.at("/pruned/perplexity"), "%.4g"), Words.figure(e.at("/dense/perplexity"), "%.4g"), e.path("predicted_tokens").asLong(), Words.figure(e.path("kl"), "%.4g"),
                    100 * e.path("top1_agreement").asDouble()));
            if (e.has("recovered")) {
                output.text(String.format(Locale.ROOT, "  after recovery perplexity %s; KL %s nats; likeliest token the same in %.1f %%%s", Words.figure(e.at("/recovered/perplexity"), "%.4g"),
                        Words.figure(e.at("/recovered/kl"), "%.4g"), 100 * e.at("/recovered/top1_agreement").asDouble(),
                        e.has("with_adapter") ? "; with the adapter beside it, zeros filled again, " + Words.figure(e.at("/with_adapter/perplexity"), "%.4g") : ""));
            }
        }
        if (r.has("speed")) {
            output.text(String.format(Locale.ROOT, "speed            %s tokens/s instead of %s", Words.figure(r.at("/speed/pruned_tokens_per_second"), "%,.0f"),
                    Words.figure(r.at("/speed/dense_tokens_per_second"), "%,.0f")));
        }
        JsonNode rank = r.path("effective_rank");
        if (rank.path("before").isNumber()) {
            output.text(String.format(Locale.ROOT, "effective rank   %s instead of %s, mean of %,d matrices%s", Words.figure(rank.path("after"), "%.2f"), Words.figure(rank.path("before"), "%.2f"),
                    rank.path("matrices_compared").asLong(), rank.path("accuracy").asText().equals("exact") ? "" : " of some layers"));
        }
        JsonNode attention = r.path("attention");
        if (attention.path("entropy_before").isNumber()) {
            output.text(String.format(Locale.ROOT, "attention        entropy %s nats instead of %s, mean of %,d heads; %s of the weights moved, over %,d tokens of %s", Words.figure(attention.path("entropy_after"), "%.3f"),
                    Words.figure(attention.path("entropy_before"), "%.3f"), attention.path("heads_compared").asLong(), percent(attention.path("total_variation")), attention.path("tokens").asLong(),
                    Visible.name(attention.path("text").asText())));
        }
        JsonNode routing = r.path("routing");
        if (routing.has("changed_sets")) {
            output.text(String.format(Locale.ROOT, "routing          %s of %,d tokens choose other experts; load entropy %s of even instead of %s", percent(routing.path("changed_sets")), routing.path("tokens").asLong(),
                    percent(routing.path("load_entropy_after")), percent(routing.path("load_entropy_before"))));
        }
        if (r.has("recovery")) {
            output.text(String.format(Locale.ROOT, "recovery         %s, %,d steps; kept: %s", r.at("/recovery/method").asText(), r.at("/recovery/steps").asLong(), r.at("/recovery/kept").asText()));
        }
        output.text("Wrote " + Visible.name(at.toString()) + ", a checkpoint; figures and what was left as it is: pruning_report.json");
    }

    private static String percent(JsonNode share) {
        return share.isNumber() ? String.format(Locale.ROOT, "%.1f %%", 100 * share.asDouble()) : "–";
    }
}
