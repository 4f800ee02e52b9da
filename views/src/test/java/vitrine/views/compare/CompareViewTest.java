package vitrine.views.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javafx.scene.Node;
import javafx.scene.control.Labeled;
import javafx.scene.layout.Pane;
import javafx.stage.Stage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.artifact.CompareArtifact;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.engine.Engine;
import vitrine.core.task.Task;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Theme;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.HeldEngine;
import vitrine.views.testing.ImmediateEngine;
import vitrine.views.testing.ViewPicture;
import vitrine.views.view.Subject;

class CompareViewTest {

    private static final Path REFERENCE = Path.of("../model-core/src/test/resources/reference");

    @TempDir
    Path dir;

    private CompareViewModel model;
    private CompareView view;
    private Stage stage;

    @AfterEach
    void close() {
        if (stage != null) {
            FxThread.run(stage::close);
        }
    }

    private static Subject subject(String name) {
        return new Subject(Anatomy.of(Checkpoints.open(REFERENCE.resolve(name))));
    }

    private void show(Engine engine) {
        stage = FxThread.get(() -> {
            model = new CompareViewModel(new TaskBoard(engine, Runnable::run));
            view = new CompareView(model);
            Stage s = new Stage();
            s.setScene(ViewPicture.frame(view, Theme.DARK, 1440, 900));
            s.show();
            return s;
        });
    }

    private void layOut() {
        FxThread.pulse();
        FxThread.run(() -> {
            Pane root = (Pane) stage.getScene().getRoot();
            root.resize(1440, 900);
            for (int i = 0; i < 3; i++) {
                root.applyCss();
                root.layout();
            }
        });
    }

    private void adapterOnBase(boolean text) throws IOException {
        show(new ImmediateEngine(dir.resolve("artifacts")));
        Path file = Files.writeString(dir.resolve("text.txt"), "The lantern over the wall went out.");
        FxThread.run(() -> {
            model.promptProperty().set("The lantern over");
            if (text) {
                model.toggle(new ComparedText("text", file));
            }
            model.checkpoints().add(subject("llama-gqa"));
            model.adapters().add(subject("lora-llama"));
        });
        layOut();
    }

    private Comparison comparison() {
        return FxThread.get(() -> model.comparison().orElseThrow());
    }

    private List<String> said() {
        return FxThread.get(() -> view.body().lookupAll(".label").stream().filter(CompareViewTest::seen).filter(Labeled.class::isInstance).map(n -> ((Labeled) n).getText()).toList());
    }

    private static boolean seen(Node node) {
        for (Node n = node; n != null; n = n.getParent()) {
            if (!n.isVisible()) {
                return false;
            }
        }
        return true;
    }

    private static void assertAllTold(Node root, String what) {
        assertEquals(List.of(), ProvenanceAudit.untagged(root).stream().map(u -> u.shown() + " at " + u.path()).toList(), what);
        assertEquals(List.of(), ProvenanceAudit.unexplained(root).stream().map(u -> u.shown() + " at " + u.path()).toList(), what);
    }

    @Test
    void aBaseAndItsAdapterAreComparedAtOnce() throws IOException {
        adapterOnBase(true);
        Comparison c = comparison();
        FxThread.run(() -> {
            assertEquals("llama-gqa", model.aProperty().get().name());
            assertEquals("llama-gqa + lora-llama", model.bProperty().get().name());
            assertEquals(c.mostMoved(), model.headProperty().get(), "the head that moved most comes first");
            assertEquals(c.moved()[c.mostMoved().layer()][c.mostMoved().head()], java.util.Arrays.stream(c.moved()).flatMapToDouble(java.util.Arrays::stream).max().orElseThrow());
        });
        assertEquals(c.artifact().prompt().tokens().size() - 1, c.lossA().length);
        assertTrue(said().contains("Attention, " + c.mostMoved()), said()::toString);
        assertTrue(said().contains("text"), "the text stands in the table");
        CompareArtifact.Text t = c.artifact().texts().getFirst();
        assertEquals(t.b().perplexity() / t.a().perplexity(), t.ratio(), 1e-9);
    }

