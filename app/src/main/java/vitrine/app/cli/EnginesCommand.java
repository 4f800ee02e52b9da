package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import vitrine.app.engines.Engines;
import vitrine.core.engine.EngineEvent;
import vitrine.core.engine.PythonEngine;
import vitrine.core.engine.PythonEnvironment;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.engine.Pythons;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;

@Command(name = "engines", description = {"The engines that can run tasks here, with the Pythons that were found and their devices.",
    "Nothing but --make-environment uses the network."}, mixinStandardHelpOptions = true)
final class EnginesCommand extends Subcommand {

    private static final String UNIT = "packages";

    @Option(names = "--make-environment", description = "make a Python environment of Vitrine's own with torch, transformers and peft: pip installs them from the index that it is configured with")
    boolean make;

    @Option(names = "--quick", description = "do not load torch: no devices, but an answer at once")
    boolean quick;

    @Option(names = "--yes", description = "make it without asking")
    boolean yes;

    @Override
    int run(Output output) throws IOException {
        if (common.out != null) {
            Destination.of(common.out, List.of());
        }
        if (make) {
            makeEnvironment(output);
        }
        int cores = common.threadCount();
        long memory = Engines.preferences().memoryBytes();
        ObjectNode result = Json.object();
        var engines = result.putArray("engines");
        engines.addObject().put("name", "embedded").put("available", true).put("device", "cpu").put("threads", cores).put("memory_limit_bytes", memory)
                .put("java", Runtime.version().toString()).put("dtype", "float32");
        output.text(String.format(Locale.ROOT, "embedded  cpu, %d threads, up to %s of memory, float32, Java %s", cores, Words.memory(memory), Runtime.version()));
        List<PythonInstallation> pythons = Engines.pythons().all(!quick);
        pytorch(pythons, engines.addObject().put("name", PythonEngine.NAME), cores, output);
        if (common.out != null) {
            Results.json(result, common.out);
        }
        output.result(result);
        return 0;
    }

    private static void pytorch(List<PythonInstallation> pythons, ObjectNode engine, int cores, Output output) {
        PythonInstallation used = Pythons.chosen(pythons).orElse(null);
        if (used != null && used.usable()) {
            String device = used.devices().stream().filter(d -> d.memoryBytes() > 0).findFirst().map(PythonInstallation.Device::name).orElse(used.devices().isEmpty() ? "auto" : "cpu");
            engine.put("available", true).put("device", device).put("threads", cores).put("version", PythonEngine.VERSION).put("python", used.executable().toString())
                    .put("dtype", "float32, bfloat16");
            output.text("pytorch   " + used.versions() + used.devices().stream().map(d -> ", " + words(d)).collect(Collectors.joining()));
        } else {
            String reason = Pythons.lack(pythons).orElseThrow();
            engine.put("available", false).put("reason", reason);
            output.text("pytorch   not available: " + reason + ". vitrine engines --make-environment makes a Python environment for it.");
        }
        ArrayNode list = engine.putArray("pythons");
        for (PythonInstallation p : pythons) {
            ObjectNode n = list.addObject().put("executable", p.executable().toString()).put("origin", p.origin()).put("usable", p.usable());
            if (!p.version().isEmpty()) {
                n.put("version", p.version());
            }
            p.packages().forEach(n.putObject("packages")::put);
            ArrayNode devices = n.putArray("devices");
            for (PythonInstallation.Device d : p.devices()) {
                ObjectNode device = devices.addObject().put("name", d.name()).put("description", d.description());
                if (d.memoryBytes() > 0) {
                    device.put("memory_bytes", d.memoryBytes()).put("free_bytes", d.freeBytes());
                }
            }
            if (!p.usable()) {
                n.put("problem", p.problem());
            }
            output.text(String.format("%s %s (%s): Python %s, %s", p == used ? "        >" : "         ", Visible.name(p.executable().toString()), p.origin(),
                    p.version().isEmpty() ? "unknown" : p.version(), p.usable() ? p.versions() : p.problem()));
        }
    }

    private static String words(PythonInstallation.Device d) {
        return d.memoryBytes() == 0 ? d.name() : d.name() + " " + d.description() + " with " + Words.memory(d.memoryBytes());
    }

    private void makeEnvironment(Output output) throws IOException {
        Path folder = Engines.environment();
        Path base = Engines.pythons().all(false).stream().filter(p -> !p.executable().startsWith(folder) && recent(p.version())).map(PythonInstallation::executable).findFirst()
                .orElseThrow(() -> Refusal.of(Category.TASK_INVALID, null, "an environment is made with a Python from 3.10 on, and none was found").help("Install Python first."));
        String what = String.format("pip will fetch %s and what they need, several GB, and install them into %s.", String.join(", ", PythonEnvironment.PACKAGES), Visible.name(folder.toString()));
        if (!yes) {
            if (System.console() == null || common.json) {
                throw Refusal.of(Category.TASK_INVALID, null, "%s", what + " Nobody is here to be asked").help("Say --yes.");
            }
            String answer = System.console().readLine("%s Go on? [y/N] ", what);
            if (answer == null || !answer.strip().toLowerCase(Locale.ROOT).startsWith("y")) {
                throw Refusal.of(Category.TASK_INVALID, null, "no environment was made");
            }
        }
        long[] seen = {0};
        PythonEnvironment.make(base, folder, line -> {
            if (line.startsWith("Collecting ")) {
                output.event(new EngineEvent.Progress(++seen[0], 0, UNIT));
            }
            if (line.startsWith("Collecting ") || line.startsWith("Installing ")) {
                output.text(line.length() > 120 ? line.substring(0, 119) + "…" : line);
            }
        });
        output.text("Made " + Visible.name(folder.toString()));
    }

    private static boolean recent(String version) {
        String[] parts = version.split("\\.");
        return parts.length > 1 && parts[0].equals("3") && parts[1].matches("\\d{1,3}") && Integer.parseInt(parts[1]) >= 10;
    }
}
