package vitrine.views.rank;

import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.layout.HBox;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.views.control.Buttons;
import vitrine.views.control.EmptyState;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.rank.RankViewModel.Mode;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.States;

/// What stands in place of the cards while there is nothing to draw: why, and the button that makes it; how far it is; what went wrong.
final class NothingYet {

    private NothingYet() {}

    /// The node for a state without a value.
    ///
    /// @param chooseText asks for a text to measure over
    static Node of(RankViewModel model, Runnable chooseText) {
        String obstacle = model.obstacle();
        if (!obstacle.isEmpty()) {
            return new EmptyState(Icons.INFORMATION, obstacle);
        }
        return switch (model.stateProperty().get()) {
            case ViewState.Empty<Spectra> e -> empty(model, e.sentence(), chooseText);
            case ViewState.Working<Spectra> w -> States.working(w.row(), model::cancel);
            case ViewState.Problem<Spectra> p -> new StackPane(new ErrorCard(p.what(), p.details(), p.help() == null ? "" : p.help(), model::compute));
            case ViewState.Result<Spectra> ignored -> new StackPane();
        };
    }

    private static Node empty(RankViewModel model, String sentence, Runnable chooseText) {
        EmptyState empty = new EmptyState(Icons.RANK, sentence);
        if (model.modeProperty().get() == Mode.WEIGHTS) {
            return empty.button(Buttons.primary("Compute spectra", model::compute));
        }
        CalibrationText text = model.textProperty().get();
        HBox buttons = new HBox(8);
        buttons.setAlignment(Pos.CENTER);
        if (text != null) {
            Button compute = Buttons.primary("Measure over " + text.name(), model::compute);
            buttons.getChildren().add(ProvenanceAudit.notAFigure(compute, "name of a text"));
        }
        Button other = text == null ? Buttons.primary("Choose a text…", chooseText) : Buttons.plain("Another text…", chooseText);
        other.setId("choose-text");
        buttons.getChildren().add(other);
        VBox box = new VBox(12, empty, buttons);
        box.setAlignment(Pos.CENTER);
        empty.setMinHeight(StackPane.USE_PREF_SIZE);
        return box;
    }
}
