package vitrine.app.shell;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import javafx.beans.value.ChangeListener;
import javafx.beans.value.ObservableValue;
import javafx.beans.value.WeakChangeListener;
import javafx.geometry.Bounds;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Hyperlink;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.TextArea;
import javafx.scene.layout.ColumnConstraints;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.scene.text.Text;
import javafx.scene.text.TextFlow;
import vitrine.app.shell.GuidePage.Block;
import vitrine.app.shell.GuidePage.Code;
import vitrine.app.shell.GuidePage.Heading;
import vitrine.app.shell.GuidePage.Item;
import vitrine.app.shell.GuidePage.Paragraph;
import vitrine.app.shell.GuidePage.Span;
import vitrine.app.shell.GuidePage.Spot;
import vitrine.app.shell.GuidePage.Table;
import vitrine.resources.Guide;
import vitrine.resources.Language;
import vitrine.resources.Styles;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.References;

/// The bundled guide, over the window and in its language: a page, set plainly, at the section that was asked for, which is marked. Links lead to other pages of
/// the guide and nowhere else. Where the language changes, what was being read stays where it is.
final class GuideReader extends VBox {

    private static final double WIDTH = 820;
    /// Above a section that was jumped to, so that what stands before it can be guessed.
    private static final double AIR = 24;
    /// Characters of a command that fit in a line.
    private static final int CODE_COLUMNS = 100;
    /// Between lines of Chinese, whose characters fill their line from top to bottom.
    private static final double CHINESE_LEADING = 3;
    private static final String WORDS = "vt-guide-text";

    private final Picker<String> pages = new Picker<>("Page", Guide.pages(), Guide::title);
    private final ScrollPane scroll = new ScrollPane();
    private final IconButton back;
    private final ObservableValue<Language> language;
    /// Held here, and weakly by the language, which outlives every reader.
    private final ChangeListener<Language> spoken = (o, old, now) -> translate();
    private final Deque<Guide.Section> before = new ArrayDeque<>();
    private Guide.Section shown;
    private Node marked;

    /// What a reader looks at.
    ///
    /// @param block its number; -1 for what is marked
    /// @param part of its height that is above the upper edge; negative where the edge lies between two blocks
    /// @param below how far it begins below the edge, in pixels
    private record Place(int block, double part, double below) {

        /// The marked section, where it is shown when it was asked for.
        static final Place MARKED = new Place(-1, 0, AIR);
    }

    /// @param language that pages are shown in
    /// @param close takes the reader away
    GuideReader(ObservableValue<Language> language, Runnable close) {
        this.language = language;
        language.addListener(new WeakChangeListener<>(spoken));
        getStyleClass().addAll(Styles.POPOVER, "vt-guide");
        ProvenanceAudit.notAFigure(this, "the guide's text");
        setPrefWidth(WIDTH);
        setMaxSize(WIDTH, Double.MAX_VALUE);
        Label title = new Label("Guide");
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        back = new IconButton(Icons.BACK, "Back", "", this::back);
        back.setDisable(true);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        HBox head = new HBox(8, title, pages, back, space, new IconButton(Icons.CLOSE, "Close", "Esc", close));
        head.setAlignment(Pos.CENTER_LEFT);
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        VBox.setVgrow(scroll, Priority.ALWAYS);
        getChildren().addAll(head, scroll);
        pages.valueProperty().addListener((o, old, now) -> {
            if (shown == null || !shown.page().equals(now)) {
                go(Guide.Section.page(now));
            }
        });
    }

    /// Shows a section; what was shown before can be gone back to.
    void go(Guide.Section section) {
        if (shown != null) {
            before.push(shown);
        }
        show(section, Place.MARKED);
    }

    /// What is shown.
    Guide.Section shown() {
        return shown;
    }

    /// The heading or the row that was asked for; null at a page's beginning.
    Node marked() {
        return marked;
    }

    /// Where the keyboard begins: arrows scroll.
    void focus() {
        scroll.requestFocus();
    }

