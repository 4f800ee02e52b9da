package vitrine.app.engines;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
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
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleUnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import vitrine.app.schema.Schemas;
import vitrine.core.analysis.spectrum.SpectralMeasures;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Part;
import vitrine.core.architecture.WeightMatrices;
import vitrine.core.architecture.WeightMatrix;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.engine.PythonEngine;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.json.Json;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.FinetuneSettings;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSupport;
import vitrine.core.task.Task;
import vitrine.core.task.TrainingSupport;
import vitrine.core.tensor.StoredValues;
import vitrine.core.train.method.FirstFactors;
import vitrine.resources.PythonPackage;

/// The Python package as the program carries it.
@Timeout(180)
class PythonPackageTest {

    private static final Path MODELS = Path.of("../model-core/src/test/resources/reference").toAbsolutePath().normalize();

    /// The package lies in a folder or in a jar, as the program was built; its sources lie here.
    private static final Path SOURCES = Path.of("../resources/src/main/resources/vitrine/python/vitrine_engine");

    /// What an exact rank may be off by, relative.
    private static final double RANK_ERROR = 1e-6;

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
            List<ObjectNode> refused = refused(text);
            for (int i = 0; i < refused.size(); i++) {
                ask(in, 4 + i, refused.get(i));
            }
            int all = 3 + refused.size();
            int ends = 0;
            for (String line = out.readLine(); line != null && ends < all; line = ends < all ? out.readLine() : null) {
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
        assertEquals(List.of("1 result", "2 error", "3 result"), ends.subList(0, 3), heard + Files.readString(folder.resolve("stderr")));
        List<String> sentences = heard.stream().filter(e -> e.get("id") != null && e.get("id").asInt() > 3 && e.get("event").asText().equals("error")).map(e -> e.get("message").asText()).toList();
        assertEquals(8, sentences.size(), ends.toString());
        assertEquals("the pytorch engine does not train by the method sgt: it runs models as transformers has them, whose attention does not loop. The embedded engine does.",
                sentences.getFirst());
        assertEquals("growHeads does not go with the method lora.", sentences.get(1));
        assertEquals(Set.of("looping: its attention_loops.json says that layers repeat their attention, which transformers does not do. The embedded engine does."), Set.copyOf(sentences.subList(2, 8)));
        assertEquals("hello", heard.getFirst().get("event").asText());
        assertEquals(PythonEngine.VERSION, heard.getFirst().get("version").asText());
        assertTrue(heard.stream().anyMatch(e -> e.get("event").asText().equals("metric") && e.has("loss")));
        Schemas.MANIFEST.accepts(Files.readString(folder.resolve("3/result/manifest.json")));
    }

    /// A method and a setting that this engine does not have, and every kind of task over weights that are not the whole model.
    private List<ObjectNode> refused(Path text) throws IOException {
        Path looping = Files.createDirectory(folder.resolve("looping"));
        for (String name : List.of("config.json", "model.safetensors", "tokenizer.json")) {
            Files.copy(MODELS.resolve("llama-gqa").resolve(name), looping.resolve(name));
        }
        Files.writeString(looping.resolve("attention_loops.json"), "{\"layers\":[{\"layer\":1,\"loops\":1,\"heads\":[0]}]}");
        List<ObjectNode> tasks = new ArrayList<>();
        for (String method : List.of("sgt", "lora")) {
            ObjectNode t = Json.object().put("kind", "finetune").put("model", MODELS.resolve("llama-gqa").toString()).put("data", text.toString()).put("method", method);
            t.putObject("settings").put("growHeads", 1);
            tasks.add(t);
        }
        for (String kind : List.of("capture", "heads", "eval", "rank", "finetune", "prune")) {
            ObjectNode t = Json.object().put("kind", kind).put("model", looping.toString());
            tasks.add(t);
            switch (kind) {
                case "capture" -> {
                    t.putObject("prompt").put("text", "The lantern");
                    t.putArray("what").add("logits");
                }
                case "rank" -> t.put("data", text.toString()).put("of", "hidden");
                case "finetune" -> t.put("data", text.toString()).put("method", "full");
                case "prune" -> t.put("method", "magnitude").putObject("settings").put("sparsity", 0.5);
                default -> t.put("data", text.toString());
            }
        }
        return tasks;
    }

