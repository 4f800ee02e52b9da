package vitrine.app.schema;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.json.Json;
import vitrine.core.task.Task;
import vitrine.core.task.TaskAdapterBuilder;
import vitrine.core.task.TaskAdapterCutBuilder;
import vitrine.core.task.TaskCompareBuilder;
import vitrine.core.task.TaskConvertBuilder;

/// A real worker, spoken to over its streams: every line that goes in and comes out keeps to the schemas, and so do the artifacts.
@Timeout(180)
class WorkerLinesTest {

    private static final Path MODELS = Path.of("../model-core/src/test/resources/reference").toAbsolutePath().normalize();

    @TempDir
    Path folder;

    private Process worker;
    private OutputStream input;
    private final BlockingQueue<JsonNode> lines = new LinkedBlockingQueue<>();
    private final List<JsonNode> heard = new ArrayList<>();
    private long id;

    @BeforeEach
    void start() throws IOException {
        WorkerCommand command = WorkerCommand.embedded(1, 2L << 30);
        ProcessBuilder builder = new ProcessBuilder(command.command()).redirectError(folder.resolve("stderr").toFile());
        builder.environment().putAll(command.environment());
        worker = builder.start();
        input = worker.getOutputStream();
        BufferedReader out = new BufferedReader(new InputStreamReader(worker.getInputStream(), StandardCharsets.UTF_8));
        Thread.ofPlatform().daemon().start(() -> {
            try {
                for (String line = out.readLine(); line != null; line = out.readLine()) {
                    lines.add(Json.mapper().readTree(line));
                }
            } catch (IOException e) {
                lines.add(Json.object().put("event", "no event: " + e.getMessage()));
            }
        });
    }

    @AfterEach
    void end() throws InterruptedException {
        worker.destroyForcibly().waitFor();
    }

    private void send(ObjectNode request) throws IOException {
        Schemas.REQUEST.accepts(request);
        sendUnchecked(request);
    }

    private void sendUnchecked(ObjectNode request) throws IOException {
        input.write((Json.line(request) + "\n").getBytes(StandardCharsets.UTF_8));
        input.flush();
    }

    private ObjectNode request(Task task, Path artifact) {
        ObjectNode request = Json.object().put("request", "run").put("id", ++id).put("artifact", artifact.toString());
        request.set("task", task.toJson());
        return request;
    }

    /// The next line, whatever it is.
    private JsonNode next() throws InterruptedException {
        JsonNode line = lines.poll(60, TimeUnit.SECONDS);
        assertTrue(line != null, "the worker says nothing");
        Schemas.WORKER_EVENT.accepts(line);
        heard.add(line);
        return line;
    }

    /// Lines up to the one with this name.
    private JsonNode until(String event) throws InterruptedException {
        JsonNode line = next();
        while (!line.get("event").asText().equals(event)) {
            assertTrue(Set.of("hello", "heartbeat", "stage", "progress", "warning", "log", "metric").contains(line.get("event").asText()), () -> "instead of " + event + " came " + heard.getLast());
            line = next();
        }
        return line;
    }

    private JsonNode manifest(Path artifact) throws IOException {
        JsonNode manifest = Json.mapper().readTree(artifact.resolve("manifest.json").toFile());
        Schemas.MANIFEST.accepts(manifest);
        return manifest;
    }

    private Path text(String name, int lines) throws IOException {
        return Files.writeString(folder.resolve(name), "The lantern over the wall went out, and she lit it again.\n".repeat(lines));
    }

