package vitrine.core.work.finetune;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.architecture.AttentionLoops;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.LoopTrail;
import vitrine.core.backward.Looping;
import vitrine.core.backward.LossPass;
import vitrine.core.backward.Parameters;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.forward.Batch;
import vitrine.core.forward.ForwardPass;
import vitrine.core.forward.KeyValueCache;
import vitrine.core.forward.ProductsForTests;
import vitrine.core.json.Json;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskInputs;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.input.LoadedModel;

/// What SGT's training leaves behind is opened like any other checkpoint, with its loops; what they are not done in refuses it.
class AttentionLoopsTest {

    private static final Path BASE = Path.of("src/test/resources/reference/llama-gqa").toAbsolutePath();
    private static final int[] IDS = {5, 9, 117, 33, 8, 204, 21, 300, 7, 7, 19, 440};

    @TempDir
    static Path folder;

    private static Path data;
    private static Path grown;
    private static JsonNode run;

    /// Grown for five steps: layer 2 loops twice, some of its heads half faded, and layer 1 once.
    @BeforeAll
    static void grow() throws IOException {
        data = folder.resolve("data.jsonl");
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            ObjectNode line = Json.object();
            for (int id : IDS) {
                line.withArray("input_ids").add((id + 13 * i) % 448);
            }
            lines.add(Json.line(line));
        }
        Files.write(data, lines);
        Artifact a = finetune(BASE, "sgt", "grown", Json.object().put("steps", 7).put("batchSize", 2).put("lr", 2e-3).put("growEvery", 2).put("growLayers", 2).put("growLoops", 2).put("growHeads", 3));
        grown = a.folder();
        run = a.manifest().summary();
    }

    private static Artifact run(ObjectNode task, String name, List<String> warnings) throws IOException {
        return TaskRunner.run(Task.fromJson(task), folder.resolve(name), Progress.NONE, warnings::add);
    }

    private static Artifact finetune(Path model, String method, String name, ObjectNode settings) throws IOException {
        ObjectNode t = Json.object().put("kind", "finetune").put("model", model.toString()).put("data", data.toString()).put("evalData", data.toString()).put("method", method);
        t.set("settings", settings);
        return run(t, name, new ArrayList<>());
    }

    private static ObjectNode task(String kind, Path model) {
        ObjectNode t = Json.object().put("kind", kind).put("model", model.toString());
        if (kind.equals("capture")) {
            ObjectNode prompt = t.putObject("prompt");
            for (int id : IDS) {
                prompt.withArray("ids").add(id);
            }
            t.putArray("what").add("attentions").add("logits").add("loss");
        } else if (!kind.equals("convert")) {
            t.put("data", data.toString());
        }
        return t;
    }

    private static double evaluated(Path model, String name) throws IOException {
        return run(task("eval", model), name, new ArrayList<>()).manifest().summary().path("loss").asDouble();
    }

    /// A copy of the grown model with another file of loops, or without it.
    private static Path copy(String name, String loops) throws IOException {
        Path to = Files.createDirectory(folder.resolve(name));
        try (Stream<Path> files = Files.list(grown)) {
            for (Path f : files.toList()) {
                if (Stream.of("config.json", "model.safetensors", "tokenizer.json").anyMatch(f.getFileName().toString()::equals)) {
                    Files.copy(f, to.resolve(f.getFileName()));
                }
            }
        }
        if (loops != null) {
            Files.writeString(to.resolve(AttentionLoops.FILE), loops);
        }
        return to;
    }

    private static ModelSpec spec(Checkpoint c) {
        return Families.read(c.config(), c.configFile(), c.tensors().keySet());
    }

    @Test
    void itsLossIsThatOfTrainingAndThatOfTheUpdateInDoublePrecision() throws IOException {
        double eval = evaluated(grown, "eval");
        assertEquals(run.path("validation_loss").asDouble(), eval, 1e-6, "the run's own last validation");
        assertTrue(run.path("needs_loop_runtime").asBoolean());

        // The plain model in the training pass, its loops from outside.
        Checkpoint c = Checkpoints.open(grown);
        ModelSpec looped = AttentionLoops.on(spec(c), c);
        assertEquals(List.of(1, 2), looped.loopingLayers());
        assertEquals(2, looped.layers().get(2).loops().count());
        assertTrue(looped.layers().get(1).loops().factors().stream().anyMatch(f -> f > 0 && f < 1), "a head that fades");
        List<LossPass.Sequence> sequences = new ArrayList<>();
        double sum = 0;
        int predicted = 0;
        for (String line : Files.readAllLines(data)) {
            int[] ids = Json.mapper().convertValue(Json.mapper().readTree(line).path("input_ids"), int[].class);
            sequences.add(LossPass.Sequence.of(ids, ids, false));
            sum += doublePrecision(ids, looped);
            predicted += ids.length - 1;
        }
        try (Parameters p = new Parameters(c, spec(c), ProductsForTests.PRODUCTS, t -> false); LossPass pass = new LossPass(p, 1)) {
            double plain = pass.evaluate(sequences, Progress.NONE).sum() / predicted;
            pass.loop(Looping.ofOrNull(looped));
            double training = pass.evaluate(sequences, Progress.NONE).sum() / predicted;
            assertEquals(training, eval, 1e-6);
            assertTrue(Math.abs(plain - eval) > 1e-3, "the loops matter: " + plain + " without, " + eval + " with");
            assertEquals(plain, evaluated(copy("plain", null), "eval-plain"), 1e-6);
        }
        assertEquals(sum / predicted, eval, 2e-6, "written out in float64");
    }

    /// A line for the first step, one for each window of two steps, and one for the last.
    @Test
    void theRunKeepsHowItGrew() {
        LoopTrail trail = LoopTrail.read(LoopTrail.in(grown).orElseThrow());
        assertEquals(List.of(1L, 2L, 4L, 6L, 7L), trail.steps().stream().map(LoopTrail.Step::step).toList());
        assertEquals(List.of("[0, 0, 0]", "[0, 0, 1]", "[0, 0, 2]", "[0, 1, 2]", "[0, 1, 2]"), trail.steps().stream().map(s -> Arrays.toString(s.loops())).toList());
        JsonNode last = Json.readObject(grown.resolve(AttentionLoops.FILE), grown, 1 << 20, Category.CONFIG_INVALID).path("entropies");
        for (int l = 0; l < 3; l++) {
            for (int h = 0; h < 8; h++) {
                assertEquals(last.get(l).get(h).asDouble(), trail.steps().getLast().entropy()[l][h], 1e-7);
                assertTrue(last.get(l).get(h).asDouble() > 0 && last.get(l).get(h).asDouble() <= 1 + 1e-6);
            }
        }
    }

    @Test
    void attentionIsThatOfTheFirstRun() throws IOException {
        List<String> warnings = new ArrayList<>();
        Artifact a = run(task("capture", grown), "capture", warnings);
        assertEquals(List.of("Layers 1, 2 repeat their attention (attention_loops.json): attention, queries, keys and values are those of the first run."), warnings);
        Artifact plain = run(task("capture", copy("plain-capture", null)), "capture-plain", new ArrayList<>());
        try (SafetensorsFile with = SafetensorsFile.open(a.tensorFile()); SafetensorsFile without = SafetensorsFile.open(plain.tensorFile())) {
            int layer = 8 * IDS.length * IDS.length;
            assertArrayEquals(without.floats("attentions", 0, 2 * layer), with.floats("attentions", 0, 2 * layer), "up to the first run of the first layer that loops");
            assertNotEquals(without.floats("attentions", 2 * layer, layer)[50], with.floats("attentions", 2 * layer, layer)[50], "what comes after it sees other values");
            assertEquals(doublePrecision(IDS, AttentionLoops.on(spec(Checkpoints.open(grown)), Checkpoints.open(grown))) / (IDS.length - 1), with.doubles("loss")[0], 2e-6);
        }
        assertTrue(a.provenance("attentions").orElseThrow().method().endsWith("; in layers that repeat their attention, of the first run"));
        assertFalse(a.provenance("logits").orElseThrow().method().contains("first run"));
        List<String> told = new ArrayList<>();
        Artifact heads = run(task("heads", grown), "heads", told);
        assertTrue(heads.provenance("entropy").orElseThrow().method().endsWith("of the first run"));
        assertTrue(told.getFirst().startsWith("Layers 1, 2 repeat"), told.toString());
        run(task("rank", grown).put("of", "hidden"), "rank", new ArrayList<>());
        assertTrue(Anatomy.of(Checkpoints.open(grown)).warnings().stream().anyMatch(w -> w.message().contains("Layers 1, 2 repeat their attention")));
    }

    @Test
    void otherMethodsTrainOnWithTheLoopsAsTheyAre() throws IOException {
        ObjectNode one = Json.object().put("steps", 1).put("batchSize", 4).put("lr", 1e-3).put("order", "sequential");
        Artifact full = finetune(grown, "full", "full", one);
        assertEquals(run.path("validation_loss").asDouble(), full.manifest().summary().path("first_loss").asDouble(), 1e-6, "where the first run ended");
        assertArrayEquals(Files.readAllBytes(grown.resolve(AttentionLoops.FILE)), Files.readAllBytes(full.folder().resolve(AttentionLoops.FILE)));
        assertEquals(full.manifest().summary().path("validation_loss").asDouble(), evaluated(full.folder(), "eval-full"), 1e-6);
        Artifact lora = finetune(grown, "lora", "lora", one.deepCopy().put("r", 2));
        ObjectNode with = task("eval", grown);
        with.putArray("adapters").addObject().put("path", lora.folder().toString());
        double loss = run(with, "eval-lora", new ArrayList<>()).manifest().summary().path("loss").asDouble();
        assertEquals(lora.manifest().summary().path("validation_loss").asDouble(), loss, 1e-6);
        assertTrue(Files.readString(lora.folder().resolve("README.md")).contains("trained on a base whose `attention_loops.json`"));
        for (String method : List.of("sgt", "apex")) {
            Refusal r = assertThrows(Refusal.class, () -> finetune(grown, method, method, one));
            assertTrue(r.problem().startsWith("its attention_loops.json says that layer 1 repeats its attention"), r.problem());
        }
    }

    @Test
    void refusesWhatIsNotDoneWithLoops() throws IOException {
        ObjectNode off = task("eval", grown);
        off.putObject("off").putArray("layers").add(0);
        ObjectNode cache = task("eval", grown);
        cache.putObject("cache").putArray("keep").add(0.5);
        ObjectNode stack = task("convert", grown).put("how", "stack").put("times", 2);
        ObjectNode prune = task("prune", grown).put("method", "magnitude");
        prune.putObject("settings").put("sparsity", 0.5);
        for (ObjectNode t : List.of(off, cache, task("rank", grown).put("of", "activations"), stack, prune)) {
            Refusal r = assertThrows(Refusal.class, () -> run(t, "refused", new ArrayList<>()), t::toString);
            assertEquals(Category.FAMILY_UNSUPPORTED, r.category(), r.getMessage());
            assertTrue(r.problem().startsWith("its attention_loops.json says that layers repeat their attention, which only "), r.problem());
        }
        assertFalse(Files.exists(folder.resolve("refused")));
        Checkpoint c = Checkpoints.open(grown);
        ModelSpec spec = AttentionLoops.on(spec(c), c);
        try (LoadedModel m = LoadedModel.openWithLoops(grown.toString(), null); KeyValueCache keys = new KeyValueCache(spec, 16)) {
            assertThrows(IllegalArgumentException.class, () -> m.forward().run(Batch.of(IDS), Probe.NONE, ForwardPass.LogitRows.LAST, keys, Progress.NONE));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
            "[]| its JSON is an array where an object {...} belongs",
            "{\"layers\": | is not valid JSON at line 1",
            "{}| \"layers\" is not there; a list of the layers that loop belongs here",
            "{\"layers\":[]}| \"layers\" is []; a list",
            "{\"layers\":[{\"layer\":3,\"loops\":1,\"heads\":[0]}]}| layers[0].layer is 3; a whole number from 0 to 2 belongs here",
            "{\"layers\":[{\"loops\":1,\"heads\":[0]}]}| layers[0].layer is not there; a whole number from 0 to 2",
            "{\"layers\":[{\"layer\":1,\"loops\":0,\"heads\":[0]}]}| layers[0].loops is 0; a whole number from 1 to 64",
            "{\"layers\":[{\"layer\":1,\"loops\":2.5,\"heads\":[0]}]}| layers[0].loops is 2.5; a whole number",
            "{\"layers\":[{\"layer\":1,\"loops\":1,\"heads\":[8]}]}| layers[0].heads is 8; a whole number from 0 to 7",
            "{\"layers\":[{\"layer\":1,\"loops\":1}]}| layers[0].heads is not there; a list of the heads that loop belongs here",
            "{\"layers\":[{\"layer\":1,\"loops\":1,\"heads\":[0],\"factors\":[1,0]}]}| layers[0].factors has 2 values; the layer has 8 heads",
            "{\"layers\":[{\"layer\":1,\"loops\":1,\"heads\":[0],\"factors\":[1,0,0,0,0,0,0,2]}]}| layers[0].factors[7] is 2; a number from 0 to 1",
            "{\"layers\":[{\"layer\":1,\"loops\":1,\"heads\":[0],\"factors\":[1,0,0,0,0,0,0,NaN]}]}| layers[0].factors[7] is \"NaN\"; a number from 0 to 1",
            "{\"layers\":[{\"layer\":1,\"loops\":1,\"heads\":[0],\"factors\":[0,0,0,0,0,0,0,0]}]}| layers[0].factors[0] is 0, and head 0 is among the heads that loop, whose factor is 1",
            "{\"layers\":[{\"layer\":1,\"loops\":1,\"heads\":[0]},{\"layer\":1,\"loops\":1,\"heads\":[0]}]}| it names layer 1 twice",
    })
    void refusesAFileThatDoesNotFit(String loops, String says) throws IOException {
        Path model = copy("bad" + System.nanoTime(), loops);
        Refusal r = assertThrows(Refusal.class, () -> evaluated(model, "bad"));
        assertEquals(Category.CONFIG_INVALID, r.category());
        assertTrue(r.getMessage().contains(AttentionLoops.FILE), r.getMessage());
        assertTrue(r.problem().contains(says), r.problem());
    }

    @Test
    void anotherFileOfLoopsIsAnotherModel() throws IOException {
        Path a = copy("one", "{\"layers\":[{\"layer\":1,\"loops\":1,\"heads\":[0]}]}");
        String first = TaskInputs.key(Task.fromJson(task("eval", a)), "x");
        Files.writeString(a.resolve(AttentionLoops.FILE), "{\"layers\":[{\"layer\":1,\"loops\":2,\"heads\":[0]}]}");
        assertNotEquals(first, TaskInputs.key(Task.fromJson(task("eval", a)), "x"));
        Files.delete(a.resolve(AttentionLoops.FILE));
        assertNotEquals(first, TaskInputs.key(Task.fromJson(task("eval", a)), "x"));
        Files.createSymbolicLink(a.resolve(AttentionLoops.FILE), a.resolve("gone.json"));
        assertThrows(Refusal.class, () -> evaluated(a, "gone"), "a link to nothing is no model without loops");
    }

    // --- Llama with loops, written out in float64

    /// The sum of -ln p over the tokens that are predicted.
    private static double doublePrecision(int[] ids, ModelSpec spec) {
        try (SafetensorsFile w = SafetensorsFile.open(grown.resolve("model.safetensors"))) {
            double[][] x = new double[ids.length][];
            double[] table = w.doubles("model.embed_tokens.weight");
            for (int t = 0; t < ids.length; t++) {
                x[t] = Arrays.copyOfRange(table, ids[t] * 64, ids[t] * 64 + 64);
            }
            for (int l = 0; l < 3; l++) {
                String p = "model.layers." + l + ".";
                AttentionLoops loops = spec.layers().get(l).loops();
                for (int i = 0; i <= (loops == null ? 0 : loops.count()); i++) {
                    add(x, attention(w, p, normed(x, w.doubles(p + "input_layernorm.weight")), i == 0 ? null : loops));
                }
                double[][] h = normed(x, w.doubles(p + "post_attention_layernorm.weight"));
                double[][] gate = times(h, w.doubles(p + "mlp.gate_proj.weight"));
                double[][] up = times(h, w.doubles(p + "mlp.up_proj.weight"));
                for (int t = 0; t < gate.length; t++) {
                    for (int c = 0; c < gate[t].length; c++) {
                        gate[t][c] *= up[t][c] / (1 + Math.exp(-gate[t][c]));
                    }
                }
                add(x, times(gate, w.doubles(p + "mlp.down_proj.weight")));
            }
            double[][] logits = times(normed(x, w.doubles("model.norm.weight")), w.doubles("lm_head.weight"));
            double sum = 0;
            for (int t = 0; t + 1 < ids.length; t++) {
                double all = 0;
                for (double v : logits[t]) {
                    all += Math.exp(v);
                }
                sum += Math.log(all) - logits[t][ids[t + 1]];
            }
            return sum;
        }
    }

    /// 8 heads of 8 values, 2 of keys and values.
    private static double[][] attention(SafetensorsFile w, String p, double[][] h, AttentionLoops loops) {
        double[][] q = turned(times(h, w.doubles(p + "self_attn.q_proj.weight")));
        double[][] k = turned(times(h, w.doubles(p + "self_attn.k_proj.weight")));
        double[][] v = times(h, w.doubles(p + "self_attn.v_proj.weight"));
        double[][] z = new double[h.length][64];
        for (int head = 0; head < 8; head++) {
            int kv = head / 4;
            for (int t = 0; t < h.length; t++) {
                double[] p1 = new double[t + 1];
                double all = 0;
                for (int s = 0; s <= t; s++) {
                    double dot = 0;
                    for (int c = 0; c < 8; c++) {
                        dot += q[t][head * 8 + c] * k[s][kv * 8 + c];
                    }
                    p1[s] = Math.exp(dot / Math.sqrt(8));
                    all += p1[s];
                }
                for (int c = 0; c < 8; c++) {
                    for (int s = 0; s <= t; s++) {
                        z[t][head * 8 + c] += p1[s] / all * v[s][kv * 8 + c] * (loops == null ? 1 : loops.factors().get(head));
                    }
                }
            }
        }
        return times(z, w.doubles(p + "self_attn.o_proj.weight"));
    }

    private static double[][] turned(double[][] x) {
        for (int t = 0; t < x.length; t++) {
            for (int head = 0; head < x[t].length / 8; head++) {
                for (int c = 0; c < 4; c++) {
                    double angle = t * Math.pow(10000, -2.0 * c / 8);
                    double a = x[t][head * 8 + c];
                    double b = x[t][head * 8 + c + 4];
                    x[t][head * 8 + c] = a * Math.cos(angle) - b * Math.sin(angle);
                    x[t][head * 8 + c + 4] = b * Math.cos(angle) + a * Math.sin(angle);
                }
            }
        }
        return x;
    }

    private static double[][] normed(double[][] x, double[] weight) {
        double[][] y = new double[x.length][64];
        for (int t = 0; t < x.length; t++) {
            double squares = 0;
            for (double v : x[t]) {
                squares += v * v;
            }
            for (int c = 0; c < 64; c++) {
                y[t][c] = x[t][c] / Math.sqrt(squares / 64 + 1e-5) * weight[c];
            }
        }
        return y;
    }

    private static double[][] times(double[][] x, double[] w) {
        int in = x[0].length;
        double[][] y = new double[x.length][w.length / in];
        for (int t = 0; t < x.length; t++) {
            for (int o = 0; o < y[t].length; o++) {
                for (int c = 0; c < in; c++) {
                    y[t][o] += x[t][c] * w[o * in + c];
                }
            }
        }
        return y;
    }

    private static void add(double[][] x, double[][] y) {
        for (int t = 0; t < x.length; t++) {
            for (int c = 0; c < x[t].length; c++) {
                x[t][c] += y[t][c];
            }
        }
    }
}
