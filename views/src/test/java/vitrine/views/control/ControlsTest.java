package vitrine.views.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import javafx.css.PseudoClass;
import javafx.event.Event;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.Hyperlink;
import javafx.scene.control.Label;
import javafx.scene.control.MenuItem;
import javafx.scene.control.TextField;
import javafx.scene.control.ToggleButton;
import javafx.scene.input.Clipboard;
import javafx.scene.input.ContextMenuEvent;
import javafx.scene.input.KeyCode;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.stage.Stage;
import javafx.stage.Window;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Sparkline;
import vitrine.views.chart.Theme;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.Pointer;
import vitrine.views.testing.Shown;

/// The controls, shown in a window.
class ControlsTest {

    private static final Provenance FROM = Provenance.measured("model.norm.weight", "BF16", "mean over values").of(64);

    /// One window for all: making one costs more than any test here.
    private static Stage stage;

    @AfterAll
    static void close() {
        FxThread.run(stage::close);
        stage = null;
    }

    private static <N extends Node> N show(Supplier<N> made) {
        N node = FxThread.get(made::get);
        if (stage == null) {
            stage = FxThread.show(FxThread.get(StackPane::new), 400, 300, Theme.DARK);
        }
        FxThread.run(() -> stage.getScene().setRoot(new StackPane(node)));
        FxThread.pulse();
        return node;
    }

    private static List<String> texts(Node node) {
        return FxThread.get(() -> Shown.texts(node));
    }

    private static <T> T fx(Callable<T> body) {
        return FxThread.get(body);
    }

    private static String clipboard() {
        return fx(() -> Clipboard.getSystemClipboard().getString());
    }

    private static ContextMenu openMenu() {
        return fx(() -> (ContextMenu) Window.getWindows().stream().filter(w -> w instanceof ContextMenu && w.isShowing()).findFirst().orElse(null));
    }

    // --- quantities

    @Test
    void aQuantityIsWrittenWithItsUnitAndCopiedInFull() {
        Quantity q = Quantity.of(1.0 / 3, Numbers::probability, FROM).in("tokens");
        assertEquals("0.3333", q.text());
        assertEquals("0.3333333333333333 tokens", q.exact());
        assertTrue(q.present());
        assertEquals("260032", Quantity.of(260_032, Numbers::si, FROM).exact(), "a suffix never hides the exact value");
    }

    @Test
    void aQuantityThatIsNotThereSaysWhy() {
        Quantity q = Quantity.missing("3 non-finite", FROM).in("nats");
        assertFalse(q.present());
        assertEquals("– (3 non-finite)", q.text());
        assertEquals("– (3 non-finite)", q.exact());
        assertEquals("–", Quantity.of(Double.NaN, Numbers::loss, FROM).text());
        assertEquals("–", Quantity.of(Double.POSITIVE_INFINITY, Numbers::loss, FROM).text());
    }

    @Test
    void aNumberTellsItsExactValueAndItsOrigin() {
        NumberLabel label = show(() -> new NumberLabel(Quantity.of(6.4123456789, v -> Numbers.fixed(v, 2), FROM).in("tokens")));
        assertEquals(List.of("6.41", "tokens"), texts(label));
        assertEquals("6.4123456789 tokens\nMeasured: mean over values.\nFrom model.norm.weight, BF16, 64 values.", fx(() -> Shown.tooltip(label)));
        assertSame(FROM, fx(() -> ProvenanceAudit.of(label)));
        assertEquals("6.41\u2009tokens", fx(label::getAccessibleText));
    }

    @Test
    void valueAndUnitArePartedWhereThereIsOne() {
        assertEquals(List.of("1.38", "M"), texts(show(() -> new NumberLabel(Quantity.of(1_380_000, Numbers::si, FROM)))));
        assertEquals(List.of("4\u2009min 10\u2009s"), texts(show(() -> new NumberLabel(Quantity.of(250, Numbers::duration, FROM)))));
        assertEquals(List.of("0.5000"), texts(show(() -> new NumberLabel(Quantity.of(0.5, Numbers::probability, FROM)))));
        assertEquals(List.of("–", "(3 non-finite)"), texts(show(() -> new NumberLabel(Quantity.missing("3 non-finite", FROM)))));
        assertEquals(List.of("15.8\u2009k\u2009tok/s"), texts(show(() -> new NumberLabel(Quantity.of(15_800, Numbers::rate, FROM).in("tok/s")))));
    }