    @Test
    void everyLineOfALifeKeepsToTheSchema() throws Exception {
        JsonNode hello = next();
        assertEquals("hello", hello.get("event").asText(), "hello comes first");

        // One task of each kind.
        Path llama = MODELS.resolve("llama-gqa");
        List<Task> tasks = List.of(
                new Task.Capture(llama.toString(), Task.Prompt.ofText("The lantern over the wall"), List.of(Task.What.attentions, Task.What.loss, Task.What.metrics, Task.What.arank),
                        new Task.LayerRange(0, 1)),
                new Task.Heads(MODELS.resolve("bert").toString(), text("few.txt", 4).toString(), 32),
                new Task.Evaluate(llama.toString(), folder.resolve("few.txt").toString(), null),
                Task.Rank.of(llama.toString(), folder.resolve("few.txt").toString(), RankArtifact.Of.hidden),
                Task.Routing.of(MODELS.resolve("mixtral").toString(), List.of(new Task.Domain("few", folder.resolve("few.txt").toString())), List.of(1)),
                new Task.Finetune(llama.toString(), folder.resolve("few.txt").toString(), vitrine.core.task.FinetuneMethod.lora, folder.resolve("few.txt").toString(), null, null),
                TaskAdapterBuilder.builder().adapter(MODELS.resolve("lora-llama").toString()).model(llama.toString())
                        .data(List.of(new Task.Domain("few", folder.resolve("few.txt").toString()))).ranks(List.of(0)).gradients(true).build(),
                new Task.AdapterCompare(MODELS.resolve("lora-llama").toString(), MODELS.resolve("lora-patterns").toString()),
                TaskAdapterCutBuilder.builder().adapter(MODELS.resolve("lora-llama").toString()).rank(2).build(),
                new Task.AdapterMerge(llama.toString(), List.of(Task.AdapterUse.of(MODELS.resolve("lora-llama").toString()))),
                new Task.AdapterExtract(llama.toString(), folder.resolve("artifact-adapter-merge").toString(), 4, null),
                TaskCompareBuilder.builder().model(llama.toString()).other(folder.resolve("artifact-adapter-merge").toString())
                        .data(List.of(new Task.Domain("few", folder.resolve("few.txt").toString()))).prompt(Task.Prompt.ofText("The lantern over the wall"))
                        .spectra(vitrine.core.analysis.spectrum.Accuracy.fast).build(),
                new Task.Prune(llama.toString(), folder.resolve("few.txt").toString(), vitrine.core.task.PruneMethod.wanda, null, vitrine.core.task.PruneSettingsBuilder.builder().sparsity(0.5).build()),
                new Task.Preview(llama.toString(), folder.resolve("few.txt").toString(), 32),
                TaskConvertBuilder.builder().model(llama.toString()).how(Task.How.stack).times(2).build(),
                new Task.Statistics(llama.toString(), List.of("model.norm.weight"), 8),
                new Task.Spectrum(llama.toString(), null, null, List.of("*q_proj*"), vitrine.core.analysis.spectrum.Accuracy.exact, null));
        assertEquals(Set.of(Task.class.getPermittedSubclasses()), tasks.stream().map(Task::getClass).collect(Collectors.toSet()), "one of each kind");
        for (Task task : tasks) {
            Path artifact = folder.resolve("artifact-" + task.kind());
            send(request(task, artifact));
            JsonNode result = until("result");
            assertEquals(id, result.get("id").asLong());
            assertEquals(artifact.toString(), result.get("artifact").asText());
            JsonNode manifest = manifest(artifact);
            assertEquals(manifest.get("summary"), result.get("summary"));
            assertEquals(task.toJson(), manifest.get("task"));
        }

        // Inputs that cannot be used, and requests that make no sense.
        send(request(new Task.Evaluate("/no/such/model", "/no/such/text", null), folder.resolve("none")));
        assertEquals("not-found", until("error").get("category").asText());
        ObjectNode wrong = request(tasks.getLast(), folder.resolve("none"));
        wrong.putObject("task").put("kind", "anatomy");
        sendUnchecked(wrong);
        assertEquals("task-invalid", until("error").get("category").asText());
        ObjectNode nowhere = request(tasks.getLast(), folder.resolve("none"));
        nowhere.remove("artifact");
        sendUnchecked(nowhere);
        assertEquals("task-invalid", until("error").get("category").asText());
        input.write("this is no request\n[1]\n{\"request\":\"dance\"}\n".getBytes(StandardCharsets.UTF_8));

        // A place that cannot be written to.
        send(request(tasks.getLast(), folder.resolve("few.txt").resolve("below-a-file")));
        assertEquals(id, until("fault").get("id").asLong());

        // Giving up: a running task, and one that waits behind it.
        Task lengthy = new Task.Evaluate(llama.toString(), text("many.txt", 20_000).toString(), 64);
        send(request(lengthy, folder.resolve("given-up")));
        until("progress");
        send(request(lengthy, folder.resolve("never-begun")));
        send(Json.object().put("request", "cancel").put("id", id - 1));
        assertEquals(id - 1, until("cancelled").get("id").asLong());
        send(Json.object().put("request", "cancel").put("id", id));
        assertEquals(id, until("cancelled").get("id").asLong());
        try (var left = Files.list(folder)) {
            // A training run keeps its last saved steps and its ranks along them: it may be extended.
            assertEquals(Set.of("stderr", "few.txt", "many.txt", "steps", "ranks.jsonl", "artifact-capture", "artifact-heads", "artifact-eval", "artifact-rank", "artifact-routing", "artifact-finetune", "artifact-statistics", "artifact-spectrum",
                            "artifact-adapter", "artifact-adapter-compare", "artifact-adapter-cut", "artifact-adapter-merge", "artifact-adapter-extract", "artifact-compare", "artifact-prune", "artifact-convert", "artifact-preview"),
                    left.map(p -> p.getFileName().toString()).collect(Collectors.toSet()), "nothing half-made is left");
        }

        until("heartbeat");
        send(Json.object().put("request", "stop"));
        assertTrue(worker.waitFor(10, TimeUnit.SECONDS), "it stops when told");
        assertEquals(0, worker.exitValue());

        Set<String> names = heard.stream().map(e -> e.get("event").asText()).collect(Collectors.toCollection(HashSet::new));
        assertEquals(Set.of("hello", "heartbeat", "stage", "progress", "metric", "warning", "result", "error", "fault", "cancelled"), names, "every event that this worker has");
    }

    @Test
    void theEndOfTheInputEndsTheWorker() throws Exception {
        until("hello");
        send(request(new Task.Evaluate(MODELS.resolve("llama-gqa").toString(), text("many.txt", 20_000).toString(), 64), folder.resolve("orphan")));
        until("progress");
        input.close();
        assertTrue(worker.waitFor(10, TimeUnit.SECONDS), "no worker outlives the program that started it");
        assertTrue(Files.notExists(folder.resolve("orphan")));
    }
}
