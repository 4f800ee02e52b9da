package vitrine.views.control;

import static org.junit.jupiter.api.Assertions.assertEquals;

import javafx.scene.Scene;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.Label;
import javafx.scene.control.MenuItem;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.paint.Color;
import javafx.stage.PopupWindow;
import javafx.stage.Stage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import vitrine.resources.Styles;
import vitrine.views.chart.Theme;
import vitrine.views.testing.FxThread;

/// Dark and light, in windows and in what pops up from them.
class ThemesTest {

    private Stage stage;

    @AfterEach
    void close() {
        if (stage != null) {
            FxThread.run(stage::close);
        }
    }

    private static final Color DARK_CANVAS = Color.web("#0d1117");
    private static final Color LIGHT_CANVAS = Color.web("#ffffff");

    private Themes show(Theme first) {
        return FxThread.get(() -> {
            Themes themes = new Themes(first);
            StackPane root = new StackPane(new Label("text"));
            root.getStyleClass().add(Styles.CANVAS);
            stage = new Stage();
            stage.setScene(new Scene(root, 200, 100));
            themes.dress(stage.getScene());
            stage.show();
            return themes;
        });
    }

    private Color ground() {
        return FxThread.get(() -> {
            Region root = (Region) stage.getScene().getRoot();
            root.applyCss();
            return (Color) root.getBackground().getFills().getLast().getFill();
        });
    }

    @Test
    void aDressedSceneFollowsTheLook() {
        Themes themes = show(Theme.DARK);
        assertEquals(DARK_CANVAS, ground());
        FxThread.run(() -> themes.themeProperty().set(Theme.LIGHT));
        assertEquals(LIGHT_CANVAS, ground());
        FxThread.run(() -> themes.themeProperty().set(Theme.DARK));
        assertEquals(DARK_CANVAS, ground());
        assertEquals("Inter", FxThread.get(() -> ((Label) stage.getScene().getRoot().getChildrenUnmodifiable().getFirst()).getFont().getFamily()));
        assertEquals(13, FxThread.get(() -> ((Label) stage.getScene().getRoot().getChildrenUnmodifiable().getFirst()).getFont().getSize()));
    }

    @Test
    void aPictureIsTakenInAnotherLookAndTheOldOneComesBack() {
        Themes themes = show(Theme.DARK);
        assertEquals(LIGHT_CANVAS, FxThread.get(() -> themes.during(Theme.LIGHT, stage.getScene(),
                () -> (Color) ((Region) stage.getScene().getRoot()).getBackground().getFills().getLast().getFill())));
        assertEquals(DARK_CANVAS, ground());
        try {
            FxThread.run(() -> themes.during(Theme.LIGHT, stage.getScene(), () -> {
                throw new IllegalStateException("no room on the disk");
            }));
        } catch (IllegalStateException e) {
            assertEquals("no room on the disk", e.getMessage());
        }
        assertEquals(DARK_CANVAS, ground(), "whatever happens meanwhile");
    }

    /// `-vt-fg-strong` as a pop-up resolves it, and AtlantaFX's own ground.
    private static String colours(PopupWindow popup) {
        return FxThread.get(() -> {
            Region probe = new Region();
            probe.setStyle("-fx-background-color: -vt-fg-strong, -color-bg-default;");
            javafx.scene.Parent root = popup.getScene().getRoot();
            // A child of the pop-up's own content.
            javafx.scene.layout.Pane holder = new javafx.scene.layout.Pane(probe);
            popup.getScene().getRoot().applyCss();
            if (root instanceof javafx.scene.layout.Pane pane) {
                pane.getChildren().add(holder);
            } else {
                throw new AssertionError(root.getClass().getName());
            }
            holder.applyCss();
            String found = probe.getBackground().getFills().stream().map(f -> f.getFill().toString()).toList().toString();
            pane(root).getChildren().remove(holder);
            return found;
        });
    }

    private static javafx.scene.layout.Pane pane(javafx.scene.Parent root) {
        return (javafx.scene.layout.Pane) root;
    }

    @Test
    void popUpsFollowTheirWindow() {
        for (Theme theme : Theme.values()) {
            Themes themes = show(theme == Theme.DARK ? Theme.LIGHT : Theme.DARK);
            ContextMenu menu = FxThread.get(() -> new ContextMenu(new MenuItem("one")));
            Tooltip tooltip = FxThread.get(() -> new Tooltip("words"));
            FxThread.run(() -> themes.themeProperty().set(theme));
            for (PopupWindow popup : new PopupWindow[] {menu, tooltip}) {
                FxThread.run(() -> popup.show(stage.getScene().getRoot(), 300, 300));
                String wanted = theme == Theme.DARK ? "[0xf0f6fcff, 0x0d1117ff]" : "[0x1b1f24ff, 0xffffffff]";
                assertEquals(wanted, colours(popup), popup.getClass().getSimpleName() + " in " + theme);
                // Once more after the look changed while it was away.
                FxThread.run(popup::hide);
                FxThread.run(() -> themes.themeProperty().set(theme == Theme.DARK ? Theme.LIGHT : Theme.DARK));
                FxThread.run(() -> popup.show(stage.getScene().getRoot(), 300, 300));
                String other = theme == Theme.LIGHT ? "[0xf0f6fcff, 0x0d1117ff]" : "[0x1b1f24ff, 0xffffffff]";
                assertEquals(other, colours(popup), popup.getClass().getSimpleName() + ", shown again");
                FxThread.run(popup::hide);
                FxThread.run(() -> themes.themeProperty().set(theme));
            }
            FxThread.run(stage::close);
        }
    }
}
