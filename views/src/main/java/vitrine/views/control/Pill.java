package vitrine.views.control;

import javafx.scene.control.Label;
import vitrine.resources.Styles;

/// A short state or property in a rounded field. A state always has an icon beside its colour.
public final class Pill extends Label {

    /// Neutral: a property, such as the file format.
    public Pill(String text) {
        super(text);
        getStyleClass().add(Styles.PILL);
        setMinWidth(USE_PREF_SIZE);
    }

    private Pill(String text, Icons icon, String kind) {
        this(text);
        setGraphic(icon.node());
        getStyleClass().add(kind);
    }

    /// A state that is as it should be.
    public static Pill success(String text) {
        return new Pill(text, Icons.DONE, "vt-success");
    }

    /// A state to look at.
    public static Pill warning(String text) {
        return new Pill(text, Icons.WARNING, "vt-warning");
    }

    /// A failure.
    public static Pill danger(String text) {
        return new Pill(text, Icons.FAILED, "vt-danger");
    }

    /// Something under way.
    public static Pill running(String text) {
        return new Pill(text, Icons.RUNS, "vt-accent");
    }
}
