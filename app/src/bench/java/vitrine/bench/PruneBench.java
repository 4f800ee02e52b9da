package vitrine.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;

/// Wanda and SparseGPT to half over 128 sequences of 512 random tokens through a checkpoint of Qwen2.5-0.5B's shape: `vitrine prune` against a PyTorch script
/// of the same algorithm, whole commands from their start to the written checkpoint.
///
/// `bench.layers` makes the checkpoint shorter. Vitrine also opens what it has written, measures perplexity before and after on one sequence more, and
/// writes its report; the script does nothing of the kind.
final class PruneBench {

    private static final int SEQUENCES = Integer.getInteger("bench.prune.sequences", 128);
    private static final List<String> METHODS = List.of(System.getProperty("bench.prune.methods", "wanda,sparsegpt").split(","));
    private static final int TOKENS = 512;

    private final Setting setting;
    private final RandomCheckpoint shape;
    private final Path folder;
    private final Path model;

    PruneBench(Setting setting) {
        this.setting = setting;
        shape = RandomCheckpoint.QWEN.withLayers(Integer.getInteger("bench.layers", RandomCheckpoint.QWEN.layers()));
        folder = setting.scratch().resolve("prune");
        model = folder.resolve("model");
    }

    String run() throws IOException {
        Files.createDirectories(folder);
        setting.say("prune: making the checkpoint");
        shape.write(model);
        Random random = new Random(79);
        Path ids = lines("ids.jsonl", SEQUENCES, random);
        Path held = lines("held.jsonl", 1, random);
        StringBuilder report = new StringBuilder(String.format(Locale.ROOT, "## Pruning to 50 %%, %d x %d calibration tokens, Qwen2.5-0.5B's shape (%d layers), %d threads%n%n", SEQUENCES, TOKENS,
                shape.layers(), setting.threads())).append("float32, layers calibrated with what they read once those before are pruned; whole commands; medians of ").append(setting.rounds())
                .append(" runs.\n\n| | seconds | peak resident memory, MiB |\n| --- | --- | --- |\n");
        for (String method : METHODS) {
            List<Measured> ours = new ArrayList<>();
            List<Measured> theirs = new ArrayList<>();
            JsonNode versions = null;
            for (int round = 1; round <= setting.rounds(); round++) {
                setting.say("prune: " + method + ", round " + round + " of " + setting.rounds());
                ours.add(vitrine(method, ids, held));
                if (setting.python() != null) {
                    Path out = folder.resolve("theirs");
                    theirs.add(Measured.run(List.of(setting.python(), setting.sources().resolve("python/prune_layers.py").toString(), model.toString(), ids.toString(), method, out.toString(),
                            String.valueOf(setting.threads())), Map.of("OMP_NUM_THREADS", String.valueOf(setting.threads()), "HF_HUB_OFFLINE", "1"), folder));
                    versions = Json.mapper().readTree(theirs.getLast().out());
                    Whole.delete(out);
                }
            }
            row(report, method + ", `vitrine prune` (command and worker)", ours);
            if (versions != null) {
                row(report, method + ", transformers " + versions.path("transformers").asText() + ", torch " + versions.path("torch").asText(), theirs);
                report.append(String.format(Locale.ROOT, "| **%s, ratio** | **%.2f** | **%.2f** |%n", method, seconds(ours) / seconds(theirs), memory(ours) / memory(theirs)));
            }
        }
        if (setting.python() == null) {
            report.append("\n**PyTorch was not measured: VITRINE_PYTHON names no Python that has torch and transformers.**\n");
        }
        report.append('\n');
        Whole.delete(folder);
        return report.toString();
    }

    private Path lines(String name, int count, Random random) throws IOException {
        List<String> lines = new ArrayList<>();
        for (int s = 0; s < count; s++) {
            lines.add("{\"input_ids\": " + random.ints(TOKENS, 0, shape.vocabulary()).boxed().toList() + "}");
        }
        return Files.write(folder.resolve(name), lines);
    }

    private static double seconds(List<Measured> runs) {
        return Statistics.median(runs, Measured::seconds);
    }

    private static double memory(List<Measured> runs) {
        return Statistics.median(runs, Measured::peakBytes);
    }

    private static void row(StringBuilder report, String name, List<Measured> runs) {
        report.append("| ").append(name).append(" | ").append(Statistics.seconds(seconds(runs))).append(" | ").append(Statistics.mebibytes(memory(runs))).append(" |\n");
    }

    private Measured vitrine(String method, Path ids, Path held) throws IOException {
        Path home = Files.createTempDirectory(folder, "home");
        Measured m = Measured.run(List.of(setting.image().command(), "prune", "--model", model.toString(), "--method", method, "--sparsity", "0.5", "--propagation", "sequential", "--data",
                ids.toString(), "--eval-data", held.toString(), "--threads", String.valueOf(setting.threads()), "--json", "--out", folder.resolve("out").toString()), Image.environment(home, true),
                folder);
        Whole.delete(home);
        Whole.delete(folder.resolve("out"));
        return m;
    }
}
