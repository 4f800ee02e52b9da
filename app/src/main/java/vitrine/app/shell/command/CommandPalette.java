package vitrine.app.shell.command;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import javafx.css.PseudoClass;
import javafx.geometry.Insets;
import javafx.scene.control.Label;
import javafx.scene.control.OverrunStyle;
import javafx.scene.control.ScrollPane;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.SearchField;
import vitrine.views.view.Place;

/// Finds commands, tensors and heads by a few letters of their names. Up and Down choose, Enter goes there, Escape closes.
public final class CommandPalette extends VBox {

    /// Rows shown at once.
    private static final int ROWS = 12;
    private static final PseudoClass SELECTED = PseudoClass.getPseudoClass("selected");
    private static final String COMMANDS = "Commands";

    /// Something that a row stands for; a command that cannot be done now tells why in place of its keys.
    private record Entry(String group, Icons icon, String name, String detail, boolean possible, Runnable go) {}

    private final SearchField search = new SearchField(Icons.SEARCH, "Search tensors, heads, experts, commands", "");
    private final VBox list = new VBox();
    private final ScrollPane scroll = new ScrollPane(list);
    private final Runnable close;
    private final List<Entry> entries = new ArrayList<>();
    private final List<Entry> shown = new ArrayList<>();
    private final List<HBox> rows = new ArrayList<>();
    private int selected;

    /// @param places asked for once, when the palette opens
    /// @param close takes the palette away
    public CommandPalette(List<Command> commands, Supplier<List<Place>> places, Runnable close) {
        this.close = close;
        getStyleClass().add(Styles.PALETTE);
        setMaxHeight(USE_PREF_SIZE);
        ProvenanceAudit.notAFigure(this, "names of commands and places");
        for (Command c : commands) {
            String obstacle = c.obstacle().get();
            entries.add(new Entry(COMMANDS, c.icon(), c.name(), obstacle.isEmpty() ? c.keys() : obstacle, obstacle.isEmpty(), c::run));
        }
        for (Place p : places.get()) {
            entries.add(new Entry(p.group(), p.icon(), p.name(), p.detail(), true, p.go()));
        }
        list.setPadding(new Insets(4, 6, 0, 6));
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.setFocusTraversable(false);
        scroll.setMinHeight(0);
        scroll.getStyleClass().addAll("edge-to-edge", "vt-view-scroll");
        // As high as its rows where the window is.
        scroll.prefHeightProperty().bind(list.heightProperty().add(2));
        VBox.setVgrow(scroll, Priority.ALWAYS);
        getChildren().addAll(search, scroll);
        search.textProperty().addListener((o, old, now) -> filter());
        search.field().addEventFilter(KeyEvent.KEY_PRESSED, this::key);
        filter();
    }

    /// Puts the cursor where one types.
    public void focus() {
        search.field().requestFocus();
    }

    /// Where one types.
    public SearchField search() {
        return search;
    }

    private void key(KeyEvent e) {
        switch (e.getCode()) {
            case DOWN -> select(selected + 1);
            case UP -> select(selected - 1);
            case PAGE_DOWN -> select(shown.size() - 1);
            case PAGE_UP -> select(0);
            case ENTER -> go(selected);
            case ESCAPE -> close.run();
            default -> {
                return;
            }
        }
        e.consume();
    }

    private void filter() {
        FuzzyMatch match = new FuzzyMatch(search.textProperty().get());
        record Scored(Entry entry, int score) {}
        List<Scored> fitting = new ArrayList<>();
        for (Entry e : entries) {
            int score = match.score(e.name());
            if (score != FuzzyMatch.NONE) {
                fitting.add(new Scored(e, e.possible() ? score : score - 1000));
            }
        }
        if (!search.textProperty().get().isBlank()) {
            fitting.sort(Comparator.comparingInt(Scored::score).reversed());
        }
        List<Entry> best = fitting.stream().limit(ROWS).map(Scored::entry).toList();
        // Groups in the order of their best rows.
        Map<String, List<Entry>> groups = new LinkedHashMap<>();
        best.forEach(e -> groups.computeIfAbsent(e.group(), g -> new ArrayList<>()).add(e));
        shown.clear();
        rows.clear();
        list.getChildren().clear();
        groups.forEach((group, members) -> {
            Label head = new Label(group);
            head.getStyleClass().add(Styles.SECTION_HEAD);
            head.setPadding(new Insets(6, 10, 2, 10));
            list.getChildren().add(head);
            members.forEach(this::addRow);
        });
        if (shown.isEmpty()) {
            Label none = new Label("Nothing is called that.");
            none.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            none.setPadding(new Insets(10));
            list.getChildren().add(none);
        }
        select(0);
    }

    private void addRow(Entry e) {
        Label name = new Label(e.name());
        name.setTextOverrun(OverrunStyle.CENTER_ELLIPSIS);
        name.setMinWidth(120);
        Label detail = new Label(e.detail());
        detail.getStyleClass().add(Styles.CAPTION);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        HBox row = new HBox(e.icon().node(), name, space, detail);
        row.getStyleClass().add(Styles.PALETTE_ROW);
        if (!e.possible()) {
            row.setOpacity(0.55);
        }
        int index = shown.size();
        row.setOnMouseEntered(m -> select(index));
        row.setOnMouseClicked(m -> go(index));
        shown.add(e);
        rows.add(row);
        list.getChildren().add(row);
    }

    private void select(int index) {
        if (rows.isEmpty()) {
            selected = -1;
            return;
        }
        selected = Math.clamp(index, 0, rows.size() - 1);
        for (int i = 0; i < rows.size(); i++) {
            rows.get(i).pseudoClassStateChanged(SELECTED, i == selected);
        }
        double view = scroll.getViewportBounds().getHeight();
        double beyond = list.getHeight() - view;
        if (beyond > 0) {
            scroll.setVvalue(Math.clamp((rows.get(selected).getBoundsInParent().getCenterY() - view / 2) / beyond, 0, 1));
        }
    }

    private void go(int index) {
        if (index >= 0 && index < shown.size() && shown.get(index).possible()) {
            Entry chosen = shown.get(index);
            close.run();
            chosen.go().run();
        }
    }
}
