package vitrine.core.task;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import vitrine.core.analysis.evaluate.CachePolicy;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;

/// Something an engine can be asked to do. Its JSON form, with the key `kind`, is public: `schemas/task.schema.json` of the resources.
///
/// A task that lacks something or holds a number out of its range cannot be made: the records refuse it (`task-invalid`).
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
    @JsonSubTypes.Type(value = Task.Capture.class, name = "capture"),
    @JsonSubTypes.Type(value = Task.Heads.class, name = "heads"),
    @JsonSubTypes.Type(value = Task.Evaluate.class, name = "eval"),
    @JsonSubTypes.Type(value = Task.Statistics.class, name = "statistics"),
    @JsonSubTypes.Type(value = Task.Spectrum.class, name = "spectrum"),
    @JsonSubTypes.Type(value = Task.Rank.class, name = "rank"),
    @JsonSubTypes.Type(value = Task.Routing.class, name = "routing"),
    @JsonSubTypes.Type(value = Task.Finetune.class, name = "finetune"),
    @JsonSubTypes.Type(value = Task.Adapter.class, name = "adapter"),
    @JsonSubTypes.Type(value = Task.AdapterCompare.class, name = "adapter-compare"),
    @JsonSubTypes.Type(value = Task.AdapterCut.class, name = "adapter-cut"),
    @JsonSubTypes.Type(value = Task.AdapterMerge.class, name = "adapter-merge"),
    @JsonSubTypes.Type(value = Task.AdapterExtract.class, name = "adapter-extract"),
    @JsonSubTypes.Type(value = Task.Compare.class, name = "compare"),
    @JsonSubTypes.Type(value = Task.Prune.class, name = "prune"),
    @JsonSubTypes.Type(value = Task.Convert.class, name = "convert"),
    @JsonSubTypes.Type(value = Task.Preview.class, name = "preview"),
})
@JsonInclude(JsonInclude.Include.NON_NULL)
public sealed interface Task {

    /// The checkpoint that the task is about; null where a task of an adapter needs no base.
    String model();

    /// The adapters that are on it; none where null.
    default List<AdapterUse> adapters() {
        return null;
    }

    /// The kind's public name.
    @JsonIgnore
    default String kind() {
        for (JsonSubTypes.Type type : Task.class.getAnnotation(JsonSubTypes.class).value()) {
            if (type.value() == getClass()) {
                return type.name();
            }
        }
        throw new IllegalStateException("a task without a public name: " + getClass());
    }

    /// A forward pass over one prompt, keeping what is asked for.
    ///
    /// @param what see [What]
    /// @param layers which layers' values to keep, all where null
    /// @param off heads and layers that are switched off; none where null
    record Capture(String model, Prompt prompt, List<What> what, LayerRange layers, List<AdapterUse> adapters, Off off) implements Task {
        public Capture(String model, Prompt prompt, List<What> what, LayerRange layers) {
            this(model, prompt, what, layers, null, null);
        }

        public Capture(String model, Prompt prompt, List<What> what, LayerRange layers, List<AdapterUse> adapters) {
            this(model, prompt, what, layers, adapters, null);
        }

        public Capture {
            requireWhole("adapters", adapters);
            require("model", model);
            require("prompt", prompt);
            require("what", what);
            requireWhole("what", what);
        }
    }

    /// Parts of a model that are switched off while a task runs ([vitrine.core.forward.Mask]); no weight is changed.
    ///
    /// @param heads none where null
    /// @param layers whole ones; none where null
    /// @param ranks how many of a matrix's singular directions stay, the largest first, from 1, by its name without `.weight`
    ///     ([vitrine.core.prune.PrunableMatrix#module]); all of every matrix where null
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Off(List<HeadAt> heads, List<Integer> layers, Map<String, Integer> ranks) {
        /// Heads and layers only.
        public Off(List<HeadAt> heads, List<Integer> layers) {
            this(heads, layers, null);
        }

        public Off {
            requireWhole("off.heads", heads);
            requireWhole("off.layers", layers);
            if (layers != null) {
                layers.forEach(l -> requireAtLeast("off.layers", l, 0));
            }
            if (ranks != null) {
                ranks = java.util.Collections.unmodifiableMap(new java.util.TreeMap<>(ranks));
                ranks.forEach((matrix, r) -> {
                    require("off.ranks." + matrix, r);
                    requireAtLeast("off.ranks." + matrix, r, 1);
                });
            }
        }
    }

    /// A query head, counted from 0.
    record HeadAt(int layer, int head) {
        public HeadAt {
            requireAtLeast("off.heads.layer", layer, 0);
            requireAtLeast("off.heads.head", head, 0);
        }
    }

    /// Per-head measures over texts.
    ///
    /// @param maxLength where longer texts are cut, in tokens, from 2; the model's own limit, at most 2,048, where null
    record Heads(String model, String data, Integer maxLength, List<AdapterUse> adapters) implements Task {
        public Heads(String model, String data, Integer maxLength) {
            this(model, data, maxLength, null);
        }

        public Heads {
            requireWhole("adapters", adapters);
            require("model", model);
            require("data", data);
            requireAtLeast("maxLength", maxLength, SHORTEST);
        }
    }

    /// Loss and perplexity over texts.
    ///
    /// @param maxLength where longer texts are cut, in tokens, from 2; the model's own limit, at most 2,048, where null
    /// @param cache losses with part of the key/value cache; not where null
    /// @param elastic losses of smaller models within this one; not where null
    /// @param maxTokens how many tokens pass at most, from 2; all where null
    /// @param off parts that are switched off; none where null
    /// @param lazy losses where layers attend with what others attended with; not where null
    /// @param heterogeneity how unevenly weights count; not where null
    @RecordBuilder
    record Evaluate(String model, String data, Integer maxLength, List<AdapterUse> adapters, CacheBudget cache, Elastic elastic, Integer maxTokens, Off off, Lazy lazy, Impact heterogeneity) implements Task {
        public Evaluate(String model, String data, Integer maxLength) {
            this(model, data, maxLength, null);
        }

