package vitrine.core.checkpoint.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.DType;

/// A file's keys in the words of the `config.json` that its model had before it was converted.
///
/// What a converter leaves out because llama.cpp has it in its code (the router of Qwen's experts, Gemma's scale of queries) is told as there.
final class GgufConfig {

    private static final int MAX_FACTORS = 4096;

    private final GgufHeader header;
    private final GgufKeys keys;
    private final GgufNames names;
    private final Map<String, TensorEntry> stored;
    private final ObjectNode out = Json.object();

    GgufConfig(GgufHeader header, GgufKeys keys, GgufNames names, Map<String, TensorEntry> stored) {
        this.header = header;
        this.keys = keys;
        this.names = names;
        this.stored = stored;
    }

    /// @throws Refusal `config-missing` where the file names no architecture, `config-invalid` where a key that it needs is missing or odd
    ObjectNode read() {
        if (keys.architecture().isEmpty()) {
            throw Refusal.of(Category.CONFIG_MISSING, header.shown(), "it does not say which architecture it holds").where("general.architecture");
        }
        out.put("model_type", names == null ? keys.architecture() : names.modelType());
        if (names == null) {
            return out;
        }
        if (keys.architecture().equals("gpt2")) {
            gpt2();
        } else {
            decoder();
        }
        special("bos_token_id");
        special("eos_token_id");
        return out;
    }

    private void special(String key) {
        if (header.values().get("tokenizer.ggml." + key) instanceof GgufValue.Whole w && w.value() >= 0 && w.value() <= Integer.MAX_VALUE) {
            out.put(key, (int) w.value());
        }
    }

    private boolean holds(String tensor) {
        return stored.containsKey(tensor);
    }

    private int vocabulary() {
        TensorEntry table = stored.get("token_embd.weight");
        if (table == null) {
            throw Refusal.of(Category.TENSOR_MISSING, header.shown(), "the table of token embeddings is not in the file").where("tensor token_embd.weight");
        }
        return Math.toIntExact(Math.min(Integer.MAX_VALUE, table.shape().size(0)));
    }

    private void gpt2() {
        out.put("n_embd", keys.whole("embedding_length")).put("n_head", keys.whole("attention.head_count")).put("n_layer", keys.whole("block_count"))
                .put("n_positions", keys.whole("context_length")).put("vocab_size", vocabulary()).put("layer_norm_epsilon", keys.realOr("attention.layer_norm_epsilon", 1e-5));
        if (keys.has("feed_forward_length")) {
            out.put("n_inner", keys.whole("feed_forward_length"));
        }
        out.put("tie_word_embeddings", !holds("output.weight"));
    }

    private void decoder() {
        int hidden = keys.whole("embedding_length");
        int heads = keys.whole("attention.head_count");
        out.put("hidden_size", hidden).put("num_hidden_layers", keys.whole("block_count")).put("num_attention_heads", heads).put("vocab_size", vocabulary())
                .put("max_position_embeddings", keys.wholeOr("context_length", 2048)).put("tie_word_embeddings", !holds("output.weight"));
        if (!keys.architecture().equals("gptneox")) {
            out.put("num_key_value_heads", keys.wholeOr("attention.head_count_kv", heads));
        }
        boolean experts = keys.wholeOr("expert_count", 0) > 0;
        out.put("intermediate_size", keys.has("feed_forward_length") || !experts ? keys.whole("feed_forward_length") : keys.whole("expert_feed_forward_length"));
        switch (keys.architecture()) {
            case "starcoder2" -> out.put("norm_epsilon", keys.realOr("attention.layer_norm_epsilon", 1e-5)).put("use_bias", holds("blk.0.attn_q.bias"));
            case "stablelm" -> out.put("layer_norm_eps", keys.realOr("attention.layer_norm_epsilon", 1e-5)).put("use_qkv_bias", holds("blk.0.attn_q.bias"))
                    .put("use_parallel_residual", keys.flagOr("use_parallel_residual", false)).put("qk_layernorm", holds("blk.0.attn_q_norm.weight"));
            case "gptneox" -> out.put("layer_norm_eps", keys.realOr("attention.layer_norm_epsilon", 1e-5)).put("use_parallel_residual", keys.flagOr("use_parallel_residual", true))
                    .put("attention_bias", holds("blk.0.attn_qkv.bias"));
            default -> out.put("rms_norm_eps", keys.realOr("attention.layer_norm_rms_epsilon", 1e-6));
        }
        if (experts) {
            experts();
        }
        if (keys.architecture().equals("deepseek2")) {
            latent();
        } else {
            plainHeads(hidden, heads);
        }
        family(hidden, heads);
        scaling();
    }

