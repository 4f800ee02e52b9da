package vitrine.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.Ending;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.task.Task;

/// All attention maps of 512 tokens through a checkpoint of Qwen2.5-0.5B's shape, float32: `vitrine capture` against transformers.
final class CaptureBench {

    private static final int TOKENS = 512;
    private static final int LAYERS = 24;
    private static final int HEADS = 14;
    private static final long STORE_BYTES = 50L << 30;

    private final Setting setting;
    private final Path folder;
    private final Path model;
    private final String script;

    CaptureBench(Setting setting) {
        this.setting = setting;
        folder = setting.scratch().resolve("capture");
        model = folder.resolve("model");
        script = setting.sources().resolve("python/attention_maps.py").toString();
    }

    String run() throws IOException {
        Files.createDirectories(folder);
        setting.say("capture: making the checkpoint");
        RandomCheckpoint.QWEN.write(model);
        StringBuilder report = new StringBuilder("## All attention maps of 512 tokens, Qwen2.5-0.5B's shape, float32, " + setting.threads() + " threads\n\n");
        if (setting.python() == null) {
            String warning = "**transformers was not measured: VITRINE_PYTHON names no Python that has torch, transformers and safetensors.**";
            setting.say(warning);
            report.append(warning).append("\n\n");
        }
        wholeCommands(report);
        warm(report);
        Whole.delete(folder);
        return report.toString();
    }

    // --- whole commands

    private void wholeCommands(StringBuilder report) throws IOException {
        Path ids = ids(0);
        Path ours = folder.resolve("vitrine.safetensors");
        Path theirs = folder.resolve("transformers.safetensors");
        List<Measured> vitrine = new ArrayList<>();
        List<Measured> transformers = new ArrayList<>();
        JsonNode versions = null;
        // Round 0 fills the system's file cache and does not count.
        for (int round = 0; round <= setting.rounds(); round++) {
            setting.say("capture: whole commands, round " + round + " of " + setting.rounds());
            for (int turn = 0; turn < 2; turn++) {
                if ((round + turn) % 2 == 0) {
                    vitrine.add(vitrine(ids, ours));
                } else if (setting.python() != null) {
                    Measured m = transformers(ids, theirs);
                    versions = Json.mapper().readTree(m.out());
                    transformers.add(m);
                }
            }
        }
        vitrine.removeFirst();
        report.append("As whole commands, from start to end with the maps in a safetensors file; medians of ").append(setting.rounds())
                .append(" rounds in turns (range).\n\n| | seconds | CPU seconds | peak resident memory, MiB |\n| --- | --- | --- | --- |\n");
        row(report, "`vitrine capture` (command and worker)", vitrine);
        if (!transformers.isEmpty()) {
            transformers.removeFirst();
            row(report, "transformers " + versions.path("transformers").asText() + ", torch " + versions.path("torch").asText() + ", Python "
                    + versions.path("python").asText(), transformers);
            double time = Statistics.median(vitrine, Measured::seconds) / Statistics.median(transformers, Measured::seconds);
            double memory = Statistics.median(vitrine, Measured::peakBytes) / Statistics.median(transformers, Measured::peakBytes);
            report.append(String.format(Locale.ROOT, "| **ratio** (target: time 0.80, memory 0.50) | **%.2f** | %.2f | **%.2f** |%n", time,
                    Statistics.median(vitrine, Measured::cpuSeconds) / Statistics.median(transformers, Measured::cpuSeconds), memory));
            report.append(String.format(Locale.ROOT, "%nLargest difference between the two sides' maps: %.1e.%n%n", difference(ours, theirs)));
        } else {
            report.append('\n');
        }
    }

    private static void row(StringBuilder report, String name, List<Measured> runs) {
        report.append("| ").append(name).append(" | ").append(Statistics.secondsWithRange(runs.stream().map(Measured::seconds).toList())).append(" | ")
                .append(Statistics.seconds(Statistics.median(runs, Measured::cpuSeconds))).append(" | ")
                .append(Statistics.mebibytes(Statistics.median(runs, Measured::peakBytes))).append(" |\n");
    }

    private Measured vitrine(Path ids, Path out) throws IOException {
        Path home = Files.createTempDirectory(folder, "home");
        Files.deleteIfExists(out);
        Measured m = Measured.run(List.of(setting.image().command(), "capture", model.toString(), "--ids", ids.toString(), "--threads",
                String.valueOf(setting.threads()), "--out", out.toString()), Image.environment(home, true), folder);
        Whole.delete(home);
        return m;
    }

    private Measured transformers(Path ids, Path out) throws IOException {
        Files.deleteIfExists(out);
        return Measured.run(List.of(setting.python(), script, "once", model.toString(), ids.toString(), out.toString(), String.valueOf(setting.threads())),
                pythonEnvironment(), folder);
    }

