package vitrine.core.architecture;

import java.util.Map;
import java.util.Set;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Config keys that make no difference to a forward pass in evaluation mode, whatever the family.
public final class KnownKeys {

    private static final Set<String> HARMLESS = Set.of(
            // what the file is
            "architectures", "model_type", "transformers_version", "torch_dtype", "dtype", "name_or_path", "auto_map", "task_specific_params",
            "finetuning_task", "problem_type", "id2label", "label2id", "num_labels", "tokenizer_class", "prefix", "quantization_config_version",
            "unsloth_version", "unsloth_fixed", "model_name", "license", "torchscript",
            // training: dropout, initialisation, losses
            "attention_dropout", "attention_probs_dropout_prob", "attn_pdrop", "resid_pdrop", "embd_pdrop", "residual_dropout",
            "embedding_dropout", "hidden_dropout", "hidden_dropout_prob", "classifier_dropout", "dropout", "activation_dropout", "layerdrop",
            "initializer_range", "initializer_factor", "init_std", "embedding_initializer_range", "gradient_checkpointing",
            "summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout",
            "z_loss_coefficient", "output_router_logits", "router_aux_loss_coef", "pretraining_tp", "use_bfloat16", "use_fp32",
            // tokens and generation
            "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "unk_token_id", "cls_token_id", "mask_token_id",
            "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens", "bad_words_ids",
            "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty", "temperature",
            "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size",
            "num_return_sequences", "exponential_decay_length_penalty", "remove_invalid_values", "return_dict_in_generate", "output_scores",
            // what a library returns and how it computes
            "use_cache", "cache_implementation", "return_dict", "output_attentions", "output_hidden_states", "chunk_size_feed_forward",
            "attn_implementation", "use_flash_attention", "use_flash_attn", "use_return_dict", "pruned_heads", "tie_encoder_decoder",
            "tie_last_hidden_states", "is_decoder", "cross_attention_hidden_size", "reorder_and_upcast_attn", "max_sequence_length",
            "model_max_length", "seq_length", "_name_or_path", "_commit_hash", "_attn_implementation", "_attn_implementation_autoset",
            "attention_type", "is_llama_config", "transformers.js_config", "predict_special_tokens",
            // of poolers and sentence heads, which a language model does not use
            "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type", "directionality");

    private KnownKeys() {}

    /// Refuses a config with a key that its family did not read and that is not known to be harmless.
    ///
    /// @throws Refusal `family-unsupported`, naming the key and its value
    public static void requireUnderstood(Config config) {
        for (Map.Entry<String, String> e : config.unread().entrySet()) {
            if (!HARMLESS.contains(e.getKey())) {
                throw Refusal.of(Category.FAMILY_UNSUPPORTED, config.file(),
                        "%s = %s is a feature that this family is not known to have, so the model is not run", e.getKey(), e.getValue())
                        .help("Remove the key if it has no effect, or open the checkpoint for its anatomy only.");
            }
        }
    }
}
