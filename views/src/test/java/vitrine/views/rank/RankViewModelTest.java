package vitrine.views.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Measure;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.engine.Ending;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.work.TaskRunner;
import vitrine.views.rank.Item.Place;
import vitrine.views.rank.RankViewModel.Mode;
import vitrine.views.rank.RankViewModel.Values;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.testing.HeldEngine;
import vitrine.views.testing.ImmediateEngine;
import vitrine.views.view.Subject;

class RankViewModelTest {

    private static final String Q0 = "model.layers.0.self_attn.q_proj.weight";

    @TempDir
    Path dir;

    private RankViewModel model(vitrine.core.engine.Engine engine) {
        return new RankViewModel(new TaskBoard(engine, Runnable::run), Runnable::run, Runnable::run);
    }

    private RankViewModel computed(String name) {
        RankViewModel m = model(new ImmediateEngine(dir.resolve("artifacts")));
        m.show(Cases.subject(name));
        m.compute();
        assertInstanceOf(ViewState.Result.class, m.stateProperty().get(), () -> m.stateProperty().get().toString());
        return m;
    }

    // --- asking

    @Test
    void nothingIsComputedBeforeItIsAskedFor() {
        HeldEngine engine = new HeldEngine();
        RankViewModel m = model(engine);
        m.show(Cases.subject("llama-gqa"));
        for (Mode mode : Mode.values()) {
            m.modeProperty().set(mode);
            assertInstanceOf(ViewState.Empty.class, m.stateProperty().get());
        }
        assertTrue(engine.asked().isEmpty());
    }

    @Test
    void theTasksAreThoseOfTheCommandLine() {
        HeldEngine engine = new HeldEngine();
        RankViewModel m = model(engine);
        Subject s = Cases.subject("llama-gqa");
        m.show(s);
        m.compute();
        assertEquals("{\"kind\":\"spectrum\",\"model\":\"" + s.path() + "\",\"accuracy\":\"exact\"}", engine.last().task().toJson().toString());
        assertEquals("vitrine spectrum " + s.path() + " --accuracy exact\nvitrine snapshot rank " + s.path() + " --out rank.png", m.command());
        m.modeProperty().set(Mode.CACHE);
        assertFalse(m.canCompute(), "without a text");
        assertEquals("", m.command());
        Path text = dir.resolve("a text.txt");
        m.texts().add(new CalibrationText("a text.txt", text));
        m.compute();
        Task.Rank cache = (Task.Rank) engine.last().task();
        assertEquals(RankArtifact.Of.kv, cache.of());
        assertEquals(true, cache.growth());
        assertEquals("vitrine rank " + s.path() + " --data '" + text + "' --of kv --growth", m.command());
        m.modeProperty().set(Mode.ACTIVATIONS);
        m.compute();
        assertEquals(RankArtifact.Of.hidden, ((Task.Rank) engine.last().task()).of());
        m.valuesProperty().set(Values.OUTPUTS);
        m.compute();
        assertEquals(RankArtifact.Of.activations, ((Task.Rank) engine.last().task()).of());
    }

    @Test
    void anAdapterAndAnUnknownFamilySayWhatToOpen() throws IOException {
        RankViewModel m = model(new HeldEngine());
        assertEquals("Open a checkpoint to see how much of their rank its matrices use.", m.obstacle());
        Path adapter = Files.createDirectories(dir.resolve("adapter"));
        Files.writeString(adapter.resolve("adapter_config.json"), "{\"peft_type\":\"LORA\",\"r\":8,\"lora_alpha\":8,\"target_modules\":[\"q_proj\"]}");
        copy("llama-gqa", "model.safetensors", adapter.resolve("adapter_model.safetensors"));
        m.show(Cases.open(adapter));
        assertEquals("adapter is an adapter. Open its base to see ranks.", m.obstacle());
        Path unknown = Files.createDirectories(dir.resolve("unknown"));
        Files.writeString(unknown.resolve("config.json"), "{\"model_type\":\"nobody-knows\"}");
        copy("llama-gqa", "model.safetensors", unknown.resolve("model.safetensors"));
        m.show(Cases.open(unknown));
        assertEquals("", m.obstacle(), "weights need no family");
        m.modeProperty().set(Mode.CACHE);
        assertFalse(m.obstacle().isEmpty());
        assertFalse(m.canCompute());
    }

    private static void copy(String name, String file, Path to) throws IOException {
        Files.copy(Path.of("../model-core/src/test/resources/reference").resolve(name).resolve(file), to);
    }

    // --- figures

