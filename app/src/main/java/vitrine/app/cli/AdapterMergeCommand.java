package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.task.Task;

@Command(name = "merge", description = "One or several adapters merged into their base, as a checkpoint.", mixinStandardHelpOptions = true)
final class AdapterMergeCommand extends FolderCommand {

    @Parameters(arity = "1..*", paramLabel = "ADAPTER[=WEIGHT]", description = "the adapter; with =WEIGHT all that it changes is multiplied by the number; several are added up")
    List<String> adapters;

    @Option(names = "--model", required = true, paramLabel = "BASE", description = "the checkpoint that it was made for")
    Path model;

    @Override
    Task task() {
        requireFolder();
        return new Task.AdapterMerge(absolute(model), adapters.stream().map(AdapterOptions::use).toList());
    }

    @Override
    void say(ObjectNode r, Output output) {
        output.text(String.format(Locale.ROOT, "%,d weights merged, %,d tensors replaced, of %,d%s", r.get("merged").asInt(), r.get("replaced").asInt(), r.get("tensors").asInt(),
                r.get("untied").asBoolean() ? "; embedding and head are parted" : ""));
    }
}