    private void back() {
        if (!before.isEmpty()) {
            show(before.pop(), Place.MARKED);
        }
    }

    /// The same page in the present language, at what is in sight.
    private void translate() {
        if (shown != null) {
            scroll.layout();
            show(shown, place());
        }
    }

    /// What is in sight: the marked section where it is, else the block at the upper edge.
    private Place place() {
        VBox content = (VBox) scroll.getContent();
        double top = scroll.getVvalue() * room(content);
        Bounds section = marked == null ? null : within(content, marked);
        if (section != null && section.getMinY() >= top && section.getMaxY() <= top + scroll.getViewportBounds().getHeight()) {
            return new Place(-1, 0, section.getMinY() - top);
        }
        for (int b = 0; b < content.getChildren().size(); b++) {
            Bounds at = within(content, content.getChildren().get(b));
            if (at.getMaxY() > top && at.getHeight() > 0) {
                return new Place(b, (top - at.getMinY()) / at.getHeight(), 0);
            }
        }
        return new Place(0, 0, 0);
    }

    private static Bounds within(VBox content, Node node) {
        return content.sceneToLocal(node.localToScene(node.getLayoutBounds()));
    }

    /// @param place what to show of it
    private void show(Guide.Section section, Place place) {
        shown = section;
        marked = null;
        back.setDisable(before.isEmpty());
        pages.valueProperty().set(section.page());
        GuidePage page = GuidePage.read(section.page(), language.getValue());
        // Sections are called as they are in English, and stand at the same place in every language.
        Spot spot = GuidePage.find(section).orElse(new Spot(0, -1));
        VBox content = new VBox(8);
        content.setPadding(new Insets(0, 16, 24, 0));
        for (int b = 0; b < page.blocks().size(); b++) {
            boolean here = b == spot.block() && b > 0;
            Node node = node(page.blocks().get(b), here ? spot.row() : -1);
            if (here && spot.row() < 0) {
                marked = node;
            }
            content.getChildren().add(node);
        }
        scroll.setContent(content);
        scroll.setVvalue(0);
        // Wrapped text gets its height while it is laid out, so the place is looked for again until it stays.
        content.layoutBoundsProperty().addListener((o, old, now) -> reveal(content, place));
        scroll.viewportBoundsProperty().addListener((o, old, now) -> {
            if (scroll.getContent() == content) {
                reveal(content, place);
            }
        });
        scroll.layout();
        reveal(content, place);
    }

    private double room(VBox content) {
        return content.getHeight() - scroll.getViewportBounds().getHeight();
    }

    private void reveal(VBox content, Place place) {
        double room = room(content);
        Node node = place.block() < 0 ? marked : place.block() < content.getChildren().size() ? content.getChildren().get(place.block()) : null;
        if (node != null && room > 0) {
            Bounds at = within(content, node);
            scroll.setVvalue(Math.clamp((at.getMinY() + place.part() * at.getHeight() - place.below()) / room, 0, 1));
        }
    }

    private Node node(Block block, int markedRow) {
        return switch (block) {
            case Heading h -> heading(h);
            case Paragraph p -> flow(p.text());
            case Item i -> {
                Label dot = new Label("–");
                dot.getStyleClass().add(Styles.MUTED);
                dot.setMinWidth(Region.USE_PREF_SIZE);
                TextFlow words = flow(i.text());
                HBox.setHgrow(words, Priority.ALWAYS);
                words.setMinWidth(0);
                yield new HBox(8, dot, words);
            }
            case Table t -> table(t, markedRow);
            case Code c -> code(c.text());
        };
    }

    private static Node heading(Heading heading) {
        Text words = new Text(heading.text());
        words.getStyleClass().addAll(WORDS, heading.level() == 1 ? "vt-guide-title" : "vt-guide-heading");
        TextFlow flow = new TextFlow(words);
        VBox.setMargin(flow, new Insets(heading.level() == 1 ? 0 : 12, 0, 0, 0));
        return flow;
    }

