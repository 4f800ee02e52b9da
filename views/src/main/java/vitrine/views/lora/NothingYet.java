package vitrine.views.lora;

import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.layout.HBox;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.views.control.Buttons;
import vitrine.views.control.EmptyState;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.Icons;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.States;

/// What stands in place of the cards while there is nothing to draw: why, and what fills it; how far it is; what did not fit.
final class NothingYet {

    private NothingYet() {}

    /// @param extract asks for an adapter out of what a fine-tune changed
    static Node of(LoraViewModel model, Runnable extract) {
        String obstacle = model.obstacle();
        if (!obstacle.isEmpty()) {
            EmptyState empty = new EmptyState(Icons.LORA, obstacle);
            if (model.subjectProperty().get() == null) {
                return empty;
            }
            javafx.scene.control.Button button = Buttons.plain("Extract adapter…", extract);
            button.setId("extract");
            return empty.button(button);
        }
        return switch (model.stateProperty().get()) {
            case ViewState.Empty<Study> e -> {
                EmptyState empty = new EmptyState(Icons.LORA, e.sentence().isEmpty() ? "No figures of this adapter yet." : "Cancelled.");
                yield model.subjectProperty().get() == null ? empty : empty.button(Buttons.primary("Read the adapter", model::compute));
            }
            case ViewState.Working<Study> w -> States.working(w.row(), model::cancel);
            case ViewState.Problem<Study> p -> problem(model, p);
            case ViewState.Result<Study> ignored -> new StackPane();
        };
    }

    /// A base that does not fit is named with its tensors; the adapter can still be seen alone.
    private static Node problem(LoraViewModel model, ViewState.Problem<Study> p) {
        boolean based = model.baseProperty().get() != null;
        String what = based ? "This adapter cannot be shown on " + model.baseProperty().get().name() : p.what();
        ErrorCard card = new ErrorCard(what, p.details(), p.help() == null ? "" : p.help(), model::compute);
        if (!based) {
            return new StackPane(card);
        }
        HBox buttons = new HBox(Buttons.plain("Show without a base", () -> model.on(null)));
        buttons.setAlignment(Pos.CENTER);
        VBox box = new VBox(12, card, buttons);
        box.setAlignment(Pos.CENTER);
        return new StackPane(box);
    }
}