        public Evaluate(String model, String data, Integer maxLength, List<AdapterUse> adapters) {
            this(model, data, maxLength, adapters, null, null, null, null, null, null);
        }

        public Evaluate {
            requireWhole("adapters", adapters);
            require("model", model);
            require("data", data);
            requireAtLeast("maxLength", maxLength, SHORTEST);
            requireAtLeast("maxTokens", maxTokens, SHORTEST);
            if (off != null && (cache != null || elastic != null || lazy != null)) {
                throw Refusal.of(Category.TASK_INVALID, null, "off does not go with %s, which changes the pass itself", cache != null ? "cache" : elastic != null ? "elastic" : "lazy");
            }
            if (heterogeneity != null && (off != null || adapters != null && !adapters.isEmpty())) {
                throw Refusal.of(Category.TASK_INVALID, null, "heterogeneity does not go with %s: its gradients are those of the model as it is", off != null ? "off" : "adapters");
            }
        }
    }

    /// How much of the key/value cache is kept after a prompt, and by what rule.
    ///
    /// @param keep shares of the prompt's keys, above 0 to 1
    /// @param policies all where null
    /// @param prompt the share of each text that is the prompt; half where null
    /// @param seed of what is drawn; 0 where null
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record CacheBudget(List<Double> keep, List<CachePolicy> policies, Double prompt, Long seed) {
        public CacheBudget {
            require("cache.keep", keep);
            requireWhole("cache.keep", keep);
            requireWhole("cache.policies", policies);
            if (keep.isEmpty() || policies != null && policies.isEmpty()) {
                throw Refusal.of(Category.TASK_INVALID, null, "cache.%s names nothing", keep.isEmpty() ? "keep" : "policies");
            }
            keep.forEach(k -> {
                if (!(k > 0 && k <= 1)) {
                    throw Refusal.of(Category.TASK_INVALID, null, "cache.keep is %s; a number above 0, to 1, belongs here", k);
                }
            });
            requireInside("cache.prompt", prompt, 0, 1);
        }
    }

    /// Layers that take over the queries, or the attention weights, of an earlier layer that attends alike.
    ///
    /// @param thresholds divergences up to which layers attend alike, nats, from 0
    /// @param longest how many layers attend alike at most, the first among them; 4 where null
    /// @param withoutFirst whether layers are compared without what goes to the first key; false where null
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Lazy(List<Double> thresholds, Integer longest, Boolean withoutFirst) {
        public Lazy {
            require("lazy.thresholds", thresholds);
            requireWhole("lazy.thresholds", thresholds);
            if (thresholds.isEmpty()) {
                throw Refusal.of(Category.TASK_INVALID, null, "lazy.thresholds names nothing");
            }
            thresholds.forEach(t -> {
                if (!(t >= 0 && Double.isFinite(t))) {
                    throw Refusal.of(Category.TASK_INVALID, null, "lazy.thresholds is %s; a number from 0 belongs here", t);
                }
            });
            requireAtLeast("lazy.longest", longest, 1);
        }
    }

    /// How unevenly the weights of each matrix count (CherryQ's parameter heterogeneity).
    ///
    /// @param against other texts, whose weights of most impact are compared; none where null
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Impact(String against) {}

    /// A grid of smaller models within one: fewer layers, fewer experts, fewer experts per token.
    ///
    /// @param layers how many stay, per row of the grid; all, three quarters and half where null
    /// @param experts how many of a layer stay; the same where null; all where the model has none
    /// @param perToken how many a token visits; as many as it has and one where null
    /// @param calibration texts by which layers and experts are ordered; those that are evaluated where null
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Elastic(List<Integer> layers, List<Integer> experts, List<Integer> perToken, String calibration) {
        public Elastic {
            for (Map.Entry<String, List<Integer>> e : Map.of("elastic.layers", layers == null ? List.of(1) : layers, "elastic.experts", experts == null ? List.of(1) : experts, "elastic.perToken",
                    perToken == null ? List.of(1) : perToken).entrySet()) {
                requireWhole(e.getKey(), e.getValue());
                if (e.getValue().isEmpty()) {
                    throw Refusal.of(Category.TASK_INVALID, null, "%s names nothing", e.getKey());
                }
                e.getValue().forEach(v -> requireAtLeast(e.getKey(), v, 1));
            }
        }
    }

    /// Figures and histograms of stored tensors.
    ///
    /// @param tensors names, all where null
    /// @param bins of each histogram, from 1
    record Statistics(String model, List<String> tensors, int bins) implements Task {
        public Statistics {
            require("model", model);
            requireWhole("tensors", tensors);
            requireAtLeast("bins", bins, 1);
        }
    }

    /// Singular values and rank measures of weight matrices.
    ///
    /// @param series further checkpoints after `model`, in order (steps of a run, fine-tuned forms); none where null
    /// @param against a checkpoint that is subtracted from each: the spectra are those of the deltas; null for the weights themselves
    /// @param tensors patterns of names (`*` any characters, `?` one), one of which a matrix must match; all where null
    /// @param accuracy how close
    /// @param heads whether each attention head is a matrix of its own as well; false where null
    record Spectrum(String model, List<String> series, String against, List<String> tensors, Accuracy accuracy, Boolean heads) implements Task {
        public Spectrum {
            require("model", model);
            require("accuracy", accuracy);
            requireWhole("series", series);
            requireWhole("tensors", tensors);
        }

        /// All checkpoints, the first included.
        public List<String> checkpoints() {
            List<String> all = new java.util.ArrayList<>(List.of(model));
            if (series != null) {
                all.addAll(series);
            }
            return all;
        }
    }

