package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.json.Json;

@Command(name = "engines", description = "The engines that can run tasks here.", mixinStandardHelpOptions = true)
final class EnginesCommand extends Subcommand {

    @Override
    int run(Output output) throws IOException {
        if (common.out != null) {
            Destination.of(common.out, List.of());
        }
        int cores = Runtime.getRuntime().availableProcessors();
        long memory = WorkerCommand.defaultMemoryBytes();
        ObjectNode result = Json.object();
        var engines = result.putArray("engines");
        engines.addObject().put("name", "embedded").put("available", true).put("device", "cpu").put("threads", cores).put("memory_limit_bytes", memory)
                .put("java", Runtime.version().toString()).put("dtype", "float32");
        engines.addObject().put("name", "pytorch").put("available", false).put("reason", "not part of this version");
        output.text(String.format(Locale.ROOT, "embedded  cpu, %d threads, up to %s of memory, float32, Java %s", cores, Words.memory(memory), Runtime.version()));
        output.text("pytorch   not part of this version");
        if (common.out != null) {
            Results.json(result, common.out);
        }
        output.result(result);
        return 0;
    }
}
