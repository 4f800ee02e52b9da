package vitrine.core.work.compare;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import vitrine.core.analysis.compare.HeadChange;
import vitrine.core.analysis.compare.LogitLens;
import vitrine.core.analysis.compare.NextToken;
import vitrine.core.analysis.compare.PromptComparison;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.CompareArtifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.tokenizer.Token;
import vitrine.core.work.input.FiniteWatch;
import vitrine.core.work.input.Tokens;
import vitrine.core.work.output.Figures;

/// Two models on one prompt, token by token: losses, next-token divergence, attention of every head, the logit lens.
final class ComparedPrompt {

    /// Attention weights of both models are kept up to so many bytes.
    private static final long MAX_MAP_BYTES = 256L << 20;
    /// One layer's weights of both models are in memory while heads are compared.
    private static final long MAX_LAYER_BYTES = 1L << 30;
    private static final long MAX_LENS_BYTES = 1L << 30;

    private final Compared of;
    private final Map<String, Declared> declared = new LinkedHashMap<>();
    private SafetensorsWriter writer;

    ComparedPrompt(Compared of) {
        this.of = of;
    }

    /// Passes the prompt through both.
    ///
    /// @param staging where tensors go; an empty file of them where there are none
    /// @param countExperts whether the choices of experts are those of the prompt
    void run(Path staging, CompareProgress stages, boolean countExperts) throws IOException {
        Progress progress = stages.next();
        of.figures.putNull("prompt");
        String why = of.task.prompt() == null ? "No prompt was given." : of.cannotRun() != null ? "No figures of the prompt: " + of.cannotRun() : null;
        Tokens tokens = null;
        if (why == null) {
            tokens = Tokens.of(of.task.prompt(), of.a.source().checkpoint(), of.a.specOrNull(), progress);
            if (!of.sameTokens || !java.util.Arrays.equals(tokens.ids(), Tokens.of(of.task.prompt(), of.b.source().checkpoint(), of.b.specOrNull(), progress).ids())) {
                why = "No figures per token: " + (of.sameTokens ? "the two cut the prompt into different tokens" : of.figures.at("/same/tokenizer_note").asText())
                        + ". Compare bits per byte over texts instead.";
            }
        }
        Map<String, String> metadata = new LinkedHashMap<>(Map.of("format", CompareArtifact.FORMAT));
        if (why != null) {
            if (of.task.prompt() != null) {
                of.absent.put("prompt", why);
            }
            new SafetensorsWriter(staging.resolve(Artifact.TENSORS), Map.of(), metadata).close();
            return;
        }
        pass(staging, tokens, metadata, countExperts, progress);
    }

    private void pass(Path staging, Tokens tokens, Map<String, String> metadata, boolean countExperts, Progress progress) throws IOException {
        ModelSpec specA = of.a.specOrNull();
        ModelSpec specB = of.b.specOrNull();
        int n = tokens.ids().length;
        String noHeads = headsDiffer(specA, specB, n);
        if (noHeads != null) {
            of.absent.put("heads", "Heads are not compared: " + noHeads + ".");
        }
        int layers = specA.layers().size();
        int heads = specA.maxHeads();
        long mapBytes = 8L * layers * heads * n * n;
        boolean maps = noHeads == null && mapBytes <= MAX_MAP_BYTES;
        if (noHeads == null && !maps) {
            of.absent.put("maps", String.format("Attention weights are not kept: those of %,d tokens would take %,d MiB, and up to %,d MiB are.", n, mapBytes >> 20, MAX_MAP_BYTES >> 20));
        }
        String noLens = specA.head() == null || specB.head() == null ? (specA.head() == null ? "A" : "B") + " has no output head"
                : specA.encoder() || specB.encoder() ? "an encoder predicts no next token"
                : PromptComparison.lensBytes(specA, n) + PromptComparison.lensBytes(specB, n) > MAX_LENS_BYTES ? String.format("the states of %,d tokens would take more than 1 GiB", n) : null;
        if (noLens != null) {
            of.absent.put("lens", "No predictions layer by layer: " + noLens + ".");
        }
        boolean losses = specA.head() != null && specB.head() != null;
        if (!losses) {
            of.absent.put("tokens", "No next-token figures: " + (specA.head() == null ? "A" : "B") + " has no output head.");
        }
        declare(n, specA, specB, losses, noHeads == null, maps, noLens == null);
        metadata.put("tokens", tokens.json());
        metadata.put("provenance", Json.line(Manifest.toJson(of.provenance)));
        if (countExperts) {
            of.countExperts();
        }
        FiniteWatch watchA = new FiniteWatch(specA, specA.layers().size() - 1);
        FiniteWatch watchB = new FiniteWatch(specB, specB.layers().size() - 1);
        List<Probe> probesA = countExperts ? List.of(watchA, of.expertsA) : List.of(watchA);
        List<Probe> probesB = countExperts ? List.of(watchB, of.expertsB) : List.of(watchB);
        try (SafetensorsWriter out = new SafetensorsWriter(staging.resolve(Artifact.TENSORS), declared, metadata)) {
            writer = out;
            long map = (long) n * n;
            PromptComparison comparison = new PromptComparison(new PromptComparison.Side(of.a.model().forward(), specA, Probe.all(probesA)),
                    new PromptComparison.Side(of.b.model().forward(), specB, Probe.all(probesB)), tokens.ids(), noHeads == null,
                    maps ? (second, layer, head, weights) -> out.write(second ? "attentions_b" : "attentions_a", ((long) layer * heads + head) * map, weights) : null, noLens == null);
            comparison.run(progress);
            watchA.warn(w -> of.warn.accept("A: " + w));
            watchB.warn(w -> of.warn.accept("B: " + w));
            write(comparison, tokens, layers, heads, progress);
        }
    }

