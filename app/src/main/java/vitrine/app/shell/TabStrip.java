package vitrine.app.shell;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.collections.FXCollections;
import javafx.collections.ListChangeListener;
import javafx.collections.ObservableList;
import javafx.geometry.Pos;
import javafx.scene.control.Label;
import javafx.scene.control.ToggleButton;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import vitrine.resources.Styles;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.view.Subject;
import vitrine.views.view.View;
import vitrine.views.view.ViewKind;

/// The seven fixed tabs, which act on the navigator's subject, and the pinned ones, which keep their own.
final class TabStrip extends HBox {

    /// A view that stays with its subject whatever the navigator shows.
    record Pinned(View view) {}

    private final Map<ViewKind, ToggleButton> fixed = new EnumMap<>(ViewKind.class);
    private final Map<ViewKind, StackPane> holders = new EnumMap<>(ViewKind.class);
    private final HBox pinnedTabs = new HBox();
    private final ObservableList<Pinned> pinned = FXCollections.observableArrayList();
    private final ObjectProperty<Object> chosen = new SimpleObjectProperty<>(this, "chosen");
    private final IconButton pin;

    /// @param pinView pins the present view
    TabStrip(Runnable pinView) {
        getStyleClass().add(Styles.TAB_STRIP);
        ProvenanceAudit.notAFigure(this, "names of views and subjects");
        for (ViewKind kind : ViewKind.values()) {
            ToggleButton tab = tab(kind.label(), kind.icon());
            tab.setOnAction(e -> {
                tab.setSelected(kind == chosen.get());
                chosen.set(kind);
            });
            fixed.put(kind, tab);
            StackPane holder = new StackPane(tab);
            holders.put(kind, holder);
            getChildren().add(holder);
        }
        pinnedTabs.setAlignment(Pos.CENTER_LEFT);
        pinnedTabs.setMinWidth(0);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        pin = new IconButton(Icons.ADD, "Pin this view", "Ctrl+Shift+P", pinView);
        getChildren().addAll(pinnedTabs, space, pin);
        chosen.addListener((o, old, now) -> mark());
        pinned.addListener((ListChangeListener<Pinned>) c -> showPinned());
    }

    private static ToggleButton tab(String name, Icons icon) {
        ToggleButton tab = new ToggleButton(name, icon.node());
        tab.getStyleClass().setAll(Styles.TAB);
        tab.setMinWidth(USE_PREF_SIZE);
        return tab;
    }

    /// A [ViewKind], a [Pinned], or null for none.
    ObjectProperty<Object> chosenProperty() {
        return chosen;
    }

    ObservableList<Pinned> pinned() {
        return pinned;
    }

    /// Dims the tabs that do not apply, with the reason on hover; they can still be looked at.
    void obstacles(Function<ViewKind, String> obstacle) {
        fixed.forEach((kind, tab) -> {
            String why = obstacle.apply(kind);
            tab.setOpacity(why.isEmpty() ? 1 : 0.45);
            Tooltip tip = new Tooltip(why.isEmpty() ? kind.label() + " (Alt+" + (kind.ordinal() + 1) + ")" : why);
            tab.setTooltip(tip);
        });
    }

    /// Shows how many of a view's things are under way; nothing for none.
    void count(ViewKind kind, long number) {
        ToggleButton tab = fixed.get(kind);
        if (number == 0) {
            tab.setGraphic(kind.icon().node());
            tab.setText(kind.label());
            return;
        }
        Label name = new Label(kind.label());
        name.getStyleClass().add("vt-tab-name");
        Label count = new Label(Long.toString(number));
        count.getStyleClass().add(Styles.COUNT);
        HBox all = new HBox(8, kind.icon().node(), name, count);
        all.setAlignment(Pos.CENTER);
        tab.setGraphic(all);
        tab.setText("");
    }

    /// Disables pinning, with the reason.
    void pinPossible(boolean possible) {
        pin.setDisable(!possible);
    }

    private void showPinned() {
        pinnedTabs.getChildren().clear();
        for (Pinned p : pinned) {
            ToggleButton tab = tab(p.view().subject().map(Subject::name).orElse(p.view().kind().label()), p.view().kind().icon());
            tab.setMaxWidth(180);
            tab.setMinWidth(60);
            tab.setUserData(p);
            IconButton close = new IconButton(Icons.CLOSE, "Close this tab", "", () -> close(p)).compact();
            tab.setGraphic(new HBox(8, p.view().kind().icon().node()));
            tab.setOnAction(e -> {
                tab.setSelected(p == chosen.get());
                chosen.set(p);
            });
            tab.setTooltip(new Tooltip(p.view().kind().label() + " of " + p.view().subject().map(Subject::name).orElse("a result")));
            HBox both = new HBox(tab, close);
            both.setAlignment(Pos.CENTER_LEFT);
            pinnedTabs.getChildren().add(both);
        }
        mark();
    }

    /// Closes a pinned tab; its fixed neighbour comes to the front.
    void close(Pinned p) {
        if (chosen.get() == p) {
            chosen.set(p.view().kind());
        }
        pinned.remove(p);
    }

    private void mark() {
        fixed.forEach((kind, tab) -> tab.setSelected(kind == chosen.get()));
        pinnedTabs.getChildren().forEach(n -> {
            ToggleButton tab = (ToggleButton) ((HBox) n).getChildren().getFirst();
            tab.setSelected(tab.getUserData() == chosen.get());
        });
    }

    /// For tests and keys: chooses a tab as a click does.
    void choose(Object tab) {
        chosen.set(tab);
    }

    /// The button of a fixed tab.
    ToggleButton button(ViewKind kind) {
        return fixed.get(kind);
    }

    /// Does something with each pinned view.
    void eachPinned(Consumer<View> action) {
        List.copyOf(pinned).forEach(p -> action.accept(p.view()));
    }
}
