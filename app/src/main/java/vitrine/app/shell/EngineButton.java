package vitrine.app.shell;

import atlantafx.base.controls.Popover;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.VBox;
import vitrine.app.services.Services;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.Popovers;
import vitrine.views.control.ProvenanceAudit;

/// Which engine computes, and what it has to compute with.
final class EngineButton extends Button {

    private final Services services;

    EngineButton(Services services) {
        this.services = services;
        setId("engine");
        getStyleClass().setAll("button", Styles.PICKER);
        HBox row = new HBox(6, Icons.ENGINE.node(), new Label("Embedded engine · CPU"), Icons.OPEN_MENU.node());
        row.setAlignment(javafx.geometry.Pos.CENTER_LEFT);
        setGraphic(row);
        setAccessibleText("Embedded engine · CPU");
        setMinWidth(USE_PREF_SIZE);
        setOnAction(e -> {
            Popovers.of(details(), Popover.ArrowLocation.TOP_CENTER).show(this);
        });
    }

    private Node details() {
        Label title = new Label("Embedded engine");
        title.getStyleClass().add(Styles.PANEL_TITLE);
        Label about = new Label("A process of its own that computes in float32 on the processor. It starts with the first task and stays warm; if it dies, the window goes on "
                + "and the next task starts another.");
        about.setWrapText(true);
        about.setMinHeight(USE_PREF_SIZE);
        about.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        String worker = services.engine() instanceof EmbeddedEngine e ? e.workerPid().map(p -> "runs, process " + p).orElse("starts with the next task") : services.engine().name();
        VBox box = new VBox(8, title, about, KeyValueRow.ofName("Worker", worker),
                KeyValueRow.ofName("Threads", Integer.toString(services.settings().nowProperty().get().threads())),
                KeyValueRow.ofName("Memory limit", Numbers.bytes(services.settings().nowProperty().get().memoryBytes())), KeyValueRow.ofName("pytorch engine", "in runs, and on the command line"));
        box.setPrefWidth(320);
        return ProvenanceAudit.notAFigure(box, "state of the program");
    }
}
