package vitrine.app.shell;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.List;
import java.util.function.Consumer;
import javafx.beans.InvalidationListener;
import javafx.beans.binding.Bindings;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.AccessibleRole;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.OverrunStyle;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.Tooltip;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.app.shell.command.Commands;
import vitrine.app.state.RecentItem;
import vitrine.app.workspace.HubCache;
import vitrine.app.workspace.Workspace;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Icons;
import vitrine.views.control.Pill;
import vitrine.views.control.ProvenanceAudit;

/// What the middle shows while nothing is chosen: ways to open, the bundled samples, what was opened before.
final class StartPage extends ScrollPane {

    private static final int SHOWN = 8;
    private static final double WIDEST = 1120;
    private static final double WHAT = 260;
    private static final double NARROWEST = 232;
    private static final double WIDEST_CARD = 380;

    private final Workspace workspace;
    private final Consumer<Path> open;
    private final VBox recent = new VBox();
    private final VBox recentSection;
    private final VBox downloaded = new VBox();
    private final VBox downloadedSection;
    private final Button more;

    /// @param samples a card for each bundled sample
    StartPage(Commands commands, Workspace workspace, List<? extends Region> samples, Consumer<Path> open) {
        this.workspace = workspace;
        this.open = open;
        ProvenanceAudit.notAFigure(this, "facts of files as their headers tell them");
        getStyleClass().addAll("edge-to-edge", Styles.CANVAS);
        setFitToWidth(true);
        Label hero = new Label("Look inside a model");
        hero.getStyleClass().add(Styles.HERO);
        Label about = new Label("Drop a checkpoint folder, a file, an adapter or a text. Nothing leaves this machine.");
        about.getStyleClass().add(Styles.MUTED);
        about.setStyle("-fx-font-size: 14px;");
        about.setWrapText(true);
        Button folder = large(Buttons.primary("Open folder…", () -> commands.named("Open folder…").run()));
        folder.setGraphic(Icons.FOLDER.node());
        Button file = large(Buttons.plain("Open file…", Icons.FILE, () -> commands.named("Open file…").run()));
        Button hub = large(Buttons.plain("From the hub cache…", Icons.CHECKPOINT, () -> commands.named("Open from the hub cache…").run()));
        Button tour = large(Buttons.plain("Take the tour", Icons.HELP, () -> commands.named("Take the tour").run()));
        FlowPane buttons = new FlowPane(8, 8, folder, file, hub, tour);
        VBox.setMargin(buttons, new Insets(10, 0, 0, 0));
        VBox top = new VBox(4, hero, about, buttons);
        FlowPane cards = new FlowPane(12, 12);
        cards.getChildren().setAll(samples);
        // Three stand side by side where there is room.
        samples.forEach(s -> s.prefWidthProperty().bind(Bindings.createDoubleBinding(() -> Math.clamp(Math.floor((cards.getWidth() - 24) / 3), NARROWEST, WIDEST_CARD), cards.widthProperty())));
        VBox bundled = section("Bundled samples", "work offline", cards);
        recentSection = section("Recent", "", recent);
        more = Buttons.plain("", () -> commands.named("Open from the hub cache…").run());
        downloadedSection = section("Downloaded before", "in the hub cache of this machine", downloaded);
        downloadedSection.getChildren().add(more);
        showDownloaded(List.of());
        FlowPane reads = new FlowPane(8, 8);
        for (String format : List.of("safetensors, sharded too", "GGUF", "PyTorch .bin, .pt, .pth", "PEFT adapters", "hub cache folders", "txt, jsonl", "results of Vitrine")) {
            reads.getChildren().add(new Pill(format));
        }
        VBox page = new VBox(28, top);
        if (!samples.isEmpty()) {
            page.getChildren().add(bundled);
        }
        page.getChildren().addAll(recentSection, downloadedSection, section("Reads", "", reads));
        page.setPadding(new Insets(28, 24, 24, 24));
        page.setMaxWidth(WIDEST);
        HBox ground = new HBox(page);
        HBox.setHgrow(page, Priority.ALWAYS);
        setContent(ground);
        workspace.recent().addListener((InvalidationListener) o -> showRecent());
        showRecent();
    }

    private static Button large(Button button) {
        button.getStyleClass().add(Styles.LARGE);
        return button;
    }

    private static VBox section(String title, String beside, Node content) {
        Label head = new Label(title);
        head.getStyleClass().add(Styles.PANEL_TITLE);
        Label note = new Label(beside);
        note.getStyleClass().add(Styles.CAPTION);
        HBox line = new HBox(8, head, note);
        line.setAlignment(Pos.BASELINE_LEFT);
        return new VBox(8, line, content);
    }

    private void showRecent() {
        recent.getChildren().clear();
        recentSection.setVisible(!workspace.recent().isEmpty());
        recentSection.setManaged(!workspace.recent().isEmpty());
        recent.getChildren().add(head());
        workspace.recent().stream().limit(SHOWN).forEach(r -> recent.getChildren().add(row(r)));
    }

