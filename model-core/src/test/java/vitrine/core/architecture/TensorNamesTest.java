package vitrine.core.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TensorNamesTest {

    @ParameterizedTest
    @CsvSource({"model.layers.3.mlp.up_proj.weight, 3", "h.11.attn.bias, 11", "gpt_neox.layers.0.x, 0", "encoder.layer.7.output, 7",
        "transformer.blocks.12.norm, 12", "layers.5, -1", "layers.5., 5", "layers.x.5.y, -1", "mylayers.5.y, -1", "layers..5, -1",
        "model.layers.1234567890.x, -1", "model.layers.123456789.x, 123456789", "a.layers.layers.4.b, 4", "layers.-1.x, -1", "lm_head.weight, -1",
        "layer.2.layers.3.x, 2", "x.h.1a.h.2.y, 2"})
    void findsTheLayerInAName(String name, int layer) {
        assertEquals(layer, TensorNames.layerOf(name));
    }
}
