package vitrine.views.rank;

import atlantafx.base.controls.Popover;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javafx.collections.ObservableList;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.CheckBox;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;
import vitrine.views.control.Buttons;
import vitrine.views.control.Popovers;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;
import vitrine.views.view.Subject;

/// Asks which other checkpoints to lay over this one, or of which one to show the change.
final class OverlayChoice {

    private enum How {
        OVERLAY("Lay over"), CHANGE("Show the change");

        private final String label;

        How(String label) {
            this.label = label;
        }
    }

    private final RankViewModel model;
    private final ObservableList<Subject> open;

    OverlayChoice(RankViewModel model, ObservableList<Subject> open) {
        this.model = model;
        this.open = open;
    }

    void show(Node owner) {
        Popovers.showForm(owner, Popover.ArrowLocation.TOP_LEFT, this::content);
    }

    /// The choice itself, for a popover and for pictures of it.
    Node content(Runnable close) {
        Segments<How> how = new Segments<>(List.of(How.values()), h -> h.label);
        how.valueProperty().set(model.againstProperty().get() == null ? How.OVERLAY : How.CHANGE);
        Map<CheckBox, Subject> boxes = new LinkedHashMap<>();
        for (Subject s : open) {
            if (!s.equals(model.subjectProperty().get()) && !s.isAdapter()) {
                CheckBox box = new CheckBox(s.name());
                box.setMnemonicParsing(false);
                box.setSelected(model.overlay().contains(s) || s.equals(model.againstProperty().get()));
                boxes.put(box, s);
            }
        }
        Label hint = new Label();
        hint.setWrapText(true);
        hint.setMaxWidth(300);
        hint.getStyleClass().add(Styles.CAPTION);
        Button go = Buttons.primary("Show", () -> {
            List<Subject> chosen = boxes.entrySet().stream().filter(e -> e.getKey().isSelected()).map(Map.Entry::getValue).toList();
            if (how.valueProperty().get() == How.CHANGE) {
                model.against(chosen.getFirst());
            } else {
                model.overlay(new ArrayList<>(chosen));
            }
            close.run();
        });
        Runnable arrange = () -> {
            long chosen = boxes.keySet().stream().filter(CheckBox::isSelected).count();
            boolean change = how.valueProperty().get() == How.CHANGE;
            hint.setText(boxes.isEmpty() ? "Only one checkpoint is open. Open another to compare with, or several steps of a run."
                    : change ? "Choose the one before: spectra are of this checkpoint's matrices minus its." : "One more is drawn dashed; several make a series, in the order in which they were opened.");
            go.setDisable(change ? chosen != 1 : chosen == 0);
        };
        how.valueProperty().addListener((o, old, now) -> arrange.run());
        boxes.keySet().forEach(b -> b.selectedProperty().addListener((o, old, now) -> arrange.run()));
        arrange.run();
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        HBox buttons = new HBox(8, space, go);
        if (!model.overlay().isEmpty() || model.againstProperty().get() != null) {
            buttons.getChildren().addFirst(Buttons.plain("This one alone", () -> {
                model.overlay(List.of());
                close.run();
            }));
        }
        VBox list = new VBox(6);
        list.getChildren().addAll(boxes.keySet());
        VBox box = new VBox(10, how, list, hint, buttons);
        box.getStyleClass().add(Styles.POPOVER);
        return ProvenanceAudit.notAFigure(box, "a form");
    }
}
