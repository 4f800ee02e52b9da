package vitrine.views.attention;

import atlantafx.base.controls.Popover;
import javafx.collections.ObservableList;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.ComboBox;
import javafx.scene.control.Label;
import javafx.scene.control.TextArea;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import javafx.util.StringConverter;
import org.controlsfx.control.SearchableComboBox;
import vitrine.resources.Styles;
import vitrine.views.attention.AttentionViewModel.Comparison;
import vitrine.views.control.Buttons;
import vitrine.views.control.Popovers;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;
import vitrine.views.view.Subject;

/// Asks what to compare with: another prompt on this checkpoint, or this prompt on another one.
final class CompareChoice {

    private enum With {
        PROMPT("Another prompt"), CHECKPOINT("Another checkpoint");

        private final String label;

        With(String label) {
            this.label = label;
        }
    }

    private final AttentionViewModel model;
    private final ObservableList<Subject> open;

    CompareChoice(AttentionViewModel model, ObservableList<Subject> open) {
        this.model = model;
        this.open = open;
    }

    void show(Node owner) {
        Popovers.showForm(owner, Popover.ArrowLocation.TOP_LEFT, this::content);
    }

    /// The choice itself, for a popover and for pictures of it.
    Node content(Runnable close) {
        Segments<With> with = new Segments<>(java.util.List.of(With.values()), w -> w.label);
        TextArea prompt = new TextArea(model.promptProperty().get());
        prompt.setWrapText(true);
        prompt.setPrefRowCount(3);
        prompt.setPrefColumnCount(30);
        ComboBox<Subject> checkpoint = new SearchableComboBox<>(open.filtered(s -> !s.equals(model.subjectProperty().get()) && !s.isAdapter()));
        checkpoint.setMaxWidth(Double.MAX_VALUE);
        checkpoint.setConverter(new StringConverter<>() {
            @Override
            public String toString(Subject s) {
                return s == null ? "" : s.name();
            }

            @Override
            public Subject fromString(String text) {
                return null;
            }
        });
        checkpoint.setPlaceholder(new Label("Open another checkpoint first."));
        checkpoint.getSelectionModel().selectFirst();
        VBox choice = new VBox(prompt);
        Label hint = new Label();
        hint.setWrapText(true);
        hint.getStyleClass().addAll(Styles.CAPTION);
        Button go = Buttons.primary("Compare", () -> {
            model.compareWith(with.valueProperty().get() == With.PROMPT ? new Comparison(model.subjectProperty().get(), prompt.getText())
                    : new Comparison(checkpoint.getValue(), model.promptProperty().get()));
            close.run();
        });
        Runnable arrange = () -> {
            boolean byPrompt = with.valueProperty().get() == With.PROMPT;
            choice.getChildren().setAll(byPrompt ? prompt : checkpoint);
            hint.setText(byPrompt ? "Maps have a difference where both prompts have the same number of tokens."
                    : checkpoint.getItems().isEmpty() ? "Only one checkpoint is open. Open another to compare with." : "The same prompt, head by head.");
            go.setDisable(byPrompt ? prompt.getText().isBlank() : checkpoint.getValue() == null);
        };
        with.valueProperty().addListener((o, old, now) -> arrange.run());
        prompt.textProperty().addListener((o, old, now) -> arrange.run());
        checkpoint.valueProperty().addListener((o, old, now) -> arrange.run());
        arrange.run();
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        HBox buttons = new HBox(8, space, go);
        if (model.comparisonProperty().get() != null) {
            buttons.getChildren().add(0, Buttons.plain("End comparison", () -> {
                model.compareWithNothing();
                close.run();
            }));
        }
        VBox box = new VBox(10, with, choice, hint, buttons);
        box.getStyleClass().add(Styles.POPOVER);
        return ProvenanceAudit.notAFigure(box, "a form");
    }
}
