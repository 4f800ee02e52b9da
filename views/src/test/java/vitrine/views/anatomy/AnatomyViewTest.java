package vitrine.views.anatomy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javafx.scene.Node;
import javafx.scene.Scene;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.TableColumn;
import javafx.scene.control.TableRow;
import javafx.scene.control.TableView;
import javafx.scene.input.KeyCode;
import javafx.scene.text.Text;
import javafx.stage.Stage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.architecture.Part;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.engine.Ending;
import vitrine.core.engine.EngineEvent;
import vitrine.core.tensor.Shape;
import vitrine.views.anatomy.DiagramLayout.Mark;
import vitrine.views.anatomy.DiagramLayout.Place;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.FigureFile;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Theme;
import vitrine.views.control.EmptyState;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.NumberLabel;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.testing.FxThread;
import vitrine.views.view.Subject;

class AnatomyViewTest {

    @TempDir
    Path dir;

    private AnatomyView view;
    private AnatomyViewModel model;
    private Scene scene;
    private Stage stage;

    @AfterEach
    void close() {
        if (stage != null) {
            FxThread.run(stage::close);
        }
    }

    private void show(Subject subject) {
        show(subject, new TaskBoard(new Engines.AtOnce(dir), Runnable::run), 1440, 900);
    }

    private void show(Subject subject, TaskBoard board, int width, int height) {
        FxThread.run(() -> {
            model = new AnatomyViewModel(board, Runnable::run, Runnable::run);
            view = new AnatomyView(model);
            if (subject != null) {
                view.show(subject);
            }
            scene = AnatomyPictures.frame(view, Theme.DARK, width, height);
            stage = Gestures.show(scene);
        });
    }

    private FigureCanvas figure(String id) {
        return (FigureCanvas) scene.lookup("#" + id);
    }

    private Place place(String text) {
        FigureCanvas canvas = figure("diagram");
        return view.diagram().diagram().layout(canvas.getWidth(), canvas.getHeight(), canvas.surface()).places().stream().filter(p -> p.text().equals(text)).findFirst().orElseThrow();
    }

    private void clickBox(String text) {
        FxThread.run(() -> {
            Place p = place(text);
            Gestures.click(figure("diagram"), p.x() + p.w() / 2, p.y() + p.h() / 2);
            Gestures.layOut(scene);
        });
    }

    private String selected() {
        return FxThread.get(() -> model.selectedProperty().get());
    }

    private static <N extends Node> List<N> all(Node root, Class<N> type) {
        List<N> found = new ArrayList<>();
        collect(root, type, found);
        return found;
    }

    private static <N extends Node> void collect(Node at, Class<N> type, List<N> found) {
        if (!at.isVisible()) {
            return;
        }
        if (type.isInstance(at)) {
            found.add(type.cast(at));
        }
        if (at instanceof javafx.scene.Parent p) {
            p.getChildrenUnmodifiable().forEach(c -> collect(c, type, found));
        }
    }

    // --- gestures

    @Test
    void aClickOnABoxSelectsItsTensorEverywhere() {
        show(Cases.reference("llama-gqa"));
        clickBox("gate_proj");
        assertEquals("model.layers.0.mlp.gate_proj.weight", selected());
        FxThread.run(() -> {
            TensorRow row = view.tensors().table().getSelectionModel().getSelectedItem();
            assertEquals("model.layers.0.mlp.gate_proj.weight", ((TensorRow.Leaf) row).tensor().name());
            assertEquals("gate_proj.weight", ((Label) view.inspector().lookup(".vt-inspector-title")).getText());
            assertEquals("model.layers.0.mlp.gate_proj.weight", ((FileStrip) figure("file-layout").getFigure()).selectedProperty().get());
        });
    }

    @Test
    void anotherClickOnTheSameBoxSelectsItsBias() {
        show(Cases.reference("gpt2"));
        clickBox("q0");
        assertEquals("transformer.h.0.attn.c_attn.weight", selected());
        clickBox("q0");
        assertEquals("transformer.h.0.attn.c_attn.bias", selected());
        clickBox("q0");
        assertEquals("transformer.h.0.attn.c_attn.weight", selected());
    }

