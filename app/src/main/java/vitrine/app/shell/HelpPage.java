package vitrine.app.shell;

import java.util.List;
import java.util.Optional;
import javafx.geometry.Insets;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.app.shell.command.Command;
import vitrine.app.shell.command.Commands;
import vitrine.resources.Styles;
import vitrine.views.control.Buttons;
import vitrine.views.control.HelpPopover;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.view.HelpTopic;
import vitrine.views.view.View;

/// What the help button tells: what the figures of the view mean, by which formula, from where; then the keys.
final class HelpPage {

    private static final double WIDTH = 400;
    private static final double HIGHEST = 560;

    private HelpPage() {}

    /// @param highest what the window leaves
    static Node content(Optional<View> view, Commands commands, double highest) {
        VBox box = new VBox(4);
        box.getStyleClass().add("vt-help");
        box.setPrefWidth(WIDTH);
        view.ifPresent(v -> {
            for (HelpTopic t : v.help()) {
                box.getChildren().add(HelpPopover.content(t.title(), t.words(), t.formula(), t.source(), t.section()));
            }
        });
        Button tour = Buttons.plain("Take the tour", Icons.HELP, () -> commands.named("Take the tour").run());
        tour.addEventHandler(javafx.event.ActionEvent.ACTION, e -> tour.getScene().getWindow().hide());
        Button guide = Buttons.plain("Read the guide", Icons.GUIDE, () -> commands.named("Guide").run());
        guide.addEventHandler(javafx.event.ActionEvent.ACTION, e -> guide.getScene().getWindow().hide());
        HBox buttons = new HBox(8, tour, guide);
        VBox.setMargin(buttons, new Insets(8, 12, 0, 12));
        box.getChildren().addAll(buttons, keys(commands));
        ScrollPane scroll = new ScrollPane(box);
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.setMaxHeight(Math.min(HIGHEST, highest));
        scroll.setPrefWidth(WIDTH + 14);
        scroll.getStyleClass().add("edge-to-edge");
        return ProvenanceAudit.notAFigure(scroll, "explanation");
    }

    private static Node keys(Commands commands) {
        Label title = new Label("Keys");
        title.getStyleClass().add(Styles.PANEL_TITLE);
        VBox rows = new VBox(4, title);
        rows.getStyleClass().add(Styles.POPOVER);
        for (Command c : commands.all()) {
            if (c.key() != null && !c.name().startsWith("Open recent")) {
                rows.getChildren().add(row(c.name(), c.keys()));
            }
        }
        for (List<String> r : List.of(List.of("Open recent 1 to 9", "Ctrl+1 … Ctrl+9"), List.of("Move the selection", "arrows"), List.of("Lock, pin", "Space, P"),
                List.of("Zoom", "Ctrl+wheel, Shift+Up/Down"), List.of("Fit", "0 or double click"))) {
            rows.getChildren().add(row(r.getFirst(), r.getLast()));
        }
        return rows;
    }

    private static HBox row(String name, String keys) {
        Label what = new Label(name);
        what.getStyleClass().add(Styles.SMALL);
        Label cap = new Label(keys);
        cap.getStyleClass().add(Styles.KEY_CAP);
        cap.setMinWidth(Region.USE_PREF_SIZE);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        return new HBox(8, what, space, cap);
    }
}
