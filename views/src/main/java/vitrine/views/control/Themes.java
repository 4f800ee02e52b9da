package vitrine.views.control;

import atlantafx.base.theme.PrimerDark;
import atlantafx.base.theme.PrimerLight;
import java.util.function.Supplier;
import javafx.application.ColorScheme;
import javafx.application.Platform;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.collections.ListChangeListener;
import javafx.scene.Parent;
import javafx.scene.Scene;
import javafx.stage.PopupWindow;
import javafx.stage.Window;
import vitrine.resources.Styles;
import vitrine.views.chart.ScreenFonts;
import vitrine.views.chart.Theme;

/// Dresses scenes in the dark or the light look and changes it while they are shown.
///
/// Make one for the application before the first scene, since it also loads the typefaces, and [#dress] every scene.
/// Tooltips, menus and pop-overs follow by themselves.
public final class Themes {

    private final ObjectProperty<Theme> theme;

    public Themes(Theme first) {
        ScreenFonts.load();
        theme = new SimpleObjectProperty<>(this, "theme", first);
        // A pop-up takes over the stylesheets of its owner but not the style classes of its owner's root.
        Window.getWindows().addListener((ListChangeListener<Window>) change -> {
            while (change.next()) {
                change.getAddedSubList().forEach(this::dressPopup);
            }
        });
    }

    /// The look that the system asks for.
    public static Theme ofSystem() {
        return Platform.getPreferences().getColorScheme() == ColorScheme.LIGHT ? Theme.LIGHT : Theme.DARK;
    }

    /// The look of all dressed scenes; set it to change them.
    public ObjectProperty<Theme> themeProperty() {
        return theme;
    }

    /// Gives a scene the present look, and every later one.
    public void dress(Scene scene) {
        apply(scene, theme.get());
        theme.addListener((o, old, now) -> apply(scene, now));
    }

    /// Does something while a scene wears another look, such as taking a picture in the light one. The reader sees
    /// nothing of it, since no frame is drawn between.
    public <T> T during(Theme look, Scene scene, Supplier<T> work) {
        apply(scene, look);
        try {
            layOut(scene);
            return work.get();
        } finally {
            apply(scene, theme.get());
            layOut(scene);
        }
    }

    private static void layOut(Scene scene) {
        scene.getRoot().applyCss();
        scene.getRoot().layout();
    }

    private static void apply(Scene scene, Theme look) {
        scene.setUserAgentStylesheet((look == Theme.DARK ? new PrimerDark() : new PrimerLight()).getUserAgentStylesheet());
        if (!scene.getStylesheets().contains(Styles.stylesheet())) {
            scene.getStylesheets().add(Styles.stylesheet());
        }
        mark(scene.getRoot(), look);
    }

    private void dressPopup(Window window) {
        if (window instanceof PopupWindow && window.getScene() != null) {
            mark(window.getScene().getRoot(), theme.get());
        }
    }

    private static void mark(Parent root, Theme look) {
        root.getStyleClass().remove(Styles.LIGHT);
        if (look == Theme.LIGHT) {
            root.getStyleClass().add(Styles.LIGHT);
        }
    }
}
