package vitrine.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;

/// Singular values of all matrices of a checkpoint, bfloat16: `vitrine spectrum` against `torch.linalg.svdvals`
/// over the same tensors, widened to float32. Property `bench.layers`: how many layers at most, all by default.
final class SpectrumBench {

    private static final int LAYERS = Integer.getInteger("bench.layers", Integer.MAX_VALUE);
    private static final List<String> ACCURACIES = List.of("exact", "fast");
    private static final Map<String, String> TARGETS = Map.of("exact", "0.70", "fast", "0.33");

    private final Setting setting;
    private final RandomCheckpoint shape;
    private final Path folder;
    private final Path model;

    SpectrumBench(Setting setting, RandomCheckpoint shape) {
        this.setting = setting;
        this.shape = shape.withLayers(Math.min(LAYERS, shape.layers()));
        folder = setting.scratch().resolve("spectrum-" + shape.name());
        model = folder.resolve("model");
    }

    String run() throws IOException {
        Files.createDirectories(folder);
        setting.say(shape.name() + ": making the checkpoint");
        shape.write(model);
        StringBuilder report = new StringBuilder(String.format(Locale.ROOT, "## Singular values of all matrices, %s's shape with %d layers, bfloat16, %d threads%n%n",
                shape.name(), shape.layers(), setting.threads()));
        if (setting.python() == null) {
            String warning = "**torch was not measured: VITRINE_PYTHON names no Python that has torch and safetensors.**";
            setting.say(warning);
            report.append(warning).append("\n\n");
        }
        Map<String, List<Measured>> ours = new HashMap<>();
        List<Measured> theirs = new ArrayList<>();
        JsonNode versions = null;
        // Round 0 fills the system's file cache and does not count.
        for (int round = 0; round <= setting.rounds(); round++) {
            setting.say(shape.name() + ": whole commands, round " + round + " of " + setting.rounds());
            for (int turn = 0; turn < 3; turn++) {
                int side = (round + turn) % 3;
                if (side < 2) {
                    ours.computeIfAbsent(ACCURACIES.get(side), a -> new ArrayList<>()).add(vitrine(ACCURACIES.get(side)));
                } else if (setting.python() != null) {
                    Measured m = torch();
                    versions = Json.mapper().readTree(m.out());
                    theirs.add(m);
                }
            }
        }
        report.append("As whole commands, from start to end with the values in a safetensors file; medians of ").append(setting.rounds())
                .append(" rounds in turns (range). The difference is the largest relative one of an effective rank.\n\n")
                .append("| | seconds | CPU seconds | peak resident memory, MiB | ratio of time (target) | s/GB, by itself | difference |\n| --- | --- | --- | --- | --- | --- | --- |\n");
        for (String accuracy : ACCURACIES) {
            List<Measured> runs = ours.get(accuracy);
            runs.removeFirst();
            String ratio = theirs.isEmpty() ? "–" : String.format(Locale.ROOT, "**%.2f** (%s)", Statistics.median(runs, Measured::seconds)
                    / Statistics.median(theirs.subList(1, theirs.size()), Measured::seconds), TARGETS.get(accuracy));
            row(report, "`vitrine spectrum --accuracy " + accuracy + "` (command and worker)", runs,
                    ratio + " | " + rate(runs.getLast()) + " | " + (theirs.isEmpty() ? "–" : String.format(Locale.ROOT, "%.1e", difference(accuracy))));
        }
        if (!theirs.isEmpty()) {
            row(report, "torch " + versions.path("torch").asText() + " `svdvals`, Python " + versions.path("python").asText(), theirs.subList(1, theirs.size()), " | | ");
        }
        report.append('\n');
        Whole.delete(folder);
        return report.toString();
    }

    private static void row(StringBuilder report, String name, List<Measured> runs, String rest) {
        report.append("| ").append(name).append(" | ").append(Statistics.secondsWithRange(runs.stream().map(Measured::seconds).toList())).append(" | ")
                .append(Statistics.seconds(Statistics.median(runs, Measured::cpuSeconds))).append(" | ")
                .append(Statistics.mebibytes(Statistics.median(runs, Measured::peakBytes))).append(" | ").append(rest).append(" |\n");
    }

    /// What the command says of itself.
    static String rate(Measured run) {
        return run.out().lines().filter(l -> l.endsWith(" s/GB")).map(l -> l.replaceAll(".*, ([0-9.,]+) s/GB", "$1")).findFirst().orElse("–");
    }

    private Measured vitrine(String accuracy) {
        try {
            Path home = Files.createTempDirectory(folder, "home");
            Measured m = Measured.run(List.of(setting.image().command(), "spectrum", model.toString(), "--accuracy", accuracy, "--threads", String.valueOf(setting.threads()),
                    "--out", folder.resolve(accuracy).toString()), Image.environment(home, true), folder);
            Whole.delete(home);
            return m;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private Measured torch() {
        return Measured.run(List.of(setting.python(), setting.sources().resolve("python/singular_values.py").toString(), model.toString(), folder.resolve("torch.safetensors").toString(),
                String.valueOf(setting.threads())), Map.of("OMP_NUM_THREADS", String.valueOf(setting.threads())), folder);
    }

    private double difference(String accuracy) throws IOException {
        double most = 0;
        JsonNode rows = Json.mapper().readTree(folder.resolve(accuracy + ".json").toFile());
        try (SafetensorsFile torch = SafetensorsFile.open(folder.resolve("torch.safetensors"))) {
            for (JsonNode row : rows) {
                float[] s = torch.floats("sv." + row.get("tensor").asText());
                double sum = 0;
                for (float v : s) {
                    sum += v;
                }
                double entropy = 0;
                for (float v : s) {
                    entropy -= v > 0 ? v / sum * Math.log(v / sum) : 0;
                }
                most = Math.max(most, Math.abs(row.get("effective_rank").doubleValue() / Math.exp(entropy) - 1));
            }
        }
        return most;
    }
}
