package vitrine.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// The figures of an adapter of rank 64 on every linear layer of Llama-3.1-8B's shape, `vitrine adapter`, against forming each delta and decomposing it; and the
/// loss without each module, against running the model for each loss.
///
/// The plain way is timed on one module of each shape and counted up, as it would take an hour.
final class AdapterBench {

    private static final int RANK = 64;
    private static final int SMALL_RANK = 16;
    private static final int SEQUENCES = 4;
    private static final int TOKENS = 512;
    private static final int EVALS = 3;

    private final Setting setting;
    private final Path folder;
    private final int layers = Integer.getInteger("bench.adapter.layers", RandomCheckpoint.LLAMA_8B.layers());

    AdapterBench(Setting setting) {
        this.setting = setting;
        folder = setting.scratch().resolve("adapter");
    }

    String run() throws IOException {
        Files.createDirectories(folder);
        String report = spectra() + losses();
        Whole.delete(folder);
        return report;
    }

    // --- spectra

    private String spectra() throws IOException {
        RandomCheckpoint shape = RandomCheckpoint.LLAMA_8B.withLayers(layers);
        setting.say("adapter: making the adapter");
        Path adapter = folder.resolve("large");
        long parameters = write(adapter, shape, RANK);
        List<Measured> ours = new ArrayList<>();
        Path figures = folder.resolve("figures.safetensors");
        // Round 0 fills the system's file cache and does not count.
        for (int round = 0; round <= setting.rounds(); round++) {
            setting.say("adapter: round " + round + " of " + setting.rounds());
            Measured m = vitrine("adapter", adapter.toString(), "--out", figures.toString());
            if (round > 0) {
                ours.add(m);
            }
        }
        double seconds = Statistics.median(ours, Measured::seconds);
        StringBuilder report = new StringBuilder(String.format(Locale.ROOT, "## Figures of an adapter, rank %d on every linear layer of %s's shape (%d layers, %,d parameters), %d threads%n%n", RANK,
                shape.name(), layers, parameters, setting.threads())).append("As a whole command, with all singular values in a file; medians of ").append(setting.rounds())
                .append(" runs.\n\n| | seconds | peak resident memory, MiB |\n| --- | --- | --- |\n");
        report.append("| `vitrine adapter` (command and worker) | ").append(Statistics.secondsWithRange(ours.stream().map(Measured::seconds).toList())).append(" | ")
                .append(Statistics.mebibytes(Statistics.median(ours, Measured::peakBytes))).append(" |\n");
        if (setting.python() == null) {
            return report.append("\n**torch was not measured: VITRINE_PYTHON names no Python that has torch and safetensors.**\n\n").toString();
        }
        setting.say("adapter: each delta formed, one module of each shape");
        Measured plain = Measured.run(List.of(setting.python(), setting.sources().resolve("python/delta_spectra.py").toString(), adapter.toString(), String.valueOf(setting.threads())),
                Map.of("OMP_NUM_THREADS", String.valueOf(setting.threads())), folder);
        JsonNode told = Json.mapper().readTree(plain.out());
        double theirs = 0;
        double largest = 0;
        StringBuilder parts = new StringBuilder();
        try (SafetensorsFile file = SafetensorsFile.open(figures)) {
            for (JsonNode s : told.get("shapes")) {
                theirs += s.get("seconds").asDouble() * s.get("modules").asInt();
                parts.append(parts.isEmpty() ? "" : ", ").append(String.format(Locale.ROOT, "%d of %d x %d at %.2f s", s.get("modules").asInt(), s.at("/shape/0").asInt(), s.at("/shape/1").asInt(),
                        s.get("seconds").asDouble()));
                double[] own = file.doubles("sv." + s.get("module").asText());
                for (int i = 0; i < own.length; i++) {
                    largest = Math.max(largest, Math.abs(own[i] - s.get("values").get(i).asDouble()) / own[0]);
                }
            }
        }
        report.append("| torch ").append(told.path("torch").asText()).append(", each delta formed, `svdvals`; counted up from one module of each shape | ").append(Statistics.seconds(theirs)).append(" | ")
                .append(Statistics.mebibytes(plain.peakBytes())).append(" |\n");
        report.append(String.format(Locale.ROOT, "| **ratio** | **%.4f** | **%.2f** |%n%n", seconds / theirs, Statistics.median(ours, Measured::peakBytes) / plain.peakBytes()));
        report.append(String.format(Locale.ROOT, "Modules: %s. Largest difference of a singular value, by the largest of its module: %.1e (float32 there, float64 here).%n%n", parts, largest));
        return report.toString();
    }

    // --- losses

