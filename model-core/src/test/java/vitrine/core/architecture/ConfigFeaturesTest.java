package vitrine.core.architecture;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.forward.Batch;
import vitrine.core.forward.ForwardPass;
import vitrine.core.forward.ProductsForTests;
import vitrine.core.forward.Weights;
import vitrine.core.json.Json;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.testing.Recorder;
import vitrine.core.testing.Reference;

/// Configs of the reference cases with one feature changed. What a model does with it was seen in transformers 5.18, on some six
/// thousand pairs of family and feature; these are the ones where a plausible reading gives other numbers.
class ConfigFeaturesTest {

    private static ModelSpec read(String name, String changes) throws IOException {
        Checkpoint checkpoint = Checkpoints.open(Reference.of(name).checkpoint());
        ObjectNode config = checkpoint.config();
        ((ObjectNode) Json.mapper().readTree(changes.replace('\'', '"'))).properties().forEach(e -> {
            if (e.getValue().isTextual() && e.getValue().asText().equals("absent")) {
                config.remove(e.getKey());
            } else {
                config.set(e.getKey(), e.getValue());
            }
        });
        return Families.read(config, checkpoint.configFile(), checkpoint.tensors().keySet());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "llama-gqa | {'is_causal': false} | is_causal",
        "gpt2 | {'is_causal': false} | is_causal",
        "gpt-neox | {'is_causal': false} | is_causal",
        "gemma2 | {'is_causal': false} | is_causal",
        "gemma3-text | {'rope_scaling': {'type': 'linear', 'factor': 2.0}} | rope_scaling.type",
        "gemma3-text | {'rope_scaling': {'rope_type': 'linear', 'factor': 2.0}, 'original_max_position_embeddings': 16} | original_max_position_embeddings",
        "gemma3-text | {'layer_types': 'absent', 'sliding_window_pattern': 2, '_sliding_window_pattern': 3} | _sliding_window_pattern",
        "phi3 | {'rope_scaling': {'type': 'linear', 'factor': 2.0}} | rope_scaling",
        "phi3 | {'rope_scaling': {'type': 'yarn', 'factor': 2.0, 'original_max_position_embeddings': 16}} | rope_scaling",
        "gemma3-text | {'rope_scaling': {'rope_type': 'yarn', 'factor': 2.0, 'truncate': false}} | rope_scaling.truncate",
        "phimoe | {'rope_scaling': {'type': 'yarn', 'factor': 2.0}} | rope_scaling",
        "qwen3-moe | {'use_sliding_window': true, 'sliding_window': 3, 'layer_types': ['sliding_attention', 'full_attention', 'sliding_attention']} | layer_types",
        "gpt-oss | {'swiglu_limit': 5.0} | swiglu_limit",
        "dbrx | {'attn_config': {'clip_qkv': 3.0, 'kv_n_heads': 2, 'rope_theta': 500000}} | attn_config.rope_theta",
        "dbrx | {'rope_theta': 500000} | attn_config.rope_theta",
        "dbrx | {'rope_parameters': {'rope_type': 'linear', 'factor': 2.0}} | rope_scaling",
        "llama-gqa | {'head_dim': 2, 'rope_scaling': {'rope_type': 'dynamic', 'factor': 2.0}} | rope_scaling.rope_type",
        "bloom | {'apply_residual_connection_post_layernorm': true} | apply_residual_connection_post_layernorm",
        "bloom | {'slow_but_exact': true} | slow_but_exact",
        "bloom | {'n_inner': 24} | n_inner",
        "mpt | {'expansion_ratio': 2} | expansion_ratio",
        "mpt | {'no_bias': false} | no_bias",
        "mpt | {'logit_scale': 'inv_sqrt_d_model'} | logit_scale",
        "mpt | {'norm_type': 'rmsnorm'} | norm_type",
        "mpt | {'attn_config': {'alibi': false}} | attn_config.alibi",
        "mpt | {'attn_config': {'alibi_bias_max': 16}} | attn_config.alibi_bias_max",
        "mpt | {'attn_config': {'qk_ln': true}} | attn_config.qk_ln",
        "mpt | {'attn_config': {'prefix_lm': true}} | attn_config.prefix_lm",
        "mpt | {'attn_config': {'attn_uses_sequence_id': true}} | attn_config.attn_uses_sequence_id",
        "mpt | {'attn_config': {'attn_type': 'multiquery_attention'}} | attn_config.attn_type",
        "falcon | {'parallel_attn': false} | parallel_attn",
        "falcon | {'num_ln_in_parallel_attn': 3} | num_ln_in_parallel_attn",
        "olmo3 | {'rope_theta': 10000} | rope_theta",
        "olmo3 | {'rope_scaling': {'rope_type': 'linear', 'factor': 2.0}} | rope_scaling",
        "olmo3 | {'rope_parameters': 'absent', 'rope_scaling': {'type': 'linear', 'factor': 2.0}} | rope_scaling.type",
        "olmo3 | {'original_max_position_embeddings': 16} | original_max_position_embeddings",
        "olmo3 | {'rope_parameters': 'absent', 'rope_scaling': {'rope_type': 'yarn', 'factor': 2.0, 'truncate': false}} | rope_scaling.truncate",
        "cohere2 | {'use_qk_norm': true} | use_qk_norm",
        "cohere2 | {'use_parallel_block': false} | use_parallel_block",
        "cohere2 | {'head_dim': 6} | head_dim",
        "phi | {'head_dim': 4} | head_dim",
        "gptj | {'rotary': false} | rotary",
        "hunyuan-dense | {'use_cla': true} | use_qk_norm",
        "hunyuan-dense | {'num_experts': 2} | num_experts",
        "glm4-moe | {'topk_method': 'greedy'} | topk_method",
    })
    void refusesByName(String name, String changes, String key) {
        Refusal refusal = assertThrows(Refusal.class, () -> read(name, changes));
        assertEquals(Category.FAMILY_UNSUPPORTED, refusal.category(), refusal.getMessage());
        assertEquals(key, refusal.where(), refusal.getMessage());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "llama-gqa | {'is_causal': true}",
        "bert | {'is_causal': false}",
        "bert-base-model | {'tie_word_embeddings': true}",
        "gemma3-text-new | {'_sliding_window_pattern': 5}",
        "qwen3-moe | {'layer_types': ['full_attention', 'full_attention', 'full_attention']}",
        "gpt-oss | {'swiglu_limit': 7}",
        "gpt-oss | {'swiglu_limit': 'absent'}",
        "dbrx | {'num_key_value_heads': 2, 'rope_parameters': {'rope_theta': 10000.0, 'rope_type': 'default'}}",
        "exaone4 | {'sliding_window_pattern': 4}",
        "smollm3 | {'no_rope_layer_interval': 3, 'max_window_layers': 1}",
        "falcon | {'multi_query': false}",
        "olmo | {'clip_qkv': 2.2}",
        "falcon-alibi | {'rope_theta': 77.0, 'rope_scaling': {'type': 'linear', 'factor': 2.0}}",
        "bloom | {'slow_but_exact': true, 'pretraining_tp': 1}",
        "bloom | {'n_embed': 'absent', 'hidden_size': 12, 'n_inner': 48}",
        "bloom | {'hidden_size': 24, 'n_head': 4, 'n_layer': 2}",
        "mpt | {'learned_pos_emb': false, 'embedding_fraction': 0.5, 'norm_type': 'layernorm'}",
    })
    void readsWhatMakesNoDifference(String name, String changes) throws IOException {
        assertEquals(read(name, "{}"), read(name, changes));
    }

    /// Expected values are those of transformers 5.18's LlamaConfig: a scaling in the older style takes the place of the newer parameters whole, base included; an empty one does not.
    @Test
    void anOlderScalingTakesThePlaceOfNewerParameters() throws IOException {
        String newer = "'rope_parameters': {'rope_type': 'linear', 'factor': 2.0, 'rope_theta': 5000.0}";
        Rope both = rope(read("llama-gqa", "{'rope_theta': 777.0, " + newer + ", 'rope_scaling': {'rope_type': 'linear', 'factor': 4.0}}"));
        assertEquals(777, both.theta());
        assertEquals(new Rope.Scaling.Linear(4), both.scaling());
        assertEquals(10_000, rope(read("llama-gqa", "{'rope_theta': 'absent', " + newer + ", 'rope_scaling': {'rope_type': 'linear', 'factor': 4.0}}")).theta());
        Rope empty = rope(read("llama-gqa", "{" + newer + ", 'rope_scaling': {}}"));
        assertEquals(5000, empty.theta());
        assertEquals(new Rope.Scaling.Linear(2), empty.scaling());
    }

    /// The family's own base where the config names none.
    @Test
    void phimoeTurnsByAMillion() throws IOException {
        assertEquals(10_000, rope(read("phimoe", "{}")).theta());
        assertEquals(1_000_000, rope(read("phimoe", "{'rope_theta': 'absent'}")).theta());
    }

    /// Short factors and the magnitude for short texts, whatever the factor says; longer texts are not taken.
    @Test
    void phimoeNamesItsMagnitudes() throws IOException {
        ModelSpec spec = read("phimoe", "{'rope_theta': 16.0, 'rope_scaling': {'type': 'longrope', 'short_factor': [1.0, 1.5, 2.0, 4.0], 'long_factor': [5.0, 6.0, 7.0, 8.0], 'factor': 9.0,"
                + " 'short_mscale': 1.25, 'long_mscale': 1.5}, 'original_max_position_embeddings': 40}");
        assertEquals(40, spec.maxPositions());
        for (int length : new int[] {1, 40}) {
            Rope.Frequencies f = rope(spec).frequencies(length);
            assertEquals(1.25, f.attentionFactor());
            assertArrayEquals(new float[] {1f, 1 / (1.5f * 2), 1 / (2f * 4), 1 / (4f * 8)}, f.inverseFrequencies(), 1e-7f);
        }
        Refusal refusal = assertThrows(Refusal.class, () -> read("phimoe", "{'rope_scaling': {'type': 'longrope', 'short_factor': [1.0, 1.5, 2.0, 4.0], 'long_factor': [5.0, 6.0, 7.0, 8.0], 'short_mscale': 1.25}}"));
        assertEquals(Category.CONFIG_INVALID, refusal.category());
    }

    /// Phi-3's length of pre-training stands beside the rope, and is 4,096 where it does not: one among the rope's parameters is not read.
    @Test
    void phi3KnowsItsLengthOfPreTraining() throws IOException {
        String rope = "'rope_scaling': {'type': 'longrope', 'original_max_position_embeddings': 16, 'short_factor': [1, 1, 1, 1, 1, 1, 1, 1], 'long_factor': [2, 2, 2, 2, 2, 2, 2, 2]}";
        assertEquals(19, ((Rope.Scaling.LongRope) rope(read("phi3-rope-longrope", "{" + rope + "}")).scaling()).originalPositions());
        assertEquals(4096, ((Rope.Scaling.LongRope) rope(read("phi3-rope-longrope", "{" + rope + ", 'original_max_position_embeddings': 'absent'}")).scaling()).originalPositions());
    }

    /// An empty scaling leaves gpt-oss its own yarn, empty parameters take it away.
    @Test
    void gptOssHasAYarnOfItsOwn() throws IOException {
        String none = "'rope_parameters': 'absent', 'rope_scaling': ";
        assertEquals(read("gpt-oss", "{" + none + "'absent'}"), read("gpt-oss", "{" + none + "{}}"));
        Rope.Scaling.Yarn own = (Rope.Scaling.Yarn) rope(read("gpt-oss", "{" + none + "{}}")).scaling();
        assertEquals(new Rope.Scaling.Yarn(32, 4096, 32, 1, 0.1 * Math.log(32) + 1, false), own);
        assertEquals(new Rope.Scaling.None(), rope(read("gpt-oss", "{'rope_scaling': 'absent', 'rope_parameters': {}}")).scaling());
    }

    @Test
    void dbrxTurnsByWhatBothPlacesSay() throws IOException {
        ModelSpec spec = read("dbrx", "{'rope_theta': 500000, 'attn_config': {'clip_qkv': 3.0, 'kv_n_heads': 2, 'rope_theta': 500000}}");
        assertEquals(500_000, rope(spec).theta());
        assertEquals(10_000, rope(read("dbrx", "{}")).theta());
    }

    /// Flags that are true where they are left out.
    @Test
    void aFlagOfNullIsFalse() throws IOException {
        for (String key : new String[] {"rope_interleave", "norm_topk_prob"}) {
            assertEquals(read("deepseek-v3", "{'" + key + "': false}"), read("deepseek-v3", "{'" + key + "': null}"), key);
            assertEquals(read("deepseek-v3", "{'" + key + "': true}"), read("deepseek-v3", "{'" + key + "': 'absent'}"), key);
            assertNotEquals(read("deepseek-v3", "{'" + key + "': true}"), read("deepseek-v3", "{'" + key + "': null}"), key);
        }
        for (String key : new String[] {"multi_query", "parallel_attn"}) {
            String older = "{'new_decoder_architecture': false, 'num_kv_heads': 'absent', '" + key + "': ";
            assertEquals(read("falcon", older + "false}"), read("falcon", older + "null}"), key);
            assertEquals(read("falcon", older + "true}"), read("falcon", older + "'absent'}"), key);
            assertNotEquals(read("falcon", older + "true}"), read("falcon", older + "null}"), key);
        }
    }

    /// Half of a head where the share is left out, all of it where the share is null.
    @Test
    void aShareOfNullIsTheWholeHead() throws IOException {
        for (String name : new String[] {"glm", "glm4"}) {
            int headDim = read(name, "{}").layers().getFirst().attention().headDim();
            assertEquals(headDim / 2, rope(read(name, "{'partial_rotary_factor': 'absent'}")).rotated(), name);
            assertEquals(headDim, rope(read(name, "{'partial_rotary_factor': null}")).rotated(), name);
        }
    }

    /// As every rotary family: scalings that stretch positions make longer texts possible.
    @Test
    void aStretchedRopeTakesLongerTexts() throws IOException {
        for (String name : new String[] {"gpt-neox", "llama-gqa", "falcon"}) {
            assertEquals(3 * 100, read(name, "{'max_position_embeddings': 100, 'rope_scaling': {'type': 'linear', 'factor': 3.0}}").maxPositions(), name);
        }
    }

    @Test
    void aFactorOfNothingIsAFactor() throws IOException {
        assertEquals(0f, read("granite", "{'attention_multiplier': 0.0}").layers().getFirst().attention().scale());
    }

    private static Rope rope(ModelSpec spec) {
        return spec.layers().getFirst().attention().rope();
    }

    @Test
    void aTiedConfigUsesTheOutputMatrixThatIsStored() throws IOException {
        String name = "bert-decoder-untied";
        ModelSpec spec = read(name, "{'tie_word_embeddings': true}");
        Reference reference = Reference.of(name);
        try (Weights weights = new Weights(Checkpoints.open(reference.checkpoint()), ProductsForTests.PRODUCTS);
             SafetensorsFile expected = reference.expected()) {
            Recorder got = new Recorder(spec);
            Batch.Sequence prompt = new Batch.Sequence(expected.ints("p0.input_ids"), expected.ints("p0.token_type_ids"));
            new ForwardPass(spec, weights).run(new Batch(java.util.List.of(prompt)), got, Progress.NONE);
            assertTrue(reference.compare(expected, "p0.logits", got.get(-1, Site.LOGITS)) < 1);
        }
    }
}
