package vitrine.core.work.capture;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;
import vitrine.core.analysis.attention.AttentionRank;
import vitrine.core.analysis.attention.HeadMetric;
import vitrine.core.analysis.attention.HeadMetrics;
import vitrine.core.analysis.attention.HeadSimilarity;
import vitrine.core.analysis.attention.MeanMaps;
import vitrine.core.analysis.attention.Thumbnails;
import vitrine.core.analysis.attention.TokenMeasures;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.forward.Batch;
import vitrine.core.json.Json;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task.What;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Shape;
import vitrine.core.tensor.kernel.Likelihood;
import vitrine.core.work.evaluate.PartsOff;
import vitrine.core.work.input.FiniteWatch;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.Tokens;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.Outcome;

/// One prompt through the model; what is asked for goes to the file while the pass runs, so memory follows what was asked.
public final class CaptureRun {

    private static final String METHOD = "one forward pass over the whole prompt, float32";
    /// Mean maps of all layers are kept in memory while layers are compared; beyond this the comparison is refused.
    private static final long MAX_MEAN_MAP_BYTES = 2L << 30;

    /// Tensors that are none of attention: where layers repeat theirs, these are what comes of all runs.
    private static final Set<String> OF_THE_STREAM = Set.of("input_ids", "hidden_states", "logits", "token_nll", "loss", "layer_out", "mlp_out");

    private final LoadedModel model;
    private final Consumer<String> warn;
    private final ModelSpec spec;
    private final Tokens prompt;
    private final int tokens;
    private final Set<What> what;
    private final int first;
    private final int last;

    private final Map<String, Declared> declared = new LinkedHashMap<>();
    private final Map<String, Provenance> provenance = new LinkedHashMap<>();
    private final List<Probe> probes = new ArrayList<>();
    private final PartsOff off;
    private final List<Finish> finishes = new ArrayList<>();
    private final ObjectNode summary = Json.object();
    private SafetensorsWriter writer;

    /// Writes what is known only after the pass.
    private interface Finish {
        void run() throws IOException;
    }

