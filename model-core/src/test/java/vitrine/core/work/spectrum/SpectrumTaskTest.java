package vitrine.core.work.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.artifact.Measure;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.SpectrumArtifact.Curve;
import vitrine.core.artifact.SpectrumArtifact.Growth;
import vitrine.core.artifact.SpectrumArtifact.Row;
import vitrine.core.artifact.SpectrumArtifact;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.tensor.nd4j.Nd4jMatrices;
import vitrine.core.testing.Reference;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.input.Glob;
import vitrine.core.work.output.KeptSpectra;

/// Spectra of whole checkpoints: against the reference cases, and against LAPACK's gesvd of slices cut out here by hand.
@Timeout(120)
class SpectrumTaskTest {

    private static final Path CASES = Path.of("src/test/resources/reference").toAbsolutePath();

    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();
    private int runs;

    private SpectrumArtifact run(Task.Spectrum task) throws IOException {
        return run(task, folder.resolve("artifact-" + runs++), Progress.NONE);
    }

    private SpectrumArtifact run(Task.Spectrum task, Path target, Progress progress) throws IOException {
        return SpectrumArtifact.of(TaskRunner.run(task, target, progress, warnings::add));
    }

    private static Task.Spectrum task(Path model, String... tensors) {
        return new Task.Spectrum(model.toString(), null, null, tensors.length == 0 ? null : List.of(tensors), Accuracy.exact, null);
    }

    private static Row row(SpectrumArtifact a, String tensor) {
        return a.rows().stream().filter(r -> r.tensor().equals(tensor)).findFirst().orElseThrow(() -> new AssertionError("no " + tensor + " in " + a.rows().stream().map(Row::tensor).toList()));
    }

    // --- the reference cases

    private static final Map<String, Measure> COLUMNS = new LinkedHashMap<>();

    static {
        COLUMNS.put("er1", Measure.EFFECTIVE_RANK);
        COLUMNS.put("er2", Measure.EFFECTIVE_RANK_SQUARED);
        COLUMNS.put("participation_ratio_energy", Measure.PARTICIPATION_RATIO);
        COLUMNS.put("participation_ratio_sigma", Measure.PARTICIPATION_RATIO_SIGMA);
        COLUMNS.put("stable_rank", Measure.STABLE_RANK);
        COLUMNS.put("nuclear_rank", Measure.NUCLEAR_RANK);
        COLUMNS.put("spectral_norm", Measure.SPECTRAL_NORM);
        COLUMNS.put("frobenius_norm", Measure.FROBENIUS_NORM);
        COLUMNS.put("nuclear_norm", Measure.NUCLEAR_NORM);
        COLUMNS.put("rank90", Measure.RANK_90);
        COLUMNS.put("rank95", Measure.RANK_95);
        COLUMNS.put("rank99", Measure.RANK_99);
        COLUMNS.put("condition_number", Measure.CONDITION_NUMBER);
    }

    @ParameterizedTest
    @CsvSource({"an-weights-llama, llama-gqa", "an-weights-llama-tied, llama-tied", "an-weights-mixtral, mixtral"})
    void everyFigureOfTheReferenceCases(String name, String base) throws IOException {
        Reference reference = Reference.of(name);
        SpectrumArtifact got = run(task(CASES.resolve(base)));
        List<String> names = new ArrayList<>();
        reference.golden().get("matrices").forEach(n -> names.add(n.asText()));
        assertEquals(new TreeSet<>(names), got.rows().stream().map(Row::tensor).collect(Collectors.toCollection(TreeSet::new)));
        List<String> columns = new ArrayList<>();
        reference.golden().get("columns").fieldNames().forEachRemaining(columns::add);
        assertEquals(COLUMNS.keySet(), Set.copyOf(columns));
        try (SafetensorsFile expected = reference.expected()) {
            double[] metrics = expected.doubles("metrics");
            for (int i = 0; i < names.size(); i++) {
                Row row = row(got, names.get(i));
                double[] sv = expected.doubles("sv." + names.get(i));
                double[] s = got.values(row);
                assertEquals(sv.length, s.length);
                for (int k = 0; k < s.length; k++) {
                    assertEquals(sv[k], s[k], 1e-9 * sv[0], names.get(i) + " " + k);
                }
                for (int c = 0; c < columns.size(); c++) {
                    double want = metrics[i * columns.size() + c];
                    assertEquals(want, row.value(COLUMNS.get(columns.get(c))).orElseThrow(), 1e-6 * Math.abs(want), names.get(i) + " " + columns.get(c));
                }
            }
        }
    }

    @Test
    void kindsLayersAndExperts() throws IOException {
        SpectrumArtifact a = run(task(CASES.resolve("mixtral")));
        Map<String, Long> kinds = a.rows().stream().collect(Collectors.groupingBy(Row::kind, Collectors.counting()));
        long layers = a.rows().stream().mapToInt(Row::layer).max().orElseThrow() + 1;
        assertEquals(Map.of("query", layers, "key", layers, "value", layers, "output", layers, "router", layers, "gate", 8 * layers, "up", 8 * layers, "down", 8 * layers,
                "embedding", 1L, "head", 1L), kinds);
        Row expert = row(a, "model.layers.1.block_sparse_moe.experts.5.w2.weight");
        assertEquals("down", expert.kind());
        assertEquals(1, expert.layer());
        assertEquals(5, expert.expert());
        assertEquals("embedding", a.rows().getFirst().kind());
        assertEquals("head", a.rows().getLast().kind());
        assertEquals(List.of("query", "key", "value", "output", "router", "gate", "up", "down", "gate"), a.rows().stream().filter(r -> r.layer() == 0).limit(9).map(Row::kind).toList());
    }

    // --- parts of fused tensors, against slices cut here