    @Test
    void theStepperGoesToALayer() {
        show(Cases.reference("llama-gqa"));
        FxThread.run(() -> {
            FigureCanvas canvas = figure("diagram");
            Mark.Step two = view.diagram().diagram().layout(canvas.getWidth(), canvas.getHeight(), canvas.surface()).marks().stream()
                    .filter(m -> m instanceof Mark.Step s && s.layer() == 2).map(Mark.Step.class::cast).findFirst().orElseThrow();
            Gestures.click(canvas, two.x() + 4, two.y() + 4);
        });
        assertEquals(2, FxThread.get(() -> model.layerProperty().get()));
        clickBox("k1");
        assertEquals("model.layers.2.self_attn.k_proj.weight", selected());
    }

    @Test
    void arrowsWalkThroughTheDiagram() {
        show(Cases.reference("llama-gqa"));
        FxThread.run(() -> {
            FigureCanvas canvas = figure("diagram");
            assertTrue(canvas.isFocusTraversable());
            for (int i = 0; i < 3; i++) {
                Gestures.key(canvas, KeyCode.DOWN);
            }
        });
        assertEquals("model.layers.0.self_attn.q_proj.weight", selected());
        FxThread.run(() -> Gestures.key(figure("diagram"), KeyCode.RIGHT));
        assertEquals("model.layers.1.self_attn.q_proj.weight", selected());
        FxThread.run(() -> Gestures.key(figure("diagram"), KeyCode.UP));
        assertEquals("model.layers.1.input_layernorm.weight", selected());
    }

    @Test
    void searchFiltersTheTableAndSaysHowMany() {
        show(Cases.reference("llama-gqa"));
        FxThread.run(() -> {
            view.find();
            assertTrue(view.tensors().search().field().isFocused());
            view.tensors().search().field().setText("o_proj");
            assertEquals(List.of("layers.0", "o_proj", "layers.1", "o_proj", "layers.2", "o_proj"), view.tensors().table().getItems().stream().map(TensorRow::label).toList());
            assertTrue(all(view.tensors().node(), Label.class).stream().anyMatch(l -> "3 of 30".equals(l.getText())));
            view.tensors().search().field().setText("no such name");
            Gestures.layOut(scene);
            assertTrue(all(view.tensors().table(), Label.class).stream().anyMatch(l -> "No tensor matches no such name.".equals(l.getText())));
        });
    }

    @Test
    void aClickOnAShareListsOnlyThatPart() {
        show(Cases.reference("llama-gqa"));
        FxThread.run(() -> {
            FigureCanvas share = figure("share");
            // The bar: embedding 28,672 of 180,672 parameters, then queries.
            Gestures.click(share, share.getWidth() * (28_672 + 6_000) / 180_672, 10);
            assertEquals(Part.QUERY, model.partProperty().get());
            assertEquals(3, model.matchesProperty().get());
            Gestures.layOut(scene);
            ((Button) scene.lookup("#part-filter")).fire();
            assertNull(model.partProperty().get());
            assertEquals(30, model.matchesProperty().get());
        });
    }

    @Test
    void theFileStripTellsAndSelectsWhatIsUnderThePointer() {
        Subject s = Cases.reference("llama-gqa");
        show(s);
        var entry = s.anatomy().checkpoint().tensor("model.embed_tokens.weight").orElseThrow();
        FxThread.run(() -> {
            FigureCanvas strip = figure("file-layout");
            double x = strip.getWidth() * (entry.offset() + entry.bytes() / 2.0) / s.anatomy().checkpoint().fileBytes();
            Gestures.hover(strip, x, 12);
            assertEquals("model.embed_tokens · offset " + Numbers.count(entry.offset()) + " · 112" + Numbers.THIN_SPACE + "KiB", ((FileStrip) strip.getFigure()).told());
            Gestures.hover(strip, 1, 12);
            assertEquals("header, " + Numbers.count(s.anatomy().checkpoint().files().getFirst().headerBytes()) + " B", ((FileStrip) strip.getFigure()).told());
            Gestures.click(strip, x, 12);
        });
        assertEquals("model.embed_tokens.weight", selected());
    }