    /// Effective ranks of what a model computes over texts. Keys that are absent ask for nothing more.
    ///
    /// @param maxLength where longer texts are cut, in tokens, from 2; the model's own limit, at most 2,048, where null
    /// @param maxTokens how many tokens pass at most, from 2; all where null
    /// @param centred whether the mean over tokens is taken away; not where null (hidden states, keys and values only)
    /// @param excludeMassive whether dimensions of massive activations are left out (hidden states only)
    /// @param growth whether ranks are also found for contexts of growing length (keys and values only)
    /// @param ratio the share of the parameters that an allocation of ranks keeps, above 0 and below 1 (activations only)
    /// @param alpha how much the allocation weighs importance against energy, 0 to 1; 0.5 where null
    /// @param tailError the cumulative error of tail truncation (CETT) whose thresholds are reported, above 0 and below 1; 0.2 where null
    ///     (activations only)
    /// @param perplexityRise by how many per cent perplexity may rise when activations are dropped; null for no such search (activations only)
    /// @param rankAwareSparsity the sparsity for which each linear layer's best split into channels and rank is sought (activations only)
    @RecordBuilder
    record Rank(String model, String data, RankArtifact.Of of, Integer maxLength, Integer maxTokens, Boolean centred, Boolean excludeMassive,
                Boolean growth, Double ratio, Double alpha, Double tailError, Double perplexityRise, Double rankAwareSparsity, List<AdapterUse> adapters) implements Task {
        public Rank {
            requireWhole("adapters", adapters);
            require("model", model);
            require("data", data);
            require("of", of);
            requireAtLeast("maxLength", maxLength, SHORTEST);
            requireAtLeast("maxTokens", maxTokens, SHORTEST);
            requireInside("ratio", ratio, 0, 1);
            requireInside("tailError", tailError, 0, 1);
            requireInside("perplexityRise", perplexityRise, 0, Double.POSITIVE_INFINITY);
            requireInside("rankAwareSparsity", rankAwareSparsity, 0, 1);
            if (alpha != null && !(alpha >= 0 && alpha <= 1)) {
                throw Refusal.of(Category.TASK_INVALID, null, "alpha is %s; a number from 0 to 1 belongs here", alpha);
            }
            requireFor(of != RankArtifact.Of.activations, "centred", centred, "hidden states, keys and values");
            requireFor(of == RankArtifact.Of.hidden, "excludeMassive", excludeMassive, "hidden states");
            requireFor(of == RankArtifact.Of.kv, "growth", growth, "keys and values");
            requireFor(of == RankArtifact.Of.activations, "ratio", ratio, "activations");
            requireFor(of == RankArtifact.Of.activations, "alpha", alpha, "activations");
            requireFor(of == RankArtifact.Of.activations, "tailError", tailError, "activations");
            requireFor(of == RankArtifact.Of.activations, "perplexityRise", perplexityRise, "activations");
            requireFor(of == RankArtifact.Of.activations, "rankAwareSparsity", rankAwareSparsity, "activations");
            if (alpha != null && ratio == null) {
                throw Refusal.of(Category.TASK_INVALID, null, "alpha shares out ranks, so a ratio must stand beside it");
            }
        }

        /// The ranks of one kind of value, with nothing more.
        public static Rank of(String model, String data, RankArtifact.Of of) {
            return TaskRankBuilder.builder().model(model).data(data).of(of).build();
        }
    }

    /// Which experts the tokens of texts visit. Keys that are absent ask for nothing more.
    ///
    /// @param data one or more named texts; a line's own label wins over the name
    /// @param maxLength where longer texts are cut, in tokens, from 2; the model's own limit, at most 2,048, where null
    /// @param maxTokens how many tokens of each text pass at most, from 2; all where null
    /// @param expertsPerToken other numbers of experts per token to find the loss for
    /// @param similarity whether the experts of each layer are compared; not where null
    /// @param against other checkpoints that the same tokens pass, to compare routes with
    /// @param expertsPerTokenAt layers with another number of experts per token; like what follows, a change whose effect is told
    /// @param mask experts that are switched off
    /// @param force experts that a token must choose
    /// @param swap experts that see each other's tokens
    @RecordBuilder
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Routing(String model, List<Domain> data, Integer maxLength, Integer maxTokens, List<Integer> expertsPerToken, Boolean similarity, List<String> against,
                   List<LayerCount> expertsPerTokenAt, List<Mask> mask, List<Force> force, List<Swap> swap, List<AdapterUse> adapters) implements Task {
        public Routing {
            requireWhole("adapters", adapters);
            require("model", model);
            require("data", data);
            requireWhole("data", data);
            requireWhole("expertsPerToken", expertsPerToken);
            requireWhole("against", against);
            requireWhole("expertsPerTokenAt", expertsPerTokenAt);
            requireWhole("mask", mask);
            requireWhole("force", force);
            requireWhole("swap", swap);
            requireAtLeast("maxLength", maxLength, SHORTEST);
            requireAtLeast("maxTokens", maxTokens, SHORTEST);
            if (data.isEmpty()) {
                throw Refusal.of(Category.TASK_INVALID, null, "data names no text");
            }
            if (data.stream().map(Domain::name).distinct().count() < data.size()) {
                throw Refusal.of(Category.TASK_INVALID, null, "two texts of data have the same name");
            }
            if (expertsPerToken != null) {
                expertsPerToken.forEach(k -> requireAtLeast("expertsPerToken", k, 1));
            }
        }

        /// The routing of texts, with nothing more.
        public static Routing of(String model, List<Domain> data) {
            return of(model, data, null);
        }

        /// The routing of texts, and the loss with other numbers of experts per token.
        public static Routing of(String model, List<Domain> data, List<Integer> expertsPerToken) {
            return TaskRoutingBuilder.builder().model(model).data(data).expertsPerToken(expertsPerToken).build();
        }

        /// Whether anything is changed whose effect is to be told.
        @JsonIgnore
        public boolean changes() {
            return java.util.stream.Stream.of(expertsPerTokenAt, mask, force, swap).anyMatch(l -> l != null && !l.isEmpty());
        }
    }