    private static double[] slice(Path model, String tensor, int columns, int[] rowList, int[] columnList) {
        try (SafetensorsFile f = SafetensorsFile.open(model.resolve("model.safetensors"))) {
            double[] all = f.doubles(tensor);
            double[] out = new double[rowList.length * columnList.length];
            for (int r = 0; r < rowList.length; r++) {
                for (int c = 0; c < columnList.length; c++) {
                    out[r * columnList.length + c] = all[rowList[r] * columns + columnList[c]];
                }
            }
            return out;
        }
    }

    private static int[] range(int from, int to) {
        return IntStream.range(from, to).toArray();
    }

    private void assertSpectrum(SpectrumArtifact a, String name, double[] values, int rows, int columns) {
        Row row = row(a, name);
        assertEquals(rows, row.rows(), name);
        assertEquals(columns, row.columns(), name);
        double[] want = Nd4jMatrices.singularValues(values, rows, columns);
        double[] got = a.values(row);
        assertEquals(want.length, got.length);
        for (int k = 0; k < want.length; k++) {
            assertEquals(want[k], got[k], 1e-8 * want[0], name + " " + k);
        }
    }

    private static ObjectNode config(Path model) throws IOException {
        return (ObjectNode) Json.mapper().readTree(model.resolve("config.json").toFile());
    }

    @Test
    void gpt2ColumnsAreCutIntoQueryKeyValueAndHeads() throws IOException {
        Path model = CASES.resolve("gpt2");
        ObjectNode c = config(model);
        int h = c.get("n_embd").asInt();
        int heads = c.get("n_head").asInt();
        int d = h / heads;
        SpectrumArtifact a = run(new Task.Spectrum(model.toString(), null, null, null, Accuracy.exact, true));
        String fused = a.rows().stream().map(Row::stored).filter(n -> n.endsWith("h.1.attn.c_attn.weight")).findFirst().orElseThrow();
        String[] parts = {"query", "key", "value"};
        for (int p = 0; p < 3; p++) {
            assertEquals(parts[p], row(a, fused + "#" + parts[p]).kind());
            assertSpectrum(a, fused + "#" + parts[p], slice(model, fused, 3 * h, range(0, h), range(p * h, (p + 1) * h)), h, h);
            int head = heads - 1;
            assertSpectrum(a, fused + "#" + parts[p] + ".head." + head, slice(model, fused, 3 * h, range(0, h), range(p * h + head * d, p * h + (head + 1) * d)), h, d);
            assertEquals(head, row(a, fused + "#" + parts[p] + ".head." + head).head());
        }
        String out = fused.replace("c_attn", "c_proj");
        // Stored [in, out]: the inputs of a head are rows.
        assertSpectrum(a, out + "#head.1", slice(model, out, h, range(d, 2 * d), range(0, h)), d, h);
        assertTrue(a.rows().stream().noneMatch(r -> r.tensor().equals(fused)), "the fused tensor itself means nothing");
    }

    @Test
    void phi3RowsAreCutIntoQueryKeyValueGateAndUp() throws IOException {
        Path model = CASES.resolve("phi3");
        ObjectNode c = config(model);
        int h = c.get("hidden_size").asInt();
        int heads = c.get("num_attention_heads").asInt();
        int kv = c.get("num_key_value_heads").asInt();
        int d = c.path("head_dim").asInt(h / heads);
        int inter = c.get("intermediate_size").asInt();
        SpectrumArtifact a = run(new Task.Spectrum(model.toString(), null, null, List.of("model.layers.0.*"), Accuracy.exact, true));
        String fused = "model.layers.0.self_attn.qkv_proj.weight";
        int[] all = range(0, h);
        assertSpectrum(a, fused + "#query", slice(model, fused, h, range(0, heads * d), all), heads * d, h);
        assertSpectrum(a, fused + "#key", slice(model, fused, h, range(heads * d, (heads + kv) * d), all), kv * d, h);
        assertSpectrum(a, fused + "#value", slice(model, fused, h, range((heads + kv) * d, (heads + 2 * kv) * d), all), kv * d, h);
        assertSpectrum(a, fused + "#key.head.1", slice(model, fused, h, range((heads + 1) * d, (heads + 2) * d), all), d, h);
        String gateUp = "model.layers.0.mlp.gate_up_proj.weight";
        assertSpectrum(a, gateUp + "#gate", slice(model, gateUp, h, range(0, inter), all), inter, h);
        assertSpectrum(a, gateUp + "#up", slice(model, gateUp, h, range(inter, 2 * inter), all), inter, h);
        String o = "model.layers.0.self_attn.o_proj.weight";
        assertSpectrum(a, o + "#head.0", slice(model, o, heads * d, range(0, h), range(0, d)), h, d);
        assertEquals(Set.of("query", "key", "value", "output", "gate", "up", "down"), a.rows().stream().map(Row::kind).collect(Collectors.toSet()));
    }

    @Test
    void gptNeoXRowsTakeTurnsByHead() throws IOException {
        Path model = CASES.resolve("gpt-neox");
        ObjectNode c = config(model);
        int h = c.get("hidden_size").asInt();
        int heads = c.get("num_attention_heads").asInt();
        int d = h / heads;
        SpectrumArtifact a = run(new Task.Spectrum(model.toString(), null, null, List.of("*query_key_value*"), Accuracy.exact, true));
        String fused = "gpt_neox.layers.1.attention.query_key_value.weight";
        String[] parts = {"query", "key", "value"};
        for (int p = 0; p < 3; p++) {
            int part = p;
            int[] rows = IntStream.range(0, heads).flatMap(head -> IntStream.range((3 * head + part) * d, (3 * head + part + 1) * d)).toArray();
            assertSpectrum(a, fused + "#" + parts[p], slice(model, fused, h, rows, range(0, h)), h, h);
            assertSpectrum(a, fused + "#" + parts[p] + ".head.1", slice(model, fused, h, range((3 + p) * d, (4 + p) * d), range(0, h)), d, h);
        }
    }