    @Test
    void weightsHaveTheFiguresOfTheReference() {
        RankViewModel m = computed("llama-gqa");
        Spectra s = m.spectra().orElseThrow();
        for (Item i : s.items()) {
            for (Map.Entry<Measure, String> e : Map.of(Measure.EFFECTIVE_RANK, "er1", Measure.EFFECTIVE_RANK_SQUARED, "er2", Measure.STABLE_RANK, "stable_rank",
                    Measure.PARTICIPATION_RATIO, "participation_ratio_energy", Measure.SPECTRAL_NORM, "spectral_norm", Measure.FROBENIUS_NORM, "frobenius_norm",
                    Measure.RANK_90, "rank90").entrySet()) {
                double expected = Cases.weightMetric("an-weights-llama", i.name(), e.getValue());
                assertEquals(expected, i.value(e.getKey(), false).orElseThrow(), 1e-5 * expected, i.name() + " " + e.getKey());
            }
        }
        assertEquals(23, s.items().size());
        assertEquals(List.of("q", "k", "v", "o", "gate", "up", "down"), s.kinds().stream().map(Kind::label).toList());
        assertEquals(21, m.truncationsProperty().get().size(), "matrices of layers; embedding and head do not count");
    }

    @Test
    void whatATruncationCostsFollowsFromTheReferenceSpectrum() {
        RankViewModel m = computed("llama-gqa");
        m.selectedProperty().set(new Place("query", 0, -1, -1));
        double[] s = Cases.tensor("an-weights-llama", "sv." + Q0);
        double all = 0;
        double tail = 0;
        for (int i = 0; i < s.length; i++) {
            all += s[i] * s[i];
            tail += i >= 10 ? s[i] * s[i] : 0;
        }
        m.ruleProperty().set(WhatIf.Rule.RANK);
        m.keep(10);
        Truncation t = m.truncation().orElseThrow();
        assertEquals(10, m.whatIf().rank(t));
        assertEquals(Math.sqrt(tail / all), t.error(10), 1e-5);
        assertEquals(10 * (64 + 64), t.factored(10));
        m.measureBy(WhatIf.Rule.ENERGY);
        assertEquals(10, m.whatIf().rank(t), "the rank stays when the measure of the threshold changes");
        assertEquals(1 - tail / all, m.shareProperty().get(), 1e-5);
    }

    @Test
    void keysAndValuesHaveTheFiguresOfTheReference() {
        RankViewModel m = model(new ImmediateEngine(dir.resolve("artifacts")));
        m.show(Cases.subject("llama-gqa"));
        m.texts().add(new CalibrationText("sequences", Cases.sequences("an-kv-llama", dir.resolve("sequences.jsonl"))));
        m.modeProperty().set(Mode.CACHE);
        m.compute();
        Spectra s = m.spectra().orElseThrow(() -> new AssertionError(m.stateProperty().get()));
        assertEquals(RankViewModel.Columns.HEADS, m.columnsProperty().get());
        for (String kind : List.of("k", "v", "kv")) {
            for (int l = 0; l < 3; l++) {
                for (int h = 0; h < 2; h++) {
                    double expected = Cases.siteMetric("an-kv-llama", kind + ".metrics", l * 2 + h, "er1");
                    assertEquals(expected, s.item(0, new Place(kind, l, h, -1)).orElseThrow().value(Measure.EFFECTIVE_RANK, false).orElseThrow(), 1e-4 * expected, kind + l + h);
                }
            }
        }
        double layer = Cases.siteMetric("an-kv-llama", "v_layer.metrics", 2, "er1");
        Item v2 = s.item(0, new Place("v", 2, -1, -1)).orElseThrow();
        assertEquals(layer, v2.value(Measure.EFFECTIVE_RANK, false).orElseThrow(), 1e-4 * layer);
        assertEquals(layer / 16, v2.value(Measure.EFFECTIVE_RANK, true).orElseThrow(), 1e-4);
        assertEquals(6, m.truncationsProperty().get().size(), "keys and values of three layers");
        double[] sv = Cases.tensor("an-kv-llama", "v_layer.sv");
        assertEquals(sv[2 * 16], s.values(v2)[0], 1e-4 * sv[2 * 16]);
        assertTrue(m.hasOther());
        assertEquals("context", m.otherName());
    }

    @Test
    void aMeasureWithoutNormalisedFormStaysAsItIs() {
        Item i = computed("llama-gqa").item().orElseThrow();
        assertEquals(i.value(Measure.SPECTRAL_NORM, false), i.value(Measure.SPECTRAL_NORM, true));
        assertEquals(i.value(Measure.EFFECTIVE_RANK, false).orElseThrow() / 64, i.value(Measure.EFFECTIVE_RANK, true).orElseThrow(), 1e-12);
        assertEquals("normalised effective rank", Measures.name(Measure.EFFECTIVE_RANK, true));
        assertEquals("spectral norm", Measures.name(Measure.SPECTRAL_NORM, true));
    }

