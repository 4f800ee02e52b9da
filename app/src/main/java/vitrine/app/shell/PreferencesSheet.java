package vitrine.app.shell;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.OverrunStyle;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.ToggleButton;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.app.preferences.Preference;
import vitrine.app.preferences.Preferences;
import vitrine.app.program.Folders;
import vitrine.app.services.Services;
import vitrine.app.services.Settings;
import vitrine.core.engine.Pythons;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.refusal.Refusal;
import vitrine.resources.Language;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Icons;
import vitrine.views.control.IconButton;
import vitrine.views.control.Picker;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;

/// All preferences on one sheet over the window. A choice takes effect at once; what waits for the next start says so.
final class PreferencesSheet extends VBox {

    private static final double WIDTH = 560;
    private static final double NAME = 130;
    private static final long GIBI = 1 << 30;

    private final Services services;
    private final Settings settings;
    private final Questions questions;
    private final Label told = wrapped("");
    private final Label unspoken = wrapped("");
    private final Segments<String> looks;

    /// @param close takes the sheet away
    PreferencesSheet(Services services, Questions questions, Runnable close) {
        this.services = services;
        this.questions = questions;
        settings = services.settings();
        getStyleClass().addAll(Styles.POPOVER, "vt-sheet");
        ProvenanceAudit.notAFigure(this, "settings");
        setPrefWidth(WIDTH);
        setMaxSize(WIDTH, USE_PREF_SIZE);
        Label title = new Label("Preferences");
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        HBox head = new HBox(8, title, space, new IconButton(Icons.CLOSE, "Close", "Esc", close));
        head.setAlignment(Pos.CENTER_LEFT);
        told.getStyleClass().add(Styles.DANGER_TEXT);
        unspoken.getStyleClass().add(Styles.WARNING_TEXT);
        show(told, "");
        looks = new Segments<>(List.of("system", "dark", "light"), l -> switch (l) {
            case "dark" -> "Dark";
            case "light" -> "Light";
            default -> "As the system";
        });
        looks.valueProperty().set(value(Preference.THEME));
        looks.valueProperty().addListener((o, old, now) -> choose(Preference.THEME, now));
        VBox rows = new VBox(10, section("Look"), row("Theme", looks, ""), row("Language", languages(), ""), unspoken, row("Interface scale", scale(), scaleNote()),
                section("Computing"), row("Threads", threads(), "Holds from the next task on."), row("Memory limit", memory(), "Of the worker, the process that computes. Holds from the next task on."),
                row("Python", python(), "For the pytorch engine of the command line, and for runs on it."),
                section("Files"), row("Data folder", folder(), folderNote()),
                row("Preferences", place(settings.file().path().toString()), "A file to read and to edit; vitrine preferences shows and sets the same."),
                row("Opened before", Buttons.plain("Forget it", Icons.CLOSE, services.workspace()::forgetRecent), ""));
        rows.setPadding(new Insets(0, 12, 4, 0));
        ScrollPane scroll = new ScrollPane(rows);
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        scroll.setMinHeight(0);
        // As high as its rows where the window is; a scroll pane would be lower by itself.
        scroll.prefHeightProperty().bind(rows.heightProperty().add(2));
        VBox.setVgrow(scroll, Priority.ALWAYS);
        getChildren().addAll(head, told, scroll);
        List<String> wrong = settings.nowProperty().get().problems().stream().map(Refusal::getMessage).toList();
        if (!wrong.isEmpty()) {
            show(told, String.join("\n", wrong));
        }
        showUnspoken();
    }

    /// Where the keyboard begins.
    void focus() {
        // What lies in a scroll pane is in the scene only once the pane has its skin.
        applyCss();
        looks.getChildren().stream().filter(n -> ((ToggleButton) n).isSelected()).forEach(Node::requestFocus);
    }

    private String value(Preference p) {
        return settings.nowProperty().get().value(p);
    }

    private void choose(Preference p, String value) {
        settings.choose(p, value, sentence -> show(told, sentence));
        showUnspoken();
    }

    private void showUnspoken() {
        show(unspoken, settings.unspoken().orElse(""));
    }

    // --- what is chosen

    private Node languages() {
        List<String> tags = Stream.concat(Stream.of("system"), Stream.of(Language.values()).map(Language::tag)).toList();
        Segments<String> segments = new Segments<>(tags, t -> Language.ofTag(t).map(Language::label).orElse("As the system"));
        segments.valueProperty().set(value(Preference.LANGUAGE));
        segments.valueProperty().addListener((o, old, now) -> choose(Preference.LANGUAGE, now));
        return segments;
    }

    private Node scale() {
        Picker<String> picker = picker("Interface scale", Preference.SCALE, List.of("system", "100", "125", "150", "175", "200"), v -> v.equals("system") ? "As the system" : v + " %");
        if (mac()) {
            Buttons.disableBecause(picker, scaleNote(), "");
        }
        return picker;
    }

    private static boolean mac() {
        return System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("mac");
    }

    private static String scaleNote() {
        return mac() ? "macOS scales by the display: choose the scale in its settings." : "Holds from the next start on.";
    }

