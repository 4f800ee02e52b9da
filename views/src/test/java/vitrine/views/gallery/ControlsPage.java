package vitrine.views.gallery;

import java.util.List;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.ProgressBar;
import javafx.scene.control.Slider;
import javafx.scene.control.SplitPane;
import javafx.scene.control.TableColumn;
import javafx.scene.control.TableView;
import javafx.scene.control.TextField;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.scene.text.Text;
import javafx.scene.text.TextFlow;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.HelpPopover;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.MetricTile;
import vitrine.views.control.Picker;
import vitrine.views.control.Pill;
import vitrine.views.control.ProgressRow;
import vitrine.views.control.ProvenanceBadge;
import vitrine.views.control.Quantity;
import vitrine.views.control.SearchField;
import vitrine.views.control.Segments;

/// Every control in its states, without the window around.
final class ControlsPage {

    private static final Runnable NOTHING = () -> { };

    private ControlsPage() {}

    static StackPane build(double width) {
        VBox first = new VBox(12, buttons(), fields(), badges(), type());
        VBox second = new VBox(12, tiles(), states(), progress());
        VBox third = new VBox(12, table(), palette(), drop());
        HBox columns = new HBox(12, first, second, third);
        columns.setPadding(new Insets(16));
        for (Node column : columns.getChildren()) {
            HBox.setHgrow(column, Priority.ALWAYS);
            ((Region) column).setPrefWidth(400);
        }
        StackPane root = new StackPane(columns);
        root.getStyleClass().add(Styles.CANVAS);
        return root;
    }

    private static Node buttons() {
        Button disabled = Buttons.plain("Compare…", Icons.COMPARE, NOTHING);
        Buttons.disableBecause(disabled, "moe-mini has no adapter open", "");
        Button confirm = Buttons.danger("Cancel run", NOTHING);
        confirm.getStyleClass().add(Styles.CONFIRM);
        Button large = Buttons.plain("Open file…", Icons.FILE, NOTHING);
        large.getStyleClass().add(Styles.LARGE);
        FlowPane row = new FlowPane(8, 8, Buttons.primary("Write adapter…", NOTHING), Buttons.plain("Write rank_pattern…", NOTHING),
                Buttons.plain("Open…", Icons.FOLDER, NOTHING), disabled, Buttons.danger("Cancel run", NOTHING), confirm, large,
                new IconButton(Icons.COPY, "Copy as CSV", "Ctrl+Shift+C", NOTHING), new IconButton(Icons.EXPORT, "Export", "", NOTHING),
                new IconButton(Icons.ENLARGE, "Enlarge", "", NOTHING).compact());
        Segments<String> scale = new Segments<>(List.of("Linear", "√", "Log"), s -> s);
        scale.valueProperty().set("√");
        scale.disableBecause("Log", "the values hold zeros");
        FlowPane pickers = new FlowPane(8, 8, new Picker<>("Sort by", List.of("layer, head", "entropy"), s -> s), scale,
                new Segments<>(List.of("One rank", "By energy"), s -> s).compact());
        return new Card("Buttons, pickers, segments").content(new VBox(10, row, pickers));
    }

    private static Node fields() {
        TextField field = new TextField("0.95");
        Slider slider = new Slider(0, 16, 8);
        ProgressBar bar = new ProgressBar(0.4);
        bar.setMaxWidth(Double.MAX_VALUE);
        SplitPane split = new SplitPane(new StackPane(new Label("left")), new StackPane(new Label("right")));
        split.setPrefHeight(40);
        return new Card("Fields").content(new VBox(10, new SearchField(Icons.SEARCH, "Search tensors, heads, experts, commands", "Ctrl K"), field,
                slider, bar, split));
    }

    private static Node badges() {
        FlowPane badges = new FlowPane(16, 6, new ProvenanceBadge(SampleData.MEASURED), new ProvenanceBadge(SampleData.DERIVED),
                new ProvenanceBadge(SampleData.ESTIMATED), new ProvenanceBadge(SampleData.SAMPLE));
        FlowPane pills = new FlowPane(6, 6, new Pill("safetensors"), new Pill("F32"), Pill.success("no warnings"), Pill.warning("left out"),
                Pill.danger("damaged"), Pill.running("running"));
        return new Card("Badges and pills").content(new VBox(10, badges, pills));
    }

    private static Node type() {
        VBox box = new VBox(6);
        String[][] styles = {{"Look inside a model", Styles.HERO}, {"260,032", Styles.FIGURE_TEXT}, {"2.335", Styles.FIGURE_LARGE},
            {"Panel title", Styles.PANEL_TITLE}, {"Small text of tables and notes", Styles.SMALL}, {"Caption, units, axis labels", Styles.CAPTION},
            {"model.layers.2.mlp.gate_proj.weight ÷ × → √ ≤", Styles.MONO}};
        for (String[] style : styles) {
            Label label = new Label(style[0]);
            label.getStyleClass().add(style[1]);
            box.getChildren().add(label);
        }
        Text strong = new Text("0.91");
        strong.getStyleClass().add(Styles.STRONG);
        strong.setStyle("-fx-font-family: 'Inter SemiBold'");
        Text rest = new Text(" highest between neighbours: ‖W‖² σᵢ / σ₁ 10⁻³ √ − ± ↑ ↓ █ ▸ ✓");
        rest.getStyleClass().add(Styles.MUTED);
        box.getChildren().add(new TextFlow(strong, rest));
        return new Card("Type").content(box);
    }