    private String losses() throws IOException {
        RandomCheckpoint shape = RandomCheckpoint.SMOL;
        setting.say("adapter: making a checkpoint and an adapter for losses");
        Path model = folder.resolve("model");
        shape.write(model);
        Path adapter = folder.resolve("small");
        write(adapter, shape, SMALL_RANK);
        Random random = new Random(81);
        List<String> lines = new ArrayList<>();
        for (int s = 0; s < SEQUENCES; s++) {
            lines.add("{\"input_ids\": " + random.ints(TOKENS, 0, shape.vocabulary()).boxed().toList() + "}");
        }
        Path ids = Files.write(folder.resolve("ids.jsonl"), lines);
        String[] each = {"adapter", adapter.toString(), "--model", model.toString(), "--data", ids.toString(), "--alignment", "none", "--ranks", "0", "--without", "modules", "--modules", "*.o_proj"};
        String[] curve = {"adapter", adapter.toString(), "--model", model.toString(), "--data", ids.toString(), "--alignment", "none", "--ranks", "0,1,2,4,8"};
        String[] once = {"eval", model.toString(), "--adapter", adapter.toString(), "--data", ids.toString()};
        List<Measured> evals = new ArrayList<>();
        for (int i = 0; i <= EVALS; i++) {
            setting.say("adapter: the model run once, " + i + " of " + EVALS);
            Measured m = vitrine(once);
            if (i > 0) {
                evals.add(m);
            }
        }
        double eval = Statistics.median(evals, Measured::seconds);
        StringBuilder report = new StringBuilder(String.format(Locale.ROOT, "## Losses with parts of an adapter, rank %d on every linear layer of %s's shape, %,d tokens, %d threads%n%n", SMALL_RANK,
                shape.name(), SEQUENCES * TOKENS, setting.threads())).append("As whole commands, once each; the plain way is `vitrine eval` for each loss, counted up from the median of ").append(EVALS)
                .append(" runs (").append(Statistics.seconds(eval)).append(" s).\n\n| | losses | seconds | the model run for each | times as fast | layers passed, of |\n| --- | --- | --- | --- | --- | --- |\n");
        setting.say("adapter: losses without each o_proj");
        row(report, "without `o_proj` of each layer", vitrine(each), shape.layers() + 3, eval);
        setting.say("adapter: the curve of loss against kept ranks");
        row(report, "with 0, 1, 2, 4, 8 ranks everywhere, none and all", vitrine(curve), 7, eval);
        return report.append("\nA cut of every module changes every layer, so that of the curve only loading, texts and embedding are shared; what leaves layers as they were shares their work.\n\n").toString();
    }

    private static void row(StringBuilder report, String what, Measured m, int losses, double eval) throws IOException {
        JsonNode result = null;
        for (String line : m.out().lines().toList()) {
            JsonNode event = Json.mapper().readTree(line);
            result = event.path("event").asText().equals("result") ? event : result;
        }
        report.append(String.format(Locale.ROOT, "| %s | %d | %s | %s | %.2f | %d of %d |%n", what, losses, Statistics.seconds(m.seconds()), Statistics.seconds(losses * eval), losses * eval / m.seconds(),
                result.path("layer_passes").asInt(), result.path("layer_passes_plainly").asInt()));
    }

    // --- what both need

    private Measured vitrine(String... arguments) throws IOException {
        Path home = Files.createTempDirectory(folder, "home");
        List<String> command = new ArrayList<>(List.of(setting.image().command()));
        command.addAll(List.of(arguments));
        command.addAll(List.of("--json", "--threads", String.valueOf(setting.threads())));
        Measured m = Measured.run(command, Image.environment(home, true), folder);
        Whole.delete(home);
        return m;
    }

    /// Random factors in bfloat16; @return their number.
    private static long write(Path to, RandomCheckpoint shape, int rank) throws IOException {
        Files.createDirectories(to);
        int kv = shape.keyValueHeads() * (shape.hidden() / shape.heads());
        Map<String, Declared> tensors = new LinkedHashMap<>();
        ObjectNode config = Json.object().put("peft_type", "LORA").put("r", rank).put("lora_alpha", 2 * rank).put("task_type", "CAUSAL_LM");
        ArrayNode targets = config.putArray("target_modules");
        for (String t : List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")) {
            targets.add(t);
        }
        for (int l = 0; l < shape.layers(); l++) {
            String layer = "base_model.model.model.layers." + l + ".";
            add(tensors, layer + "self_attn.q_proj", shape.hidden(), shape.hidden(), rank);
            add(tensors, layer + "self_attn.k_proj", kv, shape.hidden(), rank);
            add(tensors, layer + "self_attn.v_proj", kv, shape.hidden(), rank);
            add(tensors, layer + "self_attn.o_proj", shape.hidden(), shape.hidden(), rank);
            add(tensors, layer + "mlp.gate_proj", shape.intermediate(), shape.hidden(), rank);
            add(tensors, layer + "mlp.up_proj", shape.intermediate(), shape.hidden(), rank);
            add(tensors, layer + "mlp.down_proj", shape.hidden(), shape.intermediate(), rank);
        }
        RandomCheckpoint.fill(to, tensors);
        Files.move(to.resolve("model.safetensors"), to.resolve("adapter_model.safetensors"));
        Files.writeString(to.resolve("adapter_config.json"), Json.pretty(config));
        return tensors.values().stream().mapToLong(d -> d.shape().elements()).sum();
    }

    private static void add(Map<String, Declared> to, String module, int out, int in, int rank) {
        to.put(module + ".lora_A.weight", new Declared(DType.BF16, Shape.of(rank, in)));
        to.put(module + ".lora_B.weight", new Declared(DType.BF16, Shape.of(out, rank)));
    }
}
