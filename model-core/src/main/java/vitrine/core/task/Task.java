package vitrine.core.task;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

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
})
@JsonInclude(JsonInclude.Include.NON_NULL)
public sealed interface Task {

    /// The checkpoint that the task is about.
    String model();

    /// The kind's public name.
    @JsonIgnore
    default String kind() {
        return getClass().getSimpleName().equals("Evaluate") ? "eval" : getClass().getSimpleName().toLowerCase(java.util.Locale.ROOT);
    }

    /// A forward pass over one prompt, keeping what is asked for.
    ///
    /// @param what see [What]
    /// @param layers which layers' values to keep, all where null
    record Capture(String model, Prompt prompt, List<What> what, LayerRange layers) implements Task {
        public Capture {
            require("model", model);
            require("prompt", prompt);
            require("what", what);
            requireWhole("what", what);
        }
    }

    /// Per-head measures over texts.
    ///
    /// @param maxLength where longer texts are cut, in tokens, from 2; the model's own limit, at most 2,048, where null
    record Heads(String model, String data, Integer maxLength) implements Task {
        public Heads {
            require("model", model);
            require("data", data);
            requireAtLeast("maxLength", maxLength, SHORTEST);
        }
    }

    /// Loss and perplexity over texts.
    ///
    /// @param maxLength where longer texts are cut, in tokens, from 2; the model's own limit, at most 2,048, where null
    record Evaluate(String model, String data, Integer maxLength) implements Task {
        public Evaluate {
            require("model", model);
            require("data", data);
            requireAtLeast("maxLength", maxLength, SHORTEST);
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
    record Rank(String model, String data, RankArtifact.Of of, Integer maxLength, Integer maxTokens, Boolean centred, Boolean excludeMassive,
                Boolean growth, Double ratio, Double alpha, Double tailError, Double perplexityRise, Double rankAwareSparsity) implements Task {
        public Rank {
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
            return new Rank(model, data, of, null, null, null, null, null, null, null, null, null, null);
        }
    }

    /// Which experts the tokens of texts visit.
    ///
    /// @param data one or more named texts; a line's own label wins over the name
    /// @param maxLength where longer texts are cut, in tokens, from 2; the model's own limit, at most 2,048, where null
    /// @param maxTokens how many tokens of each text pass at most, from 2; all where null
    /// @param expertsPerToken other numbers of experts per token to find the loss for; none where null
    record Routing(String model, List<Domain> data, Integer maxLength, Integer maxTokens, List<Integer> expertsPerToken) implements Task {
        public Routing {
            require("model", model);
            require("data", data);
            requireWhole("data", data);
            requireWhole("expertsPerToken", expertsPerToken);
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
            if (initAdapter != null && !method.adapts()) {
                throw Refusal.of(Category.TASK_INVALID, null, "initAdapter goes with methods that train an adapter only, not with %s", method.name());
            }
            if (settings != null) {
                settings.requireFor(method);
                if (settings.earlyStop() != null && (evalData == null || settings.evalEvery() == null)) {
                    throw Refusal.of(Category.TASK_INVALID, null, "earlyStop watches losses over evalData: evalData and evalEvery must stand beside it");
                }
            }
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

    private static void requireAtLeast(String key, Integer value, int least) {
        if (value != null && value < least) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s is %,d; a whole number from %d belongs here", key, value, least);
        }
    }
}
