package vitrine.core.task;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Something an engine can be asked to do. Its JSON form, with the key `kind`, is public.
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
    @JsonSubTypes.Type(value = Task.Capture.class, name = "capture"),
    @JsonSubTypes.Type(value = Task.Heads.class, name = "heads"),
    @JsonSubTypes.Type(value = Task.Evaluate.class, name = "eval"),
    @JsonSubTypes.Type(value = Task.Statistics.class, name = "statistics"),
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
    record Capture(String model, Prompt prompt, List<What> what, LayerRange layers) implements Task {}

    /// Per-head measures over texts.
    ///
    /// @param maxLength where longer texts are cut, the model's own limit where null
    record Heads(String model, String data, Integer maxLength) implements Task {}

    /// Loss and perplexity over texts.
    ///
    /// @param maxLength where longer texts are cut, the model's own limit where null
    record Evaluate(String model, String data, Integer maxLength) implements Task {}

    /// Figures and histograms of stored tensors.
    ///
    /// @param tensors names, all where null
    record Statistics(String model, List<String> tensors, int bins) implements Task {}

    /// What a prompt is: exactly one of a text, a file of text, and ids.
    ///
    /// @param segments a segment id per token, with ids only; null for all 0
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Prompt(String text, String file, List<Integer> ids, List<Integer> segments) {
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

    /// The mapper of tasks' JSON; unknown keys are refused.
    JsonMapper MAPPER = JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES).build();

    /// The task as JSON.
    default ObjectNode toJson() {
        return MAPPER.valueToTree(this);
    }

    /// A task from its JSON.
    ///
    /// @throws Refusal `task-invalid`, saying which key
    static Task fromJson(JsonNode json) {
        try {
            return MAPPER.treeToValue(json, Task.class);
        } catch (JsonProcessingException | IllegalArgumentException e) {
            String message = e instanceof JsonProcessingException j ? j.getOriginalMessage() : e.getMessage();
            throw Refusal.of(Category.TASK_INVALID, null, "the task cannot be run (%s)", String.valueOf(message).lines().findFirst().orElse("")).cause(e);
        }
    }
}
