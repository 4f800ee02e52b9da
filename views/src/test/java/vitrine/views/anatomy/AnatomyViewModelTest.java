package vitrine.views.anatomy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.architecture.Part;
import vitrine.core.engine.Ending;
import vitrine.core.engine.EngineEvent;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.Shape;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.view.Subject;
import vitrine.views.tasks.ViewState;

class AnatomyViewModelTest {

    @TempDir
    Path dir;

    private Engines.AtOnce engine;
    private AnatomyViewModel model;

    @BeforeEach
    void make() {
        engine = new Engines.AtOnce(dir);
        model = new AnatomyViewModel(new TaskBoard(engine, Runnable::run), Runnable::run, Runnable::run);
    }

    private static AnatomyViewModel with(Engines.Held held) {
        return new AnatomyViewModel(new TaskBoard(held, Runnable::run), Runnable::run, Runnable::run);
    }

    /// Too large to be read unasked: a matrix of 80 MiB that was never written, and a small tensor.
    private Subject large() throws IOException {
        Map<String, Shape> tensors = new LinkedHashMap<>();
        tensors.put("big.weight", Shape.of(8192, 5120));
        tensors.put("small.weight", Shape.of(8));
        return Cases.open(Cases.sparse(dir.resolve("large.safetensors"), tensors));
    }

    @Test
    void sharesOfTheReferenceCaseAreThoseCountedByHand() {
        Anatomy a = Cases.reference("llama-gqa").anatomy();
        // vocabulary 448, hidden 64, intermediate 160, 8 query and 2 key/value heads of 8, 3 layers, head of its own.
        assertEquals(448 * 64L, a.byPart().get(Part.EMBEDDING));
        assertEquals(3 * 64 * 64L, a.byPart().get(Part.QUERY));
        assertEquals(3 * 16 * 64L, a.byPart().get(Part.KEY));
        assertEquals(3 * 16 * 64L, a.byPart().get(Part.VALUE));
        assertEquals(3 * 64 * 64L, a.byPart().get(Part.OUTPUT));
        assertEquals(3 * 160 * 64L, a.byPart().get(Part.GATE));
        assertEquals(3 * 160 * 64L, a.byPart().get(Part.UP));
        assertEquals(3 * 160 * 64L, a.byPart().get(Part.DOWN));
        assertEquals(7 * 64L, a.byPart().get(Part.NORM));
        assertEquals(448 * 64L, a.byPart().get(Part.HEAD));
        assertEquals(180_672, a.parameters());
        // 2 x 3 layers x 2 heads x 8 x 128 positions x 4 bytes.
        assertEquals(2 * 3 * 2 * 8 * 128 * 4L, a.cacheBytes());
        assertEquals("2 × 3 × 2 × 8 × 128 × 4 B", Facts.cacheFormula(a, a.spec().orElseThrow()));
    }

    @Test
    void biasesOfFusedProjectionsBelongToTheirRows() {
        Anatomy a = Cases.reference("gpt-neox").anatomy();
        // hidden 64, 3 layers, biases everywhere.
        assertEquals(3 * (64 * 64L + 64), a.byPart().get(Part.QUERY));
        assertEquals(3 * (64 * 64L + 64), a.byPart().get(Part.KEY));
        assertFalse(a.byPart().containsKey(Part.OTHER));
    }

    @Test
    void aSmallCheckpointIsReadUnaskedAndItsFiguresAreThoseOfAPlainLoop() throws IOException {
        Subject s = Cases.reference("llama-gqa");
        model.show(s);
        assertEquals(List.of(new Task.Statistics(s.path(), null, 64)), engine.asked);
        for (Anatomy.Item item : s.anatomy().tensors()) {
            float[] values = Cases.floats(item.entry());
            double sum = 0;
            double least = Double.POSITIVE_INFINITY;
            double most = Double.NEGATIVE_INFINITY;
            for (float v : values) {
                sum += v;
                least = Math.min(least, v);
                most = Math.max(most, v);
            }
            double mean = sum / values.length;
            double squares = 0;
            for (float v : values) {
                squares += (v - mean) * (v - mean);
            }
            TensorReading.Values read = model.values(item.entry().name()).orElseThrow();
            assertEquals(mean, read.figures().mean(), 1e-12 * Math.max(1, Math.abs(mean)), item.entry().name());
            assertEquals(Math.sqrt(squares / values.length), read.figures().deviation(), 1e-12, item.entry().name());
            assertEquals(least, read.figures().min());
            assertEquals(most, read.figures().max());
            assertEquals(values.length, read.figures().count());
            assertEquals(values.length, java.util.Arrays.stream(read.histogram()).sum());
            assertEquals(item.entry().name(), read.provenance().source());
        }
    }