    private Map<String, String> pythonEnvironment() {
        return Map.of("OMP_NUM_THREADS", String.valueOf(setting.threads()), "HF_HUB_OFFLINE", "1");
    }

    private static double difference(Path ours, Path theirs) {
        double most = 0;
        try (SafetensorsFile a = SafetensorsFile.open(ours); SafetensorsFile b = SafetensorsFile.open(theirs)) {
            int map = TOKENS * TOKENS;
            for (int i = 0; i < LAYERS * HEADS; i++) {
                float[] x = a.floats("attentions", (long) i * map, map);
                float[] y = b.floats("attentions", (long) i * map, map);
                for (int k = 0; k < map; k++) {
                    most = Math.max(most, Math.abs(x[k] - y[k]));
                }
            }
        }
        return most;
    }

    // --- warm processes

    private void warm(StringBuilder report) throws IOException {
        List<Double> vitrine = new ArrayList<>();
        List<Double> forward = new ArrayList<>();
        List<Double> written = new ArrayList<>();
        ArtifactStore store = new ArtifactStore(folder.resolve("store"), STORE_BYTES);
        try (EmbeddedEngine engine = new EmbeddedEngine(store, setting.image().worker(setting.threads(), true)); Served served = serve()) {
            for (int round = 0; round <= setting.rounds(); round++) {
                setting.say("capture: warm processes, round " + round + " of " + setting.rounds());
                Path ids = ids(round);
                for (int turn = 0; turn < 2; turn++) {
                    if ((round + turn) % 2 == 0) {
                        vitrine.add(task(engine, ids));
                    } else if (served != null) {
                        JsonNode answer = served.ask(ids + " " + folder.resolve("served.safetensors"));
                        forward.add(answer.path("forward").asDouble());
                        written.add(answer.path("seconds").asDouble());
                    }
                }
            }
        }
        double first = vitrine.removeFirst();
        report.append("In processes that run already (another prompt each time; the first, uncounted task of Vitrine's worker took ")
                .append(Statistics.seconds(first)).append(" s, its start included).\n\n| | seconds |\n| --- | --- |\n| Vitrine's worker: forward pass, file, synced | ")
                .append(Statistics.secondsWithRange(vitrine)).append(" |\n");
        if (!forward.isEmpty()) {
            forward.removeFirst();
            written.removeFirst();
            report.append("| transformers: forward pass and file | ").append(Statistics.secondsWithRange(written)).append(" |\n| transformers: forward pass alone | ")
                    .append(Statistics.secondsWithRange(forward)).append(" |\n| **ratio** to forward pass and file; to the pass alone | **")
                    .append(Statistics.ratio(Statistics.median(vitrine) / Statistics.median(written))).append("**; ")
                    .append(Statistics.ratio(Statistics.median(vitrine) / Statistics.median(forward))).append(" |\n");
        }
        report.append('\n');
    }

    private double task(EmbeddedEngine engine, Path ids) throws IOException {
        List<Integer> list = new ArrayList<>();
        Json.mapper().readTree(ids.toFile()).forEach(id -> list.add(id.intValue()));
        long start = System.nanoTime();
        Ending ending = engine.submit(new Task.Capture(model.toString(), Task.Prompt.ofIds(list), List.of(Task.What.attentions), null), e -> { }).ending().join();
        if (!(ending instanceof Ending.Finished f) || f.cached()) {
            throw new IllegalStateException("the worker ended so: " + ending);
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private Served serve() throws IOException {
        return setting.python() == null ? null : new Served(List.of(setting.python(), script, "serve", model.toString(), String.valueOf(setting.threads())));
    }

    /// The Python process that answers a line with a line.
    private final class Served implements AutoCloseable {
        private final Process process;
        private final BufferedReader answers;

        Served(List<String> command) throws IOException {
            ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
            builder.environment().putAll(pythonEnvironment());
            process = builder.start();
            answers = process.inputReader();
            if (answers.readLine() == null) {
                throw new IllegalStateException("transformers did not start");
            }
        }

        JsonNode ask(String line) throws IOException {
            process.getOutputStream().write((line + "\n").getBytes(java.nio.charset.StandardCharsets.UTF_8));
            process.getOutputStream().flush();
            String answer = answers.readLine();
            if (answer == null) {
                throw new IllegalStateException("transformers ended");
            }
            return Json.mapper().readTree(answer);
        }

        @Override
        public void close() throws IOException {
            process.getOutputStream().close();
        }
    }

    /// Random token ids, other ones for each number.
    private Path ids(int number) throws IOException {
        Path file = folder.resolve("ids-" + number + ".json");
        List<Integer> ids = new Random(100 + number).ints(TOKENS, 0, RandomCheckpoint.QWEN.vocabulary()).boxed().toList();
        Files.writeString(file, ids.toString());
        return file;
    }
}