    /// Three queries, a key and a value of each of two key/value heads.
    @Test
    void falconsRowsTakeTurnsByGroup() throws IOException {
        Path model = CASES.resolve("falcon");
        int h = 12;
        SpectrumArtifact a = run(new Task.Spectrum(model.toString(), null, null, List.of("*query_key_value*"), Accuracy.exact, true));
        String fused = "transformer.h.1.self_attention.query_key_value.weight";
        int[] queries = {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15};
        assertSpectrum(a, fused + "#query", slice(model, fused, h, queries, range(0, h)), h, h);
        assertSpectrum(a, fused + "#key", slice(model, fused, h, new int[] {6, 7, 16, 17}, range(0, h)), 4, h);
        assertSpectrum(a, fused + "#value", slice(model, fused, h, new int[] {8, 9, 18, 19}, range(0, h)), 4, h);
        assertSpectrum(a, fused + "#query.head.4", slice(model, fused, h, range(12, 14), range(0, h)), 2, h);
        assertSpectrum(a, fused + "#value.head.1", slice(model, fused, h, range(18, 20), range(0, h)), 2, h);
    }

    // --- checkpoints made here

    private record Made(DType dtype, Shape shape, double[] values) {}

    private static Made random(DType type, long seed, long... sizes) {
        Random random = new Random(seed);
        return new Made(type, Shape.of(sizes), random.doubles(Shape.of(sizes).elements(), -1, 1).map(v -> (float) v).toArray());
    }

    private Path checkpoint(String name, String config, Map<String, Made> tensors) throws IOException {
        Path model = Files.createDirectories(folder.resolve(name));
        if (config != null) {
            Files.writeString(model.resolve("config.json"), config);
        }
        Map<String, SafetensorsWriter.Declared> declared = new LinkedHashMap<>();
        tensors.forEach((n, t) -> declared.put(n, new SafetensorsWriter.Declared(t.dtype, t.shape)));
        try (SafetensorsWriter out = new SafetensorsWriter(model.resolve("model.safetensors"), declared, Map.of()); Arena arena = Arena.ofConfined()) {
            for (Map.Entry<String, Made> e : tensors.entrySet()) {
                double[] v = e.getValue().values;
                switch (e.getValue().dtype) {
                    case F64 -> out.write(e.getKey(), 0, v);
                    case F32 -> {
                        float[] f = new float[v.length];
                        for (int i = 0; i < f.length; i++) {
                            f[i] = (float) v[i];
                        }
                        out.write(e.getKey(), 0, f);
                    }
                    // Codes, as they stand.
                    case F8_E4M3, U8 -> {
                        MemorySegment s = arena.allocate(Math.max(1, v.length));
                        for (int i = 0; i < v.length; i++) {
                            s.set(ValueLayout.JAVA_BYTE, i, (byte) v[i]);
                        }
                        out.write(e.getKey(), 0, s);
                    }
                    default -> throw new IllegalArgumentException();
                }
            }
        }
        return model;
    }

    /// DBRX stores the rows of all experts one after the other.
    @Test
    void expertsStoredAsRowsAreCutIntoExperts() throws IOException {
        SpectrumArtifact a = run(task(CASES.resolve("dbrx")));
        for (String[] kind : new String[][] {{"w1", "gate"}, {"v1", "up"}, {"w2", "down"}}) {
            Row expert = row(a, "transformer.blocks.1.ffn.experts.mlp." + kind[0] + "#expert.5");
            assertEquals(List.of(kind[1], 1, 5, 24, 32), List.of(expert.kind(), expert.layer(), expert.expert(), expert.rows(), expert.columns()));
        }
        assertEquals(2 * 3 * 6, a.rows().stream().filter(r -> r.expert() >= 0).count());
        // Keys and values of latent attention, one matrix in the file, are two.
        SpectrumArtifact latent = run(task(CASES.resolve("deepseek-v3")));
        Row key = row(latent, "model.layers.0.self_attn.kv_b_proj.weight#key");
        Row value = row(latent, "model.layers.0.self_attn.kv_b_proj.weight#value");
        assertEquals(List.of("key", 4 * 10, 20, "value", 4 * 12, 20), List.of(key.kind(), key.rows(), key.columns(), value.kind(), value.rows(), value.columns()));
    }

