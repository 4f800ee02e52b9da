package vitrine.app.shell;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import javafx.beans.InvalidationListener;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.geometry.Insets;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.Label;
import javafx.scene.control.Menu;
import javafx.scene.control.MenuItem;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.Tooltip;
import javafx.scene.input.Clipboard;
import javafx.scene.input.ClipboardContent;
import javafx.scene.input.KeyEvent;
import javafx.scene.input.MouseButton;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.app.workspace.OpenText;
import vitrine.app.workspace.Recognised;
import vitrine.app.workspace.Subjects;
import vitrine.app.workspace.Workspace;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Icons;
import vitrine.views.control.NavigatorRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.SearchField;
import vitrine.views.runs.RunBoard;
import vitrine.views.runs.RunRow;
import vitrine.views.view.Subject;

/// The left side: what is open, by kind. A click shows it, Delete closes it, the arrows walk through the rows.
final class Navigator extends VBox {

    private enum Section {
        CHECKPOINTS("Checkpoints"), ADAPTERS("Adapters"), TEXTS("Texts"), REFUSED("Not opened"), RUNS("Runs");

        private final String label;

        Section(String label) {
            this.label = label;
        }
    }

    private static final int RUNS_SHOWN = 20;

    private final Workspace workspace;
    private final RunBoard runs;
    private final ObjectProperty<Object> selected = new SimpleObjectProperty<>(this, "selected");
    private final SearchField filter = new SearchField(Icons.FILTER, "Filter", "");
    private final VBox list = new VBox(2);
    private final Set<Section> folded = EnumSet.noneOf(Section.class);
    private final Map<Object, NavigatorRow> rows = new LinkedHashMap<>();
    private BiConsumer<Subject, Subject> comparing = (a, b) -> { };

    Navigator(Workspace workspace, RunBoard runs) {
        this.workspace = workspace;
        this.runs = runs;
        getStyleClass().add(Styles.NAVIGATOR);
        ProvenanceAudit.notAFigure(this, "names and facts of what is open");
        setMinWidth(0);
        ScrollPane scroll = new ScrollPane(list);
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        scroll.setFocusTraversable(false);
        VBox.setVgrow(scroll, Priority.ALWAYS);
        VBox.setMargin(filter, new Insets(0, 0, 4, 0));
        Label hint = new Label("Drop a checkpoint, adapter or text anywhere");
        hint.setWrapText(true);
        hint.setMinHeight(Region.USE_PREF_SIZE);
        HBox drop = new HBox(Icons.DROP.node(), hint);
        drop.getStyleClass().add(Styles.DROP_TARGET);
        drop.setMinHeight(Region.USE_PREF_SIZE);
        getChildren().addAll(filter, scroll, drop);
        InvalidationListener anew = o -> show();
        workspace.checkpoints().addListener(anew);
        workspace.adapters().addListener(anew);
        workspace.texts().addListener(anew);
        workspace.refused().addListener(anew);
        runs.rows().addListener((InvalidationListener) o -> runsChanged());
        selected.addListener((o, old, now) -> rows.forEach((item, row) -> row.selectedProperty().set(key(item).equals(key(now)))));
        filter.textProperty().addListener(anew);
        show();
    }

    /// A run is the same run however far it is.
    private static Object key(Object item) {
        return item instanceof RunRow r ? (Object) r.number() : item == null ? "" : item;
    }

    /// The row that is marked: a [Subject], an [OpenText], a [Recognised.Refused], or null.
    ObjectProperty<Object> selectedProperty() {
        return selected;
    }

    private void show() {
        list.getChildren().clear();
        rows.clear();
        section(Section.CHECKPOINTS, workspace.checkpoints(), s -> row(s, Icons.CHECKPOINT, s.name(), Subjects.fact(s), Path.of(s.path()), () -> workspace.close(s)));
        section(Section.ADAPTERS, workspace.adapters(), s -> row(s, Icons.ADAPTER, s.name(), Subjects.fact(s), Path.of(s.path()), () -> workspace.close(s)));
        section(Section.TEXTS, workspace.texts(), t -> row(t, Icons.TEXT, t.name(), Numbers.count(t.examples()) + (t.examples() == 1 ? " example" : " examples"), t.path(),
                () -> workspace.close(t)));
        if (!workspace.refused().isEmpty()) {
            section(Section.REFUSED, workspace.refused(), r -> row(r, Icons.FILE, r.name(), "", r.path(), () -> workspace.close(r)).warning(r.refusal().getMessage()));
        }
        section(Section.RUNS, runs.rows().subList(0, Math.min(RUNS_SHOWN, runs.rows().size())), this::runRow);
    }

    private NavigatorRow runRow(RunRow r) {
        NavigatorRow row = row(r, r.state().icon(), r.title(), r.fact(), r.run().folder(), null);
        if (r.state().going()) {
            row.running();
        }
        Tooltip.install(row, new Tooltip(r.title() + ", " + r.state().word() + ", " + r.factMeaning() + "\n" + r.run().folder()));
        return row;
    }