    @Test
    void copyingANumberGivesFullPrecision() {
        NumberLabel label = show(() -> new NumberLabel(Quantity.of(1.0 / 3, Numbers::probability, FROM).in("nats")));
        FxThread.run(() -> Event.fireEvent(label, new ContextMenuEvent(ContextMenuEvent.CONTEXT_MENU_REQUESTED, 1, 1, 1, 1, false, null)));
        ContextMenu menu = openMenu();
        FxThread.run(() -> {
            MenuItem copy = menu.getItems().getFirst();
            assertEquals("Copy value", copy.getText());
            copy.fire();
            menu.hide();
        });
        assertEquals("0.3333333333333333 nats", clipboard());
        FxThread.run(() -> label.show(Quantity.of(2, Numbers::count, new Provenance(Provenance.Kind.SAMPLE, "nothing", "", "made up", 0, Double.NaN))));
        assertEquals(List.of("2"), texts(label));
        assertTrue(fx(() -> Shown.tooltip(label)).startsWith("2\nSample: "));
    }

    // --- cards and tiles

    @Test
    void aCardHasItsHeadAndOneContent() {
        Card card = show(() -> new Card("Heads").subtitle("5 layers × 8").content(new Label("first")));
        assertEquals(List.of("Heads", "5 layers × 8", "first"), texts(card));
        FxThread.run(() -> card.subtitle("").title("Layer 2").content(new Label("second")).provenance(FROM));
        FxThread.pulse();
        assertEquals(List.of("Layer 2", "measured", "second"), texts(card));
        assertEquals("second", fx(() -> ((Label) card.content()).getText()));
        assertSame(FROM, fx(() -> ProvenanceAudit.of(card.content())));
        FxThread.run(() -> card.provenance(Provenance.derived("a", "", "b")));
        FxThread.pulse();
        assertEquals(List.of("Layer 2", "derived", "second"), texts(card), "one badge, not two");
    }

    @Test
    void aTileShowsItsFigureNoteAndAge() {
        MetricTile tile = show(() -> new MetricTile("Training loss", Quantity.of(2.33479, Numbers::lossOnTile, FROM).in("nats")).note("of 600 steps"));
        assertEquals(List.of("Training loss", "2.335", "nats", "of 600 steps"), texts(tile));
        FxThread.run(() -> tile.stale("12 s ago"));
        assertTrue(texts(tile).contains("12 s ago"));
        assertTrue(fx(() -> tile.getStyleClass().contains("vt-stale")));
        FxThread.run(() -> tile.stale("13 s ago"));
        assertEquals(1, fx(() -> tile.getStyleClass().stream().filter("vt-stale"::equals).count()));
        FxThread.run(() -> tile.show(Quantity.of(2.2, Numbers::lossOnTile, Provenance.derived("a", "", "b")).in("nats")));
        assertEquals(List.of("Training loss", "2.200", "nats", "of 600 steps"), texts(tile), "a newer figure is current");
        assertFalse(fx(() -> tile.getStyleClass().contains("vt-stale")));
        assertEquals(Provenance.Kind.DERIVED, fx(() -> ProvenanceAudit.of(tile).kind()));
    }

    @Test
    void aStaleFigureIsMuted() {
        MetricTile tile = show(() -> new MetricTile("Loss", Quantity.of(2, Numbers::lossOnTile, FROM)));
        javafx.scene.paint.Paint fresh = fx(() -> ((Label) Shown.labelled(tile, "2.000")).getTextFill());
        FxThread.run(() -> tile.stale("12 s ago"));
        FxThread.pulse();
        assertEquals(javafx.scene.paint.Color.web("#f0f6fc"), fresh);
        assertEquals(javafx.scene.paint.Color.web("#8b949e"), fx(() -> ((Label) Shown.labelled(tile, "2.000")).getTextFill()));
    }

