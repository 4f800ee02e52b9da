package vitrine.views.compare;

import java.util.List;
import javafx.scene.Node;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.States;

/// Places the cards: two above, the maps in the middle, three below; in a wide window a second row of maps beside the first.
///
/// While there is nothing to draw, one node says so; while something newer is computed, a row above the cards does.
final class CompareLayout extends Region {

    private static final double GAP = 12;
    private static final double WIDE = 1500;
    private static final double STATUS = 40;
    private static final double TABLE_LEAST = 150;

    private final CompareViewModel model;
    private final Card perplexity;
    private final Card loss;
    private final Card maps;
    private final Card second;
    private final Card heads;
    private final Card change;
    private final Card rank;
    private final TableCard tables;
    private final List<Card> all;
    private final StackPane state = new StackPane();

    CompareLayout(CompareViewModel model, List<Card> behaviour, Card change, Card rank, TableCard tables) {
        this.model = model;
        perplexity = behaviour.get(0);
        loss = behaviour.get(1);
        maps = behaviour.get(2);
        second = behaviour.get(3);
        heads = behaviour.get(4);
        this.change = change;
        this.rank = rank;
        this.tables = tables;
        all = List.of(perplexity, loss, maps, second, heads, change, rank, tables.matrices(), tables.tensors(), tables.settings());
        getChildren().addAll(all);
        getChildren().add(state);
        setMinSize(0, 0);
        for (var p : List.of(model.stateProperty(), model.modeProperty(), model.aProperty(), model.bProperty())) {
            p.addListener((o, old, now) -> arrange());
        }
        model.candidates().addListener((javafx.beans.InvalidationListener) o -> arrange());
        arrange();
    }

    private void arrange() {
        boolean there = model.comparison().isPresent() && model.obstacle().isEmpty();
        Mode mode = model.modeProperty().get();
        boolean behaviour = there && mode == Mode.BEHAVIOUR;
        boolean weights = there && mode == Mode.WEIGHTS;
        for (Card c : List.of(perplexity, loss, maps, heads)) {
            c.setVisible(behaviour);
        }
        second.setVisible(behaviour && getWidth() >= WIDE);
        change.setVisible(behaviour || weights);
        rank.setVisible(behaviour || weights);
        tables.matrices().setVisible(weights);
        tables.tensors().setVisible(weights);
        tables.settings().setVisible(there && mode == Mode.SETTINGS);
        boolean working = model.stateProperty().get() instanceof ViewState.Working;
        state.setVisible(!there || working);
        state.getChildren().setAll(!there ? nothing() : model.stateProperty().get() instanceof ViewState.Working<Comparison> w ? States.working(w.row(), model::cancel) : new StackPane());
        requestLayout();
    }

    private Node nothing() {
        String why = model.obstacle();
        if (!why.isEmpty()) {
            return new EmptyState(Icons.COMPARE, why);
        }
        return switch (model.stateProperty().get()) {
            case ViewState.Empty<Comparison> e -> new EmptyState(Icons.COMPARE, e.sentence().isEmpty() ? "Not compared yet." : e.sentence()).button(Buttons.primary("Compare A and B", model::compute));
            case ViewState.Working<Comparison> w -> States.working(w.row(), model::cancel);
            case ViewState<Comparison> s -> States.of(s, Icons.COMPARE, model::compute);
        };
    }

    @Override
    protected void layoutChildren() {
        double w = getWidth();
        double h = getHeight();
        if (all.stream().noneMatch(Node::isVisible)) {
            place(state, 0, 0, w, h);
            return;
        }
        double top = 0;
        if (state.isVisible()) {
            place(state, 0, 0, w, STATUS);
            top = STATUS + GAP;
        }
        switch (model.modeProperty().get()) {
            case BEHAVIOUR -> behaviour(w, h, top);
            case WEIGHTS -> weights(w, h, top);
            case SETTINGS -> place(tables.settings(), 0, top, w, h - top);
        }
    }

    private void behaviour(double w, double h, double top) {
        boolean wide = w >= WIDE;
        if (second.isVisible() != wide) {
            second.setVisible(wide);
        }
        double height = h - top;
        double upper = Math.clamp(height * (wide ? 0.22 : 0.19), 118, 260);
        double lower = Math.clamp(height * 0.31, 180, wide ? 420 : 330);
        double left = Math.clamp(w * 0.37, 260, 420);
        double middle = height - upper - lower - 2 * GAP;
        place(perplexity, 0, top, left, upper);
        place(loss, left + GAP, top, w - left - GAP, upper);
        double half = Math.floor((w - GAP) / 2);
        place(maps, 0, top + upper + GAP, wide ? half : w, middle);
        place(second, half + GAP, top + upper + GAP, w - half - GAP, middle);
        double third = Math.floor((w - 2 * GAP) / 3);
        double y = top + upper + middle + 2 * GAP;
        place(heads, 0, y, third, lower);
        place(change, third + GAP, y, third, lower);
        place(rank, 2 * (third + GAP), y, w - 2 * (third + GAP), lower);
    }

    private void weights(double w, double h, double top) {
        double height = h - top;
        // The maps take what their layers need, the table the rest.
        int layers = model.comparison().map(c -> c.artifact().relativeChange().length).orElse(0);
        double upper = Math.clamp(layers * 34.0 + 130, 180, Math.max(180, Math.min(height * 0.6, height - TABLE_LEAST - GAP)));
        double lower = height - upper - GAP;
        double half = Math.floor((w - GAP) / 2);
        place(change, 0, top, half, upper);
        place(rank, half + GAP, top, w - half - GAP, upper);
        double side = Math.clamp(w * 0.26, 200, 340);
        place(tables.matrices(), 0, top + upper + GAP, w - side - GAP, lower);
        place(tables.tensors(), w - side, top + upper + GAP, side, lower);
    }

    private static void place(Node node, double x, double y, double w, double h) {
        node.resizeRelocate(Math.round(x), Math.round(y), Math.round(w), Math.round(h));
    }
}
