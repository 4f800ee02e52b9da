package vitrine.app.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.app.program.Folders;
import vitrine.app.services.Services;
import vitrine.app.picture.Snapshot;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.chart.Theme;
import vitrine.views.view.ViewKind;

@Command(name = "snapshot", description = "Draws a view of a result without a display, as PNG or SVG.", mixinStandardHelpOptions = true)
final class SnapshotCommand extends Subcommand {

    private static final int SMALLEST = 320;
    private static final int LARGEST = 8192;

    @Parameters(index = "0", paramLabel = "VIEW", description = "anatomy, attention, routing, rank, lora, runs or compare")
    String view;

    @Parameters(index = "1", paramLabel = "ARTIFACT", description = "an artifact's folder or what a command wrote to --out; for anatomy, routing and rank also a checkpoint, for lora an adapter, "
            + "for runs the number of a run")
    Path artifact;

    @Option(names = "--theme", paramLabel = "NAME", description = "light (default) or dark")
    String theme = "light";

    @Option(names = "--size", paramLabel = "WxH", description = "of the view in logical pixels; default 1200x900")
    String size = "1200x900";

    @Option(names = "--scale", paramLabel = "N", description = "pixels per logical pixel of a PNG: 1, 2 (default) or 4")
    int scale = 2;

    @Option(names = "--head", paramLabel = "L.H", description = "attention: the head to show large, such as 2.4")
    String head;

    @Option(names = "--model", paramLabel = "BASE", description = "lora: the checkpoint that the adapter was made for")
    Path model;

    @Option(names = "--data", paramLabel = "NAME=FILE", description = "routing of a checkpoint, or lora with --model: a text to measure over and the name of its domain; may be given several times")
    List<String> data = List.of();

    @Override
    int run(Output output) throws IOException {
        Path out = common.out == null ? Path.of(view.toLowerCase(Locale.ROOT) + ".png") : common.out;
        Snapshot snapshot = snapshot(out);
        ArtifactStore store = new ArtifactStore(Folders.locate().artifacts(), Services.STORE_BYTES);
        try (EmbeddedEngine engine = new EmbeddedEngine(store, WorkerCommand.embedded(common.threadCount(), vitrine.app.engines.Engines.preferences().memoryBytes()))) {
            snapshot.draw(out, engine);
        }
        output.text("Wrote " + out);
        output.result(Json.object().put("view", view.toLowerCase(Locale.ROOT)).put("out", out.toString()).put("bytes", Files.size(out)));
        return 0;
    }

    private Snapshot snapshot(Path out) {
        ViewKind kind = Arrays.stream(ViewKind.values()).filter(k -> k.name().equalsIgnoreCase(view)).findFirst()
                .orElseThrow(() -> Refusal.of(Category.TASK_INVALID, null, "the view %s is unknown; views are %s", view,
                        Arrays.stream(ViewKind.values()).map(k -> k.name().toLowerCase(Locale.ROOT)).collect(Collectors.joining(", "))));
        if (kind == ViewKind.RUNS && artifact.toString().matches("\\d{1,9}")) {
            artifact = Folders.locate().runs().resolve(artifact.toString());
        }
        if (!Files.exists(artifact)) {
            throw Refusal.of(Category.NOT_FOUND, artifact, "there is no such file or folder");
        }
        String name = out.getFileName().toString().toLowerCase(Locale.ROOT);
        if (!name.endsWith(".png") && !name.endsWith(".svg")) {
            throw Refusal.of(Category.TASK_INVALID, out, "a snapshot is a .png or an .svg file");
        }
        if (!theme.equals("light") && !theme.equals("dark")) {
            throw Refusal.of(Category.TASK_INVALID, null, "--theme %s: light or dark belongs here", theme);
        }
        if (scale != 1 && scale != 2 && scale != 4) {
            throw Refusal.of(Category.TASK_INVALID, null, "--scale %d: 1, 2 or 4 belongs here", scale);
        }
        double[] wh = parsedSize();
        if (kind != ViewKind.LORA && model != null) {
            throw Refusal.of(Category.TASK_INVALID, null, "--model goes with lora only");
        }
        if (kind != ViewKind.LORA && kind != ViewKind.ROUTING && !data.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, null, "--data goes with routing and lora only");
        }
        if (kind == ViewKind.LORA && model == null && !data.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, null, "--data needs --model: losses are the base's with the adapter");
        }
        List<Task.Domain> texts = data.stream().map(RoutingCommand::domain).toList();
        List<Path> read = new ArrayList<>(texts.stream().map(d -> Path.of(d.file())).toList());
        if (model != null) {
            read.add(model);
        }
        for (Path file : read) {
            if (!Files.exists(file)) {
                throw Refusal.of(Category.NOT_FOUND, file, "there is no such file or folder");
            }
        }
        return new Snapshot(kind, artifact.toAbsolutePath().normalize(), parsedHead(), model == null ? null : model.toAbsolutePath().normalize(), texts, wh[0], wh[1],
                Theme.valueOf(theme.toUpperCase(Locale.ROOT)), scale);
    }

    private double[] parsedSize() {
        if (!size.matches("\\d{3,4}x\\d{3,4}")) {
            throw Refusal.of(Category.TASK_INVALID, null, "--size %s: a size such as 1200x900 belongs here", size);
        }
        double[] wh = Arrays.stream(size.split("x")).mapToDouble(Double::parseDouble).toArray();
        for (double side : wh) {
            if (side < SMALLEST || side > LARGEST) {
                throw Refusal.of(Category.TASK_INVALID, null, "--size %s: each side has %d to %,d pixels", size, SMALLEST, LARGEST);
            }
        }
        return wh;
    }

    private HeadId parsedHead() {
        if (head == null) {
            return null;
        }
        if (!head.matches("\\d{1,5}\\.\\d{1,5}")) {
            throw Refusal.of(Category.TASK_INVALID, null, "--head %s: a layer and a head such as 2.4 belong here", head);
        }
        String[] parts = head.split("\\.");
        return new HeadId(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]));
    }
}
