package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.artifact.Artifact;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;

@Command(name = "eval", description = "Token-weighted loss and perplexity over texts.", mixinStandardHelpOptions = true)
final class EvalCommand extends EngineCommand {

    @Parameters(paramLabel = "MODEL", description = "a checkpoint")
    Path model;

    @Option(names = "--data", required = true, paramLabel = "FILE", description = "a text file or JSONL")
    Path data;

    @Option(names = "--sequence-length", paramLabel = "N", description = "cut texts to N tokens; default the model's own limit, at most 2,048")
    Integer length;

    @Mixin
    AdapterOptions adapters = new AdapterOptions();

    @Override
    Task task() {
        return new Task.Evaluate(absolute(model), absolute(data), sequenceLength(length), adapters.uses());
    }

    @Override
    void finish(Artifact artifact, ObjectNode result, Output output) throws IOException {
        if (common.out != null) {
            Results.json(result, common.out);
        }
        line(output, "all", result);
        result.path("labels").properties().forEach(e -> line(output, Visible.name(e.getKey()), (ObjectNode) e.getValue()));
    }

    private static void line(Output output, String label, ObjectNode r) {
        output.text(String.format(Locale.ROOT, "%-16s perplexity %s  loss %s nats  %,d tokens  %,d sequences", label,
                Words.figure(r.path("perplexity"), "%.4g"), Words.figure(r.path("loss"), "%.4f"),
                r.path("predicted_tokens").asLong(), r.path("sequences").asLong()));
    }
}
