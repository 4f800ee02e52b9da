package vitrine.views.lora;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.control.Segments;

/// How much each component of each module counts, with the cut that the slider means.
final class ImportanceCard {

    private final Card card = new Card("Rank importance").explained(Guide.Section.formula("lora", "singular value"));
    private final LoraViewModel model;
    private final ImportanceMap map = new ImportanceMap();
    private final FigureCanvas canvas = new FigureCanvas(map);
    private final Picker<Importance> measure = new Picker<>("", List.of(Importance.SINGULAR), Importance::label);
    private List<Importance> offered = List.of(Importance.SINGULAR);
    private final Segments<Boolean> order = new Segments<>(List.of(true, false), s -> s ? "Sorted" : "In place").compact();

    ImportanceCard(LoraViewModel model) {
        this.model = model;
        canvas.setId("importance");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        order.valueProperty().bindBidirectional(model.sortedProperty());
        measure.setId("measure");
        measure.getStyleClass().add(vitrine.resources.Styles.COMPACT);
        measure.valueProperty().bindBidirectional(model.importanceProperty());
        map.selectedProperty().bindBidirectional(model.selectedProperty());
        map.hoveredProperty().bindBidirectional(model.hoveredProperty());
        map.cutAtProperty().addListener((o, old, now) -> model.rankProperty().set(now.intValue()));
        map.readOut(this::readOut);
        map.onSwitch(this::toggle);
        model.off().versionProperty().addListener((o, old, now) -> show());
        for (var p : List.of(model.studyProperty(), model.importanceProperty(), model.sortedProperty(), model.ruleProperty(), model.rankProperty(), model.energyProperty(), model.parametersProperty(), model.lossRiseProperty(), model.lossesProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    Card node() {
        return card;
    }

    FigureCanvas canvas() {
        return canvas;
    }

    void focus() {
        canvas.requestFocus();
    }

    /// How the values of a measure came about.
    static Provenance from(Study s, Importance i) {
        return switch (i) {
            case ACTIVATION, GATE, SENSITIVITY, LOSS -> s.overTexts(i.label() + ": " + i.formula());
            default -> s.derived(i.label() + ": " + i.formula());
        };
    }

    private void show() {
        Study s = model.studyProperty().get();
        if (s == null) {
            return;
        }
        Importance i = model.importanceProperty().get();
        int known = s.known().size();
        if (known == 0) {
            card.subtitle("");
            card.content(new EmptyState(Icons.INFORMATION, "This adapter has no low-rank factors with a spectrum."));
            return;
        }
        if (!offered.equals(model.importances())) {
            offered = model.importances();
            measure.setChoices(offered);
        }
        card.header(i.ofDelta() ? new javafx.scene.Node[] {measure} : new javafx.scene.Node[] {order, measure});
        card.subtitle(Numbers.count(s.modules().size()) + (s.modules().size() == 1 ? " module" : " modules") + " × " + s.mostRanks() + " components");
        card.provenance(from(s, i));
        boolean sorted = model.sortedProperty().get();
        Cut cut = model.cut();
        List<Module> modules = s.known();
        List<ImportanceMap.Line> lines = new ArrayList<>();
        for (Module m : s.modules()) {
            double[] v = i.stored(m);
            double[] drawn = IntStream.of(i.order(m, sorted)).mapToDouble(c -> v[c]).toArray();
            // What is cut are directions of the delta: stored components have no line.
            int keep = cut != null && i.ofDelta() && modules.contains(m) ? cut.kept()[modules.indexOf(m)] : -1;
            int[] order = i.order(m, sorted);
            boolean[] off = new boolean[order.length];
            for (int c = 0; c < off.length; c++) {
                off[c] = model.off().has(i.ofDelta(), m.path(), order[c]);
            }
            lines.add(new ImportanceMap.Line(m.path(), m.kind(), m.layer(), m.category(), drawn, m.row().figure("effective_rank").orElse(Double.NaN), keep, off));
        }
        map.show(lines, i.scale(s), i.legend(), i.ofDelta() || sorted ? "component, strongest first" : "stored component", i.ofDelta() && model.ruleProperty().get() == Cut.Rule.RANK);
        card.content(canvas);
    }

    private void toggle(int row, int column) {
        Study s = model.studyProperty().get();
        if (s == null || row >= s.modules().size() || !model.noWriting().isEmpty()) {
            return;
        }
        Module m = s.modules().get(row);
        Importance i = model.importanceProperty().get();
        int[] order = i.order(m, model.sortedProperty().get());
        if (column < order.length) {
            model.off().toggle(i.ofDelta(), m.path(), order[column]);
        }
    }

    private ReadOut readOut(int row, int column) {
        Study s = model.studyProperty().get();
        if (s == null || row >= s.modules().size()) {
            // The map is not in front, and describes what it last showed.
            return new ReadOut();
        }
        Module m = s.modules().get(row);
        Importance i = model.importanceProperty().get();
        ReadOut out = new ReadOut().add(ReadOut.Role.NAME, m.title());
        if (m.row().absent() != null) {
            return out.line().add(ReadOut.Role.VALUE, Numbers.MISSING).add(ReadOut.Role.CONTEXT, m.row().absent());
        }
        double[] v = i.stored(m);
        if (column >= 0 && column < v.length) {
            int at = i.order(m, model.sortedProperty().get())[column];
            out.line().add(ReadOut.Role.VALUE, Numbers.orReason(v[at], Numbers::general)).add(ReadOut.Role.CONTEXT, i.legend());
            out.line().add(ReadOut.Role.CONTEXT, (i.ofDelta() ? "component " : "stored component ") + (at + 1) + " of " + v.length
                    + (model.off().has(i.ofDelta(), m.path(), at) ? ", switched off" : ""));
        }
        m.row().figure("effective_rank").ifPresent(e -> out.line().add(ReadOut.Role.CONTEXT, "effective rank").add(ReadOut.Role.NUMBER, Numbers.fixed(e, 2)));
        return out;
    }
}
