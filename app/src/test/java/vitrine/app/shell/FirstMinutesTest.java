package vitrine.app.shell;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vitrine.app.shell.WindowHarness.REFERENCE;
import static vitrine.app.shell.WindowHarness.fx;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import javafx.geometry.Bounds;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.TraversalDirection;
import javafx.scene.control.ButtonBase;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.Labeled;
import javafx.scene.control.ListView;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.TableView;
import javafx.scene.control.TextInputControl;
import javafx.scene.control.ToggleButton;
import javafx.scene.control.ToggleGroup;
import javafx.scene.control.TreeTableView;
import javafx.scene.layout.Region;
import javafx.scene.paint.Color;
import javafx.stage.Window;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import vitrine.app.preferences.Preference;
import vitrine.app.preferences.PreferencesFile;
import vitrine.app.program.Folders;
import vitrine.app.program.SampleOffer;
import vitrine.app.workspace.HubCache;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.WorkerCommand;
import vitrine.resources.Guide;
import vitrine.resources.Language;
import vitrine.resources.Sentences;
import vitrine.resources.Styles;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Palette;
import vitrine.views.chart.Theme;
import vitrine.views.control.GuideLink;
import vitrine.views.control.Picker;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.ProvenanceBadge;
import vitrine.views.view.HelpTopic;
import vitrine.views.view.ViewKind;