    /// A layer with another number of experts per token.
    record LayerCount(int layer, int perToken) {
        public LayerCount {
            requireAtLeast("expertsPerTokenAt.layer", layer, 0);
            requireAtLeast("expertsPerTokenAt.perToken", perToken, 1);
        }
    }

    /// An expert that is switched off.
    ///
    /// @param silent whether tokens choose it as before and it adds nothing, rather than no token may choose it; not where null
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Mask(int layer, int expert, Boolean silent) {
        public Mask(int layer, int expert) {
            this(layer, expert, null);
        }

        public Mask {
            requireAtLeast("mask.layer", layer, 0);
            requireAtLeast("mask.expert", expert, 0);
        }
    }

    /// Experts that a token must choose; the router chooses the rest.
    ///
    /// @param token its number among all tokens that pass, from 0
    record Force(int layer, long token, List<Integer> experts) {
        public Force {
            requireAtLeast("force.layer", layer, 0);
            require("force.experts", experts);
            requireWhole("force.experts", experts);
            experts.forEach(e -> requireAtLeast("force.experts", e, 0));
            if (token < 0) {
                throw Refusal.of(Category.TASK_INVALID, null, "force.token is %,d; a whole number from 0 belongs here", token);
            }
            if (experts.isEmpty() || experts.stream().distinct().count() < experts.size()) {
                throw Refusal.of(Category.TASK_INVALID, null, experts.isEmpty() ? "force names no expert" : "force names an expert twice");
            }
        }
    }

    /// Two experts that see each other's tokens.
    record Swap(int layer, int first, int second) {
        public Swap {
            requireAtLeast("swap.layer", layer, 0);
            requireAtLeast("swap.first", first, 0);
            requireAtLeast("swap.second", second, 0);
        }
    }

    /// A training run.
    ///
    /// @param method see [FinetuneMethod]
    /// @param evalData texts whose loss is measured on the way; none where null
    /// @param initAdapter a PEFT adapter that the run begins with, for methods that train one; null for none
    /// @param settings the numbers; defaults where null
    record Finetune(String model, String data, FinetuneMethod method, String evalData, String initAdapter, FinetuneSettings settings) implements Task {
        public Finetune {
            require("model", model);
            require("data", data);
            require("method", method);
            if (initAdapter != null && method.adapts() && (method.composes() || method == FinetuneMethod.bone)) {
                throw Refusal.of(Category.TASK_INVALID, null, "the method %s does not go on from an adapter: its factors do not tell what they were made of", method.name());
            }
            if (initAdapter != null && !method.adapts()) {
                throw Refusal.of(Category.TASK_INVALID, null, "initAdapter goes with methods that train an adapter only, not with %s", method.name());
            }
            if (settings != null) {
                settings.requireFor(method);
                if (settings.init() != null && initAdapter != null) {
                    throw Refusal.of(Category.TASK_INVALID, null, "init says what factors begin with, and so does initAdapter; one of them belongs here");
                }
                if (settings.optimiser() != null && settings.optimiser().probes()
                        && (method == FinetuneMethod.apex || method == FinetuneMethod.sgt || method == FinetuneMethod.beamlora && settings.optimiser() == FinetuneSettings.OptimiserName.mezo)) {
                    throw Refusal.of(Category.TASK_INVALID, null, "the optimiser %s does not go with the method %s, which needs gradients and moments of its own", settings.optimiser().name(), method.name());
                }
                if (settings.init() != null && settings.init().inner() && settings.optimiser() != null && settings.optimiser().probes()) {
                    throw Refusal.of(Category.TASK_INVALID, null, "the initialisation %s does not go with the optimiser %s", settings.init().name(), settings.optimiser().name());
                }
                if ((method.composes() || method == FinetuneMethod.bone) && settings.optimiser() != null && settings.optimiser().probes()) {
                    throw Refusal.of(Category.TASK_INVALID, null, "the method %s does not go with the optimiser %s", method.name(), settings.optimiser().name());
                }
                if (settings.earlyStop() != null && (evalData == null || settings.evalEvery() == null)) {
                    throw Refusal.of(Category.TASK_INVALID, null, "earlyStop watches losses over evalData: evalData and evalEvery must stand beside it");
                }
            }
        }
    }

    /// What an adapter's ranks are worth. Without a base there are norms and spectra; with one also how the deltas lie to its weights; with texts the
    /// loss with fewer ranks.
    ///
    /// @param adapter a PEFT folder, or a file of an adapter's tensors
    /// @param model its base, or null
    /// @param alignment how the deltas are compared with the base's weights; [Alignment#fast] where null; with a base only
    /// @param data named texts; null for none; with a base only
    /// @param ranks numbers of ranks that every module keeps, from 0, to find the loss for; powers of two and all where null; with texts only
    /// @param order which ranks are kept; [Order#singular] where null; with texts only
    /// @param without what is left out one at a time to find the loss for; nothing where null; with texts only
    /// @param modules patterns of paths (`*` any characters, `?` one): only modules that match one are left out; all where null; beside `without` only
    /// @param maxLength where longer texts are cut, in tokens, from 2; the model's own limit, at most 2,048, where null
    /// @param maxTokens how many tokens of each text pass at most, from 2; all where null
    /// @param gradients whether importance by gradients is found as well; not where null; with texts only
    @RecordBuilder
    record Adapter(String adapter, String model, Alignment alignment, List<Domain> data, List<Integer> ranks, Order order, Without without, List<String> modules,
                   Integer maxLength, Integer maxTokens, Boolean gradients) implements Task {
        public Adapter {
            require("adapter", adapter);
            requireWhole("data", data);
            requireWhole("ranks", ranks);
            requireAtLeast("maxLength", maxLength, SHORTEST);
            requireAtLeast("maxTokens", maxTokens, SHORTEST);
            requireBase(model, "alignment", alignment);
            requireBase(model, "data", data);
            requireTexts(data, "ranks", ranks);
            requireTexts(data, "order", order);
            requireTexts(data, "without", without);
            requireWhole("modules", modules);
            if (modules != null && without == null) {
                throw Refusal.of(Category.TASK_INVALID, null, "modules says what is left out, so without must stand beside it");
            }
            requireTexts(data, "maxLength", maxLength);
            requireTexts(data, "maxTokens", maxTokens);
            requireTexts(data, "gradients", gradients);
            requireDistinct(data);
            if (ranks != null) {
                ranks.forEach(k -> requireAtLeast("ranks", k, 0));
            }
        }

        /// An adapter by itself.
        public static Adapter alone(String adapter) {
            return TaskAdapterBuilder.builder().adapter(adapter).build();
        }
    }