    private CaptureRun(Task.Capture task, LoadedModel model, PartsOff off, Progress progress, Consumer<String> warn) {
        this.model = model;
        this.warn = warn;
        spec = model.spec();
        prompt = Tokens.of(task.prompt(), model.checkpoint(), spec, progress);
        tokens = prompt.ids().length;
        this.off = off;
        what = task.what().isEmpty() ? EnumSet.noneOf(What.class) : EnumSet.copyOf(task.what());
        int layers = spec.layers().size();
        first = task.layers() == null ? 0 : task.layers().first();
        last = task.layers() == null ? layers - 1 : task.layers().last();
        if (first < 0 || last >= layers || first > last) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "layers %d to %d were asked for; the model has layers 0 to %d", first, last, layers - 1);
        }
    }

    /// Runs the task and writes its tensors to `file`.
    public static Outcome run(Task.Capture task, Path file, Progress progress, Consumer<String> warn) throws IOException {
        try (LoadedModel model = LoadedModel.openWithLoops(task.model(), task.adapters()); PartsOff off = PartsOff.of(task.off(), model, progress)) {
            model.tellLoops(warn);
            return new CaptureRun(task, model, off, progress, warn).run(file, progress);
        }
    }

    private Outcome run(Path file, Progress progress) throws IOException {
        declare("input_ids", DType.I64, Shape.of(tokens), Provenance.measured("prompt", "I64", "token ids fed to the model"));
        List<AutoCloseable> closing = new ArrayList<>();
        try {
            for (What w : what) {
                plan(w, closing, progress);
            }
            try (SafetensorsWriter out = new SafetensorsWriter(file, declared, metadata())) {
                writer = out;
                long[] ids = java.util.Arrays.stream(prompt.ids()).asLongStream().toArray();
                out.write("input_ids", 0, ids);
                if (!probes.isEmpty()) {
                    FiniteWatch watch = new FiniteWatch(spec, last);
                    probes.add(watch);
                    Batch batch = new Batch(List.of(new Batch.Sequence(prompt.ids(), prompt.segments())));
                    try (Arena arena = Arena.ofShared()) {
                        probes.addFirst(off.probe(arena));
                        model.forward().run(batch, Probe.all(probes), progress);
                    }
                    watch.warn(warn);
                }
                for (Finish finish : finishes) {
                    progress.checkCancelled();
                    finish.run();
                }
            }
        } catch (UncheckedIOException e) {
            throw e.getCause();
        } finally {
            closeAll(closing);
        }
        summary.put("tokens", tokens).put("layers", spec.layers().size()).put("family", spec.family()).put("model", model.checkpoint().name());
        declared.forEach((name, d) -> summary.withObject("/tensors").put(name, d.shape().toString()));
        return new Outcome(summary, provenance);
    }

    private static void closeAll(List<AutoCloseable> closing) {
        for (AutoCloseable c : closing) {
            try {
                c.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private Map<String, String> metadata() {
        Map<String, String> m = new LinkedHashMap<>();
        m.put("format", "vitrine-capture");
        m.put("model", model.checkpoint().name());
        m.put("family", spec.family());
        m.put("layers", first + "-" + last);
        m.put("tokens", prompt.json());
        m.put("moe_layers", spec.expertLayers().stream().filter(l -> l >= first && l <= last).toList().toString());
        m.put("kv_heads", spec.layers().stream().map(l -> String.valueOf(l.attention().keyValueHeads())).toList().toString());
        m.put("windows", spec.layers().stream().map(l -> String.valueOf(l.attention().window())).toList().toString());
        m.put("causal", String.valueOf(!spec.encoder()));
        // A capture that was copied out of its artifact still says where each figure comes from.
        m.put("provenance", Json.line(Manifest.toJson(provenance)));
        return m;
    }

    private void declare(String name, DType dtype, Shape shape, Provenance from) {
        declared.put(name, new Declared(dtype, shape));
        provenance.put(name, OF_THE_STREAM.contains(name) ? from : model.ofFirstRun(from));
    }

    private Provenance measured(String method) {
        return Provenance.measured(model.checkpoint().name(), "F32", method + "; " + METHOD);
    }

    private Provenance derived(String source, String method) {
        return Provenance.derived(source, "F64", method).of(tokens);
    }

    private void plan(What w, List<AutoCloseable> closing, Progress progress) {
        switch (w) {
            case attentions -> planAttentions();
            case hidden_states -> planHiddenStates();
            case logits -> planLogits();
            case kv -> planCache();
            case router -> planRouter();
            case loss -> planLoss();
            case blocks -> planBlocks();
            case metrics -> planMetrics();
            case thumbnails -> planThumbnails();
            case similarity, rollout -> planMeanMaps(w, closing, progress);
            case arank -> planRank();
            case head_similarity -> planHeadSimilarity();
        }
    }

    // --- tensors of the pass itself

    private int layers() {
        return last - first + 1;
    }

    /// One tensor for all layers where they agree in `size`, else one tensor per layer.
    private boolean uniform(ToIntFunction<AttentionSpec> size) {
        return spec.layers().subList(first, last + 1).stream().mapToInt(l -> size.applyAsInt(l.attention())).distinct().count() == 1;
    }

    private void planAttentions() {
        boolean uniform = uniform(AttentionSpec::heads);
        Provenance from = measured("attention weights after softmax, hidden entries 0");
        if (uniform) {
            declare("attentions", DType.F32, Shape.of(layers(), spec.layers().get(first).attention().heads(), tokens, tokens), from);
        } else {
            eachLayer(l -> declare("attentions." + l, DType.F32, Shape.of(spec.layers().get(l).attention().heads(), tokens, tokens), from));
        }
        long map = (long) tokens * tokens;
        probes.add(new Writing(Site.PATTERN) {
            @Override
            void write(Place p, Matrix value) throws IOException {
                long heads = spec.layers().get(p.layer()).attention().heads();
                long start = (uniform ? (p.layer() - first) * heads : 0) + p.head();
                put(uniform ? "attentions" : "attentions." + p.layer(), start * map + (long) p.firstPosition() * tokens, value);
            }
        });
    }

    private void planHiddenStates() {
        int width = spec.hiddenSize();
        declare("hidden_states", DType.F32, Shape.of(layers() + 1, tokens, width),
                measured("residual stream before layer " + first + ", then after each layer; the model's last one after the final norm"));
        long size = (long) tokens * width;
        boolean toTheEnd = last == spec.layers().size() - 1;
        probes.add(new Probe() {
            @Override
            public boolean wants(int layer, Site site) {
                return site == Site.RESID_PRE && layer == first || site == Site.RESID_POST && layer >= first && (layer < last || !toTheEnd && layer == last)
                        || site == Site.FINAL_NORM && toTheEnd;
            }

            @Override
            public void at(Place p, Matrix value) {
                long index = switch (p.site()) {
                    case RESID_PRE -> 0;
                    case RESID_POST -> p.layer() - first + 1;
                    default -> layers();
                };
                put("hidden_states", index * size, value);
            }
        });
    }

    private void planLogits() {
        model.requireHead("logits");
        declare("logits", DType.F32, Shape.of(tokens, spec.vocabSize()), measured("logits, after scaling and soft cap"));
        probes.add(new Probe() {
            @Override
            public boolean wants(int layer, Site site) {
                return site == Site.LOGITS;
            }

            @Override
            public void at(Place p, Matrix value) {
                put("logits", (long) p.firstPosition() * spec.vocabSize(), value);
            }
        });
    }

    private void planLoss() {
        model.requireHead("losses");
        if (tokens < 2) {
            throw Refusal.of(Category.PROMPT_INVALID, null, "a loss needs 2 tokens; the prompt has %d", tokens);
        }
        declare("token_nll", DType.F32, Shape.of(tokens - 1), derived("logits", "-ln p(next token), nats"));
        declare("loss", DType.F64, Shape.of(1), derived("token_nll", "mean over all tokens but the first, nats"));
        double[] losses = new double[tokens - 1];
        probes.add(new Probe() {
            @Override
            public boolean wants(int layer, Site site) {
                return site == Site.LOGITS;
            }

            @Override
            public void at(Place p, Matrix value) {
                int[] targets = new int[value.rows()];
                for (int r = 0; r < targets.length; r++) {
                    int next = p.firstPosition() + r + 1;
                    targets[r] = next < tokens ? prompt.ids()[next] : -1;
                }
                double[] nll = Likelihood.negativeLog(value, targets);
                for (int r = 0; r < targets.length && p.firstPosition() + r < losses.length; r++) {
                    losses[p.firstPosition() + r] = nll[r];
                }
            }
        });
        finishes.add(() -> {
            float[] narrow = new float[losses.length];
            double sum = 0;
            for (int i = 0; i < narrow.length; i++) {
                narrow[i] = (float) losses[i];
                sum += losses[i];
            }
            double loss = sum / losses.length;
            writer.write("token_nll", 0, narrow);
            writer.write("loss", 0, new double[] {loss});
            Figures.putLoss(summary, loss, warn);
        });
    }

    private void planBlocks() {
        int width = spec.hiddenSize();
        Shape shape = Shape.of(layers(), tokens, width);
        declare("layer_out", DType.F32, shape, measured("residual stream after each layer, the last one before the final norm"));
        declare("attn_out", DType.F32, shape, measured("output of each attention block as its family reports it"));
        declare("mlp_out", DType.F32, shape, measured("output of each feed-forward block before norm and residual"));
        long size = (long) tokens * width;
        probes.add(new Probe() {
            @Override
            public boolean wants(int layer, Site site) {
                return layer >= first && layer <= last && (site == Site.RESID_POST || site == attentionOut(layer) || site == Site.MLP_OUT);
            }

            private Site attentionOut(int layer) {
                return spec.layers().get(layer).attentionOutIsSum() ? Site.RESID_MID : Site.ATTN_OUT;
            }

            @Override
            public void at(Place p, Matrix value) {
                String name = p.site() == Site.RESID_POST ? "layer_out" : p.site() == Site.MLP_OUT ? "mlp_out" : "attn_out";
                put(name, (p.layer() - first) * size, value);
            }
        });
    }

    /// What a latent attention needs to keep of a token: the latent, and the part of the key that all heads share.
    private void planLatents() {
        if (!spec.layers().subList(first, last + 1).stream().allMatch(l -> l.attention().projection() instanceof AttentionSpec.QueryKeyValue.Latent) || !uniform(a -> latentWidth(a))) {
            return;
        }
        AttentionSpec a = spec.layers().get(first).attention();
        int turned = a.headDim() - a.rotatedFrom();
        declare("cache_latent", DType.F32, Shape.of(layers(), tokens, latentWidth(a)), measured("latents of keys and values, after their norm"));
        declare("cache_k_rope", DType.F32, Shape.of(layers(), tokens, turned), measured("the part of every key that all heads share, after rotary embedding"));
        probes.add(new Writing(Site.LATENT) {
            @Override
            void write(Place p, Matrix value) throws IOException {
                put("cache_latent", (p.layer() - first) * value.size(), value);
            }
        });
        probes.add(new Writing(Site.KEY_ROTATED) {
            @Override
            void write(Place p, Matrix value) throws IOException {
                put("cache_k_rope", (long) (p.layer() - first) * tokens * turned, value.columns(a.rotatedFrom(), turned));
            }
        });
    }

    private static int latentWidth(AttentionSpec a) {
        return ((AttentionSpec.QueryKeyValue.Latent) a.projection()).width();
    }

    private void planRouter() {
        List<Integer> layers = spec.expertLayers().stream().filter(l -> l >= first && l <= last).toList();
        if (layers.isEmpty()) {
            throw spec.expertLayers().isEmpty()
                    ? Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "router was asked for, and this %s model has no experts", spec.family()).help("Leave router out.")
                    : Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "router was asked for, and layers %d to %d have no experts; these do: %s", first, last, spec.expertLayers());
        }
        routed(Site.ROUTER_LOGITS, "router_logits", layers, m -> m.router().experts(), DType.F32, measured("raw router logits"));
        routed(Site.EXPERT_IDS, "expert_ids", layers, m -> m.router().perToken(), DType.I64,
                Provenance.measured(model.checkpoint().name(), "I64", "chosen experts, by falling weight; " + METHOD));
        routed(Site.EXPERT_WEIGHTS, "expert_weights", layers, m -> m.router().perToken(), DType.F32,
                measured("weight with which each chosen expert's output enters, after normalisation and scaling"));
    }

    /// A value per token of every layer with experts: one tensor where all are of the same width, else one per layer.
    private void routed(Site site, String name, List<Integer> layers, ToIntFunction<FeedForward.Mixture> width, DType dtype, Provenance from) {
        int[] widths = layers.stream().mapToInt(l -> width.applyAsInt(spec.experts(l))).toArray();
        boolean uniform = java.util.Arrays.stream(widths).distinct().count() == 1;
        if (uniform) {
            declare(name, dtype, Shape.of(layers.size(), tokens, widths[0]), from);
        } else {
            for (int i = 0; i < widths.length; i++) {
                declare(name + "." + layers.get(i), dtype, Shape.of(tokens, widths[i]), from);
            }
        }
        probes.add(new Writing(site) {
            @Override
            void write(Place p, Matrix value) throws IOException {
                long start = uniform ? (long) layers.indexOf(p.layer()) * tokens * value.columns() : 0;
                long at = start + (long) p.firstPosition() * value.columns();
                String tensor = uniform ? name : name + "." + p.layer();
                if (dtype == DType.I64) {
                    float[] ids = value.toArray();
                    long[] whole = new long[ids.length];
                    for (int i = 0; i < ids.length; i++) {
                        whole[i] = (long) ids[i];
                    }
                    writer.write(tensor, at, whole);
                } else {
                    put(tensor, at, value);
                }
            }
        });
    }

    private void planCache() {
        boolean uniform = uniform(AttentionSpec::keyValueHeads) && uniform(AttentionSpec::headDim) && uniform(AttentionSpec::valueDim);
        Provenance k = measured("keys after norm and rotary embedding, all positions");
        Provenance v = measured("values, all positions");
        if (uniform) {
            AttentionSpec a = spec.layers().get(first).attention();
            declare("cache_k", DType.F32, Shape.of(layers(), a.keyValueHeads(), tokens, a.headDim()), k);
            declare("cache_v", DType.F32, Shape.of(layers(), a.keyValueHeads(), tokens, a.valueDim()), v);
        } else {
            eachLayer(l -> {
                AttentionSpec a = spec.layers().get(l).attention();
                declare("cache_k." + l, DType.F32, Shape.of(a.keyValueHeads(), tokens, a.headDim()), k);
                declare("cache_v." + l, DType.F32, Shape.of(a.keyValueHeads(), tokens, a.valueDim()), v);
            });
        }
        planLatents();
        for (Site site : List.of(Site.KEY_ROTATED, Site.VALUE)) {
            String base = site == Site.VALUE ? "cache_v" : "cache_k";
            probes.add(new Writing(site) {
                @Override
                void write(Place p, Matrix value) throws IOException {
                    AttentionSpec a = spec.layers().get(p.layer()).attention();
                    int width = site == Site.VALUE ? a.valueDim() : a.headDim();
                    long perHead = (long) tokens * width;
                    for (int h = 0; h < a.keyValueHeads(); h++) {
                        long head = (uniform ? (long) (p.layer() - first) * a.keyValueHeads() : 0) + h;
                        Matrix part = value.columns(h * width, width);
                        writer.write(uniform ? base : base + "." + p.layer(), head * perHead, part.toArray());
                    }
                }
            });
        }
    }

    // --- measures of attention

    private void planMetrics() {
        HeadMetrics metrics = new HeadMetrics(spec);
        metrics.begin(new Batch(List.of(new Batch.Sequence(prompt.ids(), prompt.segments()))));
        probes.add(inRange(metrics));
        for (HeadMetric m : HeadMetric.values()) {
            declare(m.tensor(), DType.F64, Shape.of(layers(), spec.maxHeads()), derived("attentions", m.formula()));
            finishes.add(() -> writer.write(m.tensor(), 0, flat(kept(metrics.mean(m)))));
        }
        TokenMeasures beside = new TokenMeasures(spec, tokens);
        probes.add(inRange(beside));
        Shape shape = Shape.of(layers(), spec.maxHeads(), tokens);
        declare("query_entropy", DType.F32, shape, derived("attentions", "−Σ A ln A of each query, nats"));
        declare("received_mass", DType.F32, shape, derived("attentions", "mean weight that a key gets from the queries that see it"));
        finishes.add(() -> {
            writer.write("query_entropy", 0, kept(beside.queryEntropy()));
            writer.write("received_mass", 0, kept(beside.receivedMass()));
        });
    }

    private void planThumbnails() {
        Thumbnails thumbnails = new Thumbnails(spec, tokens);
        probes.add(inRange(thumbnails));
        declare("thumbnails", DType.F32, Shape.of(layers(), spec.maxHeads(), thumbnails.side(), thumbnails.side()),
                derived("attentions", tokens > thumbnails.side() ? "largest weight of each tile" : "the weights themselves"));
        finishes.add(() -> writer.write("thumbnails", 0, kept(thumbnails.values())));
    }

    private void planRank() {
        if (tokens > AttentionRank.MAX_TOKENS) {
            throw Refusal.of(Category.PROMPT_TOO_LONG, null, "ARank is computed for prompts of up to %,d tokens; this one has %,d",
                    AttentionRank.MAX_TOKENS, tokens).help("Shorten the prompt or leave arank out.");
        }
        AttentionRank rank = new AttentionRank(spec, tokens);
        probes.add(inRange(rank));
        declare("attention_rank", DType.F64, Shape.of(layers(), spec.maxHeads()),
                derived("attentions", "numerical rank of the weights below the diagonal"));
        finishes.add(() -> writer.write("attention_rank", 0, flat(kept(rank.ranks()))));
    }

    private MeanMaps means;

    private void planMeanMaps(What w, List<AutoCloseable> closing, Progress progress) {
        if (means == null) {
            if (MeanMaps.bytes(spec, tokens) > MAX_MEAN_MAP_BYTES) {
                throw Refusal.of(Category.PROMPT_TOO_LONG, null, "comparing %d layers over %,d tokens needs %,d bytes; at most %,d are used",
                        spec.layers().size(), tokens, MeanMaps.bytes(spec, tokens), MAX_MEAN_MAP_BYTES).help("Shorten the prompt.");
            }
            means = new MeanMaps(spec, tokens);
            closing.add(means);
            probes.add(means);
        }
        int n = layers();
        if (w == What.similarity) {
            warnOfWindows();
            declare("layer_cosine", DType.F64, Shape.of(n, n), derived("attentions", "cosine of the layers' mean maps"));
            declare("layer_divergence", DType.F64, Shape.of(n, n), derived("attentions", "Jensen-Shannon divergence of the layers' mean maps, mean over queries, nats"));
            finishes.add(() -> {
                writer.write("layer_cosine", 0, flat(square(means.cosines())));
                writer.write("layer_divergence", 0, flat(square(means.divergences(progress))));
            });
        } else {
            declare("rollout", DType.F32, Shape.of(n, tokens, tokens), derived("attentions", "attention rollout with the residual path, after each layer"));
            long map = (long) tokens * tokens;
            finishes.add(() -> means.rollout(model.weights().products(), (layer, r) -> {
                if (layer >= first && layer <= last) {
                    put("rollout", (layer - first) * map, r);
                }
            }));
        }
    }

    /// Maps of layers that see different keys differ for that reason alone.
    private void warnOfWindows() {
        List<Integer> reaches = spec.layers().subList(first, last + 1).stream().map(l -> l.attention().queriesOf(0, tokens)).distinct().sorted().toList();
        if (reaches.size() > 1) {
            warn.accept(String.format("Layers with a window of %,d tokens are compared with layers that see %,d: how alike their maps are says little.",
                    reaches.getFirst(), reaches.getLast()));
        }
    }

    private void planHeadSimilarity() {
        HeadSimilarity similarity = new HeadSimilarity(spec);
        probes.add(inRange(similarity));
        for (HeadSimilarity.Of of : HeadSimilarity.Of.values()) {
            String name = of.name().toLowerCase(java.util.Locale.ROOT) + "_cka";
            boolean query = of == HeadSimilarity.Of.QUERY;
            int n = spec.layers().subList(first, last + 1).stream().mapToInt(l -> query ? l.attention().heads() : l.attention().keyValueHeads()).max().orElse(0);
            declare(name, DType.F64, Shape.of(layers(), n, n), derived("blocks' " + of.name().toLowerCase(java.util.Locale.ROOT), "linear CKA between heads"));
            finishes.add(() -> {
                double[] all = new double[layers() * n * n];
                java.util.Arrays.fill(all, Double.NaN);
                for (int l = 0; l < similarity.of(of).size(); l++) {
                    double[][] m = similarity.of(of).get(l);
                    for (int a = 0; a < m.length; a++) {
                        System.arraycopy(m[a], 0, all, (l * n + a) * n, m.length);
                    }
                }
                writer.write(name, 0, all);
            });
        }
    }

    // --- small parts

    /// The probe, asked about the chosen layers only.
    private Probe inRange(Probe probe) {
        return new Probe() {
            @Override
            public boolean wants(int layer, Site site) {
                return layer >= first && layer <= last && probe.wants(layer, site);
            }

            @Override
            public void at(Place place, Matrix value) {
                probe.at(place, value);
            }
        };
    }

    /// The rows of the chosen layers, of values `[all layers, ...]`.
    private double[][] kept(double[][] ofAllLayers) {
        return java.util.Arrays.copyOfRange(ofAllLayers, first, last + 1);
    }

    private float[] kept(float[] ofAllLayers) {
        int each = ofAllLayers.length / spec.layers().size();
        return java.util.Arrays.copyOfRange(ofAllLayers, first * each, (last + 1) * each);
    }

    /// The chosen layers' part of values `[all layers, all layers]`.
    private double[][] square(double[][] ofAllLayers) {
        return java.util.Arrays.stream(kept(ofAllLayers)).map(row -> java.util.Arrays.copyOfRange(row, first, last + 1)).toArray(double[][]::new);
    }

    private void eachLayer(java.util.function.IntConsumer body) {
        for (int l = first; l <= last; l++) {
            body.accept(l);
        }
    }

    private static double[] flat(double[][] m) {
        return java.util.Arrays.stream(m).flatMapToDouble(java.util.Arrays::stream).toArray();
    }

    private void put(String tensor, long at, Matrix value) {
        try {
            if (value.dense()) {
                writer.write(tensor, at, value.data().asSlice(0, 4 * value.size()));
            } else {
                writer.write(tensor, at, value.toArray());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// A probe of one site in the chosen layers that writes.
    private abstract class Writing implements Probe {
        private final Site site;

        Writing(Site site) {
            this.site = site;
        }

        abstract void write(Place place, Matrix value) throws IOException;

        @Override
        public boolean wants(int layer, Site s) {
            return s == site && layer >= first && layer <= last;
        }

        @Override
        public void at(Place place, Matrix value) {
            try {
                write(place, value);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
