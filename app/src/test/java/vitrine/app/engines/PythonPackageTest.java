package vitrine.app.engines;

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
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import vitrine.app.schema.Schemas;
import vitrine.core.engine.PythonEngine;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.json.Json;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.FinetuneSettings;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSupport;
import vitrine.core.task.TrainingSupport;
import vitrine.core.train.method.FirstFactors;
import vitrine.resources.PythonPackage;

/// The Python package as the program carries it.
@Timeout(180)
class PythonPackageTest {

    private static final Path MODELS = Path.of("../model-core/src/test/resources/reference").toAbsolutePath().normalize();

    /// The package lies in a folder or in a jar, as the program was built; its sources lie here.
    private static final Path SOURCES = Path.of("../resources/src/main/resources/vitrine/python/vitrine_engine");

    @TempDir
    Path folder;

    @Test
    void saysTheVersionThatTheProgramExpects() throws IOException {
        String init = Files.readString(SOURCES.resolve("__init__.py"));
        assertTrue(init.contains("VERSION = \"" + PythonEngine.VERSION + "\""), "the version stands in two places");
    }

    /// What the window does not grey out is what the package has: methods, first values, optimisers.
    @Test
    void trainsByWhatTheProgramSays() throws IOException {
        assertEquals(Arrays.stream(FinetuneMethod.values()).filter(m -> TrainingSupport.lack(TrainingSupport.PYTORCH, m).isEmpty()).map(FinetuneMethod::name).collect(Collectors.toSet()),
                named("catalogue.py", "METHODS = ", "\"(\\w+)\": "));
        Set<String> inits = named("catalogue.py", "INITIALISATIONS = ", "\"(\\w+)\"");
        inits.addAll(named("factors.py", "INNER = ", "\"(\\w+)\""));
        assertEquals(Arrays.stream(FirstFactors.Kind.values()).filter(k -> TrainingSupport.lack(TrainingSupport.PYTORCH, k).isEmpty()).map(FirstFactors.Kind::name).collect(Collectors.toSet()), inits);
        assertEquals(Arrays.stream(FinetuneSettings.OptimiserName.values()).filter(o -> TrainingSupport.lack(TrainingSupport.PYTORCH, o).isEmpty()).map(FinetuneSettings.OptimiserName::name)
                .collect(Collectors.toSet()), named("tasks.py", "NAMES = ", "\"(adamw|spam|mezo|zosam)\""));
    }

    /// What stands in the line of a source that begins so.
    private static Set<String> named(String source, String line, String pattern) throws IOException {
        String found = Files.readString(SOURCES.resolve(source)).lines().filter(l -> l.startsWith(line)).findFirst().orElseThrow();
        return Pattern.compile(pattern).matcher(found).results().map(r -> r.group(1)).collect(Collectors.toCollection(java.util.HashSet::new));
    }

    /// Methods of pruning that are not greyed out are those of the package.
    @Test
    void prunesByWhatTheProgramSays() throws IOException {
        Set<String> theirs = Files.readString(SOURCES.resolve("prune.py")).lines().filter(l -> l.matches("(MASKED|RANKED|METHODS) = .*"))
                .flatMap(l -> Pattern.compile("\"(\\w+)\"").matcher(l).results().map(r -> r.group(1))).collect(Collectors.toSet());
        assertEquals(Arrays.stream(PruneMethod.values()).filter(m -> PruneSupport.lack(TrainingSupport.PYTORCH, m).isEmpty()).map(PruneMethod::name).collect(Collectors.toSet()), theirs);
    }

    @Test
    void isCopiedWhole() throws IOException {
        Path copy = PythonPackage.copyInto(folder);
        try (Stream<Path> files = Files.list(SOURCES)) {
            List<Path> sources = files.filter(p -> p.toString().endsWith(".py")).toList();
            assertTrue(sources.size() > 10);
            for (Path source : sources) {
                assertEquals(Files.readString(source), Files.readString(copy.resolve(source.getFileName())));
            }
        }
    }