    /// gpt-oss: [experts, in, 2 * out] with gate and up in turn; others [experts, 2 * out, in], gate first.
    @Test
    void stackedExpertsAreCutIntoExperts() throws IOException {
        Map<String, Made> tensors = new LinkedHashMap<>();
        tensors.put("model.layers.0.mlp.experts.gate_up_proj", random(DType.F32, 1, 3, 12, 10));
        tensors.put("model.layers.0.mlp.experts.down_proj", random(DType.F32, 2, 3, 5, 12));
        tensors.put("model.layers.0.mlp.experts.gate_up_proj_bias", random(DType.F32, 3, 3, 10));
        tensors.put("model.layers.0.mlp.router.weight", random(DType.F32, 4, 3, 12));
        tensors.put("model.layers.0.conv.weight", random(DType.F32, 4, 3, 12, 4));
        Path oss = checkpoint("oss", "{\"model_type\":\"gpt_oss\",\"hidden_size\":12}", tensors);
        SpectrumArtifact a = run(task(oss));
        assertEquals(10, a.rows().size(), () -> a.rows().toString());
        int[] even = {0, 2, 4, 6, 8};
        int[] odd = {1, 3, 5, 7, 9};
        for (int e = 0; e < 3; e++) {
            String stack = "model.layers.0.mlp.experts.gate_up_proj";
            assertSpectrum(a, stack + "#expert." + e + ".gate", slice(oss, stack, 10, range(12 * e, 12 * e + 12), even), 12, 5);
            assertSpectrum(a, stack + "#expert." + e + ".up", slice(oss, stack, 10, range(12 * e, 12 * e + 12), odd), 12, 5);
            String down = "model.layers.0.mlp.experts.down_proj";
            assertSpectrum(a, down + "#expert." + e, slice(oss, down, 12, range(5 * e, 5 * e + 5), range(0, 12)), 5, 12);
            assertEquals(e, row(a, down + "#expert." + e).expert());
            assertEquals("down", row(a, down + "#expert." + e).kind());
        }
        assertEquals("router", row(a, "model.layers.0.mlp.router.weight").kind());
        assertEquals(List.of("oss: 1 tensor is left out: of more than two dimensions."), warnings);

        Map<String, Made> rows = new LinkedHashMap<>();
        rows.put("model.layers.0.mlp.experts.gate_up_proj", random(DType.F32, 1, 2, 10, 12));
        Path others = checkpoint("others", "{\"model_type\":\"qwen3_moe\",\"hidden_size\":12}", rows);
        SpectrumArtifact b = run(task(others));
        String stack = "model.layers.0.mlp.experts.gate_up_proj";
        assertSpectrum(b, stack + "#expert.1.gate", slice(others, stack, 12, range(10, 15), range(0, 12)), 5, 12);
        assertSpectrum(b, stack + "#expert.1.up", slice(others, stack, 12, range(15, 20), range(0, 12)), 5, 12);
        Curve curve = b.curves(Measure.EFFECTIVE_RANK).stream().filter(c -> c.kind().equals("up")).findFirst().orElseThrow();
        assertTrue(curve.experts());
        assertEquals(2, curve.points().getFirst().count());
        double mean = b.rows().stream().filter(r -> r.kind().equals("up")).mapToDouble(r -> r.value(Measure.EFFECTIVE_RANK).orElseThrow()).average().orElseThrow();
        assertEquals(mean, curve.points().getFirst().value(), 1e-12);
    }

    /// E4M3 by its definition: sign, 4 exponent bits of bias 7, 3 bits of fraction; exponent 0 is subnormal.
    private static double e4m3(int code) {
        int e = code >> 3 & 15;
        int m = code & 7;
        double v = e == 0 ? m / 8.0 * Math.pow(2, -6) : (1 + m / 8.0) * Math.pow(2, e - 7);
        return code >= 128 ? -v : v;
    }

    @ParameterizedTest
    @ValueSource(strings = {"blocks", "rows", "one", "none"})
    void float8ValuesAreMultipliedWithTheirScales(String kind) throws IOException {
        Random random = new Random(7);
        double[] codes = new double[300 * 200];
        for (int i = 0; i < codes.length; i++) {
            codes[i] = random.nextInt(0x7e) | (random.nextBoolean() ? 128 : 0);
        }
        Map<String, Made> tensors = new LinkedHashMap<>();
        String name = "model.layers.0.self_attn.q_proj.weight";
        tensors.put(name, new Made(DType.F8_E4M3, Shape.of(300, 200), codes));
        double[] scales = switch (kind) {
            case "blocks" -> new double[] {0.5, 2, 0.25, 1.75, 3, 1e-2};
            case "rows" -> random.doubles(300, 0.5, 2).map(v -> (float) v).toArray();
            case "one" -> new double[] {0.125};
            default -> new double[0];
        };
        for (int i = 0; i < scales.length; i++) {
            scales[i] = (float) scales[i];
        }
        switch (kind) {
            case "blocks" -> tensors.put(name + "_scale_inv", new Made(DType.F32, Shape.of(3, 2), scales));
            case "rows" -> tensors.put(name + "_scale", new Made(DType.F32, Shape.of(300, 1), scales));
            case "one" -> tensors.put(name + "_scale", new Made(DType.F32, Shape.of(1), scales));
            default -> {
            }
        }
        Path model = checkpoint(kind, "{\"model_type\":\"deepseek_v3\"}", tensors);
        double[] values = new double[codes.length];
        for (int r = 0; r < 300; r++) {
            for (int c = 0; c < 200; c++) {
                double scale = switch (kind) {
                    case "blocks" -> scales[r / 128 * 2 + c / 128];
                    case "rows" -> scales[r];
                    case "one" -> scales[0];
                    default -> 1;
                };
                values[r * 200 + c] = e4m3((int) codes[r * 200 + c]) * scale;
            }
        }
        SpectrumArtifact a = run(task(model));
        assertEquals(List.of(name), a.rows().stream().map(Row::tensor).toList(), "scales are no matrices");
        assertSpectrum(a, name, values, 300, 200);
        SpectrumArtifact fast = run(new Task.Spectrum(model.toString(), null, null, null, Accuracy.fast, null));
        double rank = a.rows().getFirst().value(Measure.EFFECTIVE_RANK).orElseThrow();
        assertEquals(rank, fast.rows().getFirst().value(Measure.EFFECTIVE_RANK).orElseThrow(), 1e-3 * rank);
    }

    @Test
    void scalesThatDoNotFitAreRefused() throws IOException {
        Map<String, Made> tensors = new LinkedHashMap<>();
        tensors.put("a.weight", new Made(DType.F8_E4M3, Shape.of(300, 200), new double[60_000]));
        tensors.put("a.weight_scale_inv", random(DType.F32, 1, 2, 2));
        Path model = checkpoint("misfit", null, tensors);
        Refusal r = assertThrows(Refusal.class, () -> run(task(model)));
        assertEquals(Category.SHAPE_INVALID, r.category());
        assertTrue(r.getMessage().contains("a.weight_scale_inv") && r.getMessage().contains("[2, 2]") && r.getMessage().contains("128 x 128"), r.getMessage());
    }

