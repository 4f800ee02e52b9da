package vitrine.app.shell;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vitrine.app.shell.WindowHarness.BAD;
import static vitrine.app.shell.WindowHarness.REFERENCE;
import static vitrine.app.shell.WindowHarness.fx;

import java.awt.image.BufferedImage;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javafx.scene.Node;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;
import vitrine.core.json.Json;
import vitrine.views.anatomy.AnatomyView;
import vitrine.views.attention.AttentionView;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.chart.Theme;
import vitrine.views.compare.CompareView;
import vitrine.views.control.NavigatorRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.lora.LoraView;
import vitrine.views.rank.RankView;
import vitrine.views.rank.RankViewModel;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.View;
import vitrine.views.view.ViewKind;

/// The window from the outside: what keys, clicks and answers do, with the real engine.
class MainWindowTest {

    private static final Path LLAMA = REFERENCE.resolve("llama-gqa");
    private static final Path LORA = REFERENCE.resolve("lora-llama");
    private static final Path GPT2 = REFERENCE.resolve("gpt2");
    private static final Path TRUNCATED = BAD.resolve("safetensors/data_truncated.safetensors");

    @TempDir
    Path home;
    private WindowHarness h;

    @BeforeEach
    void start() throws Exception {
        h = WindowHarness.real(home);
    }

    @AfterEach
    void stop() {
        h.close();
    }

    private AttentionView attention(String prompt) {
        h.press("Alt+2");
        AttentionView view = assertInstanceOf(AttentionView.class, fx(() -> h.window.present()).orElseThrow());
        WindowHarness.run(() -> {
            view.model().promptProperty().set(prompt);
            view.model().run();
        });
        h.await("a capture", () -> view.model().captureState().state() instanceof ViewState.Result<?>);
        h.settle();
        return view;
    }

    @Test
    void startsOnTheStartPageWithNothingOpen() {
        assertTrue(h.shows("Look inside a model"));
        assertTrue(h.shows("None open"));
        assertTrue(fx(() -> h.window.present()).isEmpty());
        assertTrue(h.shows("Details of what you select appear here."));
    }

    @Test
    void opensAFolderByItsKeyAndShowsItsAnatomy() {
        h.answers.folder = LLAMA;
        h.press("Shortcut+O");
        h.await("the checkpoint", () -> h.window.present().isPresent());
        View view = fx(() -> h.window.present()).orElseThrow();
        assertEquals(ViewKind.ANATOMY, view.kind());
        assertEquals("llama-gqa", view.subject().orElseThrow().name());
        assertEquals("llama-gqa – Vitrine", fx(() -> h.stage.getTitle()));
        List<NavigatorRow> rows = fx(() -> h.window.navigator().rows());
        assertEquals(1, rows.size());
        assertTrue(rows.getFirst().selectedProperty().get());
    }

    @Test
    void anotherSubjectIsShownByAClickAndClosedByDelete() {
        h.open(LLAMA, GPT2);
        assertEquals("gpt2", fx(() -> h.window.present()).orElseThrow().subject().orElseThrow().name());
        WindowHarness.click(fx(() -> h.window.navigator().rows().getFirst()));
        assertEquals("llama-gqa", fx(() -> h.window.present()).orElseThrow().subject().orElseThrow().name());
        WindowHarness.run(() -> h.window.navigator().rows().getFirst().requestFocus());
        h.press("Delete");
        assertEquals("gpt2", fx(() -> h.window.present()).orElseThrow().subject().orElseThrow().name());
        h.press("Shortcut+W");
        assertTrue(h.shows("Look inside a model"));
    }

    @Test
    void whatCannotBeOpenedSaysWhyAndTouchesNothing() {
        h.open(LLAMA);
        View before = fx(() -> h.window.present()).orElseThrow();
        h.open(TRUNCATED);
        assertSame(before, fx(() -> h.window.present()).orElseThrow());
        assertEquals("llama-gqa", before.subject().orElseThrow().name());
        assertEquals(2, fx(() -> h.window.navigator().rows()).size());
        assertTrue(h.shows("data_truncated.safetensors"));
        assertTrue(h.shows("It needs the data up to byte 64, the file holds 52 of it"), "the inspector names the numbers");
        assertTrue(h.shows("Retry"));
    }

