package vitrine.core.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
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
import vitrine.core.refusal.Refusal;
import vitrine.core.testing.Recorder;
import vitrine.core.testing.Reference;

/// What the config of Llama 4 decides: every unusual key moves the logits of the reference case, and defaults are those of its publisher.
class Llama4ConfigTest {

    private static final Reference CASE = Reference.of("llama4-text");
    private static final Checkpoint CHECKPOINT = Checkpoints.open(CASE.checkpoint());

    private static ModelSpec read(String changes) throws IOException {
        ObjectNode config = CHECKPOINT.config();
        ((ObjectNode) Json.mapper().readTree(changes.replace('\'', '"'))).properties().forEach(e -> {
            if (e.getValue().asText().equals("absent")) {
                config.remove(e.getKey());
            } else {
                config.set(e.getKey(), e.getValue());
            }
        });
        return Families.read(config, CHECKPOINT.configFile(), CHECKPOINT.tensors().keySet());
    }

    /// The reference agrees with the config as it is ([vitrine.core.forward.ForwardPassReferenceTest]), so with another it must not.
    @ParameterizedTest
    @ValueSource(strings = {"{'attention_chunk_size': 128}", "{'layer_types': ['full_attention', 'chunked_attention', 'full_attention']}", "{'use_qk_norm': false}",
        "{'attn_temperature_tuning': false}", "{'floor_scale': 8192}", "{'attn_scale': 0.1}", "{'no_rope_layers': [1, 1, 1]}", "{'num_experts_per_tok': 1}", "{'rope_theta': 10000.0}"})
    void everyUnusualKeyMatters(String changes) throws IOException {
        ModelSpec spec = read(changes);
        try (Weights weights = new Weights(CHECKPOINT, ProductsForTests.PRODUCTS); SafetensorsFile expected = CASE.expected()) {
            Recorder got = new Recorder(spec);
            new ForwardPass(spec, weights).run(new Batch(List.of(new Batch.Sequence(expected.ints("p0.input_ids"), null))), got, Progress.NONE);
            float[] want = expected.floats("p0.logits");
            float[] logits = got.get(-1, Site.LOGITS);
            double largest = 0;
            double moved = 0;
            for (int i = 0; i < want.length; i++) {
                largest = Math.max(largest, Math.abs(want[i]));
                moved = Math.max(moved, Math.abs(want[i] - logits[i]));
            }
            assertTrue(moved > 10 * 2e-4 * Math.max(1, largest), changes + " moves the logits by " + moved);
        }
    }

    @Test
    void defaultsAreThoseOfThePublisher() throws IOException {
        // Every fourth layer has no positions and sees everything; the others attend within chunks.
        ModelSpec spec = read("{'no_rope_layers': 'absent', 'no_rope_layer_interval': 2, 'attention_chunk_size': 'absent', 'attn_temperature_tuning': 4, 'floor_scale': 'absent'}");
        assertEquals(List.of(8192, 0, 8192), spec.layers().stream().map(l -> l.attention().chunk()).toList());
        assertEquals(null, spec.layers().get(1).attention().rope());
        assertEquals(new AttentionSpec.Temperature(8192, 0.3), spec.layers().get(1).attention().temperature(), "4 means true");
        assertEquals(null, spec.layers().get(0).attention().temperature());
        assertEquals(read("{}"), read("{'moe_layers': 'absent', 'interleave_moe_layer_step': 2, 'moe_layers': [0, 2]}"));
        ModelSpec stepped = read("{'moe_layers': 'absent', 'interleave_moe_layer_step': 2}");
        assertEquals(List.of(1), stepped.expertLayers());
        assertEquals(List.of(0, 1, 2), read("{'moe_layers': 'absent'}").expertLayers());
    }

    @Test
    void temperatureGrowsInSteps() {
        AttentionSpec.Temperature t = new AttentionSpec.Temperature(4, 0.3);
        assertEquals(1f, t.at(2));
        assertEquals(1 + 0.3 * Math.log(2), t.at(3), 1e-6);
        assertEquals(1 + 0.3 * Math.log(2), t.at(6), 1e-6);
        assertEquals(1 + 0.3 * Math.log(3), t.at(7), 1e-6);
    }

    @Test
    void whoSeesWhomWithinChunks() throws IOException {
        AttentionSpec a = read("{}").layers().get(0).attention();
        assertEquals(List.of(0, 0, 6, 6, 12), java.util.stream.IntStream.of(0, 5, 6, 11, 12).mapToObj(a::firstKey).toList());
        assertEquals(6, a.queriesOf(0, 100));
        assertEquals(1, a.queriesOf(5, 100));
        assertEquals(2, a.queriesOf(6, 8), "the sequence ends before the chunk");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{'attention_chunk_size': null} | attends within chunks",
        "{'no_rope_layers': [1, 0]} | 2 entries for 3 layers",
        "{'layer_types': ['full_attention']} | 1 entries for 3 layers",
        "{'layer_types': ['full_attention', 'sliding_attention', 'full_attention']} | sliding_attention",
        "{'moe_layers': [1, 3]} | layer 3 of 3",
        "{'num_experts_per_tok': 5} | at most 4",
        "{'rope_scaling': {'rope_type': 'yarn', 'factor': 2.0, 'original_max_position_embeddings': 16}} | rope scaling",
    })
    void refuses(String changes, String expected) {
        Refusal refusal = assertThrows(Refusal.class, () -> read(changes));
        assertTrue(refusal.getMessage().contains(expected), refusal.getMessage());
    }
}