    @Test
    void aTileHoldsOnePictureOfItsFigure() {
        MetricTile tile = show(() -> new MetricTile("Loss", Quantity.of(2, Numbers::lossOnTile, FROM)).sparkline(new Sparkline(new double[] {1, 2}, 0)));
        assertEquals(1, fx(() -> Shown.all(tile, FigureCanvas.class).size()));
        FxThread.run(() -> tile.meter(0.5));
        assertEquals(0, fx(() -> Shown.all(tile, FigureCanvas.class).size()));
        assertEquals(1, fx(() -> Shown.all(tile, Meter.class).size()));
    }

    @Test
    void aMeterIsFilledAsFarAsItsShare() {
        Meter meter = show(() -> {
            Meter m = new Meter(0.25);
            m.setMinWidth(200);
            m.setMaxWidth(200);
            return m;
        });
        Region fill = (Region) fx(() -> meter.getChildrenUnmodifiable().getFirst());
        assertEquals(50, fx(fill::getWidth), 1e-6);
        for (double[] pair : new double[][] {{1, 200}, {7, 200}, {0.5, 100}}) {
            FxThread.run(() -> meter.shareProperty().set(pair[0]));
            FxThread.pulse();
            assertEquals(pair[1], fx(fill::getWidth), 1e-6);
        }
        for (double nothing : new double[] {0, Double.NaN, -1}) {
            FxThread.run(() -> meter.shareProperty().set(nothing));
            FxThread.pulse();
            assertFalse(fx(fill::isVisible), "at " + nothing);
        }
    }

    @Test
    void propertiesHaveNameAndValue() {
        KeyValueRow row = show(() -> KeyValueRow.ofName("Checkpoint", "stories260k"));
        assertEquals(List.of("Checkpoint", "stories260k"), texts(row));
        assertEquals("stories260k", fx(() -> Shown.tooltip(Shown.labelled(row, "stories260k"))), "in full, however narrow the row");
        assertEquals(List.of("Layers", "5"), texts(show(() -> KeyValueRow.of("Layers", Quantity.of(5, Numbers::count, FROM)))));
    }

    // --- badges

    @ParameterizedTest
    @EnumSource(Provenance.Kind.class)
    void aBadgeSaysItsKindAndTellsTheRest(Provenance.Kind kind) {
        Provenance from = new Provenance(kind, "attentions", "F32", "softmax", 0, Double.NaN);
        List<Guide.Section> asked = new ArrayList<>();
        Guide.Section section = Guide.Section.formula("rank", "noise edge");
        ProvenanceBadge badge = show(() -> new ProvenanceBadge(from));
        assertEquals(List.of(kind.label()), texts(badge));
        assertEquals(from.sentence(), fx(() -> Shown.tooltip(badge)));
        assertEquals(from.sentence(), fx(badge::getAccessibleText));
        FxThread.run(() -> {
            badge.getParent().addEventHandler(GuideRequest.ASKED, e -> asked.add(e.section()));
            Pointer.click(badge, 5, 5);
            GuideLink.about(badge.getParent(), section);
            Pointer.click(badge, 5, 5);
            Pointer.key(badge, KeyCode.ENTER);
            Pointer.key(badge, KeyCode.SPACE);
            Pointer.key(badge, KeyCode.A);
        });
        assertEquals(List.of(section, section, section), asked);
        assertTrue(fx(badge::isFocusTraversable));
    }

    /// A shape of its own for each kind, so that the colour is not needed.
    @Test
    void marksOfBadgesDifferInShape() {
        List<String> shapes = new ArrayList<>();
        for (Provenance.Kind kind : Provenance.Kind.values()) {
            ProvenanceBadge badge = show(() -> new ProvenanceBadge(new Provenance(kind, "s", "", "m", 0, Double.NaN)));
            FigureCanvas mark = fx(() -> Shown.all(badge, FigureCanvas.class).getFirst());
            shapes.add(fx(() -> {
                var image = mark.snapshot(null, null);
                StringBuilder shape = new StringBuilder();
                var ground = image.getPixelReader().getColor(0, 0);
                for (int y = 0; y < image.getHeight(); y++) {
                    for (int x = 0; x < image.getWidth(); x++) {
                        var c = image.getPixelReader().getColor(x, y);
                        double off = Math.abs(c.getRed() - ground.getRed()) + Math.abs(c.getGreen() - ground.getGreen()) + Math.abs(c.getBlue() - ground.getBlue());
                        shape.append(off > 0.3 ? '#' : '.');
                    }
                    shape.append('\n');
                }
                return shape.toString();
            }));
        }
        assertEquals(4, shapes.stream().distinct().count(), String.join("\n", shapes));
    }

