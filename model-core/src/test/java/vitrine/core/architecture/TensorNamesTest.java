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

    /// As published BLOOM checkpoints leave `transformer` out.
    @ParameterizedTest
    @CsvSource({"h.0.self_attention.dense, bloom, transformer.h.0.self_attention.dense", "word_embeddings, bloom, transformer.word_embeddings", "blocks.3.attn.Wqkv, mpt, transformer.blocks.3.attn.Wqkv",
        "transformer.word_embeddings, falcon, transformer.word_embeddings", "layers.1.mlp.up_proj, llama, model.layers.1.mlp.up_proj", "embed_in, gpt_neox, gpt_neox.embed_in"})
    void namesModulesAsTheLibraryDoes(String path, String type, String want) {
        assertEquals(want, TensorNames.libraryPath(path, type));
    }
}