    @Test
    void theTableSelectsWithArrowsAndOpensLayersWithKeys() {
        show(Cases.reference("llama-gqa"));
        FxThread.run(() -> {
            TableView<TensorRow> table = view.tensors().table();
            table.getSelectionModel().clearAndSelect(2);
            assertEquals("model.layers.0.input_layernorm.weight", model.selectedProperty().get());
            Gestures.key(table, KeyCode.LEFT);
            assertEquals("layers.0", table.getSelectionModel().getSelectedItem().label());
            int open = table.getItems().size();
            Gestures.key(table, KeyCode.LEFT);
            assertEquals(open - 9, table.getItems().size());
            assertEquals("model.layers.0.input_layernorm.weight", model.selectedProperty().get(), "closing a layer selects nothing else");
            Gestures.key(table, KeyCode.RIGHT);
            assertEquals(open, table.getItems().size());
        });
    }

    @Test
    void aClickOnAHeadOfAColumnSortsAFlatList() {
        show(Cases.reference("llama-gqa"));
        FxThread.run(() -> {
            TableView<TensorRow> table = view.tensors().table();
            TableColumn<TensorRow, ?> params = table.getColumns().stream().filter(c -> c.getText().equals("Params")).findFirst().orElseThrow();
            params.setSortType(TableColumn.SortType.DESCENDING);
            table.getSortOrder().setAll(List.of(params));
            assertEquals(30, table.getItems().size());
            assertEquals(28_672, ((TensorRow.Leaf) table.getItems().getFirst()).tensor().elements());
            table.getSortOrder().clear();
            assertEquals("layers.0", table.getItems().get(1).label());
        });
    }

    // --- figures

    @Test
    void theInspectorShowsTheFiguresOfAPlainLoop() throws IOException {
        Subject s = Cases.reference("llama-gqa");
        show(s);
        clickBox("up_proj");
        float[] values = Cases.floats(s.anatomy().checkpoint().tensor("model.layers.0.mlp.up_proj.weight").orElseThrow());
        double sum = 0;
        for (float v : values) {
            sum += v;
        }
        double mean = sum / values.length;
        double squares = 0;
        for (float v : values) {
            squares += (v - mean) * (v - mean);
        }
        double deviation = Math.sqrt(squares / values.length);
        List<String> shown = FxThread.get(() -> all(view.inspector(), NumberLabel.class).stream().map(n -> n.quantity().text()).toList());
        assertTrue(shown.contains(Numbers.general(mean)), shown + " lacks " + mean);
        assertTrue(shown.contains(Numbers.general(deviation)), shown + " lacks " + deviation);
        assertTrue(shown.contains("10,240"));
        FxThread.run(() -> assertNotNull(view.inspector().lookup("#histogram")));
    }

    @Test
    void tilesShowTheFiguresOfTheAnatomy() throws IOException {
        show(Cases.reference("llama-gqa"));
        List<String> shown = FxThread.get(() -> all(view.body(), NumberLabel.class).stream().filter(n -> n.lookup(".vt-figure-text") != null).map(n -> n.quantity().exact()).toList());
        long file = java.nio.file.Files.size(Cases.reference("llama-gqa").anatomy().checkpoint().files().getFirst().path());
        assertEquals(List.of("180672", Long.toString(file), "722688", "49152"), shown.subList(0, 4).stream().map(t -> t.split(" ")[0]).toList());
    }

    @Test
    void exportDrawsTheSameDiagramAndShowsTheSelection() {
        show(Cases.reference("llama-gqa"));
        String before = FxThread.get(() -> FigureFile.of(figure("diagram"), "").svg());
        clickBox("gate_proj");
        String after = FxThread.get(() -> FigureFile.of(figure("diagram"), "").svg());
        assertTrue(before.startsWith("<?xml") || before.contains("<svg"), before.substring(0, 60));
        assertNotEquals(before, after);
        int[] inks = FxThread.get(() -> {
            var image = FigureFile.of(figure("diagram"), "").bitmap(1);
            return image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
        });
        assertTrue(java.util.Arrays.stream(inks).distinct().count() > 20, "the picture is blank");
    }

    // --- provenance

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gemma2", "bert", "gpt-neox", "phi3"})
    void everyNumberSaysWhereItComesFrom(String name) {
        show(Cases.reference(name), new TaskBoard(new Engines.AtOnce(dir), Runnable::run), 2560, 1440);
        audit();
        FxThread.run(() -> model.selectedProperty().set(model.indexProperty().get().lines().getFirst().name()));
        audit();
        FxThread.run(() -> {
            model.partProperty().set(Part.QUERY);
            Gestures.layOut(scene);
        });
        audit();
    }

