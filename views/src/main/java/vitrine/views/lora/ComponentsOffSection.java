package vitrine.views.lora;

import static vitrine.views.control.Sections.head;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.ToggleButton;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.refusal.Visible;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Quantity;
import vitrine.views.control.Sections;
import vitrine.views.tasks.ViewState;

/// The selected module's components as switches, and what the adapter is like without those that are off.
///
/// The switches stay where they are while the measurement goes on, so that the keyboard can go from one to the next.
final class ComponentsOffSection {

    /// More components than this are switched in the map only.
    private static final int SWITCHES = 128;

    private final LoraViewModel model;
    private final FlowPane switches = new FlowPane(3, 3);
    private final VBox told = new VBox(6);
    private final VBox section;
    private Function<String, Optional<Path>> target = name -> Optional.empty();
    private String shown = "";

    ComponentsOffSection(LoraViewModel model) {
        this.model = model;
        section = Sections.section(head("Switched off"), switches, told);
        for (var p : List.of(model.studyProperty(), model.selectedProperty(), model.importanceProperty(), model.subjectProperty())) {
            p.addListener((o, old, now) -> show());
        }
        model.off().versionProperty().addListener((o, old, now) -> show());
        model.off().effectProperty().addListener((o, old, now) -> tell());
        show();
    }

    VBox node() {
        return section;
    }

    /// How the window asks for a new folder, by a proposed name.
    void target(Function<String, Optional<Path>> asking) {
        target = asking;
    }

    private void show() {
        Module m = model.module().orElse(null);
        boolean directions = model.importanceProperty().get().ofDelta();
        int count = m == null || !model.noWriting().isEmpty() ? 0 : m.sigma().length;
        String now = m == null ? "" : m.path() + " " + directions + " " + count;
        if (!now.equals(shown)) {
            shown = now;
            switches.getChildren().clear();
            for (int c = 0; m != null && c < Math.min(count, SWITCHES); c++) {
                switches.getChildren().add(button(m, directions, c));
            }
        }
        for (int c = 0; c < switches.getChildren().size(); c++) {
            ((ToggleButton) switches.getChildren().get(c)).setSelected(model.off().has(directions, m.path(), c));
        }
        switches.setManaged(count > 0);
        tell();
    }

    private Node button(Module m, boolean directions, int c) {
        ToggleButton b = new ToggleButton(Integer.toString(c + 1));
        b.getStyleClass().add("vt-switch");
        b.setMnemonicParsing(false);
        double[] v = directions ? m.sigma() : m.normProduct();
        String what = (directions ? "Component " : "Stored component ") + (c + 1) + (c < v.length ? ", " + (directions ? "σ " : "s ‖b‖ ‖a‖ ") + Numbers.general(v[c]) : "");
        b.setTooltip(new Tooltip(what + ". Pressed: switched off; the adapter is not changed"));
        b.setAccessibleText(what);
        b.setOnAction(e -> model.off().toggle(directions, m.path(), c));
        return ProvenanceAudit.notAFigure(b, "number of a component");
    }

    private void tell() {
        told.getChildren().clear();
        if (!model.noWriting().isEmpty()) {
            told.getChildren().add(words("This is a result made before. Open its adapter to switch components off.", Styles.MUTED));
            return;
        }
        ComponentsOff off = model.off();
        if (!off.any()) {
            told.getChildren().add(words(model.importanceProperty().get().ofDelta() ? "Press singular directions to switch them off." : "Press stored components to switch them off.", Styles.MUTED));
            return;
        }
        List<String> parts = new ArrayList<>();
        off.components().forEach((path, own) -> parts.add(model.study().flatMap(s -> s.module(path)).map(Module::title).orElse(Visible.name(path)) + ": " + String.join(", ", own.stream().map(c -> String.valueOf(c + 1)).toList())));
        told.getChildren().add(words(String.join("; ", parts) + (off.ofDelta() ? "" : " (stored)"), Styles.MUTED));
        switch (off.effectProperty().get()) {
            case ViewState.Problem<ComponentsOff.Effect> p -> told.getChildren().add(words(p.what() + ". " + String.join(" ", p.details()), Styles.DANGER_TEXT));
            case ViewState.Result<ComponentsOff.Effect> r -> effect(r.value());
            case ViewState.Working<ComponentsOff.Effect> w -> told.getChildren().add(words("measuring", Styles.MUTED));
            case ViewState.Empty<ComponentsOff.Effect> e -> { }
        }
        Button permanent = Buttons.plain("Make permanent…", Icons.ADAPTER, () -> target.apply(model.offName()).ifPresent(model::writeOff));
        permanent.setId("components-permanent");
        Buttons.disableBecause(permanent, off.effectProperty().get() instanceof ViewState.Problem ? "Without these components nothing can be written." : "", "Writes the adapter without these components as a PEFT folder");
        FlowPane buttons = new FlowPane(8, 8, Buttons.plain("All on", off::clear), permanent);
        told.getChildren().add(buttons);
    }

    private void effect(ComponentsOff.Effect e) {
        for (ComponentsOff.Loss l : e.losses()) {
            double change = l.after() - l.before();
            Label number = new Label(Numbers.orReason(change, v -> Numbers.change(v, 4)) + (change < 0 ? " ↓" : change > 0 ? " ↑" : ""));
            number.getStyleClass().addAll(Styles.MONO, change < 0 ? Styles.SUCCESS_TEXT : change > 0 ? Styles.DANGER_TEXT : Styles.MUTED);
            number.setMinWidth(Region.USE_PREF_SIZE);
            KeyValueRow row = KeyValueRow.of("Loss, " + AdapterText.shown(l.name()), ProvenanceAudit.tag(number, e.lossesFrom()));
            Tooltip.install(row, new Tooltip("From " + Numbers.loss(l.before()) + " to " + Numbers.loss(l.after()) + " nats per token, over the first " + Numbers.count(LoraViewModel.LEFT_OUT_TOKENS) + " tokens"));
            told.getChildren().add(row);
        }
        if (e.losses().isEmpty()) {
            told.getChildren().add(words(model.noLosses().isEmpty() ? "Choose texts to see the change of their losses." : model.noLosses(), Styles.MUTED));
        }
        told.getChildren().add(KeyValueRow.of("‖ΔW‖² kept", Quantity.of(e.energy(), Numbers::percent, e.energyFrom())));
    }

    private static Node words(String text, String style) {
        Label label = new Label(text);
        label.setWrapText(true);
        label.setMinHeight(Region.USE_PREF_SIZE);
        label.getStyleClass().addAll(Styles.SMALL, style);
        return ProvenanceAudit.notAFigure(label, "names of components, or a message");
    }
}