    private String headsDiffer(ModelSpec p, ModelSpec q, int tokens) {
        if (p.layers().size() != q.layers().size()) {
            return String.format("A has %,d layers and B %,d", p.layers().size(), q.layers().size());
        }
        for (LayerSpec l : p.layers()) {
            int other = q.layers().get(l.index()).attention().heads();
            if (l.attention().heads() != other) {
                return String.format("layer %d has %d heads in A and %d in B", l.index(), l.attention().heads(), other);
            }
        }
        long bytes = 8L * p.maxHeads() * tokens * tokens;
        return bytes > MAX_LAYER_BYTES ? String.format("the attention weights of one layer over %,d tokens would take %,d MiB", tokens, bytes >> 20) : null;
    }

    private void declare(String name, DType type, Shape shape, Provenance from) {
        declared.put(name, new Declared(type, shape));
        of.provenance.put(name, from);
    }

    private void declare(int n, ModelSpec specA, ModelSpec specB, boolean losses, boolean heads, boolean maps, boolean lens) {
        String both = of.a.name() + " and " + of.b.name();
        declare("input_ids", DType.I64, Shape.of(n), Provenance.measured("prompt", "I64", "token ids fed to both models"));
        if (losses) {
            for (String s : List.of("a", "b")) {
                declare("token_nll_" + s, DType.F64, Shape.of(n - 1), Provenance.derived("logits of " + (s.equals("a") ? of.a : of.b).name(), "F32", "−ln p(next token), nats").of(n - 1));
                declare("top_" + s, DType.I64, Shape.of(n), Provenance.derived("logits", "I64", "id of the most likely next token"));
                declare("top_probability_" + s, DType.F64, Shape.of(n), Provenance.derived("logits", "F64", "probability of the most likely next token"));
            }
            declare("kl_ab", DType.F64, Shape.of(n), Provenance.derived("logits of " + both, "F64", "KL(A ‖ B) of the next-token distributions, nats").of(n));
            declare("kl_ba", DType.F64, Shape.of(n), Provenance.derived("logits of " + both, "F64", "KL(B ‖ A) of the next-token distributions, nats").of(n));
            declare("js", DType.F64, Shape.of(n), Provenance.derived("logits of " + both, "F64", "Jensen-Shannon divergence of the next-token distributions, nats").of(n));
        }
        int layers = specA.layers().size();
        if (heads) {
            Shape shape = Shape.of(layers, specA.maxHeads());
            declare("attention_total_variation", DType.F64, shape, Provenance.derived("attentions of " + both, "F64", "½ Σ |B − A| over keys, mean over queries").of(n));
            for (String s : List.of("a", "b")) {
                declare("first_token_mass_" + s, DType.F64, shape, Provenance.derived("attentions of " + (s.equals("a") ? of.a : of.b).name(), "F64", "weight of the first key, mean over queries from the second on").of(n));
            }
        }
        if (maps) {
            for (String s : List.of("a", "b")) {
                declare("attentions_" + s, DType.F32, Shape.of(layers, specA.maxHeads(), n, n),
                        Provenance.measured((s.equals("a") ? of.a : of.b).name(), "F32", "attention weights after softmax, hidden entries 0; one forward pass over the whole prompt, float32"));
            }
        }
        if (lens) {
            for (String s : List.of("a", "b")) {
                Shape shape = Shape.of((s.equals("a") ? specA : specB).layers().size() + 1, n);
                String states = "hidden states of " + (s.equals("a") ? of.a : of.b).name();
                declare("lens_top_" + s, DType.I64, shape, Provenance.derived(states, "I64", "most likely token by the final norm and the head on each layer's state"));
                declare("lens_probability_" + s, DType.F64, shape, Provenance.derived(states, "F64", "probability of the most likely token"));
                declare("lens_target_" + s, DType.F64, shape, Provenance.derived(states, "F64", "probability of the true next token"));
                declare("lens_rank_" + s, DType.I64, shape, Provenance.derived(states, "I64", "rank of the true next token, 1 the most likely"));
                declare("lens_kl_" + s, DType.F64, shape, Provenance.derived(states, "F64", "KL(final ‖ layer), nats"));
            }
        }
    }