    /// How deltas are compared with the base's weights.
    enum Alignment {
        /// Not at all.
        none,
        /// With the leading singular vectors of each weight; with all of them, intruder dimensions too, where the smaller side is at most 512.
        fast,
        /// With all singular vectors of every weight, whatever its size.
        full
    }

    /// Which ranks of a module are kept.
    enum Order {
        /// The largest singular values of the delta: the best approximation of that rank.
        singular,
        /// The stored components with the largest s |b_i| |a_i|.
        norm_product,
        /// The stored components whose output over the texts is largest, s |b_i| times the root mean square of a_i . x.
        activation
    }

    /// What is left out, one at a time.
    enum Without {
        modules, components
    }

    /// Two adapters of one base against each other.
    record AdapterCompare(String adapter, String other) implements Task {
        public AdapterCompare {
            require("adapter", adapter);
            require("other", other);
        }

        @Override
        public String model() {
            return null;
        }
    }

    /// An adapter of fewer ranks. Exactly one of `rank`, `energy`, `parameters`, `lossRise` and `without` says how many, or which.
    ///
    /// @param model its base; null for none
    /// @param rank that every module keeps, as far as it has so many, from 1
    /// @param energy the share of each delta's squared norm that is kept, above 0 and at most 1
    /// @param parameters the share of the factors' parameters that is kept, above 0 and below 1: over all modules, the least energy per parameter goes first
    /// @param lossRise by how many nats per token the loss may rise, from 0: as few parameters as that allows, going as with `parameters`; needs texts
    /// @param order [Order#singular] or [Order#norm_product]; singular where null
    /// @param data texts of which the loss before and after is told; null for none
    /// @param solar where what is left is stored as coefficients in bases of the base's singular vectors: `rank` is then that of the factors whose values are as
    ///   many, and `energy`, `parameters` and `lossRise` say how many coefficients stay; null for factors
    /// @param without single components that go and all others stay: singular ones, the largest first, or with [Order#norm_product] those that are stored, in
    ///     their places; factors only
    @RecordBuilder
    record AdapterCut(String adapter, String model, Integer rank, Double energy, Double parameters, Double lossRise, Order order, List<Domain> data, Integer maxLength,
                      Integer maxTokens, Solar solar, List<Components> without) implements Task {

        /// How coefficients are stored.
        ///
        /// @param vectors singular vectors of the base's weight that each basis begins with, 1 to 64; 64 where null
        /// @param perturbation how far the second half of a basis is moved from the first, above 0; 0.05 where null
        /// @param seed of the numbers that move it; 0 where null
        @JsonInclude(JsonInclude.Include.NON_NULL)
        public record Solar(Integer vectors, Double perturbation, Long seed) {
            public Solar {
                if (vectors != null && (vectors < 1 || vectors > 64)) {
                    throw Refusal.of(Category.TASK_INVALID, null, "vectors is %d; a whole number from 1 to 64 belongs here", vectors);
                }
                if (perturbation != null && !(perturbation > 0 && Double.isFinite(perturbation))) {
                    throw Refusal.of(Category.TASK_INVALID, null, "perturbation is %s; a number above 0 belongs here", perturbation);
                }
            }
        }

        /// Rank components of a module.
        ///
        /// @param module its path
        /// @param components counted from 0
        public record Components(String module, List<Integer> components) {
            public Components {
                require("without.module", module);
                require("without.components", components);
                requireWhole("without.components", components);
                components.forEach(c -> requireAtLeast("without.components", c, 0));
                if (components.isEmpty() || components.stream().distinct().count() < components.size()) {
                    throw Refusal.of(Category.TASK_INVALID, null, "without names %s of %s", components.isEmpty() ? "no component" : "a component twice", Visible.name(module));
                }
            }
        }

        /// An adapter without single components.
        public static AdapterCut without(String adapter, String model, Order order, List<Components> without, List<Domain> data, Integer maxTokens) {
            return TaskAdapterCutBuilder.builder().adapter(adapter).model(model).order(order).data(data).maxTokens(maxTokens).without(without).build();
        }

        public AdapterCut {
            require("adapter", adapter);
            requireWhole("data", data);
            requireAtLeast("rank", rank, 1);
            requireAtLeast("maxLength", maxLength, SHORTEST);
            requireAtLeast("maxTokens", maxTokens, SHORTEST);
            requireWhole("without", without);
            if (java.util.stream.Stream.of(rank, energy, parameters, lossRise, without).filter(Objects::nonNull).count() != 1) {
                throw Refusal.of(Category.TASK_INVALID, null, "a cut is to exactly one of rank, energy, parameters, lossRise and without");
            }
            if (without != null && (without.isEmpty() || without.stream().map(Components::module).distinct().count() < without.size())) {
                throw Refusal.of(Category.TASK_INVALID, null, without.isEmpty() ? "without names nothing" : "two entries of without name the same module");
            }
            if (without != null && solar != null) {
                throw Refusal.of(Category.TASK_INVALID, null, "without names components of factors, and coefficients (solar) have none");
            }
            if (energy != null && !(energy > 0 && energy <= 1)) {
                throw Refusal.of(Category.TASK_INVALID, null, "energy is %s; a number above 0 and up to 1 belongs here", energy);
            }
            requireInside("parameters", parameters, 0, 1);
            if (lossRise != null && !(lossRise >= 0 && Double.isFinite(lossRise))) {
                throw Refusal.of(Category.TASK_INVALID, null, "lossRise is %s; a number from 0 belongs here", lossRise);
            }
            requireBase(model, "data", data);
            requireBase(model, "solar", solar);
            requireTexts(data, "lossRise", lossRise);
            requireTexts(data, "maxLength", maxLength);
            requireTexts(data, "maxTokens", maxTokens);
            requireDistinct(data);
            if (order == Order.activation) {
                throw Refusal.of(Category.TASK_INVALID, null, "order is activation; known here are singular and norm_product");
            }
            if (order == Order.norm_product && solar != null) {
                throw Refusal.of(Category.TASK_INVALID, null, "order is norm_product, and coefficients (solar) have an order of their own: the largest are kept");
            }
        }
    }

