package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Locale;
import vitrine.core.artifact.Artifact;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;

/// `vitrine prune --preview`: what runs would come to, before anything is written.
final class PrunePreviewCommand extends EngineCommand {

    private final Task.Preview task;

    PrunePreviewCommand(Task.Preview task, CommonOptions common) {
        this.task = task;
        this.common = common;
    }

    @Override
    Task task() {
        return task;
    }

    @Override
    void finish(Artifact artifact, ObjectNode r, Output output) throws IOException {
        if (common.out != null) {
            Results.json(r, common.out);
        }
        double dense = r.path("loss").asDouble(Double.NaN);
        output.text(String.format(Locale.ROOT, "%s as it is: loss %.4f, perplexity %.4g over %,d tokens; %,.0f tokens/s", Visible.escape(r.get("model").asText()), dense, Math.exp(dense),
                r.get("predicted_tokens").asLong(), r.get("tokens_per_second").asDouble()));
        output.text("Predicted by " + r.get("way").asText() + ". Nothing was written.");
        output.text(String.format(Locale.ROOT, "%18s  %14s  %14s  %12s  %10s  %10s  %12s", r.get("amount").asText(), "parameters", "bytes", "tokens/s", "error", "loss", "perplexity"));
        for (JsonNode p : r.get("points")) {
            JsonNode loss = p.path("loss");
            output.text(String.format(Locale.ROOT, "%18s  %,14d  %,14d  %,12.0f  %10s  %10s  %12s", amount(p.get("amount").asDouble()), p.get("parameters").asLong(), p.get("bytes").asLong(),
                    p.get("tokens_per_second").asDouble(), p.has("relative_output_error") ? String.format(Locale.ROOT, "%.4f", p.get("relative_output_error").asDouble()) : "-",
                    loss.isNumber() ? String.format(Locale.ROOT, "%.4f", loss.asDouble()) : "-", loss.isNumber() ? String.format(Locale.ROOT, "%.4g", Math.exp(loss.asDouble())) : "-"));
        }
    }

    private static String amount(double value) {
        return value == Math.rint(value) ? String.format(Locale.ROOT, "%.0f", value) : String.valueOf(value);
    }
}
