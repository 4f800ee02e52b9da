package vitrine.core.work.compare;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;
import vitrine.core.analysis.compare.HeadChange;
import vitrine.core.analysis.compare.LogitLens;
import vitrine.core.analysis.compare.NextToken;
import vitrine.core.analysis.compare.PromptComparison;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.analysis.routing.ExpertCounts;
import vitrine.core.analysis.routing.Load;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.CompareArtifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.dataset.Dataset;
import vitrine.core.dataset.Example;
import vitrine.core.dataset.Sequences;
import vitrine.core.json.Json;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.CompareSettings;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.tokenizer.Token;
import vitrine.core.tokenizer.Tokenizer;
import vitrine.core.tokenizer.Vocabulary;
import vitrine.core.work.input.DataInput;
import vitrine.core.work.input.FiniteWatch;
import vitrine.core.work.input.Tokens;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.KeptSpectra;
import vitrine.core.work.output.Outcome;

/// Two models against each other; see [CompareArtifact] for what is written. What can be compared is; for the rest stands why it cannot.
public final class CompareRun {

    /// Attention weights of both models are kept up to so many bytes.
    private static final long MAX_MAP_BYTES = 256L << 20;
    /// One layer's weights of both models are in memory while heads are compared.
    private static final long MAX_LAYER_BYTES = 1L << 30;
    private static final long MAX_LENS_BYTES = 1L << 30;
    /// Characters that tokens may lose where a long text is cut into pieces.
    private static final double LOST = 0.01;

    private final Task.Compare task;
    private final CompareSide a;
    private final CompareSide b;
    private final Consumer<String> warn;
    private final ObjectNode figures = Json.object().put("format", CompareArtifact.FORMAT).put("version", CompareArtifact.VERSION);
    private final ObjectNode absent = Json.object();
    private final Map<String, Declared> declared = new LinkedHashMap<>();
    private final Map<String, Provenance> provenance = new LinkedHashMap<>();
    private boolean sameTokens;
    private ExpertCounts expertsA;
    private ExpertCounts expertsB;
    private SafetensorsWriter writer;

    private CompareRun(Task.Compare task, CompareSide a, CompareSide b, Consumer<String> warn) {
        this.task = task;
        this.a = a;
        this.b = b;
        this.warn = warn;
    }

    /// @param staging the folder to write into
    /// @param keep where to keep spectra that are solved, for a run after this one
    /// @param identity what the results depend on
    public static Outcome run(Task.Compare task, Path staging, Path keep, String identity, Progress progress, Consumer<String> warn) throws IOException {
        try (CompareSide a = CompareSide.open(task.model(), task.adapters()); CompareSide b = CompareSide.open(task.other(), task.otherAdapters())) {
            return new CompareRun(task, a, b, warn).run(staging, keep, identity, progress);
        }
    }