    private void experts() {
        boolean mixtral = names.modelType().equals("mixtral");
        out.put(mixtral ? "num_local_experts" : names.modelType().equals("deepseek_v2") ? "n_routed_experts" : "num_experts", keys.whole("expert_count"))
                .put("num_experts_per_tok", keys.whole("expert_used_count"));
        switch (keys.architecture()) {
            case "qwen2moe" -> out.put("moe_intermediate_size", keys.whole("expert_feed_forward_length"))
                    .put("shared_expert_intermediate_size", keys.wholeOr("expert_shared_feed_forward_length", sharedWidth())).put("norm_topk_prob", false);
            case "qwen3moe" -> out.put("moe_intermediate_size", keys.whole("expert_feed_forward_length")).put("norm_topk_prob", true);
            case "olmoe" -> {
                out.put("norm_topk_prob", false);
                if (keys.realOr("attention.clamp_kqv", 0) > 0) {
                    out.put("clip_qkv", keys.realOr("attention.clamp_kqv", 0));
                }
            }
            default -> {
            }
        }
    }

    /// The rows of the shared expert, where no key tells them.
    private int sharedWidth() {
        TensorEntry up = stored.get("blk.0.ffn_up_shexp.weight");
        return up == null ? 0 : Math.toIntExact(Math.min(Integer.MAX_VALUE, up.shape().size(0)));
    }

    private void plainHeads(int hidden, int heads) {
        int plain = heads == 0 ? 0 : hidden / heads;
        int width = keys.wholeOr("attention.key_length", plain);
        int values = keys.wholeOr("attention.value_length", width);
        if (values != width) {
            throw keys.refuse("attention.value_length", "is %d and attention.key_length %d; heads whose keys and values differ are not understood here", values, width);
        }
        int turned = keys.wholeOr("rope.dimension_count", width);
        if (keys.architecture().equals("gptneox")) {
            out.put("rotary_emb_base", keys.realOr("rope.freq_base", 10_000)).put("rotary_pct", width == 0 ? 1 : (double) turned / width);
            return;
        }
        if (width != plain || !keys.architecture().equals("phi3") && !keys.architecture().equals("stablelm")) {
            out.put("head_dim", width);
        }
        out.put("rope_theta", keys.realOr("rope.freq_base", 10_000));
        if (turned != width || keys.architecture().equals("stablelm")) {
            out.put("partial_rotary_factor", width == 0 ? 1 : (double) turned / width);
        }
    }

    private void latent() {
        boolean apart = keys.has("attention.key_length_mla");
        int turned = keys.whole("rope.dimension_count");
        int width = keys.whole(apart ? "attention.key_length_mla" : "attention.key_length");
        if (width <= turned) {
            throw keys.refuse("rope.dimension_count", "is %d, of heads of %d", turned, width);
        }
        out.put("qk_rope_head_dim", turned).put("qk_nope_head_dim", width - turned).put("v_head_dim", keys.whole(apart ? "attention.value_length_mla" : "attention.value_length"))
                .put("kv_lora_rank", keys.whole("attention.kv_lora_rank")).put("rope_theta", keys.realOr("rope.freq_base", 10_000))
                // Newer files keep one latent head for all; the checkpoint had as many as queries.
                .put("num_key_value_heads", keys.whole("attention.head_count"));
        if (keys.wholeOr("attention.q_lora_rank", 0) > 0) {
            out.put("q_lora_rank", keys.whole("attention.q_lora_rank"));
        } else {
            out.putNull("q_lora_rank");
        }
        boolean sigmoid = keys.wholeOr("expert_gating_func", 1) == 2;
        out.put("model_type", sigmoid ? "deepseek_v3" : "deepseek_v2").put("first_k_dense_replace", keys.wholeOr("leading_dense_block_count", 0))
                .put("moe_intermediate_size", keys.whole("expert_feed_forward_length")).put("n_shared_experts", keys.wholeOr("expert_shared_count", 0))
                .put("routed_scaling_factor", keys.realOr("expert_weights_scale", 1)).put("norm_topk_prob", keys.flagOr("expert_weights_norm", sigmoid));
        int groups = keys.wholeOr("expert_group_count", 0);
        if (groups > 1 || sigmoid) {
            // Files made before groups were written down are those of V3, which has eight and keeps four.
            out.put("n_group", groups > 0 ? groups : 8).put("topk_group", keys.wholeOr("expert_group_used_count", groups > 0 ? groups : 4));
        }
        out.put("topk_method", sigmoid ? "noaux_tc" : groups > 1 ? "group_limited_greedy" : "greedy");
        if (sigmoid) {
            out.put("num_nextn_predict_layers", 0);
        }
    }

