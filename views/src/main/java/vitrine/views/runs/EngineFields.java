package vitrine.views.runs;

import java.util.List;
import java.util.Locale;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.PythonEngine;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.refusal.Visible;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;

/// The engine of a new run in its form: which, the Python that it runs in, device and precision.
final class EngineFields {

    /// Pythons that are listed beside the one that is used.
    private static final int OTHERS = 3;

    private final EngineChoice model;
    private final Segments<String> engines = new Segments<>(List.of(EmbeddedEngine.NAME, PythonEngine.NAME), e -> e);
    private final IconButton again;
    private final VBox told = new VBox(2);
    private final VBox engine;
    private final Picker<String> devices;
    private final Label memory = label("");
    private final VBox device;
    private final Segments<String> types = new Segments<>(List.of(PythonEngine.Precision.float32.name(), PythonEngine.Precision.bfloat16.name()), t -> t);

    EngineFields(EngineChoice model) {
        this.model = model;
        engines.setId("run-engine");
        again = new IconButton(Icons.RETRY, "Look for Pythons again", "", model::again);
        engine = new VBox(4, new HBox(4, engines, again), told);
        devices = new Picker<>("", model.devices(), this::device);
        devices.setId("run-device");
        device = new VBox(4, devices, memory);
        types.setId("run-dtype");
        both(engines.valueProperty(), model.engineProperty());
        both(devices.valueProperty(), model.deviceProperty());
        both(types.valueProperty(), model.dtypeProperty());
        model.stateProperty().addListener((o, old, now) -> tell());
        model.engineProperty().addListener((o, old, now) -> tell());
        model.deviceProperty().addListener((o, old, now) -> tellMemory());
        tell();
    }

    private static void both(javafx.beans.property.ObjectProperty<String> shown, javafx.beans.property.StringProperty held) {
        shown.set(held.get());
        shown.addListener((o, old, now) -> {
            if (now != null) {
                held.set(now);
            }
        });
        held.addListener((o, old, now) -> shown.set(now));
    }

    /// Which engine, and what it would run in.
    Node engine() {
        return engine;
    }

    /// The device of `pytorch`.
    Node device() {
        return device;
    }

    /// What `pytorch` computes in.
    Node dtype() {
        return types;
    }

    private String device(String name) {
        return model.device(name).map(d -> name + " · " + d.description())
                .orElse(name.equals(EngineChoice.AUTO) ? "auto · the first GPU, or the CPU" : name);
    }

    /// Of a GPU, as it was when its Python was asked.
    private void tellMemory() {
        String free = model.device(model.deviceProperty().get()).filter(d -> d.memoryBytes() > 0)
                .map(d -> Numbers.bytes(d.freeBytes()) + " of " + Numbers.bytes(d.memoryBytes()) + " free when it was asked.").orElse("");
        memory.setText(free);
        memory.setVisible(!free.isEmpty());
        memory.setManaged(!free.isEmpty());
    }

    private void tell() {
        tellMemory();
        EngineChoice.State s = model.stateProperty().get();
        engines.disableBecause(PythonEngine.NAME, model.notNow());
        again.setDisable(s.looking());
        devices.setChoices(model.devices());
        devices.valueProperty().set(null);
        devices.valueProperty().set(model.deviceProperty().get());
        told.getChildren().clear();
        String lack = model.notNow();
        if (!model.python()) {
            line(lack.isEmpty() ? "The embedded engine computes on the CPU, in float32." : lack.equals(EngineChoice.LOOKING) ? lack : "pytorch: " + lower(lack));
        }
        if (s.pythons() == null && model.python()) {
            line(EngineChoice.LOOKING);
        }
        if (s.pythons() == null || !model.python() && lack.isEmpty()) {
            return;
        }
        PythonInstallation used = s.chosen().orElse(null);
        if (used != null && model.python()) {
            line(words(used) + (s.looking() ? " Asking for its devices…" : ""), used);
        }
        List<PythonInstallation> others = s.pythons().stream().filter(p -> p != used || !model.python()).toList();
        others.stream().limit(OTHERS).forEach(p -> line((model.python() ? "Not used: " : "") + words(p), p));
        if (others.size() > OTHERS) {
            line(String.format(Locale.ROOT, "%,d more: vitrine engines lists all.", others.size() - OTHERS));
        }
    }

    private static String words(PythonInstallation p) {
        String python = "Python" + (p.version().isEmpty() ? "" : " " + p.version()) + " (" + p.origin() + ")";
        return python + (p.usable() ? ", " + p.versions() + "." : ": " + p.problem() + ".");
    }

    private static String lower(String sentence) {
        return Character.toLowerCase(sentence.charAt(0)) + sentence.substring(1);
    }

    private void line(String text) {
        told.getChildren().add(label(text));
    }

    private void line(String text, PythonInstallation of) {
        Label l = label(text);
        l.setTooltip(new Tooltip(Visible.name(of.executable().toString())));
        told.getChildren().add(l);
    }

    private static Label label(String text) {
        Label l = new Label(text);
        l.getStyleClass().add(Styles.CAPTION);
        l.setWrapText(true);
        l.setMinHeight(Region.USE_PREF_SIZE);
        return ProvenanceAudit.notAFigure(l, "what an engine runs in");
    }
}