    private Outcome run(Path staging, Path keep, String identity, Progress progress) throws IOException {
        subject("a", a, task.model(), task.adapters());
        subject("b", b, task.other(), task.otherAdapters());
        figures.set("absent", absent);
        List<Task.Domain> texts = task.data() == null ? List.of() : task.data();
        CompareWeights weights = new CompareWeights(a, b, task.spectra(), warn);
        CompareProgress stages = new CompareProgress(progress);
        for (Task.Domain d : texts) {
            stages.expect(2.0 * Path.of(d.file()).toFile().length() * (parameters(a) + parameters(b)) / 3);
        }
        stages.expect(task.prompt() == null ? 0 : 100 * (parameters(a) + parameters(b)));
        stages.expect(weights.cost());
        same(progress);
        texts(texts, stages);
        ObjectNode summary = Json.object().put("model", a.name()).put("other", b.name());
        prompt(staging, stages, texts.isEmpty());
        routing(texts.isEmpty());
        figures.set("settings", CompareSettings.of(task, a.source().checkpoint(), b.source().checkpoint()));
        try (KeptSpectra kept = KeptSpectra.open(keep, staging.resolve("kept"), identity)) {
            weights.run(kept, stages.next(), figures);
        }
        if (weights.spectraAbsent() != null) {
            absent.put("spectra", weights.spectraAbsent());
        }
        absent.properties().forEach(e -> warn.accept(e.getValue().asText()));
        Files.write(staging.resolve(CompareArtifact.FIGURES), Json.pretty(figures).getBytes(StandardCharsets.UTF_8));
        for (String key : List.of("same", "texts", "tensors", "routing", "settings", "absent")) {
            summary.set(key, figures.get(key));
        }
        if (figures.get("prompt") instanceof ObjectNode p) {
            ObjectNode q = p.deepCopy();
            q.put("tokens", p.path("tokens").size());
            summary.set("prompt", q);
        } else {
            summary.putNull("prompt");
        }
        provenance.put("texts", Provenance.derived("logits", "F32", "mean of −ln p over predicted tokens, nats; perplexity exp(loss)"));
        provenance.put("relative_change", Provenance.derived("weights of " + a.name() + " and " + b.name(), "F64", "‖B − A‖ / ‖A‖, Frobenius"));
        if (task.spectra() != null) {
            provenance.put("rank_change", task.spectra() == vitrine.core.analysis.spectrum.Accuracy.estimate && weights.estimated()
                    ? Provenance.estimated("singular values", "normalised effective rank of B less that of A", 0, Double.NaN)
                    : Provenance.derived("singular values", "F64", "normalised effective rank of B less that of A"));
        }
        return new Outcome(summary, provenance);
    }

    private static double parameters(CompareSide s) {
        return s.source().checkpoint().tensors().values().stream().mapToDouble(t -> t.elements()).sum();
    }

    private void subject(String key, CompareSide s, String path, List<Task.AdapterUse> uses) {
        ObjectNode n = figures.putObject(key).put("name", s.name()).put("path", path);
        ArrayNode adapters = n.putArray("adapters");
        if (uses != null) {
            uses.forEach(u -> adapters.add(u.path()));
        }
        ModelSpec spec = s.specOrNull();
        if (spec != null) {
            n.put("family", spec.family()).put("layers", spec.layers().size()).put("heads", spec.maxHeads()).put("hidden", spec.hiddenSize()).put("vocabulary", spec.vocabSize());
        } else {
            n.putNull("family").put("layers", -1);
        }
        n.put("parameters", (long) parameters(s));
    }

    // --- what is the same

    private void same(Progress progress) {
        ObjectNode n = figures.putObject("same");
        String differs = tokensDiffer();
        sameTokens = differs == null;
        String pieces = a.source().checkpoint().hasTokenizer() ? String.format("%,d pieces", Vocabulary.of(a.source().checkpoint()).size())
                : a.specOrNull() == null ? "none" : String.format("%,d ids, no tokenizer", a.specOrNull().vocabSize());
        n.put("tokenizer", sameTokens).put("tokenizer_note", sameTokens ? pieces : differs);
        String other = architectureDiffers();
        ModelSpec spec = a.specOrNull();
        n.put("architecture", other == null).put("architecture_note", other != null ? other : spec == null ? "not known" : spec.family() + ", " + spec.layers().size() + " layers");
    }

    /// Why a token of A is not one of B, or null where all are.
    private String tokensDiffer() {
        ModelSpec specA = a.specOrNull();
        ModelSpec specB = b.specOrNull();
        if (specA != null && specB != null && specA.vocabSize() != specB.vocabSize()) {
            return String.format("A has %,d token ids and B %,d", specA.vocabSize(), specB.vocabSize());
        }
        Checkpoint one = a.source().checkpoint();
        Checkpoint two = b.source().checkpoint();
        boolean hasA = one.hasTokenizer();
        boolean hasB = two.hasTokenizer();
        if (!hasA && !hasB) {
            return null;
        }
        if (hasA != hasB) {
            return (hasA ? "B" : "A") + " has no tokenizer";
        }
        return Arrays.equals(one.tokenizer(), two.tokenizer()) ? null : vocabulariesDiffer(Vocabulary.of(one), Vocabulary.of(two));
    }

