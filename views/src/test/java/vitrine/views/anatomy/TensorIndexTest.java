package vitrine.views.anatomy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.architecture.Part;
import vitrine.core.tensor.Shape;
import vitrine.views.view.Subject;

class TensorIndexTest {

    private static TensorIndex reference(String name) {
        return TensorIndex.of(Cases.reference(name).anatomy());
    }

    private static List<String> labels(TensorIndex index, Listing listing, Folding folding) {
        return index.list(listing, folding, line -> line.elements()).rows().stream().map(TensorRow::label).toList();
    }

    private static TensorIndex index(Path dir, String... names) throws IOException {
        Map<String, Shape> tensors = new LinkedHashMap<>();
        for (String n : names) {
            tensors.put(n, Shape.of(2, 3));
        }
        return TensorIndex.of(Cases.open(Cases.sparse(dir.resolve("t.safetensors"), tensors)).anatomy());
    }

    @Test
    void listsTensorsInTheOrderOfTheForwardPass() {
        List<String> rows = labels(reference("llama-gqa"), Listing.ALL, Folding.NONE.opened(0, 1));
        assertEquals(List.of("model.embed_tokens", "layers.0", "layers.1", "input_layernorm", "q_proj", "k_proj", "v_proj", "o_proj", "post_attention_layernorm",
                "gate_proj", "up_proj", "down_proj", "layers.2", "model.norm", "lm_head"), rows);
    }

    @Test
    void foldsLayersThatNobodyAskedFor() {
        TensorIndex index = reference("llama-gqa");
        Folding last = Folding.NONE.opened(0, 2);
        TensorRow run = index.list(Listing.ALL, last, l -> 0).rows().get(1);
        assertEquals("layers.0 – 1", run.label());
        // 2 layers of 9 tensors; each has 2 norms of 64, q and o of 64 x 64, k and v of 16 x 64, three matrices of 160 x 64.
        assertEquals(new TensorRow.Group("layers.0 – 1", 0, 0, 1, 18, 2 * (2 * 64 + 2 * 64 * 64 + 2 * 16 * 64 + 3 * 160 * 64L), false), run);
        Folding listed = last.toggled((TensorRow.Group) run, index.layers((TensorRow.Group) run), false);
        assertEquals(List.of("layers.0", "layers.1"), labels(index, Listing.ALL, listed).subList(1, 3));
    }

    @Test
    void namesFarApartMakeNoRunOfTheirDistance(@TempDir Path dir) throws IOException {
        TensorIndex index = index(dir, "layers.0.a.weight", "layers.999999999.a.weight", "layers.7.a.weight");
        Folding first = Folding.NONE.opened(0, 0);
        TensorRow.Group run = (TensorRow.Group) index.list(Listing.ALL, first, l -> 0).rows().get(2);
        assertEquals("layers.7 – 999999999", run.label());
        assertEquals(List.of(7, 999_999_999), index.layers(run));
        assertEquals(List.of("layers.0", "a", "layers.7", "layers.999999999"), labels(index, Listing.ALL, first.toggled(run, index.layers(run), false)));
    }

    @Test
    void towersAreToldApart(@TempDir Path dir) throws IOException {
        TensorIndex index = index(dir, "vision.layers.0.q_proj.weight", "text.layers.0.q_proj.weight", "text.layers.1.q_proj.weight", "text.blocks.0.x.weight");
        assertEquals(List.of("text.layers.0", "text.layers.1", "vision.layers.0", "blocks.0"), labels(index, Listing.ALL, Folding.NONE).stream().sorted(
                java.util.Comparator.comparing((String s) -> s.startsWith("blocks")).thenComparing(s -> s)).toList());
    }

    @Test
    void labelsAreUniqueWithinALayer(@TempDir Path dir) throws IOException {
        TensorIndex index = index(dir, "m.layers.0.mlp.experts.0.up_proj.weight", "m.layers.0.mlp.experts.1.up_proj.weight", "m.layers.0.mlp.gate.weight");
        assertEquals(List.of("layers.0", "experts.0.up_proj", "experts.1.up_proj", "gate"), labels(index, Listing.ALL, Folding.NONE.opened(0, 0)));
        for (String name : List.of("bert", "gpt-neox", "gemma2", "stablelm", "opt")) {
            List<TensorLine> layer = reference(name).lines().stream().filter(l -> l.layer() == 0).toList();
            assertEquals(layer.size(), layer.stream().map(TensorLine::label).distinct().count(), name);
        }
    }

