package vitrine.views.attention;

import java.util.List;
import java.util.Locale;
import javafx.beans.property.BooleanProperty;
import javafx.beans.property.SimpleBooleanProperty;
import javafx.scene.Node;
import javafx.scene.control.ScrollPane;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.views.attention.AttentionViewModel.Drawing;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.attention.AttentionViewModel.Show;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.HeatMap;
import vitrine.views.chart.HeatMapView;
import vitrine.views.chart.Links;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Strip;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.Segments;
import vitrine.views.view.States;
import vitrine.views.tasks.ViewState;

/// One head, token to token: as a map with row entropy and received mass at its edges, or as links between tokens.
final class MapCard {

    /// Links of more tokens than this cannot be told apart.
    private static final int MAX_LINKED = 200;

    private final Card card = new Card("").explained(Guide.Section.formula("attention", "weights"));
    private final AttentionViewModel model;
    private final HeatMapView view = new HeatMapView();
    private final Links links = new Links();
    private final FigureCanvas linksCanvas = new FigureCanvas(links);
    private final ScrollPane linksScroll = new ScrollPane(linksCanvas);
    private final BooleanProperty enlarged = new SimpleBooleanProperty(this, "enlarged");
    private final Runnable choose;
    private boolean quiet;

    /// @param choose opens the choice of what to compare with
    MapCard(AttentionViewModel model, Runnable choose) {
        this.model = model;
        this.choose = choose;
        view.setId("map");
        linksCanvas.setId("links");
        linksScroll.setFitToWidth(true);
        linksScroll.getStyleClass().add("edge-to-edge");
        Segments<Drawing> drawing = new Segments<>(List.of(Drawing.values()), Drawing::label).compact();
        drawing.valueProperty().bindBidirectional(model.drawingProperty());
        IconButton enlarge = new IconButton(Icons.ENLARGE, "Enlarge", "", () -> enlarged.set(!enlarged.get())).compact();
        card.header(drawing);
        card.actions(enlarge);
        view.map().readOut(this::readOut).format(Numbers::probability);
        view.lockedCellProperty().addListener((o, old, now) -> lockToModel(now));
        links.lockedQueryProperty().addListener((o, old, now) -> {
            if (!quiet) {
                model.queryProperty().set(now.intValue());
            }
        });
        for (var p : List.of(model.headProperty(), model.showProperty(), model.drawingProperty(), model.scaleKindProperty(), model.captureState().stateProperty(),
                model.otherState().stateProperty(), model.otherLayerState().stateProperty(), model.rolloutState().stateProperty(), model.subjectProperty())) {
            p.addListener((o, old, now) -> show());
        }
        model.layerMapsState().stateProperty().addListener((o, old, now) -> show());
        model.isolated().addListener((javafx.collections.SetChangeListener<Integer>) c -> show());
        model.queryProperty().addListener((o, old, now) -> modelToLock());
        model.keyProperty().addListener((o, old, now) -> modelToLock());
        show();
    }

    /// Whether the map alone fills the view.
    BooleanProperty enlargedProperty() {
        return enlarged;
    }

    HeatMapView view() {
        return view;
    }

    /// The card.
    Card node() {
        return card;
    }

    private void show() {
        HeadId h = model.headProperty().get();
        boolean rollout = model.show() == Show.ROLLOUT;
        AttentionCapture c = model.capture().orElse(null);
        card.title(c == null ? "Attention" : rollout ? "Rollout after layer " + h.layer() : h.toString());
        card.subtitle(switch (model.show()) {
            case WEIGHTS -> "query down, key across";
            case ROLLOUT -> "position down, input token across";
            case DIFFERENCE -> "B − A, query down, key across";
        });
        Cells cells = c == null ? null : model.shownMap();
        if (cells == null) {
            showState(c);
            return;
        }
        List<String> labels = TokenText.labels(c.tokens());
        Provenance from = rollout ? model.rolloutState().state().valueOrNull().provenance("rollout")
                : model.show() == Show.DIFFERENCE ? Provenance.derived(c.modelName() + " and " + model.otherState().state().valueOrNull().modelName(), "F32", "attention weights of B minus those of A")
                : c.provenance("attentions");
        card.provenance(from);
        if (model.drawingProperty().get() == Drawing.LINKS && model.show() == Show.WEIGHTS) {
            showLinks(cells, labels);
            return;
        }
        quiet = true;
        HeatMap map = view.map();
        map.show(cells).rowLabels(labels).columnLabels(labels);
        map.name(model.show() == Show.DIFFERENCE ? "difference of weights" : rollout ? "reach" : "attention weight");
        map.scaleProperty().set(model.show() == Show.DIFFERENCE ? model.scale().fittedTo(cells) : model.scale());
        map.largestCell(36);
        strips(map, c, h);
        quiet = false;
        modelToLock();
        put(view);
    }

    private void strips(HeatMap map, AttentionCapture c, HeadId h) {
        double[] entropy = model.show() == Show.WEIGHTS ? c.queryEntropy(h.layer(), h.head()) : null;
        double[] received = model.show() == Show.WEIGHTS ? c.receivedMass(h.layer(), h.head()) : null;
        map.rowStrip(entropy == null ? null : new Strip("row entropy, nats", "H", entropy, Math.max(Math.log(c.tokens().size()), 1e-9)));
        map.columnStrip(received == null ? null : new Strip("mean received weight", "", received, Math.max(largest(received), 1e-9)));
    }

