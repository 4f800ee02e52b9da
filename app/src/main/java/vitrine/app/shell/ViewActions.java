package vitrine.app.shell;

import atlantafx.base.controls.Popover;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import javafx.embed.swing.SwingFXUtils;
import javafx.geometry.Pos;
import javafx.geometry.Side;
import javafx.scene.Node;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.Label;
import javafx.scene.control.MenuItem;
import javafx.scene.control.TextArea;
import javafx.scene.input.Clipboard;
import javafx.scene.input.ClipboardContent;
import javafx.scene.input.ContextMenuEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.VBox;
import javax.imageio.ImageIO;
import vitrine.app.picture.Export;
import vitrine.app.program.Version;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.resources.Styles;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.FigureFile;
import vitrine.views.chart.Theme;
import vitrine.views.control.Buttons;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.Popovers;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Themes;
import vitrine.views.view.Subject;
import vitrine.views.view.View;

/// What can be done with the view in front: copy, export, show the command. A right click on one figure does the same with it alone.
final class ViewActions {

    private final Themes themes;
    private final Questions questions;
    private final Supplier<Optional<View>> present;
    private final Consumer<String> tell;
    private final IconButton copy = new IconButton(Icons.COPY, "Copy the numbers as CSV", "Ctrl+Shift+C", this::copyCsv);
    private final IconButton export = new IconButton(Icons.EXPORT, "Export", "Ctrl+Shift+E", this::exportMenu);
    private final IconButton command = new IconButton(Icons.COMMAND_LINE, "Show the command", "", this::showCommand);

    /// @param tell shows a sentence when something went wrong
    ViewActions(Themes themes, Questions questions, Supplier<Optional<View>> present, Consumer<String> tell) {
        this.themes = themes;
        this.questions = questions;
        this.present = present;
        this.tell = tell;
    }

    List<Node> buttons() {
        return List.of(copy, export, command);
    }

    private static String caption(View view) {
        String subject = view.subject().map(Subject::name).orElse("");
        return (subject.isEmpty() ? "" : subject + " · ") + view.kind().label() + " · " + view.exportName() + " · Vitrine " + Version.NUMBER;
    }

    private Export exportOf(View view) {
        return new Export(view, themes, caption(view));
    }

    /// Something that writes a file.
    private interface Writing {
        void to(Path target) throws IOException;
    }

    private void write(String name, String description, Writing writing) {
        questions.target(name, description).ifPresent(target -> {
            // A view that was chosen in this very moment is no part of the scene before its scroll pane has its skin.
            export.getScene().getRoot().applyCss();
            export.getScene().getRoot().layout();
            try {
                writing.to(target);
            } catch (IOException e) {
                tell.accept(target.getFileName() + " could not be written: " + Json.reason(e) + ".");
            }
        });
    }

    void png(double scale) {
        present.get().ifPresent(v -> write(v.exportName() + ".png", "PNG picture", t -> exportOf(v).png(t, Theme.LIGHT, scale)));
    }

    void svg() {
        present.get().ifPresent(v -> write(v.exportName() + ".svg", "SVG picture", t -> exportOf(v).svg(t, Theme.LIGHT)));
    }

    void csv() {
        present.get().ifPresent(v -> write(v.exportName() + ".csv", "Comma-separated values", t -> exportOf(v).csv(t)));
    }

    void copyCsv() {
        present.get().map(View::csv).filter(text -> !text.isEmpty()).ifPresent(MainWindow::copy);
    }

    private void exportMenu() {
        ContextMenu menu = new ContextMenu(item("PNG, 1×", () -> png(1)), item("PNG, 2×", () -> png(2)), item("PNG, 4×", () -> png(4)), item("SVG", this::svg),
                item("CSV and its origin as JSON", this::csv));
        menu.show(export, Side.BOTTOM, 0, 4);
    }

    private static MenuItem item(String name, Runnable action) {
        MenuItem item = new MenuItem(name);
        item.setOnAction(e -> action.run());
        return item;
    }

    /// Shows the command lines that make what is shown.
    void showCommand() {
        present.get().ifPresent(view -> {
            Popovers.of(commandNode(view.command()), Popover.ArrowLocation.TOP_RIGHT).show(command);
        });
    }

    static Node commandNode(String lines) {
        Label title = new Label("The same from the command line");
        title.getStyleClass().add(Styles.PANEL_TITLE);
        TextArea text = new TextArea(lines.isEmpty() ? "This is a result made before; its checkpoint is not open." : lines);
        text.setEditable(false);
        text.setWrapText(true);
        text.getStyleClass().add(Styles.MONO);
        text.setPrefColumnCount(56);
        text.setPrefRowCount(Math.clamp(lines.lines().count() * 2 + 1, 3, 9));
        HBox buttons = new HBox(Buttons.plain("Copy", Icons.COPY, () -> MainWindow.copy(lines)));
        buttons.setAlignment(Pos.CENTER_RIGHT);
        VBox box = new VBox(8, title, text, buttons);
        box.getStyleClass().add("vt-command");
        return ProvenanceAudit.notAFigure(box, "a command line");
    }

    /// A right click on a figure below `area` offers it alone as a file.
    void offerOn(Node area) {
        area.addEventHandler(ContextMenuEvent.CONTEXT_MENU_REQUESTED, e -> {
            FigureCanvas figure = figureAt(e.getTarget() instanceof Node n ? n : null, area);
            if (figure == null || figure.getWidth() < 60 || figure.getHeight() < 24) {
                return;
            }
            String csv = figure.getFigure().csv();
            MenuItem numbers = item("Copy numbers as CSV", () -> MainWindow.copy(csv));
            numbers.setDisable(csv.isEmpty());
            ContextMenu menu = new ContextMenu(item("Copy figure", () -> copyImage(figure)), numbers, item("Export figure as PNG…", () -> figurePng(figure)),
                    item("Export figure as SVG…", () -> figureSvg(figure)));
            menu.show(figure, e.getScreenX(), e.getScreenY());
            e.consume();
        });
    }

    private static FigureCanvas figureAt(Node node, Node area) {
        for (Node at = node; at != null && at != area; at = at.getParent()) {
            if (at instanceof FigureCanvas figure) {
                return figure;
            }
        }
        return null;
    }

    private FigureFile file(FigureCanvas figure) {
        return FigureFile.of(figure, present.get().map(ViewActions::caption).orElse(""));
    }

    private String figureName() {
        return present.get().map(View::exportName).orElse("figure") + "-figure";
    }

    private void copyImage(FigureCanvas figure) {
        ClipboardContent content = new ClipboardContent();
        content.putImage(SwingFXUtils.toFXImage(file(figure).bitmap(2), null));
        Clipboard.getSystemClipboard().setContent(content);
    }

    private void figurePng(FigureCanvas figure) {
        write(figureName() + ".png", "PNG picture", target -> {
            BufferedImage image = file(figure).bitmap(2);
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            ImageIO.write(image, "png", bytes);
            Whole.write(target, bytes.toByteArray());
        });
    }

    private void figureSvg(FigureCanvas figure) {
        write(figureName() + ".svg", "SVG picture", target -> Whole.write(target, file(figure).svg().getBytes(StandardCharsets.UTF_8)));
    }
}
