package vitrine.views.anatomy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import vitrine.core.tensor.Shape;

class NamesTest {

    @Test
    void findsLayerStackAndRest() {
        assertEquals(new Names.Place("model.layers", 12, "self_attn.q_proj.weight"), Names.place("model.layers.12.self_attn.q_proj.weight"));
        assertEquals(new Names.Place("h", 0, "ln_1.bias"), Names.place("h.0.ln_1.bias"));
        assertNull(Names.place("model.norm.weight"));
        assertNull(Names.place("model.mylayers.3.weight"));
    }

    @Test
    void namesTheSameTensorInAnotherLayer() {
        assertEquals("model.layers.7.mlp.up_proj.weight", Names.inLayer("model.layers.2.mlp.up_proj.weight", 7));
        assertNull(Names.inLayer("lm_head.weight", 7));
    }

    @Test
    void shortensToWhatMatters() {
        assertEquals("q_proj", Names.last("self_attn.q_proj.weight"));
        assertEquals("q_proj.bias", Names.last("self_attn.q_proj.bias"));
        assertEquals("weight", Names.last("weight"));
        assertEquals("t00000", Names.last("t00000"));
        assertEquals("gate_proj.weight", Names.title("model.layers.2.mlp.gate_proj.weight"));
        assertEquals(List.of("down_proj", "experts.3.down_proj", "mlp.experts.3.down_proj"), Names.ends("mlp.experts.3.down_proj.weight"));
        assertEquals(List.of("q_proj.bias", "self_attn.q_proj.bias"), Names.ends("self_attn.q_proj.bias"));
    }

    @Test
    void writesShapes() {
        assertEquals("512 × 64", Names.spaced(Shape.of(512, 64)));
        assertEquals("512×64", Names.tight(Shape.of(512, 64)));
        assertEquals("scalar", Names.tight(Shape.of()));
    }

    @Test
    void sortsNumbersInNamesAsNumbers() {
        List<String> sorted = Stream.of("layers.10.a", "layers.2.b", "layers.2.a", "layers.02.a", "embed", "layers").sorted(Names::compareNaturally).toList();
        assertEquals(List.of("embed", "layers", "layers.02.a", "layers.2.a", "layers.2.b", "layers.10.a"), sorted);
    }
}
