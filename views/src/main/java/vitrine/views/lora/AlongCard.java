package vitrine.views.lora;

import java.util.ArrayList;
import java.util.List;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.Slider;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.control.Card;
import vitrine.views.control.Picker;
import vitrine.views.control.ProvenanceAudit;

/// How much each component of each module counts at a step of the run, with a slider over the steps.
final class AlongCard {

    private final Card card = new Card("Ranks along the run").explained(Guide.Section.formula("lora", "effective rank"));
    private final LoraViewModel model;
    private final ImportanceMap map = new ImportanceMap();
    private final FigureCanvas canvas = new FigureCanvas(map);
    private final Picker<Along.Measure> measure = new Picker<>("", List.of(Along.Measure.SINGULAR), Along.Measure::label);
    private final Slider slider = new Slider(0, 1, 0);
    private final Label at = new Label();
    private final VBox content;
    private List<Along.Measure> offered = List.of(Along.Measure.SINGULAR);
    private boolean quiet;

    AlongCard(LoraViewModel model) {
        this.model = model;
        canvas.setId("along");
        measure.getStyleClass().add(Styles.COMPACT);
        VBox.setVgrow(canvas, Priority.ALWAYS);
        measure.valueProperty().bindBidirectional(model.along().measureProperty());
        map.selectedProperty().bindBidirectional(model.selectedProperty());
        map.hoveredProperty().bindBidirectional(model.hoveredProperty());
        map.readOut(this::readOut);
        slider.setId("steps");
        slider.setBlockIncrement(1);
        slider.setMajorTickUnit(1);
        slider.setMinorTickCount(0);
        HBox.setHgrow(slider, Priority.ALWAYS);
        slider.valueProperty().addListener((o, old, now) -> {
            if (!quiet) {
                model.along().atProperty().set((int) Math.round(now.doubleValue()));
            }
        });
        at.getStyleClass().add(Styles.MONO);
        at.setMinWidth(Region.USE_PREF_SIZE);
        HBox steps = new HBox(10, slider, at);
        steps.setAlignment(Pos.CENTER_LEFT);
        content = new VBox(6, canvas, steps);
        for (var p : List.of(model.along().shownProperty(), model.along().atProperty(), model.along().measureProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    Card node() {
        return card;
    }

    Slider slider() {
        return slider;
    }

    private void show() {
        Along a = model.along().shownProperty().get();
        if (a == null || a.steps().isEmpty()) {
            return;
        }
        if (!offered.equals(a.measures())) {
            offered = a.measures();
            measure.setChoices(offered);
        }
        Along.Measure m = model.along().measureProperty().get() == null ? Along.Measure.SINGULAR : model.along().measureProperty().get();
        int n = Math.clamp(model.along().atProperty().get(), 0, a.steps().size() - 1);
        Along.Step step = a.steps().get(n);
        card.header(new Node[] {measure});
        card.subtitle(step.lines().size() + (step.lines().size() == 1 ? " module" : " modules"));
        card.provenance(a.derived(m.label() + ": " + m.formula()));
        quiet = true;
        slider.setMax(Math.max(1, a.steps().size() - 1));
        slider.setValue(n);
        slider.setDisable(a.steps().size() < 2);
        slider.setAccessibleText("step of the run, " + Numbers.count(step.step()));
        quiet = false;
        at.setText("step " + Numbers.count(step.step()) + " of " + Numbers.count(a.steps().getLast().step()));
        ProvenanceAudit.tag(at, a.derived("step of the run"));
        List<ImportanceMap.Line> lines = new ArrayList<>();
        for (Along.Line l : step.lines()) {
            lines.add(new ImportanceMap.Line(l.path(), vitrine.core.refusal.Visible.name(l.kind()), l.layer(), Module.category(l.kind()), m.of(l), l.effectiveRank(), -1));
        }
        double most = a.most(m);
        map.show(lines, m == Along.Measure.GATE ? Scale.linear(0, Math.max(2, most)) : Scale.sqrt(0, most > 0 ? most : 1), m.legend(), m == Along.Measure.SINGULAR ? "component, strongest first" : "stored component", false);
        card.content(content);
    }

    private ReadOut readOut(int row, int column) {
        Along a = model.along().shownProperty().get();
        Along.Step step = a == null || a.steps().isEmpty() ? null : a.steps().get(Math.clamp(model.along().atProperty().get(), 0, a.steps().size() - 1));
        if (step == null || row >= step.lines().size()) {
            return new ReadOut();
        }
        Along.Line l = step.lines().get(row);
        Along.Measure m = model.along().measureProperty().get();
        ReadOut out = new ReadOut().add(ReadOut.Role.NAME, l.title());
        double[] v = m.of(l);
        if (column >= 0 && column < v.length) {
            out.line().add(ReadOut.Role.VALUE, Numbers.orReason(v[column], Numbers::general)).add(ReadOut.Role.CONTEXT, m.legend());
            out.line().add(ReadOut.Role.CONTEXT, (m == Along.Measure.SINGULAR ? "component " : "stored component ") + (column + 1) + " of " + v.length + ", step " + Numbers.count(step.step()));
        }
        return out.line().add(ReadOut.Role.CONTEXT, "effective rank").add(ReadOut.Role.NUMBER, Numbers.fixed(l.effectiveRank(), 2));
    }
}