    /// The same weights stored in three types: the spectra are those of what is stored.
    @ParameterizedTest
    @ValueSource(strings = {"fmt-bf16", "fmt-f16", "fmt-sharded", "fmt-hf-cache", "llama-f64", "llama-f8-e4m3", "llama-f8-e5m2"})
    void everyStorageTypeAndLayout(String name) throws IOException {
        Path model = Reference.of(name).checkpoint().toAbsolutePath();
        SpectrumArtifact a = run(task(model));
        vitrine.core.checkpoint.Checkpoint checkpoint = vitrine.core.checkpoint.Checkpoints.open(model);
        assertTrue(a.rows().size() >= 7 * checkpoint.config().get("num_hidden_layers").asInt(), "seven matrices of each layer");
        try (vitrine.core.checkpoint.MappedWeights map = new vitrine.core.checkpoint.MappedWeights(checkpoint)) {
            for (Row r : a.rows()) {
                vitrine.core.checkpoint.TensorEntry t = checkpoint.tensors().get(r.stored());
                double[] v = new double[r.rows() * r.columns()];
                for (int i = 0; i < v.length; i++) {
                    v[i] = vitrine.core.tensor.StoredValues.at(t.dtype(), map.data(t), i);
                }
                assertSpectrum(a, r.tensor(), v, r.rows(), r.columns());
            }
        }
    }

    // --- figures that are right or absent

    @Test
    void whatHasNoSpectrumSaysSo() throws IOException {
        Map<String, Made> tensors = new LinkedHashMap<>();
        Made broken = random(DType.F32, 1, 20, 16);
        broken.values[5] = Double.NaN;
        broken.values[77] = Double.POSITIVE_INFINITY;
        tensors.put("broken.weight", broken);
        tensors.put("zeros.weight", new Made(DType.F32, Shape.of(20, 16), new double[320]));
        tensors.put("empty.weight", new Made(DType.F32, Shape.of(0, 16), new double[0]));
        tensors.put("tiny.weight", new Made(DType.F32, Shape.of(20, 16), Arrays.stream(random(DType.F32, 2, 20, 16).values).map(v -> v * 1e-40).toArray()));
        tensors.put("norm.weight", random(DType.F32, 3, 16));
        for (Accuracy accuracy : Accuracy.values()) {
            warnings.clear();
            Path model = folder.resolve("odd");
            if (!Files.exists(model)) {
                checkpoint("odd", null, tensors);
            }
            SpectrumArtifact a = run(new Task.Spectrum(model.toString(), null, null, null, accuracy, null));
            assertEquals(4, a.rows().size());
            Row b = row(a, "broken.weight");
            assertEquals("2 of its values are not finite", b.absent());
            assertEquals(Map.of(), b.figures());
            assertEquals(0, a.values(b).length);
            assertEquals(List.of("broken.weight has no spectrum: 2 of its values are not finite."), warnings);
            Row z = row(a, "zeros.weight");
            assertEquals(0, z.value(Measure.SPECTRAL_NORM).orElseThrow());
            assertTrue(z.value(Measure.EFFECTIVE_RANK).isEmpty() && z.value(Measure.STABLE_RANK).isEmpty() && z.value(Measure.ALPHA).isEmpty());
            assertArrayEquals(new double[16], a.values(z));
            assertEquals("it has no values", row(a, "empty.weight").absent());
            assertTrue(row(a, "tiny.weight").value(Measure.EFFECTIVE_RANK).orElseThrow() > 10);
            JsonNode json = Json.mapper().readTree(a.artifact().folder().resolve(SpectrumArtifact.ROWS).toFile());
            assertFalse(json.toString().contains("NaN"));
            for (JsonNode m : json.get("matrices")) {
                for (String key : List.of("tensor", "shape", "effective_rank", "effective_rank_squared", "normalised_effective_rank", "stable_rank", "participation_ratio", "spectral_norm",
                        "frobenius_norm", "alpha")) {
                    assertTrue(m.has(key), key);
                }
            }
        }
    }

    @Test
    void figuresBesideTheReferences() throws IOException {
        Path model = CASES.resolve("llama-gqa");
        SpectrumArtifact a = run(task(model, "*.layers.0.mlp.up_proj.weight"));
        Row r = a.rows().getFirst();
        double[] s = a.values(r);
        double sum = Arrays.stream(s).sum();
        double entropy = -Arrays.stream(s).map(v -> v / sum * Math.log(v / sum)).sum();
        assertEquals(entropy, r.value(Measure.ENTROPY).orElseThrow(), 1e-12);
        assertEquals(Math.exp(entropy) / s.length, r.value(Measure.NORMALISED_EFFECTIVE_RANK).orElseThrow(), 1e-12);
        assertEquals(s.length, r.value(Measure.NUMERICAL_RANK).orElseThrow());
        assertEquals(0, r.value(Measure.FLOOR_SHARE).orElseThrow());
        double cutoff = r.value(Measure.NOISE_CUTOFF).orElseThrow();
        assertEquals(Arrays.stream(s).filter(v -> v > cutoff).count(), r.value(Measure.SPIKES).orElseThrow());
        assertEquals(r.value(Measure.ALPHA).orElseThrow() * Math.log10(s[0] * s[0]), r.value(Measure.ALPHA_HAT).orElseThrow(), 1e-9);
        double c = (double) Math.min(r.rows(), r.columns()) / Math.max(r.rows(), r.columns());
        assertEquals(Math.exp(-c / 2), r.value(Measure.RANDOM_EFFECTIVE_RANK_SQUARED).orElseThrow(), 1e-12);
        assertEquals(1 / (1 + c), r.value(Measure.RANDOM_PARTICIPATION_RATIO).orElseThrow(), 1e-12);
        assertEquals(1 / (1 + Math.sqrt(c)) / (1 + Math.sqrt(c)), r.value(Measure.RANDOM_STABLE_RANK).orElseThrow(), 1e-12);
        // A random matrix of 4:1, the method page's table.
        assertEquals(0.96622, run(task(checkpoint("wide", null, Map.of("w", random(DType.F32, 1, 20, 80))))).rows().getFirst().value(Measure.RANDOM_EFFECTIVE_RANK).orElseThrow(), 1e-5);
        assertEquals("F32", r.dtype());
        Provenance p = a.artifact().provenance("sv." + r.tensor()).orElseThrow();
        assertEquals(Provenance.Kind.DERIVED, p.kind());
        assertTrue(p.method().contains("float64"), p.method());
    }