    /// Adapters merged into their base: a checkpoint.
    ///
    /// @param adapters one or several; what each changes is multiplied with its weight and added up
    record AdapterMerge(String model, List<AdapterUse> adapters) implements Task {
        public AdapterMerge {
            require("model", model);
            require("adapters", adapters);
            requireWhole("adapters", adapters);
            if (adapters.isEmpty()) {
                throw Refusal.of(Category.TASK_INVALID, null, "no adapter is to be merged; at least one is");
            }
        }
    }

    /// What a run would come to, before it is started: what a training run would see of its data; or, with a method of pruning, sizes, speeds and predicted losses for several
    /// amounts that may go.
    ///
    /// @param data the texts to train on, or to measure on
    /// @param maxLength where texts are cut, in tokens, from 2; the model's own limit, at most 1,024, where null; of training only
    /// @param method of pruning, or null
    /// @param settings of the pruning run; the one that says how much goes need not be there; null for none
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Preview(String model, String data, Integer maxLength, PruneMethod method, PruneSettings settings) implements Task {
        public Preview {
            require("model", model);
            require("data", data);
            requireAtLeast("maxLength", maxLength, SHORTEST);
            if (method == null && settings != null) {
                throw Refusal.of(Category.TASK_INVALID, null, "settings stand beside a method of pruning only");
            }
            if (method != null && maxLength != null) {
                throw Refusal.of(Category.TASK_INVALID, null, "maxLength does not go with a method of pruning: its settings have a sequenceLength");
            }
            if (settings != null) {
                PruneAmount amount = PruneAmount.of(settings);
                (amount == PruneAmount.sparsity && settings.sparsity() == null ? amount.in(settings, 0.5) : settings).requireFor(method);
            }
        }

        /// Of training data.
        public Preview(String model, String data, Integer maxLength) {
            this(model, data, maxLength, null, null);
        }
    }

    /// Ways to make a checkpoint of another without training.
    enum How {
        stack, upcycle, pool, lines, interpolate, cast;

        /// Whether there is a second checkpoint.
        public boolean compares() {
            return this == lines || this == interpolate;
        }
    }

    /// What `cast` can round to, by the names that configs use.
    enum CastType {
        float32, float16, bfloat16
    }

    /// A checkpoint made of another without training.
    ///
    /// @param times how often each layer stands in the result, from 2; with `stack` only
    /// @param interleave whether each layer is repeated in place rather than the whole stack; with `stack` only
    /// @param experts copies of each feed-forward block, from 2; with `upcycle` only
    /// @param perToken experts that a token visits; 2 where null; with `upcycle` only
    /// @param noise on all copies but the first, as a share of the weights' deviation; 0.05 where null; with `upcycle` only
    /// @param seed of router and noise; 0 where null; with `upcycle` only
    /// @param other with `lines` the base that the model was trained from, with `interpolate` the other checkpoint
    /// @param alpha what the first layer's change is multiplied with, and what lies outside the layers; with `lines` only
    /// @param headScale what the output head's change is multiplied with; 1 where null; with `lines` only
    /// @param share how much of the other checkpoint, from 0 to 1; with `interpolate` only
    /// @param group how many layers that follow each other share one pool of experts, from 2; with `pool` only
    /// @param type what values are rounded to; with `cast` only
    @RecordBuilder
    record Convert(String model, How how, Integer times, Boolean interleave, Integer experts, Integer perToken, Double noise, Long seed, String other, Double alpha, Double headScale,
                   Double share, Integer group, CastType type) implements Task {
        public Convert {
            require("model", model);
            require("how", how);
            belongs(how == How.stack, true, "times", times, how);
            belongs(how == How.stack, false, "interleave", interleave, how);
            belongs(how == How.upcycle, true, "experts", experts, how);
            belongs(how == How.upcycle, false, "perToken", perToken, how);
            belongs(how == How.upcycle, false, "noise", noise, how);
            belongs(how == How.upcycle, false, "seed", seed, how);
            belongs(how.compares(), true, "other", other, how);
            belongs(how == How.lines, true, "alpha", alpha, how);
            belongs(how == How.lines, false, "headScale", headScale, how);
            belongs(how == How.interpolate, true, "share", share, how);
            belongs(how == How.pool, true, "group", group, how);
            belongs(how == How.cast, true, "type", type, how);
            requireAtLeast("group", group, 2);
            requireAtLeast("times", times, 2);
            requireAtLeast("experts", experts, 2);
            requireAtLeast("perToken", perToken, 1);
            if (experts != null && (perToken == null ? 2 : perToken) > experts) {
                throw Refusal.of(Category.TASK_INVALID, null, "perToken is %d of %d experts", perToken, experts);
            }
            if (noise != null && !(noise >= 0 && Double.isFinite(noise))) {
                throw Refusal.of(Category.TASK_INVALID, null, "noise is %s; a number from 0 belongs here", noise);
            }
            for (Double v : new Double[] {alpha, headScale}) {
                if (v != null && !Double.isFinite(v)) {
                    throw Refusal.of(Category.TASK_INVALID, null, "a scale is %s; a finite number belongs here", v);
                }
            }
            if (share != null && !(share >= 0 && share <= 1)) {
                throw Refusal.of(Category.TASK_INVALID, null, "share is %s; a number from 0 to 1 belongs here", share);
            }
        }

        private static void belongs(boolean here, boolean needed, String key, Object value, How how) {
            if (!here && value != null) {
                throw Refusal.of(Category.TASK_INVALID, null, "%s does not go with %s", key, how.name());
            }
            if (here && needed && value == null) {
                throw Refusal.of(Category.TASK_INVALID, null, "%s is missing", key);
            }
        }
    }