    /// Files written by different programs may hold the same pieces; how texts are cut into them may differ still, which is seen where one is cut.
    private static String vocabulariesDiffer(Vocabulary p, Vocabulary q) {
        if (p.size() != q.size()) {
            return String.format("A's tokenizer has %,d pieces and B's %,d", p.size(), q.size());
        }
        for (int i = 0; i < p.size(); i++) {
            if (!java.util.Objects.equals(p.entryOrNull(i), q.entryOrNull(i))) {
                return String.format("piece %,d is \"%s\" in A's tokenizer and \"%s\" in B's", i, Visible.name(String.valueOf(p.entryOrNull(i))), Visible.name(String.valueOf(q.entryOrNull(i))));
            }
        }
        return null;
    }

    private String architectureDiffers() {
        ModelSpec p = a.specOrNull();
        ModelSpec q = b.specOrNull();
        if (p == null || q == null) {
            return p == null && q == null ? null : (p == null ? "A" : "B") + "'s family cannot be run here";
        }
        List<String> out = new ArrayList<>();
        differ(out, "family", p.family(), q.family());
        differ(out, "layers", p.layers().size(), q.layers().size());
        differ(out, "hidden size", p.hiddenSize(), q.hiddenSize());
        differ(out, "heads", heads(p), heads(q));
        differ(out, "experts", experts(p), experts(q));
        return out.isEmpty() ? null : String.join("; ", out);
    }

    private static void differ(List<String> out, String what, Object p, Object q) {
        if (!p.equals(q)) {
            out.add(what + " " + p + " and " + q);
        }
    }

    /// The number of heads, layer by layer where they differ.
    private static String heads(ModelSpec s) {
        List<Integer> of = s.layers().stream().map(l -> l.attention().heads()).toList();
        return of.stream().distinct().count() == 1 ? of.getFirst().toString() : of.toString();
    }

    private static String experts(ModelSpec s) {
        return s.expertLayers().stream().map(l -> l + ": " + s.experts(l).router().experts()).toList().toString();
    }

    /// Why neither can be run, or null.
    private String cannotRun() {
        return a.model() == null ? a.cannotRun() : b.model() == null ? b.cannotRun() : null;
    }

    private String noLosses(CompareSide s) {
        try {
            s.model().requirePerplexity();
            return null;
        } catch (Refusal r) {
            return r.getMessage();
        }
    }

    // --- texts

    private void texts(List<Task.Domain> texts, CompareProgress stages) {
        ArrayNode rows = figures.putArray("texts");
        String why = texts.isEmpty() ? null : cannotRun();
        if (why == null && !texts.isEmpty()) {
            why = Stream.of(a, b).map(this::noLosses).filter(java.util.Objects::nonNull).findFirst().orElse(null);
        }
        if (why != null) {
            absent.put("texts", "No perplexities: " + why);
        }
        if (why == null && !texts.isEmpty()) {
            expertsA = new ExpertCounts(a.specOrNull());
            expertsB = new ExpertCounts(b.specOrNull());
        }
        for (Task.Domain d : texts) {
            Progress progress = stages.next();
            if (why == null) {
                text(d, rows, progress);
            }
        }
    }

    private void text(Task.Domain d, ArrayNode rows, Progress progress) {
        List<Sequences.Labelled> left = DataInput.read(d.file(), task.maxLength(), a.model(), progress);
        List<Sequences.Labelled> right = DataInput.read(d.file(), task.maxLength(), b.model(), progress);
        boolean ids = Dataset.read(Path.of(d.file())).examples().stream().anyMatch(e -> e.content() instanceof Example.Content.Ids);
        if (ids && !sameTokens) {
            absent.put("texts", "No figures for " + d.name() + ": it holds token ids, and " + figures.at("/same/tokenizer_note").asText() + ".");
            return;
        }
        long bytes = bytes(d.file());
        if (bytes > 0) {
            String lost = lost(d, a, "A", left, progress);
            lost = lost != null ? lost : lost(d, b, "B", right, progress);
            if (lost != null) {
                absent.put("bits", lost);
                bytes = 0;
            }
        }
        long tokens = tokens(left) + tokens(right);
        Progress half = new Offset(progress, 0, tokens);
        Evaluation.Result p = new Evaluation(a.model().forward()).run(left, expertsA, half).all();
        Evaluation.Result q = new Evaluation(b.model().forward()).run(right, expertsB, new Offset(progress, tokens(left), tokens)).all();
        boolean alike = sameTokens && same(left, right);
        if (sameTokens && !alike) {
            // The same pieces, but texts are cut into others: neither tokens nor perplexities stand for each other.
            sameTokens = false;
            figures.withObject("/same").put("tokenizer", false).put("tokenizer_note", "the two cut " + Visible.name(d.name()) + " into different tokens");
        }
        ObjectNode row = rows.addObject().put("name", d.name()).put("file", d.file());
        side(row.putObject("a"), p, bytes);
        side(row.putObject("b"), q, bytes);
        Figures.put(row, "perplexity_ratio", alike ? Math.exp(q.loss() - p.loss()) : Double.NaN);
        Figures.put(row, "bits_per_byte_ratio", bytes == 0 ? Double.NaN : q.loss() * q.predicted() / (p.loss() * p.predicted()));
        row.put("bytes", bytes);
    }