    private void audit() {
        assertEquals(List.of(), FxThread.get(() -> {
            List<ProvenanceAudit.Untold> found = new ArrayList<>(ProvenanceAudit.untagged(view.body()));
            found.addAll(ProvenanceAudit.untagged(view.inspector()));
            found.addAll(ProvenanceAudit.unexplained(view.body()));
            found.addAll(ProvenanceAudit.unexplained(view.inspector()));
            view.headerControls().forEach(n -> found.addAll(ProvenanceAudit.untagged(n)));
            return found;
        }));
        // The audit has seen the view itself, not an empty scene.
        assertTrue(FxThread.get(() -> all(view.body(), Text.class).stream().filter(t -> t.getText().chars().anyMatch(Character::isDigit)).count()) > 20);
    }

    @Test
    void everyNumberOfAnAdapterSaysWhereItComesFrom() throws IOException {
        show(adapter());
        audit();
        FxThread.run(() -> {
            assertEquals(List.of("layers.0.self_attn.q_proj", "layers.0.self_attn.v_proj", "layers.1.self_attn.q_proj"),
                    ((TableView<?>) scene.lookup("#modules")).getItems().stream().map(m -> ((AdapterModules) m).shortName()).toList());
            ((TableView<?>) scene.lookup("#modules")).getSelectionModel().clearAndSelect(1);
            assertEquals("base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight", model.selectedProperty().get());
        });
        audit();
    }

