package vitrine.views.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.MenuItem;
import javafx.scene.control.TextArea;
import javafx.scene.input.KeyCode;
import javafx.scene.layout.Pane;
import javafx.stage.Stage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.artifact.Measure;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.engine.Ending;
import vitrine.core.engine.Engine;
import vitrine.core.task.Task;
import vitrine.views.chart.Cell;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.FigureFile;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Theme;
import vitrine.views.control.EmptyState;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.ProgressRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.rank.Item.Place;
import vitrine.views.rank.RankViewModel.Across;
import vitrine.views.rank.RankViewModel.Columns;
import vitrine.views.rank.RankViewModel.Mode;
import vitrine.views.rank.RankViewModel.Values;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.HeldEngine;
import vitrine.views.testing.ImmediateEngine;
import vitrine.views.testing.Pointer;
import vitrine.views.testing.Shown;
import vitrine.views.testing.ViewPicture;

class RankViewTest {

    @TempDir
    Path dir;

    private RankViewModel model;
    private RankView view;
    private Stage stage;

    @AfterEach
    void close() {
        if (stage != null) {
            FxThread.run(stage::close);
        }
    }

    private void show(Engine engine, String name, int width, int height) {
        stage = FxThread.get(() -> {
            model = new RankViewModel(new TaskBoard(engine, Runnable::run), Runnable::run, Runnable::run);
            view = new RankView(model);
            if (name != null) {
                view.show(Cases.subject(name));
            }
            Stage s = new Stage();
            s.setScene(ViewPicture.frame(view, Theme.DARK, width, height));
            s.show();
            return s;
        });
        layOut(width, height);
    }

    private void layOut(int width, int height) {
        FxThread.pulse();
        FxThread.run(() -> {
            Pane root = (Pane) stage.getScene().getRoot();
            root.resize(width, height);
            for (int i = 0; i < 3; i++) {
                root.applyCss();
                root.layout();
            }
        });
    }

    private void computed(String name) {
        show(new ImmediateEngine(dir.resolve("artifacts")), name, 1440, 900);
        FxThread.run(model::compute);
        layOut(1440, 900);
    }

    private void withText() {
        FxThread.run(() -> model.texts().add(new CalibrationText("sequences.jsonl", Cases.sequences("an-kv-llama", dir.resolve("sequences.jsonl")))));
    }

    private FigureCanvas figure(String id) {
        return (FigureCanvas) view.body().lookup("#" + id);
    }

    private void select(String kind, int layer) {
        FxThread.run(() -> model.selectedProperty().set(new Place(kind, layer, -1, -1)));
        layOut(1440, 900);
    }

    private static void assertAllTold(Node root, String what) {
        assertEquals(List.of(), ProvenanceAudit.untagged(root).stream().map(u -> u.shown() + " at " + u.path()).toList(), what);
        assertEquals(List.of(), ProvenanceAudit.unexplained(root).stream().map(u -> u.shown() + " at " + u.path()).toList(), what);
    }

    /// A figure is described at the next pulse, when its checkpoint may have been closed.
    @Test
    void aMapIsDescribedAsItIsDrawnWhenTheModelHasGoneOn() {
        computed("llama-gqa");
        select("key", 1);
        MatrixChart map = (MatrixChart) figure("layers").getFigure();
        String told = FxThread.get(map::description);
        assertTrue(told.startsWith("Layer 1, k_proj"), told);
        FxThread.run(() -> {
            model.columnsProperty().set(Columns.HEADS);
            model.columnsProperty().set(Columns.KINDS);
            view.show(Cases.subject("gpt2"));
        });
        assertTrue(model.spectra().isEmpty());
        assertEquals(told, FxThread.get(map::description));
    }

    // --- every number says where it comes from

