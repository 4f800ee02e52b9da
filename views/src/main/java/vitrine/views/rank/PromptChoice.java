package vitrine.views.rank;

import atlantafx.base.controls.Popover;
import java.nio.file.Path;
import java.util.function.Function;
import javafx.animation.PauseTransition;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.TextArea;
import javafx.scene.layout.VBox;
import javafx.util.Duration;
import vitrine.resources.Styles;
import vitrine.views.control.Popovers;
import vitrine.views.control.ProvenanceAudit;

/// A prompt of one's own in place of a text: ranks are computed anew whenever typing rests, so that one sees keys and values fill as the context grows.
final class PromptChoice {

    private static final Duration REST = Duration.millis(400);

    private final RankViewModel model;
    private final Function<String, Path> keep;
    private String typed = "";

    /// @param keep writes a prompt to a file, for the task that reads it
    PromptChoice(RankViewModel model, Function<String, Path> keep) {
        this.model = model;
        this.keep = keep;
    }

    void show(Node owner) {
        Popovers.of(content(), Popover.ArrowLocation.TOP_LEFT).show(owner);
    }

    /// The field itself, for a popover and for pictures of it.
    Node content() {
        TextArea area = new TextArea(typed);
        area.setPromptText("Once upon a time");
        area.setWrapText(true);
        area.setPrefRowCount(5);
        area.setPrefColumnCount(40);
        PauseTransition rest = new PauseTransition(REST);
        rest.setOnFinished(e -> take());
        area.textProperty().addListener((o, old, now) -> {
            typed = now;
            rest.playFromStart();
        });
        Label hint = new Label("Ranks follow when typing rests. A prompt of 2 tokens or more.");
        hint.getStyleClass().add(Styles.CAPTION);
        VBox box = new VBox(10, area, hint);
        box.getStyleClass().add(Styles.POPOVER);
        return ProvenanceAudit.notAFigure(box, "a form");
    }

    private void take() {
        if (!typed.isBlank()) {
            model.textProperty().set(new CalibrationText("prompt", keep.apply(typed)));
            model.compute();
        }
    }
}