    /// Commands to copy: a field that can be selected in.
    private static Node code(String text) {
        TextArea area = new TextArea(text);
        area.setEditable(false);
        area.getStyleClass().addAll(Styles.MONO, "vt-guide-code");
        area.setWrapText(true);
        area.setPrefRowCount(text.lines().mapToInt(l -> 1 + l.length() / CODE_COLUMNS).sum());
        area.setMinHeight(Region.USE_PREF_SIZE);
        area.setAccessibleText("Commands");
        return area;
    }

    private Node table(Table table, int markedRow) {
        GridPane grid = new GridPane();
        grid.getStyleClass().add("vt-guide-table");
        int columns = table.rows().getFirst().size();
        double first = columns > 2 ? 22 : 30;
        for (int c = 0; c < columns; c++) {
            ColumnConstraints width = new ColumnConstraints();
            width.setPercentWidth(c == 0 ? first : (100 - first) / (columns - 1));
            grid.getColumnConstraints().add(width);
        }
        for (int r = 0; r < table.rows().size(); r++) {
            for (int c = 0; c < columns; c++) {
                List<Span> words = c < table.rows().get(r).size() ? table.rows().get(r).get(c) : List.of();
                VBox cell = new VBox(2, flow(words));
                cell.getChildren().addAll(References.rows(GuidePage.words(words)));
                StackPane holder = new StackPane(cell);
                holder.getStyleClass().add(r == 0 ? "vt-guide-head" : "vt-guide-cell");
                if (r == markedRow) {
                    holder.getStyleClass().add("vt-guide-marked");
                    marked = c == 0 ? holder : marked;
                }
                grid.add(holder, c, r);
            }
        }
        return grid;
    }

    private TextFlow flow(List<Span> spans) {
        TextFlow flow = new TextFlow();
        flow.setLineSpacing(language.getValue() == Language.CHINESE ? CHINESE_LEADING : 0);
        for (Span s : spans) {
            flow.getChildren().add(switch (s.style()) {
                case LINK -> link(s);
                case CODE -> text(s, "vt-guide-mono");
                case STRONG -> strong(s);
                case EMPHASIS -> text(s, "vt-guide-emphasis");
                case PLAIN -> text(s, null);
            });
        }
        return flow;
    }

    private Text strong(Span span) {
        Text text = text(span, "vt-guide-strong");
        if (language.getValue() == Language.CHINESE) {
            text.getStyleClass().add("vt-guide-outlined");
        }
        return text;
    }

    private static Text text(Span span, String style) {
        // A flow draws letters with combining marks twice, over their neighbours.
        Text text = new Text(span.text().replace("α\u0302", "α-hat"));
        text.getStyleClass().add(WORDS);
        if (style != null) {
            text.getStyleClass().add(style);
        }
        return text;
    }

    /// Other pages of the guide can be gone to; what else a page links to is not in the program, so its name stands alone.
    private Node link(Span span) {
        String target = span.target();
        int sharp = target.indexOf('#');
        String file = sharp < 0 ? target : target.substring(0, sharp);
        String page = file.isEmpty() ? shown.page() : file.replace(".md", "");
        if (!file.isEmpty() && (!file.endsWith(".md") || !Guide.pages().contains(page))) {
            return text(span, null);
        }
        Hyperlink link = new Hyperlink(span.text());
        link.getStyleClass().add(WORDS);
        String heading = sharp < 0 ? "" : headingOf(page, target.substring(sharp + 1));
        link.setOnAction(e -> go(new Guide.Section(page, heading, "")));
        return link;
    }

    /// The English name of the heading with an anchor of the page as it is shown; empty for none.
    private String headingOf(String page, String anchor) {
        int block = GuidePage.read(page, language.getValue()).anchor(anchor);
        return block >= 0 && GuidePage.read(page).blocks().get(block) instanceof Heading h ? h.text() : "";
    }
}