    // --- pickers and segments

    private Picker<String> picker(String... choices) {
        return show(() -> new Picker<>("Sort by", List.of(choices), s -> s.toUpperCase(java.util.Locale.ROOT)));
    }

    @Test
    void aPickerShowsItsFirstChoiceAndOffersAll() {
        Picker<String> picker = picker("entropy", "mass_of", "rank");
        assertEquals("entropy", fx(() -> picker.valueProperty().get()));
        assertTrue(texts(picker).containsAll(List.of("Sort by", "ENTROPY")));
        assertEquals("Sort by ENTROPY", fx(picker::getAccessibleText));
        FxThread.run(picker::fire);
        ContextMenu menu = openMenu();
        assertEquals(List.of("ENTROPY", "MASS_OF", "RANK"), fx(() -> menu.getItems().stream().map(MenuItem::getText).toList()), "an underscore is no mnemonic");
        assertTrue(fx(() -> menu.getItems().stream().noneMatch(MenuItem::isMnemonicParsing)));
        assertEquals(List.of(true, false, false), fx(() -> menu.getItems().stream().map(i -> i.getGraphic() != null).toList()), "a tick at the chosen one");
        FxThread.run(() -> {
            menu.getItems().get(1).fire();
            menu.hide();
        });
        assertEquals("mass_of", fx(() -> picker.valueProperty().get()));
        assertTrue(texts(picker).contains("MASS_OF"));
    }

    @Test
    void theDownKeyOpensAPicker() {
        Picker<String> picker = picker("a", "b");
        assertNull(openMenu());
        FxThread.run(() -> Pointer.key(picker, KeyCode.DOWN));
        ContextMenu menu = openMenu();
        assertEquals(2, fx(() -> menu.getItems().size()));
        FxThread.run(menu::hide);
    }

    @Test
    void aPickerTakesNoValueAndNoChoices() {
        Picker<String> picker = picker("a", "b");
        FxThread.run(() -> picker.valueProperty().set(null));
        assertFalse(texts(picker).contains("A"));
        FxThread.run(picker::fire);
        ContextMenu menu = openMenu();
        assertTrue(fx(() -> menu.getItems().stream().allMatch(i -> i.getGraphic() == null)), "nothing is chosen");
        FxThread.run(menu::hide);
        Picker<String> none = picker();
        assertNull(fx(() -> none.valueProperty().get()));
        FxThread.run(none::fire);
        assertNull(openMenu());
    }

    @Test
    void otherChoicesKeepTheChosenOneWhereItIsAmongThem() {
        Picker<String> picker = picker("a", "b");
        FxThread.run(() -> {
            picker.valueProperty().set("b");
            picker.setChoices(List.of("c", "b"));
        });
        assertEquals("b", fx(() -> picker.valueProperty().get()));
        FxThread.run(() -> picker.setChoices(List.of("x", "y")));
        assertEquals("x", fx(() -> picker.valueProperty().get()));
        FxThread.run(() -> picker.setChoices(List.of()));
        assertNull(fx(() -> picker.valueProperty().get()));
        FxThread.run(() -> picker.setChoices(List.of("z")));
        assertEquals("z", fx(() -> picker.valueProperty().get()));
    }

    @Test
    void oneSegmentIsAlwaysChosen() {
        Segments<String> segments = show(() -> new Segments<>(List.of("linear", "sqrt", "log"), s -> s));
        List<ToggleButton> buttons = fx(() -> Shown.all(segments, ToggleButton.class));
        assertEquals(List.of(true, false, false), fx(() -> buttons.stream().map(ToggleButton::isSelected).toList()));
        FxThread.run(() -> buttons.get(2).fire());
        assertEquals("log", fx(() -> segments.valueProperty().get()));
        assertEquals(List.of(false, false, true), fx(() -> buttons.stream().map(ToggleButton::isSelected).toList()));
        FxThread.run(() -> buttons.get(2).fire());
        assertEquals(List.of(false, false, true), fx(() -> buttons.stream().map(ToggleButton::isSelected).toList()), "pressing it again keeps it");
        FxThread.run(() -> segments.valueProperty().set("sqrt"));
        assertEquals(List.of(false, true, false), fx(() -> buttons.stream().map(ToggleButton::isSelected).toList()));
    }

