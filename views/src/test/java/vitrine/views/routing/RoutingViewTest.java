package vitrine.views.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.input.KeyCode;
import javafx.scene.layout.Pane;
import javafx.stage.Stage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.engine.Ending;
import vitrine.core.engine.Engine;
import vitrine.views.chart.Cell;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Theme;
import vitrine.views.control.EmptyState;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.ProgressRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.routing.RoutingData.Measure;
import vitrine.views.routing.RoutingData.Together;
import vitrine.views.routing.RoutingViewModel.Lower;
import vitrine.views.routing.RoutingViewModel.Maps;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.HeldEngine;
import vitrine.views.testing.ImmediateEngine;
import vitrine.views.testing.Pointer;
import vitrine.views.testing.Shown;
import vitrine.views.testing.ViewPicture;

class RoutingViewTest {

    @TempDir
    Path dir;

    private RoutingViewModel model;
    private RoutingView view;
    private Stage stage;

    @AfterEach
    void close() {
        if (stage != null) {
            FxThread.run(stage::close);
        }
    }

    private void show(Engine engine, String name, int width, int height) {
        stage = FxThread.get(() -> {
            model = new RoutingViewModel(new TaskBoard(engine, Runnable::run), Runnable::run, Runnable::run);
            view = new RoutingView(model);
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

    private void measured(String... texts) {
        show(new ImmediateEngine(dir.resolve("artifacts")), "mixtral", 1440, 900);
        FxThread.run(() -> model.compute(Cases.texts(dir, texts)));
        layOut(1440, 900);
    }

    private FigureCanvas figure(String id) {
        return (FigureCanvas) view.body().lookup("#" + id);
    }

    private static void assertAllTold(Node root, String what) {
        assertEquals(List.of(), ProvenanceAudit.untagged(root).stream().map(u -> u.shown() + " at " + u.path()).toList(), what);
        assertEquals(List.of(), ProvenanceAudit.unexplained(root).stream().map(u -> u.shown() + " at " + u.path()).toList(), what);
    }

    // --- several experts off

    @Test
    void severalExpertsAreSwitchedOffTogetherAndMadePermanent() {
        ImmediateEngine engine = new ImmediateEngine(dir.resolve("artifacts"));
        show(engine, "mixtral", 1440, 900);
        FxThread.run(() -> {
            model.compute(Cases.texts(dir, "a", "b"));
            model.selectedProperty().set(new Place(0, 1));
            model.ask(new Change.Mask(model.data().orElseThrow().number(0), 1));
        });
        layOut(1440, 900);
        double alone = model.whatIfProperty().get().valueOrNull().whatIf().orElseThrow().lossAfter();
        List<com.fasterxml.jackson.databind.node.ObjectNode> forms = new java.util.ArrayList<>();
        FxThread.run(() -> {
            view.pruneWith(forms::add);
            Shown.button(view.inspector(), "Expert off").fire();
        });
        assertEquals(alone, model.withoutProperty().get().valueOrNull().whatIf().orElseThrow().lossAfter(), 0, "one alone is what others taking over is");
        FxThread.run(() -> {
            model.selectedProperty().set(new Place(1, 0));
            Shown.button(view.inspector(), "Expert off").fire();
        });
        layOut(1440, 900);
        assertEquals(List.of(new vitrine.core.task.Task.Mask(0, 1), new vitrine.core.task.Task.Mask(1, 0)), ((vitrine.core.task.Task.Routing) engine.asked().getLast()).mask());
        vitrine.core.artifact.RoutingArtifact.WhatIf both = model.withoutProperty().get().valueOrNull().whatIf().orElseThrow();
        FxThread.run(() -> {
            List<String> told = Shown.texts(view.inspector());
            assertTrue(told.contains("Layer 0, expert 1; Layer 1, expert 0"), told.toString());
            assertTrue(told.stream().anyMatch(t -> t.startsWith(vitrine.views.chart.Numbers.change(both.lossAfter() - both.lossBefore(), 4))), told.toString());
            assertAllTold(view.inspector(), "off together");
            ((javafx.scene.control.Button) view.inspector().lookup("#experts-permanent")).fire();
            assertTrue(model.command().endsWith(" --mask 0:1 --mask 1:0"), model.command());
        });
        assertEquals(List.of("0.1", "1.0"), forms.getFirst().at("/settings/drop/experts").valueStream().map(com.fasterxml.jackson.databind.JsonNode::asText).toList());
        FxThread.run(() -> Shown.button(view.inspector(), "All on").fire());
        assertEquals(List.of(), model.off());
    }

    // --- every number says where it comes from

    @Test
    void everyNumberSaysWhereItComesFrom() {
        measured("a", "b");
        FxThread.run(() -> {
            model.sweep();
            model.compareExperts();
            model.tokenProperty().set(9);
            model.switchOff();
            model.ask(new Change.Swap(model.data().orElseThrow().number(1), 0, 1));
        });
        layOut(1440, 900);
        FxThread.run(() -> {
            for (Maps maps : Maps.values()) {
                model.mapsProperty().set(maps);
                stage.getScene().getRoot().layout();
                assertAllTold(view.body(), maps.name());
            }
            for (Measure m : Measure.values()) {
                model.measureProperty().set(m);
                stage.getScene().getRoot().layout();
                assertAllTold(view.body(), m.name());
            }
            for (Together t : Together.values()) {
                model.togetherProperty().set(t);
                stage.getScene().getRoot().layout();
                assertAllTold(view.body(), t.name());
            }
            model.lowerProperty().set(Lower.EXPERTS);
        });
        layOut(1440, 900);
        FxThread.run(() -> {
            assertAllTold(view.body(), "experts");
            assertAllTold(view.inspector(), "inspector");
            assertFalse(view.help().isEmpty());
            assertTrue(view.csv().lines().count() > 3 * 8);
        });
    }

    // --- states

    @Test
    void anEmptyViewShowsNoFigures() {
        show(new HeldEngine(), "mixtral", 1280, 800);
        FxThread.run(() -> {
            assertEquals(1, Shown.all(view.body(), EmptyState.class).size());
            assertTrue(Shown.all(view.body(), FigureCanvas.class).isEmpty());
            assertNotNull(Shown.button(view.body(), "Choose texts…"));
            assertAllTold(view.body(), "empty");
            assertEquals("", view.csv());
        });
    }

    @Test
    void aCheckpointWithoutExpertsSaysSo() {
        show(new HeldEngine(), "llama-gqa", 1280, 800);
        FxThread.run(() -> assertTrue(Shown.texts(view.body()).stream().anyMatch(t -> t.startsWith("No routing here: llama-gqa has no experts.")), () -> Shown.texts(view.body()).toString()));
    }

    @Test
    void oneButtonMeasuresOverAllTexts() {
        show(new ImmediateEngine(dir.resolve("artifacts")), "mixtral", 1440, 900);
        FxThread.run(() -> model.offer(Cases.texts(dir, "a", "b")));
        layOut(1440, 900);
        FxThread.run(() -> Shown.button(view.body(), "Measure over 2 texts").fire());
        layOut(1440, 900);
        FxThread.run(() -> {
            assertTrue(model.data().isPresent(), () -> model.stateProperty().get().toString());
            List<String> texts = Shown.texts(view.body());
            assertTrue(texts.containsAll(List.of("Load per layer and expert", "Token paths", "Domain information")), texts::toString);
        });
    }

    @Test
    void textsAreChosenInAForm() {
        HeldEngine engine = new HeldEngine();
        show(engine, "mixtral", 1440, 900);
        FxThread.run(() -> {
            model.offer(Cases.texts(dir, "a", "b", "c"));
            Node form = view.choice().content(() -> { });
            Shown.all(form, javafx.scene.control.CheckBox.class).get(1).setSelected(false);
            Shown.button(form, "Measure texts").fire();
            assertEquals(List.of("a", "c"), model.chosen().stream().map(vitrine.core.task.Task.Domain::name).toList());
            assertEquals("routing", engine.last().task().kind());
        });
    }

    @Test
    void workIsShownWithItsProgressAndCanBeCancelled() {
        HeldEngine engine = new HeldEngine();
        show(engine, "mixtral", 1440, 900);
        FxThread.run(() -> {
            model.compute(Cases.texts(dir, "a"));
            engine.last().progress(5, 24, "tokens");
        });
        FxThread.await("the progress row", () -> !Shown.all(view.body(), ProgressRow.class).isEmpty());
        layOut(1440, 900);
        FxThread.run(() -> {
            assertTrue(Shown.texts(view.body()).stream().anyMatch(t -> t.contains("Routing of mixtral")));
            Shown.all(Shown.all(view.body(), ProgressRow.class).getFirst(), Button.class).getFirst().fire();
        });
        layOut(1440, 900);
        FxThread.run(() -> assertTrue(Shown.texts(view.body()).stream().anyMatch(t -> t.startsWith("Cancelled."))));
    }

    @Test
    void aFailureStandsInPlaceOfTheFigures() {
        HeldEngine engine = new HeldEngine();
        show(engine, "mixtral", 1440, 900);
        FxThread.run(() -> {
            model.compute(Cases.texts(dir, "a"));
            engine.last().end(new Ending.Failed(Ending.Cause.OUT_OF_MEMORY, "worker ended"));
        });
        layOut(1440, 900);
        FxThread.run(() -> {
            assertEquals(1, Shown.all(view.body(), ErrorCard.class).size());
            Shown.button(view.body(), "Retry").fire();
            assertEquals(2, engine.asked().size());
        });
    }

    // --- linked figures

    @Test
    void oneExpertIsSelectedInAllFigures() {
        measured("a", "b");
        FxThread.run(() -> {
            MatrixChart map = (MatrixChart) view.load().maps().getFirst().canvas().getFigure();
            map.selectedProperty().set(new Cell(1, 5));
            assertEquals(new Place(1, 5), model.selectedProperty().get());
            assertEquals(new Cell(1, 5), ((MatrixChart) view.load().maps().getLast().canvas().getFigure()).selectedProperty().get());
            assertEquals(5, view.specialisation().chart().selectedProperty().get());
            assertEquals(1, view.information().bars().selectedProperty().get());
            map.selectedProperty().set(null);
            assertEquals(new Place(1, 5), model.selectedProperty().get(), "clicking it again keeps it");
            view.information().bars().selectedProperty().set(2);
            assertEquals(new Place(2, 5), model.selectedProperty().get());
            assertTrue(Shown.texts(view.inspector()).contains("Layer 2, expert 5"));
        });
    }

    @Test
    void hoveringATokenShowsItsExpertElsewhere() {
        measured("a", "b");
        FigureCanvas paths = figure("paths");
        FxThread.run(() -> Pointer.move(paths, 40, 60));
        FxThread.run(() -> {
            Cell at = view.paths().lanes().hoveredProperty().get();
            assertNotNull(at);
            Place h = model.hoveredProperty().get();
            assertEquals(at.row(), h.layer());
            MatrixChart map = (MatrixChart) view.load().maps().getFirst().canvas().getFigure();
            assertEquals(new Cell(h.layer(), h.expert()), map.linkedProperty().get());
            assertTrue(view.paths().lanes().description().contains("of all 8 experts"), view.paths().lanes().description());
            Pointer.leave(paths);
            assertNull(model.hoveredProperty().get());
            ((MatrixChart) view.load().maps().getFirst().canvas().getFigure()).hoveredProperty().set(new Cell(1, 3));
            assertEquals(new Cell(1, 3), view.paths().lanes().emphasisProperty().get(), "and an expert's tokens stand out");
        });
    }

    @Test
    void aTokenIsSelectedByClickAndReleasedByEscape() {
        measured("a", "b");
        FigureCanvas paths = figure("paths");
        FxThread.run(() -> Pointer.click(paths, 40, 60));
        layOut(1440, 900);
        FxThread.run(() -> {
            assertTrue(model.tokenProperty().get() >= 0);
            assertTrue(Shown.texts(view.inspector()).contains("1st choice"));
            Pointer.key(view.body(), KeyCode.ESCAPE);
            assertEquals(-1, model.tokenProperty().get());
            int row = model.rowProperty().get();
            Pointer.key(view.body(), KeyCode.PAGE_DOWN);
            assertEquals((row + 1) % 6, model.rowProperty().get());
        });
    }

    @Test
    void switchingAnExpertOffIsMeasuredFromTheInspector() {
        measured("a", "b");
        FxThread.run(() -> {
            model.select(1, 2);
            Shown.button(view.inspector(), "Switch off expert 2").fire();
            List<String> texts = Shown.texts(view.inspector());
            assertTrue(texts.contains("Loss after"), texts::toString);
            assertTrue(texts.stream().anyMatch(t -> t.matches("[+−].*")), texts::toString);
            assertEquals(0, Shown.all(view.inspector(), Button.class).stream().filter(b -> "Switch off expert 2".equals(b.getText())).count());
        });
    }

    @Test
    void aResultMadeBeforeOffersNothingToMeasure() {
        show(new HeldEngine(), null, 1440, 900);
        FxThread.run(() -> view.open(Cases.random(dir.resolve("made"), new Cases.Size(3, 6, 2, 90, 2)).folder()));
        layOut(1440, 900);
        FxThread.run(() -> {
            assertTrue(Shown.all(view.inspector(), Button.class).stream().filter(b -> b.getText() != null && b.getText().startsWith("Switch off")).allMatch(Button::isDisabled));
            assertAllTold(view.body(), "made up");
            assertEquals("made-up-routing", view.exportName());
            assertEquals(18, view.places().size());
        });
    }

    /// One layer, one text, one expert per token: whatever has no meaning says so.
    @Test
    void whatHasNoMeaningSaysSo() {
        show(new HeldEngine(), null, 2560, 1440);
        FxThread.run(() -> view.open(Cases.random(dir.resolve("small"), new Cases.Size(1, 4, 1, 40, 1)).folder()));
        layOut(2560, 1440);
        FxThread.run(() -> {
            List<String> texts = Shown.texts(view.body());
            for (String sentence : List.of("One text has no other to part from", "One text tells nothing about texts", "Every token visits one expert here", "There is one layer with experts")) {
                assertTrue(texts.stream().anyMatch(t -> t.startsWith(sentence)), () -> sentence + " in " + texts);
            }
        });
    }
}