    private void write(PromptComparison c, Tokens tokens, int layers, int heads, Progress progress) throws IOException {
        int n = tokens.ids().length;
        ObjectNode prompt = of.figures.putObject("prompt");
        try {
            prompt.set("tokens", Json.mapper().readTree(tokens.json()));
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
        writer.write("input_ids", 0, longs(tokens.ids()));
        TreeSet<Integer> ids = new TreeSet<>();
        if (c.next() != null) {
            NextToken[] next = c.next();
            writer.write("token_nll_a", 0, c.losses(false));
            writer.write("token_nll_b", 0, c.losses(true));
            double[] ab = java.util.Arrays.stream(next).mapToDouble(NextToken::klAb).toArray();
            double[] ba = java.util.Arrays.stream(next).mapToDouble(NextToken::klBa).toArray();
            double[] js = java.util.Arrays.stream(next).mapToDouble(NextToken::js).toArray();
            writer.write("kl_ab", 0, ab);
            writer.write("kl_ba", 0, ba);
            writer.write("js", 0, js);
            int[] topA = java.util.Arrays.stream(next).mapToInt(NextToken::topA).toArray();
            int[] topB = java.util.Arrays.stream(next).mapToInt(NextToken::topB).toArray();
            writer.write("top_a", 0, longs(topA));
            writer.write("top_b", 0, longs(topB));
            writer.write("top_probability_a", 0, java.util.Arrays.stream(next).mapToDouble(NextToken::probabilityA).toArray());
            writer.write("top_probability_b", 0, java.util.Arrays.stream(next).mapToDouble(NextToken::probabilityB).toArray());
            java.util.Arrays.stream(topA).forEach(ids::add);
            java.util.Arrays.stream(topB).forEach(ids::add);
            Figures.put(prompt, "loss_a", mean(c.losses(false)));
            Figures.put(prompt, "loss_b", mean(c.losses(true)));
            Figures.put(prompt, "agreement", c.agreement());
            Figures.put(prompt, "kl_ab", mean(ab));
            Figures.put(prompt, "kl_ba", mean(ba));
            Figures.put(prompt, "js", mean(js));
        }
        if (c.heads() != null) {
            heads(c.heads(), prompt, layers, heads);
        }
        lens("a", c.lens(false), n, ids);
        lens("b", c.lens(true), n, ids);
        int[] list = ids.stream().mapToInt(Integer::intValue).toArray();
        ObjectNode names = of.figures.putObject("names");
        for (Token t : Tokens.describe(list, of.a.source().checkpoint(), progress)) {
            names.put(String.valueOf(t.id()), t.text());
        }
    }

    private void heads(HeadChange[][] of, ObjectNode prompt, int layers, int heads) throws IOException {
        double[][] flat = new double[3][layers * heads];
        for (double[] f : flat) {
            java.util.Arrays.fill(f, Double.NaN);
        }
        int layer = 0;
        int head = 0;
        for (int l = 0; l < layers; l++) {
            for (int h = 0; h < of[l].length; h++) {
                flat[0][l * heads + h] = of[l][h].totalVariation();
                flat[1][l * heads + h] = of[l][h].firstA();
                flat[2][l * heads + h] = of[l][h].firstB();
                if (of[l][h].totalVariation() > of[layer][head].totalVariation()) {
                    layer = l;
                    head = h;
                }
            }
        }
        writer.write("attention_total_variation", 0, flat[0]);
        writer.write("first_token_mass_a", 0, flat[1]);
        writer.write("first_token_mass_b", 0, flat[2]);
        ObjectNode most = prompt.putObject("most_moved_head").put("layer", layer).put("head", head);
        Figures.put(most, "total_variation", of[layer][head].totalVariation());
        Figures.put(most, "first_token_mass_a", of[layer][head].firstA());
        Figures.put(most, "first_token_mass_b", of[layer][head].firstB());
    }

    private void lens(String side, LogitLens lens, int n, TreeSet<Integer> ids) throws IOException {
        if (lens == null) {
            return;
        }
        for (int l = 0; l < lens.top().length; l++) {
            writer.write("lens_top_" + side, (long) l * n, longs(lens.top()[l]));
            writer.write("lens_probability_" + side, (long) l * n, lens.probability()[l]);
            writer.write("lens_target_" + side, (long) l * n, lens.target()[l]);
            writer.write("lens_rank_" + side, (long) l * n, longs(lens.rank()[l]));
            writer.write("lens_kl_" + side, (long) l * n, lens.divergence()[l]);
            java.util.Arrays.stream(lens.top()[l]).forEach(ids::add);
        }
    }

    private static long[] longs(int[] of) {
        return java.util.Arrays.stream(of).asLongStream().toArray();
    }

    private static double mean(double[] of) {
        return java.util.Arrays.stream(of).average().orElse(Double.NaN);
    }
}