    @Test
    void aConstantTensorHasNoDeviation() throws IOException {
        float[] tenths = new float[5000];
        java.util.Arrays.fill(tenths, 0.1f);
        model.show(Cases.open(Cases.write(dir.resolve("constant.safetensors"), Map.of("t", tenths))));
        assertEquals(0, model.figures("t").orElseThrow().deviation(), 1e-15);
    }

    @Test
    void histogramsCountEachBinAsAPlainLoopDoes() throws IOException {
        float[] values = new float[1001];
        for (int i = 0; i < values.length; i++) {
            values[i] = i / 1000f * i / 1000f;
        }
        model.show(Cases.open(Cases.write(dir.resolve("squares.safetensors"), Map.of("t", values))));
        long[] counts = new long[64];
        for (float v : values) {
            counts[Math.min(63, (int) (v * 64.0))]++;
        }
        org.junit.jupiter.api.Assertions.assertArrayEquals(counts, model.values("t").orElseThrow().histogram());
    }

    @Test
    void curvesOfTheSpreadAreTheFiguresOfTheMatricesLayerByLayer() {
        model.show(Cases.reference("llama-gqa"));
        List<SpreadCard.Curve> curves = SpreadCard.curves(model.indexProperty().get(), model.allState().state().valueOrNull());
        assertEquals(List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"), curves.stream().map(SpreadCard.Curve::label).toList());
        for (int l = 0; l < 3; l++) {
            assertEquals(model.figures("model.layers." + l + ".mlp.up_proj.weight").orElseThrow().deviation(), curves.get(5).byLayer()[l]);
        }
    }

    @Test
    void ofALargeCheckpointOnlyTheSelectedTensorIsRead() throws IOException {
        Subject s = large();
        model.show(s);
        assertTrue(engine.asked.isEmpty());
        model.selectedProperty().set("small.weight");
        assertEquals(List.of(new Task.Statistics(s.path(), List.of("small.weight"), 64)), engine.asked);
        assertInstanceOf(ViewState.Result.class, model.selectedValues());
        assertEquals(8, model.figures("small.weight").orElseThrow().zeros());
        model.selectedProperty().set(null);
        model.selectedProperty().set("small.weight");
        assertEquals(1, engine.asked.size(), "what is known is not asked again");
    }

    @Test
    void onlyTheLastSelectionCounts() throws IOException {
        Engines.Held held = new Engines.Held();
        AnatomyViewModel m = with(held);
        m.show(large());
        m.selectedProperty().set("big.weight");
        m.selectedProperty().set("small.weight");
        assertTrue(held.handles.getFirst().isCancelled());
        assertFalse(held.last().isCancelled());
        assertInstanceOf(ViewState.Working.class, m.selectedValues());
        held.handles.getFirst().ending().complete(new Ending.Failed(Ending.Cause.FAULT, "late"));
        assertInstanceOf(ViewState.Working.class, m.selectedValues());
    }

    @Test
    void readingAllCanBeCancelled() throws IOException {
        Engines.Held held = new Engines.Held();
        AnatomyViewModel m = with(held);
        m.show(large());
        m.askAll();
        held.listeners.getFirst().accept(new EngineEvent.Progress(1, 4, "bytes"));
        m.cancelAll();
        assertTrue(held.last().isCancelled());
        held.last().ending().complete(new Ending.Cancelled());
        assertInstanceOf(ViewState.Empty.class, m.allState().state());
    }

    @Test
    void aFailedReadingSaysWhyAndCanBeTriedAgain() throws IOException {
        Engines.Held held = new Engines.Held();
        AnatomyViewModel m = with(held);
        m.show(large());
        m.selectedProperty().set("small.weight");
        held.last().ending().complete(new Ending.Failed(Ending.Cause.OUT_OF_MEMORY, "killed"));
        assertInstanceOf(ViewState.Problem.class, m.selectedValues());
        m.retryValues();
        assertEquals(2, held.handles.size());
        assertInstanceOf(ViewState.Working.class, m.selectedValues());
    }

    @Test
    void selectingATensorMovesTheDiagramAndOpensItsLayer() {
        model.show(Cases.reference("llama-gqa"));
        model.selectedProperty().set("model.layers.2.mlp.up_proj.weight");
        assertEquals(2, model.layerProperty().get());
        assertTrue(model.rowsProperty().get().stream().anyMatch(r -> r instanceof TensorRow.Leaf l && l.tensor().name().equals("model.layers.2.mlp.up_proj.weight")));
    }

    @Test
    void steppingThroughLayersKeepsTheKindOfTensor() {
        model.show(Cases.reference("llama-gqa"));
        model.selectedProperty().set("model.layers.0.self_attn.k_proj.weight");
        model.layerProperty().set(1);
        assertEquals("model.layers.1.self_attn.k_proj.weight", model.selectedProperty().get());
        model.selectedProperty().set("lm_head.weight");
        model.layerProperty().set(2);
        assertEquals("lm_head.weight", model.selectedProperty().get());
    }

    @Test
    void backStepsThroughWhatWasSelected() {
        model.show(Cases.reference("llama-gqa"));
        assertFalse(model.back());
        for (String name : List.of("lm_head.weight", "model.norm.weight", "model.embed_tokens.weight")) {
            model.selectedProperty().set(name);
        }
        assertTrue(model.back());
        assertEquals("model.norm.weight", model.selectedProperty().get());
        assertTrue(model.back());
        assertEquals("lm_head.weight", model.selectedProperty().get());
        assertFalse(model.back());
    }

    @Test
    void escapeReleasesSelectionPartAndSearch() {
        model.show(Cases.reference("llama-gqa"));
        assertFalse(model.release());
        model.selectedProperty().set("lm_head.weight");
        model.partProperty().set(Part.HEAD);
        model.searchProperty().set("head");
        assertEquals(1, model.matchesProperty().get());
        assertTrue(model.release());
        assertNull(model.selectedProperty().get());
        assertNull(model.partProperty().get());
        assertEquals(30, model.matchesProperty().get());
    }

    @Test
    void nonFiniteValuesBecomeAWarningThatNamesTheTensor() throws IOException {
        model.show(Cases.open(Cases.write(dir.resolve("odd.safetensors"), Map.of("bad", new float[] {1, Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 3}))));
        Note first = model.notes().getFirst();
        assertEquals(new Note(true, "bad holds 3 values that are not finite (1 NaN, 2 infinite).", "bad"), first);
        TensorValues.Figures f = model.figures("bad").orElseThrow();
        assertEquals(2, f.mean());
        assertEquals(1, f.deviation());
    }

    @Test
    void tiedWeightsAndMissingTensorsAreNoted() {
        model.show(Cases.reference("gemma2"));
        assertEquals(List.of(false), model.notes().stream().map(Note::warning).toList());
        assertTrue(model.notes().getFirst().sentence().startsWith("The output head is tied"));
    }

    @Test
    void anUnknownFamilySaysWhyNothingIsDrawnAndWhatWorks() throws IOException {
        model.show(Cases.open(Cases.write(dir.resolve("lone.safetensors"), Map.of("w", new float[] {1}))));
        assertTrue(model.diagramObstacle().contains("config.json"));
        assertTrue(model.diagramObstacle().contains("shown all the same"));
        assertEquals(1, model.rowsProperty().get().size());
    }

    @Test
    void showingAnotherCheckpointForgetsTheLast() throws IOException {
        model.show(Cases.reference("llama-gqa"));
        model.selectedProperty().set("lm_head.weight");
        model.searchProperty().set("head");
        model.show(Cases.open(Cases.write(dir.resolve("other.safetensors"), Map.of("w", new float[] {1, 2}))));
        assertNull(model.selectedProperty().get());
        assertEquals("", model.searchProperty().get());
        assertTrue(model.figures("lm_head.weight").isEmpty());
        assertEquals(1.5, model.figures("w").orElseThrow().mean());
        assertFalse(model.back());
        model.searchProperty().set("nothing");
        assertEquals(0, model.rowsProperty().get().size());
    }

    @Test
    void theSameCheckpointOpenedAgainKeepsTheSelection() {
        model.show(Cases.reference("llama-gqa"));
        model.selectedProperty().set("lm_head.weight");
        model.show(Cases.reference("llama-gqa"));
        assertEquals("lm_head.weight", model.selectedProperty().get());
        assertInstanceOf(ViewState.Result.class, model.selectedValues());
    }

    @Test
    void anArtifactOpensWithoutItsCheckpoint() {
        model.show(Cases.reference("llama-gqa"));
        double mean = model.figures("lm_head.weight").orElseThrow().mean();
        AnatomyViewModel other = new AnatomyViewModel(new TaskBoard(engine, Runnable::run), Runnable::run, Runnable::run);
        other.show(dir.resolve("artifact-1"));
        other.selectedProperty().set("lm_head.weight");
        assertInstanceOf(ViewState.Result.class, other.selectedValues());
        assertEquals(mean, other.figures("lm_head.weight").orElseThrow().mean());
        assertEquals(1, engine.asked.size(), "nothing more is asked");
        assertTrue(other.diagramObstacle().contains("Open its checkpoint"));
        assertEquals("llama-gqa", other.name());
        assertTrue(other.command().startsWith("vitrine snapshot anatomy "));
    }

    @Test
    void anotherKindOfArtifactIsRefused() {
        Subject s = Cases.reference("llama-gqa");
        engine.submit(new Task.Capture(s.path(), Task.Prompt.ofIds(List.of(1, 2, 3)), List.of(Task.What.logits), null), e -> { });
        Refusal r = assertThrows(Refusal.class, () -> model.show(dir.resolve("artifact-1")));
        assertEquals(Category.ARTIFACT_INVALID, r.category());
    }

    @Test
    void csvHoldsWhatIsListedWithFiguresInFullPrecision() {
        model.show(Cases.reference("llama-gqa"));
        model.searchProperty().set("model.norm");
        TensorValues.Figures f = model.figures("model.norm.weight").orElseThrow();
        String[] lines = model.csv().split("\r\n");
        assertEquals("tensor,part,layer,dtype,shape,parameters,bytes,offset,file,mean,standard_deviation,min,max,zeros,nan,infinite", lines[0]);
        assertEquals(2, lines.length);
        String[] fields = lines[1].split(",");
        assertEquals(List.of("model.norm.weight", "norm", "", "F32", "64", "64", "256"), List.of(fields).subList(0, 7));
        assertEquals("model.safetensors", fields[8]);
        assertEquals(f.mean(), Double.parseDouble(fields[9]));
        assertEquals(f.deviation(), Double.parseDouble(fields[10]));
    }

    @Test
    void csvOfOddNamesIsSafe() throws IOException {
        model.show(Cases.open(Cases.write(dir.resolve("odd.safetensors"), Map.of("=cmd(),x\u202e\n", new float[] {Float.NaN}))));
        assertEquals("\"'=cmd(),x\\u202e\\n\",other,,F32,1,1,4,", model.csv().split("\r\n")[1].replaceFirst("\\d+,odd.*", ""));
        assertTrue(model.csv().endsWith(",odd.safetensors,,,,,0,1,0\r\n"), model.csv());
    }

    @Test
    void theCommandQuotesItsPath() throws IOException {
        Path odd = Files.createDirectory(dir.resolve("it's here"));
        Subject s = Cases.open(Cases.write(odd.resolve("m.safetensors"), Map.of("w", new float[] {1})));
        model.show(s);
        assertEquals("vitrine open '" + s.path().replace("'", "'\\''") + "'", model.command());
    }

    @Test
    void manyTensorsAreListedAwayFromTheThreadThatOpensThem() throws IOException {
        Map<String, Shape> tensors = new LinkedHashMap<>();
        for (int l = 0; l < 60; l++) {
            for (int e = 0; e < 100; e++) {
                tensors.put("model.layers." + l + ".mlp.experts." + e + ".up_proj.weight", Shape.of(2));
            }
        }
        Subject s = Cases.open(Cases.sparse(dir.resolve("many.safetensors"), tensors));
        List<Runnable> background = new ArrayList<>();
        AnatomyViewModel m = new AnatomyViewModel(new TaskBoard(new Engines.Held(), Runnable::run), background::add, Runnable::run);
        m.show(s);
        assertTrue(m.listingProperty().get());
        assertNull(m.indexProperty().get(), "nothing was sorted here");
        background.removeFirst().run();
        assertTrue(m.rowsProperty().get().isEmpty(), "nothing was listed here");
        background.removeFirst().run();
        assertFalse(m.listingProperty().get());
        assertEquals(6000, m.matchesProperty().get());
        m.searchProperty().set("experts.99");
        m.searchProperty().set("experts.99.up layers.7.");
        background.reversed().forEach(Runnable::run);
        assertEquals(1, m.matchesProperty().get(), "the answer to an older search does not replace that to the newer one");
    }
}
