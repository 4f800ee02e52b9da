package vitrine.views.routing;

import java.util.stream.Collectors;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.HBox;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.core.task.Task;
import vitrine.views.control.Buttons;
import vitrine.views.control.EmptyState;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.States;

/// What stands in place of the cards while there is nothing to draw: why, and the button that makes it; how far it is; what went wrong.
final class NothingYet {

    private NothingYet() {}

    /// @param chooseTexts asks which texts to measure over
    static Node of(RoutingViewModel model, Runnable chooseTexts) {
        String obstacle = model.obstacle();
        if (!obstacle.isEmpty()) {
            return new EmptyState(Icons.ROUTING, obstacle);
        }
        return switch (model.stateProperty().get()) {
            case ViewState.Empty<RoutingData> e -> empty(model, e.sentence(), chooseTexts);
            case ViewState.Working<RoutingData> w -> States.working(w.row(), model::cancel);
            case ViewState.Problem<RoutingData> p -> new StackPane(new ErrorCard(p.what(), p.details(), p.help() == null ? "" : p.help(), model.canCompute() ? model::compute : null));
            case ViewState.Result<RoutingData> ignored -> new StackPane();
        };
    }

    private static Node empty(RoutingViewModel model, String sentence, Runnable chooseTexts) {
        HBox buttons = new HBox(8);
        buttons.setAlignment(Pos.CENTER);
        int n = model.chosen().size();
        if (n > 0) {
            Button compute = Buttons.primary("Measure over " + (n == 1 ? model.chosen().getFirst().name() : n + " texts"), model::compute);
            compute.setTooltip(new Tooltip(model.chosen().stream().map(Task.Domain::name).collect(Collectors.joining(", "))));
            buttons.getChildren().add(ProvenanceAudit.notAFigure(compute, "number of texts"));
        }
        Button choose = n == 0 ? Buttons.primary("Choose texts…", chooseTexts) : Buttons.plain("Choose texts…", chooseTexts);
        choose.setId("choose-texts");
        buttons.getChildren().add(choose);
        EmptyState empty = new EmptyState(Icons.ROUTING, sentence);
        empty.setMinHeight(StackPane.USE_PREF_SIZE);
        VBox box = new VBox(12, empty, buttons);
        box.setAlignment(Pos.CENTER);
        return box;
    }
}
