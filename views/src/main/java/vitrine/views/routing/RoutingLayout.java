package vitrine.views.routing;

import java.util.List;
import javafx.beans.property.ReadOnlyBooleanProperty;
import javafx.beans.property.ReadOnlyBooleanWrapper;
import javafx.scene.Node;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import vitrine.views.control.Card;
import vitrine.views.routing.RoutingViewModel.Lower;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.States;

/// Places the cards: load above, token paths below it, and three cards about texts or three about experts; both threes where there is room.
///
/// While there is nothing to draw, one node says so; while something newer is computed, a row above the cards does.
final class RoutingLayout extends Region {

    private static final double GAP = 12;
    private static final double STATUS = 40;
    /// From this height on both rows of lower cards are shown.
    private static final double TALL = 940;
    /// From this width on they stand side by side.
    private static final double WIDE = 1720;
    private static final double LEAST_LANE = 20;
    private static final double MOST_LANE = 34;
    private static final double LEAST_LOWER = 200;
    private static final double MOST_LOWER = 420;

    private final RoutingViewModel model;
    private final Card load;
    private final Card paths;
    private final List<Card> domains;
    private final List<Card> experts;
    private final Runnable chooseTexts;
    private final StackPane state = new StackPane();
    private final ReadOnlyBooleanWrapper both = new ReadOnlyBooleanWrapper(this, "both");

    /// @param domains three cards, and `experts` three
    RoutingLayout(RoutingViewModel model, Card load, Card paths, List<Card> domains, List<Card> experts, Runnable chooseTexts) {
        this.model = model;
        this.load = load;
        this.paths = paths;
        this.domains = domains;
        this.experts = experts;
        this.chooseTexts = chooseTexts;
        getChildren().addAll(load, paths);
        getChildren().addAll(domains);
        getChildren().addAll(experts);
        getChildren().add(state);
        for (var p : List.of(model.stateProperty(), model.subjectProperty(), model.lowerProperty())) {
            p.addListener((o, old, now) -> arrange());
        }
        model.chosen().addListener((javafx.beans.InvalidationListener) o -> arrange());
        setMinSize(0, 0);
        arrange();
    }

    /// Whether the cards about texts and those about experts are all shown.
    ReadOnlyBooleanProperty bothProperty() {
        return both.getReadOnlyProperty();
    }

    private void arrange() {
        boolean there = model.data().isPresent() && model.obstacle().isEmpty();
        load.setVisible(there);
        paths.setVisible(there);
        domains.forEach(c -> c.setVisible(there && (both.get() || model.lowerProperty().get() == Lower.TEXTS)));
        experts.forEach(c -> c.setVisible(there && (both.get() || model.lowerProperty().get() == Lower.EXPERTS)));
        boolean working = model.stateProperty().get() instanceof ViewState.Working;
        state.setVisible(!there || working);
        state.getChildren().setAll(!there ? NothingYet.of(model, chooseTexts)
                : model.stateProperty().get() instanceof ViewState.Working<RoutingData> w ? States.working(w.row(), model::cancel) : new StackPane());
        requestLayout();
    }

    @Override
    protected void layoutChildren() {
        double w = getWidth();
        double h = getHeight();
        if ((h >= TALL || w >= WIDE) != both.get()) {
            both.set(h >= TALL || w >= WIDE);
            arrange();
        }
        if (!load.isVisible()) {
            place(state, 0, 0, w, h);
            return;
        }
        double top = 0;
        if (state.isVisible()) {
            place(state, 0, 0, w, STATUS);
            top = STATUS + GAP;
        }
        int layers = model.data().orElseThrow().layers();
        double lane = Math.clamp(0.034 * h, LEAST_LANE, MOST_LANE);
        boolean stacked = both.get() && w < WIDE || h >= TALL;
        int lowerRows = stacked && both.get() ? 2 : 1;
        double room = h - top - (1 + lowerRows) * GAP;
        // Few layers need little height: what is left goes to the cards below, as far as that helps them.
        double loadHeight = Math.clamp(92 + layers * lane, 150, Math.max(150, 0.32 * room));
        double pathsHeight = Math.clamp(112 + layers * lane, 170, Math.max(170, 0.33 * room));
        double lower = (room - loadHeight - pathsHeight) / lowerRows;
        if (lower < LEAST_LOWER) {
            double lacking = (LEAST_LOWER - lower) * lowerRows / 2;
            loadHeight = Math.max(110, loadHeight - lacking);
            pathsHeight = Math.max(120, pathsHeight - lacking);
            lower = (room - loadHeight - pathsHeight) / lowerRows;
        } else if (lower > MOST_LOWER && layers > 8) {
            double spare = (lower - MOST_LOWER) * lowerRows / 2;
            loadHeight += spare;
            pathsHeight += spare;
            lower = MOST_LOWER;
        }
        place(load, 0, top, w, loadHeight);
        double y = top + loadHeight + GAP;
        place(paths, 0, y, w, pathsHeight);
        y += pathsHeight + GAP;
        if (!both.get()) {
            row(model.lowerProperty().get() == Lower.TEXTS ? domains : experts, 0, y, w, h - y, model.lowerProperty().get() == Lower.TEXTS);
        } else if (stacked) {
            double high = Math.floor((h - y - GAP) / 2);
            row(domains, 0, y, w, high, true);
            row(experts, 0, y + high + GAP, w, h - y - high - GAP, false);
        } else {
            double half = Math.floor((w - GAP) / 2);
            row(domains, 0, y, half, h - y, true);
            row(experts, half + GAP, y, w - half - GAP, h - y, false);
        }
    }

    /// Widths as the figures need them: columns of experts, bars, a square map; or a map, a curve, streams.
    private static void row(List<Card> cards, double x, double y, double w, double h, boolean texts) {
        double[] shares = texts ? new double[] {0.40, 0.24, 0.36} : new double[] {0.33, 0.28, 0.39};
        double at = x;
        for (int i = 0; i < cards.size(); i++) {
            double wide = i == cards.size() - 1 ? x + w - at : Math.floor((w - 2 * GAP) * shares[i]);
            place(cards.get(i), at, y, wide, h);
            at += wide + GAP;
        }
    }

    private static void place(Node node, double x, double y, double w, double h) {
        node.resizeRelocate(Math.round(x), Math.round(y), Math.round(w), Math.round(h));
    }
}
