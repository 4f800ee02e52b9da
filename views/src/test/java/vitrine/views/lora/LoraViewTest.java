package vitrine.views.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javafx.scene.Node;
import javafx.scene.input.KeyCode;
import javafx.scene.layout.Pane;
import javafx.stage.Stage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.engine.Engine;
import vitrine.core.json.Json;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskAdapterBuilder;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.FigureFile;
import vitrine.views.chart.Theme;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.ProgressRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.lora.LoraViewModel.Mode;
import vitrine.views.lora.LoraViewModel.Written;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.HeldEngine;
import vitrine.views.testing.ImmediateEngine;
import vitrine.views.testing.Pointer;
import vitrine.views.testing.Shown;
import vitrine.views.testing.ViewPicture;
import vitrine.views.view.Subject;

class LoraViewTest {

    private static final Path REFERENCE = Path.of("../model-core/src/test/resources/reference");
    private static final String QUERY = "model.layers.0.self_attn.q_proj";

    @TempDir
    Path dir;

    private LoraViewModel model;
    private LoraView view;
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

    private void show(Engine engine, String adapter, String base) {
        stage = FxThread.get(() -> {
            model = new LoraViewModel(new TaskBoard(engine, Runnable::run), Runnable::run, Runnable::run);
            view = new LoraView(model);
            if (base != null) {
                model.bases().add(subject(base));
            }
            view.show(subject(adapter));
            Stage s = new Stage();
            s.setScene(ViewPicture.frame(view, Theme.DARK, 1440, 900));
            s.show();
            return s;
        });
        layOut();
    }

