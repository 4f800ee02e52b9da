package vitrine.views.gallery;

import java.util.List;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.ToggleButton;
import javafx.scene.layout.BorderPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;
import vitrine.views.control.Buttons;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.Meter;
import vitrine.views.control.NavigatorRow;
import vitrine.views.control.SearchField;

/// The frame of the window around a page, as far as it takes to judge the page in its surroundings.
final class Shell {

    private static final Runnable NOTHING = () -> { };

    private Shell() {}

    static BorderPane around(String active, List<Node> header, Node page, Node inspector, double width) {
        boolean narrow = width < 1360;
        BorderPane root = new BorderPane();
        root.getStyleClass().add(Styles.CANVAS);
        root.setTop(toolbar(narrow));
        VBox navigator = navigator();
        navigator.setPrefWidth(narrow ? 216 : 260);
        navigator.setMinWidth(narrow ? 216 : 260);
        root.setLeft(navigator);
        VBox side = new VBox(inspector);
        side.getStyleClass().add(Styles.INSPECTOR);
        side.setPrefWidth(narrow ? 264 : 300);
        side.setMinWidth(narrow ? 264 : 300);
        root.setRight(side);
        HBox head = new HBox();
        head.getStyleClass().add(Styles.VIEW_HEADER);
        head.getChildren().addAll(header);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        head.getChildren().addAll(space, new HBox(4, new IconButton(Icons.COPY, "Copy as CSV", "Ctrl+Shift+C", NOTHING),
                new IconButton(Icons.EXPORT, "Export", "Ctrl+Shift+E", NOTHING), new IconButton(Icons.COMMAND_LINE, "As a command", "", NOTHING),
                new IconButton(Icons.HELP, "Help", "F1", NOTHING)));
        ((HBox) head.getChildren().getLast()).setAlignment(Pos.CENTER);
        VBox.setVgrow(page, Priority.ALWAYS);
        root.setCenter(new VBox(tabs(active), head, page));
        root.setBottom(status());
        return root;
    }

    private static Node toolbar(boolean narrow) {
        HBox bar = new HBox();
        bar.getStyleClass().add(Styles.TOOLBAR);
        Label name = new Label("Vitrine");
        name.getStyleClass().add(Styles.INSPECTOR_TITLE);
        SearchField search = new SearchField(Icons.SEARCH, "Search tensors, heads, experts, commands", "Ctrl K");
        search.setPrefWidth(400);
        Region left = new Region();
        Region right = new Region();
        HBox.setHgrow(left, Priority.ALWAYS);
        HBox.setHgrow(right, Priority.ALWAYS);
        bar.getChildren().addAll(name, Buttons.plain("Open…", Icons.FOLDER, NOTHING), new IconButton(Icons.RECENT, "Recent", "", NOTHING), left,
                search, right, Buttons.plain("Embedded engine · CPU", Icons.ENGINE, NOTHING),
                new IconButton(Icons.TO_LIGHT, "Light look", "", NOTHING), new IconButton(Icons.HELP, "Help", "F1", NOTHING),
                new IconButton(Icons.SETTINGS, "Settings", "", NOTHING));
        return bar;
    }

    private static VBox navigator() {
        VBox box = new VBox(2);
        box.getStyleClass().add(Styles.NAVIGATOR);
        SearchField filter = new SearchField(Icons.FILTER, "Filter", "");
        box.getChildren().add(filter);
        VBox.setMargin(filter, new javafx.geometry.Insets(0, 0, 4, 0));
        box.getChildren().add(head("Checkpoints", 2));
        NavigatorRow chosen = new NavigatorRow(Icons.CHECKPOINT, "stories260k", "Llama · 260 K");
        chosen.selectedProperty().set(true);
        box.getChildren().addAll(chosen, new NavigatorRow(Icons.CHECKPOINT, "moe-mini", "OLMoE · 1.38 M"), head("Adapters", 1),
                new NavigatorRow(Icons.ADAPTER, "lora-shakespeare", "r 16"), head("Texts", 4),
                new NavigatorRow(Icons.TEXT, "eval.txt", "374 tok"), new NavigatorRow(Icons.TEXT, "shakespeare.jsonl", "3,957"),
                new NavigatorRow(Icons.FILE, "weights-00002.safetensors", "damaged").warning("The file ends at 1,024 bytes"), head("Runs", 3),
                new NavigatorRow(Icons.RUNS, "#14 LoRA r 8", "68 %").running(), new NavigatorRow(Icons.DONE, "#13 LoRA r 16", "13.61"),
                new NavigatorRow(Icons.STOPPED, "#11 Full fine-tune", "stopped"));
        Region space = new Region();
        VBox.setVgrow(space, Priority.ALWAYS);
        Label hint = new Label("Drop a checkpoint, adapter or text anywhere");
        hint.setWrapText(true);
        HBox drop = new HBox(Icons.DROP.node(), hint);
        drop.getStyleClass().add(Styles.DROP_TARGET);
        box.getChildren().addAll(space, drop);
        return box;
    }