    private static long tokens(List<Sequences.Labelled> of) {
        return of.stream().mapToLong(s -> s.ids().length).sum();
    }

    private static boolean same(List<Sequences.Labelled> p, List<Sequences.Labelled> q) {
        if (p.size() != q.size()) {
            return false;
        }
        for (int i = 0; i < p.size(); i++) {
            if (!java.util.Arrays.equals(p.get(i).ids(), q.get(i).ids()) || !java.util.Arrays.equals(p.get(i).labels(), q.get(i).labels())) {
                return false;
            }
        }
        return true;
    }

    /// UTF-8 bytes of what counts: texts and completions. 0 where any example is ids or a conversation.
    private static long bytes(String file) {
        long sum = 0;
        for (Example e : Dataset.read(Path.of(file)).examples()) {
            switch (e.content()) {
                case Example.Content.Text t -> sum += t.text().getBytes(StandardCharsets.UTF_8).length;
                case Example.Content.Completion c -> sum += c.completion().getBytes(StandardCharsets.UTF_8).length;
                // Of a conversation each checkpoint's own template makes a text of its own.
                case Example.Content.Conversation ignored -> {
                    return 0;
                }
                case Example.Content.Ids ignored -> {
                    return 0;
                }
            }
        }
        return sum;
    }

    /// Why nats are not those of the text's bytes, or null: a tokenizer that leaves characters out, as one of few letters does, is not asked for them.
    private static String lost(Task.Domain d, CompareSide s, String side, List<Sequences.Labelled> data, Progress progress) {
        long written = 0;
        for (Example e : Dataset.read(Path.of(d.file())).examples()) {
            written += switch (e.content()) {
                case Example.Content.Text t -> visible(t.text());
                case Example.Content.Completion c -> visible(c.prompt() + c.completion());
                case Example.Content.Conversation ignored -> 0;
                case Example.Content.Ids ignored -> 0;
            };
        }
        long kept = 0;
        progress.risky(s.source().checkpoint().tokenizerFile(), Tokenizer.patienceSeconds(s.source().checkpoint(), written));
        try (Tokenizer tokenizer = Tokenizer.of(s.source().checkpoint())) {
            for (Sequences.Labelled l : data) {
                kept += visible(tokenizer.decode(l.ids()));
            }
        } finally {
            progress.safe();
        }
        return Math.abs(kept - written) <= LOST * written ? null
                : String.format("No bits per byte for %s: tokens of %s hold %,d of its %,d characters.", Visible.name(d.name()), side, kept, written);
    }

    private static long visible(String text) {
        return text.codePoints().filter(c -> !Character.isWhitespace(c)).count();
    }

    private void side(ObjectNode to, Evaluation.Result r, long bytes) {
        Figures.putLoss(to, r.loss(), warn);
        to.put("predicted_tokens", r.predicted()).put("sequences", r.sequences());
        Figures.put(to, "bits_per_byte", bytes == 0 ? Double.NaN : r.loss() * r.predicted() / Math.log(2) / bytes);
    }

    /// A part of the work of a stage.
    private record Offset(Progress behind, long before, long of) implements Progress {
        @Override
        public void step(long done, long total, String unit) {
            behind.step(before + done, of, unit);
        }