    private static Node tiles() {
        HBox row = new HBox(12, new MetricTile("Parameters", Quantity.of(260_032, Numbers::count, SampleData.MEASURED)).badge().note("tied head counted once"),
                new MetricTile("KV cache at 512", Quantity.of(655_360, Numbers::bytes, SampleData.DERIVED)).badge().note("2 × 5 × 4 × 8 × 512 × 4 B"));
        row.getChildren().forEach(c -> HBox.setHgrow(c, Priority.ALWAYS));
        return row;
    }

    private static Node states() {
        VBox box = new VBox(12,
                new Card("Attention").content(new EmptyState(Icons.ATTENTION, "No attention yet. Give a prompt of 2 to 4,096 tokens.")
                        .button(Buttons.plain("Edit prompt", Icons.EDIT, NOTHING))),
                new ErrorCard("The spectrum of up_proj cannot be computed.",
                        List.of("model.safetensors, model.layers.3.mlp.up_proj.weight", "needs 44,032 bytes, the file holds 1,024"),
                        "Copy or download the file again; the rest of the checkpoint stays open.", NOTHING),
                HelpPopover.content("Normalised effective rank", "How many directions a matrix uses, as a share of the most it could: 1 where all "
                        + "singular values are equal.", "exp(H(p)) ÷ min(m, n),  p = σ ÷ Σσ", "Roy and Vetterli, 2007",
                        vitrine.resources.Guide.Section.formula("rank", "effective rank")));
        return box;
    }

    private static Node progress() {
        ProgressRow running = new ProgressRow(Icons.RUNS, "#14 LoRA r 8", NOTHING);
        running.progress(410, 600, "step", 13);
        ProgressRow counting = new ProgressRow(Icons.TEXT, "Reading stories.jsonl", NOTHING);
        counting.progress(3969, 0, "line", Double.NaN);
        ProgressRow done = new ProgressRow(Icons.RANK, "Spectra of stories260k", NOTHING);
        done.done("47 tensors in 1.2 s");
        ProgressRow failed = new ProgressRow(Icons.RANK, "Spectra of weights-00002", NOTHING);
        failed.failed("file too short");
        return new Card("Tasks").content(new VBox(running, counting, done, failed));
    }

    private record Row(String name, String shape, String count) {}

    private static Node table() {
        TableView<Row> table = new TableView<>();
        table.setColumnResizePolicy(TableView.CONSTRAINED_RESIZE_POLICY_FLEX_LAST_COLUMN);
        TableColumn<Row, String> name = new TableColumn<>("Tensor");
        name.setCellValueFactory(r -> new javafx.beans.property.SimpleStringProperty(r.getValue().name));
        TableColumn<Row, String> shape = new TableColumn<>("Shape");
        shape.setCellValueFactory(r -> new javafx.beans.property.SimpleStringProperty(r.getValue().shape));
        TableColumn<Row, String> count = new TableColumn<>("Params");
        count.setCellValueFactory(r -> new javafx.beans.property.SimpleStringProperty(r.getValue().count));
        shape.getStyleClass().add("vt-number-column");
        count.getStyleClass().add("vt-number-column");
        table.getColumns().addAll(List.of(name, shape, count));
        for (String n : List.of("embed_tokens", "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "input_norm")) {
            table.getItems().add(new Row(n, n.equals("gate_proj") ? "172×64" : "64×64", n.equals("gate_proj") ? "11,008" : "4,096"));
        }
        table.getSelectionModel().select(5);
        table.setPrefHeight(24 + 26 * 7);
        table.setMinHeight(120);
        return new Card("Tensors").subtitle("47").content(table);
    }

    private static Node palette() {
        VBox box = new VBox();
        box.getStyleClass().add(Styles.PALETTE);
        box.setMaxWidth(Double.MAX_VALUE);
        box.getChildren().add(new SearchField(Icons.SEARCH, "Search tensors, heads, experts, commands", "Esc"));
        Icons[] icons = {Icons.RANK, Icons.CHECKPOINT, Icons.ATTENTION};
        String[] names = {"Open in Rank", "layers.2.mlp.gate_proj", "Layer 2, head 4"};
        String[] paths = {"command", "stories260k", "stories260k"};
        for (int i = 0; i < names.length; i++) {
            Label path = new Label(paths[i]);
            path.getStyleClass().addAll(Styles.CAPTION);
            Region space = new Region();
            HBox.setHgrow(space, Priority.ALWAYS);
            Label key = new Label(i == 0 ? "Alt+4" : "↵");
            key.getStyleClass().add(Styles.KEY_CAP);
            HBox row = new HBox(icons[i].node(), new Label(names[i]), path, space, key);
            row.getStyleClass().add(Styles.PALETTE_ROW);
            VBox.setMargin(row, new Insets(i == 0 ? 6 : 0, 6, 0, 6));
            row.pseudoClassStateChanged(javafx.css.PseudoClass.getPseudoClass("selected"), i == 0);
            box.getChildren().add(row);
        }
        return box;
    }

    private static Node drop() {
        Label title = new Label("Release to open 2 of 3");
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        VBox card = new VBox(title);
        card.getStyleClass().add(Styles.DROP_CARD);
        card.setMaxHeight(Region.USE_PREF_SIZE);
        card.setPrefWidth(340);
        HBox row = new HBox(8, Icons.CHECKPOINT.node(), new Label("moe-mini"), Pill.success("opens in Anatomy"));
        row.setAlignment(Pos.CENTER_LEFT);
        HBox other = new HBox(8, Icons.FILE.node(), new Label("weights-00002.safetensors"), Pill.warning("left out"));
        other.setAlignment(Pos.CENTER_LEFT);
        card.getChildren().addAll(row, other);
        StackPane scrim = new StackPane(card);
        scrim.getStyleClass().add(Styles.DROP_SCRIM);
        scrim.setPadding(new Insets(24));
        return scrim;
    }
}