    @Test
    void thingsOpenedAreRememberedForTheNextStart() throws Exception {
        h.open(LLAMA);
        h.settle();
        h.close();
        h = WindowHarness.real(home);
        h.await("the recent list", () -> !h.services.workspace().recent().isEmpty());
        assertEquals("llama-gqa", fx(() -> h.services.workspace().recent().getFirst().name()));
        assertEquals(1, fx(() -> h.window.startPage().recentRows()).size());
        h.press("Shortcut+1");
        h.await("the checkpoint", () -> h.window.present().isPresent());
    }

    @Test
    void promptShowsAttentionAndIsRememberedPerCheckpoint() throws Exception {
        h.open(LLAMA);
        AttentionView view = attention("The lantern over the wall");
        assertTrue(view.model().capture().orElseThrow().tokens().size() >= 2);
        assertTrue(h.shows("Layer 0, head 0"));
        h.close();
        h = WindowHarness.real(home);
        h.open(LLAMA);
        h.press("Alt+2");
        AttentionView again = assertInstanceOf(AttentionView.class, fx(() -> h.window.present()).orElseThrow());
        h.await("the remembered prompt", () -> again.model().captureState().state() instanceof ViewState.Result<?>);
        assertEquals("The lantern over the wall", fx(() -> again.model().promptProperty().get()));
    }

    @Test
    void paletteFindsCommandsAndHeads() {
        h.open(LLAMA);
        AttentionView view = attention("The lantern over the wall");
        h.press("Shortcut+K");
        typed("layer 1 head 2");
        h.press("Enter");
        assertEquals(new HeadId(1, 2), fx(() -> view.model().headProperty().get()));
        assertFalse(h.shows("Nothing is called that."));
        h.press("Shortcut+K");
        typed("dark and light");
        h.press("Enter");
        assertEquals(Theme.LIGHT, fx(() -> h.services.themes().themeProperty().get()));
        h.press("Shortcut+K");
        typed("zzzz");
        assertTrue(h.shows("Nothing is called that."));
        h.press("Esc");
        assertFalse(h.shows("Nothing is called that."));
    }

    @Test
    void paletteLeadsToATensorFromWhereverOneIs() {
        h.open(LLAMA);
        h.settle();
        AnatomyView anatomy = assertInstanceOf(AnatomyView.class, fx(() -> h.window.present()).orElseThrow());
        h.press("Alt+2");
        h.press("Shortcut+K");
        typed("l1 gate_proj");
        h.press("Enter");
        assertSame(anatomy, fx(() -> h.window.present()).orElseThrow());
        assertEquals("model.layers.1.mlp.gate_proj.weight", fx(() -> anatomy.model().selectedProperty().get()));
    }

    private void typed(String text) {
        WindowHarness.run(() -> {
            Node focus = h.window.scene().getFocusOwner();
            assertInstanceOf(javafx.scene.control.TextField.class, focus).setText(text);
        });
    }

    @Test
    void tabsWithoutAViewSayWhy() {
        h.open(LLAMA);
        h.press("Alt+3");
        assertTrue(h.shows("No routing here: llama-gqa has no experts. Open a mixture-of-experts checkpoint, such as moe-mini."));
        h.press("Alt+7");
        assertTrue(h.shows("llama-gqa is the only checkpoint here. Open another, or an adapter of it, to compare."));
        assertEquals(ViewKind.COMPARE, fx(() -> h.window.present()).orElseThrow().kind());
        h.press("Alt+1");
        assertTrue(fx(() -> h.window.present()).isPresent());
    }