    /// Results of runs all lie in folders of the same name: figures are headed by what the run is called.
    @Test
    void aResultOfARunIsCalledAsItsRunIs() throws IOException {
        adapterOnBase(false);
        Path result = Files.createDirectories(dir.resolve("run/result"));
        Path adapter = Path.of(subject("lora-llama").path());
        for (String name : List.of("adapter_config.json", "adapter_model.safetensors")) {
            Files.copy(adapter.resolve(name), result.resolve(name));
        }
        FxThread.run(() -> {
            Candidate base = model.aProperty().get();
            model.compare(base, new Candidate("#6 lora", base.model(), List.of(Task.AdapterUse.of(result.toString())), base.parameters()));
        });
        layOut();
        assertEquals("llama-gqa + result", comparison().artifact().b().name());
        assertTrue(said().containsAll(List.of("A  llama-gqa", "B  #6 lora")), said()::toString);
    }

    @Test
    void everyFigureSaysWhereItComesFrom() throws IOException {
        adapterOnBase(true);
        for (Mode m : Mode.values()) {
            FxThread.run(() -> model.modeProperty().set(m));
            layOut();
            FxThread.run(() -> assertAllTold(stage.getScene().getRoot(), m.label()));
        }
        for (MapsCard.Of of : List.of(MapsCard.Of.LENS, MapsCard.Of.HEAD)) {
            FxThread.run(() -> {
                model.modeProperty().set(Mode.BEHAVIOUR);
                view.maps().of().valueProperty().set(of);
                model.tokenProperty().set(2);
            });
            layOut();
            FxThread.run(() -> assertAllTold(stage.getScene().getRoot(), of.name()));
        }
    }

    @Test
    void aLockedTokenIsLockedInEveryFigure() throws IOException {
        adapterOnBase(false);
        FxThread.run(() -> {
            view.loss().chart().selectedProperty().set(1);
            assertEquals(2, model.tokenProperty().get(), "the second column is the third token: the first is predicted by nothing");
            assertEquals(2, view.maps().map(false).lockedCellProperty().get().row());
            assertEquals(view.maps().map(false).lockedCellProperty().get(), view.maps().difference().lockedCellProperty().get());
            view.maps().map(true).lockedCellProperty().set(new Cell(3, 1));
            assertEquals(3, model.tokenProperty().get());
            assertEquals(2, view.loss().chart().selectedProperty().get());
            assertEquals(new Cell(3, 1), view.maps().map(false).lockedCellProperty().get());
            assertTrue(view.release());
            assertNull(view.maps().map(false).lockedCellProperty().get());
            assertEquals(-1, view.loss().chart().selectedProperty().get());
            assertFalse(view.release());
        });
    }

    @Test
    void hoveringALayerMarksItInEveryMap() throws IOException {
        adapterOnBase(false);
        FxThread.run(() -> {
            view.heads().chart().hoveredProperty().set(new Cell(2, 1));
            assertEquals(2, view.change().chart().markedRowProperty().get());
            assertEquals(2, view.rank().chart().markedRowProperty().get());
        });
    }

    @Test
    void aClickedHeadIsShownLarge() throws IOException {
        adapterOnBase(false);
        Comparison c = comparison();
        FxThread.run(() -> {
            view.heads().chart().selectedProperty().set(new Cell(1, 3));
            assertEquals(new HeadId(1, 3), model.headProperty().get());
        });
        layOut();
        assertTrue(said().contains("Attention, layer 1, head 3"));
        float[] p = c.artifact().map(false, 1, 3);
        float[] q = c.artifact().map(true, 1, 3);
        int n = c.tokens();
        assertEquals(q[(n - 1) * n] - p[(n - 1) * n], c.difference(new HeadId(1, 3)).at(n - 1, 0), 1e-7);
    }

    @Test
    void aCellOfTheWeightsLeadsToItsMatrices() throws IOException {
        adapterOnBase(false);
        Comparison c = comparison();
        int query = c.artifact().kinds().indexOf("query");
        FxThread.run(() -> {
            view.change().chart().selectedProperty().set(new Cell(1, query));
            assertEquals(Mode.WEIGHTS, model.modeProperty().get());
            assertEquals(new CompareViewModel.MatrixId(1, "query"), model.matrixProperty().get());
            assertEquals(new Cell(1, query), view.rank().chart().selectedProperty().get());
        });
    }

    @Test
    void swappedTheyChangeSigns() throws IOException {
        adapterOnBase(false);
        double change = comparison().lossChange(1);
        FxThread.run(() -> model.swap());
        assertEquals("llama-gqa + lora-llama", FxThread.get(() -> model.aProperty().get().name()));
        assertEquals(-change, comparison().lossChange(1), 1e-9);
    }