    /// An adapter of three modules, the last without its second factor.
    private Subject adapter() throws IOException {
        Map<String, Shape> tensors = new LinkedHashMap<>();
        String p = "base_model.model.model.layers.";
        tensors.put(p + "0.self_attn.q_proj.lora_A.weight", Shape.of(8, 64));
        tensors.put(p + "0.self_attn.q_proj.lora_B.weight", Shape.of(64, 8));
        tensors.put(p + "0.self_attn.v_proj.lora_A.weight", Shape.of(8, 64));
        tensors.put(p + "0.self_attn.v_proj.lora_B.weight", Shape.of(16, 8));
        tensors.put(p + "1.self_attn.q_proj.lora_A.weight", Shape.of(8, 64));
        tensors.put(p + "1.mlp.lora_magnitude", Shape.of(2));
        Path folder = java.nio.file.Files.createDirectory(dir.resolve("adapter"));
        Cases.sparse(folder.resolve("adapter_model.safetensors"), tensors.entrySet().stream().filter(e -> !e.getKey().contains("magnitude"))
                .collect(java.util.stream.Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue, (a, b) -> a, LinkedHashMap::new)));
        java.nio.file.Files.writeString(folder.resolve("adapter_config.json"), "{\"peft_type\":\"LORA\",\"r\":8,\"lora_alpha\":16,\"target_modules\":[\"q_proj\"],\"base_model_name_or_path\":\"hub/base\"}");
        return new Subject(Anatomy.of(Checkpoints.open(folder)));
    }

    @Test
    void theAuditWouldFindAFigureWithoutOrigin() {
        show(Cases.reference("llama-gqa"));
        FxThread.run(() -> {
            // Beside the cards, as a forgotten label would stand.
            ((javafx.scene.layout.StackPane) view.body().getParent()).getChildren().add(new Label("42 planted"));
            Gestures.layOut(scene);
            assertEquals(List.of("42 planted"), ProvenanceAudit.untagged(view.body().getParent()).stream().map(ProvenanceAudit.Untold::shown).toList());
        });
    }

    @Test
    void takingAwayATagIsFound() {
        show(Cases.reference("llama-gqa"));
        FxThread.run(() -> {
            Node tile = all(view.body(), vitrine.views.control.MetricTile.class).getFirst();
            tile.getProperties().clear();
            all(tile, NumberLabel.class).forEach(n -> n.getProperties().clear());
            assertTrue(ProvenanceAudit.untagged(view.body()).stream().anyMatch(u -> u.shown().equals("180,672")));
        });
    }

    // --- states

    @Test
    void withoutACheckpointEachPanelSaysWhatWouldFillIt() {
        show(null);
        FxThread.run(() -> {
            assertTrue(all(view.body(), EmptyState.class).size() >= 3);
            assertEquals("", view.command());
            assertEquals("", view.csv());
            assertTrue(view.headerControls().stream().noneMatch(Node::isVisible));
        });
        audit0();
    }

    private void audit0() {
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.untagged(view.body())));
    }

    @Test
    void largeCheckpointsOfferToReadValuesShowProgressAndCancel() throws IOException {
        Engines.Held held = new Engines.Held();
        Map<String, Shape> tensors = new LinkedHashMap<>();
        tensors.put("big.weight", Shape.of(8192, 5120));
        Subject s = Cases.open(Cases.sparse(dir.resolve("large.safetensors"), tensors));
        show(s, new TaskBoard(held, Runnable::run), 1440, 900);
        FxThread.run(() -> ((Button) scene.lookup("#read-values")).fire());
        assertEquals(1, held.handles.size());
        FxThread.run(() -> {
            held.listeners.getFirst().accept(new EngineEvent.Progress(20L << 20, 80L << 20, "bytes"));
            assertNull(scene.lookup("#read-values"));
            // The bar appears after a second; it is there already.
            Node row = scene.lookup("#reading-values");
            row.setVisible(true);
            assertTrue(all(row, Label.class).getFirst().getText().startsWith("20.0" + Numbers.THIN_SPACE + "MiB of 80.0" + Numbers.THIN_SPACE + "MiB"), all(row, Label.class).getFirst().getText());
            all(row, Button.class).getFirst().fire();
        });
        assertTrue(held.last().isCancelled());
        FxThread.run(() -> {
            held.last().ending().complete(new Ending.Cancelled());
            assertNotNull(scene.lookup("#read-values"), "it can be asked for again");
        });
    }

    @Test
    void aFailedReadingStandsInTheInspectorAndCanBeTriedAgain() throws IOException {
        Engines.Held held = new Engines.Held();
        show(Cases.open(Cases.sparse(dir.resolve("large.safetensors"), Map.of("big.weight", Shape.of(8192, 5120)))), new TaskBoard(held, Runnable::run), 1440, 900);
        FxThread.run(() -> {
            model.selectedProperty().set("big.weight");
            held.last().ending().complete(new Ending.Failed(Ending.Cause.CRASHED, "signal 11"));
            ErrorCard card = all(view.inspector(), ErrorCard.class).getFirst();
            all(card, Button.class).stream().filter(b -> b.getText().equals("Retry")).findFirst().orElseThrow().fire();
        });
        assertEquals(2, held.handles.size());
    }

    @Test
    void anUnknownFamilySaysWhyThereIsNoDiagram() throws IOException {
        show(Cases.open(Cases.write(dir.resolve("lone.safetensors"), Map.of("w", new float[] {1, 2}))));
        FxThread.run(() -> {
            assertTrue(all(view.diagram().node(), Label.class).getFirst().getText().contains("there is no config.json"));
            assertTrue(((Button) scene.lookup("#warnings")).getText().startsWith("1 warning"));
        });
        audit0();
    }

    @Test
    void notFiniteValuesAreWarnedOfInHeaderAndInspector() throws IOException {
        show(Cases.open(Cases.write(dir.resolve("bad.safetensors"), Map.of("bad", new float[] {1, Float.NaN}))));
        FxThread.run(() -> {
            assertEquals("2 warnings", ((Button) scene.lookup("#warnings")).getText());
            model.selectedProperty().set("bad");
            assertTrue(((Label) view.inspector().lookup("#non-finite")).getText().startsWith("1 NaN, 0 infinite of 2"));
        });
    }

    @Test
    void oddNamesAreMadeVisible() throws IOException {
        show(Cases.open(Cases.write(dir.resolve("odd.safetensors"), Map.of("evil\u202egnp\n.weight", new float[] {1}))));
        FxThread.run(() -> model.selectedProperty().set("evil\u202egnp\n.weight"));
        Set<String> raw = FxThread.get(() -> all(scene.getRoot(), Text.class).stream().map(Text::getText).filter(t -> t.contains("\u202e") || t.contains("gnp\n")).collect(java.util.stream.Collectors.toSet()));
        assertEquals(Set.of(), raw);
        assertTrue(FxThread.get(() -> all(scene.getRoot(), Text.class).stream().anyMatch(t -> t.getText().contains("evil\\u202egnp\\n"))));
    }

    // --- size

    @Test
    void aHundredThousandTensorsMakeOnlyTheVisibleRows() throws IOException {
        Map<String, Shape> tensors = new LinkedHashMap<>();
        for (int l = 0; l < 100; l++) {
            for (int e = 0; e < 1000; e++) {
                tensors.put("model.layers." + l + ".mlp.experts." + e + ".up_proj.weight", Shape.of(1));
            }
        }
        Subject s = Cases.open(Cases.sparse(dir.resolve("many.safetensors"), tensors));
        List<Runnable> background = java.util.Collections.synchronizedList(new ArrayList<>());
        FxThread.run(() -> {
            model = new AnatomyViewModel(new TaskBoard(new Engines.Held(), Runnable::run), background::add, Runnable::run);
            view = new AnatomyView(model);
            scene = AnatomyPictures.frame(view, Theme.DARK, 1440, 900);
            stage = Gestures.show(scene);
            view.show(s);
            assertEquals(1, background.size(), "listing is work for another thread");
            assertTrue(view.tensors().table().getItems().isEmpty());
        });
        // What the window does on its pool is done on this thread; only the results go to the JavaFX thread.
        while (!background.isEmpty()) {
            Runnable work = background.removeFirst();
            FxThread.run(work);
        }
        FxThread.run(() -> {
            // One layer is open: all its thousand rows, and the others folded.
            assertEquals(1002, view.tensors().table().getItems().size());
            assertEquals(100_000, model.matchesProperty().get());
            model.orderProperty().set(Order.NAME);
        });
        while (!background.isEmpty()) {
            FxThread.run(background.removeFirst());
        }
        FxThread.run(() -> {
            TableView<TensorRow> table = view.tensors().table();
            assertEquals(100_000, table.getItems().size());
            Gestures.layOut(scene);
            int rows = all(table, TableRow.class).size();
            assertTrue(rows > 5 && rows < 60, rows + " rows are nodes");
            table.scrollTo(99_990);
            Gestures.layOut(scene);
            assertTrue(all(table, TableRow.class).size() < 60);
            model.selectedProperty().set("model.layers.99.mlp.experts.999.up_proj.weight");
        });
        while (!background.isEmpty()) {
            FxThread.run(background.removeFirst());
        }
        FxThread.run(() -> {
            Gestures.layOut(scene);
            assertTrue(all(view.tensors().table(), TableRow.class).stream().anyMatch(r -> r.isSelected()), "what is selected elsewhere is scrolled to");
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gemma2", "bert", "gpt-neox", "opt"})
    void inTheSmallestWindowNoTileIsCut(String name) {
        show(Cases.reference(name), new TaskBoard(new Engines.AtOnce(dir), Runnable::run), 1280, 800);
        FxThread.run(() -> {
            for (vitrine.views.control.MetricTile tile : all(view.body(), vitrine.views.control.MetricTile.class)) {
                for (Label label : all(tile, Label.class)) {
                    Text text = all(label, Text.class).stream().findFirst().orElse(null);
                    assertTrue(text == null || text.getText().equals(label.getText()), label.getText() + " is cut to " + (text == null ? "" : text.getText()));
                }
            }
        });
    }

    @Test
    void cardsNeverLieOnEachOther() {
        for (int[] size : new int[][] {{1180, 720}, {1280, 800}, {1440, 900}, {1920, 1080}, {2560, 1440}}) {
            show(Cases.reference("bert"), new TaskBoard(new Engines.AtOnce(dir), Runnable::run), size[0], size[1]);
            FxThread.run(() -> {
                List<Node> cards = ((javafx.scene.Parent) view.body()).getChildrenUnmodifiable().stream().filter(Node::isVisible).toList();
                double w = view.body().getLayoutBounds().getWidth();
                double h = view.body().getLayoutBounds().getHeight();
                for (int i = 0; i < cards.size(); i++) {
                    var a = cards.get(i).getBoundsInParent();
                    assertTrue(a.getMinX() >= 0 && a.getMinY() >= 0 && a.getMaxX() <= w + 1 && a.getMaxY() <= h + 1, size[0] + ": " + a + " in " + w + " x " + h);
                    for (int j = 0; j < i; j++) {
                        assertFalse(a.intersects(cards.get(j).getBoundsInParent()), size[0] + ": " + a + " on " + cards.get(j).getBoundsInParent());
                    }
                }
                stage.close();
            });
        }
    }
}