        @Override
        public void checkCancelled() {
            behind.checkCancelled();
        }
    }

    // --- the prompt

    private void prompt(Path staging, CompareProgress stages, boolean countExperts) throws IOException {
        Progress progress = stages.next();
        figures.putNull("prompt");
        String why = task.prompt() == null ? "No prompt was given." : cannotRun() != null ? "No figures of the prompt: " + cannotRun() : null;
        Tokens tokens = null;
        if (why == null) {
            tokens = Tokens.of(task.prompt(), a.source().checkpoint(), a.specOrNull(), progress);
            if (!sameTokens || !java.util.Arrays.equals(tokens.ids(), Tokens.of(task.prompt(), b.source().checkpoint(), b.specOrNull(), progress).ids())) {
                why = "No figures per token: " + (sameTokens ? "the two cut the prompt into different tokens" : figures.at("/same/tokenizer_note").asText())
                        + ". Compare bits per byte over texts instead.";
            }
        }
        Map<String, String> metadata = new LinkedHashMap<>(Map.of("format", CompareArtifact.FORMAT));
        if (why != null) {
            if (task.prompt() != null) {
                absent.put("prompt", why);
            }
            new SafetensorsWriter(staging.resolve(Artifact.TENSORS), Map.of(), metadata).close();
            return;
        }
        pass(staging, tokens, metadata, countExperts, progress);
    }