    /// A LoRA adapter from a fine-tuned checkpoint: the best of a rank for each weight's change.
    ///
    /// @param model the base
    /// @param tuned what became of it
    /// @param rank from 1
    /// @param tensors patterns of weights' names, one of which a weight must match; all linear layers where null
    record AdapterExtract(String model, String tuned, int rank, List<String> tensors) implements Task {
        public AdapterExtract {
            require("model", model);
            require("tuned", tuned);
            requireAtLeast("rank", rank, 1);
            requireWhole("tensors", tensors);
        }
    }

    /// Two models against each other, A and B: a checkpoint with or without adapters each.
    ///
    /// @param model A
    /// @param other B
    /// @param data texts of which both have a perplexity; none where null
    /// @param prompt whose tokens pass both: losses, next-token divergence, attention and the logit lens; none where null
    /// @param maxLength where longer texts are cut, in tokens, from 2; the models' own limit, at most 2,048, where null; beside `data` only
    /// @param spectra how closely the effective ranks of matrices that differ are found; not at all where null
    /// @param adapters on A; none where null
    /// @param otherAdapters on B; none where null
    @RecordBuilder
    record Compare(String model, String other, List<Domain> data, Prompt prompt, Integer maxLength, Accuracy spectra, List<AdapterUse> adapters, List<AdapterUse> otherAdapters)
            implements Task {
        public Compare {
            require("model", model);
            require("other", other);
            requireWhole("data", data);
            requireWhole("adapters", adapters);
            requireWhole("otherAdapters", otherAdapters);
            requireAtLeast("maxLength", maxLength, SHORTEST);
            requireTexts(data, "maxLength", maxLength);
            requireDistinct(data);
        }
    }

    /// A pruning or compression run: a checkpoint of the same kind that holds less.
    ///
    /// @param data calibration texts; null where the method needs none
    /// @param evalData named texts whose perplexity is measured before and after; the calibration texts where null
    /// @param recovery training of what is left, in the same run; none where null
    record Prune(String model, String data, PruneMethod method, List<Domain> evalData, PruneSettings settings, Recovery recovery) implements Task {
        /// Without recovery.
        public Prune(String model, String data, PruneMethod method, List<Domain> evalData, PruneSettings settings) {
            this(model, data, method, evalData, settings, null);
        }

        public Prune {
            require("model", model);
            require("method", method);
            requireWhole("evalData", evalData);
            requireDistinct(evalData);
            if (method.needsData()) {
                require("data", data);
            }
            PruneSettings given = Objects.requireNonNullElse(settings, PruneSettings.DEFAULTS);
            given.requireFor(method);
            if (given.allocation() != null && given.allocation() != PruneSettings.AllocationName.uniform) {
                require("data", data);
            }
            if (recovery != null) {
                recovery.requireFor(method, given, data);
            }
        }

        /// The settings, or the defaults where none are given.
        public PruneSettings numbers() {
            return Objects.requireNonNullElse(settings, PruneSettings.DEFAULTS);
        }

        /// The texts that recovery learns.
        @JsonIgnore
        public String recoveryData() {
            return recovery == null ? null : recovery.data() != null ? recovery.data() : data;
        }
    }

    /// What follows a pruning run in the same task: training of what is left. Weights that were set to 0 stay 0.
    ///
    /// @param method an adapter's ([FinetuneMethod#adapts]), or `full`
    /// @param data texts; those of calibration where null
    /// @param settings of the training; defaults where null
    /// @param merge whether an adapter is merged into the pruned checkpoint (with its zeros kept) rather than written beside it; false where null
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Recovery(FinetuneMethod method, String data, FinetuneSettings settings, Boolean merge) {
        public Recovery {
            require("method of recovery", method);
            if (!method.adapts() && method != FinetuneMethod.full) {
                throw Refusal.of(Category.TASK_INVALID, null, "recovery does not go with %s: lora, dora, layra, beamlora and full are here", method.name());
            }
            if (settings != null) {
                settings.requireFor(method);
                if (settings.earlyStop() != null) {
                    throw Refusal.of(Category.TASK_INVALID, null, "earlyStop does not go with recovery, which has no validation on its way");
                }
            }
            if (merge != null && !method.adapts()) {
                throw Refusal.of(Category.TASK_INVALID, null, "merge goes with adapters, not with full");
            }
        }

        private void requireFor(PruneMethod pruning, PruneSettings given, String calibration) {
            if (data == null && calibration == null) {
                throw Refusal.of(Category.TASK_INVALID, null, "recovery has no data").help("Say recovery.data, or the task's data.");
            }
            if ((pruning.form() == PruneMethod.Form.RANK || pruning == PruneMethod.lorap || pruning == PruneMethod.masa) && (Boolean.TRUE.equals(merge) || !method.adapts())) {
                throw Refusal.of(Category.TASK_INVALID, null, "recovery by %s would give matrices their full rank again", method.adapts() ? "a merged adapter" : "full")
                        .help("An adapter beside the checkpoint keeps ranks.");
            }
            if (pruning == PruneMethod.dha && Boolean.FALSE.equals(given.even()) && (Boolean.TRUE.equals(merge) || !method.adapts())) {
                throw Refusal.of(Category.TASK_INVALID, null, "recovery by %s would part heads that were fused and keep their places", method.adapts() ? "a merged adapter" : "full")
                        .help("An adapter beside the checkpoint keeps them; so do heads that are fused alike in every layer.");
            }
        }
    }

