package vitrine.views.control;

import java.util.List;
import java.util.function.Function;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.geometry.Pos;
import javafx.geometry.Side;
import javafx.scene.control.Button;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.CustomMenuItem;
import javafx.scene.control.Label;
import javafx.scene.control.MenuItem;
import javafx.scene.control.Tooltip;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import vitrine.resources.Styles;

/// A muted label, the chosen value, and a menu of the others: `Measure  normalised effective rank  ⌄`.
public final class Picker<T> extends Button {

    private final ObjectProperty<T> value = new SimpleObjectProperty<>(this, "value");
    private final Label shown = new Label();
    private final HBox row = new HBox(6);
    private final Function<T, String> naming;
    private final ContextMenu menu = new ContextMenu();
    private List<T> choices;
    private Function<T, String> lacks = choice -> null;

    /// @param label what is chosen, such as `Sort by`; empty where the values speak for themselves
    public Picker(String label, List<T> choices, Function<T, String> naming) {
        this.choices = List.copyOf(choices);
        this.naming = naming;
        getStyleClass().setAll("button", Styles.PICKER);
        shown.getStyleClass().add("vt-picker-value");
        row.setAlignment(Pos.CENTER_LEFT);
        if (!label.isEmpty()) {
            Label name = new Label(label);
            name.getStyleClass().add("vt-picker-label");
            name.setMinWidth(USE_PREF_SIZE);
            row.getChildren().add(name);
        }
        shown.setMinWidth(48);
        row.getChildren().addAll(shown, Icons.OPEN_MENU.node());
        setGraphic(row);
        value.addListener((o, old, now) -> {
            shown.setText(now == null ? "" : naming.apply(now));
            setAccessibleText((label + " " + shown.getText()).strip());
        });
        setAccessibleText(label.isEmpty() ? "Choice" : label);
        setOnAction(e -> open());
        addEventHandler(KeyEvent.KEY_PRESSED, e -> {
            if (e.getCode() == KeyCode.DOWN) {
                open();
                e.consume();
            }
        });
        if (!this.choices.isEmpty()) {
            value.set(this.choices.getFirst());
        }
    }

    /// Puts an icon before the label.
    public Picker<T> icon(Icons icon) {
        row.getChildren().addFirst(icon.node());
        return this;
    }

    /// What is chosen; set it to choose.
    public ObjectProperty<T> valueProperty() {
        return value;
    }

    /// Offers other values; keeps the chosen one where it is still among them.
    public void setChoices(List<T> now) {
        choices = List.copyOf(now);
        if (value.get() == null || !choices.contains(value.get())) {
            value.set(choices.isEmpty() ? null : choices.getFirst());
        }
    }

    /// Greys out what cannot be chosen now, with the reason in its tooltip.
    ///
    /// @param reason why not, a sentence; null for what can be chosen
    public void unless(Function<T, String> reason) {
        lacks = reason;
    }

    private void open() {
        menu.getItems().clear();
        for (T choice : choices) {
            String lack = lacks.apply(choice);
            MenuItem item = lack == null ? new MenuItem(naming.apply(choice)) : greyed(naming.apply(choice), lack);
            // Tensor names hold underscores, which would become mnemonics.
            item.setMnemonicParsing(false);
            if (choice.equals(value.get())) {
                item.setGraphic(Icons.DONE.node());
            }
            item.setOnAction(e -> {
                if (lack == null) {
                    value.set(choice);
                }
            });
            menu.getItems().add(item);
        }
        if (!choices.isEmpty()) {
            menu.show(this, Side.BOTTOM, 0, 4);
        }
    }

    /// An item that does nothing: a disabled one would show no tooltip.
    private static MenuItem greyed(String name, String reason) {
        Label label = new Label(name);
        label.setDisable(true);
        HBox row = new HBox(label);
        Tooltip.install(row, new Tooltip(reason));
        CustomMenuItem item = new CustomMenuItem(row, false);
        return item;
    }
}