    @Test
    void everyNumberOfWeightsSaysWhereItComesFrom() {
        computed("llama-gqa");
        FxThread.run(() -> {
            for (Measure m : Measures.of(model.spectra().orElseThrow().items())) {
                model.measureProperty().set(m);
                stage.getScene().getRoot().layout();
                assertAllTold(view.body(), m.name());
                assertAllTold(view.inspector(), m.name());
            }
            model.computeHeads();
            model.pin();
            model.selectedProperty().set(new Place("key", 1, 1, -1));
            stage.getScene().getRoot().layout();
            assertAllTold(view.body(), "heads");
            assertAllTold(view.inspector(), "heads");
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"CACHE", "HIDDEN", "OUTPUTS"})
    void everyNumberOverATextSaysWhereItComesFrom(String what) {
        show(new ImmediateEngine(dir.resolve("artifacts")), "llama-gqa", 1440, 900);
        withText();
        FxThread.run(() -> {
            model.modeProperty().set(what.equals("CACHE") ? Mode.CACHE : Mode.ACTIVATIONS);
            model.valuesProperty().set(what.equals("OUTPUTS") ? Values.OUTPUTS : Values.HIDDEN);
            model.compute();
            assertTrue(model.spectra().isPresent(), () -> model.stateProperty().get().toString());
        });
        for (Across across : Across.values()) {
            FxThread.run(() -> model.acrossProperty().set(across));
            layOut(1440, 900);
            FxThread.run(() -> {
                assertAllTold(view.body(), what + across);
                assertAllTold(view.inspector(), what + across);
            });
        }
    }

    @Test
    void anEmptyViewShowsNoFigures() {
        show(new HeldEngine(), "llama-gqa", 1280, 800);
        for (Mode mode : Mode.values()) {
            FxThread.run(() -> model.modeProperty().set(mode));
            layOut(1280, 800);
            FxThread.run(() -> {
                assertAllTold(view.body(), mode.name());
                assertEquals(1, Shown.all(view.body(), EmptyState.class).size());
                assertTrue(Shown.all(view.body(), FigureCanvas.class).isEmpty());
            });
        }
    }

    // --- states

    @Test
    void oneButtonComputesSpectra() {
        show(new ImmediateEngine(dir.resolve("artifacts")), "llama-gqa", 1440, 900);
        FxThread.run(() -> Shown.button(view.body(), "Compute spectra").fire());
        layOut(1440, 900);
        FxThread.run(() -> {
            assertTrue(model.spectra().isPresent());
            assertTrue(Shown.texts(view.body()).contains("Across layers"));
            assertTrue(Shown.texts(view.inspector()).contains("Layer 0, q_proj"));
        });
    }

    @Test
    void aTruncatedMatrixTellsTheLossAtOnceAndFollowsTheThreshold() {
        ImmediateEngine engine = new ImmediateEngine(dir.resolve("artifacts"));
        show(engine, "llama-gqa", 1440, 900);
        FxThread.run(model::compute);
        select("query", 1);
        FxThread.run(() -> assertTrue(Shown.texts(view.inspector()).contains("Choose a text to see what this does to its loss.")));
        withText();
        FxThread.run(() -> {
            model.ruleProperty().set(WhatIf.Rule.RANK);
            model.keep(6);
            Shown.button(view.inspector(), "Keep rank 6").fire();
        });
        layOut(1440, 900);
        Task.Evaluate asked = (Task.Evaluate) engine.asked().getLast();
        assertEquals(Map.of("model.layers.1.self_attn.q_proj", 6), asked.off().ranks());
        double change = model.truncated().afterProperty().get().valueOrNull().value() - model.truncated().beforeProperty().get().valueOrNull().value();
        assertTrue(Math.abs(change) > 1e-4);
        FxThread.run(() -> {
            assertTrue(Shown.texts(view.inspector()).stream().anyMatch(t -> t.startsWith(vitrine.views.chart.Numbers.change(change, 4))));
            assertTrue(Shown.texts(view.inspector()).contains("Layer 1, q_proj: 6 of 64"));
            assertAllTold(view.inspector(), "truncated");
            model.keep(9);
        });
        assertEquals(Map.of("model.layers.1.self_attn.q_proj", 9), ((Task.Evaluate) engine.asked().getLast()).off().ranks(), "the threshold moves what is truncated");
        // Another matrix besides, and both into a pruning run.
        select("down", 0);
        List<com.fasterxml.jackson.databind.node.ObjectNode> forms = new java.util.ArrayList<>();
        FxThread.run(() -> {
            view.pruneWith(forms::add);
            model.toggleTruncation();
            Shown.button(view.inspector(), "Whole again").requestFocus();
            Shown.button(view.inspector(), "Make permanent…").fire();
        });
        Map<String, Integer> both = ((Task.Evaluate) engine.asked().getLast()).off().ranks();
        assertEquals(2, both.size());
        both.forEach((name, r) -> assertEquals(r.intValue(), forms.getFirst().at("/settings/ranks").get(name).asInt()));
        assertEquals("svd", forms.getFirst().get("method").asText());
        assertTrue(model.command().contains("vitrine eval ") && model.command().contains("--keep-ranks 'model.layers.0.mlp.down_proj="), model.command());
        // The embedding is no linear layer of a layer.
        FxThread.run(() -> {
            Shown.button(view.inspector(), "All whole").fire();
            model.selectedProperty().set(new Place("embedding", -1, -1, -1));
            assertTrue(Shown.button(view.inspector(), "Truncate").isDisabled());
        });
    }

    @Test
    void aTextIsChosenFromWhatIsOfferedOrFromTheDisk() {
        HeldEngine engine = new HeldEngine();
        show(engine, "llama-gqa", 1440, 900);
        FxThread.run(() -> model.modeProperty().set(Mode.CACHE));
        layOut(1440, 900);
        FxThread.run(() -> {
            assertNotNull(Shown.button(view.body(), "Choose a text…"));
            view.chooseFilesWith(() -> Optional.of(dir.resolve("mine.txt")));
            List<MenuItem> items = view.textMenu().getItems();
            assertEquals(List.of("Type a prompt…", "Choose a file…"), items.stream().map(MenuItem::getText).toList());
            items.getLast().fire();
            assertEquals("mine.txt", model.textProperty().get().name());
        });
        layOut(1440, 900);
        FxThread.run(() -> {
            Shown.button(view.body(), "Measure over mine.txt").fire();
            assertEquals("rank", engine.last().task().kind());
        });
    }

    @Test
    void aLayerUnderThePointerIsMarkedInEveryFigure() {
        show(new ImmediateEngine(dir.resolve("store")), "llama-gqa", 1440, 900);
        FxThread.run(model::compute);
        FxThread.await("spectra", () -> model.spectra().isPresent());
        FxThread.run(() -> {
            view.layers().chart().hoveredProperty().set(new Cell(2, 1));
            assertEquals(2, view.across().chart().hoveredIndexProperty().get());
            view.layers().chart().hoveredProperty().set(null);
            assertEquals(-1, view.across().chart().hoveredIndexProperty().get());
            view.across().chart().hoveredIndexProperty().set(1);
            assertEquals(1, view.layers().chart().markedRowProperty().get());
        });
    }

    /// Keys and values of a prompt, anew with every rest in typing.
    @Test
    void aPromptIsMeasuredAsItIsTyped() throws IOException {
        HeldEngine engine = new HeldEngine();
        show(engine, "llama-gqa", 1440, 900);
        List<String> kept = new ArrayList<>();
        TextArea[] area = new TextArea[1];
        FxThread.run(() -> {
            model.modeProperty().set(RankViewModel.Mode.CACHE);
            view.keepPromptsWith(prompt -> {
                kept.add(prompt);
                return dir.resolve("prompt-" + kept.size() + ".txt");
            });
            area[0] = Shown.all((Parent) view.promptChoice().content(), TextArea.class).getFirst();
            area[0].setText("The lantern");
            area[0].setText("The lantern over the");
        });
        FxThread.await("the first rest", () -> kept.size() == 1);
        FxThread.run(() -> {
            assertEquals(List.of("The lantern over the"), kept);
            Task.Rank task = (Task.Rank) engine.last().task();
            assertEquals(RankArtifact.Of.kv, task.of());
            assertTrue(task.growth());
            assertTrue(task.data().endsWith("prompt-1.txt"), task.data());
            area[0].setText("   ");
            area[0].setText("The lantern over the wall");
        });
        FxThread.await("the second rest", () -> kept.size() == 2);
        FxThread.run(() -> assertTrue(((Task.Rank) engine.last().task()).data().endsWith("prompt-2.txt")));
    }

    @Test
    void workIsShownWithItsProgressAndCanBeCancelled() {
        HeldEngine engine = new HeldEngine();
        show(engine, "llama-gqa", 1440, 900);
        FxThread.run(() -> {
            model.compute();
            engine.last().progress(5, 23, "MFLOP");
        });
        FxThread.await("the progress row", () -> !Shown.all(view.body(), ProgressRow.class).isEmpty());
        layOut(1440, 900);
        FxThread.run(() -> {
            assertTrue(Shown.texts(view.body()).stream().anyMatch(t -> t.contains("Spectra of llama-gqa")));
            Button cancel = Shown.all(Shown.all(view.body(), ProgressRow.class).getFirst(), Button.class).getFirst();
            cancel.fire();
        });
        layOut(1440, 900);
        FxThread.run(() -> assertTrue(engine.last().handle().ending().isDone() || Shown.all(view.body(), EmptyState.class).size() == 1));
    }

    @Test
    void whatWasThereStaysWhileSomethingNewerIsComputed() {
        HeldEngine engine = new HeldEngine();
        show(engine, "llama-gqa", 1440, 900);
        FxThread.run(() -> {
            model.compute();
            engine.last().end(new Ending.Finished(Cases.spectra(dir.resolve("a"), Cases.matrix("h.0.q.weight", "query", 0, 4, 4, 3.6, 4, 3, 2, 1)), false));
            model.accuracyProperty().set(vitrine.core.analysis.spectrum.Accuracy.fast);
        });
        FxThread.await("the progress row", () -> !Shown.all(view.body(), ProgressRow.class).isEmpty());
        FxThread.run(() -> {
            assertEquals(2, engine.asked().size());
            assertTrue(model.spectra().isPresent());
            assertTrue(figure("layers").getParent().isVisible());
        });
    }

    @Test
    void aFailureStandsInPlaceOfTheFigures() {
        HeldEngine engine = new HeldEngine();
        show(engine, "llama-gqa", 1440, 900);
        FxThread.run(() -> {
            model.compute();
            engine.last().end(new Ending.Failed(Ending.Cause.OUT_OF_MEMORY, "worker ended"));
        });
        layOut(1440, 900);
        FxThread.run(() -> {
            assertEquals(1, Shown.all(view.body(), ErrorCard.class).size());
            Shown.button(view.body(), "Retry").fire();
            assertEquals(2, engine.asked().size());
        });
    }

    @Test
    void aMatrixWithoutASpectrumSaysWhy() {
        show(new HeldEngine(), null, 1440, 900);
        FxThread.run(() -> view.open(Cases.spectra(dir.resolve("a"), Cases.matrix("h.0.q.weight", "query", 0, 4, 4, 3.6, 4, 3, 2, 1),
                new Cases.Made("h.1.q.weight", "query", 1, -1, 4, 4, Map.of(), Map.of(), "3 of its 16 values are not finite", null, null)).folder()));
        select("query", 1);
        FxThread.run(() -> {
            assertTrue(Shown.texts(view.body()).contains("There is no spectrum to draw: 3 of its 16 values are not finite."));
            assertTrue(Shown.texts(view.inspector()).contains("3 of its 16 values are not finite."));
            assertAllTold(view.body(), "partial");
            assertAllTold(view.inspector(), "partial");
            MatrixChart map = view.layers().chart();
            map.hoveredProperty().set(new Cell(1, 0));
            assertTrue(map.description().contains("3 of its 16 values are not finite"), map.description());
        });
    }

    @Test
    void anEstimateIsMarkedAndItsTruncationNotClaimed() {
        show(new HeldEngine(), null, 1440, 900);
        FxThread.run(() -> view.open(Cases.spectra(dir.resolve("a"), new Cases.Made("big.weight", "up", 0, -1, 9000, 9000, Map.of("effective_rank", 7000.0),
                Map.of("effective_rank", new double[] {6900, 7100}), null, "top.", new double[] {5, 4, 3})).folder()));
        layOut(1440, 900);
        FxThread.run(() -> {
            List<String> body = Shown.texts(view.body());
            assertTrue(body.contains("estimated"), body.toString());
            assertTrue(body.stream().anyMatch(t -> t.startsWith("This spectrum is estimated")), body.toString());
            assertTrue(Shown.texts(view.inspector()).contains("95 % interval 6,900.0 to 7,100.0"));
            view.layers().chart().hoveredProperty().set(new Cell(0, 0));
            assertTrue(view.layers().chart().description().contains("95 % interval from 0.7667 to 0.7889"), view.layers().chart().description());
            assertAllTold(view.body(), "estimate");
            assertAllTold(view.inspector(), "estimate");
        });
    }

    // --- gestures

    @Test
    void aClickOnTheMapSelectsEverywhere() {
        computed("llama-gqa");
        FxThread.run(() -> {
            FigureCanvas map = figure("layers");
            // The middle of the cell of layer 2, v: cells fill what the labels leave, and are as wide as they are allowed.
            view.layers().chart().selectedProperty().set(new Cell(2, 2));
            assertEquals(new Place("value", 2, -1, -1), model.selectedProperty().get());
            assertEquals("Layer 2, v_proj", ((Label) view.inspector().lookup(".vt-inspector-title")).getText());
            assertEquals(2, view.across().chart().lockedIndexProperty().get());
            assertEquals("v", view.across().chart().selectedSeriesProperty().get());
            Pointer.click(map, map.getWidth() / 2, 40);
            assertEquals(0, model.selectedProperty().get().layer());
            Pointer.key(map, KeyCode.DOWN);
            assertEquals(1, model.selectedProperty().get().layer());
            String before = model.selectedProperty().get().kind();
            Pointer.key(map, KeyCode.RIGHT);
            assertFalse(before.equals(model.selectedProperty().get().kind()));
            assertTrue(map.isFocusTraversable());
        });
    }

    @Test
    void aClickOnTheCurvesSelectsTheLayer() {
        computed("llama-gqa");
        select("output", 0);
        FxThread.run(() -> {
            FigureCanvas across = figure("across");
            Pointer.key(across, KeyCode.RIGHT);
            assertEquals(new Place("output", 1, -1, -1), model.selectedProperty().get());
            Pointer.move(across, across.getWidth() - 60, across.getHeight() / 2);
            Pointer.click(across, across.getWidth() - 60, across.getHeight() / 2);
            assertEquals(2, model.selectedProperty().get().layer());
        });
    }

    @Test
    void draggingTheLineKeepsAnotherRankAndTellsWhatThatCosts() {
        computed("llama-gqa");
        select("query", 0);
        double[] s = Cases.tensor("an-weights-llama", "sv.model.layers.0.self_attn.q_proj.weight");
        FxThread.run(() -> {
            model.ruleProperty().set(WhatIf.Rule.RANK);
            model.keep(32);
            FigureCanvas energy = figure("energy");
            // Rank 32 of 64 is in the middle of the plot, whose edges are found from where the line answers.
            double from = grip(energy);
            Pointer.drag(energy, from, energy.getHeight() / 2, from - 40, energy.getHeight() / 2);
            int k = (int) view.energy().chart().thresholdProperty().get();
            assertTrue(k < 32 && k > 5, "rank " + k);
            assertEquals(k / 64.0, model.shareProperty().get(), 1e-12, "a whole number of directions");
            double all = 0;
            double tail = 0;
            for (int i = 0; i < s.length; i++) {
                all += s[i] * s[i];
                tail += i >= k ? s[i] * s[i] : 0;
            }
            List<String> told = view.energy().told();
            assertTrue(told.contains(String.format(java.util.Locale.ROOT, "%.4f", Math.sqrt(tail / all))), told.toString());
            assertTrue(told.contains(String.format(java.util.Locale.ROOT, "%,d / 4,096", k * 128)), told.toString());
            assertTrue(told.contains(String.format(java.util.Locale.ROOT, "%.2f ×", 4096.0 / (k * 128))), told.toString());
            assertEquals(k, view.spectrum().chart().thresholdProperty().get(), "the same line in the spectrum");
        });
    }

    /// Where the threshold can be taken hold of: the x at which pressing and moving by a pixel changes nothing but is answered.
    private double grip(FigureCanvas canvas) {
        double before = view.energy().chart().thresholdProperty().get();
        for (double x = 40; x < canvas.getWidth(); x += 4) {
            Pointer.drag(canvas, x, canvas.getHeight() / 2, x + 200, canvas.getHeight() / 2);
            boolean moved = view.energy().chart().thresholdProperty().get() != before;
            model.keep((int) before);
            if (moved) {
                return x;
            }
        }
        throw new AssertionError("nothing to take hold of");
    }

    @Test
    void theSliderMovesTheThresholdOfAll() {
        computed("llama-gqa");
        FxThread.run(() -> {
            view.energy().slider().setValue(0.5);
            assertEquals(0.5, model.shareProperty().get());
            WhatIf.Sum sum = model.whatIf().sum(model.truncationsProperty().get().values(), WhatIf.Saves.PARAMETERS);
            assertTrue(view.energy().told().contains("All 21"));
            assertTrue(view.energy().told().contains(String.format(java.util.Locale.ROOT, "%.4f", sum.error())));
            view.energy().slider().setValue(1);
            assertTrue(view.energy().told().contains("0.0000"));
        });
    }

    @Test
    void aLowRankCopyIsACommandAway() {
        computed("llama-gqa");
        select("query", 0);
        FxThread.run(() -> {
            model.ruleProperty().set(WhatIf.Rule.RANK);
            model.keep(5);
            Button compress = Shown.button(view.body(), "Low-rank copy…");
            assertFalse(compress.isDisabled());
            compress.fire();
            assertEquals("Command copied", compress.getText());
            String command = javafx.scene.input.Clipboard.getSystemClipboard().getString();
            assertTrue(command.startsWith("vitrine prune --model "), command);
            assertTrue(command.endsWith("llama-gqa --method svd --rank 5 --target-modules model.layers.0.self_attn.q_proj --out llama-gqa-query-r5"), command);
            assertEquals("Copies the command: " + command, Shown.tooltip(compress.getParent()));
        });
    }

    @Test
    void theKeyPKeepsASpectrumToCompareWith() {
        computed("llama-gqa");
        select("query", 0);
        FxThread.run(() -> {
            Pointer.key(figure("layers"), KeyCode.P);
            model.selectedProperty().set(new Place("down", 2, -1, -1));
            String csv = view.spectrum().chart().csv();
            assertTrue(csv.contains("\"Layer 0, q_proj\",1"), csv);
            assertTrue(csv.contains("\"Layer 2, down_proj\",1"), csv);
            assertNotNull(model.comparedProperty().get());
            Pointer.key(figure("layers"), KeyCode.ESCAPE);
            assertEquals(null, model.comparedProperty().get());
            assertFalse(view.spectrum().chart().csv().contains("q_proj"));
            assertEquals(new Place("down", 2, -1, -1), model.selectedProperty().get(), "the selection stays");
            view.find();
            assertTrue(figure("layers").isFocused());
        });
    }

    // --- figures

    @ParameterizedTest
    @EnumSource(Theme.class)
    void everyFigureCanBeExported(Theme theme) throws IOException {
        computed("llama-gqa");
        for (String id : List.of("across", "layers", "spectrum", "energy")) {
            String svg = FxThread.get(() -> FigureFile.of(figure(id), "caption").svg());
            assertTrue(svg.contains("<svg"), id);
            assertTrue(FxThread.get(() -> FigureFile.of(figure(id), "").bitmap(1)).getWidth() > 100, id);
            assertFalse(figure(id).getFigure().csv().isEmpty(), id);
        }
        assertNotNull(theme);
    }

    @Test
    void theNumbersAreExportedWithFullPrecision() {
        computed("llama-gqa");
        FxThread.run(() -> {
            List<String> lines = view.csv().lines().toList();
            assertEquals(24, lines.size());
            assertTrue(lines.getFirst().startsWith("checkpoint,name,kind,layer,head,expert,rows,columns,dtype,estimated,effective_rank,"), lines.getFirst());
            Item q = model.at(0, new Place("query", 0, -1, -1)).orElseThrow();
            assertTrue(lines.stream().anyMatch(l -> l.contains("model.layers.0.self_attn.q_proj.weight,query,0,,,64,64,F32,false," + q.value(Measure.EFFECTIVE_RANK, false).orElseThrow() + ",")));
            assertEquals("llama-gqa-rank-weights", view.exportName());
            assertEquals("spectrum", view.task().orElseThrow().kind());
        });
    }

    @Test
    void expertsAreAMeanWithItsRange() {
        show(new HeldEngine(), null, 1440, 900);
        FxThread.run(() -> view.open(Cases.spectra(dir.resolve("a"), Cases.matrix("h.0.up.weight", "up", 0, 4, 4, 3, 4, 3, 2, 1),
                Cases.expert("h.1.experts.0.up.weight", "up", 1, 0, 4, 4, 2.0, 4, 1, 1, 1), Cases.expert("h.1.experts.1.up.weight", "up", 1, 1, 4, 4, 3.0, 4, 3, 2, 1),
                Cases.expert("h.1.experts.2.up.weight", "up", 1, 2, 4, 4, 3.6, 4, 4, 3, 3)).folder()));
        layOut(1440, 900);
        FxThread.run(() -> {
            Spectra s = model.spectra().orElseThrow();
            assertEquals(List.of("up", "up exp."), s.kinds().stream().map(Kind::label).toList(), "a dense layer's matrix is no expert");
            Kind gate = s.kinds().get(1);
            int column = 1;
            List<Item> experts = s.at(0, gate, 1, -1);
            assertEquals(new Spectra.Point((2.0 + 3.0 + 3.6) / 12, 0.5, 0.9, 3), s.point(0, gate, 1, -1, Measure.EFFECTIVE_RANK, true));
            MatrixChart map = view.layers().chart();
            map.hoveredProperty().set(new Cell(1, column));
            assertTrue(map.description().contains("mean of " + experts.size() + " experts, from"), map.description());
            map.selectedProperty().set(new Cell(1, column));
            stage.getScene().getRoot().layout();
            assertTrue(Shown.texts(view.inspector()).contains("Experts of layer 1, " + gate.label()));
            assertAllTold(view.inspector(), "experts");
            assertTrue(view.across().chart().csv().contains("lowest expert"));
        });
    }

    @Test
    void aWideWindowShowsWhatElseThereIsBesideTheLayers() {
        show(new ImmediateEngine(dir.resolve("artifacts")), "llama-gqa", 2560, 1440);
        withText();
        FxThread.run(() -> {
            model.modeProperty().set(Mode.CACHE);
            model.compute();
        });
        layOut(2560, 1440);
        FxThread.run(() -> {
            assertTrue(view.across().node().isVisible());
            assertTrue(view.other().node().isVisible());
            assertTrue(view.other().chart().csv().startsWith("series,"));
        });
        layOut(1280, 800);
        FxThread.run(() -> {
            assertTrue(view.across().node().isVisible());
            assertFalse(view.other().node().isVisible());
            model.acrossProperty().set(Across.OTHER);
            assertFalse(view.across().node().isVisible());
            assertTrue(view.other().node().isVisible());
        });
    }

    @Test
    void aHeadOfTheCacheIsSelectedInTheMap() {
        show(new ImmediateEngine(dir.resolve("artifacts")), "llama-gqa", 1440, 900);
        withText();
        FxThread.run(() -> {
            model.modeProperty().set(Mode.CACHE);
            model.compute();
            assertEquals(Columns.HEADS, model.columnsProperty().get());
            view.layers().chart().selectedProperty().set(new Cell(2, 1));
            assertEquals(new Place("k", 2, 1, -1), model.selectedProperty().get());
            double expected = Cases.siteMetric("an-kv-llama", "k.metrics", 5, "er1");
            assertEquals(expected, model.item().orElseThrow().value(Measure.EFFECTIVE_RANK, false).orElseThrow(), 1e-4 * expected);
        });
    }

    @Test
    void placesAreAllSpectraByName() {
        computed("llama-gqa");
        FxThread.run(() -> {
            List<String> names = new ArrayList<>();
            view.places().forEach(p -> names.add(p.name()));
            assertEquals(23, names.size());
            assertTrue(names.containsAll(List.of("Layer 2, down_proj", "embed_tokens", "lm_head")), names.toString());
            view.places().stream().filter(p -> p.name().equals("lm_head")).findFirst().orElseThrow().go().run();
            assertEquals(-1, model.selectedProperty().get().layer());
            stage.getScene().getRoot().layout();
            assertAllTold(view.inspector(), "head");
        });
    }

    @Test
    void matricesWithoutLayersCanBeLookedAtToo() {
        show(new HeldEngine(), null, 1440, 900);
        FxThread.run(() -> view.open(Cases.spectra(dir.resolve("a"), Cases.matrix("some.weight", "other", -1, 4, 4, 3.6, 4, 3, 2, 1)).folder()));
        layOut(1440, 900);
        FxThread.run(() -> {
            assertTrue(Shown.texts(view.body()).contains("There is no layer here."));
            assertTrue(view.energy().told().contains("0.1826"), view.energy().told().toString());
            assertAllTold(view.body(), "no layers");
            assertAllTold(view.inspector(), "no layers");
        });
    }

    @Test
    void everyFormulaHasASource() {
        assertTrue(view == null || view.help() != null);
        RankHelp.TOPICS.forEach(t -> {
            assertFalse(t.formula().isBlank(), t.title());
            assertTrue(t.source().length() > 8, t.title());
        });
        for (Measure m : Measure.values()) {
            if (Measures.isRank(m)) {
                assertFalse(Measures.reading(m).isEmpty(), m.name());
                assertFalse(Measures.formula(m, false).isEmpty(), m.name());
            }
        }
    }

    @Test
    void namesFromAFileCannotPretend() throws IOException {
        assertEquals(Files.exists(dir), true);
        show(new HeldEngine(), null, 1440, 900);
        FxThread.run(() -> view.open(Cases.spectra(dir.resolve("a"), Cases.matrix("h.0.q\u202eevil.weight", "query", 0, 4, 4, 3.6, 4, 3, 2, 1)).folder()));
        FxThread.run(() -> assertFalse(model.item().orElseThrow().title().contains("\u202e")));
    }
}
