package vitrine.views.routing;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.resources.Guide;
import vitrine.views.chart.Axis;
import vitrine.views.chart.ColumnChart;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.SeriesKey;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;

/// Which texts an expert's tokens come from, and which share of each text visits it, with what chance would give.
final class SpecialisationCard {

    /// More experts than this are cut to those that are most one-sided.
    private static final int MOST = 24;

    private enum Kind {
        DIVISION("division"), VISITS("visits");

        private final String label;

        Kind(String label) {
            this.label = label;
        }
    }

    private final Card card = new Card("Specialisation").explained(Guide.Section.formula("routing", "specialisation"));
    private final RoutingViewModel model;
    private final ColumnChart division = new ColumnChart().stacked();
    private final ColumnChart visits = new ColumnChart();
    private final FigureCanvas canvas = new FigureCanvas(division);
    private final FigureCanvas key = new FigureCanvas(new SeriesKey());
    private final VBox content = new VBox(6, canvas, key);
    private final Segments<Kind> kind = new Segments<>(List.of(Kind.values()), k -> k.label).compact();
    private List<Integer> order = List.of();
    private boolean quiet;

    SpecialisationCard(RoutingViewModel model) {
        this.model = model;
        canvas.setId("specialisation");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        key.setMinHeight(18);
        ProvenanceAudit.notAFigure(key, "which colour means which text");
        kind.valueProperty().addListener((o, old, now) -> show());
        model.stateProperty().addListener((o, old, now) -> show());
        model.selectedProperty().addListener((o, old, now) -> show());
        for (ColumnChart c : List.of(division, visits)) {
            c.selectedProperty().addListener((o, old, now) -> chosen(now.intValue()));
            c.hoveredProperty().addListener((o, old, now) -> model.hoveredProperty().set(now.intValue() < 0 || now.intValue() >= order.size() ? null
                    : new Place(model.layer(), order.get(now.intValue()))));
        }
        model.hoveredProperty().addListener((o, old, now) -> link());
        card.header(kind);
        show();
    }

    private void link() {
        Place h = model.hoveredProperty().get();
        int at = h == null || h.layer() != model.layer() ? -1 : order.indexOf(h.expert());
        division.linkedProperty().set(at);
        visits.linkedProperty().set(at);
    }

    Card node() {
        return card;
    }

    ColumnChart chart() {
        return (ColumnChart) canvas.getFigure();
    }

    private void chosen(int index) {
        if (!quiet && index >= 0 && index < order.size()) {
            model.select(model.layer(), order.get(index));
        } else if (!quiet) {
            show();
        }
    }

    private void show() {
        RoutingData d = model.data().orElse(null);
        if (d == null) {
            return;
        }
        int layer = model.layer();
        card.title("Specialisation, layer " + d.number(layer));
        if (d.domains().size() < 2) {
            card.header();
            card.subtitle("");
            card.content(new EmptyState(Icons.ROUTING, "One text has no other to part from. Measure over two or more."));
            return;
        }
        card.header(kind);
        boolean parts = kind.valueProperty().get() == Kind.DIVISION;
        int n = d.experts(layer);
        order = n <= MOST ? IntStream.range(0, n).boxed().toList()
                : IntStream.range(0, n).boxed().sorted(Comparator.comparingDouble((Integer e) -> -d.unevenness(layer, e))).limit(MOST).toList();
        String axis = n <= MOST ? "expert" : "expert: the " + MOST + " most one-sided of " + n;
        List<ColumnChart.Series> series = new ArrayList<>();
        for (int i = 0; i < d.domains().size(); i++) {
            int domain = i;
            double[] values = order.stream().mapToDouble(e -> 100 * (parts ? d.division(layer, e)[domain] : d.specialisation(layer, domain, e))).toArray();
            series.add(new ColumnChart.Series(d.domains().get(i).name(), values, p -> p.categorical(domain)));
        }
        ColumnChart chart = parts ? division : visits;
        double chance = 100.0 * d.perToken(layer) / n;
        quiet = true;
        chart.categories(order.stream().map(String::valueOf).toList(), axis).series(series, parts ? Axis.of("from each text, %").between(0, 100) : Axis.of("of each text's tokens, %"), v -> parts ? Numbers.fixed(v, 0) : Numbers.fixed(v, 1));
        visits.reference(chance, "chance " + Numbers.fixed(chance, 1));
        chart.selectedProperty().set(model.selectedProperty().get() == null ? -1 : order.indexOf(model.selectedProperty().get().expert()));
        canvas.figureProperty().set(chart);
        quiet = false;
        SeriesKey names = new SeriesKey();
        IntStream.range(0, d.domains().size()).forEach(i -> names.add(d.domains().get(i).name(), SeriesKey.Sample.SQUARE, i));
        key.figureProperty().set(names);
        ProvenanceAudit.tag(card, d.provenance("domain_specialisation", parts ? "share of each text's tokens that visit the expert, divided by the sum over texts: every text counts the same"
                : "share of each text's tokens that visit the expert; chance is k / N"));
        card.content(content);
    }
}
