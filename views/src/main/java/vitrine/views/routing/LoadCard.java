package vitrine.views.routing;

import java.util.ArrayList;
import java.util.List;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.geometry.Pos;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Legend;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.control.Card;
import vitrine.views.control.Picker;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;
import vitrine.views.routing.RoutingData.Measure;
import vitrine.views.routing.RoutingViewModel.Maps;
import vitrine.views.routing.RoutingViewModel.Spread;

/// Load of every layer's experts against the fair share: a map per text where there is room, else one at a time; all texts together; or the
/// difference of two.
final class LoadCard {

    private static final double LEAST_MAP = 176;
    private static final double MOST_NEEDED = 440;
    private static final double PER_EXPERT = 9;
    private static final double BETWEEN = 24;
    private static final double LEGEND = 150;
    private static final double NARROW = 780;
    private static final double NARROW_LEGEND = 96;
    private static final int TABS = 4;

    private final Card card = new Card("Load per layer and expert").explained(Guide.Section.formula("routing", "load"));
    private final RoutingViewModel model;
    private final HBox row = new HBox(BETWEEN);
    private final HBox choice = new HBox(8);
    private final VBox content = new VBox(6, choice, row);
    private final Segments<Maps> maps = new Segments<>(List.of(Maps.values()), Maps::label).compact();
    private final Segments<Spread> spread = new Segments<>(List.of(Spread.values()), Spread::label).compact();
    private final ObjectProperty<Integer> tab = new SimpleObjectProperty<>(this, "tab", 0);
    private final List<LoadMap> shown = new ArrayList<>();
    private boolean together;

    LoadCard(RoutingViewModel model) {
        this.model = model;
        VBox.setVgrow(row, Priority.ALWAYS);
        choice.setAlignment(Pos.CENTER_LEFT);
        choice.managedProperty().bind(choice.visibleProperty());
        maps.valueProperty().set(model.mapsProperty().get());
        maps.valueProperty().bindBidirectional(model.mapsProperty());
        spread.valueProperty().bindBidirectional(model.spreadProperty());
        for (var p : List.of(model.stateProperty(), model.measureProperty(), model.mapsProperty(), model.spreadProperty(), model.minuendProperty(), model.subtrahendProperty(), tab)) {
            p.addListener((o, old, now) -> show());
        }
        model.selectedProperty().addListener((o, old, now) -> mark());
        model.hoveredProperty().addListener((o, old, now) -> shown.forEach(m -> m.link(now == null || now.expert() < 0 ? null : new Cell(now.layer(), now.expert()))));
        row.widthProperty().addListener((o, old, now) -> {
            boolean legend = old.doubleValue() < NARROW != now.doubleValue() < NARROW;
            if (model.data().isPresent() && (legend || together != fits(model.data().get(), now.doubleValue()))) {
                show();
            }
        });
        card.content(content);
        show();
    }

    Card node() {
        return card;
    }

    List<LoadMap> maps() {
        return shown;
    }

    void focus() {
        if (!shown.isEmpty()) {
            shown.getFirst().canvas().requestFocus();
        }
    }

    private static boolean fits(RoutingData d, double width) {
        int n = d.domains().size();
        return (width - (n - 1) * BETWEEN) / n >= Math.clamp(d.experts() * PER_EXPERT, LEAST_MAP, MOST_NEEDED);
    }

    private void show() {
        RoutingData d = model.data().orElse(null);
        if (d == null) {
            return;
        }
        Measure m = model.measureProperty().get();
        boolean perText = m == Measure.LOAD;
        maps.setVisible(perText && d.sides().size() > 1);
        maps.setManaged(maps.isVisible());
        maps.disableBecause(Maps.EACH, d.domains().size() > 1 ? "" : "There is one text only.");
        Maps which = !perText || d.domains().size() < 2 && model.mapsProperty().get() == Maps.EACH ? Maps.TOGETHER : model.mapsProperty().get();
        spread.setVisible(which != Maps.DIFFERENCE);
        spread.setManaged(spread.isVisible());
        together = fits(d, row.getWidth());
        shown.clear();
        choice.getChildren().clear();
        Scale scale = switch (which) {
            case EACH -> each(d);
            case TOGETHER -> {
                add(d, "All texts", Numbers.count(d.artifact().tokens()) + " tokens", -1, m, RoutingData.ALL, scale());
                yield scale();
            }
            case DIFFERENCE -> difference(d);
        };
        choice.setVisible(!choice.getChildren().isEmpty());
        row.getChildren().setAll(shown);
        card.subtitle(which == Maps.DIFFERENCE ? "in fair shares" : m == Measure.LOAD ? "1 = fair share" : m.words() + " × experts; 1 = fair share");
        FigureCanvas legend = new FigureCanvas(new Legend("", scale, v -> which == Maps.DIFFERENCE && v > 0 ? Numbers.general(v).replaceFirst("\\.?0+$", "") : v == 0.125 ? "⅛" : brief(v)));
        double wide = row.getWidth() < NARROW ? NARROW_LEGEND : LEGEND;
        legend.setMinSize(wide, 22);
        legend.setPrefSize(wide, 22);
        ProvenanceAudit.notAFigure(legend, "a scale");
        card.header(maps, spread, legend);
        Provenance from = which == Maps.DIFFERENCE ? d.provenance("domain_load", "share of choices × experts, one side less the other")
                : perText ? d.counted("visits ÷ (tokens × experts per token) × experts") : d.provenance(m == Measure.WEIGHT ? "expert_weight_sum" : "mean_router_probability", "× experts ÷ sum");
        ProvenanceAudit.tag(card, from);
        mark();
    }