    private static double largest(double[] values) {
        return java.util.Arrays.stream(values).filter(Double::isFinite).max().orElse(0);
    }

    private void showLinks(Cells cells, List<String> labels) {
        if (labels.size() > MAX_LINKED) {
            put(new EmptyState(Icons.INFORMATION, String.format(Locale.ROOT, "Links are drawn for up to %d tokens; this prompt has %,d. The map shows them all.", MAX_LINKED, labels.size())));
            return;
        }
        quiet = true;
        links.show(cells, labels);
        links.category(model.headProperty().get().layer());
        links.lockedQueryProperty().set(model.queryProperty().get());
        quiet = false;
        put(linksScroll);
    }

    private void put(Node node) {
        if (card.content() != node) {
            card.content(node);
        }
    }

    private void showState(AttentionCapture c) {
        String obstacle = model.obstacle();
        if (!obstacle.isEmpty()) {
            put(new EmptyState(Icons.INFORMATION, obstacle));
        } else if (c == null) {
            put(States.of(model.captureState().state(), Icons.ATTENTION, model::run));
        } else if (model.show() == Show.DIFFERENCE) {
            showDifferenceState();
        } else {
            var state = model.show() == Show.ROLLOUT ? model.rolloutState() : model.layerMapsState();
            put(States.of(state.state(), Icons.ATTENTION, model.show() == Show.ROLLOUT ? model::askRollout : model::run));
        }
    }

    private void showDifferenceState() {
        String why = model.differenceObstacle();
        if (!why.isEmpty()) {
            put(new EmptyState(Icons.COMPARE, why).button(Buttons.plain("Compare…", choose)));
        } else if (model.otherState().state() instanceof ViewState.Result<AttentionCapture>) {
            put(States.of(model.otherLayerState().state(), Icons.COMPARE, model::run));
        } else {
            put(States.of(model.otherState().state(), Icons.COMPARE, model::run));
        }
    }

    private ReadOut readOut(int query, int key) {
        AttentionCapture c = model.capture().orElse(null);
        ReadOut out = new ReadOut();
        Cells cells = model.shownMap();
        if (c == null || cells == null || query >= c.tokens().size() || key >= c.tokens().size()) {
            return out;
        }
        out.add(ReadOut.Role.NAME, TokenText.shown(c.tokens().get(query))).add(ReadOut.Role.INDEX, "[" + query + "] →")
                .add(ReadOut.Role.NAME, TokenText.shown(c.tokens().get(key))).add(ReadOut.Role.INDEX, "[" + key + "]").line();
        if (model.show() == Show.DIFFERENCE) {
            Cells a = model.map(model.headProperty().get());
            Cells b = model.otherMap(model.headProperty().get());
            return out.add(ReadOut.Role.VALUE, Numbers.change(cells.at(query, key), 4))
                    .add(ReadOut.Role.CONTEXT, "A " + Numbers.probability(a.at(query, key)) + " · B " + Numbers.probability(b.at(query, key)));
        }
        int visible = Weights.visible(cells, query);
        return out.add(ReadOut.Role.VALUE, Numbers.probability(cells.at(query, key)))
                .add(ReadOut.Role.CONTEXT, Weights.ordinal(Weights.rankAmongKeys(cells, query, key)) + " of " + Numbers.count(visible) + (visible == 1 ? " key" : " keys")
                        + " · uniform " + Numbers.probabilityInList(1.0 / visible));
    }

    private void lockToModel(Cell cell) {
        if (quiet) {
            return;
        }
        quiet = true;
        model.queryProperty().set(cell == null ? -1 : cell.row());
        model.keyProperty().set(cell == null ? -1 : cell.column());
        quiet = false;
    }

    /// A locked query without a key marks its strongest one.
    private void modelToLock() {
        if (quiet || model.capture().isEmpty()) {
            return;
        }
        quiet = true;
        int q = model.queryProperty().get();
        Cells cells = model.shownMap();
        if (q < 0 || cells == null || q >= cells.rows()) {
            view.lockedCellProperty().set(null);
        } else {
            Cell now = view.lockedCellProperty().get();
            int k = model.keyProperty().get();
            boolean keep = now != null && now.row() == q && (k < 0 || now.column() == k);
            if (!keep) {
                view.lockedCellProperty().set(new Cell(q, k >= 0 && k < cells.columns() && cells.at(q, k) != Cells.NONE ? k : strongest(cells, q)));
            }
        }
        links.lockedQueryProperty().set(q);
        quiet = false;
    }

    private static int strongest(Cells cells, int query) {
        int best = 0;
        for (int k = 1; k < cells.columns(); k++) {
            if (Math.abs(cells.at(query, k)) > Math.abs(cells.at(query, best)) && cells.at(query, k) != Cells.NONE || cells.at(query, best) == Cells.NONE) {
                best = k;
            }
        }
        return best;
    }
}