    private ImmediateEngine shown(String adapter, String base) {
        ImmediateEngine engine = new ImmediateEngine(dir.resolve("artifacts"));
        show(engine, adapter, base);
        return engine;
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

    private void measured() throws IOException {
        Path text = Files.writeString(dir.resolve("text.txt"), "The lantern over the wall went out, and the cat sat down by the door to wait.");
        FxThread.run(() -> {
            model.toggle(new AdapterText("text.txt", text));
            model.measure();
        });
        layOut();
    }

    private FigureCanvas figure(String id) {
        return (FigureCanvas) view.body().lookup("#" + id);
    }

    private static void assertAllTold(Node root, String what) {
        assertEquals(List.of(), ProvenanceAudit.untagged(root).stream().map(u -> u.shown() + " at " + u.path()).toList(), what);
        assertEquals(List.of(), ProvenanceAudit.unexplained(root).stream().map(u -> u.shown() + " at " + u.path()).toList(), what);
    }

    private static double[] golden(String name, String tensor) {
        try (SafetensorsFile file = SafetensorsFile.open(REFERENCE.resolve(name).resolve("golden.safetensors"))) {
            return file.doubles(tensor);
        }
    }

    // --- figures

    @Test
    void singularValuesAreThoseOfPytorch() {
        shown("lora-llama", null);
        double[] expected = golden("lora-llama", "sv." + QUERY + ".weight");
        double[] sigma = model.study().orElseThrow().module(QUERY).orElseThrow().sigma();
        for (int i = 0; i < sigma.length; i++) {
            assertEquals(expected[i], sigma[i], 1e-6 * expected[0], "value " + i);
        }
    }

    @Test
    void whatACutCostsIsWhatTheCutThenTells() {
        ImmediateEngine engine = shown("lora-all-linear", null);
        for (Cut.Rule rule : List.of(Cut.Rule.RANK, Cut.Rule.ENERGY, Cut.Rule.PARAMETERS)) {
            FxThread.run(() -> {
                model.ruleProperty().set(rule);
                model.rankProperty().set(3);
                model.energyProperty().set(0.8);
                model.parametersProperty().set(0.37);
                model.keepWith((artifact, target) -> { });
                model.writeCut(dir.resolve("cut"));
            });
            Written w = ((ViewState.Result<Written>) model.writtenProperty().get()).value();
            Cut cut = model.cut();
            assertEquals(w.summary().get("parameters").asLong(), cut.parameters(), rule + ": parameters");
            assertEquals(w.summary().get("parameters_before").asLong(), cut.before(), rule + ": parameters before");
            assertEquals(w.summary().get("relative_error").asDouble(), cut.error(), 1e-12, rule + ": error");
            assertEquals(w.summary().get("energy").asDouble(), cut.energy(), 1e-12, rule + ": energy");
            Study s = model.study().orElseThrow();
            for (int i = 0; i < cut.kept().length; i++) {
                assertEquals(w.summary().get("ranks").get(s.known().get(i).path()).asInt(), cut.kept()[i], s.known().get(i).path());
            }
        }
        assertInstanceOf(Task.AdapterCut.class, engine.asked().getLast());
    }

    @Test
    void magnitudesStayWithTheirModules() {
        shown("lora-dora", null);
        FxThread.run(() -> {
            model.rankProperty().set(2);
            model.keepWith((artifact, target) -> { });
            model.writeCut(dir.resolve("cut"));
        });
        Written w = ((ViewState.Result<Written>) model.writtenProperty().get()).value();
        assertEquals(w.summary().get("parameters").asLong(), model.cut().parameters());
    }

    @Test
    void lossesAtMeasuredRanksAreReadOffAndOthersEstimated() throws IOException {
        shown("lora-llama", "llama-gqa");
        measured();
        AdapterArtifact.Curve curve = model.measured().orElseThrow().artifact().curve().orElseThrow();
        Study s = model.study().orElseThrow();
        for (AdapterArtifact.Point p : curve.points()) {
            Cut.Predicted at = Cut.toRank(s, p.rank()).loss(curve, 0);
            assertEquals(p.losses().getFirst().loss(), at.loss(), "rank " + p.rank());
            assertTrue(at.measured());
        }
        AdapterArtifact.Point four = curve.points().stream().filter(p -> p.rank() == 4).findFirst().orElseThrow();
        AdapterArtifact.Point eight = curve.points().stream().filter(p -> p.rank() == 8).findFirst().orElseThrow();
        Cut.Predicted six = Cut.toRank(s, 6).loss(curve, 0);
        assertFalse(six.measured());
        assertEquals((four.losses().getFirst().loss() + eight.losses().getFirst().loss()) / 2, six.loss(), 1e-12);
        FxThread.run(() -> model.rankProperty().set(6));
        assertTrue(FxThread.get(() -> view.compress().told()).stream().anyMatch(t -> t.startsWith("≈ ")), "an estimate says so");
        FxThread.run(() -> model.rankProperty().set(4));
        assertTrue(FxThread.get(() -> view.compress().told()).stream().noneMatch(t -> t.startsWith("≈ ")), "a measured one does not");
        // A budget of loss: the smallest cut that the curve lets pass, and what is then measured.
        AdapterArtifact measured = model.measured().orElseThrow().artifact();
        double now = measured.domains().getFirst().after().loss();
        Cut before = null;
        for (double rise : new double[] {0.02, 0.2, 1}) {
            Cut cut = Cut.toLoss(s, measured, rise);
            Cut.Predicted p = cut.loss(curve, 0);
            assertTrue(p.loss() <= now + rise + 1e-12, p.loss() + " of " + now + " and " + rise);
            assertTrue(before == null || cut.parameters() <= before.parameters());
            before = cut;
        }
        FxThread.run(() -> {
            model.lossRiseProperty().set(0.2);
            model.ruleProperty().set(Cut.Rule.LOSS);
            model.keepWith((artifact, target) -> { });
            model.writeCut(dir.resolve("budget"));
        });
        double perplexity = ((ViewState.Result<Written>) model.writtenProperty().get()).value().summary().at("/domains/0/after/perplexity").asDouble();
        assertTrue(Math.log(perplexity) <= now + 0.2 + 1e-6);
        assertTrue(FxThread.get(() -> view.compress().told()).contains(vitrine.views.chart.Numbers.perplexity(perplexity)), "what was measured stands where the guess stood");
        FxThread.run(() -> model.lossRiseProperty().set(0.3));
        assertTrue(FxThread.get(() -> view.compress().told()).stream().anyMatch(t -> t.startsWith("≈ ")));
    }

    @Test
    void everyNumberSaysWhereItComesFrom() throws IOException {
        shown("lora-all-linear", "llama-gqa");
        measured();
        FxThread.run(() -> {
            model.adapters().setAll(subject("lora-all-linear"), subject("lora-llama"));
            model.compareWith(model.adapters().getLast());
            for (Mode mode : Mode.values()) {
                model.modeProperty().set(mode);
                for (Importance i : model.importances()) {
                    model.importanceProperty().set(i);
                    stage.getScene().getRoot().layout();
                    assertAllTold(view.body(), mode + ", " + i);
                    assertAllTold(view.inspector(), mode + ", " + i);
                }
            }
        });
    }

    // --- what if

    @Test
    void componentsThatAreSwitchedOffTellTheLossAtOnceAndAreWritten() throws IOException {
        ImmediateEngine engine = shown("lora-llama", "llama-gqa");
        Path text = Files.writeString(dir.resolve("text.txt"), "The lantern over the wall went out, and the cat sat down by the door to wait.");
        FxThread.run(() -> model.selectedProperty().set(QUERY));
        layOut();
        FxThread.run(() -> ((javafx.scene.control.ToggleButton) view.inspector().lookupAll(".vt-switch").stream().filter(n -> ((javafx.scene.control.ToggleButton) n).getText().equals("2")).findFirst().orElseThrow()).fire());
        assertNull(((Task.AdapterCut) engine.asked().getLast()).data(), "without a text the energy that is left");
        assertTrue(FxThread.get(() -> Shown.texts(view.inspector())).contains("‖ΔW‖² kept"));
        FxThread.run(() -> model.toggle(new AdapterText("text.txt", text)));
        layOut();
        ComponentsOff.Effect effect = model.off().effectProperty().get().valueOrNull();
        double change = effect.losses().getFirst().after() - effect.losses().getFirst().before();
        // What the engine's own measure of single components says.
        AdapterArtifact alone = AdapterArtifact.of(FxThread.get(() -> ((vitrine.core.engine.Ending.Finished) engine.submit(TaskAdapterBuilder.builder().adapter(subject("lora-llama").path()).model(subject("llama-gqa").path()).alignment(Task.Alignment.none)
                .data(List.of(new Task.Domain("text.txt", text.toString()))).ranks(List.of(0)).order(Task.Order.singular).without(Task.Without.components)
                .modules(List.of(QUERY)).maxTokens(1024).build(), e -> { }).ending().join()).artifact()));
        assertEquals(alone.values("loss_without", alone.row(QUERY).orElseThrow())[1], change, 2e-6);
        List<String> told = FxThread.get(() -> Shown.texts(view.inspector()));
        assertTrue(told.stream().anyMatch(t -> t.startsWith(vitrine.views.chart.Numbers.change(change, 4))), told.toString());
        assertTrue(told.contains("Layer 0, q_proj: 2"));
        FxThread.run(() -> assertAllTold(view.inspector(), "switched off"));
        // From the map too: the next component of the selected row; then a stored one begins anew.
        FxThread.run(() -> {
            FigureCanvas map = figure("importance");
            ImportanceMap drawn = (ImportanceMap) map.getFigure();
            drawn.handle(new vitrine.views.chart.Gesture.Key(KeyCode.RIGHT, false, false), map.getWidth(), map.getHeight(), map.surface());
            drawn.handle(new vitrine.views.chart.Gesture.Key(KeyCode.DELETE, false, false), map.getWidth(), map.getHeight(), map.surface());
        });
        assertEquals(List.of(new Task.AdapterCut.Components(QUERY, List.of(0, 1))), model.off().list());
        assertTrue(model.command().contains(" --without '" + QUERY + ":0,1' --model"), model.command());
        FxThread.run(() -> {
            model.importanceProperty().set(Importance.NORM_PRODUCT);
            model.off().toggle(false, QUERY, 3);
        });
        Task.AdapterCut last = (Task.AdapterCut) engine.asked().getLast();
        assertEquals(Task.Order.norm_product, last.order());
        assertEquals(List.of(new Task.AdapterCut.Components(QUERY, List.of(3))), last.without());
        List<Artifact> kept = new ArrayList<>();
        FxThread.run(() -> {
            model.keepWith((artifact, target) -> kept.add(artifact));
            view.chooseFoldersWith(name -> Optional.of(dir.resolve(name)));
            Shown.button(view.inspector(), "Make permanent…").fire();
        });
        assertEquals(last, engine.asked().getLast(), "what was measured is what is written");
        assertEquals(dir.resolve("lora-llama-without-1"), ((ViewState.Result<Written>) model.writtenProperty().get()).value().path());
        assertTrue(Files.isRegularFile(kept.getFirst().folder().resolve("adapter_model.safetensors")));
        FxThread.run(() -> Shown.button(view.inspector(), "All on").fire());
        assertFalse(model.off().any());
    }

    @Test
    void figuresGoToFilesWithTheirNumbers() throws IOException {
        shown("lora-llama", "llama-gqa");
        measured();
        for (String id : List.of("importance", "losses")) {
            String csv = FxThread.get(() -> figure(id).getFigure().csv());
            assertTrue(csv.lines().count() > 4, id);
            assertTrue(FxThread.get(() -> FigureFile.of(figure(id), "caption").svg()).startsWith("<"), id);
        }
        String all = FxThread.get(view::csv);
        Study s = model.study().orElseThrow();
        assertEquals(s.modules().size() + 1, all.lines().count());
        assertTrue(all.contains(Double.toString(s.module(QUERY).orElseThrow().sigma()[0])), "with full precision");
        assertTrue(all.lines().findFirst().orElseThrow().contains("amplification"));
    }

    // --- states

    @Test
    void aloneTellsWhatNeedsNoBase() {
        ImmediateEngine engine = shown("lora-llama", null);
        assertEquals(Task.Adapter.alone(subject("lora-llama").path()), engine.asked().getFirst());
        List<String> texts = FxThread.get(() -> Shown.texts(view.body()));
        assertTrue(texts.stream().anyMatch(t -> t.startsWith("Losses need the base.")), texts.toString());
        FxThread.run(() -> model.modeProperty().set(Mode.ALIGNMENT));
        assertTrue(FxThread.get(() -> Shown.texts(view.body())).stream().anyMatch(t -> t.startsWith("Alignment needs the base's weights.")));
        assertTrue(FxThread.get(() -> Shown.button(viewAt(Mode.RANKS), "Merge into base…").isDisable()));
    }

    private Node viewAt(Mode mode) {
        model.modeProperty().set(mode);
        return view.body();
    }

    @Test
    void itsBaseIsTakenWhenItIsOpened() {
        ImmediateEngine engine = shown("lora-llama", null);
        FxThread.run(() -> model.bases().add(subject("llama-gqa")));
        assertEquals(subject("llama-gqa").path(), engine.asked().getLast().model());
        assertTrue(model.study().orElseThrow().aligned());
        assertTrue(model.module().orElseThrow().row().figure("base_noise_edge").isPresent());
    }

    @Test
    void aBaseThatDoesNotFitIsRefusedWithItsTensors() {
        shown("lora-llama", "gpt2");
        ErrorCard card = FxThread.get(() -> Shown.only(view.body(), ErrorCard.class, c -> true));
        List<String> texts = FxThread.get(() -> Shown.texts(card));
        assertTrue(texts.stream().anyMatch(t -> t.contains("cannot be shown on gpt2")), texts.toString());
        assertTrue(texts.stream().anyMatch(t -> t.contains("q_proj")), texts.toString());
        FxThread.run(() -> Shown.button(view.body(), "Show without a base").fire());
        assertTrue(model.study().isPresent());
        assertNull(model.baseProperty().get());
    }

    @Test
    void whatIsUnderWayShowsItsProgressAndCanBeCancelled() {
        HeldEngine engine = new HeldEngine();
        show(engine, "lora-llama", null);
        FxThread.run(() -> engine.last().progress(3, 10, "modules"));
        assertFalse(FxThread.get(() -> all(view.body(), ProgressRow.class)).isEmpty());
        FxThread.run(model::cancel);
        assertTrue(FxThread.get(() -> Shown.texts(view.body())).contains("Cancelled."));
    }

    /// Also what appears only after a while.
    private static <N> List<N> all(Node root, Class<N> kind) {
        List<N> out = new ArrayList<>();
        if (kind.isInstance(root)) {
            out.add(kind.cast(root));
        }
        if (root instanceof javafx.scene.Parent p) {
            p.getChildrenUnmodifiable().forEach(c -> out.addAll(all(c, kind)));
        }
        return out;
    }

    @Test
    void aCheckpointOffersAnExtraction() {
        HeldEngine engine = new HeldEngine();
        show(engine, "llama-gqa", "llama-biases");
        assertTrue(FxThread.get(() -> Shown.texts(view.body())).stream().anyMatch(t -> t.startsWith("No adapter here: llama-gqa is a checkpoint.")));
        assertTrue(engine.asked().isEmpty());
        FxThread.run(() -> {
            view.chooseFoldersWith(name -> Optional.of(dir.resolve(name)));
            Node form = view.extraction().content(() -> { });
            new javafx.scene.Scene((javafx.scene.Parent) form);
            form.applyCss();
            Shown.button(form, "Extract…").fire();
        });
        assertEquals(new Task.AdapterExtract(subject("llama-biases").path(), subject("llama-gqa").path(), 16, null), engine.last().task());
    }

    @Test
    void anOpenedResultIsShownAndNothingIsAskedAboutIt() throws IOException {
        ImmediateEngine engine = shown("lora-llama", "llama-gqa");
        Path made = model.study().orElseThrow().artifact().artifact().folder();
        int before = engine.asked().size();
        FxThread.run(() -> view.open(made));
        layOut();
        assertEquals(before, engine.asked().size());
        assertTrue(FxThread.get(() -> Shown.button(view.body(), "Write adapter…").isDisable()));
        assertEquals("", model.command());
        FxThread.run(() -> model.compareWith(null));
        Path foreign = Files.createDirectories(dir.resolve("eval"));
        new Manifest("eval", Artifact.open(made).manifest().task(), Map.of(), Json.object(), "2026-01-01T00:00:00Z", 1, Json.object(), Map.of(), List.of()).write(foreign);
        Refusal r = assertThrows(Refusal.class, () -> FxThread.run(() -> view.open(foreign)));
        assertTrue(r.getMessage().contains("it is a result of eval"), r.getMessage());
    }

    // --- hands

    @Test
    void arrowsGoFromModuleToModuleAndBracketsMoveTheCut() {
        shown("lora-llama", null);
        FxThread.run(() -> {
            model.selectedProperty().set(QUERY);
            figure("importance").requestFocus();
            Pointer.key(figure("importance"), KeyCode.DOWN);
        });
        assertEquals("model.layers.0.self_attn.v_proj", model.selectedProperty().get());
        int rank = model.rankProperty().get();
        FxThread.run(() -> Pointer.key(figure("importance"), KeyCode.OPEN_BRACKET));
        assertEquals(rank - 1, model.rankProperty().get());
    }

    @Test
    void theLineOfTheCutIsDragged() {
        shown("lora-llama", null);
        ImportanceMap map = (ImportanceMap) figure("importance").getFigure();
        FxThread.run(() -> {
            model.rankProperty().set(4);
            double at = map.cutX(figure("importance").getWidth(), figure("importance").getHeight(), figure("importance").surface());
            double cell = map.cellWidth(figure("importance").getWidth(), figure("importance").getHeight(), figure("importance").surface());
            Pointer.drag(figure("importance"), at, 60, at + 2 * cell, 60);
        });
        assertEquals(6, model.rankProperty().get());
    }

    @Test
    void hoverMarksTheModuleInEveryCard() {
        shown("lora-llama", "llama-gqa");
        FxThread.run(() -> {
            model.hoveredProperty().set(QUERY);
            assertEquals(QUERY, ((ImportanceMap) figure("importance").getFigure()).hoveredProperty().get());
            assertEquals(0, view.placement().chart().markedRowProperty().get());
        });
    }

    @Test
    void componentsStandStrongestFirstOrInTheirPlaces() {
        shown("lora-llama", null);
        Module m = model.study().orElseThrow().module(QUERY).orElseThrow();
        int[] sorted = Importance.NORM_PRODUCT.order(m, true);
        for (int i = 1; i < sorted.length; i++) {
            assertTrue(m.normProduct()[sorted[i - 1]] >= m.normProduct()[sorted[i]]);
        }
        assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5, 6, 7}, Importance.NORM_PRODUCT.order(m, false));
        assertEquals(1, java.util.Arrays.stream(m.share()).sum(), 1e-12);
    }

    @Test
    void whatIsWrittenGoesWhereItWasAsked() {
        shown("lora-llama", null);
        List<Path> kept = new ArrayList<>();
        FxThread.run(() -> {
            model.rankProperty().set(4);
            view.chooseFoldersWith(name -> Optional.of(dir.resolve(name)));
            model.keepWith((artifact, target) -> {
                assertTrue(Files.isRegularFile(artifact.folder().resolve("adapter_model.safetensors")));
                kept.add(target);
            });
            Shown.button(view.body(), "Write adapter…").fire();
        });
        assertEquals(List.of(dir.resolve("lora-llama-r4")), kept);
        assertTrue(FxThread.get(() -> Shown.texts(view.body())).contains("Wrote lora-llama-r4"));
        FxThread.run(() -> {
            model.keepWith((artifact, target) -> {
                throw new IOException("No space left on device");
            });
            model.writeCut(dir.resolve("full"));
        });
        assertTrue(FxThread.get(() -> Shown.texts(view.body())).stream().anyMatch(t -> t.contains("No space left on device")));
    }

    @Test
    void theCommandSaysTheSame() throws IOException {
        shown("lora-llama", "llama-gqa");
        measured();
        FxThread.run(() -> model.rankProperty().set(4));
        String command = model.command();
        assertTrue(command.contains("vitrine adapter " + subject("lora-llama").path() + " --model " + subject("llama-gqa").path() + " --data text.txt="), command);
        assertTrue(command.contains("--without modules"), command);
        assertTrue(command.contains("adapter cut ") && command.contains(" --rank 4 --out lora-llama-r4"), command);
    }

    private static String trail(int steps) {
        StringBuilder out = new StringBuilder();
        for (int s = 0; s < steps; s++) {
            out.append(String.format(java.util.Locale.ROOT, "{\"step\":%d,\"modules\":[{\"module\":\"model.layers.0.self_attn.q_proj\",\"layer\":0,\"out\":8,\"in\":6,\"sigma\":[%s,%s],"
                    + "\"norm_product\":[1,2],\"gate\":[%s,%s]},{\"module\":\"model.layers.1.mlp.up_proj\",\"layer\":1,\"out\":8,\"in\":6,\"sigma\":[0.5,0.5],\"norm_product\":[0.5,0.5],\"gate\":[1,1]}]}%n",
                    10 * s, 1.0 * s, 0.5 * s, 1 + 0.1 * s, 1 - 0.1 * s));
        }
        return out.toString();
    }

    @Test
    void ranksAlongARunFollowItAsItGoes() throws IOException {
        Path run = Files.createDirectories(dir.resolve("14"));
        Files.writeString(run.resolve("ranks.jsonl"), trail(3));
        assertTrue(LoraViewModel.hasSteps(run));
        show(new HeldEngine(), "llama-gqa", null);
        FxThread.run(() -> view.open(run));
        layOut();
        assertEquals(LoraViewModel.Mode.RUN, model.modeProperty().get());
        assertEquals(2, model.along().atProperty().get(), "the latest step comes first");
        assertTrue(FxThread.get(() -> Shown.texts(view.body())).contains("step 20 of 20"));
        assertEquals(QUERY, model.selectedProperty().get(), "the largest delta");
        assertEquals(Math.exp(-(2 / 3.0 * Math.log(2 / 3.0) + 1 / 3.0 * Math.log(1 / 3.0))), model.along().shownProperty().get().line(2, QUERY).orElseThrow().effectiveRank(), 1e-12);
        assertEquals(List.of(Along.Measure.values()), model.along().shownProperty().get().measures());
        assertAllTold(view.body(), "along a run");
        // More of it is read as it is written, and whoever looks at the latest goes on doing so; half a line waits.
        Files.writeString(run.resolve("ranks.jsonl"), trail(4) + "{\"step\":40,");
        FxThread.run(model.along()::refresh);
        assertEquals(3, model.along().atProperty().get());
        FxThread.run(() -> view.along().slider().setValue(1));
        assertEquals(1, model.along().atProperty().get());
        Files.writeString(run.resolve("ranks.jsonl"), trail(6));
        FxThread.run(model.along()::refresh);
        assertEquals(1, model.along().atProperty().get(), "an earlier step stays where it is");
        assertTrue(model.along().shownProperty().get().going());
        String csv = FxThread.get(view::csv);
        assertEquals(1 + 6 * 2 * 2, csv.lines().count());
        assertTrue(csv.contains("50,model.layers.0.self_attn.q_proj,0,"), csv);
        // Its result ends it.
        Files.createDirectories(run.resolve("result"));
        Files.writeString(run.resolve("result/manifest.json"), "{}");
        FxThread.run(model.along()::refresh);
        assertFalse(model.along().shownProperty().get().going());
        assertEquals("vitrine snapshot lora " + run + " --out run.png", view.command());
    }

    @Test
    void keptStepsAreReadOneAfterTheOther() throws IOException {
        for (String[] step : new String[][] {{"checkpoint-100", "lora-rslora"}, {"checkpoint-20", "lora-llama"}}) {
            Path to = Files.createDirectories(dir.resolve("kept").resolve(step[0]));
            for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
                Files.copy(REFERENCE.resolve(step[1]).resolve(file), to.resolve(file));
            }
        }
        show(new ImmediateEngine(dir.resolve("artifacts")), "llama-gqa", null);
        FxThread.run(() -> view.open(dir.resolve("kept")));
        Along a = model.along().shownProperty().get();
        assertEquals(List.of(20L, 100L), a.steps().stream().map(Along.Step::step).toList());
        double[] want = golden("lora-rslora", "sv." + QUERY + ".weight");
        assertEquals(want[0], a.line(1, QUERY).orElseThrow().sigma()[0], 1e-5 * want[0]);
        assertEquals(List.of(Along.Measure.SINGULAR, Along.Measure.NORM_PRODUCT), a.measures());
        Path empty = Files.createDirectories(dir.resolve("none"));
        assertFalse(LoraViewModel.hasSteps(empty));
        assertTrue(assertThrows(Refusal.class, () -> FxThread.run(() -> model.showAlong(empty))).getMessage().contains("no ranks over steps"));
    }

    @Test
    void cosinesOfAnAdapterWithItselfAreOne() {
        shown("lora-llama", null);
        FxThread.run(() -> {
            model.adapters().setAll(subject("lora-llama"));
            model.compareWith(subject("lora-llama"));
        });
        assertEquals(Mode.COMPARE, model.modeProperty().get());
        Comparison c = model.comparison().orElseThrow();
        assertEquals(1, c.cosine(), 1e-12);
        c.rows().forEach(r -> assertEquals(0, r.figure("sign_conflict").orElseThrow()));
        assertTrue(FxThread.get(view::csv).startsWith("module,layer,frobenius_norm"));
    }
}