    private static String brief(double v) {
        String digits = Numbers.fixed(v, 2);
        return digits.contains(".") ? digits.replaceFirst("\\.?0+$", "") : digits;
    }

    private Scale scale() {
        return model.spreadProperty().get() == Spread.LOG ? Scale.load() : Scale.around(1, 1);
    }

    private Scale each(RoutingData d) {
        if (together) {
            for (int i = 0; i < d.domains().size(); i++) {
                add(d, d.domains().get(i).name(), Numbers.count(d.domains().get(i).tokens()) + " tokens", i, Measure.LOAD, i, scale());
            }
            return scale();
        }
        int at = Math.clamp(tab.get(), 0, d.domains().size() - 1);
        List<Integer> all = java.util.stream.IntStream.range(0, d.domains().size()).boxed().toList();
        if (all.size() <= TABS) {
            Segments<Integer> tabs = new Segments<>(all, i -> d.domains().get(i).name()).compact();
            tabs.valueProperty().set(at);
            tabs.valueProperty().addListener((o, old, now) -> tab.set(now));
            choice.getChildren().setAll(ProvenanceAudit.notAFigure(tabs, "names of texts"));
        } else {
            Picker<Integer> tabs = new Picker<>("Text", all, i -> d.domains().get(i).name());
            tabs.valueProperty().set(at);
            tabs.valueProperty().addListener((o, old, now) -> tab.set(now));
            choice.getChildren().setAll(ProvenanceAudit.notAFigure(tabs, "names of texts"));
        }
        Label count = new Label(Numbers.count(d.domains().get(at).tokens()) + " tokens");
        count.getStyleClass().add(Styles.CAPTION);
        choice.getChildren().add(count);
        add(d, "", "", -1, Measure.LOAD, at, scale());
        return scale();
    }

    private void add(RoutingData d, String name, String detail, int category, Measure m, int domain, Scale scale) {
        LoadMap map = newMap(name, detail, category);
        map.show(cells(d, (l, e) -> d.share(m, l, domain, e)), scale, d.layerNames(), m.words() + " × experts", (l, e) -> {
            ReadOut out = head(d, l, e).line().add(ReadOut.Role.VALUE, Numbers.fixed(d.share(m, l, domain, e), 2)).add(ReadOut.Role.CONTEXT, "× fair share");
            if (m == Measure.LOAD) {
                double visits = d.visits(l, domain, e);
                out.line().add(ReadOut.Role.NUMBER, Numbers.count(visits)).add(ReadOut.Role.CONTEXT, "of " + Numbers.count(d.tokens(domain)) + " tokens, " + Numbers.percent(visits / d.tokens(domain)));
            }
            return out;
        });
        shown.add(map);
    }

    private LoadMap newMap(String name, String detail, int category) {
        return new LoadMap(name, detail, category, c -> model.hoveredProperty().set(c == null ? null : new Place(c.row(), c.column())), c -> model.select(c.row(), c.column()));
    }

    static ReadOut head(RoutingData d, int layer, int expert) {
        return new ReadOut().add(ReadOut.Role.NAME, "Layer " + d.number(layer) + ", expert " + expert);
    }

    private Scale difference(RoutingData d) {
        Side a = model.minuendProperty().get();
        Side b = model.subtrahendProperty().get();
        if (a == null || b == null || !d.sides().contains(a) || !d.sides().contains(b)) {
            return Scale.diverging(1);
        }
        Picker<Side> of = side(d, "Of", a, model.minuendProperty());
        Picker<Side> less = side(d, "less", b, model.subtrahendProperty());
        choice.getChildren().setAll(of, less);
        Cells cells = cells(d, (l, e) -> d.share(a, l, e) - d.share(b, l, e));
        Scale scale = Scale.diverging(1).fittedTo(cells);
        LoadMap map = newMap("", "", -1);
        map.show(cells, scale, d.layerNames(), "difference of load", (l, e) -> head(d, l, e).line()
                .add(ReadOut.Role.VALUE, Numbers.change(d.share(a, l, e) - d.share(b, l, e), 2)).add(ReadOut.Role.CONTEXT, "× fair share").line()
                .add(ReadOut.Role.CONTEXT, d.name(a)).add(ReadOut.Role.NUMBER, Numbers.fixed(d.share(a, l, e), 2))
                .add(ReadOut.Role.CONTEXT, d.name(b)).add(ReadOut.Role.NUMBER, Numbers.fixed(d.share(b, l, e), 2)));
        shown.add(map);
        return scale;
    }

    private static Picker<Side> side(RoutingData d, String label, Side now, ObjectProperty<Side> to) {
        Picker<Side> picker = new Picker<>(label, d.sides(), d::name);
        picker.valueProperty().set(now);
        picker.valueProperty().addListener((o, old, chosen) -> to.set(chosen));
        return ProvenanceAudit.notAFigure(picker, "names of texts");
    }

    private interface Value {
        double at(int layer, int expert);
    }

    private static Cells cells(RoutingData d, Value value) {
        int n = d.experts();
        float[] values = new float[d.layers() * n];
        for (int l = 0; l < d.layers(); l++) {
            for (int e = 0; e < n; e++) {
                values[l * n + e] = e < d.experts(l) ? (float) value.at(l, e) : Cells.NONE;
            }
        }
        return Cells.of(d.layers(), n, values);
    }

    private void mark() {
        Place p = model.selectedProperty().get();
        shown.forEach(m -> m.mark(p == null ? null : new Cell(p.layer(), p.expert())));
    }
}