    private static HBox head() {
        HBox row = new HBox(caption("Name", Priority.ALWAYS, -1), caption("What", null, WHAT), caption("Size", null, 80), caption("Opened", null, 90));
        row.getStyleClass().addAll("vt-recent-row", "vt-head");
        ((Label) row.getChildren().get(2)).setAlignment(Pos.CENTER_RIGHT);
        ((Label) row.getChildren().get(3)).setAlignment(Pos.CENTER_RIGHT);
        return row;
    }

    private static Label caption(String text, Priority grow, double width) {
        Label label = new Label(text);
        label.getStyleClass().add(Styles.CAPTION);
        fix(label, grow, width);
        return label;
    }

    private static void fix(Label label, Priority grow, double width) {
        label.setTextOverrun(OverrunStyle.ELLIPSIS);
        if (grow != null) {
            label.setMaxWidth(Double.MAX_VALUE);
            label.setMinWidth(80);
            HBox.setHgrow(label, grow);
        } else {
            label.setMinWidth(Math.min(width, 80));
            label.setPrefWidth(width);
        }
    }

    private HBox row(RecentItem item) {
        Icons icon = switch (item.kind()) {
            case CHECKPOINT -> Icons.CHECKPOINT;
            case ADAPTER -> Icons.ADAPTER;
            case TEXT -> Icons.TEXT;
        };
        Label name = new Label(item.name(), icon.node());
        name.setGraphicTextGap(8);
        fix(name, Priority.ALWAYS, -1);
        Label what = muted(item.what() + (item.facts().isEmpty() ? "" : ", " + item.facts()), WHAT);
        Label size = muted(Numbers.fileSize(item.bytes()), 80);
        size.setAlignment(Pos.CENTER_RIGHT);
        Label opened = muted(when(item.opened(), Instant.now(), ZoneId.systemDefault()), 90);
        opened.setAlignment(Pos.CENTER_RIGHT);
        HBox row = new HBox(name, what, size, opened);
        row.addEventHandler(KeyEvent.KEY_PRESSED, e -> {
            if (e.getCode() == KeyCode.DELETE) {
                workspace.forget(item);
                e.consume();
            }
        });
        row.setAccessibleText(item.name() + ", " + item.what());
        return openable(row, item.path());
    }

    private static Label muted(String text, double width) {
        Label label = new Label(text);
        label.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        fix(label, null, width);
        return label;
    }

    /// How long ago, in words: `today`, `yesterday`, `4 days ago`, else the date.
    static String when(Instant then, Instant now, ZoneId zone) {
        LocalDate day = LocalDate.ofInstant(then, zone);
        long days = day.until(LocalDate.ofInstant(now, zone), java.time.temporal.ChronoUnit.DAYS);
        if (Duration.between(then, now).isNegative() || days > 13) {
            return day.toString();
        }
        return days == 0 ? "today" : days == 1 ? "yesterday" : days + " days ago";
    }

    /// Lists models that other programs have downloaded; nothing where there are none.
    void showDownloaded(List<HubCache.Entry> entries) {
        downloaded.getChildren().setAll(entries.stream().limit(SHOWN).map(this::row).toList());
        downloadedSection.setVisible(!entries.isEmpty());
        downloadedSection.setManaged(!entries.isEmpty());
        more.setText("All " + entries.size() + "…");
        more.setVisible(entries.size() > SHOWN);
        more.setManaged(entries.size() > SHOWN);
    }

    private HBox row(HubCache.Entry entry) {
        Label name = new Label(entry.name(), Icons.CHECKPOINT.node());
        name.setGraphicTextGap(8);
        fix(name, Priority.ALWAYS, -1);
        Label what = muted(entry.incomplete() ? "incomplete download" : "", WHAT);
        Label size = muted(Numbers.fileSize(entry.bytes()), 80);
        size.setAlignment(Pos.CENTER_RIGHT);
        HBox row = new HBox(name, what, size, muted("", 90));
        row.setAccessibleText(entry.name() + ", " + Numbers.fileSize(entry.bytes()));
        return openable(row, entry.path());
    }

    /// A row that a click or Enter opens.
    private HBox openable(HBox row, Path path) {
        row.getStyleClass().add("vt-recent-row");
        row.setFocusTraversable(true);
        row.setAccessibleRole(AccessibleRole.BUTTON);
        row.setOnMouseClicked(e -> open.accept(path));
        row.addEventHandler(KeyEvent.KEY_PRESSED, e -> {
            if (e.getCode() == KeyCode.ENTER) {
                open.accept(path);
                e.consume();
            }
        });
        Tooltip.install(row, new Tooltip(path.toString()));
        return row;
    }

    /// The rows of downloaded models, for tests.
    List<Node> downloadedRows() {
        return downloaded.getChildren();
    }

    /// The rows of the recent list, for tests.
    List<Node> recentRows() {
        return recent.getChildren().stream().skip(1).toList();
    }

}