    @Test
    void aSegmentThatCannotBeHadSaysWhyUntilItCan() {
        Segments<String> segments = show(() -> new Segments<>(List.of("a", "b"), s -> s));
        FxThread.run(() -> segments.disableBecause("b", "No adapter is open."));
        assertTrue(fx(() -> Shown.all(segments, ToggleButton.class).get(1).isDisable()));
        assertEquals("No adapter is open.", fx(() -> Shown.tooltip(segments)));
        FxThread.run(() -> segments.disableBecause("b", ""));
        assertFalse(fx(() -> Shown.all(segments, ToggleButton.class).get(1).isDisable()));
        assertNull(fx(() -> Shown.tooltip(segments)), "the reason is gone");
    }

    // --- buttons

    @Test
    void buttonsSayWhatTheyDoAndWhyTheyCannot() {
        int[] done = new int[1];
        Button button = show(() -> Buttons.plain("Write a_b…", () -> done[0]++));
        assertEquals(List.of("Write a_b…"), texts(button));
        FxThread.run(button::fire);
        assertEquals(1, done[0]);
        FxThread.run(() -> Buttons.disableBecause(button, "Nothing is open.", "Writes"));
        assertTrue(fx(button::isDisable));
        assertEquals("Nothing is open.", fx(() -> Shown.tooltip(button)));
        FxThread.run(() -> Buttons.disableBecause(button, "", "Writes"));
        assertFalse(fx(button::isDisable));
        assertEquals("Writes", fx(() -> Shown.tooltip(button)));
        FxThread.run(() -> Buttons.disableBecause(button, "", ""));
        assertNull(fx(() -> Shown.tooltip(button)));
        IconButton icon = show(() -> new IconButton(Icons.COPY, "Copy as CSV", "Ctrl+Shift+C", () -> { }));
        assertEquals("Copy as CSV (Ctrl+Shift+C)", fx(() -> Shown.tooltip(icon)));
        assertEquals("Copy as CSV (Ctrl+Shift+C)", fx(icon::getAccessibleText));
        assertEquals("Help", fx(() -> Shown.tooltip(new IconButton(Icons.HELP, "Help", "", () -> { }))));
    }

    @Test
    void hitTargetsAreAtLeast24High() {
        for (Region region : List.of(show(() -> Buttons.plain("Open", () -> { })), show(() -> new IconButton(Icons.COPY, "Copy", "", () -> { }).compact()),
                show(() -> new Picker<>("", List.of("a"), s -> s)), show(() -> new Segments<>(List.of("a", "b"), s -> s).compact()))) {
            assertTrue(fx(region::getHeight) >= 24, region + " is " + fx(region::getHeight) + " high");
        }
    }

    // --- states

    @Test
    void anEmptyStateSaysWhatWouldBeHereAndOffersIt() {
        int[] done = new int[1];
        EmptyState state = show(() -> new EmptyState(Icons.ATTENTION, "No attention yet. Give a prompt of 2 to 4,096 tokens.")
                .button(Buttons.plain("Edit prompt", () -> done[0]++)));
        assertTrue(texts(state).containsAll(List.of("Edit prompt")));
        assertTrue(String.join(" ", texts(state)).contains("No attention yet."));
        FxThread.run(() -> Shown.button(state, "Edit prompt").fire());
        assertEquals(1, done[0]);
        assertTrue(fx(() -> ((Region) state.getChildren().getFirst()).getWidth()) <= 360);
    }

