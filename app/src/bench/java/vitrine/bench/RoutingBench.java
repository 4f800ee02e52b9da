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

/// Routing of random tokens through a checkpoint of Qwen3-MoE's kind (8 layers, 64 experts, 8 per token, hidden size 1,024), bfloat16: `vitrine routing` against transformers with
/// `output_router_logits`.
final class RoutingBench {

    private static final int SEQUENCES = Integer.getInteger("bench.sequences", 40);
    private static final int TOKENS = 512;
    private static final List<String> COMPARED = List.of("expert_load", "coactivation");

    private final Setting setting;
    private final Path folder;
    private final Path model;

    RoutingBench(Setting setting) {
        this.setting = setting;
        folder = setting.scratch().resolve("routing");
        model = folder.resolve("model");
    }

    String run() throws IOException {
        Files.createDirectories(folder);
        setting.say("routing: making the checkpoint");
        RandomCheckpoint.writeMixture(model);
        Path ids = ids();
        List<Measured> ours = new ArrayList<>();
        List<Measured> theirs = new ArrayList<>();
        if (setting.python() == null) {
            setting.say("**transformers was not measured: VITRINE_PYTHON names no Python that has torch, transformers and safetensors.**");
        }
        // Round 0 fills the system's file cache and does not count.
        for (int round = 0; round <= setting.rounds(); round++) {
            setting.say("routing: whole commands, round " + round + " of " + setting.rounds());
            for (int turn = 0; turn < 2; turn++) {
                if ((round + turn) % 2 == 0) {
                    ours.add(vitrine(ids));
                } else if (setting.python() != null) {
                    theirs.add(transformers(ids));
                }
            }
        }
        ours.removeFirst();
        StringBuilder report = new StringBuilder(String.format(Locale.ROOT, "## Routing of %,d tokens, 8 layers with 64 experts, hidden size 1,024, %d threads%n%n", SEQUENCES * TOKENS,
                setting.threads())).append("As whole commands, from start to end with the results in a file; medians of ").append(setting.rounds())
                .append(" rounds in turns (range). transformers finds loads, co-activation, entropy and loss; Vitrine these and all other figures of `vitrine routing`.")
                .append("\n\n| | seconds | CPU seconds | peak resident memory, MiB |\n| --- | --- | --- | --- |\n");
        RankBench.row(report, "`vitrine routing` (command and worker)", ours);
        if (!theirs.isEmpty()) {
            theirs.removeFirst();
            JsonNode other = Json.mapper().readTree(theirs.getFirst().out());
            RankBench.row(report, "transformers " + other.path("transformers").asText() + ", torch " + other.path("torch").asText() + ", Python " + other.path("python").asText(), theirs);
            report.append(String.format(Locale.ROOT, "| **ratio** | **%.2f** | %.2f | **%.2f** |%n", RankBench.ratio(ours, theirs, Measured::seconds),
                    RankBench.ratio(ours, theirs, Measured::cpuSeconds), RankBench.ratio(ours, theirs, Measured::peakBytes)));
            report.append(agreement(other));
        } else {
            report.append("\n**transformers was not measured.**\n");
        }
        report.append('\n');
        Whole.delete(folder);
        return report.toString();
    }

    private Measured vitrine(Path ids) throws IOException {
        Path home = Files.createTempDirectory(folder, "home");
        Measured m = Measured.run(List.of(setting.image().command(), "routing", model.toString(), "--data", "ids=" + ids, "--threads", String.valueOf(setting.threads()),
                "--out", folder.resolve("vitrine").toString()), Image.environment(home, true), folder);
        Whole.delete(home);
        return m;
    }

    private Measured transformers(Path ids) {
        return Measured.run(List.of(setting.python(), setting.sources().resolve("python/routing.py").toString(), model.toString(), ids.toString(),
                folder.resolve("torch.safetensors").toString(), String.valueOf(setting.threads())), Map.of("OMP_NUM_THREADS", String.valueOf(setting.threads()), "HF_HUB_OFFLINE", "1"), folder);
    }

    /// How far the two results are apart: choices that are nearly ties may fall either way.
    private String agreement(JsonNode other) throws IOException {
        StringBuilder out = new StringBuilder();
        try (SafetensorsFile a = SafetensorsFile.open(folder.resolve("vitrine.safetensors")); SafetensorsFile b = SafetensorsFile.open(folder.resolve("torch.safetensors"))) {
            for (String name : COMPARED) {
                double[] x = a.doubles(name);
                double[] y = b.doubles(name);
                double apart = 0;
                double all = 0;
                for (int i = 0; i < x.length; i++) {
                    apart += Math.abs(x[i] - y[i]) / 2;
                    all += x[i];
                }
                out.append(String.format(Locale.ROOT, "%nOf %,.0f counts of `%s` %,.0f are elsewhere.", all, name, apart));
            }
        }
        JsonNode mine = Json.mapper().readTree(folder.resolve("vitrine.json").toFile());
        return out + String.format(Locale.ROOT, " Loss %.6f and %.6f.%n", mine.path("loss").asDouble(), other.path("loss").asDouble());
    }

    /// Random tokens, one sequence a line.
    private Path ids() throws IOException {
        Random random = new Random(78);
        List<String> lines = new ArrayList<>();
        for (int s = 0; s < SEQUENCES; s++) {
            lines.add("{\"input_ids\": " + random.ints(TOKENS, 0, RandomCheckpoint.MIXTURE_VOCABULARY).boxed().toList() + "}");
        }
        return Files.write(folder.resolve("ids.jsonl"), lines);
    }
}