    /// From a jar, as installed; every line keeps to the schemas.
    @Test
    void speaksTheProtocolFromInsideAJar() throws IOException, InterruptedException {
        PythonInstallation found = Engines.pythons().best().filter(PythonInstallation::usable).orElse(null);
        Assumptions.assumeTrue(found != null, "EngineConformanceTest says that there is no Python with torch");
        Path jar = folder.resolve("resources.jar");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar)); Stream<Path> files = Files.list(SOURCES)) {
            for (Path file : files.filter(p -> p.toString().endsWith(".py")).toList()) {
                zip.putNextEntry(new ZipEntry("vitrine/python/vitrine_engine/" + file.getFileName()));
                zip.write(Files.readAllBytes(file));
            }
        }
        PythonInstallation python = new PythonInstallation(found.executable(), found.origin(), jar.resolve("vitrine/python"), found.version(), found.packages(), List.of(), null);
        WorkerCommand command = WorkerCommand.python(python, new PythonEngine.Setting("cpu", 1, PythonEngine.Precision.bfloat16));
        ProcessBuilder builder = new ProcessBuilder(command.command()).directory(command.folder().toFile()).redirectError(folder.resolve("stderr").toFile());
        builder.environment().putAll(command.environment());
        Process worker = builder.start();
        List<JsonNode> heard = new ArrayList<>();
        try (OutputStream in = worker.getOutputStream(); BufferedReader out = new BufferedReader(new InputStreamReader(worker.getInputStream(), StandardCharsets.UTF_8))) {
            Path text = Files.writeString(folder.resolve("text.txt"), "The lantern over the wall went out.\n".repeat(4));
            ObjectNode capture = Json.object().put("kind", "capture").put("model", MODELS.resolve("llama-gqa").toString());
            capture.putObject("prompt").put("text", "The lantern");
            capture.putArray("what").add("logits").add("loss");
            ask(in, 1, capture);
            ask(in, 2, Json.object().put("kind", "eval").put("model", MODELS.resolve("llama-gqa").toString()).put("data", text.toString()).put("maxlength", 7));
            ObjectNode train = Json.object().put("kind", "finetune").put("model", MODELS.resolve("llama-gqa").toString()).put("data", text.toString()).put("method", "full");
            train.putObject("settings").put("steps", 2).put("batchSize", 1);
            ask(in, 3, train);
            int ends = 0;
            for (String line = out.readLine(); line != null && ends < 3; line = ends < 3 ? out.readLine() : null) {
                Schemas.WORKER_EVENT.accepts(line);
                JsonNode event = Json.mapper().readTree(line);
                heard.add(event);
                ends += List.of("result", "error", "cancelled", "fault").contains(event.get("event").asText()) ? 1 : 0;
            }
            in.write("{\"request\":\"stop\"}\n".getBytes(StandardCharsets.UTF_8));
            in.flush();
            assertTrue(worker.waitFor(20, TimeUnit.SECONDS));
            assertEquals(0, worker.exitValue());
        } finally {
            worker.destroyForcibly();
        }
        List<String> ends = heard.stream().filter(e -> List.of("result", "error", "cancelled", "fault").contains(e.get("event").asText()))
                .map(e -> e.get("id").asInt() + " " + e.get("event").asText()).toList();
        assertEquals(List.of("1 result", "2 error", "3 result"), ends, heard + Files.readString(folder.resolve("stderr")));
        assertEquals("hello", heard.getFirst().get("event").asText());
        assertEquals(PythonEngine.VERSION, heard.getFirst().get("version").asText());
        assertTrue(heard.stream().anyMatch(e -> e.get("event").asText().equals("metric") && e.has("loss")));
        Schemas.MANIFEST.accepts(Files.readString(folder.resolve("3/result/manifest.json")));
    }

    private void ask(OutputStream in, int id, ObjectNode task) throws IOException {
        ObjectNode request = Json.object().put("request", "run").put("id", id).put("artifact", folder.resolve(id + "/result").toString());
        request.set("task", task);
        in.write((Json.line(request) + "\n").getBytes(StandardCharsets.UTF_8));
        in.flush();
    }
}
