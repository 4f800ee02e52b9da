package vitrine.app.shell;

import atlantafx.base.controls.Popover;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import javafx.application.Platform;
import javafx.beans.InvalidationListener;
import javafx.collections.ListChangeListener;
import javafx.geometry.Insets;
import javafx.geometry.Rectangle2D;
import javafx.scene.Node;
import javafx.scene.Scene;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.input.Clipboard;
import javafx.scene.input.ClipboardContent;
import javafx.scene.layout.BorderPane;
import javafx.scene.layout.Priority;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.stage.Screen;
import javafx.stage.Stage;
import vitrine.app.drop.DropOverlay;
import vitrine.app.drop.DropTarget;
import vitrine.app.preferences.Preference;
import vitrine.app.program.SampleOffer;
import vitrine.app.program.Version;
import vitrine.app.services.Services;
import vitrine.app.shell.command.CommandPalette;
import vitrine.app.shell.command.Commands;
import vitrine.app.workspace.HubCache;
import vitrine.app.workspace.OpenText;
import vitrine.app.workspace.Recognised;
import vitrine.app.workspace.Workspace;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.Ending;
import vitrine.core.refusal.Refusal;
import vitrine.core.run.RunRecord;
import vitrine.core.task.Task;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.attention.AttentionView;
import vitrine.views.chart.Theme;
import vitrine.views.compare.CompareView;
import vitrine.views.control.EmptyState;
import vitrine.views.control.GuideRequest;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.control.Pill;
import vitrine.views.control.Popovers;
import vitrine.views.routing.RoutingView;
import vitrine.views.runs.RunRow;
import vitrine.views.runs.RunsView;
import vitrine.views.view.Place;
import vitrine.views.view.Subject;
import vitrine.views.view.View;
import vitrine.views.view.ViewKind;

/// The main window: puts its parts together and says what happens between them.
public final class MainWindow {

    private static final double SMALLEST_WIDTH = 1024;
    private static final double SMALLEST_HEIGHT = 680;
    /// What a screen of 1920 x 1080 leaves at a scale of 200 %: the window gets so small where the screen leaves no more.
    private static final double SMALLER_WIDTH = 960;
    private static final double SMALLER_HEIGHT = 500;
    /// The least room in which views stay whole, with their padding: what a window of 1024 x 680 leaves them. In less they scroll.
    private static final double VIEW_WIDTH = 800;
    private static final double VIEW_HEIGHT = 510;
    /// What a popover below the toolbar leaves above and below itself.
    private static final double POPOVER_AROUND = 140;

    private final Services services;
    private final Workspace workspace;
    private final Stage stage;
    private final Questions questions;
    private final Commands commands = new Commands();
    private final Scene scene;
    private final StackPane root;
    private final Toolbar toolbar;
    private Tour tour;
    private final Overlay overlay = new Overlay();
    private final DropOverlay dropOverlay;
    private final TabStrip tabs = new TabStrip(this::pin);
    private final ViewHeader header = new ViewHeader();
    private final StackPane middle = new StackPane();
    private final VBox viewArea;
    private final InspectorPane inspector = new InspectorPane();
    private final Navigator navigator;
    private final Frame frame;
    private final TaskDrawer drawer;
    private final StartPage start;
    private final ViewActions actions;
    private final ViewFactory factory;
    private final Map<ViewKind, View> views = new EnumMap<>(ViewKind.class);
    private final Map<View, List<Node>> controls = new IdentityHashMap<>();
    private final Picker<Subject> subjectPicker = new Picker<>("", List.<Subject>of(), Subject::name).icon(Icons.CHECKPOINT);
    private final Button help = new IconButton(Icons.HELP, "Help", "F1", () -> showHelp(help()));
    private final Button viewHelp = new IconButton(Icons.HELP, "What these figures mean", "F1", () -> showHelp(viewHelp()));

    private final List<SampleOffer> samples;
    private final Button settings = new IconButton(Icons.SETTINGS, "Preferences", "Ctrl+,", () -> showPreferences());

