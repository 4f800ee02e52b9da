package vitrine.views.routing;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.json.Json;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.views.view.Subject;

/// What the tests of this view look at: checkpoints with experts, texts for them, and artifacts made here as the worker writes them.
final class Cases {

    private static final Path REFERENCE = Path.of("../model-core/src/test/resources/reference");

    private Cases() {}

    /// The checkpoint of a reference case.
    static Subject subject(String name) {
        return open(REFERENCE.resolve(name));
    }

    static Subject open(Path checkpoint) {
        return new Subject(Anatomy.of(Checkpoints.open(checkpoint)));
    }

    /// Texts of ids, each a domain: the names, and as many sequences of a few ids below 60.
    static List<Task.Domain> texts(Path folder, String... names) {
        List<Task.Domain> out = new ArrayList<>();
        try {
            for (int n = 0; n < names.length; n++) {
                StringBuilder lines = new StringBuilder();
                for (int s = 0; s < 3; s++) {
                    int seed = 7 * n + 3 * s;
                    lines.append("{\"input_ids\": ").append(IntStream.range(0, 8).mapToObj(i -> Integer.toString((seed + i * i * 5 + 1) % 60)).toList()).append("}\n");
                }
                Path file = Files.writeString(folder.resolve(names[n] + ".jsonl"), lines);
                out.add(new Task.Domain(names[n], file.toAbsolutePath().normalize().toString()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out;
    }

    /// How large a made-up artifact is.
    record Size(int layers, int experts, int perToken, int tokens, int domains) {}

    /// The artifact of method page `moe-routing`, FIX-B: eight tokens of two domains, four experts, two of them per token, one layer; weights falling.
    static Artifact fixB(Path folder) {
        int[][] chosen = {{0, 1}, {0, 2}, {0, 1}, {0, 3}, {0, 1}, {1, 2}, {0, 2}, {0, 1}};
        return write(folder, new Size(1, 4, 2, 8, 2), (layer, token) -> chosen[token], token -> token < 4 ? 0 : 1, new int[] {7, 7, 7, 9, 7, 3, 9, 3});
    }

    /// Routes at random, each domain with experts that it likes more, deterministic.
    static Artifact random(Path folder, Size size) {
        Random random = new Random(5);
        double[][][] likes = new double[size.layers][size.domains][size.experts];
        for (double[][] layer : likes) {
            for (double[] domain : layer) {
                for (int e = 0; e < size.experts; e++) {
                    domain[e] = Math.exp(1.3 * random.nextGaussian());
                }
            }
        }
        int[][][] choices = new int[size.layers][size.tokens][];
        for (int l = 0; l < size.layers; l++) {
            for (int t = 0; t < size.tokens; t++) {
                choices[l][t] = draw(random, likes[l][domain(size, t)], size.perToken);
            }
        }
        int[] ids = random.ints(size.tokens, 0, 500).toArray();
        return write(folder, size, (l, t) -> choices[l][t], t -> domain(size, t), ids);
    }

    private static int domain(Size size, int token) {
        return (int) ((long) token * size.domains / size.tokens);
    }

    private static int[] draw(Random random, double[] likes, int count) {
        int[] out = new int[count];
        double total = java.util.Arrays.stream(likes).sum();
        for (int c = 0; c < count; ) {
            double at = random.nextDouble() * total;
            int e = 0;
            while (e < likes.length - 1 && (at -= likes[e]) > 0) {
                e++;
            }
            int found = e;
            if (IntStream.range(0, c).noneMatch(i -> out[i] == found)) {
                out[c++] = e;
            }
        }
        return out;
    }

    interface Chosen {
        int[] of(int layer, int token);
    }

    private static Artifact write(Path folder, Size s, Chosen chosen, java.util.function.IntUnaryOperator domainOf, int[] ids) {
        int n = s.experts;
        int k = s.perToken;
        double[] weights = new double[k];
        double weightSum = 0;
        for (int c = 0; c < k; c++) {
            weights[c] = 1.0 / (c + 1);
            weightSum += weights[c];
        }
        for (int c = 0; c < k; c++) {
            weights[c] /= weightSum;
        }
        Map<String, Declared> declared = new LinkedHashMap<>();
        Map<String, Object> values = new LinkedHashMap<>();
        long[] load = new long[s.layers * n];
        long[] first = new long[s.layers * n];
        long[] domainLoad = new long[s.layers * s.domains * n];
        long[] together = new long[s.layers * n * n];
        long[] moves = new long[Math.max(0, s.layers - 1) * n * n];
        double[] sums = new double[s.layers * n];
        long[] domainTokens = new long[s.domains];
        long[] expertIds = new long[s.layers * s.tokens * k];
        float[] expertWeights = new float[expertIds.length];
        for (int t = 0; t < s.tokens; t++) {
            domainTokens[domainOf.applyAsInt(t)]++;
            for (int l = 0; l < s.layers; l++) {
                int[] c = chosen.of(l, t);
                first[l * n + c[0]]++;
                for (int i = 0; i < k; i++) {
                    load[l * n + c[i]]++;
                    sums[l * n + c[i]] += weights[i];
                    domainLoad[(l * s.domains + domainOf.applyAsInt(t)) * n + c[i]]++;
                    expertIds[(l * s.tokens + t) * k + i] = c[i];
                    expertWeights[(l * s.tokens + t) * k + i] = (float) weights[i];
                    for (int other : c) {
                        together[(l * n + c[i]) * n + other]++;
                    }
                }
                if (l + 1 < s.layers) {
                    moves[(l * n + c[0]) * n + chosen.of(l + 1, t)[0]]++;
                }
            }
        }
        double[] conditional = new double[together.length];
        float[] lift = new float[together.length];
        float[] jaccard = new float[together.length];
        float[] npmi = new float[together.length];
        for (int l = 0; l < s.layers; l++) {
            for (int a = 0; a < n; a++) {
                for (int b = 0; b < n; b++) {
                    int at = (l * n + a) * n + b;
                    double ca = load[l * n + a];
                    double cb = load[l * n + b];
                    conditional[at] = a == b || ca == 0 ? 0 : together[at] / ca;
                    boolean none = a == b || ca == 0 || cb == 0;
                    double up = together[at] * (double) s.tokens / (ca * cb);
                    lift[at] = none ? Float.NaN : (float) up;
                    jaccard[at] = none ? Float.NaN : (float) (together[at] / (ca + cb - together[at]));
                    npmi[at] = none ? Float.NaN : together[at] == 0 ? -1 : (float) (Math.log(up) / -Math.log((double) together[at] / s.tokens));
                }
            }
        }
        put(declared, values, "expert_load", load, s.layers, n);
        put(declared, values, "first_choice_load", first, s.layers, n);
        put(declared, values, "expert_weight_sum", sums, s.layers, n);
        put(declared, values, "mean_router_probability", java.util.Arrays.stream(sums).map(v -> v / s.tokens).toArray(), s.layers, n);
        put(declared, values, "domain_load", domainLoad, s.layers, s.domains, n);
        put(declared, values, "coactivation", together, s.layers, n, n);
        put(declared, values, "coactivation_conditional", conditional, s.layers, n, n);
        put(declared, values, "coactivation_lift", lift, s.layers, n, n);
        put(declared, values, "coactivation_jaccard", jaccard, s.layers, n, n);
        put(declared, values, "coactivation_npmi", npmi, s.layers, n, n);
        if (s.layers > 1) {
            put(declared, values, "transitions", moves, s.layers - 1, n, n);
        }
        put(declared, values, "input_ids", java.util.Arrays.stream(ids).asLongStream().toArray(), s.tokens);
        put(declared, values, "token_sequence", IntStream.range(0, s.tokens).mapToLong(t -> domainOf.applyAsInt(t) * 1000L + t / 100).toArray(), s.tokens);
        put(declared, values, "token_domain", IntStream.range(0, s.tokens).mapToLong(domainOf::applyAsInt).toArray(), s.tokens);
        put(declared, values, "expert_ids", expertIds, s.layers, s.tokens, k);
        put(declared, values, "expert_weights", expertWeights, s.layers, s.tokens, k);
        put(declared, values, "router_entropy", new double[s.layers * s.tokens], s.layers, s.tokens);
        put(declared, values, "selection_margin", new double[s.layers * s.tokens], s.layers, s.tokens);
        int window = Math.min(s.tokens, 32);
        float[] score = new float[s.layers * window * n];
        for (int l = 0; l < s.layers; l++) {
            for (int t = 0; t < window; t++) {
                for (int i = 0; i < k; i++) {
                    score[(l * window + t) * n + chosen.of(l, t)[i]] = (float) (weights[i] * 0.9);
                }
            }
        }
        put(declared, values, "router_score", score, s.layers, window, n);
        long[] none = new long[s.layers * 3 * n * 10];
        java.util.Arrays.fill(none, -1);
        put(declared, values, "vocabulary_ids", none, s.layers, 3, n, 10);
        put(declared, values, "vocabulary_tokens", new long[none.length], s.layers, 3, n, 10);
        put(declared, values, "vocabulary_shares", new double[none.length], s.layers, 3, n, 10);
        try {
            Files.createDirectories(folder);
            try (SafetensorsWriter out = new SafetensorsWriter(folder.resolve(Artifact.TENSORS), declared, Map.of("format", "vitrine-routing", "token_texts", texts()))) {
                for (Map.Entry<String, Object> e : values.entrySet()) {
                    switch (e.getValue()) {
                        case long[] v -> out.write(e.getKey(), 0, v);
                        case double[] v -> out.write(e.getKey(), 0, v);
                        case float[] v -> out.write(e.getKey(), 0, v);
                        default -> throw new IllegalStateException(e.getKey());
                    }
                }
            }
            new Manifest("routing", Json.object().put("kind", "routing"), Map.of(), Json.object().put("name", "made-up"), "2026-01-01T00:00:00Z", 1, summary(s, load, domainTokens, domainLoad, window),
                    Map.of(), List.of()).write(folder);
            return Artifact.open(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String texts() {
        ObjectNode texts = Json.object();
        IntStream.range(0, 500).forEach(i -> texts.put(Integer.toString(i), i % 3 == 0 ? " tok" + i : "t" + i));
        return Json.line(texts);
    }

    private static ObjectNode summary(Size s, long[] load, long[] domainTokens, long[] domainLoad, int window) {
        ObjectNode out = Json.object().put("model", "made-up").put("experts", s.experts).put("per_token", s.perToken).put("router", "softmax").put("tokens", s.tokens).put("window", window).put("loss", 2.5);
        ArrayNode layers = out.putArray("moe_layers");
        ArrayNode rows = out.putArray("rows");
        ArrayNode domains = out.putArray("domains");
        for (int d = 0; d < s.domains; d++) {
            domains.addObject().put("name", "text " + (char) ('a' + d)).put("tokens", domainTokens[d]);
        }
        long used = 0;
        double most = 0;
        int busiest = 0;
        for (int i = 0; i < load.length; i++) {
            used += load[i] > 0 ? 1 : 0;
            double share = load[i] * (double) s.experts / ((double) s.tokens * s.perToken);
            if (share > most) {
                most = share;
                busiest = i;
            }
        }
        for (int l = 0; l < s.layers; l++) {
            layers.add(l);
            double information = 0;
            double all = (double) s.tokens * s.perToken;
            for (int d = 0; d < s.domains; d++) {
                for (int e = 0; e < s.experts; e++) {
                    double joint = domainLoad[(l * s.domains + d) * s.experts + e] / all;
                    information += joint == 0 ? 0 : joint * Math.log(joint / (load[l * s.experts + e] / all * domainTokens[d] / s.tokens));
                }
            }
            rows.addObject().put("layer", l).put("experts", s.experts).put("per_token", s.perToken).put("domain_information", information).put("load_cv", 0.5).put("router_entropy", 1.0).put("dead", 0);
        }
        out.putObject("hot_set").put("slots", load.length).put("used", used).put("busiest_against_uniform", most).put("busiest_layer", busiest / s.experts).put("busiest_expert", busiest % s.experts)
                .put("slots_for_90", load.length / 2).put("hot", true);
        return out;
    }

    private static void put(Map<String, Declared> declared, Map<String, Object> values, String name, Object flat, long... sizes) {
        declared.put(name, new Declared(flat instanceof long[] ? DType.I64 : flat instanceof double[] ? DType.F64 : DType.F32, Shape.of(sizes)));
        values.put(name, flat);
    }
}
