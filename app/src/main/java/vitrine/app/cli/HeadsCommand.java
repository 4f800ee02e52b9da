package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.artifact.Artifact;
import vitrine.core.task.Task;

@Command(name = "heads", description = "Measures of every attention head over texts: entropy, distance, first-token mass, induction and more.", mixinStandardHelpOptions = true)
final class HeadsCommand extends TwoFilesCommand {

    @Parameters(paramLabel = "MODEL", description = "a checkpoint")
    Path model;

    @Mixin
    AdapterOptions adapters = new AdapterOptions();

    @Option(names = "--data", required = true, paramLabel = "FILE", description = "a text file or JSONL")
    Path data;

    @Option(names = "--sequence-length", paramLabel = "N", description = "cut texts to N tokens; default the model's own limit, at most 2,048")
    Integer length;

    @Override
    Task task() {
        return new Task.Heads(absolute(model), absolute(data), sequenceLength(length), adapters.uses());
    }

    @Override
    void finish(Artifact artifact, ObjectNode result, Output output) throws IOException {
        write(artifact, result, output);
        output.text(String.format(Locale.ROOT, "%s: %,d sequences, %,d tokens", result.path("model").asText(), result.path("sequences").asLong(), result.path("tokens").asLong()));
        output.text("layer head  entropy  distance  first token  previous  induction");
        JsonNode m = result.path("metrics");
        for (int l = 0; l < result.path("layers").asInt(); l++) {
            for (int h = 0; h < result.path("heads").asInt(); h++) {
                output.text(String.format(Locale.ROOT, "%5d %4d %8s %9s %12s %9s %10s", l, h, cell(m, "normalised_entropy", l, h), cell(m, "distance", l, h),
                        cell(m, "first_token_mass", l, h), cell(m, "previous_token", l, h), cell(m, "induction_score", l, h)));
            }
        }
    }

    private static String cell(JsonNode metrics, String name, int layer, int head) {
        return Words.figure(metrics.path(name).path(layer).path(head), "%.3f");
    }
}
