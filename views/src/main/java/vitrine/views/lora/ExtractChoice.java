package vitrine.views.lora;

import atlantafx.base.controls.Popover;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.Spinner;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;
import vitrine.views.control.Buttons;
import vitrine.views.control.Picker;
import vitrine.views.control.Popovers;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.view.Subject;

/// Asks of which checkpoint the present one is a fine-tune, and for the rank of the adapter that is extracted from the change.
final class ExtractChoice {

    private static final int LARGEST = 4096;

    private final LoraViewModel model;
    private final Function<String, Optional<Path>> target;

    ExtractChoice(LoraViewModel model, Function<String, Optional<Path>> target) {
        this.model = model;
        this.target = target;
    }

    void show(Node owner) {
        Popovers.showForm(owner, Popover.ArrowLocation.TOP_LEFT, this::content);
    }

    /// The form itself, for a popover and for pictures of it.
    Node content(Runnable close) {
        List<Subject> others = model.bases().stream().filter(b -> !b.equals(model.subjectProperty().get())).toList();
        Picker<Subject> before = new Picker<>("Base", others, Subject::name);
        Spinner<Integer> rank = new Spinner<>(1, LARGEST, 16);
        rank.setEditable(true);
        rank.setPrefWidth(90);
        Label name = new Label("Rank");
        HBox row = new HBox(8, before, name, rank);
        row.setAlignment(Pos.CENTER_LEFT);
        Label hint = new Label(others.isEmpty() ? "Only one checkpoint is open. Open the one that this was fine-tuned from."
                : "Of each linear layer's change the best of this rank, as a PEFT folder. Spectra of the change: Rank, Overlay…, Show the change.");
        hint.setWrapText(true);
        hint.setMaxWidth(320);
        hint.setMinHeight(Region.USE_PREF_SIZE);
        hint.getStyleClass().add(Styles.CAPTION);
        Button go = Buttons.primary("Extract…", () -> {
            Subject of = before.valueProperty().get();
            target.apply(model.subjectProperty().get().name() + "-lora-r" + rank.getValue()).ifPresent(p -> model.extract(of, rank.getValue(), p));
            close.run();
        });
        go.setDisable(others.isEmpty());
        HBox buttons = new HBox(go);
        buttons.setAlignment(Pos.CENTER_RIGHT);
        VBox box = others.isEmpty() ? new VBox(10, hint, buttons) : new VBox(10, row, hint, buttons);
        box.getStyleClass().add(Styles.POPOVER);
        return ProvenanceAudit.notAFigure(box, "a form");
    }
}