    // --- deltas and series

    @Test
    void aDeltaHasTheSpectrumOfTheDifference() throws IOException {
        Map<String, Made> before = new LinkedHashMap<>();
        before.put("model.layers.0.self_attn.q_proj.weight", random(DType.F32, 1, 24, 16));
        before.put("model.layers.0.self_attn.k_proj.weight", random(DType.F32, 2, 8, 16));
        before.put("model.embed_tokens.weight", random(DType.F32, 3, 30, 16));
        before.put("only.before.weight", random(DType.F32, 3, 4, 4));
        Map<String, Made> after = new LinkedHashMap<>(before);
        // One entry of each of two rows and columns: singular values 0.5 and 0.25 exactly.
        double[] q = before.get("model.layers.0.self_attn.q_proj.weight").values.clone();
        Arrays.setAll(q, i -> Math.round(q[i] * 64) / 64.0);
        double[] changed = q.clone();
        changed[3 * 16 + 5] += 0.5;
        changed[7 * 16 + 2] -= 0.25;
        before.put("model.layers.0.self_attn.q_proj.weight", new Made(DType.F32, Shape.of(24, 16), q));
        after.put("model.layers.0.self_attn.q_proj.weight", new Made(DType.F32, Shape.of(24, 16), changed));
        after.put("model.embed_tokens.weight", random(DType.F32, 3, 32, 16));
        after.remove("only.before.weight");
        after.put("only.after.weight", random(DType.F32, 3, 4, 4));
        Path a = checkpoint("before", null, before);
        Path b = checkpoint("after", null, after);
        SpectrumArtifact delta = run(new Task.Spectrum(b.toString(), null, a.toString(), null, Accuracy.exact, null));
        assertEquals("before", delta.against());
        assertEquals(List.of("model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.k_proj.weight"), delta.rows().stream().map(Row::tensor).toList());
        double[] s = delta.values(delta.rows().getFirst());
        assertEquals(0.5, s[0], 1e-12);
        assertEquals(0.25, s[1], 1e-12);
        assertEquals(0, s[2], 1e-12);
        assertEquals(2, delta.rows().getFirst().value(Measure.NUMERICAL_RANK).orElseThrow());
        double norm = Math.sqrt(Arrays.stream(q).map(v -> v * v).sum());
        assertEquals(Math.sqrt(0.3125) / norm, delta.rows().getFirst().value(Measure.RELATIVE_CHANGE).orElseThrow(), 1e-12);
        assertEquals(0, delta.values(delta.rows().get(1))[0], "what did not change");
        assertTrue(delta.rows().get(1).value(Measure.EFFECTIVE_RANK).isEmpty());
        assertEquals(List.of("after: 1 matrix is left out, not in before: only.after.weight.",
                "after: 1 matrix is left out, of another shape in before: model.embed_tokens.weight ([32, 16] and [30, 16])."), warnings);
        Path other = checkpoint("other", null, Map.of("x.weight", random(DType.F32, 3, 4, 4)));
        Refusal r = assertThrows(Refusal.class, () -> run(new Task.Spectrum(b.toString(), null, other.toString(), null, Accuracy.exact, null)));
        assertEquals(Category.CONFIG_MISMATCH, r.category());
    }

    /// The error of 4 bits against the checkpoint that the file was made from: figures of numpy's SVD, of the values that the gguf package reads.
    @Test
    void aQuantisedFilesErrorIsThatOfItsParent() throws IOException {
        SpectrumArtifact delta = run(new Task.Spectrum(CASES.resolve("fmt-gguf-q4_0/model.gguf").toString(), null, CASES.resolve("fmt-base").toString(), null, Accuracy.exact, null));
        assertEquals(16, delta.rows().size());
        double[][] want = {{0.08571511134122199, 0.19065721301583502, 0.0001906766721334914}, {0.08669274856123345, 0.1666388298394243, 0.024730855020906658},
                {0.08663034092026532, 0.18771953112951018, 0.05617128887997552}};
        String[] names = {"model.layers.0.self_attn.q_proj.weight", "model.layers.1.self_attn.k_proj.weight", "model.layers.1.mlp.down_proj.weight"};
        for (int i = 0; i < names.length; i++) {
            Row r = row(delta, names[i]);
            double[] sv = delta.values(r);
            assertEquals(want[i][0], r.value(Measure.RELATIVE_CHANGE).orElseThrow(), 1e-9, names[i]);
            assertEquals(want[i][1], sv[0], 1e-9, names[i]);
            assertEquals(want[i][2], sv[sv.length - 1], 1e-9, names[i]);
            assertEquals("Q4_0", r.dtype());
        }
        // And the file alone: blocks are read, and pages given back, whatever a value's share of a byte.
        assertEquals(16, run(task(CASES.resolve("fmt-gguf-q4_0/model.gguf"))).rows().size());
    }

