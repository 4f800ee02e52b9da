package vitrine.core.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
        "llama-gqa | {'head_dim': 2, 'rope_scaling': {'rope_type': 'dynamic', 'factor': 2.0}} | rope_scaling.rope_type",
        "falcon | {'alibi': true} | alibi",
        "falcon | {'parallel_attn': false} | parallel_attn",
        "falcon | {'num_ln_in_parallel_attn': 3} | num_ln_in_parallel_attn",
        "olmo3 | {'rope_theta': 10000} | rope_theta",
        "olmo3 | {'rope_scaling': {'rope_type': 'linear', 'factor': 2.0}} | rope_scaling",
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
        "exaone4 | {'sliding_window_pattern': 4}",
        "smollm3 | {'no_rope_layer_interval': 3, 'max_window_layers': 1}",
        "falcon | {'multi_query': false}",
        "olmo | {'clip_qkv': 2.2}",
    })
    void readsWhatMakesNoDifference(String name, String changes) throws IOException {
        assertEquals(read(name, "{}"), read(name, changes));
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
