package vitrine.views.routing;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import javafx.scene.control.Label;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Cell;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Flow;
import vitrine.views.chart.Flow.Band;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;

/// How tokens move between the experts of neighbouring layers, by their first expert: the largest streams.
final class FlowCard {

    /// Streams that are drawn, over all steps together.
    static final int MOST = 50;
    private static final int LAYERS = 8;
    private static final int NARROW_LAYERS = 4;
    private static final double NARROW = 620;

    private final Card card = new Card("Path flow").explained(Guide.Section.formula("routing", "what one layer tells of the next"));
    private final RoutingViewModel model;
    private final Flow flow = new Flow();
    private final FigureCanvas canvas = new FigureCanvas(flow);
    private final Label note = new Label();
    private final VBox content = new VBox(6, canvas, note);
    private RoutingData shown;
    private int first;
    private int count;
    private boolean quiet;

    FlowCard(RoutingViewModel model) {
        this.model = model;
        canvas.setId("flow");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        note.setWrapText(true);
        note.setMinHeight(Region.USE_PREF_SIZE);
        note.getStyleClass().add(Styles.CAPTION);
        model.stateProperty().addListener((o, old, now) -> show());
        model.selectedProperty().addListener((o, old, now) -> show());
        canvas.widthProperty().addListener((o, old, now) -> {
            if (old.doubleValue() < NARROW != now.doubleValue() < NARROW) {
                show();
            }
        });
        flow.selectedProperty().addListener((o, old, now) -> {
            if (!quiet && now != null) {
                model.select(first + now.row(), now.column());
            }
        });
        flow.hoveredProperty().addListener((o, old, now) -> model.hoveredProperty().set(now == null ? null : new Place(first + now.row(), now.column())));
        show();
    }

    Card node() {
        return card;
    }

    Flow flow() {
        return flow;
    }

    private void show() {
        RoutingData d = model.data().orElse(null);
        if (d == null) {
            return;
        }
        if (d.layers() < 2) {
            card.content(new EmptyState(Icons.ROUTING, "There is one layer with experts, so tokens go nowhere from it."));
            return;
        }
        int wanted = Math.min(d.layers(), canvas.getWidth() > 0 && canvas.getWidth() < NARROW ? NARROW_LAYERS : LAYERS);
        // The window moves only where the selected layer would leave it.
        int start = shown == d && wanted == count && model.layer() >= first && model.layer() < first + count ? first
                : Math.clamp(model.layer() - wanted / 2, 0, d.layers() - wanted);
        if (shown != d || wanted != count || start != first) {
            draw(d, start, wanted);
        }
        quiet = true;
        Place p = model.selectedProperty().get();
        flow.selectedProperty().set(p == null || p.layer() < first || p.layer() >= first + count ? null : new Cell(p.layer() - first, p.expert()));
        quiet = false;
        card.content(content);
    }

    private void draw(RoutingData d, int start, int wanted) {
        shown = d;
        first = start;
        count = wanted;
        RoutingArtifact a = d.artifact();
        int places = IntStream.range(start, start + wanted).map(d::experts).max().orElse(0);
        double[][] amounts = new double[wanted][places];
        List<Band> all = new ArrayList<>();
        double total = 0;
        for (int c = 0; c < wanted; c++) {
            for (int e = 0; e < d.experts(start + c); e++) {
                amounts[c][e] = d.firstChoices(start + c, e);
            }
            if (c + 1 == wanted) {
                break;
            }
            double[] t = a.transitions(start + c);
            int next = d.experts(start + c + 1);
            for (int i = 0; i < t.length; i++) {
                total += t[i];
                if (t[i] > 0) {
                    all.add(new Band(c, i / next, i % next, t[i]));
                }
            }
        }
        all.sort(Comparator.comparingDouble(Band::amount).reversed());
        List<Band> top = List.copyOf(all.subList(0, Math.min(MOST, all.size())));
        double kept = top.stream().mapToDouble(Band::amount).sum();
        flow.colours((c, n) -> n < d.experts(start + c) ? Colouring.of(d, start + c, n) : p -> p.subtle());
        flow.readOuts(b -> {
            Band band = top.get(b);
            double out = amounts[band.column()][band.from()];
            return new ReadOut().add(ReadOut.Role.NAME, "Layer " + d.number(start + band.column()) + ", expert " + band.from()).add(ReadOut.Role.CONTEXT, "to").add(ReadOut.Role.NAME,
                    "layer " + d.number(start + band.column() + 1) + ", expert " + band.to()).line().add(ReadOut.Role.VALUE, Numbers.count(band.amount())).add(ReadOut.Role.CONTEXT,
                            "tokens, " + Numbers.percent(band.amount() / out) + " of the first's; by chance " + Numbers.percent(amounts[band.column() + 1][band.to()] / a.tokens()));
        }, (c, n) -> LoadCard.head(d, start + c, n).line().add(ReadOut.Role.VALUE, Numbers.count(amounts[c][n])).add(ReadOut.Role.CONTEXT,
                "tokens have it first, " + Numbers.percent(amounts[c][n] / a.tokens())));
        flow.show(IntStream.range(start, start + wanted).mapToObj(i -> "layer " + d.number(i)).toList(), amounts, top);
        card.subtitle((all.size() > MOST ? "largest " + MOST + " of " + Numbers.count(all.size()) + " streams" : "all " + all.size() + " streams") + ", "
                + Numbers.wholePercent(total == 0 ? 0 : kept / total) + " of tokens");
        String path = a.paths().map(p -> Numbers.count(p.distinct()) + " distinct paths among " + Numbers.count(a.tokens()) + " tokens. " + p.steps().stream()
                .filter(s -> s.from() == d.number(Math.min(model.layer(), d.layers() - 2))).findFirst().map(s -> "Layer " + s.from() + " tells " + Numbers.wholePercent(Math.max(0, s.normalised()))
                        + " of what can be known of layer " + s.to() + ".").orElse("")).orElse("");
        note.setText(path.replace(" %", "\u00a0%").replace(Numbers.THIN_SPACE + "%", "\u00a0%"));
        note.setManaged(!path.isEmpty());
        Provenance from = d.provenance("transitions");
        ProvenanceAudit.tag(card, Provenance.measured(from.source(), from.dtype(), "tokens by first expert, from layer to layer").of(from.samples()));
    }
}