    /// What `nvidia-smi` prints on an H200, with what a card keeps to itself, and a line that is cut off; no such program is no fault.
    @Test
    void readsWhatTheGpuDoes() throws IOException, InterruptedException {
        PythonInstallation found = Engines.pythons().best().filter(PythonInstallation::usable).orElse(null);
        Assumptions.assumeTrue(found != null, "EngineConformanceTest says that there is no Python with torch");
        Path driver = Files.writeString(folder.resolve("driver"), """
                #!/bin/sh
                echo "$@" > "$0.asked"
                echo '81, 33168, 143771, 61, 599.25'
                sleep 1
                echo '[N/A], 34, 143771, [N/A], 77.5'
                echo '100, 33'
                sleep 60
                """);
        assertTrue(driver.toFile().setExecutable(true));
        Process python = new ProcessBuilder(found.executable().toString(), "-c", """
                import json, sys, time
                from vitrine_engine import gpu
                gpu.name_of = lambda device: "GPU-f7f0"
                for program in sys.argv[1:]:
                    meter, seen, end = gpu.Meter("cuda:0", program), [], time.monotonic() + 3
                    while time.monotonic() < end and len(seen) < 2:
                        seen += [figures for figures in [meter.take()] if figures]
                        time.sleep(0.05)
                    meter.close()
                    print(json.dumps(seen))
                """, driver.toString(), folder.resolve("absent").toString()).directory(SOURCES.getParent().toFile()).redirectErrorStream(true).start();
        String said = new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, python.waitFor(), said);
        assertEquals("""
                [{"gpu_load_percent": 81.0, "gpu_used_bytes": 34779168768.0, "gpu_total_bytes": 150754820096.0, "gpu_celsius": 61.0, "gpu_watts": 599.25}, \
                {"gpu_used_bytes": 35651584.0, "gpu_total_bytes": 150754820096.0, "gpu_watts": 77.5}]
                []
                """, said);
        assertTrue(Files.readString(folder.resolve("driver.asked")).startsWith("--id=GPU-f7f0 --query-gpu=utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw "));
    }

    /// A number out of its range is refused by the package in the words of this program, for whoever asks it without it.
    @Test
    void refusesNumbersAsTheProgramDoes() throws IOException, InterruptedException {
        PythonInstallation found = Engines.pythons().best().filter(PythonInstallation::usable).orElse(null);
        Assumptions.assumeTrue(found != null, "EngineConformanceTest says that there is no Python with torch");
        List<String> ours = new ArrayList<>();
        ArrayNode tasks = Json.mapper().createArrayNode();
        for (String setting : List.of("lr -0.5", "r 0", "dropout 1.5", "dropout -0.5", "alpha 0.0", "beta1 1.0", "beta2 -0.5", "eps 0.0", "weightDecay -0.5", "maxGradNorm -0.5", "balance -0.5",
                "gradientNoise -0.5", "steps 0", "batchSize -3", "warmupSteps -1", "sequenceLength 1", "prune sparsity 1.0", "prune sparsity -0.5", "prune rank 0", "prune damping -0.5",
                "prune blockSize 0", "prune calibrationSequences 0", "prune alpha 1.5")) {
            String[] words = setting.split(" ");
            boolean prune = words[0].equals("prune");
            ObjectNode t = prune ? Json.object().put("kind", "prune").put("model", "m").put("method", "wanda").put("data", "d")
                    : Json.object().put("kind", "finetune").put("model", "m").put("data", "d").put("method", "lora");
            t.putObject("settings").set(words[words.length - 2], Json.mapper().readTree(words[words.length - 1]));
            tasks.add(t);
            ours.add(assertThrows(Refusal.class, () -> Task.fromJson(t), setting).problem() + ".");
        }
        Process python = new ProcessBuilder(found.executable().toString(), "-c", """
                import json, sys
                from vitrine_engine.tasks import checked
                from vitrine_engine.refusals import Refusal
                for task in json.load(sys.stdin):
                    try:
                        checked(task)
                        print("taken")
                    except Refusal as refusal:
                        print(refusal)
                """).directory(SOURCES.toFile().getAbsoluteFile().getParentFile()).redirectErrorStream(true).start();
        try (OutputStream in = python.getOutputStream()) {
            in.write(Json.line(tasks).getBytes(StandardCharsets.UTF_8));
        }
        assertEquals(ours, new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().toList());
        assertEquals(0, python.waitFor());
    }

    /// States of a training on a GPU are written beside it, from copies: what is trained meanwhile is not in them, and what fails is told when the next is due.
    @Test
    void keepsStatesBesideTheTraining() throws IOException, InterruptedException {
        PythonInstallation found = Engines.pythons().best().filter(PythonInstallation::usable).orElse(null);
        Assumptions.assumeTrue(found != null, "EngineConformanceTest says that there is no Python with torch");
        Path file = Files.writeString(folder.resolve("file"), "in the way of a folder");
        Process python = new ProcessBuilder(found.executable().toString(), "-c", """
                import sys
                import torch
                from vitrine_engine import saved
                w = torch.arange(300000.0)
                keeper = saved.Keeper(torch.device("cuda"))
                for step in (1, 2, 3):
                    keeper.write(sys.argv[1], step, "run", {"w/a": w}, {"a": step}, ["figures of %d" % step])
                    w += 1
                keeper.wait()
                for folder in saved.found(sys.argv[1]):
                    state = saved.read(folder, "run")
                    print(state["step"], float(state["tensors"]["w/a"][0]), float(state["tensors"]["w/a"][-1]), state["counts"], state["figures"])
                keeper.write(sys.argv[2], 4, "run", {"w/a": w}, {"a": 4}, [])
                try:
                    keeper.wait()
                except OSError as failure:
                    print(type(failure).__name__)
                keeper.wait()
                """, folder.resolve("steps").toString(), file.resolve("steps").toString()).directory(SOURCES.toFile().getAbsoluteFile().getParentFile()).redirectErrorStream(true).start();
        List<String> said = new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        assertEquals(List.of("2 1.0 300000.0 {'a': 2} ['figures of 2']", "3 2.0 300001.0 {'a': 3} ['figures of 3']", "NotADirectoryError"), said);
        assertEquals(0, python.waitFor());
    }

    /// The matrices whose ranks a pruning report holds, of every family: fused projections cut into queries, keys and values, stacks into experts, as this program names and cuts them, with the values that it reads.
    @Test
    void cutsMatricesAsTheProgramDoes() throws IOException, InterruptedException {
        PythonInstallation found = Engines.pythons().best().filter(PythonInstallation::usable).orElse(null);
        Assumptions.assumeTrue(found != null, "EngineConformanceTest says that there is no Python with torch");
        List<Path> models;
        try (Stream<Path> folders = Files.list(MODELS)) {
            models = folders.filter(PythonPackageTest::opensInBoth).sorted().toList();
        }
        assertTrue(models.size() > 50, models.toString());
        Process python = new ProcessBuilder(Stream.concat(Stream.of(found.executable().toString(), "-c", """
                import json, sys
                import transformers
                from vitrine_engine.checkpoint import Checkpoint
                from vitrine_engine.pruned_ranks import Files
                for path in sys.argv[1:]:
                    files = Files(Checkpoint(path), transformers.AutoConfig.from_pretrained(path, local_files_only=True))
                    rows = []
                    for m in files.matrices:
                        v = files.values(m).double()
                        assert v.shape == m.shape, m.name
                        rows.append([m.name, m.part, m.layer, m.expert, *m.shape, float(v.sum()), float(v[0, -1]), float(v[-1, 0]), float(v[-1, -1])])
                    print(json.dumps(rows))
                """), models.stream().map(Path::toString)).toList()).directory(SOURCES.toFile().getAbsoluteFile().getParentFile()).redirectError(folder.resolve("stderr").toFile()).start();
        List<String> said = new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        assertEquals(0, python.waitFor(), Files.readString(folder.resolve("stderr")));
        int cut = 0;
        for (int i = 0; i < models.size(); i++) {
            JsonNode rows = Json.mapper().readTree(said.get(i));
            List<WeightMatrix> ours = matrices(models.get(i));
            assertEquals(ours.stream().map(WeightMatrix::name).toList(), rows.valueStream().map(r -> r.get(0).asText()).toList(), models.get(i).toString());
            try (MappedWeights map = new MappedWeights(Checkpoints.open(models.get(i)))) {
                for (int k = 0; k < ours.size(); k++) {
                    same(ours.get(k), rows.get(k), map);
                    cut += ours.get(k).name().contains("#") ? 1 : 0;
                }
            }
        }
        assertTrue(cut > 100, cut + " matrices are parts of a tensor");
    }

    /// A decoder whose weights are stored as they are, in safetensors.
    private static boolean opensInBoth(Path model) {
        try {
            JsonNode config = Files.exists(model.resolve("config.json")) ? Json.mapper().readTree(model.resolve("config.json").toFile()) : Json.object();
            boolean stored = Files.exists(model.resolve("model.safetensors")) || Files.exists(model.resolve("model.safetensors.index.json"));
            return stored && config.has("model_type") && !config.has("quantization_config") && !Set.of("bert", "roberta").contains(config.get("model_type").asText());
        } catch (IOException unreadable) {
            throw new java.io.UncheckedIOException(unreadable);
        }
    }

    /// Those of decoder layers, as a pruning report counts them.
    private static List<WeightMatrix> matrices(Path model) {
        Checkpoint checkpoint = Checkpoints.open(model);
        ModelSpec spec = Families.read(checkpoint.config(), checkpoint.configFile(), checkpoint.tensors().keySet());
        return WeightMatrices.of(checkpoint, spec, checkpoint.config(), false).matrices().stream()
                .filter(m -> m.layer() >= 0 && !Set.of(Part.ROUTER, Part.NORM, Part.EMBEDDING, Part.HEAD).contains(m.part()) && Math.min(m.rows(), m.columns()) > 1).toList();
    }

    private static void same(WeightMatrix ours, JsonNode row, MappedWeights map) {
        assertEquals(List.of(ours.part().name().toLowerCase(java.util.Locale.ROOT), ours.layer(), ours.expert(), ours.rows(), ours.columns()),
                List.of(row.get(1).asText(), row.get(2).asInt(), row.get(3).asInt(), row.get(4).asInt(), row.get(5).asInt()), ours.name());
        double sum = 0;
        for (int r = 0; r < ours.rows(); r++) {
            for (int c = 0; c < ours.columns(); c++) {
                sum += value(ours, map, r, c);
            }
        }
        // Of values near 1 at most, in another order.
        assertEquals(sum, row.get(6).asDouble(), 1e-9, ours.name());
        assertEquals(List.of(value(ours, map, 0, ours.columns() - 1), value(ours, map, ours.rows() - 1, 0), value(ours, map, ours.rows() - 1, ours.columns() - 1)),
                List.of(row.get(7).asDouble(), row.get(8).asDouble(), row.get(9).asDouble()), ours.name());
    }

    private static double value(WeightMatrix m, MappedWeights map, int row, int column) {
        return StoredValues.at(m.tensor().dtype(), map.data(m.tensor()), m.view().rowOffset(row) + column * m.view().columnStride());
    }

    /// Matrices with singular values that are known, on both sides of the size from which eigenvalues of a Gram matrix do; and the layers that are measured of a model that is too large to measure all.
    @Test
    void findsRanksOfKnownSpectra() throws IOException, InterruptedException {
        PythonInstallation found = Engines.pythons().best().filter(PythonInstallation::usable).orElse(null);
        Assumptions.assumeTrue(found != null, "EngineConformanceTest says that there is no Python with torch");
        ArrayNode spectra = Json.mapper().createArrayNode();
        List<Double> ranks = new ArrayList<>();
        for (int size : new int[] {40, 300}) {
            // Even, half of it nothing, falling slowly, falling below what a Gram matrix can tell.
            for (DoubleUnaryOperator value : List.<DoubleUnaryOperator>of(i -> 3, i -> 2 * i < size ? 1 : 0, i -> 1 / (1 + i), i -> Math.pow(0.9, i), i -> 1e-30 / (1 + i))) {
                double[] s = IntStream.range(0, size).mapToDouble(i -> value.applyAsDouble(i)).toArray();
                Arrays.stream(s).forEach(spectra.addArray()::add);
                ranks.add(SpectralMeasures.of(s, size, size + 50).effectiveRank());
            }
        }
        Process python = new ProcessBuilder(found.executable().toString(), "-c", """
                import json, math, sys
                import torch
                from vitrine_engine import pruned_ranks
                torch.manual_seed(1)
                for s in json.load(sys.stdin):
                    u, v = (torch.linalg.qr(torch.randn(n, len(s), dtype=torch.float64)).Q for n in (len(s), len(s) + 50))
                    w = u @ torch.diag(torch.tensor(s, dtype=torch.float64)) @ v.T
                    print(pruned_ranks.effective_rank(w), pruned_ranks.effective_rank(w.T))
                print(pruned_ranks.effective_rank(torch.zeros(3, 4, dtype=torch.float64)), pruned_ranks.effective_rank(torch.full((3, 4), math.inf, dtype=torch.float64)))
                class Square:
                    shape = (1000, 1000)
                # before and after, each 1000^3 + 2.7 * 1000^3 millionths and 1
                layer = 2 * 3701
                for effort in (6 * layer, 6 * layer - 1, 3 * layer, layer, 0):
                    print(pruned_ranks.chosen({l: [Square] for l in range(10, 16)}, effort))
                """).directory(SOURCES.toFile().getAbsoluteFile().getParentFile()).redirectError(folder.resolve("stderr").toFile()).start();
        try (OutputStream in = python.getOutputStream()) {
            in.write(Json.line(spectra).getBytes(StandardCharsets.UTF_8));
        }
        List<String> said = new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        assertEquals(0, python.waitFor(), Files.readString(folder.resolve("stderr")));
        for (int i = 0; i < ranks.size(); i++) {
            for (String rank : said.get(i).split(" ")) {
                assertEquals(ranks.get(i), Double.parseDouble(rank), RANK_ERROR * ranks.get(i), "spectrum " + i);
            }
        }
        assertEquals(List.of("nan nan", "[10, 11, 12, 13, 14, 15]", "[10, 11, 13, 14, 15]", "[10, 13, 15]", "[10, 15]", "[10, 15]"), said.subList(ranks.size(), said.size()));
    }

    private void ask(OutputStream in, int id, ObjectNode task) throws IOException {
        ObjectNode request = Json.object().put("request", "run").put("id", id).put("artifact", folder.resolve(id + "/result").toString());
        request.set("task", task);
        in.write((Json.line(request) + "\n").getBytes(StandardCharsets.UTF_8));
        in.flush();
    }
}