    private void pass(Path staging, Tokens tokens, Map<String, String> metadata, boolean countExperts, Progress progress) throws IOException {
        ModelSpec specA = a.specOrNull();
        ModelSpec specB = b.specOrNull();
        int n = tokens.ids().length;
        String noHeads = headsDiffer(specA, specB, n);
        if (noHeads != null) {
            absent.put("heads", "Heads are not compared: " + noHeads + ".");
        }
        int layers = specA.layers().size();
        int heads = specA.maxHeads();
        long mapBytes = 8L * layers * heads * n * n;
        boolean maps = noHeads == null && mapBytes <= MAX_MAP_BYTES;
        if (noHeads == null && !maps) {
            absent.put("maps", String.format("Attention weights are not kept: those of %,d tokens would take %,d MiB, and up to %,d MiB are.", n, mapBytes >> 20, MAX_MAP_BYTES >> 20));
        }
        String noLens = specA.head() == null || specB.head() == null ? (specA.head() == null ? "A" : "B") + " has no output head"
                : specA.encoder() || specB.encoder() ? "an encoder predicts no next token"
                : PromptComparison.lensBytes(specA, n) + PromptComparison.lensBytes(specB, n) > MAX_LENS_BYTES ? String.format("the states of %,d tokens would take more than 1 GiB", n) : null;
        if (noLens != null) {
            absent.put("lens", "No predictions layer by layer: " + noLens + ".");
        }
        boolean losses = specA.head() != null && specB.head() != null;
        if (!losses) {
            absent.put("tokens", "No next-token figures: " + (specA.head() == null ? "A" : "B") + " has no output head.");
        }
        declare(n, specA, specB, losses, noHeads == null, maps, noLens == null);
        metadata.put("tokens", tokens.json());
        metadata.put("provenance", Json.line(Manifest.toJson(provenance)));
        if (countExperts) {
            expertsA = new ExpertCounts(specA);
            expertsB = new ExpertCounts(specB);
        }
        FiniteWatch watchA = new FiniteWatch(specA, specA.layers().size() - 1);
        FiniteWatch watchB = new FiniteWatch(specB, specB.layers().size() - 1);
        List<Probe> probesA = countExperts ? List.of(watchA, expertsA) : List.of(watchA);
        List<Probe> probesB = countExperts ? List.of(watchB, expertsB) : List.of(watchB);
        try (SafetensorsWriter out = new SafetensorsWriter(staging.resolve(Artifact.TENSORS), declared, metadata)) {
            writer = out;
            long map = (long) n * n;
            PromptComparison comparison = new PromptComparison(new PromptComparison.Side(a.model().forward(), specA, Probe.all(probesA)),
                    new PromptComparison.Side(b.model().forward(), specB, Probe.all(probesB)), tokens.ids(), noHeads == null,
                    maps ? (second, layer, head, weights) -> out.write(second ? "attentions_b" : "attentions_a", ((long) layer * heads + head) * map, weights) : null, noLens == null);
            comparison.run(progress);
            watchA.warn(w -> warn.accept("A: " + w));
            watchB.warn(w -> warn.accept("B: " + w));
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
        provenance.put(name, from);
    }

    private void declare(int n, ModelSpec specA, ModelSpec specB, boolean losses, boolean heads, boolean maps, boolean lens) {
        String both = a.name() + " and " + b.name();
        declare("input_ids", DType.I64, Shape.of(n), Provenance.measured("prompt", "I64", "token ids fed to both models"));
        if (losses) {
            for (String s : List.of("a", "b")) {
                declare("token_nll_" + s, DType.F64, Shape.of(n - 1), Provenance.derived("logits of " + (s.equals("a") ? a : b).name(), "F32", "−ln p(next token), nats").of(n - 1));
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
                declare("first_token_mass_" + s, DType.F64, shape, Provenance.derived("attentions of " + (s.equals("a") ? a : b).name(), "F64", "weight of the first key, mean over queries from the second on").of(n));
            }
        }
        if (maps) {
            for (String s : List.of("a", "b")) {
                declare("attentions_" + s, DType.F32, Shape.of(layers, specA.maxHeads(), n, n),
                        Provenance.measured((s.equals("a") ? a : b).name(), "F32", "attention weights after softmax, hidden entries 0; one forward pass over the whole prompt, float32"));
            }
        }
        if (lens) {
            for (String s : List.of("a", "b")) {
                Shape shape = Shape.of((s.equals("a") ? specA : specB).layers().size() + 1, n);
                String of = "hidden states of " + (s.equals("a") ? a : b).name();
                declare("lens_top_" + s, DType.I64, shape, Provenance.derived(of, "I64", "most likely token by the final norm and the head on each layer's state"));
                declare("lens_probability_" + s, DType.F64, shape, Provenance.derived(of, "F64", "probability of the most likely token"));
                declare("lens_target_" + s, DType.F64, shape, Provenance.derived(of, "F64", "probability of the true next token"));
                declare("lens_rank_" + s, DType.I64, shape, Provenance.derived(of, "I64", "rank of the true next token, 1 the most likely"));
                declare("lens_kl_" + s, DType.F64, shape, Provenance.derived(of, "F64", "KL(final ‖ layer), nats"));
            }
        }
    }

    private void write(PromptComparison c, Tokens tokens, int layers, int heads, Progress progress) throws IOException {
        int n = tokens.ids().length;
        ObjectNode prompt = figures.putObject("prompt");
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
        ObjectNode names = figures.putObject("names");
        for (Token t : Tokens.describe(list, a.source().checkpoint(), progress)) {
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

    // --- routing

    private void routing(boolean overPrompt) {
        ArrayNode rows = figures.putArray("routing");
        if (expertsA == null) {
            return;
        }
        Map<Integer, Load> left = expertsA.loads();
        Map<Integer, Load> right = expertsB.loads();
        if (left.isEmpty() && right.isEmpty()) {
            return;
        }
        if (!left.keySet().equals(right.keySet())) {
            absent.put("routing", "Loads are not compared: layers " + left.keySet() + " of A have experts, and " + right.keySet() + " of B.");
            return;
        }
        figures.put("routing_over", overPrompt ? "prompt" : "texts");
        left.forEach((layer, p) -> {
            Load q = right.get(layer);
            if (p.sum() == 0 || q.sum() == 0) {
                return;
            }
            ObjectNode row = rows.addObject().put("layer", layer);
            Figures.put(row, "moved", ExpertCounts.moved(p, q));
            add(row.putArray("load_a"), p.shares());
            add(row.putArray("load_b"), q.shares());
        });
        provenance.put("routing", Provenance.derived("expert choices", "F64", "share of all choices that an expert has, over the " + (overPrompt ? "prompt" : "texts")));
    }

    private static void add(ArrayNode list, double[] values) {
        for (double v : values) {
            Figures.add(list, v);
        }
    }
}
