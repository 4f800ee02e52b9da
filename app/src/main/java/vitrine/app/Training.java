package vitrine.app;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import javafx.application.Platform;
import vitrine.app.cli.CommandLineTool;
import vitrine.app.program.Folders;
import vitrine.app.showcase.Showcase;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.task.Task;
import vitrine.core.task.TaskRankBuilder;

/// Runs through what users do, so that the JVM can write down what it loaded, linked and profiled: the AOT caches of the
/// installed program, which halve its start.
///
/// The build runs the finished command once with `-XX:AOTCacheOutput=lib/vitrine.aot` and [#PROPERTY] set to a small checkpoint
/// (`src/build/AotCaches.java`). The command line's main class and the worker's have a cache each. Whatever fails here ends the
/// training: a cache of half a run would only look like one.
final class Training {

    /// A small checkpoint to train on; set only while the caches are made.
    static final String PROPERTY = "vitrine.train";
    private static final int MINUTES = 3;

    private final Path checkpoint;
    private final Path scratch;

    private Training(Path checkpoint, Path scratch) {
        this.checkpoint = checkpoint;
        this.scratch = scratch;
    }

    /// Trains the worker in a process of its own, then this process, which goes on to its normal end.
    static void run(Path checkpoint) throws IOException {
        Path scratch = Files.createTempDirectory("vitrine-train-");
        System.setProperty("vitrine.home", scratch.resolve("home").toString());
        Logging.start(Folders.locate());
        try {
            Training t = new Training(checkpoint.toAbsolutePath(), scratch);
            t.worker(Path.of(System.getProperty(WorkerCommand.AOT_PROPERTY)));
            t.commandLine();
            Showcase.draw(Folders.locate(), List.of());
            // The toolkit must end, or the JVM never writes its cache.
            Platform.exit();
        } finally {
            Whole.delete(scratch);
        }
    }

    private void worker(Path cache) throws IOException {
        WorkerCommand worker = WorkerCommand.embedded(Runtime.getRuntime().availableProcessors(), WorkerCommand.defaultMemoryBytes());
        List<String> command = new ArrayList<>(worker.command());
        command.add(1, "-XX:AOTCacheOutput=" + cache);
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(scratch.resolve("worker.txt").toFile());
        builder.environment().putAll(worker.environment());
        Process process = builder.start();
        List<Task> tasks = tasks();
        try (OutputStream requests = process.getOutputStream()) {
            int id = 0;
            for (Task task : tasks) {
                ObjectNode run = Json.object().put("request", "run").put("id", ++id).put("artifact", scratch.resolve("artifact-" + id).toString());
                run.set("task", task.toJson());
                send(requests, run);
            }
            send(requests, Json.object().put("request", "stop"));
        }
        int status = await(process);
        String said = Files.readString(scratch.resolve("worker.txt"));
        if (status != 0 || !Files.exists(cache)) {
            throw new IllegalStateException("the worker's training ended with " + status + ": " + said);
        }
        if (!Files.exists(scratch.resolve("artifact-" + tasks.size()))) {
            throw new IllegalStateException("the worker's training made no result: " + said);
        }
    }

    private static int await(Process process) {
        try {
            if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
                process.destroyForcibly();
                throw new IllegalStateException("the worker's training did not end within " + MINUTES + " minutes");
            }
            return process.exitValue();
        } catch (InterruptedException e) {
            process.destroyForcibly();
            throw new IllegalStateException(e);
        }
    }

    private static void send(OutputStream requests, ObjectNode request) throws IOException {
        requests.write((Json.line(request) + "\n").getBytes(StandardCharsets.UTF_8));
    }

    /// What the window and `capture` ask for, with text and with ids, and what the other views begin with.
    private List<Task> tasks() throws IOException {
        String text = Files.writeString(scratch.resolve("text.txt"), "Once there was a small cat. The cat had a red ball.\n".repeat(8)).toString();
        List<Integer> ids = IntStream.range(0, 96).map(i -> 3 + i * 7 % 300).boxed().toList();
        List<Task.What> window = List.of(Task.What.attentions, Task.What.metrics, Task.What.thumbnails, Task.What.similarity, Task.What.arank);
        List<Task.What> all = List.of(Task.What.attentions, Task.What.hidden_states, Task.What.logits, Task.What.kv, Task.What.loss, Task.What.blocks);
        return List.of(new Task.Capture(checkpoint.toString(), Task.Prompt.ofText("Once there was a small cat."), window, null),
                new Task.Capture(checkpoint.toString(), Task.Prompt.ofIds(ids), List.of(Task.What.attentions), null),
                new Task.Capture(checkpoint.toString(), Task.Prompt.ofIds(ids), all, null),
                new Task.Spectrum(checkpoint.toString(), null, null, null, Accuracy.fast, null),
                new Task.Spectrum(checkpoint.toString(), null, null, null, Accuracy.exact, null),
                new Task.Evaluate(checkpoint.toString(), text, null),
                TaskRankBuilder.builder().model(checkpoint.toString()).data(text).of(RankArtifact.Of.kv).build());
    }

    private void commandLine() throws IOException {
        Path ids = scratch.resolve("ids.json");
        Files.writeString(ids, "[5, 6, 7, 8]");
        command("open", checkpoint.toString());
        command("open", checkpoint.toString(), "--json");
        command("capture", checkpoint.toString(), "--ids", ids.toString(), "--json", "--out", scratch.resolve("out.safetensors").toString());
        command("spectrum", checkpoint.toString(), "--accuracy", "fast", "--out", scratch.resolve("spectra").toString());
        command("engines");
    }

    private static void command(String... arguments) {
        PrintWriter nowhere = new PrintWriter(OutputStream.nullOutputStream());
        int status = CommandLineTool.run(arguments, nowhere, nowhere);
        if (status != 0) {
            throw new IllegalStateException("the training of vitrine " + String.join(" ", arguments) + " ended with " + status);
        }
    }
}
