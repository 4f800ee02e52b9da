package vitrine.app.shell;

import atlantafx.base.controls.Popover;
import java.util.List;
import java.util.Optional;
import javafx.application.Platform;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.VBox;
import vitrine.app.services.Services;
import vitrine.resources.Styles;
import vitrine.views.chart.Theme;
import vitrine.views.control.Buttons;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;
import vitrine.views.control.Themes;

/// The few settings there are.
public final class SettingsButton extends Button {

    /// The setting that holds the look: `SYSTEM`, `DARK` or `LIGHT`.
    public static final String LOOK = "look";
    /// The setting that holds the number of threads that compute.
    public static final String THREADS = "threads";

    private enum Look {
        SYSTEM("System"), DARK("Dark"), LIGHT("Light");

        private final String label;

        Look(String label) {
            this.label = label;
        }
    }

    private final Services services;

    SettingsButton(Services services) {
        this.services = services;
        setGraphic(Icons.SETTINGS.node());
        getStyleClass().add(Styles.ICON_BUTTON);
        setTooltip(new Tooltip("Settings"));
        setAccessibleText("Settings");
        setOnAction(e -> services.state().setting(LOOK).thenCombine(services.state().setting(THREADS), (look, threads) -> details(look, threads))
                .thenAcceptAsync(supplier -> show(supplier.get()), Platform::runLater));
    }

    private void show(Node content) {
        Popover popover = new Popover(content);
        popover.setHeaderAlwaysVisible(false);
        popover.setDetachable(false);
        popover.setArrowLocation(Popover.ArrowLocation.TOP_RIGHT);
        popover.show(this);
    }

    /// Nodes are made on the JavaFX thread, so this only says how.
    private java.util.function.Supplier<Node> details(Optional<String> look, Optional<String> threads) {
        return () -> {
            Label title = new Label("Settings");
            title.getStyleClass().add(Styles.PANEL_TITLE);
            Segments<Look> looks = new Segments<>(List.of(Look.values()), l -> l.label);
            looks.valueProperty().set(look.map(SettingsButton::lookNamed).orElse(Look.SYSTEM));
            looks.valueProperty().addListener((o, old, now) -> {
                services.themes().themeProperty().set(now == Look.SYSTEM ? Themes.ofSystem() : Theme.valueOf(now.name()));
                services.state().set(LOOK, now.name());
            });
            int cores = Runtime.getRuntime().availableProcessors();
            Segments<Integer> count = new Segments<>(cores > 1 ? List.of(cores, cores - 1) : List.of(1), n -> n == cores ? "All " + cores : "" + n);
            threads.filter(t -> t.equals(Integer.toString(cores - 1))).ifPresent(t -> count.valueProperty().set(cores - 1));
            count.valueProperty().addListener((o, old, now) -> services.state().set(THREADS, now.toString()));
            Label next = new Label("Threads change with the next start.");
            next.getStyleClass().add(Styles.CAPTION);
            VBox box = new VBox(10, title, KeyValueRow.of("Look", looks), KeyValueRow.of("Threads", count), next,
                    KeyValueRow.ofName("Data", services.folders().home().toString()),
                    Buttons.plain("Forget what was opened before", Icons.CLOSE, services.workspace()::forgetRecent));
            box.setPrefWidth(340);
            return ProvenanceAudit.notAFigure(box, "settings");
        };
    }

    private static Look lookNamed(String name) {
        for (Look l : Look.values()) {
            if (l.name().equals(name)) {
                return l;
            }
        }
        return Look.SYSTEM;
    }
}