    /// While the same runs stand in the same states, only their facts are written anew: the focus stays where it is.
    private void runsChanged() {
        List<RunRow> now = runs.rows().subList(0, Math.min(RUNS_SHOWN, runs.rows().size()));
        List<RunRow> shown = rows.keySet().stream().filter(RunRow.class::isInstance).map(RunRow.class::cast).toList();
        boolean same = now.size() == shown.size() && !folded.contains(Section.RUNS);
        for (int i = 0; same && i < now.size(); i++) {
            same = now.get(i).number() == shown.get(i).number() && now.get(i).state() == shown.get(i).state();
        }
        if (!same) {
            show();
            return;
        }
        for (int i = 0; i < now.size(); i++) {
            rows.get(shown.get(i)).fact(now.get(i).fact());
        }
    }

    private boolean fits(String name) {
        return name.toLowerCase(Locale.ROOT).contains(filter.textProperty().get().strip().toLowerCase(Locale.ROOT));
    }

    private <T> void section(Section section, List<T> items, Function<T, NavigatorRow> toRow) {
        boolean open = !folded.contains(section);
        Label title = new Label(section.label);
        title.getStyleClass().add(Styles.SECTION_HEAD);
        Label count = new Label(items.isEmpty() ? "" : Integer.toString(items.size()));
        count.getStyleClass().add(Styles.SECTION_HEAD);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        HBox head = new HBox((open ? Icons.UNFOLDED : Icons.FOLDED).node(), title, space, count);
        head.getStyleClass().add(Styles.NAV_HEAD);
        head.setOnMouseClicked(e -> {
            if (!folded.remove(section)) {
                folded.add(section);
            }
            show();
        });
        list.getChildren().add(head);
        if (!open) {
            return;
        }
        if (items.isEmpty()) {
            Label none = new Label(section == Section.RUNS ? "None yet" : "None open");
            none.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            none.setPadding(new Insets(3, 8, 5, 32));
            list.getChildren().add(none);
        }
        for (T item : items) {
            NavigatorRow row = toRow.apply(item);
            if (fits(nameOf(item))) {
                list.getChildren().add(row);
            }
        }
    }

    private static String nameOf(Object item) {
        return switch (item) {
            case Subject s -> s.name();
            case OpenText t -> t.name();
            case Recognised.Refused r -> r.name();
            case RunRow r -> r.title();
            default -> "";
        };
    }

    private NavigatorRow row(Object item, Icons icon, String name, String fact, Path path, Runnable close) {
        NavigatorRow row = new NavigatorRow(icon, name, fact);
        row.selectedProperty().set(key(item).equals(key(selected.get())));
        row.setFocusTraversable(true);
        row.setOnMouseClicked(e -> {
            if (e.getButton() == MouseButton.PRIMARY) {
                choose(item);
            }
        });
        row.addEventHandler(KeyEvent.KEY_PRESSED, e -> key(e, item, close));
        MenuItem copy = new MenuItem("Copy path", Icons.COPY.node());
        copy.setOnAction(e -> {
            ClipboardContent content = new ClipboardContent();
            content.putString(path.toString());
            Clipboard.getSystemClipboard().setContent(content);
        });
        MenuItem shut = new MenuItem("Close " + name, Icons.CLOSE.node());
        shut.setMnemonicParsing(false);
        shut.setOnAction(e -> close.run());
        ContextMenu menu = new ContextMenu(copy);
        if (item instanceof Subject subject) {
            menu.setOnShowing(e -> menu.getItems().set(1, compareMenu(subject)));
            menu.getItems().add(compareMenu(subject));
        }
        if (close != null) {
            menu.getItems().add(shut);
        }
        row.setOnContextMenuRequested(e -> menu.show(row, e.getScreenX(), e.getScreenY()));
        Tooltip.install(row, new Tooltip(path.toString()));
        rows.put(item, row);
        return row;
    }

    /// What two subjects can be compared as: a checkpoint with another, or with itself and an adapter on it.
    Menu compareMenu(Subject subject) {
        Menu menu = new Menu("Compare with", Icons.COMPARE.node());
        workspace.subjects().stream().filter(other -> !other.equals(subject) && !(other.isAdapter() && subject.isAdapter())).forEach(other -> {
            MenuItem with = new MenuItem(other.name(), (other.isAdapter() ? Icons.ADAPTER : Icons.CHECKPOINT).node());
            with.setMnemonicParsing(false);
            with.setOnAction(e -> comparing.accept(subject, other));
            menu.getItems().add(with);
        });
        menu.setDisable(menu.getItems().isEmpty());
        return menu;
    }

    /// How the window compares two subjects.
    void compareWith(BiConsumer<Subject, Subject> how) {
        comparing = how;
    }

    /// Marks an item and has the window show it.
    private void choose(Object item) {
        selected.set(item);
        if (item instanceof Subject s) {
            workspace.currentProperty().set(s);
        }
    }

    private void key(KeyEvent e, Object item, Runnable close) {
        switch (e.getCode()) {
            case ENTER, SPACE -> choose(item);
            case DELETE -> {
                if (close != null) {
                    close.run();
                }
            }
            case DOWN -> step(1);
            case UP -> step(-1);
            default -> {
                return;
            }
        }
        e.consume();
    }

    private void step(int by) {
        List<NavigatorRow> seen = rows();
        int at = seen.indexOf(getScene().getFocusOwner());
        if (!seen.isEmpty()) {
            seen.get(Math.clamp(at + by, 0, seen.size() - 1)).requestFocus();
        }
    }

    /// The rows as they stand, for tests.
    List<NavigatorRow> rows() {
        return list.getChildren().stream().filter(NavigatorRow.class::isInstance).map(NavigatorRow.class::cast).toList();
    }
}