    @Test
    void theCommandMakesWhatIsShown() throws IOException {
        adapterOnBase(true);
        FxThread.run(() -> {
            String base = subject("llama-gqa").path();
            assertEquals("vitrine compare " + base + " " + base + " --adapter-b " + subject("lora-llama").path() + " --data text=" + dir.resolve("text.txt").toAbsolutePath()
                    + " --prompt 'The lantern over' --out comparison", view.command());
            assertInstanceOf(Task.Compare.class, view.task().orElseThrow());
        });
    }

    @Test
    void numbersAreExportedByMode() throws IOException {
        adapterOnBase(true);
        Comparison c = comparison();
        FxThread.run(() -> {
            List<String> lines = view.csv().lines().toList();
            assertEquals("text,perplexity_a,perplexity_b,perplexity_ratio,bits_per_byte_a,bits_per_byte_b", lines.getFirst());
            assertTrue(lines.contains("position,token,loss_a,loss_b,kl_ab,kl_ba,js"));
            assertEquals(c.moved().length * c.moved()[0].length, lines.size() - 1 - lines.indexOf("layer,head,total_variation,first_token_mass_a,first_token_mass_b"));
            model.modeProperty().set(Mode.WEIGHTS);
            assertEquals(1 + c.artifact().matrices().size(), view.csv().lines().count());
            model.modeProperty().set(Mode.SETTINGS);
            assertEquals(1 + c.artifact().settings().size(), view.csv().lines().count());
        });
    }

    @Test
    void anArtifactOpensWithoutItsCheckpoints() throws IOException {
        adapterOnBase(true);
        Path artifact = comparison().artifact().artifact().folder();
        close();
        show(new ImmediateEngine(dir.resolve("others")));
        FxThread.run(() -> view.open(artifact));
        layOut();
        assertNotNull(comparison().mostMoved());
        assertTrue(said().stream().anyMatch(s -> s.startsWith("Attention, layer ")));
    }

    @Test
    void whatIsMissingIsSaid() {
        show(new ImmediateEngine(dir.resolve("artifacts")));
        layOut();
        assertTrue(said().contains("Nothing to compare yet. Open a checkpoint, then another, or an adapter of it."), said()::toString);
        FxThread.run(() -> model.checkpoints().add(subject("llama-gqa")));
        layOut();
        assertTrue(said().contains("llama-gqa is the only checkpoint here. Open another, or an adapter of it, to compare."));
        FxThread.run(() -> model.checkpoints().add(subject("lora-base-gpt2")));
        layOut();
        assertTrue(said().contains("The two share no weight matrix of the same name and shape."), said()::toString);
        FxThread.run(() -> model.bProperty().set(model.aProperty().get()));
        layOut();
        assertTrue(said().contains("A and B are the same model. Choose another for one of them."));
    }

    @Test
    void aProblemIsSaidWhereTheFiguresWouldBe() {
        show(new ImmediateEngine(dir.resolve("artifacts")));
        FxThread.run(() -> {
            model.toggle(new ComparedText("gone", dir.resolve("gone.txt")));
            model.checkpoints().add(subject("llama-gqa"));
            model.adapters().add(subject("lora-llama"));
        });
        layOut();
        FxThread.run(() -> assertInstanceOf(ViewState.Problem.class, model.stateProperty().get()));
        assertTrue(said().stream().anyMatch(s -> s.contains("gone.txt")), said()::toString);
    }

    @Test
    void figuresBehindAProblemAreDrawnWithoutFailing() throws IOException {
        adapterOnBase(false);
        FxThread.run(() -> {
            model.tokenProperty().set(2);
            model.toggle(new ComparedText("gone", dir.resolve("gone.txt")));
            assertInstanceOf(ViewState.Problem.class, model.stateProperty().get());
        });
        // A canvas that fails in its pulse fails this call.
        FxThread.run(() -> view.maps().of().valueProperty().set(MapsCard.Of.LENS));
        layOut();
        assertTrue(said().stream().anyMatch(s -> s.contains("gone.txt")), said()::toString);
    }

    @Test
    void workCanBeCancelled() {
        HeldEngine engine = new HeldEngine();
        show(engine);
        FxThread.run(() -> {
            model.checkpoints().add(subject("llama-gqa"));
            model.adapters().add(subject("lora-llama"));
            assertInstanceOf(ViewState.Working.class, model.stateProperty().get());
            model.cancel();
            assertFalse(model.stateProperty().get() instanceof ViewState.Working);
        });
    }
}
