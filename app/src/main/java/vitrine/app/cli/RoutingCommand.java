package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskRoutingBuilder;

@Command(name = "routing", description = "Which experts the tokens of texts visit, how evenly and how surely, and the loss with more or fewer experts per token.",
        mixinStandardHelpOptions = true)
final class RoutingCommand extends TwoFilesCommand {

    @Parameters(paramLabel = "MODEL", description = "a checkpoint with experts")
    Path model;

    @Mixin
    AdapterOptions adapters = new AdapterOptions();

    @Option(names = "--data", required = true, paramLabel = "NAME=FILE", description = "a text file or JSONL and the name of its domain; may be given several times. "
            + "Without NAME= the file's own name is taken; a line's label wins over both")
    List<String> data;

    @Option(names = "--sequence-length", paramLabel = "N", description = "cut texts to N tokens; default the model's own limit, at most 2,048")
    Integer length;

    @Option(names = "--max-tokens", paramLabel = "N", description = "stop after N tokens of each text; default all")
    Integer maxTokens;

    @Option(names = "--experts-per-token", split = ",", paramLabel = "K", description = "also the loss with K experts per token, in every layer; several as 1,2,4")
    List<Integer> expertsPerToken;

    @Option(names = "--similarity", description = "compare the experts of each layer: by weights, by what they write, by what they make of the same tokens; takes a while")
    boolean similarity;

    @Option(names = "--against", paramLabel = "OTHER", description = "let the same tokens pass another checkpoint, such as a later step or a fine-tuned form, and tell how many routes "
            + "are the same; may be given several times")
    List<Path> against;

    @Option(names = "--experts-per-token-at", split = ",", paramLabel = "LAYER=K", description = "what if: K experts per token in one layer; several as 0=4,3=1")
    List<String> at;

    @Option(names = "--mask", split = ",", paramLabel = "LAYER:EXPERT", description = "what if: no token may choose this expert; several as 2:3,2:4")
    List<String> mask;

    @Option(names = "--silence", split = ",", paramLabel = "LAYER:EXPERT", description = "what if: this expert adds nothing, and tokens that choose it choose no other; several as 2:3,2:4")
    List<String> silence;

    @Option(names = "--force", paramLabel = "LAYER:TOKEN=E[,E]", description = "what if: a token (its number among all, from 0) visits these experts, and the router chooses the rest; may be given "
            + "several times")
    List<String> force;

    @Option(names = "--swap", paramLabel = "LAYER:A,B", description = "what if: two experts see each other's tokens; may be given several times")
    List<String> swap;

    @Override
    Task task() {
        return TaskRoutingBuilder.builder().model(absolute(model)).data(data.stream().map(RoutingCommand::domain).toList()).maxLength(sequenceLength(length))
                .maxTokens(maxTokens).expertsPerToken(expertsPerToken).similarity(similarity ? true : null)
                .against(against == null ? null : against.stream().map(EngineCommand::absolute).toList()).expertsPerTokenAt(RouteOptions.layerCounts(at))
                .mask(RouteOptions.masks(mask, silence)).force(RouteOptions.forces(force)).swap(RouteOptions.swaps(swap)).adapters(adapters.uses()).build();
    }

    /// `NAME=FILE`, or a file whose own name is the domain's. A file whose name holds a `=` is written with a name before it.
    static Task.Domain domain(String written) {
        int sign = written.indexOf('=');
        if (sign == 0) {
            throw Refusal.of(Category.TASK_INVALID, null, "--data %s: a name belongs before the =", written);
        }
        Path file = Path.of(written.substring(sign + 1));
        if (sign > 0) {
            return new Task.Domain(written.substring(0, sign), absolute(file));
        }
        Path last = file.getFileName();
        String name = last == null ? written : last.toString();
        int dot = name.lastIndexOf('.');
        return new Task.Domain(dot > 0 ? name.substring(0, dot) : name, absolute(file));
    }

    @Override
    void finish(Artifact artifact, ObjectNode result, Output output) throws IOException {
        write(artifact, result, output);
        RoutingText.write(RoutingArtifact.of(artifact), output);
    }
}
