package vitrine.views.anatomy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.architecture.Part;

class WiringTest {

    static List<String> references() throws java.io.IOException {
        return Cases.references();
    }

    private static Wiring wiring(String name, int layer) {
        return Wiring.of(Cases.reference(name).anatomy().spec().orElseThrow(), layer, t -> true);
    }

    @ParameterizedTest
    @MethodSource("references")
    void everyTensorOfTheSpecHasABoxAndOnlyThose(String name) {
        ModelSpec spec = Cases.reference(name).anatomy().spec().orElseThrow();
        Set<String> drawn = new HashSet<>();
        for (int l = 0; l < spec.layers().size(); l++) {
            Wiring.of(spec, l, t -> true).boxes().forEach(b -> drawn.addAll(b.tensors()));
        }
        assertEquals(NamedTensor.of(spec).stream().map(NamedTensor::name).collect(Collectors.toSet()), drawn);
    }

    @ParameterizedTest
    @MethodSource("references")
    void boxesHaveTheShapesOfTheirTensors(String name) {
        var anatomy = Cases.reference(name).anatomy();
        for (Box b : Wiring.of(anatomy.spec().orElseThrow(), 0, t -> true).boxes()) {
            if (b.shape() != null) {
                assertEquals(anatomy.checkpoint().tensor(b.tensors().getFirst()).orElseThrow().shape(), b.shape(), b.label());
            }
        }
    }

    @Test
    void llamaHasNormsBeforeItsBlocks() {
        Wiring.Block b = wiring("llama-gqa", 0).block();
        assertNotNull(b.attentionInput());
        assertNotNull(b.feedForwardInput());
        assertNull(b.attentionOutput());
        assertNull(b.afterAttention());
        assertEquals("Grouped-query attention", b.attention().title());
        assertEquals("8 query, 2 key/value, size 8", b.attention().sizes());
        assertEquals("SwiGLU MLP", b.mlp().title());
        assertEquals("64 → 160 → 64", b.mlp().sizes());
        assertEquals("silu(gate) · up", b.mlp().formula());
    }

    @Test
    void gemma2HasNormsOnBothSidesCapsAndAlternatingWindows() {
        Wiring first = wiring("gemma2", 0);
        assertNotNull(first.block().attentionOutput());
        assertNotNull(first.block().feedForwardOutput());
        assertTrue(first.block().attention().features().stream().anyMatch(f -> f.startsWith("window")));
        assertTrue(first.block().attention().features().stream().anyMatch(f -> f.startsWith("soft cap")));
        assertFalse(wiring("gemma2", 1).block().attention().features().stream().anyMatch(f -> f.startsWith("window")));
        assertEquals("tied to embedding", first.headDetail());
        assertTrue(first.embeddingNotes().stream().anyMatch(n -> n.full().startsWith("rows ×")));
        assertEquals("GeGLU MLP", first.block().mlp().title());
    }

    @Test
    void bertHasNormsAfterEachSumThreeEmbeddingsAndSeesBothDirections() {
        Wiring w = wiring("bert", 0);
        assertEquals(List.of("Token embedding", "Positions", "Segments"), w.embeddings().stream().map(Box::label).toList());
        assertNotNull(w.embeddingNorm());
        assertNull(w.block().attentionInput());
        assertNotNull(w.block().afterAttention());
        assertNotNull(w.block().afterFeedForward());
        assertEquals("both directions", w.block().attention().features().getFirst());
        assertEquals(2, w.headSteps().size());
    }

    @Test
    void parallelBlocksReadNormsOfTheirOwnOrOneTogether() {
        Wiring.Block neox = wiring("gpt-neox", 0).block();
        assertTrue(neox.parallel());
        assertFalse(neox.attentionInput() == neox.feedForwardInput());
        Wiring.Block stable = wiring("stablelm-parallel", 0).block();
        assertTrue(stable.parallel());
        assertSame(stable.attentionInput(), stable.feedForwardInput());
        assertFalse(wiring("gpt-neox-sequential", 0).block().parallel());
    }

    @Test
    void aFusedProjectionIsOneBoxOfThreeParts() {
        Wiring.Attention a = wiring("phi3", 0).block().attention();
        assertSame(a.fused(), a.query());
        assertSame(a.fused(), a.value());
        // 4 query, 2 key and 2 value heads.
        assertEquals(List.of(new Box.Share(Part.QUERY, 0.5), new Box.Share(Part.KEY, 0.25), new Box.Share(Part.VALUE, 0.25)), a.fused().shares());
        assertEquals(1, wiring("phi3", 0).block().mlp().inputs().size());
    }

    @Test
    void normsOfQueriesAndKeysAreTold() {
        assertEquals(List.of("q norm", "k norm"), wiring("qwen3", 0).block().attention().norms().stream().map(Box::label).toList());
        assertTrue(wiring("llama-gqa", 0).block().attention().norms().isEmpty());
    }

    @Test
    void positionsAreTold() {
        assertTrue(wiring("gpt2", 0).block().attention().features().contains("learned positions"));
        assertTrue(wiring("llama-gqa", 0).block().attention().features().contains("RoPE θ 10,000"));
        assertTrue(wiring("gpt-neox", 0).block().attention().features().stream().anyMatch(f -> f.startsWith("on ")));
        assertTrue(wiring("llama-rope-yarn", 0).block().attention().features().stream().anyMatch(f -> f.startsWith("yarn ×")));
    }

    @Test
    void whatTheCheckpointLacksIsMissing() {
        ModelSpec spec = Cases.reference("llama-gqa").anatomy().spec().orElseThrow();
        Wiring w = Wiring.of(spec, 1, t -> !t.equals("model.layers.1.mlp.up_proj.weight"));
        assertEquals(List.of("up_proj"), w.boxes().stream().filter(Box::missing).map(Box::label).toList());
    }
}