    /// @param samples the bundled samples, offered on the start page
    public MainWindow(Services services, Stage stage, Questions questions, List<SampleOffer> samples) {
        this.services = services;
        this.stage = stage;
        this.questions = questions;
        this.samples = samples;
        workspace = services.workspace();
        factory = new ViewFactory(services, questions, samples, this::open, run -> openResult(new Recognised.Result(run, ViewKind.LORA)), this::compareRuns, this::prune);
        navigator = new Navigator(workspace, services.runs());
        navigator.compareWith(this::compare);
        addCommands();
        actions = new ViewActions(services.themes(), questions, this::present, this::tell);
        HubCache hub = HubCache.locate(System.getenv(), Path.of(System.getProperty("user.home")));
        start = new StartPage(commands, workspace, samples.stream().map(s -> new SampleCard(s, services, () -> openSample(s))).toList(), p -> open(List.of(p)));
        CompletableFuture.supplyAsync(hub::entries, services.background()).thenAcceptAsync(start::showDownloaded, Platform::runLater);
        StackPane body = new StackPane();
        viewArea = new VBox(header, body);
        VBox.setVgrow(body, Priority.ALWAYS);
        middle.setMinSize(0, 0);
        VBox.setVgrow(middle, Priority.ALWAYS);
        VBox center = new VBox(tabs, middle);
        center.getStyleClass().add(Styles.CANVAS);
        center.setMinSize(0, 0);
        frame = new Frame(navigator, center, inspector);
        drawer = new TaskDrawer(services.board(), this::toggleDrawer);
        show(drawer, false);
        ProcessMemory memory = new ProcessMemory(() -> services.engine() instanceof EmbeddedEngine e ? e.workerPid() : Optional.empty());
        StatusBar status = new StatusBar(services.board(), services.runs(), memory, Version.NUMBER, this::toggleDrawer);
        BorderPane window = new BorderPane(frame);
        toolbar = new Toolbar(commands, workspace, services.themes(), new EngineButton(services), settings, help, this::showStart, r -> open(List.of(r.path())));
        window.setTop(toolbar);
        window.setBottom(new VBox(drawer, status));
        window.getStyleClass().add(Styles.FRAME);
        dropOverlay = new DropOverlay(workspace::look, Platform::runLater);
        root = new StackPane(window, overlay, dropOverlay);
        scene = new Scene(root, 1440, 900);
        services.themes().dress(scene);
        services.languages().follow(scene);
        commands.listen(scene);
        scene.addEventHandler(GuideRequest.ASKED, e -> showGuide(e.section()));
        new DropTarget(scene, dropOverlay, this::open);
        actions.offerOn(viewArea);
        Notices.watch(services.board(), stage);
        follow();
        stage.setScene(scene);
        stage.setTitle("Vitrine");
        Rectangle2D room = Screen.getPrimary().getVisualBounds();
        stage.setMinWidth(Math.clamp(room.getWidth(), SMALLER_WIDTH, SMALLEST_WIDTH));
        stage.setMinHeight(Math.clamp(room.getHeight(), SMALLER_HEIGHT, SMALLEST_HEIGHT));
        services.settings().nowProperty().get().problems().forEach(r -> workspace.add(new Recognised.Refused(services.settings().file().path(), r)));
        showStart();
    }

    private void follow() {
        workspace.currentProperty().addListener((o, old, now) -> {
            if (now != null) {
                navigator.selectedProperty().set(now);
            }
            subjectChanged();
        });
        navigator.selectedProperty().addListener((o, old, now) -> inspectSelected(now));
        tabs.chosenProperty().addListener((o, old, now) -> showChosen());
        tabs.pinned().addListener((ListChangeListener<TabStrip.Pinned>) change -> {
            while (change.next()) {
                change.getRemoved().forEach(p -> forget(p.view()));
            }
        });
        workspace.subjects().addListener((InvalidationListener) o -> subjectPicker.setChoices(workspace.subjects()));
        subjectPicker.valueProperty().addListener((o, old, now) -> {
            if (now != null && tabs.chosenProperty().get() instanceof ViewKind) {
                workspace.currentProperty().set(now);
            }
        });
        showObstacles();
        services.runs().rows().addListener((InvalidationListener) o -> tabs.count(ViewKind.RUNS, services.runs().rows().stream().filter(r -> r.state().going()).count()));
    }