    @Test
    void anErrorCardTellsAllAndOffersWhatHelps() {
        int[] retries = new int[1];
        ErrorCard card = show(() -> new ErrorCard("The file ends early", List.of("model.safetensors, tensor w", "needs 44,032 bytes, holds 1,024"), "Download it again.",
                () -> retries[0]++));
        List<String> texts = texts(card);
        assertTrue(texts.containsAll(List.of("The file ends early", "What helps", "Download it again.", "Retry", "Copy details")), texts.toString());
        assertTrue(String.join("\n", texts).contains("model.safetensors, tensor w\nneeds 44,032 bytes, holds 1,024"));
        FxThread.run(() -> Shown.button(card, "Retry").fire());
        assertEquals(1, retries[0]);
        FxThread.run(() -> Shown.button(card, "Copy details").fire());
        assertEquals("The file ends early\nmodel.safetensors, tensor w\nneeds 44,032 bytes, holds 1,024\nDownload it again.", clipboard());
        ErrorCard bare = show(() -> new ErrorCard("It failed", List.of(), "", null));
        assertEquals(List.of("It failed", "Copy details"), texts(bare).stream().filter(t -> t.length() > 2).toList());
        FxThread.run(() -> Shown.button(bare, "Copy details").fire());
        assertEquals("It failed", clipboard());
    }

    @Test
    void aProgressRowCountsAndSaysHowLongItTakes() {
        int[] cancelled = new int[1];
        ProgressRow row = show(() -> new ProgressRow(Icons.RUNS, "LoRA r 8", () -> cancelled[0]++));
        FxThread.run(() -> row.progress(410, 600, "step", 13.2));
        FxThread.pulse();
        assertTrue(texts(row).containsAll(List.of("LoRA r 8", "step 410 / 600", "13\u2009s left")), texts(row).toString());
        assertEquals(410 / 600.0, fx(() -> Shown.all(row, Meter.class).getFirst().shareProperty().get()));
        FxThread.run(() -> row.progress(3, 5, "layers", Double.NaN));
        assertTrue(texts(row).contains("layer 3 / 5"), "engines count in the plural");
        assertTrue(texts(row).stream().noneMatch(t -> t.contains("left")));
        FxThread.run(() -> Shown.all(row, IconButton.class).getFirst().fire());
        assertEquals(1, cancelled[0]);
    }

    @Test
    void anUnknownLengthIsACountAndNoBar() {
        ProgressRow row = show(() -> new ProgressRow(Icons.RUNS, "Reading", () -> { }));
        FxThread.run(() -> row.progress(12_345, 0, "tokens", Double.NaN));
        assertTrue(texts(row).contains("12,345 tokens"), texts(row).toString());
        assertEquals(0, fx(() -> Shown.all(row, Meter.class).size()));
        FxThread.run(() -> row.progress(12_345, 0, "", Double.NaN));
        assertTrue(texts(row).contains("12,345"), texts(row).toString());
    }

    @Test
    void anEndedRowSaysHow() {
        ProgressRow done = show(() -> new ProgressRow(Icons.RUNS, "Reading", () -> { }));
        FxThread.run(() -> {
            done.progress(1, 2, "layer", 5);
            done.done("13 s");
        });
        assertTrue(texts(done).contains("13 s"));
        assertEquals(0, fx(() -> Shown.all(done, IconButton.class).size()), "nothing left to cancel");
        ProgressRow failed = show(() -> new ProgressRow(Icons.RUNS, "Reading", () -> { }));
        FxThread.run(() -> failed.failed("The worker crashed"));
        assertTrue(texts(failed).contains("The worker crashed"));
        assertEquals("The worker crashed", fx(() -> Shown.tooltip(failed)));
        assertTrue(fx(() -> failed.getStyleClass().contains("vt-failed")));
    }

    // --- the rest

    @Test
    void escapeEmptiesASearchFieldThenIsLeftToOthers() {
        SearchField field = show(() -> new SearchField(Icons.SEARCH, "Search", "Ctrl K"));
        List<KeyCode> around = new ArrayList<>();
        FxThread.run(() -> {
            field.getScene().addEventHandler(javafx.scene.input.KeyEvent.KEY_PRESSED, e -> around.add(e.getCode()));
            field.textProperty().set("q_proj");
            Pointer.key(field.field(), KeyCode.ESCAPE);
        });
        assertEquals("", fx(() -> field.textProperty().get()));
        assertEquals(List.of(), around);
        FxThread.run(() -> Pointer.key(field.field(), KeyCode.ESCAPE));
        assertEquals(List.of(KeyCode.ESCAPE), around);
        assertTrue(texts(field).contains("Ctrl K"));
    }