    @Test
    void searchMatchesAllWordsInAnyCase() {
        TensorIndex index = reference("llama-gqa");
        assertEquals(List.of("layers.1", "q_proj"), labels(index, new Listing("LAYERS.1 q_Proj", null, Order.MODEL, false), Folding.NONE));
        assertEquals(3, index.list(new Listing("down", null, Order.MODEL, false), Folding.NONE, l -> 0).matches());
        assertEquals(List.of(), labels(index, new Listing("down q_proj", null, Order.MODEL, false), Folding.NONE));
    }

    @Test
    void searchKnowsTypesAndShapes() {
        TensorIndex index = reference("llama-gqa");
        assertEquals(index.size(), index.list(new Listing("f32", null, Order.MODEL, false), Folding.NONE, l -> 0).matches());
        // Keys and values of three layers.
        assertEquals(6, index.list(new Listing("16x64", null, Order.MODEL, false), Folding.NONE, l -> 0).matches());
    }

    @Test
    void aPartFindsFusedProjectionsThatHoldIt() {
        TensorIndex index = reference("phi3");
        for (Part part : List.of(Part.QUERY, Part.KEY, Part.VALUE)) {
            List<TensorLine> found = index.chosen(new Listing("", part, Order.MODEL, false), l -> 0);
            assertEquals(3, found.size(), part.label());
            assertTrue(found.stream().allMatch(l -> l.label().equals("qkv_proj")));
        }
        assertEquals(List.of("gate_up_proj"), index.chosen(new Listing("", Part.UP, Order.MODEL, false), l -> 0).stream().map(TensorLine::label).distinct().toList());
    }

    @Test
    void ofPartsOfOneSizeTheFirstColoursATensor() {
        assertEquals(Part.GATE, reference("phi3").find("model.layers.0.mlp.gate_up_proj.weight").orElseThrow().part());
        assertEquals(Part.QUERY, reference("gpt2").find("transformer.h.0.attn.c_attn.weight").orElseThrow().part());
    }

    @Test
    void sortedListsAreFlatAndMissingFiguresComeLast() {
        TensorIndex index = reference("llama-gqa");
        List<TensorRow> rows = index.list(new Listing("", null, Order.PARAMETERS, true), Folding.NONE, TensorLine::elements).rows();
        assertEquals(index.size(), rows.size());
        long before = Long.MAX_VALUE;
        for (TensorRow row : rows) {
            long now = ((TensorRow.Leaf) row).tensor().elements();
            assertTrue(now <= before);
            before = now;
        }
        for (boolean descending : new boolean[] {false, true}) {
            List<TensorLine> some = index.chosen(new Listing("", null, Order.MEAN, descending), l -> l.label().equals("q_proj") ? l.layer() : Double.NaN);
            assertEquals(descending ? List.of(2, 1, 0) : List.of(0, 1, 2), some.subList(0, 3).stream().map(TensorLine::layer).toList());
        }
    }

    @Test
    void everyTensorIsListedOnce() throws IOException {
        for (String name : Cases.references()) {
            Subject s = Cases.reference(name);
            TensorIndex index = TensorIndex.of(s.anatomy());
            assertEquals(s.anatomy().checkpoint().tensors().keySet(), new java.util.HashSet<>(index.lines().stream().map(TensorLine::name).toList()), name);
            assertEquals(s.anatomy().tensors().size(), index.list(Listing.ALL, Folding.NONE, l -> 0).matches(), name);
        }
    }

    @Test
    void closedGroupsStayClosedWhileASearchIsOn() {
        TensorIndex index = reference("llama-gqa");
        Listing down = new Listing("down", null, Order.MODEL, false);
        TensorRow.Group first = (TensorRow.Group) index.list(down, Folding.NONE, l -> 0).rows().getFirst();
        assertTrue(first.open());
        Folding closed = Folding.NONE.toggled(first, index.layers(first), true);
        assertFalse(((TensorRow.Group) index.list(down, closed, l -> 0).rows().getFirst()).open());
        assertTrue(((TensorRow.Group) index.list(down, closed.searching(), l -> 0).rows().getFirst()).open());
    }
}