/// The first minutes with the window: tour, preferences, another language, the keyboard alone, a screen reader, contrast. One window for all.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FirstMinutesTest {

    private static final double READABLE = 4.5;
    private static final Sentences CHINESE = Sentences.of(Language.CHINESE);

    @TempDir
    static Path home;
    private WindowHarness h;
    private final Set<String> untranslated = new TreeSet<>();
    private final Set<String> unreached = new TreeSet<>();
    private final Set<String> nameless = new TreeSet<>();
    private final Set<String> faint = new TreeSet<>();
    private final Set<String> untold = new TreeSet<>();
    private final Set<String> formulas = new TreeSet<>();
    private final Set<String> english = new TreeSet<>();
    private final Set<String> cut = new TreeSet<>();
    private int opened;

    @BeforeAll
    void openTheSample() throws Exception {
        EmbeddedEngine engine = new EmbeddedEngine(new ArtifactStore(home.resolve("artifacts"), 1L << 30), WorkerCommand.embedded(2, 4L << 30));
        h = new WindowHarness(home, engine, SampleOffer.all(new Folders(home)));
        h.open(REFERENCE.resolve("mixtral"));
        fx(() -> h.window.openSample(h.window.samples().getFirst())).join();
        h.settle();
        for (Theme theme : Theme.values()) {
            lookAround(theme);
        }
    }

    /// Goes through all views once in each look, since that is what takes time.
    private void lookAround(Theme theme) {
        WindowHarness.run(() -> h.services.themes().themeProperty().set(theme));
        for (ViewKind kind : ViewKind.values()) {
            WindowHarness.run(() -> h.window.tabs().choose(kind));
            h.settle();
            h.resize(1440, 900);
            WindowHarness.run(() -> {
                Parent root = h.window.scene().getRoot();
                faint(root, theme, faint);
                if (theme == Theme.DARK) {
                    untranslated(root, kind.label());
                    unreached(kind.label());
                    nameless(kind.label());
                    untold(root, kind.label());
                }
            });
            if (theme == Theme.DARK) {
                h.resize(960, 540);
                h.resize(960, 540);
                WindowHarness.run(() -> cut(kind.label()));
                h.resize(1440, 900);
                openWhatOpens(kind);
            }
        }
        WindowHarness.run(() -> h.window.commands().named("Start page").run());
        h.resize(1440, 900);
        WindowHarness.run(() -> {
            faint(h.window.scene().getRoot(), theme, faint);
            untranslated(h.window.scene().getRoot(), "start");
            h.window.commands().named("Preferences").run();
        });
        h.resize(1440, 900);
        WindowHarness.run(() -> {
            faint(h.window.scene().getRoot(), theme, faint);
            untranslated(h.window.scene().getRoot(), "preferences");
            nameless("preferences");
        });
        h.press("Esc");
    }

    @AfterAll
    void close() {
        h.close();
    }

    @BeforeEach
    void english() {
        WindowHarness.run(() -> {
            h.services.settings().choose(Preference.LANGUAGE, "en", s -> { });
            h.services.settings().choose(Preference.THEME, "dark", s -> { });
            h.window.tabs().choose(ViewKind.ATTENTION);
        });
        h.resize(1440, 900);
    }

    // --- tour

    @Test
    void theTourGoesFromControlToControlByTheKeyboard() {
        WindowHarness.run(() -> h.window.commands().named("Take the tour").run());
        fx(() -> null);
        Tour tour = fx(() -> h.window.tour()).orElseThrow();
        int steps = 8;
        for (int i = 0; i < steps; i++) {
            h.settle();
            assertEquals(i, tour.at());
            int at = i;
            h.await("the control of step " + at, () -> fx(tour::anchor).isPresent());
            h.press("Right");
            fx(() -> null);
        }
        assertTrue(fx(() -> h.window.tour()).isEmpty());
    }

    @Test
    void theTourGoesBackAndCanBeLeftAtAnyTime() {
        WindowHarness.run(() -> h.window.commands().named("Take the tour").run());
        fx(() -> null);
        Tour tour = fx(() -> h.window.tour()).orElseThrow();
        h.press("Right");
        fx(() -> null);
        h.press("Left");
        fx(() -> null);
        assertEquals(0, tour.at());
        h.press("Esc");
        assertTrue(fx(() -> h.window.tour()).isEmpty());
        WindowHarness.run(() -> h.window.commands().named("Take the tour").run());
        assertTrue(fx(() -> h.window.tour()).isPresent());
        WindowHarness.run(() -> ((Parent) fxTour()).fireEvent(new javafx.scene.input.KeyEvent(javafx.scene.input.KeyEvent.KEY_PRESSED, "", "", javafx.scene.input.KeyCode.ESCAPE, false, false, false, false)));
        assertTrue(fx(() -> h.window.tour()).isEmpty());
    }

    private Tour fxTour() {
        return h.window.tour().orElseThrow();
    }

    // --- preferences

    @Test
    void choicesHoldAtOnceAndStandInTheFile() throws Exception {
        WindowHarness.run(() -> h.services.settings().choose(Preference.THEME, "light", s -> { }));
        assertEquals(Theme.LIGHT, fx(() -> h.services.themes().themeProperty().get()));
        PreferencesFile file = new PreferencesFile(home.resolve(PreferencesFile.NAME));
        h.await("the file", () -> file.read().value(Preference.THEME).equals("light"));
    }

    @Test
    void anotherNumberOfThreadsHoldsFromTheNextTaskOn() {
        EmbeddedEngine engine = (EmbeddedEngine) h.services.engine();
        long before = engine.workerPid().orElseThrow();
        WindowHarness.run(() -> h.services.settings().choose(Preference.THREADS, "1", s -> { }));
        assertEquals(before, engine.workerPid().orElseThrow());
        engine.warmUp();
        h.await("another worker", () -> engine.workerPid().filter(p -> p != before).isPresent());
        assertTrue(ProcessHandle.of(before).isEmpty() || !ProcessHandle.of(before).get().isAlive());
        WindowHarness.run(() -> h.services.settings().choose(Preference.THREADS, "all", s -> { }));
    }

    @Test
    void aFolderThatTakesNoFileIsToldOnce() throws Exception {
        Path blocked = Files.writeString(home.resolve("a-file"), "");
        PreferencesFile file = new PreferencesFile(blocked.resolve(PreferencesFile.NAME));
        assertEquals(0, file.read().problems().size());
        org.junit.jupiter.api.Assertions.assertThrows(java.io.IOException.class, () -> file.set(Preference.THEME, "dark"));
    }

    @Test
    void theSheetIsUsedByKeysAlone() {
        h.press("Shortcut+Comma");
        assertTrue(h.shows("Interface scale"));
        h.press("Right");
        assertEquals(Theme.LIGHT, fx(() -> h.services.themes().themeProperty().get()));
        assertEquals("light", fx(() -> h.services.settings().nowProperty().get().value(Preference.THEME)));
        h.press("Esc");
        assertFalse(h.shows("Interface scale"));
    }

    // --- start page

    @Test
    void whatOthersDownloadedIsOffered() throws Exception {
        Path model = Files.createDirectories(home.resolve("hub/models--someone--something/blobs"));
        Files.write(model.resolve("aa.incomplete"), new byte[2000]);
        List<HubCache.Entry> entries = new HubCache(home.resolve("hub")).entries();
        WindowHarness.run(() -> h.window.startPage().showDownloaded(entries));
        assertEquals(1, fx(() -> h.window.startPage().downloadedRows().size()));
        assertTrue(fx(() -> ShownWords.of(h.window.startPage().downloadedRows().getFirst())).contains("incomplete download"));
        WindowHarness.run(() -> h.window.startPage().showDownloaded(List.of()));
        assertEquals(0, fx(() -> h.window.startPage().downloadedRows().size()));
    }

    // --- languages

    /// What stays as it is in every language: names from files, of families, formats and functions; and long explanations and messages, which no
    /// entry covers yet. A word of the frame, of a button, a head or a label is not among them.
    private static final Pattern AS_IT_IS = Pattern.compile("(?s)(little-stories|mixtral)(, (little-stories|mixtral))?|Vitrine|English|简体中文|/.*|development|Llama.*|Mixtral.*|safetensors|model_type .*|format|gate|[a-z0-9_.]+(\\.(\\d+|\\w+))* ?(– \\d+)?|BF16|F32|F16|MiB|KiB|GGUF|[\\d.]+\\P{L}?[kMG]B"
            + "|[^\\n]*\\nMeasured.*|[^\\n]*\\nDerived.*|.*‖.*|Nico.*|Once.*|.{60,}");

    private void untranslated(Node root, String where) {
        ShownWords.of(root).stream().filter(w -> !CHINESE.knows(w) && !AS_IT_IS.matcher(w).matches()).forEach(w -> untranslated.add(where + ": " + w));
    }

    @Test
    void everyWordOnScreenHasItsChinese() {
        assertEquals(Set.of(), untranslated);
    }

    /// Three English words in a row after all that is known was said in Chinese. Papers keep their titles, and how a
    /// figure was obtained is told in English.
    private static final Pattern ENGLISH = Pattern.compile("\\b[a-z]{2,}(,? [a-z]{2,}){2,}\\b");
    private static final Pattern PAPERS = Pattern.compile("(?s).*(\\n(Measured|Derived|Estimated|Sample): |(19|20)\\d\\d|arXiv|vitrine [a-z]+ |Nico|Once upon|--).*");

    /// Opens each list, menu, form and question that the view's buttons open, and listens to what they say. A button that opens something ends in "…", or
    /// shows a choice, or is one of the window's own.
    private void openWhatOpens(ViewKind kind) {
        List<ButtonBase> openers = fx(() -> h.window.scene().getRoot().lookupAll(".button").stream().filter(ButtonBase.class::isInstance).map(ButtonBase.class::cast)
                .filter(b -> b.isVisible() && !b.isDisabled() && b.getScene() != null && opens(b)).toList());
        for (ButtonBase b : openers) {
            WindowHarness.run(() -> {
                if (b.getScene() != null && b.getScene().getWindow() == h.stage) {
                    b.fire();
                    opened++;
                }
                listen(kind.label() + ", " + name(b));
                List.copyOf(Window.getWindows()).stream().filter(w -> w != h.stage).forEach(Window::hide);
            });
            h.press("Esc");
            WindowHarness.run(() -> h.window.tabs().choose(kind));
        }
    }

    private static boolean opens(ButtonBase b) {
        String words = b.getText() == null || b.getText().isBlank() ? String.valueOf(b.getAccessibleText()) : b.getText();
        return b instanceof Picker<?> || words.contains("…") && !words.startsWith("Open") || Set.of("Export", "Show the command", "What these figures mean", "Help", "More controls").stream().anyMatch(words::startsWith)
                || words.contains("engine");
    }

    /// All that windows say now.
    private void listen(String where) {
        for (Window w : List.copyOf(Window.getWindows())) {
            Set<String> said = new TreeSet<>();
            if (w instanceof ContextMenu menu) {
                menu.getItems().stream().filter(i -> i.getText() != null && !i.getText().isBlank()).forEach(i -> said.add(i.getText()));
            } else if (w.getScene() != null) {
                w.getScene().getRoot().applyCss();
                w.getScene().getRoot().layout();
                said.addAll(ShownWords.of(w.getScene().getRoot()));
            }
            for (String words : said) {
                if (ENGLISH.matcher(CHINESE.of(words)).find() && !PAPERS.matcher(words).matches()) {
                    english.add(where + ": " + words.replace("\n", "\\n") + " → " + CHINESE.of(words).replace("\n", "\\n"));
                }
            }
        }
    }

    @Test
    void everyDialogSpeaksChinese() {
        for (String command : List.of("Search and commands", "Preferences", "Guide", "Take the tour")) {
            WindowHarness.run(() -> h.window.commands().named(command).run());
            h.resize(1440, 900);
            for (int step = 0; step < (command.equals("Take the tour") ? 8 : 1); step++) {
                WindowHarness.run(() -> listen(command));
                h.press(command.equals("Take the tour") ? "Right" : "Esc");
            }
        }
        assertEquals(Set.of(), english);
        assertTrue(opened > 30, "lists, menus and forms that were opened: " + opened);
    }

    @Test
    void theLanguageChangesWhileTheWindowIsShownAndBack() {
        boolean can = fx(() -> vitrine.views.control.Languages.canShow(Language.CHINESE));
        Set<String> before = fx(() -> ShownWords.of(h.window.scene().getRoot()));
        WindowHarness.run(() -> h.services.settings().choose(Preference.LANGUAGE, "zh-CN", s -> { }));
        if (!can) {
            // No typeface for it here: the window says so and stays as it was.
            assertEquals(Language.ENGLISH, fx(() -> h.services.languages().languageProperty().get()));
            assertTrue(fx(() -> h.services.settings().unspoken()).isPresent());
            WindowHarness.run(() -> h.services.languages().languageProperty().set(Language.CHINESE));
        }
        assertTrue(h.shows("平均距离") && !h.shows("Mean distance"));
        assertTrue(h.shows("little-stories"));
        WindowHarness.run(() -> h.window.tabs().choose(ViewKind.ANATOMY));
        h.settle();
        assertTrue(h.shows("参数量"));
        WindowHarness.run(() -> h.window.tabs().choose(ViewKind.ATTENTION));
        WindowHarness.run(() -> h.services.languages().languageProperty().set(Language.ENGLISH));
        Set<String> after = fx(() -> ShownWords.of(h.window.scene().getRoot()));
        // What depends on the moment, and whether a bar had to hide controls when it was last laid out, is no matter of language.
        Predicate<String> passing = w -> w.startsWith("Memory") || w.startsWith("Window") || w.equals("More controls");
        before.removeIf(passing);
        after.removeIf(passing);
        assertEquals(before, after);
    }

    // --- where numbers come from

    /// Numbers without an origin, figures without a section of the guide, and formulas of the help whose section the guide does not have.
    private void untold(Node root, String where) {
        ProvenanceAudit.untagged(root).forEach(u -> untold.add(where + ": " + u.shown() + " at " + u.path()));
        ProvenanceAudit.unexplained(root).forEach(u -> untold.add(where + " names no section of the guide: " + u.shown() + " at " + u.path()));
        for (HelpTopic topic : h.window.present().orElseThrow().help()) {
            formulas.add(topic.formula());
            for (String words : List.of(topic.title(), topic.words(), topic.source())) {
                if (ENGLISH.matcher(CHINESE.of(words)).find() && !PAPERS.matcher(words).matches()) {
                    english.add(where + ", help: " + words + " → " + CHINESE.of(words));
                }
            }
            if (GuidePage.find(topic.section()).isEmpty()) {
                untold.add(where + ": " + topic.title() + " is not in the guide at " + topic.section());
            }
        }
    }

    @Test
    void everyNumberSaysWhereItComesFromAndEveryFormulaIsInTheGuide() {
        assertEquals(Set.of(), untold);
        assertTrue(formulas.size() > 50, "formulas of all views: " + formulas.size());
    }

    /// A click on a badge opens the guide at its formula, in the window; links go on to other pages, and back.
    @Test
    void aBadgeOpensItsSectionOfTheGuide() {
        ProvenanceBadge badge = fx(() -> (ProvenanceBadge) h.window.scene().getRoot().lookupAll("." + Styles.BADGE).stream()
                .filter(n -> GuideLink.of(n).filter(Guide.Section.formula("attention", "normalised entropy")::equals).isPresent()).findFirst().orElseThrow());
        WindowHarness.click(badge);
        h.resize(1440, 900);
        GuideReader reader = fx(() -> (GuideReader) h.window.scene().getRoot().lookup(".vt-guide"));
        assertEquals(Guide.Section.formula("attention", "normalised entropy"), fx(reader::shown));
        assertTrue(fx(() -> wordsOf(reader.marked())).startsWith("normalised entropy"));
        javafx.geometry.Bounds row = fx(() -> reader.sceneToLocal(reader.marked().localToScene(reader.marked().getLayoutBounds())));
        assertTrue(row.getMinY() > 0 && row.getMaxY() < fx(reader::getHeight), "the row is in sight: " + row);
        WindowHarness.run(() -> reader.go(Guide.Section.page("lora")));
        assertTrue(fx(() -> wordsOf(reader)).contains("What is each rank of an adapter worth"));
        h.press("Esc");
        assertTrue(fx(() -> h.window.scene().getRoot().lookup(".vt-guide")) == null);
    }

    /// The guide changes with the window's language: the section that was asked for stays marked and in sight, and a reader who has gone on stays at the same block.
    @Test
    void theGuideIsInTheLanguageOfTheWindow() {
        WindowHarness.run(() -> h.window.commands().named("Guide").run());
        h.resize(960, 540);
        GuideReader reader = fx(() -> (GuideReader) h.window.scene().getRoot().lookup(".vt-guide"));
        Guide.Section entropy = Guide.Section.formula("attention", "normalised entropy");
        WindowHarness.run(() -> reader.go(entropy));
        h.resize(960, 540);
        speak(Language.CHINESE);
        assertEquals(entropy, fx(reader::shown));
        assertTrue(fx(() -> wordsOf(reader.marked())).startsWith("归一化熵"));
        javafx.geometry.Bounds row = fx(() -> reader.sceneToLocal(reader.marked().localToScene(reader.marked().getLayoutBounds())));
        assertTrue(row.getMinY() > 0 && row.getMaxY() < fx(reader::getHeight), "the row is in sight: " + row);
        assertTrue(fx(() -> wordsOf(reader)).contains("提示词的每个词元在每个头中注意何处"));

        // Far above the row: what is read there stays, in English and back.
        javafx.scene.control.ScrollPane scroll = fx(() -> (javafx.scene.control.ScrollPane) reader.lookup(".scroll-pane"));
        WindowHarness.run(() -> scroll.setVvalue(0.15));
        int block = fx(() -> atTheEdge(scroll));
        assertTrue(block > 0, "some way down the page: " + block);
        speak(Language.ENGLISH);
        assertEquals(block, fx(() -> atTheEdge(scroll)));
        assertTrue(fx(() -> wordsOf(reader.marked())).startsWith("normalised entropy"));
        assertTrue(fx(() -> wordsOf(reader)).contains("Where does each token of a prompt attend"));
        speak(Language.CHINESE);
        assertEquals(block, fx(() -> atTheEdge(scroll)));

        // A link to a Chinese heading leads to the section, which has one name in both.
        WindowHarness.run(() -> reader.go(Guide.Section.page("adapters")));
        WindowHarness.run(() -> reader.lookupAll(".hyperlink").stream().map(javafx.scene.control.Hyperlink.class::cast).filter(l -> l.getText().equals("LoRA")).findFirst().orElseThrow().fire());
        assertEquals(Guide.Section.formulas("lora"), fx(reader::shown));
        assertEquals("公式", fx(() -> wordsOf(reader.marked())));
        speak(Language.ENGLISH);
        assertEquals("Formulas", fx(() -> wordsOf(reader.marked())));
        h.press("Esc");
        h.resize(1440, 900);
    }

    private void speak(Language language) {
        WindowHarness.run(() -> h.services.languages().languageProperty().set(language));
        h.resize(960, 540);
    }

    /// The number of the block that the upper edge of what is in sight goes through.
    private static int atTheEdge(javafx.scene.control.ScrollPane scroll) {
        javafx.scene.Parent content = (javafx.scene.Parent) scroll.getContent();
        double top = scroll.getVvalue() * (content.getLayoutBounds().getHeight() - scroll.getViewportBounds().getHeight());
        List<Node> blocks = content.getChildrenUnmodifiable();
        return java.util.stream.IntStream.range(0, blocks.size()).filter(b -> blocks.get(b).getBoundsInParent().getMaxY() > top + 1).findFirst().orElseThrow();
    }

    private static String wordsOf(Node node) {
        return node.lookupAll(".vt-guide-text").stream().map(n -> n instanceof javafx.scene.text.Text t ? t.getText() : ((Labeled) n).getText()).collect(java.util.stream.Collectors.joining("\n"));
    }

    // --- keyboard, screen reader, contrast

    private void unreached(String where) {
        Set<Node> reached = reached();
        List<Node> wanted = new ArrayList<>();
        collect(h.window.scene().getRoot(), wanted);
        // Of modes side by side Tab comes to the chosen one, and the arrows go on from there.
        Set<ToggleGroup> groups = java.util.Collections.newSetFromMap(new java.util.IdentityHashMap<>());
        reached.stream().filter(ToggleButton.class::isInstance).map(n -> ((ToggleButton) n).getToggleGroup()).filter(java.util.Objects::nonNull).forEach(groups::add);
        wanted.stream().filter(n -> !reached.contains(n) && !(n instanceof ToggleButton t && groups.contains(t.getToggleGroup()))).forEach(n -> unreached.add(where + ": " + name(n)));
    }

    @Test
    void theKeyboardReachesEveryControlOfEveryView() {
        assertEquals(Set.of(), unreached);
    }

    /// All nodes that Tab comes to, from the first around to the first again.
    private Set<Node> reached() {
        Set<Node> out = java.util.Collections.newSetFromMap(new java.util.IdentityHashMap<>());
        h.window.scene().getRoot().requestFocusTraversal(TraversalDirection.NEXT);
        Node first = h.window.scene().getFocusOwner();
        for (int i = 0; i < 2000; i++) {
            Node now = h.window.scene().getFocusOwner();
            if (now == null || !out.add(now)) {
                return out;
            }
            now.requestFocusTraversal(TraversalDirection.NEXT);
        }
        throw new AssertionError("Tab does not come back to " + first);
    }

    /// What somebody can act on.
    private static void collect(Node node, List<Node> out) {
        if (!node.isVisible() || node.isDisabled()) {
            return;
        }
        // The field in the toolbar only looks like one: Ctrl+K opens what it stands for.
        boolean actor = node instanceof ButtonBase || node instanceof TextInputControl t && !t.isMouseTransparent() || node instanceof FigureCanvas f && f.isFocusTraversable();
        if (actor) {
            out.add(node);
        }
        if (node instanceof Parent p && !(node instanceof TextInputControl)) {
            p.getChildrenUnmodifiable().forEach(c -> collect(c, out));
        }
    }

    private static String name(Node n) {
        return n.getClass().getSimpleName() + " " + (n instanceof Labeled l && l.getText() != null ? l.getText() : "") + " " + n.getAccessibleText() + " " + n.getStyleClass();
    }

    private void nameless(String where) {
        List<Node> all = new ArrayList<>();
        collect(h.window.scene().getRoot(), all);
        all.stream().filter(n -> !named(n)).forEach(n -> nameless.add(where + ": " + name(n) + " in " + n.getParent().getClass().getSimpleName()));
    }

    /// What a screen of 1920 x 1080 leaves at a scale of 200 %: each control lies in the window, or in something that scrolls to it.
    private void cut(String where) {
        List<Node> all = new ArrayList<>();
        collect(h.window.scene().getRoot(), all);
        for (Node n : all) {
            Node at = n;
            Bounds b = n.localToScene(n.getLayoutBounds());
            for (Node p = n.getParent(); p != null; p = p.getParent()) {
                // Above the contents of what scrolls, only the place of what scrolls matters.
                boolean scrolls = p instanceof ScrollPane || p instanceof TableView<?> || p instanceof TreeTableView<?> || p instanceof ListView<?>;
                if (scrolls || p.getParent() == null) {
                    Node content = p instanceof ScrollPane s ? s.getContent() : p;
                    Bounds room = content.localToScene(content.getLayoutBounds());
                    boolean within = p instanceof TableView<?> || p instanceof TreeTableView<?> || p instanceof ListView<?> || room.getMinX() <= b.getMinX() + 1 && b.getMaxX() <= room.getMaxX() + 1
                            && room.getMinY() <= b.getMinY() + 1 && b.getMaxY() <= room.getMaxY() + 1;
                    if (!within) {
                        cut.add(where + ": " + name(n) + " at " + b + " in " + room);
                    }
                    at = p;
                    b = at.localToScene(at.getLayoutBounds());
                }
            }
        }
    }

    @Test
    void noControlIsOutOfReachInASmallWindow() {
        assertEquals(Set.of(), cut);
    }

    @Test
    void everyControlHasANameForAScreenReader() {
        assertEquals(Set.of(), nameless);
    }

    private static boolean named(Node n) {
        boolean words = n instanceof Labeled l && l.getText() != null && l.getText().chars().anyMatch(Character::isLetterOrDigit);
        boolean prompt = n instanceof TextInputControl t && t.getPromptText() != null && !t.getPromptText().isBlank();
        boolean told = n.getAccessibleText() != null && !n.getAccessibleText().isBlank();
        boolean labelled = n.queryAccessibleAttribute(javafx.scene.AccessibleAttribute.LABELED_BY) != null;
        return words || prompt || told || labelled;
    }

    @Test
    void everyTextStandsOutFromItsGround() {
        assertEquals(Set.of(), faint);
    }

    /// Texts whose fill has too little contrast with the nearest grounds below it. What is disabled or dimmed is meant to step back.
    private static void faint(Node node, Theme theme, Set<String> out) {
        if (!node.isVisible() || node.isDisabled() || node.getOpacity() < 1) {
            return;
        }
        if (node instanceof Labeled l && l.getText() != null && l.getText().chars().anyMatch(Character::isLetterOrDigit) && l.getTextFill() instanceof Color fill && l.getWidth() > 0) {
            double contrast = Palette.contrast(fill, ground(l, theme));
            if (contrast < READABLE) {
                out.add(theme + " " + String.format(java.util.Locale.ROOT, "%.2f", contrast) + " " + l.getStyleClass() + " " + l.getText());
            }
        }
        if (node instanceof Parent p) {
            p.getChildrenUnmodifiable().forEach(c -> faint(c, theme, out));
        }
    }

    /// The colour behind a node: the fills of its ancestors, laid over each other from the first opaque one up.
    private static Color ground(Node node, Theme theme) {
        List<Color> over = new ArrayList<>();
        for (Node n = node; n != null; n = n.getParent()) {
            if (n instanceof Region r && r.getBackground() != null) {
                List<javafx.scene.layout.BackgroundFill> fills = r.getBackground().getFills();
                for (int i = fills.size() - 1; i >= 0; i--) {
                    // Lines of a pixel lie outside the ground of the text: only a fill that reaches below it counts.
                    if (fills.get(i).getFill() instanceof Color c && c.getOpacity() > 0) {
                        over.add(c);
                        if (c.getOpacity() == 1) {
                            return blend(over);
                        }
                    }
                }
            }
        }
        over.add(Palette.of(theme).inset());
        return blend(over);
    }

    private static Color blend(List<Color> over) {
        Color out = over.getLast();
        for (int i = over.size() - 2; i >= 0; i--) {
            Color c = over.get(i);
            double a = c.getOpacity();
            out = new Color(c.getRed() * a + out.getRed() * (1 - a), c.getGreen() * a + out.getGreen() * (1 - a), c.getBlue() * a + out.getBlue() * (1 - a), 1);
        }
        return out;
    }
}
