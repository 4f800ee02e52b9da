package vitrine.views.control;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import javafx.beans.property.ReadOnlyStringWrapper;
import javafx.geometry.Bounds;
import javafx.geometry.Pos;
import javafx.geometry.Rectangle2D;
import javafx.scene.Node;
import javafx.scene.SnapshotParameters;
import javafx.scene.TraversalDirection;
import javafx.scene.control.CheckBox;
import javafx.scene.control.Label;
import javafx.scene.control.ListView;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.Slider;
import javafx.scene.control.Spinner;
import javafx.scene.control.TableColumn;
import javafx.scene.control.TableView;
import javafx.scene.control.TextArea;
import javafx.scene.control.TextField;
import javafx.scene.control.ToggleButton;
import javafx.scene.image.WritableImage;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import javafx.scene.paint.Color;
import javafx.stage.Stage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Styles;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Palette;
import vitrine.views.chart.Sparkline;
import vitrine.views.chart.Theme;
import vitrine.views.testing.FxThread;

/// Whoever works with the keyboard sees where they are: every kind of control with focus looks other than without, by pixels that
/// changed their contrast by at least 3:1 (WCAG 2.2, 1.4.11 and 2.4.13) along at least half its outline.
class FocusVisibleTest {

    /// What of a control carries its mark of focus, where it is not the whole.
    private static final Map<String, String> PARTS = Map.of("check box", ".box", "slider", ".thumb");
    /// Room around a control, in pixels, that a ring may take.
    private static final int ROOM = 8;
    private static final double LEAST = 3;

    private Stage stage;

    @AfterEach
    void close() {
        FxThread.run(stage::close);
    }

    private static Map<String, Node> controls() {
        Map<String, Node> all = new LinkedHashMap<>();
        all.put("button", Buttons.plain("Open…", () -> { }));
        all.put("primary button", Buttons.primary("Compute", () -> { }));
        all.put("danger button", Buttons.danger("Delete", () -> { }));
        all.put("icon button", new IconButton(Icons.HELP, "Help", "F1", () -> { }));
        all.put("picker", new Picker<>("Measure", List.of("entropy", "rank"), Function.identity()));
        all.put("segments", new Segments<>(List.of("Linear", "Log"), Function.identity()));
        all.put("switch", toggle("3", "vt-switch", false));
        all.put("switch, off", toggle("4", "vt-switch", true));
        all.put("tab", toggle("Anatomy", Styles.TAB, false));
        all.put("tab in front", toggle("Rank", Styles.TAB, true));
        all.put("pill", pill());
        all.put("search field", new SearchField(Icons.SEARCH, "Filter", ""));
        TextField field = new TextField("600");
        field.getStyleClass().add("vt-form-field");
        all.put("text field", field);
        all.put("spinner", sized(new Spinner<Integer>(1, 64, 16), 90, 30));
        all.put("text area", sized(new TextArea("A prompt"), 160, 60));
        all.put("check box", new CheckBox("books"));
        all.put("slider", new Slider(0, 1, 0.5));
        all.put("table", sized(table(), 160, 90));
        ListView<String> list = new ListView<>();
        list.getItems().addAll("one", "two");
        list.getSelectionModel().select(0);
        all.put("list", sized(list, 120, 90));
        Node row = sized(new NavigatorRow(Icons.CHECKPOINT, "tiny", "1.2 M"), 180, 28);
        row.setFocusTraversable(true);
        all.put("navigator row", row);
        all.put("row that leads on", row("vt-link-row"));
        all.put("sample", row("vt-sample"));
        all.put("recent row", row("vt-recent-row"));
        all.put("badge", new ProvenanceBadge(Provenance.measured("a", "F32", "mean").of(3)));
        all.put("figure", figure());
        // Inside a pane that cuts off what lies outside of its content.
        all.put("scrolled figure", new ScrollPane(figure()) {
            {
                setFocusTraversable(false);
            }
        });
        return all;
    }

    private static Node toggle(String text, String style, boolean selected) {
        ToggleButton b = new ToggleButton(text);
        b.getStyleClass().add(style);
        b.setSelected(selected);
        return b;
    }

    private static Node pill() {
        var b = new javafx.scene.control.Button("2 warnings");
        b.getStyleClass().add(Styles.PILL);
        return b;
    }

    private static Node row(String style) {
        HBox row = new HBox(8, new Label("layer 2"), new Label("0.5"));
        row.setFocusTraversable(true);
        row.setAlignment(Pos.CENTER_LEFT);
        row.getStyleClass().add(style);
        return sized(row, 140, 28);
    }

    private static Node figure() {
        FigureCanvas figure = new FigureCanvas(new Sparkline(new double[] {1, 3, 2}, 0));
        figure.setFocusTraversable(true);
        return sized(figure, 90, 40);
    }

    private static TableView<String> table() {
        TableView<String> table = new TableView<>();
        TableColumn<String, String> name = new TableColumn<>("name");
        name.setCellValueFactory(c -> new ReadOnlyStringWrapper(c.getValue()));
        table.getColumns().add(name);
        table.getItems().addAll("a", "b");
        table.getSelectionModel().select(0);
        return table;
    }