    @Test
    void aCheckpointIsComparedWithAnotherFromTheNavigator() {
        h.open(LLAMA, LORA);
        WindowHarness.run(() -> {
            var menu = h.window.navigator().compareMenu(h.services.workspace().checkpoints().getFirst());
            assertEquals(List.of("lora-llama"), menu.getItems().stream().map(javafx.scene.control.MenuItem::getText).toList());
            menu.getItems().getFirst().getOnAction().handle(null);
        });
        CompareView view = assertInstanceOf(CompareView.class, fx(() -> h.window.present()).orElseThrow());
        assertEquals("llama-gqa", fx(() -> view.model().aProperty().get().name()));
        assertEquals("llama-gqa + lora-llama", fx(() -> view.model().bProperty().get().name()));
        assertTrue(fx(() -> view.task()).isPresent(), "it is asked for at once");
    }

    @Test
    void ranksAreComputedInTheirTab() {
        h.open(LLAMA);
        h.press("Alt+4");
        RankView view = assertInstanceOf(RankView.class, fx(() -> h.window.present()).orElseThrow());
        assertTrue(h.shows("Compute spectra"));
        WindowHarness.run(() -> view.model().compute());
        h.settle();
        h.await("the singular values", () -> view.model().settled());
        assertTrue(h.shows("Cumulative energy"));
        assertTrue(h.shows("Layer 0, q_proj"));
        assertEquals(23, fx(() -> view.places()).size());
        assertTrue(fx(() -> view.csv()).startsWith("checkpoint,name,kind"));
        h.open(BAD.resolve("adapter/valid"));
        h.press("Alt+4");
        assertTrue(h.shows("is an adapter. Open its base to see ranks."));
    }

    @Test
    void openTextsAreOfferedToMeasureOver() throws Exception {
        Path text = java.nio.file.Files.writeString(home.resolve("mine.txt"), "The lantern over the wall");
        h.open(LLAMA);
        h.press("Alt+4");
        RankView view = assertInstanceOf(RankView.class, fx(() -> h.window.present()).orElseThrow());
        h.open(text);
        h.press("Alt+4");
        assertTrue(fx(() -> view.model().texts().stream().anyMatch(t -> t.name().equals("mine.txt"))));
        WindowHarness.run(() -> {
            view.model().modeProperty().set(RankViewModel.Mode.CACHE);
            view.model().compute();
        });
        h.settle();
        assertTrue(h.shows("Layers × heads of k"));
    }

    @Test
    void adapterOnItsOpenBaseIsShownWithItAndWrittenWithFewerRanks() throws Exception {
        h.open(LLAMA, REFERENCE.resolve("lora-llama"));
        LoraView view = assertInstanceOf(LoraView.class, fx(() -> h.window.present()).orElseThrow());
        h.settle();
        assertTrue(h.shows("base matches"));
        assertEquals(6, fx(() -> view.places()).size());
        Path target = home.resolve("cut");
        WindowHarness.run(() -> {
            view.model().rankProperty().set(2);
            view.model().writeCut(target);
        });
        h.settle();
        h.await("the folder", () -> h.shows("Wrote cut"));
        try (var files = java.nio.file.Files.list(target)) {
            assertEquals(List.of("README.md", "adapter_config.json", "adapter_model.safetensors"), files.map(f -> f.getFileName().toString()).sorted().toList());
        }
        h.open(target);
        h.press("Alt+5");
        h.settle();
        assertTrue(h.shows("r 2, alpha 2"));
        h.press("Alt+4");
        assertTrue(h.shows("is an adapter. Open its base to see ranks."));
    }

    @Test
    void adapterOpensInAnatomyAndAttentionTellsToOpenItsBase() {
        h.open(BAD.resolve("adapter/valid"));
        assertEquals(ViewKind.ANATOMY, fx(() -> h.window.present()).orElseThrow().kind());
        h.press("Alt+2");
        assertTrue(h.shows("is an adapter. Open its base"));
    }