    @Test
    void theFindingTellsHowKindsStandAgainstRandom() {
        String finding = computed("llama-gqa").finding();
        assertTrue(finding.matches("Q, k, v, o, gate, up and down reach \\d+ to \\d+\u00a0% of the effective rank of a random matrix of their shape\\."), finding);
    }

    @Test
    void theLowestComeFirst() {
        RankViewModel m = computed("llama-gqa");
        List<Double> values = m.lowest(5).stream().map(i -> i.value(Measure.EFFECTIVE_RANK, true).orElseThrow()).toList();
        assertEquals(values.stream().sorted().toList(), values);
        assertEquals(5, values.size());
    }

    // --- series

    @Test
    void overlaysAreASeriesAndAChangeIsADifference() {
        HeldEngine engine = new HeldEngine();
        RankViewModel m = model(engine);
        Subject a = Cases.subject("llama-gqa");
        Subject b = Cases.subject("fmt-base");
        m.show(a);
        m.overlay(List.of(b));
        assertEquals(List.of(b.path()), ((Task.Spectrum) engine.last().task()).series());
        assertEquals("vitrine spectrum " + a.path() + " " + b.path() + " --accuracy exact", m.command());
        m.against(b);
        Task.Spectrum change = (Task.Spectrum) engine.last().task();
        assertEquals(b.path(), change.against());
        assertEquals(null, change.series());
        m.show(b);
        assertTrue(m.overlay().isEmpty(), "another subject begins anew");
    }

    @Test
    void twoCheckpointsKeepTheirFiguresApart() throws IOException {
        Path copy = Files.createDirectories(dir.resolve("checkpoint-20"));
        copy("llama-gqa", "model.safetensors", copy.resolve("model.safetensors"));
        copy("llama-gqa", "config.json", copy.resolve("config.json"));
        RankViewModel m = computed("llama-gqa");
        m.overlay(List.of(Cases.open(copy)));
        Spectra s = m.spectra().orElseThrow(() -> new AssertionError(m.stateProperty().get()));
        assertEquals(2, s.checkpoints().size());
        assertEquals("step 20", AcrossCard.label(s.checkpoints().get(1)));
        Kind q = s.kinds().getFirst();
        assertEquals(List.of(boxed(s.curve(0, q, Measure.EFFECTIVE_RANK, true))), List.of(boxed(s.curve(1, q, Measure.EFFECTIVE_RANK, true))));
        assertEquals(21, m.truncationsProperty().get().size(), "of the first checkpoint only");
        assertEquals("steps", m.otherName());
    }

    private static List<Double> boxed(double[] values) {
        return java.util.Arrays.stream(values).boxed().toList();
    }

    @Test
    void headsAreAskedForOnce() {
        RankViewModel m = computed("llama-gqa");
        assertEquals(0, m.spectra().orElseThrow().kinds().getFirst().heads());
        m.computeHeads();
        Spectra s = m.spectra().orElseThrow();
        assertEquals(8, s.kinds().getFirst().heads());
        assertEquals(2, s.kinds().get(1).heads());
        assertEquals(RankViewModel.Columns.HEADS, m.columnsProperty().get());
        assertEquals(21, m.truncationsProperty().get().size(), "heads are parts of what is counted already");
    }

    // --- states

    @Test
    void cancellingSaysThatComputingGoesOnFromThere() {
        HeldEngine engine = new HeldEngine();
        RankViewModel m = model(engine);
        m.show(Cases.subject("llama-gqa"));
        m.compute();
        engine.last().progress(1, 23, "MFLOP");
        assertInstanceOf(ViewState.Working.class, m.stateProperty().get());
        m.cancel();
        ViewState.Empty<Spectra> empty = assertInstanceOf(ViewState.Empty.class, m.stateProperty().get());
        assertEquals("Cancelled. What was finished is kept: computing again goes on from there.", empty.sentence());
        assertTrue(m.canCompute());
    }

    @Test
    void aRefusalIsShownAndAnotherModeIsNotTouched() {
        HeldEngine engine = new HeldEngine();
        RankViewModel m = model(engine);
        m.show(Cases.subject("llama-gqa"));
        m.compute();
        engine.last().end(new Ending.Refused(Category.TENSOR_MISSING, "it holds no weight matrix.", null));
        ViewState.Problem<Spectra> problem = assertInstanceOf(ViewState.Problem.class, m.stateProperty().get());
        assertEquals(List.of("it holds no weight matrix."), problem.details());
        m.modeProperty().set(Mode.CACHE);
        assertInstanceOf(ViewState.Empty.class, m.stateProperty().get());
    }

