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

/// Steps of LoRA, r = 16 on every linear layer, over sequences of 512 random tokens through a checkpoint of SmolLM-135M's shape: `vitrine finetune`
/// against transformers and peft.
final class FinetuneBench {

    private static final int STEPS = 12;
    /// Steps in which compilers and caches warm up.
    private static final int WARM = 4;
    private static final int TOKENS = 512;

    private final Setting setting;
    private final Path folder;
    private final Path model;

    /// A run as a whole, and its steps after the first few.
    private record Trained(Measured whole, List<Double> stepSeconds) {
        double median() {
            List<Double> sorted = stepSeconds.stream().sorted().toList();
            return sorted.get(sorted.size() / 2);
        }
    }

    FinetuneBench(Setting setting) {
        this.setting = setting;
        folder = setting.scratch().resolve("finetune");
        model = folder.resolve("model");
    }

    String run() throws IOException {
        Files.createDirectories(folder);
        setting.say("finetune: making the checkpoint");
        RandomCheckpoint.SMOL.write(model);
        Random random = new Random(78);
        List<String> lines = new ArrayList<>();
        for (int s = 0; s < STEPS; s++) {
            lines.add("{\"input_ids\": " + random.ints(TOKENS, 0, RandomCheckpoint.SMOL.vocabulary()).boxed().toList() + "}");
        }
        Path ids = Files.write(folder.resolve("ids.jsonl"), lines);
        List<Trained> ours = new ArrayList<>();
        List<Trained> theirs = new ArrayList<>();
        JsonNode versions = null;
        for (int round = 1; round <= setting.rounds(); round++) {
            setting.say("finetune: round " + round + " of " + setting.rounds());
            ours.add(vitrine(ids));
            if (setting.python() != null) {
                Measured m = Measured.run(List.of(setting.python(), setting.sources().resolve("python/lora_steps.py").toString(), model.toString(), ids.toString(), String.valueOf(STEPS),
                        String.valueOf(setting.threads())), Map.of("OMP_NUM_THREADS", String.valueOf(setting.threads()), "HF_HUB_OFFLINE", "1"), folder);
                versions = Json.mapper().readTree(m.out());
                List<Double> seconds = new ArrayList<>();
                versions.get("seconds").forEach(v -> seconds.add(v.asDouble()));
                theirs.add(new Trained(m, seconds.subList(WARM, STEPS)));
            }
        }
        StringBuilder report = new StringBuilder(String.format(Locale.ROOT, "## LoRA, r = 16 on every linear layer, %d tokens a step, SmolLM-135M's shape, %d threads%n%n", TOKENS, setting.threads()))
                .append("float32; medians of ").append(setting.rounds()).append(" runs of ").append(STEPS).append(" steps; a step is the median from step ").append(WARM + 1)
                .append(" on.\n\n| | seconds a step | peak resident memory, MiB |\n| --- | --- | --- |\n");
        row(report, "`vitrine finetune` (command and worker)", ours);
        if (theirs.isEmpty()) {
            report.append("\n**transformers was not measured: VITRINE_PYTHON names no Python that has torch, transformers and peft.**\n");
        } else {
            row(report, "transformers " + versions.path("transformers").asText() + ", peft " + versions.path("peft").asText() + ", torch " + versions.path("torch").asText(), theirs);
            report.append(String.format(Locale.ROOT, "| **ratio** | **%.2f** | **%.2f** |%n", step(ours) / step(theirs), memory(ours) / memory(theirs)));
        }
        report.append('\n');
        Whole.delete(folder);
        return report.toString();
    }

    private static double step(List<Trained> runs) {
        return Statistics.median(runs, Trained::median);
    }

    private static double memory(List<Trained> runs) {
        return Statistics.median(runs, t -> t.whole.peakBytes());
    }

    private static void row(StringBuilder report, String name, List<Trained> runs) {
        report.append("| ").append(name).append(" | ").append(Statistics.seconds(step(runs))).append(" | ").append(Statistics.mebibytes(memory(runs))).append(" |\n");
    }

    private Trained vitrine(Path ids) throws IOException {
        Path home = Files.createTempDirectory(folder, "home");
        Measured m = Measured.run(List.of(setting.image().command(), "finetune", "--model", model.toString(), "--data", ids.toString(), "--method", "lora", "--r", "16", "--steps",
                String.valueOf(STEPS), "--batch-size", "1", "--sequence-length", String.valueOf(TOKENS), "--order", "sequential", "--save-every", "1000", "--threads",
                String.valueOf(setting.threads()), "--json", "--out", folder.resolve("out").toString()), Image.environment(home, true), folder);
        List<Double> seconds = new ArrayList<>();
        for (String line : m.out().lines().toList()) {
            JsonNode event = Json.mapper().readTree(line);
            if (event.has("tokens_per_second")) {
                seconds.add(TOKENS / event.get("tokens_per_second").asDouble());
            }
        }
        Whole.delete(home);
        Whole.delete(folder.resolve("out"));
        return new Trained(m, seconds.subList(WARM, STEPS));
    }
}