    private static Node sized(Region region, double width, double height) {
        region.setPrefSize(width, height);
        region.setMinSize(width, height);
        region.setMaxSize(width, height);
        return region;
    }

    /// Shows the controls on a card, each behind a node that can have the focus and looks like nothing.
    private Map<String, Region> show(Map<String, Node> controls, Theme theme) {
        Map<String, Region> before = new LinkedHashMap<>();
        FlowPane flow = new FlowPane(24, 24);
        flow.setStyle("-fx-background-color: -vt-card; -fx-padding: 24px;");
        controls.forEach((name, node) -> {
            Region start = new Region();
            start.setFocusTraversable(true);
            before.put(name, start);
            HBox pair = new HBox(ROOM, start, node);
            pair.setAlignment(Pos.CENTER_LEFT);
            pair.setFillHeight(false);
            flow.getChildren().add(pair);
        });
        stage = FxThread.show(flow, 900, 700, theme);
        return before;
    }

    @ParameterizedTest
    @EnumSource(Theme.class)
    void everyControlShowsThatItHasTheFocus(Theme theme) {
        Map<String, Node> controls = FxThread.get(FocusVisibleTest::controls);
        Map<String, Region> before = show(controls, theme);
        assertAll(controls.entrySet().stream().map(e -> () -> {
            String name = e.getKey();
            Node marked = FxThread.get(() -> PARTS.containsKey(name) ? e.getValue().lookup(PARTS.get(name)) : e.getValue());
            FxThread.run(() -> before.get(name).requestFocus());
            Rectangle2D view = FxThread.get(() -> around(marked));
            WritableImage without = picture(view);
            FxThread.run(() -> before.get(name).requestFocusTraversal(TraversalDirection.NEXT));
            Node owner = FxThread.get(() -> stage.getScene().getFocusOwner());
            assertTrue(FxThread.get(() -> within(owner, e.getValue())), name + " is reached by Tab, not " + owner);
            WritableImage with = picture(view);
            assertEquals(view, FxThread.get(() -> around(marked)), name + " keeps its size and place");
            Bounds outline = FxThread.get(() -> (owner != e.getValue() && within(owner, marked) && name.equals("segments") ? owner : marked).getBoundsInParent());
            int changed = changed(without, with);
            // A ring is two pixels wide on four sides; this asks for half of one pixel's width.
            double least = outline.getWidth() + outline.getHeight();
            assertTrue(changed >= least, name + " in " + theme + ": " + changed + " pixels change by " + LEAST + ":1, of at least " + least);
        }));
    }

    private static boolean within(Node node, Node ancestor) {
        for (Node n = node; n != null; n = n.getParent()) {
            if (n == ancestor) {
                return true;
            }
        }
        return false;
    }

    private static Rectangle2D around(Node node) {
        // Not the bounds in the scene, which grow with a border that lies outside.
        Bounds b = node.localToScene(node.getLayoutBounds());
        return new Rectangle2D(Math.floor(b.getMinX()) - ROOM, Math.floor(b.getMinY()) - ROOM, Math.ceil(b.getWidth()) + 2 * ROOM, Math.ceil(b.getHeight()) + 2 * ROOM);
    }

    private WritableImage picture(Rectangle2D view) {
        return FxThread.get(() -> {
            SnapshotParameters p = new SnapshotParameters();
            p.setViewport(view);
            return stage.getScene().getRoot().snapshot(p, null);
        });
    }

    private static int changed(WritableImage without, WritableImage with) {
        int n = 0;
        for (int y = 0; y < without.getHeight(); y++) {
            for (int x = 0; x < without.getWidth(); x++) {
                Color a = without.getPixelReader().getColor(x, y);
                Color b = with.getPixelReader().getColor(x, y);
                if (!a.equals(b) && Palette.contrast(a, b) >= LEAST) {
                    n++;
                }
            }
        }
        return n;
    }

    /// Where one may type or tick is known by its edge alone.
    @ParameterizedTest
    @EnumSource(Theme.class)
    void edgesOfInputsStandOut(Theme theme) {
        Map<String, Node> controls = FxThread.get(FocusVisibleTest::controls);
        show(controls, theme);
        FxThread.run(() -> stage.getScene().getRoot().requestFocus());
        FxThread.run(() -> stage.getScene().getRoot().applyCss());
        Color card = theme.palette().card();
        assertAll(List.of("search field", "text field", "text area", "spinner", "check box").stream().map(name -> () -> {
            Region input = FxThread.get(() -> (Region) (PARTS.containsKey(name) ? controls.get(name).lookup(PARTS.get(name)) : controls.get(name)));
            Color edge = FxThread.get(() -> (Color) (input.getBorder() != null ? input.getBorder().getStrokes().getFirst().getTopStroke() : input.getBackground().getFills().getFirst().getFill()));
            Color ground = FxThread.get(() -> (Color) input.getBackground().getFills().getLast().getFill());
            assertTrue(Palette.contrast(edge, card) >= LEAST, name + " in " + theme + " against its card: " + Palette.contrast(edge, card));
            assertTrue(Palette.contrast(edge, ground) >= LEAST, name + " in " + theme + " against its own ground: " + Palette.contrast(edge, ground));
        }));
    }
}