    @Test
    void pinnedViewKeepsItsSubject() {
        h.open(LLAMA);
        AttentionView view = attention("The lantern over the wall");
        h.press("Shortcut+Shift+P");
        h.open(GPT2);
        assertEquals("gpt2", fx(() -> h.window.present()).orElseThrow().subject().orElseThrow().name());
        WindowHarness.run(() -> h.window.tabs().choose(h.window.tabs().pinned().getFirst()));
        assertSame(view, fx(() -> h.window.present()).orElseThrow());
        assertEquals("llama-gqa", view.subject().orElseThrow().name());
        h.press("Shortcut+W");
        assertTrue(fx(() -> h.window.tabs().pinned()).isEmpty());
    }

    @Test
    void exportsWhatIsShownAsPngSvgAndCsv() throws Exception {
        h.open(LLAMA);
        AttentionView view = attention("The lantern over the wall");
        Node body = fx(view::body);
        Node home = fx(body::getParent);
        h.answers.target = this.home.resolve("a.png");
        h.press("Shortcut+Shift+E");
        BufferedImage image = ImageIO.read(h.answers.target.toFile());
        assertEquals(Math.ceil(2 * (fx(() -> ((javafx.scene.layout.Region) body).getWidth()) + 32)), image.getWidth(), 1);
        assertEquals(0xffffffff, image.getRGB(3, 3), "exports are on white");
        h.answers.target = this.home.resolve("a.svg");
        h.press("Shortcut+Alt+E");
        var document = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(Files.readString(h.answers.target))));
        assertEquals("svg", document.getDocumentElement().getNodeName());
        assertTrue(document.getElementsByTagName("path").getLength() > 100);
        h.answers.target = this.home.resolve("a.csv");
        WindowHarness.run(() -> h.window.commands().named("Export numbers as CSV").run());
        assertTrue(Files.readString(h.answers.target).lines().count() > 10);
        assertEquals("capture", Json.mapper().readTree(this.home.resolve("a.json").toFile()).get("task").get("kind").asText());
        assertSame(home, fx(body::getParent), "the view is back in its place");
        assertEquals(Theme.DARK, fx(() -> h.services.themes().themeProperty().get()));
    }

    @Test
    void exportsAViewThatWasChosenThisMoment() throws Exception {
        h.open(LLAMA);
        h.settle();
        h.answers.target = home.resolve("now.png");
        WindowHarness.run(() -> {
            h.window.tabs().choose(ViewKind.RANK);
            h.window.tabs().choose(ViewKind.ANATOMY);
            h.window.commands().named("Export as PNG").run();
        });
        BufferedImage image = ImageIO.read(h.answers.target.toFile());
        assertTrue(image.getWidth() > 600 && image.getHeight() > 400, image.getWidth() + " x " + image.getHeight());
    }

    @Test
    void aFileThatCannotBeWrittenIsTold() throws Exception {
        h.open(LLAMA);
        h.answers.target = Files.createFile(home.resolve("in-the-way")).resolve("a.png");
        h.press("Shortcut+Shift+E");
        assertTrue(h.shows("a.png could not be written"));
        h.press("Esc");
    }

    @Test
    void textIsAPromptAndHasAPerplexity() throws Exception {
        Path text = Files.writeString(home.resolve("words.txt"), "The lantern over the wall went out");
        h.open(LLAMA, text);
        assertTrue(h.shows("Use as prompt"));
        WindowHarness.run(() -> ((javafx.scene.control.Button) button("Perplexity on this text")).fire());
        h.settle();
        h.await("the figure", () -> h.texts().contains("Loss"));
        javafx.scene.control.Button unevenly = (javafx.scene.control.Button) button("How unevenly weights count");
        WindowHarness.run(() -> ((javafx.scene.control.Button) button("Use as prompt")).fire());
        h.settle();
        AttentionView view = assertInstanceOf(AttentionView.class, fx(() -> h.window.present()).orElseThrow());
        assertEquals("The lantern over the wall went out", fx(() -> view.model().promptProperty().get()));
        // A map of an evaluation is a tab of its own.
        WindowHarness.run(unevenly::fire);
        h.await("the map", () -> h.window.present().orElse(null) instanceof vitrine.views.evaluation.EvaluationView);
        assertTrue(h.shows("Heterogeneity"));
    }

    private Node button(String text) {
        return h.window.scene().getRoot().lookupAll(".button").stream().filter(n -> n instanceof javafx.scene.control.Button b && text.equals(b.getText())).findFirst().orElseThrow();
    }

    @Test
    void hubCacheIsBrowsedWhenItsRootIsOpened() {
        h.open(REFERENCE.resolve("fmt-hf-cache/hub"));
        h.await("the entries", () -> h.texts().contains("vitrine/tiny-llama"));
        h.press("Enter");
        h.await("the model", () -> h.window.present().isPresent());
        assertEquals("tiny-llama", fx(() -> h.window.present()).orElseThrow().subject().orElseThrow().name());
    }

    @Test
    void captureMadeBeforeOpensWithoutItsCheckpoint() throws Exception {
        h.open(LLAMA);
        AttentionView view = attention("The lantern over the wall");
        Path artifact = Files.list(home.resolve("artifacts")).filter(p -> Files.exists(p.resolve("manifest.json"))
                && contains(p.resolve("manifest.json"), "\"capture\"")).findFirst().orElseThrow();
        h.open(artifact);
        AttentionView made = assertInstanceOf(AttentionView.class, fx(() -> h.window.present()).orElseThrow());
        assertTrue(made.subject().isEmpty());
        assertEquals(fx(() -> view.model().capture().orElseThrow().tokens()), fx(() -> made.model().capture().orElseThrow().tokens()));
    }

    private static boolean contains(Path file, String text) {
        try {
            return Files.readString(file).contains(text);
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void everyNumberInTheWindowSaysWhereItComesFrom() {
        h.open(LLAMA, TRUNCATED);
        audit();
        attention("The lantern over the wall");
        audit();
        h.press("Shortcut+J");
        audit();
        h.press("Shortcut+K");
        audit();
    }

    private void audit() {
        h.settle();
        assertEquals(List.of(), fx(() -> {
            h.window.scene().getRoot().applyCss();
            h.window.scene().getRoot().layout();
            return ProvenanceAudit.untagged(h.window.scene().getRoot()).stream().map(u -> u.shown() + " at " + u.path()).toList();
        }));
    }

    @Test
    void narrowWindowsKeepTheMiddleAndLayTheInspectorOverIt() {
        h.open(LLAMA);
        h.resize(1100, 700);
        assertFalse(fx(() -> h.window.frame().inspectorSeen()));
        h.press("Shortcut+I");
        assertTrue(fx(() -> h.window.frame().inspectorSeen()));
        h.press("Shortcut+I");
        h.press("Shortcut+B");
        assertFalse(fx(() -> h.window.frame().navigatorShownProperty().get()));
        h.press("Shortcut+Back Slash");
        assertTrue(fx(() -> h.window.frame().navigatorShownProperty().get()));
    }

    @Test
    void escapeReleasesWhatIsLocked() {
        h.open(LLAMA);
        AttentionView view = attention("The lantern over the wall");
        WindowHarness.run(() -> view.model().queryProperty().set(2));
        h.press("Esc");
        assertEquals(-1, fx(() -> view.model().queryProperty().get()));
    }

    @Test
    void openingTheSamePathAgainReadsItAnew() throws Exception {
        Path copy = Files.createDirectories(home.resolve("copy"));
        for (String f : List.of("config.json", "model.safetensors", "tokenizer.json")) {
            Files.copy(LLAMA.resolve(f), copy.resolve(f));
        }
        h.open(copy);
        assertNull(fx(() -> h.window.present()).orElseThrow().subject().orElseThrow().anatomy().obstacle());
        Files.delete(copy.resolve("config.json"));
        h.open(copy);
        assertNotNull(fx(() -> h.window.present()).orElseThrow().subject().orElseThrow().anatomy().obstacle());
        assertEquals(1, fx(() -> h.window.navigator().rows()).size());
    }
}