    @Test
    void aSeriesHasCurvesOverLayersAndSteps() throws IOException {
        Random random = new Random(5);
        double[] w = random.doubles(20 * 12, -1, 1).map(v -> (float) v).toArray();
        List<Path> steps = new ArrayList<>();
        for (int i = 1; i <= 3; i++) {
            double factor = Math.pow(2, i);
            Map<String, Made> tensors = new LinkedHashMap<>();
            for (int l = 0; l < 2; l++) {
                tensors.put("model.layers." + l + ".mlp.up_proj.weight", new Made(DType.F32, Shape.of(20, 12), Arrays.stream(w).map(v -> v * factor).toArray()));
            }
            steps.add(checkpoint("checkpoint-" + 100 * i, null, tensors));
        }
        SpectrumArtifact a = run(new Task.Spectrum(steps.getFirst().toString(), steps.stream().skip(1).map(Path::toString).toList(), null, null, Accuracy.exact, null));
        assertEquals(List.of(100L, 200L, 300L), a.checkpoints().stream().map(SpectrumArtifact.Subject::step).toList());
        assertEquals(6, a.rows().size());
        double[] truth = Nd4jMatrices.singularValues(w, 20, 12);
        for (Row r : a.rows()) {
            assertEquals(truth[0] * Math.pow(2, r.checkpoint() + 1), a.values(r)[0], 1e-9 * truth[0] * 8);
        }
        List<Curve> curves = a.curves(Measure.NORMALISED_EFFECTIVE_RANK);
        assertEquals(3, curves.size());
        assertEquals(List.of(0, 1), curves.get(2).points().stream().map(SpectrumArtifact.Point::layer).toList());
        assertEquals(curves.get(0).points().getFirst().value(), curves.get(2).points().getLast().value(), 1e-12, "scaling changes no rank");
        List<Growth> growth = a.growth(Measure.SPECTRAL_NORM);
        assertEquals(2, growth.size());
        assertEquals(4, growth.getFirst().ratio(), 1e-12);
        try (SafetensorsFile f = a.artifact().tensors()) {
            assertTrue(f.has("c2.sv.model.layers.1.mlp.up_proj.weight"));
        }
    }

    @Test
    void stepsAreReadOffNames() {
        assertEquals(500, SpectrumRun.step("checkpoint-500"));
        assertEquals(12000, SpectrumRun.step("run3-step_12000"));
        assertEquals(7, SpectrumRun.step("step7"));
        assertEquals(-1, SpectrumRun.step("Qwen2.5-0.5B"));
        assertEquals(-1, SpectrumRun.step("llama-7"));
    }

    // --- giving up and going on

    /// Stops after a number of matrices, and counts the steps.
    private static final class Stopping implements Progress {
        private final long after;
        private long last;
        private long total;

        Stopping(long after) {
            this.after = after;
        }

        @Override
        public void step(long done, long all, String unit) {
            assertTrue(done >= last && done <= all, done + " of " + all + " after " + last);
            last = done;
            total = all;
        }

        @Override
        public void checkCancelled() {
            if (last >= after) {
                throw new CancelledException();
            }
        }
    }

    @Test
    void aSecondRunGoesOnWhereTheFirstWasGivenUp() throws IOException {
        Task.Spectrum task = task(CASES.resolve("llama-gqa"));
        Stopping all = new Stopping(Long.MAX_VALUE);
        SpectrumArtifact whole = run(task, folder.resolve("whole"), all);
        assertEquals(all.total, all.last, "it ends where it said it would");
        assertFalse(Files.exists(KeptSpectra.beside(folder.resolve("whole"))), "a finished task keeps nothing beside its result");

        Path target = folder.resolve("target");
        assertThrows(Progress.CancelledException.class, () -> run(task, target, new Stopping(all.total / 2)));
        assertFalse(Files.exists(target));
        assertTrue(Files.size(KeptSpectra.beside(target)) > 1000);
        SpectrumArtifact continued = run(task, target, Progress.NONE);
        int kept = continued.artifact().manifest().summary().get("continued").asInt();
        assertTrue(kept > 5 && kept < whole.rows().size(), kept + " of " + whole.rows().size());
        assertSame(whole, continued);
        assertTrue(warnings.contains(kept + " matrices are taken from a run that was given up."), warnings.toString());
    }

    private static void assertSame(SpectrumArtifact a, SpectrumArtifact b) throws IOException {
        assertEquals(Files.readString(a.artifact().folder().resolve(SpectrumArtifact.ROWS)), Files.readString(b.artifact().folder().resolve(SpectrumArtifact.ROWS)));
        assertEquals(-1, Files.mismatch(a.artifact().tensorFile(), b.artifact().tensorFile()));
    }

    /// A process that is killed may leave any beginning of the file, and a disk may return other bytes than were written.
    @Test
    void whatIsKeptIsUsedAsFarAsItIsWhole() throws IOException {
        Task.Spectrum task = task(CASES.resolve("llama-tied"));
        SpectrumArtifact whole = run(task);
        Path target = folder.resolve("target");
        assertThrows(Progress.CancelledException.class, () -> run(task, target, new Stopping(20)));
        Path keep = KeptSpectra.beside(target);
        byte[] bytes = Files.readAllBytes(keep);
        Random random = new Random(11);
        Map<Integer, Integer> seen = new HashMap<>();
        for (int i = 0; i < 40; i++) {
            Path next = folder.resolve("cut-" + i);
            byte[] damaged = Arrays.copyOf(bytes, i == 0 ? 0 : i == 1 ? 5 : random.nextInt(bytes.length));
            if (i % 2 == 1 && damaged.length > 0) {
                damaged[random.nextInt(damaged.length)] ^= 0x10;
            }
            Files.write(KeptSpectra.beside(next), damaged);
            SpectrumArtifact got = run(task, next, Progress.NONE);
            assertSame(whole, got);
            seen.merge(got.artifact().manifest().summary().get("continued").asInt(), 1, Integer::sum);
        }
        assertTrue(seen.size() > 2, seen.toString());
    }