    /// The scene, for pictures and tests.
    public Scene scene() {
        return scene;
    }

    public Commands commands() {
        return commands;
    }

    Navigator navigator() {
        return navigator;
    }

    Frame frame() {
        return frame;
    }

    TabStrip tabs() {
        return tabs;
    }

    StartPage startPage() {
        return start;
    }

    DropOverlay dropOverlay() {
        return dropOverlay;
    }

    TaskDrawer drawer() {
        return drawer;
    }

    // --- opening

    /// Opens paths, all of them; what cannot be opened stands in the navigator with its reason. Of each kind the last one is shown.
    public CompletableFuture<List<Recognised>> open(List<Path> paths) {
        List<CompletableFuture<Recognised>> all = paths.stream().map(this::openOne).toList();
        return CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).thenApplyAsync(done -> {
            List<Recognised> found = all.stream().map(CompletableFuture::join).toList();
            last(found, Recognised.Model.class);
            last(found, Recognised.Text.class);
            last(found, Recognised.Result.class);
            if (found.stream().allMatch(Recognised.Refused.class::isInstance)) {
                last(found, Recognised.Refused.class);
            }
            return found;
        }, Platform::runLater);
    }

    private void last(List<Recognised> found, Class<? extends Recognised> kind) {
        found.stream().filter(kind::isInstance).reduce((a, b) -> b).ifPresent(this::bringForward);
    }

    private CompletableFuture<Recognised> openOne(Path path) {
        boolean cache = java.nio.file.Files.isDirectory(path) && HubCache.looksLikeOne(path);
        if (cache) {
            browseHub(new HubCache(path));
            return CompletableFuture.completedFuture(new Recognised.Refused(path, Refusal.of(vitrine.core.refusal.Category.UNKNOWN_FORMAT, path, "it is a hub cache: choose one of its models")));
        }
        return workspace.open(path);
    }

    private void bringForward(Recognised found) {
        switch (found) {
            case Recognised.Model m -> {
                // A new subject leaves the start page by itself, so what was in front is asked before.
                Object before = tabs.chosenProperty().get();
                workspace.currentProperty().set(m.subject());
                if (!(before instanceof ViewKind kind) || !ViewFactory.obstacle(kind, m.subject()).isEmpty()) {
                    // An adapter dropped on its base belongs beside it; alone it is looked at first.
                    tabs.choose(m.subject().isAdapter() && !workspace.checkpoints().isEmpty() ? ViewKind.LORA : ViewKind.ANATOMY);
                }
            }
            case Recognised.Text t -> navigator.selectedProperty().set(t.text());
            case Recognised.Result r -> openResult(r);
            case Recognised.Refused r -> {
                if (workspace.refused().contains(r)) {
                    navigator.selectedProperty().set(r);
                    frame.showInspector();
                }
            }
        }
    }

    private void openResult(Recognised.Result result) {
        factory.result(result).ifPresent(view -> {
            try {
                view.open(result.path());
            } catch (Refusal r) {
                bringForwardRefused(new Recognised.Refused(result.path(), r));
                return;
            }
            TabStrip.Pinned tab = new TabStrip.Pinned(view);
            tabs.pinned().add(tab);
            tabs.choose(tab);
        });
    }

    private void bringForwardRefused(Recognised.Refused refused) {
        workspace.add(refused);
        bringForward(refused);
    }

    /// Opens a bundled sample where it is at its best: its attention to its first prompt, its experts over its texts, or an adapter's ranks on its base.
    public CompletableFuture<Recognised> openSample(SampleOffer sample) {
        CompletableFuture<?> first = sample.base().<CompletableFuture<?>>map(workspace::open).orElseGet(() -> CompletableFuture.completedFuture(null));
        return first.thenCompose(base -> workspace.open(sample.folder())).thenApplyAsync(found -> {
            if (found instanceof Recognised.Model m) {
                workspace.currentProperty().set(m.subject());
                tabs.choose(switch (sample.sample().best()) {
                    case ATTENTION -> ViewKind.ATTENTION;
                    case ROUTING -> ViewKind.ROUTING;
                    case LORA -> ViewKind.LORA;
                });
                switch (views.get((ViewKind) tabs.chosenProperty().get())) {
                    case AttentionView view when view.model().promptProperty().get().isBlank() -> view.model().take(ViewFactory.suggestion(sample.prompt()));
                    case RoutingView view -> view.model().compute();
                    case null, default -> { }
                }
            } else {
                bringForward(found);
            }
            return found;
        }, Platform::runLater);
    }

    private void browseHub(HubCache cache) {
        HubBrowser browser = new HubBrowser(cache, services.background(), Platform::runLater, path -> {
            overlay.close();
            open(List.of(path));
        });
        overlay.show(browser);
        browser.focus();
    }

    // --- views

    /// The view in front, if there is one.
    public Optional<View> present() {
        return switch (tabs.chosenProperty().get()) {
            case ViewKind kind when middle.getChildren().contains(viewArea) -> Optional.ofNullable(views.get(kind));
            case TabStrip.Pinned p -> Optional.of(p.view());
            case null, default -> Optional.empty();
        };
    }

    private void showStart() {
        tabs.choose(null);
        showChosen();
    }

    private void showChosen() {
        Object tab = tabs.chosenProperty().get();
        switch (tab) {
            case null -> {
                middle.getChildren().setAll(start);
                inspector.show(null);
            }
            case TabStrip.Pinned p -> showView(p.view(), false);
            case ViewKind kind -> showKind(kind);
            default -> throw new IllegalStateException("no such tab: " + tab);
        }
        tabs.pinPossible(present().isPresent());
        showObstacles();
    }

    private void showKind(ViewKind kind) {
        Subject subject = workspace.currentProperty().get();
        Optional<View> view = Optional.ofNullable(views.computeIfAbsent(kind, k -> factory.make(k).orElse(null)));
        if (view.isPresent() && view.get().choosesItsSubject()) {
            view.get().show(subject);
            showView(view.get(), true);
            return;
        }
        if (view.isEmpty() || subject == null) {
            EmptyState empty = new EmptyState(kind.icon(), ViewFactory.obstacle(kind, subject));
            if (view.isPresent()) {
                empty.button(vitrine.views.control.Buttons.plain("Open folder…", Icons.FOLDER, () -> commands.named("Open folder…").run()));
            }
            middle.getChildren().setAll(empty);
            inspector.show(null);
            return;
        }
        view.get().show(subject);
        subjectPicker.valueProperty().set(subject);
        showView(view.get(), true);
    }

    private void showView(View view, boolean follows) {
        StackPane holder = (StackPane) viewArea.getChildren().get(1);
        StackPane body = new StackPane(view.body());
        body.setPadding(new Insets(16));
        body.setMinSize(VIEW_WIDTH, VIEW_HEIGHT);
        ScrollPane scroll = new ScrollPane(body);
        scroll.setFitToWidth(true);
        scroll.setFitToHeight(true);
        scroll.setFocusTraversable(false);
        scroll.setMinSize(0, 0);
        scroll.getStyleClass().addAll("edge-to-edge", "vt-view-scroll");
        holder.getChildren().setAll(scroll);
        List<Node> all = new ArrayList<>();
        if (!view.choosesItsSubject()) {
            all.add(follows ? subjectPicker : new Pill(view.subject().map(Subject::name).orElse("a result, without its checkpoint")));
        }
        all.addAll(controls.computeIfAbsent(view, View::headerControls));
        List<Node> buttons = new ArrayList<>(actions.buttons());
        buttons.add(viewHelp);
        header.show(all, buttons);
        middle.getChildren().setAll(viewArea);
        inspector.show(view.inspector());
    }

    private void subjectChanged() {
        Subject now = workspace.currentProperty().get();
        if (now == null && workspace.subjects().isEmpty() && tabs.chosenProperty().get() instanceof ViewKind kind && kind != ViewKind.RUNS) {
            showStart();
        } else if (tabs.chosenProperty().get() instanceof ViewKind) {
            showChosen();
        } else if (now != null && tabs.chosenProperty().get() == null) {
            tabs.choose(ViewKind.ANATOMY);
        }
        showObstacles();
        stage.setTitle(now == null ? "Vitrine" : now.name() + " – Vitrine");
    }

    private void showObstacles() {
        Subject now = workspace.currentProperty().get();
        tabs.obstacles(kind -> ViewFactory.obstacle(kind, now));
    }

    private void inspectSelected(Object selected) {
        switch (selected) {
            case RunRow run -> showRun(run);
            case OpenText text -> inspector.show(new TextInspector(text, workspace.currentProperty().get(), this::useAsPrompt, this::evaluate, this::evaluate));
            case Recognised.Refused r -> inspector.show(new RefusedInspector(r, () -> open(List.of(r.path()))));
            case null, default -> present().ifPresentOrElse(v -> inspector.show(v.inspector()), () -> inspector.show(null));
        }
    }

    private void showRun(RunRow run) {
        tabs.choose(ViewKind.RUNS);
        if (views.get(ViewKind.RUNS) instanceof RunsView view && present().orElse(null) == view) {
            view.model().show(run.number());
            inspector.show(view.inspector());
        }
    }

    /// Compares two things that are open, a checkpoint being A.
    void compare(Subject first, Subject second) {
        tabs.choose(ViewKind.COMPARE);
        if (views.get(ViewKind.COMPARE) instanceof CompareView view) {
            view.model().compare(first, second);
        }
    }

    /// Opens the form of a pruning run.
    private void prune(ObjectNode task) {
        tabs.choose(ViewKind.RUNS);
        if (views.get(ViewKind.RUNS) instanceof RunsView view) {
            view.model().prune(task);
        }
    }

    /// Compares the results of two runs; a run with itself: what it was made of with what became of it.
    private void compareRuns(RunRecord first, RunRecord second) {
        (first.number() == second.number() ? RunResults.base(first) : RunResults.candidate(first)).ifPresent(a -> RunResults.candidate(second).ifPresent(b -> {
            tabs.choose(ViewKind.COMPARE);
            if (views.get(ViewKind.COMPARE) instanceof CompareView view) {
                view.model().compare(a, b);
            }
        }));
    }

    private void useAsPrompt(String text) {
        tabs.choose(ViewKind.ATTENTION);
        if (views.get(ViewKind.ATTENTION) instanceof AttentionView view && present().orElse(null) == view) {
            view.model().promptProperty().set(text);
            view.model().run();
        }
    }

    private void evaluate(OpenText text) {
        Subject subject = workspace.currentProperty().get();
        services.board().ask("Perplexity of " + subject.name() + " on " + text.name(), new Task.Evaluate(subject.path(), text.path().toAbsolutePath().toString(), null), ending -> {
            told(text, subject, ending);
        });
        show(drawer, true);
    }

    /// What else can be measured over a text; the result is a tab.
    private void evaluate(OpenText text, TextInspector.Further what) {
        Subject subject = workspace.currentProperty().get();
        services.board().ask(what.title() + ": " + subject.name() + " on " + text.name(), what.task(subject.path(), text.path().toAbsolutePath().toString()), ending -> {
            if (ending instanceof Ending.Finished f) {
                openResult(new Recognised.Result(f.artifact().folder(), ViewKind.RANK));
            } else {
                told(text, subject, ending);
            }
        });
        show(drawer, true);
    }

    private void told(OpenText text, Subject subject, Ending ending) {
        if (navigator.selectedProperty().get() == text) {
            inspector.show(new TextInspector(text, subject, this::useAsPrompt, this::evaluate, this::evaluate).with(ending));
        }
    }

    private void forget(View view) {
        controls.remove(view);
        factory.forget(view);
    }

    /// Keeps the present view with its subject as a tab of its own.
    private void pin() {
        if (tabs.chosenProperty().get() instanceof ViewKind kind && present().isPresent()) {
            View kept = views.remove(kind);
            TabStrip.Pinned tab = new TabStrip.Pinned(kept);
            tabs.pinned().add(tab);
            tabs.choose(tab);
        }
    }

    // --- what lies over the window

    private void showPalette() {
        CommandPalette palette = new CommandPalette(commands.all(), this::places, overlay::close);
        overlay.show(palette);
        palette.focus();
    }

    /// Where one can go: in the present view first, then in the other views that have shown this subject.
    private List<Place> places() {
        List<Place> out = new ArrayList<>();
        present().ifPresent(v -> out.addAll(v.places()));
        views.forEach((kind, view) -> {
            if (present().orElse(null) != view && view.subject().equals(Optional.ofNullable(workspace.currentProperty().get()))) {
                view.places().forEach(p -> out.add(new Place(p.group(), p.icon(), p.name(), p.detail(), () -> {
                    tabs.choose(kind);
                    p.go().run();
                })));
            }
        });
        return out;
    }

    private Button help() {
        return help;
    }

    private Button viewHelp() {
        return viewHelp;
    }

    private void showHelp(Button owner) {
        Popovers.of(HelpPage.content(present(), commands, scene.getHeight() - POPOVER_AROUND), Popover.ArrowLocation.TOP_RIGHT).show(owner);
    }

    private void showPreferences() {
        PreferencesSheet sheet = new PreferencesSheet(services, questions, overlay::close);
        overlay.show(sheet);
        sheet.focus();
    }

    private void showGuide(Guide.Section section) {
        GuideReader reader = overlay.card() instanceof GuideReader open ? open : new GuideReader(services.languages().languageProperty(), overlay::close);
        reader.go(section);
        overlay.show(reader);
        reader.focus();
    }

    /// The guide's page of what is in front.
    private Guide.Section guideHere() {
        return Guide.Section.page(present().map(v -> v.kind().name().toLowerCase(java.util.Locale.ROOT)).orElse("README"));
    }

    /// Goes through the window's parts, on the first sample where there is one.
    void startTour() {
        if (tour != null) {
            endTour();
        }
        overlay.close();
        tour = new Tour(TourSteps.of(this), this::endTour);
        root.getChildren().add(tour);
        tour.start();
    }

    private void endTour() {
        root.getChildren().remove(tour);
        tour = null;
        viewArea.requestFocus();
    }

    /// The tour that is under way.
    Optional<Tour> tour() {
        return Optional.ofNullable(tour);
    }

    Toolbar toolbar() {
        return toolbar;
    }

    ViewHeader header() {
        return header;
    }

    InspectorPane inspector() {
        return inspector;
    }

    Button helpButton() {
        return help;
    }

    /// The bundled samples.
    List<SampleOffer> samples() {
        return samples;
    }

    /// A sentence that belongs to no figure, such as that a file was written.
    private void tell(String sentence) {
        Label words = new Label(sentence);
        words.setWrapText(true);
        words.setPadding(new Insets(14, 18, 14, 18));
        words.getStyleClass().add(Styles.POPOVER);
        words.setMaxWidth(520);
        overlay.show(words);
    }

    private void toggleDrawer() {
        show(drawer, !drawer.isVisible());
    }

    private static void show(Node node, boolean seen) {
        node.setVisible(seen);
        node.setManaged(seen);
    }

    // --- commands

    private void addCommands() {
        commands.add("Open folder…", Icons.FOLDER, "Shortcut+O", () -> questions.folder().ifPresent(p -> open(List.of(p))))
                .add("Open file…", Icons.FILE, "Shortcut+Shift+O", () -> open(questions.files()))
                .add("Open from the hub cache…", Icons.CHECKPOINT, "", () -> browseHub(HubCache.locate(System.getenv(), Path.of(System.getProperty("user.home")))))
                .add("Search and commands", Icons.SEARCH, "Shortcut+K", this::showPalette)
                .add("Find in this view", Icons.SEARCH, "Shortcut+F", this::noView, () -> present().ifPresent(View::find));
        for (ViewKind kind : ViewKind.values()) {
            commands.add("Go to " + kind.label(), kind.icon(), "Alt+" + (kind.ordinal() + 1), () -> tabs.choose(kind));
        }
        for (int i = 0; i < 9; i++) {
            int n = i;
            commands.add("Open recent " + (i + 1), Icons.RECENT, "Shortcut+" + (i + 1), () -> workspace.recent().size() > n ? "" : "Fewer things were opened so far.",
                    () -> open(List.of(workspace.recent().get(n).path())));
        }
        commands.add("Back", Icons.RECENT, "Backspace", this::noView, () -> present().ifPresent(View::back))
                .add("Release", Icons.CLOSE, "Esc", () -> present().ifPresent(View::release))
                .add("Export as PNG", Icons.EXPORT, "Shortcut+Shift+E", this::noView, () -> actions.png(2))
                .add("Export as SVG", Icons.EXPORT, "Shortcut+Alt+E", this::noView, () -> actions.svg())
                .add("Export numbers as CSV", Icons.EXPORT, "", this::noView, () -> actions.csv())
                .add("Copy numbers as CSV", Icons.COPY, "Shortcut+Shift+C", this::noView, () -> actions.copyCsv())
                .add("Show the command", Icons.COMMAND_LINE, "", this::noView, () -> actions.showCommand())
                .add("Properties", Icons.INFORMATION, "Shortcut+Enter", () -> frame.showInspector())
                .add("Pin this view", Icons.ADD, "Shortcut+Shift+P", this::noView, this::pin)
                .add("Preferences", Icons.SETTINGS, "Shortcut+Comma", this::showPreferences)
                .add("Take the tour", Icons.HELP, "", this::startTour)
                .add("Guide", Icons.GUIDE, "", () -> showGuide(guideHere()))
                .add("Start page", Icons.ANATOMY, "", this::showStart)
                .add("Navigator", Icons.OPEN_MENU, "Shortcut+B", () -> frame.toggleNavigator())
                .add("Inspector", Icons.INFORMATION, "Shortcut+I", () -> frame.toggleInspector())
                .add("Tasks", Icons.RUNS, "Shortcut+J", this::toggleDrawer)
                .add("All sides", Icons.ENLARGE, "Shortcut+Back Slash", () -> {
                    frame.toggleSides();
                    show(drawer, false);
                })
                .add("Change between dark and light", Icons.TO_LIGHT, "", this::changeLook)
                .add("Full screen", Icons.ENLARGE, "F11", () -> stage.setFullScreen(!stage.isFullScreen()))
                .add("Help", Icons.HELP, "F1", () -> showHelp(present().isPresent() ? viewHelp : help))
                .add("Close what is shown", Icons.CLOSE, "Shortcut+W", () -> workspace.currentProperty().get() == null ? "Nothing is open." : "", this::closeShown)
                .add("Forget what was opened before", Icons.CLOSE, "", workspace::forgetRecent)
                .add("Quit", Icons.CLOSE, "Shortcut+Q", stage::close);
    }

    private String noView() {
        return present().isPresent() ? "" : "No view is shown.";
    }

    private void changeLook() {
        Theme next = services.themes().themeProperty().get() == Theme.DARK ? Theme.LIGHT : Theme.DARK;
        services.settings().choose(Preference.THEME, next.name().toLowerCase(java.util.Locale.ROOT), this::tell);
    }

    private void closeShown() {
        if (tabs.chosenProperty().get() instanceof TabStrip.Pinned p) {
            tabs.close(p);
        } else {
            workspace.close(workspace.currentProperty().get());
        }
    }

    /// Puts a text on the clipboard.
    static void copy(String text) {
        ClipboardContent content = new ClipboardContent();
        content.putString(text);
        Clipboard.getSystemClipboard().setContent(content);
    }
}