    @Test
    void aNavigatorRowTellsNameFactAndState() {
        NavigatorRow row = show(() -> new NavigatorRow(Icons.CHECKPOINT, "stories260k", "Llama · 260 K"));
        assertTrue(texts(row).containsAll(List.of("stories260k", "Llama · 260 K")));
        assertEquals("stories260k, Llama · 260 K", fx(row::getAccessibleText));
        FxThread.run(() -> row.selectedProperty().set(true));
        assertTrue(fx(() -> row.getPseudoClassStates().contains(PseudoClass.getPseudoClass("selected"))));
        FxThread.run(() -> row.fact("68 %"));
        assertTrue(texts(row).contains("68 %"));
        assertEquals("stories260k, 68 %", fx(row::getAccessibleText), "who hears it hears the new fact");
        FxThread.run(() -> row.warning("The file ends at 1,024 bytes"));
        assertEquals("The file ends at 1,024 bytes", fx(() -> Shown.tooltip(row)));
    }

    @Test
    void statesHaveAnIconBesideTheirColour() {
        for (Pill pill : List.of(fx(() -> Pill.success("done")), fx(() -> Pill.warning("few")), fx(() -> Pill.danger("failed")), fx(() -> Pill.running("running")))) {
            assertTrue(fx(() -> pill.getGraphic()) != null, fx(pill::getText));
        }
        assertNull(fx(() -> new Pill("safetensors").getGraphic()));
    }

    private static List<String> words(javafx.scene.Node node) {
        return texts(node).stream().filter(t -> t.chars().anyMatch(Character::isLetter)).toList();
    }

    @Test
    void helpTellsWordsFormulaAndSource() {
        Guide.Section section = Guide.Section.formula("rank", "effective rank");
        var box = show(() -> HelpPopover.content("Effective rank", "How much rank is used.", "exp(H(p))", "Roy and Vetterli, 2007", section));
        assertEquals(List.of("Effective rank", "How much rank is used.", "exp(H(p))", "Roy and Vetterli, 2007", "Rank · effective rank"), words(box));
        assertEquals(List.of("Effective rank", "Words.", "Rank · Formulas"), words(show(() -> HelpPopover.content("Effective rank", "Words.", "", "", Guide.Section.formulas("rank")))));
        assertEquals(List.of(), fx(() -> ProvenanceAudit.untagged(box)));
        List<Guide.Section> asked = new ArrayList<>();
        FxThread.run(() -> {
            box.addEventHandler(GuideRequest.ASKED, e -> asked.add(e.section()));
            Shown.all(box, GuideLink.class).getFirst().fire();
        });
        assertEquals(List.of(section), asked);
    }

    /// A paper's number can be selected, and its address is copied; it is never opened.
    @Test
    void papersAreNamedAndTheirAddressCopied() {
        assertEquals(List.of("2101.03961", "2408.15664"), References.in("Fedus et al., 2021, arXiv 2101.03961; Wang et al., 2024, arXiv 2408.15664; again arXiv:2101.03961"));
        assertEquals(List.of(), References.in("Roy and Vetterli, EUSIPCO 2007; 2101.03961"));
        var box = show(() -> HelpPopover.content("Load", "How much of the work.", "", "Fedus et al., 2021, arXiv 2101.03961", Guide.Section.formula("routing", "load")));
        TextField number = fx(() -> Shown.all(box, TextField.class).getFirst());
        assertEquals("arXiv:2101.03961", fx(number::getText));
        assertFalse(fx(number::isEditable));
        FxThread.run(() -> Shown.all(box, Hyperlink.class).stream().filter(l -> l.getText().equals("Copy link")).findFirst().orElseThrow().fire());
        assertEquals("https://arxiv.org/abs/2101.03961", fx(() -> Clipboard.getSystemClipboard().getString()));
    }

    @Test
    void everyIconHasAGlyph() {
        for (Icons icon : Icons.values()) {
            assertTrue(fx(() -> !icon.node().getText().isEmpty()), icon.name());
        }
    }
}
