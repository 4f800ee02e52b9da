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
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;

/// Ranks of keys and values over random tokens through a checkpoint of Qwen2.5-0.5B's shape, bfloat16: `vitrine rank --of kv` against
/// transformers and torch.
final class RankBench {

    private static final int SEQUENCES = 4;
    private static final int TOKENS = 512;
    private static final List<String> COMPARED = List.of("k_layer.sv", "v_layer.sv", "k_proj_layer.sv");

    private final Setting setting;
    private final Path folder;
    private final Path model;

    RankBench(Setting setting) {
        this.setting = setting;
        folder = setting.scratch().resolve("rank");
        model = folder.resolve("model");
    }

    String run() throws IOException {
        Files.createDirectories(folder);
        setting.say("rank: making the checkpoint");
        RandomCheckpoint.write(model);
        Path ids = ids();
        List<Measured> ours = new ArrayList<>();
        List<Measured> theirs = new ArrayList<>();
        JsonNode versions = null;
        if (setting.python() == null) {
            setting.say("**transformers was not measured: VITRINE_PYTHON names no Python that has torch, transformers and safetensors.**");
        }
        // Round 0 fills the system's file cache and does not count.
        for (int round = 0; round <= setting.rounds(); round++) {
            setting.say("rank: whole commands, round " + round + " of " + setting.rounds());
            for (int turn = 0; turn < 2; turn++) {
                if ((round + turn) % 2 == 0) {
                    ours.add(vitrine(ids));
                } else if (setting.python() != null) {
                    Measured m = torch(ids);
                    versions = Json.mapper().readTree(m.out());
                    theirs.add(m);
                }
            }
        }
        ours.removeFirst();
        StringBuilder report = new StringBuilder(String.format(Locale.ROOT, "## Ranks of keys and values over %,d tokens, Qwen2.5-0.5B's shape, %d threads%n%n", SEQUENCES * TOKENS, setting.threads()))
                .append("As whole commands, from start to end with the singular values of every layer and head in a safetensors file; medians of ").append(setting.rounds())
                .append(" rounds in turns (range).\n\n| | seconds | CPU seconds | peak resident memory, MiB |\n| --- | --- | --- | --- |\n");
        row(report, "`vitrine rank --of kv` (command and worker)", ours);
        if (!theirs.isEmpty()) {
            theirs.removeFirst();
            row(report, "transformers " + versions.path("transformers").asText() + ", torch " + versions.path("torch").asText() + ", Python " + versions.path("python").asText(), theirs);
            report.append(String.format(Locale.ROOT, "| **ratio** | **%.2f** | %.2f | **%.2f** |%n", ratio(ours, theirs, Measured::seconds), ratio(ours, theirs, Measured::cpuSeconds),
                    ratio(ours, theirs, Measured::peakBytes)));
            report.append(String.format(Locale.ROOT, "%nLargest difference of a singular value, relative to the layer's largest: %.1e.%n", difference()));
        } else {
            report.append("\n**transformers was not measured.**\n");
        }
        report.append('\n');
        Whole.delete(folder);
        return report.toString();
    }

    static double ratio(List<Measured> ours, List<Measured> theirs, java.util.function.ToDoubleFunction<Measured> figure) {
        return Statistics.median(ours, figure) / Statistics.median(theirs, figure);
    }

    static void row(StringBuilder report, String name, List<Measured> runs) {
        report.append("| ").append(name).append(" | ").append(Statistics.secondsWithRange(runs.stream().map(Measured::seconds).toList())).append(" | ")
                .append(Statistics.seconds(Statistics.median(runs, Measured::cpuSeconds))).append(" | ")
                .append(Statistics.mebibytes(Statistics.median(runs, Measured::peakBytes))).append(" |\n");
    }

    private Measured vitrine(Path ids) throws IOException {
        Path home = Files.createTempDirectory(folder, "home");
        Measured m = Measured.run(List.of(setting.image().command(), "rank", model.toString(), "--data", ids.toString(), "--of", "kv", "--threads", String.valueOf(setting.threads()),
                "--out", folder.resolve("vitrine").toString()), Image.environment(home, true), folder);
        Whole.delete(home);
        return m;
    }

    private Measured torch(Path ids) {
        return Measured.run(List.of(setting.python(), setting.sources().resolve("python/cache_ranks.py").toString(), model.toString(), ids.toString(),
                folder.resolve("torch.safetensors").toString(), String.valueOf(setting.threads())), Map.of("OMP_NUM_THREADS", String.valueOf(setting.threads()), "HF_HUB_OFFLINE", "1"), folder);
    }

    private double difference() {
        double most = 0;
        try (SafetensorsFile a = SafetensorsFile.open(folder.resolve("vitrine.safetensors")); SafetensorsFile b = SafetensorsFile.open(folder.resolve("torch.safetensors"))) {
            for (String name : COMPARED) {
                double[] x = a.doubles(name);
                double[] y = b.doubles(name);
                int width = x.length / RandomCheckpoint.LAYERS;
                for (int i = 0; i < x.length; i++) {
                    most = Math.max(most, Math.abs(x[i] - y[i]) / y[i / width * width]);
                }
            }
        }
        return most;
    }

    /// Random tokens, one sequence a line.
    private Path ids() throws IOException {
        Random random = new Random(77);
        List<String> lines = new ArrayList<>();
        for (int s = 0; s < SEQUENCES; s++) {
            lines.add("{\"input_ids\": " + random.ints(TOKENS, 0, RandomCheckpoint.VOCABULARY).boxed().toList() + "}");
        }
        return Files.write(folder.resolve("ids.jsonl"), lines);
    }
}
