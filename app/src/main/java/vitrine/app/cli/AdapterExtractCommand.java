package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.task.Task;

@Command(name = "extract", description = "A LoRA adapter from a fine-tuned checkpoint: of each linear layer's change the best of a rank, as a PEFT folder.", mixinStandardHelpOptions = true)
final class AdapterExtractCommand extends FolderCommand {

    @Parameters(index = "0", paramLabel = "BASE", description = "the checkpoint before")
    Path base;

    @Parameters(index = "1", paramLabel = "TUNED", description = "the checkpoint after")
    Path tuned;

    @Option(names = "--rank", required = true, paramLabel = "R", description = "ranks of each module, at most")
    int rank;

    @Option(names = "--tensors", split = ",", paramLabel = "GLOB", description = "only weights whose name matches; * any characters, ? one")
    List<String> tensors;

    @Override
    Task task() {
        requireFolder();
        return new Task.AdapterExtract(absolute(base), absolute(tuned), rank, tensors);
    }

    @Override
    void say(ObjectNode r, Output output) {
        output.text(String.format(Locale.ROOT, "%,d modules, %,d parameters, %s of the change's squared norm, relative error %s", r.get("modules").asInt(), r.get("parameters").asLong(),
                Words.figure(r.get("energy"), "%.4f"), Words.figure(r.get("relative_error"), "%.4g")));
    }
}
