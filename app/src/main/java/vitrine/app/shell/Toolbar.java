package vitrine.app.shell;

import javafx.geometry.Side;
import javafx.scene.control.Button;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.Label;
import javafx.scene.control.MenuItem;
import javafx.scene.input.MouseEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import vitrine.app.shell.command.Command;
import vitrine.app.shell.command.Commands;
import vitrine.app.state.RecentItem;
import vitrine.app.workspace.Workspace;
import vitrine.resources.Styles;
import vitrine.views.chart.Theme;
import vitrine.views.control.Buttons;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.SearchField;
import vitrine.views.control.Themes;

/// The top line: mark, opening, the command field in the middle, engine, look, help and settings.
final class Toolbar extends Region {

    private static final double PAD = 12;
    private static final double GAP = 12;
    private static final double FIELD = 400;
    private static final int RECENT = 9;

    private final HBox left = new HBox(GAP);
    private final HBox right = new HBox(8);
    private final SearchField field = new SearchField(Icons.SEARCH, "Search tensors, heads, experts, commands", "Ctrl K");

    /// @param start shows the start page
    Toolbar(Commands commands, Workspace workspace, Themes themes, Button engine, Button settings, Button help, Runnable start, java.util.function.Consumer<RecentItem> open) {
        getStyleClass().add(Styles.TOOLBAR);
        ProvenanceAudit.notAFigure(this, "names of commands");
        Label name = new Label("Vitrine");
        name.getStyleClass().add(Styles.INSPECTOR_TITLE);
        HBox mark = new HBox(9, Mark.node(20), name);
        mark.setAlignment(javafx.geometry.Pos.CENTER_LEFT);
        mark.setOnMouseClicked(e -> start.run());
        mark.setMinWidth(USE_PREF_SIZE);
        javafx.scene.control.Tooltip.install(mark, new javafx.scene.control.Tooltip("Start page"));
        Button openButton = Buttons.plain("Open…", Icons.FOLDER, () -> { });
        openButton.setId("open");
        ContextMenu openMenu = new ContextMenu(item(commands.named("Open folder…")), item(commands.named("Open file…")), item(commands.named("Open from the hub cache…")));
        openButton.setOnAction(e -> openMenu.show(openButton, Side.BOTTOM, 0, 4));
        IconButton recent = new IconButton(Icons.RECENT, "Recent", "Ctrl+1 to Ctrl+9", () -> { });
        recent.setOnAction(e -> recentMenu(workspace, open).show(recent, Side.BOTTOM, 0, 4));
        left.getChildren().addAll(mark, openButton, recent);
        IconButton look = new IconButton(Icons.TO_LIGHT, "Light or dark look", "", () -> commands.named("Change between dark and light").run());
        themes.themeProperty().addListener((o, old, now) -> look.setGraphic((now == Theme.DARK ? Icons.TO_LIGHT : Icons.TO_DARK).node()));
        look.setGraphic((themes.themeProperty().get() == Theme.DARK ? Icons.TO_LIGHT : Icons.TO_DARK).node());
        right.getChildren().addAll(engine, look, help, settings);
        left.setAlignment(javafx.geometry.Pos.CENTER_LEFT);
        right.setAlignment(javafx.geometry.Pos.CENTER_RIGHT);
        // The field only looks like one: typing happens in the palette that it opens.
        field.field().setFocusTraversable(false);
        field.field().setEditable(false);
        field.field().setMouseTransparent(true);
        field.addEventHandler(MouseEvent.MOUSE_CLICKED, e -> commands.named("Search and commands").run());
        getChildren().addAll(left, field, right);
    }

    /// Where commands and places are searched.
    SearchField search() {
        return field;
    }

    private static MenuItem item(Command c) {
        MenuItem item = new MenuItem(c.name(), c.icon().node());
        item.setAccelerator(c.key());
        item.setOnAction(e -> c.run());
        return item;
    }

    private static ContextMenu recentMenu(Workspace workspace, java.util.function.Consumer<RecentItem> open) {
        ContextMenu menu = new ContextMenu();
        int n = 1;
        for (RecentItem r : workspace.recent().stream().limit(RECENT).toList()) {
            MenuItem item = new MenuItem(n + "  " + r.name());
            item.setMnemonicParsing(false);
            item.setOnAction(e -> open.accept(r));
            menu.getItems().add(item);
            n++;
        }
        if (menu.getItems().isEmpty()) {
            MenuItem none = new MenuItem("Nothing opened yet");
            none.setDisable(true);
            menu.getItems().add(none);
        } else {
            MenuItem forget = new MenuItem("Forget all", Icons.CLOSE.node());
            forget.setOnAction(e -> workspace.forgetRecent());
            menu.getItems().addAll(new javafx.scene.control.SeparatorMenuItem(), forget);
        }
        return menu;
    }

    @Override
    protected void layoutChildren() {
        double h = getHeight();
        double w = getWidth();
        double lw = left.prefWidth(-1);
        double rw = right.prefWidth(-1);
        left.resizeRelocate(PAD, 0, lw, h);
        right.resizeRelocate(Math.round(w - PAD - rw), 0, rw, h);
        double room = w - 2 * PAD - lw - rw - 2 * GAP;
        double fw = Math.min(FIELD, room);
        // In the middle of the window where it fits there, else in the middle of what is left.
        double x = Math.clamp((w - fw) / 2, PAD + lw + GAP, Math.max(PAD + lw + GAP, w - PAD - rw - GAP - fw));
        field.setVisible(fw >= 80);
        field.resizeRelocate(Math.round(x), Math.round((h - 28) / 2), Math.max(0, Math.round(fw)), 28);
    }

    @Override
    protected double computePrefHeight(double width) {
        return 44;
    }

    @Override
    protected double computeMinWidth(double height) {
        return 0;
    }
}