    private static Node head(String name, int count) {
        Label title = new Label(name);
        title.getStyleClass().add(Styles.SECTION_HEAD);
        Label number = new Label(Integer.toString(count));
        number.getStyleClass().add(Styles.SECTION_HEAD);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        HBox row = new HBox(Icons.UNFOLDED.node(), title, space, number);
        row.getStyleClass().add(Styles.NAV_HEAD);
        return row;
    }

    private static Node tabs(String active) {
        HBox strip = new HBox();
        strip.getStyleClass().add(Styles.TAB_STRIP);
        Icons[] icons = {Icons.ANATOMY, Icons.ATTENTION, Icons.ROUTING, Icons.RANK, Icons.LORA, Icons.RUNS, Icons.COMPARE};
        String[] names = {"Anatomy", "Attention", "Routing", "Rank", "LoRA", "Runs", "Compare"};
        for (int i = 0; i < names.length; i++) {
            ToggleButton tab = new ToggleButton(names[i], icons[i].node());
            tab.getStyleClass().setAll(Styles.TAB);
            tab.setSelected(names[i].equals(active));
            tab.setDisable(names[i].equals("Routing"));
            tab.setMinWidth(Region.USE_PREF_SIZE);
            if (names[i].equals("Runs")) {
                Label count = new Label("1");
                count.getStyleClass().add(Styles.COUNT);
                HBox both = new HBox(8, icons[i].node(), muted("Runs"), count);
                both.setAlignment(Pos.CENTER);
                tab.setGraphic(both);
                tab.setText("");
            }
            strip.getChildren().add(tab);
        }
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        strip.getChildren().addAll(space, new IconButton(Icons.ADD, "Pin this view", "Ctrl+Shift+P", NOTHING));
        return strip;
    }

    private static Label muted(String text) {
        Label label = new Label(text);
        label.getStyleClass().add(Styles.MUTED);
        return label;
    }

    private static Node status() {
        HBox bar = new HBox();
        bar.getStyleClass().add(Styles.STATUS_BAR);
        Meter meter = new Meter(0.68).thin();
        meter.setMinWidth(120);
        meter.setMaxWidth(120);
        Label step = new Label("step 410 / 600   13 s left");
        step.getStyleClass().add(Styles.MUTED);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        Label right = new Label("Memory 0.8 of 16 GiB     Offline     0.1.0");
        right.getStyleClass().add(Styles.MUTED);
        bar.getChildren().addAll(Icons.RUNS.node(), new Label("#14 LoRA r 8"), meter, step, space, right);
        return bar;
    }

    static VBox inspector(String title, String subtitle, Node... sections) {
        VBox box = new VBox();
        Label name = new Label(title);
        name.getStyleClass().add(Styles.INSPECTOR_TITLE);
        Label below = new Label(subtitle);
        below.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        VBox head = new VBox(2, name, below);
        head.getStyleClass().add(Styles.SECTION);
        box.getChildren().add(head);
        box.getChildren().addAll(sections);
        return box;
    }

    static VBox section(String title, Node right, Node... rows) {
        Label head = new Label(title);
        head.getStyleClass().add(Styles.SECTION_HEAD);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        HBox line = new HBox(head, space, right);
        line.setAlignment(Pos.CENTER_LEFT);
        VBox box = new VBox(line);
        box.getStyleClass().add(Styles.SECTION);
        box.getChildren().addAll(rows);
        return box;
    }
}
