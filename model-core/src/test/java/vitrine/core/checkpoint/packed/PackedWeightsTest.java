package vitrine.core.checkpoint.packed;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.architecture.family.Families;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.testing.Reference;

/// Packed weights against those that they were packed from. The forward pass from each is checked in `ForwardPassReferenceTest`.
class PackedWeightsTest {

    private static final String DOWN = "model.layers.1.mlp.down_proj.weight";

    @ParameterizedTest
    @CsvSource({"packed-gptq, GPTQ-4", "packed-gptq-v2, GPTQ-8", "packed-awq, AWQ-4", "packed-nf4, NF4", "packed-fp4, FP4", "packed-int8, INT8"})
    void aMatrixHasTheValuesThatWerePacked(String name, String stored) {
        Reference reference = Reference.of(name);
        Checkpoint c = Checkpoints.open(reference.checkpoint());
        TensorEntry t = c.tensors().get(DOWN);
        assertEquals(stored, t.storedAs());
        try (MappedWeights map = new MappedWeights(c); SafetensorsFile golden = reference.expected()) {
            float[] want = golden.floats("weight." + DOWN);
            float[] got = map.data(t).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
            // Two float32 products in another order may be apart in the last bit.
            for (int i = 0; i < want.length; i++) {
                assertEquals(want[i], got[i], Math.ulp(want[i]) * 2, name + " value " + i);
            }
            map.release(t);
            assertArrayEquals(got, map.data(t).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED), "after it was dropped");
        }
    }

    @Test
    void theAnatomyIsThatOfTheModel() {
        Map<String, String> plain = shapes(Anatomy.of(Checkpoints.open(Reference.of("packed-int8").checkpoint())));
        for (String name : new String[] {"packed-gptq", "packed-awq", "packed-nf4"}) {
            Anatomy a = Anatomy.of(Checkpoints.open(Reference.of(name).checkpoint()));
            assertEquals(plain, shapes(a), name);
            assertTrue(a.obstacle() == null, () -> String.valueOf(a.obstacle()));
            assertEquals(2 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 64 * 32) + 2 * 64 * 32 + 5 * 32, a.parameters(), name);
        }
    }

    private static Map<String, String> shapes(Anatomy a) {
        return a.tensors().stream().collect(Collectors.toMap(i -> i.entry().name(), i -> i.entry().shape().toString()));
    }

    @Test
    void formsThatAreNotUnderstoodAreNamed() {
        Checkpoint c = Checkpoints.open(Reference.of("packed-awq").checkpoint());
        ObjectNode config = c.config();
        ((ObjectNode) config.get("quantization_config")).put("version", "gemv");
        Refusal r = assertThrows(Refusal.class, () -> Families.read(config, c.configFile(), c.tensors().keySet()));
        assertEquals(Category.FAMILY_UNSUPPORTED, r.category());
        assertTrue(r.getMessage().contains("gemv"), r.getMessage());
        ((ObjectNode) config.get("quantization_config")).put("quant_method", "gptq").put("bits", 3);
        assertTrue(assertThrows(Refusal.class, () -> Families.read(config, c.configFile(), c.tensors().keySet())).getMessage().contains("3 bits"));
    }
}
