package vitrine.views.control;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.scene.control.ToggleButton;
import javafx.scene.control.ToggleGroup;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.HBox;
import vitrine.resources.Styles;

/// Two to four modes side by side, one of them chosen.
public final class Segments<T> extends HBox {

    private final ObjectProperty<T> value = new SimpleObjectProperty<>(this, "value");
    private final Map<T, ToggleButton> buttons = new HashMap<>();
    private final Map<T, String> reasons = new LinkedHashMap<>();
    private final Tooltip why = new Tooltip();

    public Segments(List<T> choices, Function<T, String> naming) {
        getStyleClass().add(Styles.SEGMENTS);
        setMinWidth(USE_PREF_SIZE);
        setMaxWidth(USE_PREF_SIZE);
        ToggleGroup group = new ToggleGroup();
        for (T choice : choices) {
            ToggleButton button = new ToggleButton(naming.apply(choice));
            button.setMnemonicParsing(false);
            button.setToggleGroup(group);
            if (button.getText().equals("√")) {
                // A sign alone says nothing to a screen reader.
                button.setAccessibleText("square root");
            }
            button.setMinWidth(USE_PREF_SIZE);
            button.setOnAction(e -> {
                // One mode is always chosen: pressing it again keeps it.
                button.setSelected(true);
                value.set(choice);
            });
            buttons.put(choice, button);
            getChildren().add(button);
        }
        ((ToggleButton) getChildren().getLast()).getStyleClass().add("vt-last");
        value.addListener((o, old, now) -> group.selectToggle(buttons.get(now)));
        // The arrow keys move within the group without an action.
        group.selectedToggleProperty().addListener((o, old, now) -> choices.stream().filter(c -> buttons.get(c) == now).findFirst().ifPresent(value::set));
        value.set(choices.getFirst());
    }

    /// What is chosen; set it to choose.
    public ObjectProperty<T> valueProperty() {
        return value;
    }

    /// Disables a mode that cannot be had now and says why; an empty reason enables it.
    public void disableBecause(T choice, String reason) {
        ToggleButton button = buttons.get(choice);
        button.setDisable(!reason.isEmpty());
        if (reason.isEmpty()) {
            reasons.remove(choice);
        } else {
            reasons.put(choice, reason);
        }
        // A disabled node shows no tooltip, so it hangs on the row.
        if (reasons.isEmpty()) {
            Tooltip.uninstall(this, why);
        } else {
            why.setText(String.join("\n", reasons.values()));
            Tooltip.install(this, why);
        }
    }

    /// 24 instead of 28 pixels, for the heads of cards.
    public Segments<T> compact() {
        getStyleClass().add(Styles.COMPACT);
        return this;
    }
}