    @Test
    void anotherTextMakesTheOldFiguresStale() {
        HeldEngine engine = new HeldEngine();
        RankViewModel m = model(engine);
        m.show(Cases.subject("llama-gqa"));
        m.texts().addAll(new CalibrationText("one", dir.resolve("one.txt")), new CalibrationText("two", dir.resolve("two.txt")));
        assertEquals("one", m.textProperty().get().name());
        m.modeProperty().set(Mode.CACHE);
        m.compute();
        m.textProperty().set(m.texts().get(1));
        assertEquals(2, engine.asked().size());
        assertTrue(((Task.Rank) engine.last().task()).data().endsWith("two.txt"));
    }

    @Test
    void singularValuesAreReadInTheBackgroundAndLateOnesAreDropped() {
        Deque<Runnable> background = new ArrayDeque<>();
        RankViewModel m = new RankViewModel(new TaskBoard(new ImmediateEngine(dir.resolve("artifacts")), Runnable::run), background::add, Runnable::run);
        m.show(Cases.subject("llama-gqa"));
        m.compute();
        assertFalse(m.settled());
        assertTrue(m.truncationsProperty().get().isEmpty());
        assertTrue(m.truncation().isPresent(), "the selected one is there at once");
        m.compute();
        background.poll().run();
        assertFalse(m.settled(), "those of the result before");
        background.poll().run();
        assertTrue(m.settled());
        assertEquals(21, m.truncationsProperty().get().size());
    }

    @Test
    void artifactsOpenInTheirMode() throws IOException {
        RankViewModel m = model(new HeldEngine());
        Artifact a = Cases.spectra(dir.resolve("spectra"), Cases.matrix("h.0.q.weight", "query", 0, 4, 4, 3.596115, 4, 3, 2, 1));
        m.show(a.folder());
        assertEquals(Mode.WEIGHTS, m.modeProperty().get());
        assertEquals(3.596115, m.item().orElseThrow().value(Measure.EFFECTIVE_RANK, false).orElseThrow());
        assertEquals("", m.obstacle());
        assertEquals("", m.command());
        assertFalse(m.canCompute());
        Path sequences = Cases.sequences("an-kv-llama", dir.resolve("sequences.jsonl"));
        Artifact hidden = TaskRunner.run(Task.Rank.of(Cases.subject("llama-gqa").path(), sequences.toString(), RankArtifact.Of.hidden), dir.resolve("hidden"), Progress.NONE, w -> { });
        m.show(hidden.folder());
        assertEquals(Mode.ACTIVATIONS, m.modeProperty().get());
        assertEquals(List.of("residual", "attention", "MLP"), m.spectra().orElseThrow().kinds().stream().map(Kind::label).toList());
        Artifact other = TaskRunner.run(new Task.Statistics(Cases.subject("llama-gqa").path(), null, 4), dir.resolve("statistics"), Progress.NONE, w -> { });
        Refusal refused = assertThrows(Refusal.class, () -> m.show(other.folder()));
        assertEquals(Category.ARTIFACT_INVALID, refused.category());
        assertTrue(refused.getMessage().contains("Rank shows those of spectrum and rank"), refused.getMessage());
    }

    @Test
    void anEstimateHasNoExactTruncation() {
        RankViewModel m = model(new HeldEngine());
        m.show(Cases.spectra(dir.resolve("spectra"), new Cases.Made("big.weight", "up", 0, -1, 9000, 9000, Map.of("effective_rank", 7000.0), Map.of("effective_rank", new double[] {6900, 7100}), null,
                "top.", new double[] {5, 4, 3})).folder());
        Item i = m.item().orElseThrow();
        assertTrue(i.estimated());
        assertEquals(6900.0 / 9000, i.low(Measure.EFFECTIVE_RANK, true).orElseThrow(), 1e-12);
        assertTrue(m.truncation().isEmpty());
        assertTrue(m.truncationsProperty().get().isEmpty());
        assertEquals(3, m.spectra().orElseThrow().values(i).length);
        assertEquals("estimated", m.spectra().orElseThrow().provenance(Measure.EFFECTIVE_RANK, true).kind().label());
    }

    @Test
    void pinningKeepsASpectrumUntilItIsReleased() {
        RankViewModel m = computed("llama-gqa");
        assertFalse(m.release());
        Place kept = m.selectedProperty().get();
        m.pin();
        m.selectedProperty().set(new Place("down", 1, -1, -1));
        assertEquals(kept, m.comparedProperty().get());
        assertTrue(m.release());
        assertEquals(null, m.comparedProperty().get());
    }
}