    @Test
    void whatIsKeptOfAnotherTaskIsNotTaken() throws IOException {
        Path target = folder.resolve("target");
        assertThrows(Progress.CancelledException.class, () -> run(task(CASES.resolve("llama-tied")), target, new Stopping(20)));
        SpectrumArtifact other = run(new Task.Spectrum(CASES.resolve("llama-tied").toString(), null, null, null, Accuracy.fast, null), target, Progress.NONE);
        assertEquals(0, other.artifact().manifest().summary().get("continued").asInt());
    }

    @Test
    void twoAtOnceDoNotMixTheirResults() throws IOException {
        Task.Spectrum task = task(CASES.resolve("llama-tied"));
        Path target = folder.resolve("target");
        SpectrumArtifact whole = run(task);
        String identity = "another";
        try (KeptSpectra held = KeptSpectra.open(KeptSpectra.beside(target), folder.resolve("unused"), identity)) {
            held.add("0 x", Json.object(), Map.of("sv", new double[] {1}));
            assertSame(whole, run(task, target, Progress.NONE));
            assertArrayEquals(new double[] {1}, held.values(held.get("0 x"), "sv"));
        }
        assertFalse(Files.exists(target.resolve("kept")), "no working file in the result");
    }

    @Test
    void whatNobodyComesBackToGoesAfterAMonth() throws IOException {
        Path root = Files.createDirectories(folder.resolve("store"));
        Path old = Files.writeString(root.resolve(".spectrum-a.kept"), "x");
        Path young = Files.writeString(root.resolve(".spectrum-b.kept"), "x");
        Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(31, ChronoUnit.DAYS)));
        Files.setLastModifiedTime(young, FileTime.from(Instant.now().minus(29, ChronoUnit.DAYS)));
        new ArtifactStore(root, 1 << 20);
        assertFalse(Files.exists(old));
        assertTrue(Files.exists(young));
    }

    // --- what cannot be done

    @Test
    void wrongInputIsRefused() throws IOException {
        Path llama = CASES.resolve("llama-gqa");
        Refusal none = assertThrows(Refusal.class, () -> run(task(llama, "*.qproj.*", "nothing")));
        assertEquals(Category.TASK_INVALID, none.category());
        assertTrue(none.getMessage().contains("none of its 23 weight matrices has a name that *.qproj.*, nothing matches"), none.getMessage());
        Path vectors = checkpoint("vectors", null, Map.of("a.weight", random(DType.F32, 1, 7)));
        assertEquals(Category.TENSOR_MISSING, assertThrows(Refusal.class, () -> run(task(vectors))).category());
        assertEquals(Category.NOT_FOUND, assertThrows(Refusal.class, () -> run(task(folder.resolve("nowhere")))).category());
        try (RandomAccessFile f = new RandomAccessFile(checkpoint("short", null, Map.of("a.weight", random(DType.F32, 1, 70, 70))).resolve("model.safetensors").toFile(), "rw")) {
            f.setLength(f.length() - 1);
        }
        assertEquals(Category.TRUNCATED, assertThrows(Refusal.class, () -> run(task(folder.resolve("short")))).category());
    }

    @ParameterizedTest
    @CsvSource({"*, anything, true", "*q_proj*, model.q_proj.weight, true", "q_proj, model.q_proj.weight, false", "a?c, abc, true", "a?c, ac, false", "a*b*c, aXbXbXc, true",
        "a*b*c, aXbXbX, false", "'', '', true", "'', a, false", "a**, a, true", "model.layers.?.*, model.layers.10.x, false"})
    void globs(String pattern, String name, boolean matches) {
        assertEquals(matches, Glob.matches(pattern, name));
    }

    @Test
    void globsTakeNoForeverOnHostileInput() {
        assertFalse(Glob.matches("a*".repeat(2000) + "b", "a".repeat(20_000)));
    }

    @ParameterizedTest
    @EnumSource(Accuracy.class)
    void everyAccuracyIsCloseEnough(Accuracy accuracy) throws IOException {
        Path model = CASES.resolve("llama-gqa");
        SpectrumArtifact exact = run(task(model));
        SpectrumArtifact a = run(new Task.Spectrum(model.toString(), null, null, null, accuracy, null));
        double allowed = accuracy == Accuracy.fast ? 1e-3 : 1e-6;
        for (int i = 0; i < a.rows().size(); i++) {
            double want = exact.rows().get(i).value(Measure.EFFECTIVE_RANK).orElseThrow();
            assertEquals(want, a.rows().get(i).value(Measure.EFFECTIVE_RANK).orElseThrow(), allowed * want);
        }
        assertEquals(accuracy == Accuracy.fast ? "fast" : "exact", a.rows().getFirst().accuracy());
        assertEquals(accuracy == Accuracy.estimate, a.rows().getFirst().note() != null, "an estimate that does not pay says so");
    }

    @Test
    void anArtifactOfAnotherKindIsNoSpectrum() throws IOException {
        Artifact a = TaskRunner.run(new Task.Statistics(CASES.resolve("llama-gqa").toString(), List.of("model.norm.weight"), 4), folder.resolve("s"), Progress.NONE, warnings::add);
        assertEquals(Category.ARTIFACT_INVALID, assertThrows(Refusal.class, () -> SpectrumArtifact.of(a)).category());
        Path b = run(task(CASES.resolve("llama-tied"), "*q_proj*")).artifact().folder();
        Path rows = b.resolve(SpectrumArtifact.ROWS);
        Files.writeString(rows, Files.readString(rows).replaceFirst("\"version\" ?: ?1", "\"version\" : 99"));
        assertEquals(Category.VERSION_UNSUPPORTED, assertThrows(Refusal.class, () -> SpectrumArtifact.of(Artifact.open(b))).category());
    }
}