    /// An adapter that is on the model while a task runs.
    ///
    /// @param path a PEFT folder, or a file of an adapter's tensors
    /// @param weight what all that it changes is multiplied with; 1 where null
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record AdapterUse(String path, Double weight) {
        public AdapterUse {
            require("path of an adapter", path);
            if (weight != null && !Double.isFinite(weight)) {
                throw Refusal.of(Category.TASK_INVALID, null, "the weight of an adapter is %s; a finite number belongs here", weight);
            }
        }

        /// An adapter as it is.
        public static AdapterUse of(String path) {
            return new AdapterUse(path, null);
        }
    }

    /// A text with the name that its tokens go by.
    record Domain(String name, String file) {
        public Domain {
            require("name", name);
            require("file", file);
            if (name.isBlank()) {
                throw Refusal.of(Category.TASK_INVALID, null, "a text of data has an empty name");
            }
        }
    }

    /// What a prompt is: exactly one of a text, a file of text, and ids.
    ///
    /// @param segments a segment id per token, with ids only; null for all 0
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Prompt(String text, String file, List<Integer> ids, List<Integer> segments) {
        public Prompt {
            if ((text == null ? 0 : 1) + (file == null ? 0 : 1) + (ids == null ? 0 : 1) != 1) {
                throw Refusal.of(Category.TASK_INVALID, null, "a prompt is exactly one of text, file and ids");
            }
            if (segments != null && ids == null) {
                throw Refusal.of(Category.TASK_INVALID, null, "segments stand beside ids only");
            }
            requireWhole("ids", ids);
            requireWhole("segments", segments);
        }

        public static Prompt ofText(String text) {
            return new Prompt(text, null, null, null);
        }

        public static Prompt ofFile(Path file) {
            return new Prompt(null, file.toString(), null, null);
        }

        public static Prompt ofIds(List<Integer> ids) {
            return new Prompt(null, null, ids, null);
        }
    }

    /// Layers from `first` to `last`, both included.
    record LayerRange(int first, int last) {
        public boolean contains(int layer) {
            return layer >= first && layer <= last;
        }
    }

    /// What a capture may keep. The first seven are the tensors of the reference cases.
    enum What {
        /// `attentions` [layers, heads, queries, keys]
        attentions,
        /// `hidden_states` [layers+1, tokens, hidden]
        hidden_states,
        /// `logits` [tokens, vocabulary]
        logits,
        /// `cache_k`, `cache_v` [layers, kv_heads, tokens, head_dim]
        kv,
        /// `router_logits`, `expert_ids`, `expert_weights`
        router,
        /// `token_nll` [tokens-1]
        loss,
        /// `layer_out`, `attn_out`, `mlp_out` [layers, tokens, hidden]
        blocks,
        /// one tensor [layers, heads] per head metric; `query_entropy`, `received_mass` [layers, heads, tokens]
        metrics,
        /// `thumbnails` [layers, heads, tiles, tiles]
        thumbnails,
        /// `layer_cosine`, `layer_divergence` [layers, layers]
        similarity,
        /// `attention_rank` [layers, heads]
        arank,
        /// `rollout` [layers, tokens, tokens]
        rollout,
        /// `query_cka`, `key_cka`, `value_cka` [layers, heads, heads]
        head_similarity
    }

    /// The shortest text of which something can be predicted, in tokens.
    int SHORTEST = 2;

    /// The task as JSON.
    default ObjectNode toJson() {
        return TaskJson.write(this);
    }

    /// A task from its JSON.
    ///
    /// @throws Refusal `task-invalid`, saying which key
    static Task fromJson(JsonNode json) {
        return TaskJson.read(json);
    }

    private static void require(String key, Object value) {
        if (value == null) {
            throw Refusal.of(Category.TASK_INVALID, null, "the task has no %s", key);
        }
    }

    /// Refuses a list with a null in it.
    private static void requireWhole(String key, List<?> list) {
        if (list != null && list.stream().anyMatch(Objects::isNull)) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s holds null", key);
        }
    }

    /// Refuses a number that is not between two others; the ends do not belong.
    private static void requireInside(String key, Double value, double above, double below) {
        if (value != null && !(value > above && value < below)) {
            throw Refusal.of(Category.TASK_INVALID, null, Double.isInfinite(below) ? "%s is %s; a number above %s belongs here"
                    : "%s is %s; a number above %s and below %s belongs here", key, value, whole(above), whole(below));
        }
    }

    private static String whole(double v) {
        return v == Math.rint(v) ? String.valueOf((long) v) : String.valueOf(v);
    }

    private static void requireFor(boolean applies, String key, Object value, String what) {
        if (!applies && value != null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s goes with %s only", key, what);
        }
    }

    private static void requireBase(String model, String key, Object value) {
        if (model == null && value != null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s needs a base model", key);
        }
    }

    private static void requireTexts(List<Domain> data, String key, Object value) {
        if ((data == null || data.isEmpty()) && value != null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s needs texts (data)", key);
        }
    }

    private static void requireDistinct(List<Domain> data) {
        if (data != null && data.stream().map(Domain::name).distinct().count() < data.size()) {
            throw Refusal.of(Category.TASK_INVALID, null, "two texts of data have the same name");
        }
    }

    private static void requireAtLeast(String key, Integer value, int least) {
        if (value != null && value < least) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s is %,d; a whole number from %d belongs here", key, value, least);
        }
    }
}