    private Node threads() {
        int cores = Runtime.getRuntime().availableProcessors();
        List<String> counts = new ArrayList<>(List.of("all"));
        Stream.of(cores - 1, cores / 2, cores / 4, 1).filter(n -> n >= 1).distinct().sorted(java.util.Comparator.reverseOrder()).forEach(n -> counts.add(Integer.toString(n)));
        return picker("Threads", Preference.THREADS, counts, v -> v.equals("all") ? "All " + cores : v);
    }

    private Node memory() {
        long machine = WorkerCommand.defaultMemoryBytes() / 8 * 10;
        List<String> limits = new ArrayList<>(List.of("auto"));
        for (long gib = 1; gib * GIBI < machine; gib *= 2) {
            limits.add(Long.toString(gib << 10));
        }
        return picker("Memory limit", Preference.MEMORY, limits, v -> v.equals("auto") ? "80 % of this machine: " + Numbers.bytes(WorkerCommand.defaultMemoryBytes())
                : Numbers.bytes(Long.parseLong(v) << 20));
    }

    /// Offers some values, and the one that is chosen wherever it came from.
    private Picker<String> picker(String name, Preference p, List<String> offered, java.util.function.Function<String, String> naming) {
        String chosen = value(p);
        List<String> all = offered.contains(chosen) ? offered : Stream.concat(offered.stream(), Stream.of(chosen)).toList();
        Picker<String> picker = new Picker<>("", all, naming);
        picker.valueProperty().set(chosen);
        picker.setAccessibleText(name + " " + naming.apply(chosen));
        picker.valueProperty().addListener((o, old, now) -> {
            choose(p, now);
            picker.setAccessibleText(name + " " + naming.apply(now));
        });
        return picker;
    }

    private Node python() {
        String variable = System.getenv(Pythons.VARIABLE);
        if (variable != null && !variable.isBlank()) {
            return place(variable + " (VITRINE_PYTHON)");
        }
        return chosenPath(Preference.PYTHON, "Found by itself", "Choose Python…", () -> questions.files().stream().findFirst());
    }

    private Node folder() {
        return Folders.named().isPresent() ? place(services.folders().home().toString())
                : chosenPath(Preference.DATA_FOLDER, services.folders().home().toString(), "Choose folder…", questions::folder);
    }

    private static String folderNote() {
        return Folders.named().isPresent() ? "VITRINE_HOME names it." : "Holds results, runs and logs. Another one is used from the next start on; nothing is moved.";
    }

    /// A path that is asked for by a dialog, with a way back to the usual one.
    private Node chosenPath(Preference p, String usual, String ask, java.util.function.Supplier<Optional<Path>> asking) {
        Label shown = path(value(p).equals(p.usual()) ? usual : value(p));
        Button back = Buttons.plain("As usual", () -> { });
        back.setDisable(value(p).equals(p.usual()));
        back.setOnAction(e -> {
            choose(p, p.usual());
            shown.setText(usual);
            back.setDisable(true);
        });
        Button choose = Buttons.plain(ask, () -> asking.get().map(f -> f.toAbsolutePath().toString()).ifPresent(f -> {
            Optional<String> wrong = p.problem(f);
            show(told, wrong.map(w -> f + ": " + w + ".").orElse(""));
            if (wrong.isEmpty()) {
                choose(p, f);
                shown.setText(f);
                back.setDisable(false);
            }
        }));
        return new VBox(4, shown, new HBox(8, choose, back));
    }

    // --- how it looks

    private static Label path(String text) {
        Label label = new Label(text);
        label.getStyleClass().add(Styles.SMALL);
        label.setMinHeight(24);
        label.setTextOverrun(OverrunStyle.CENTER_ELLIPSIS);
        label.setMinWidth(60);
        label.setMaxWidth(Double.MAX_VALUE);
        Tooltip tip = new Tooltip();
        tip.textProperty().bind(label.textProperty());
        label.setTooltip(tip);
        return label;
    }

    private static Node place(String path) {
        HBox box = new HBox(8, path(path), new IconButton(Icons.COPY, "Copy the path", "", () -> MainWindow.copy(path)).compact());
        box.setAlignment(Pos.CENTER_LEFT);
        return box;
    }

    private static Node section(String name) {
        Label label = new Label(name);
        label.getStyleClass().add(Styles.SECTION_HEAD);
        VBox.setMargin(label, new Insets(8, 0, 0, 0));
        return label;
    }

    private static Node row(String name, Node control, String note) {
        Label label = new Label(name);
        label.setMinWidth(NAME);
        label.setPrefWidth(NAME);
        label.setMinHeight(28);
        label.setLabelFor(control);
        VBox right = new VBox(2, control);
        right.setAlignment(Pos.CENTER_LEFT);
        if (!note.isEmpty()) {
            Label caption = wrapped(note);
            caption.getStyleClass().add(Styles.CAPTION);
            right.getChildren().add(caption);
        }
        HBox.setHgrow(right, Priority.ALWAYS);
        HBox row = new HBox(12, label, right);
        row.setAlignment(Pos.TOP_LEFT);
        return row;
    }

    private static Label wrapped(String text) {
        Label label = new Label(text);
        label.setWrapText(true);
        label.setMinHeight(USE_PREF_SIZE);
        return label;
    }

    private static void show(Label label, String text) {
        label.setText(text);
        label.setVisible(!text.isEmpty());
        label.setManaged(!text.isEmpty());
    }
}