    private void family(int hidden, int heads) {
        int headDim = out.path("head_dim").asInt(heads == 0 ? 0 : hidden / heads);
        switch (keys.architecture()) {
            case "llama" -> {
                if (names.modelType().equals("llama")) {
                    out.put("attention_bias", holds("blk.0.attn_q.bias")).put("mlp_bias", holds("blk.0.ffn_up.bias"));
                }
            }
            case "granite" -> out.put("attention_bias", holds("blk.0.attn_q.bias")).put("embedding_multiplier", keys.realOr("embedding_scale", 1))
                    .put("attention_multiplier", keys.realOr("attention.scale", 1 / Math.sqrt(Math.max(1, headDim)))).put("residual_multiplier", keys.realOr("residual_scale", 1))
                    .put("logits_scaling", keys.realOr("logit_scale", 1));
            case "gemma2" -> {
                cap("attn_logit_softcapping", 50);
                cap("final_logit_softcapping", 30);
                out.put("sliding_window", keys.wholeOr("attention.sliding_window", 4096)).put("query_pre_attn_scalar", keys.whole("block_count") == 46 ? hidden / heads : headDim);
            }
            case "gemma3" -> {
                cap("final_logit_softcapping", 0);
                out.put("sliding_window", keys.wholeOr("attention.sliding_window", 1024)).put("query_pre_attn_scalar", keys.whole("block_count") == 62 ? hidden / heads : headDim)
                        .put("rope_theta", keys.realOr("rope.freq_base", 1_000_000)).put("rope_local_base_freq", keys.realOr("rope.freq_base_swa", 10_000));
                if (keys.get("attention.sliding_window_pattern") instanceof GgufValue.Whole w && w.value() > 0 && w.value() < 1000) {
                    out.put("sliding_window_pattern", (int) w.value());
                }
            }
            case "phi3" -> {
                if (keys.wholeOr("attention.sliding_window", 0) > 0) {
                    out.put("sliding_window", keys.whole("attention.sliding_window"));
                }
            }
            default -> {
            }
        }
    }

    private void cap(String key, double otherwise) {
        double cap = keys.realOr(key, otherwise);
        if (cap > 0) {
            out.put(key, cap);
        } else {
            out.putNull(key);
        }
    }

    private void scaling() {
        TensorEntry longer = stored.get("rope_factors_long.weight");
        TensorEntry shorter = stored.get("rope_factors_short.weight");
        TensorEntry one = stored.get("rope_freqs.weight");
        String type = keys.textOr("rope.scaling.type", keys.has("rope.scale_linear") ? "linear" : "none");
        int positions = out.path("max_position_embeddings").asInt();
        if (longer != null && shorter != null || one != null) {
            // Factors of single frequencies; one set of them, as Llama 3.1 has, is one for all lengths.
            ObjectNode rope = out.putObject("rope_scaling").put("rope_type", "longrope");
            factors(rope.putArray("short_factor"), one != null ? one : shorter);
            factors(rope.putArray("long_factor"), one != null ? one : longer);
            int original = keys.wholeOr("rope.scaling.original_context_length", positions);
            // Phi-3 reads it beside the rope only.
            rope.put("original_max_position_embeddings", original);
            out.put("original_max_position_embeddings", original);
            if (one != null) {
                rope.put("attention_factor", 1.0);
            } else if (keys.has("rope.scaling.attn_factor")) {
                rope.put("attention_factor", keys.realOr("rope.scaling.attn_factor", 1));
            }
            if (keys.architecture().equals("phi3")) {
                out.put("original_max_position_embeddings", original);
            }
            return;
        }
        switch (type) {
            case "none" -> {
            }
            case "linear" -> out.putObject("rope_scaling").put("rope_type", "linear").put("factor", keys.realOr("rope.scaling.factor", keys.realOr("rope.scale_linear", 1)));
            case "yarn" -> {
                ObjectNode rope = out.putObject("rope_scaling").put("rope_type", "yarn").put("factor", keys.realOr("rope.scaling.factor", 1))
                        .put("original_max_position_embeddings", keys.wholeOr("rope.scaling.original_context_length", positions));
                if (keys.has("rope.scaling.yarn_log_multiplier")) {
                    // The converter wrote a tenth of mscale_all_dim; the models that have it have mscale the same.
                    double mscale = Math.rint(1e6 * 10 * keys.realOr("rope.scaling.yarn_log_multiplier", 0.1)) / 1e6;
                    rope.put("mscale", mscale).put("mscale_all_dim", mscale);
                }
            }
            default -> throw keys.refuse("rope.scaling.type", "is %s, which is not understood", type);
        }
    }

    private void factors(ArrayNode list, TensorEntry t) {
        if (t.dtype() != DType.F32 || t.elements() > MAX_FACTORS) {
            throw Refusal.of(Category.CONFIG_INVALID, header.shown(), "factors of rotary frequencies are up to %,d values of F32; here are %,d of %s", MAX_FACTORS, t.elements(), t.dtype().name())
                    .where("tensor " + t.name());
        }
        ByteBuffer bytes = ByteBuffer.allocate((int) t.bytes()).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        try (FileChannel channel = FileChannel.open(t.file(), StandardOpenOption.READ)) {
            while (bytes.hasRemaining()) {
                if (channel.read(bytes, t.offset() + bytes.position()) < 0) {
                    throw Refusal.of(Category.TRUNCATED, header.shown(), "the file ended within it while it was read").where("tensor " + t.name());
                }
            }
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, header.shown(), "cannot be read (%s)", Json.reason(e)).cause(e);
        }
        bytes.flip();
        while (bytes.hasRemaining()) {
            // As a decimal of the float's own precision, not of the double that it widens to.
            list.add(Double.parseDouble(Float.toString(bytes.getFloat())));
        }
    }
}
