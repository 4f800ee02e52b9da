package vitrine.views.lora;

import java.util.List;
import java.util.function.Consumer;
import java.nio.file.Path;
import javafx.beans.property.ReadOnlyBooleanProperty;
import javafx.beans.property.ReadOnlyBooleanWrapper;
import javafx.scene.Node;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.views.control.Card;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.Segments;
import vitrine.views.lora.LoraViewModel.Mode;
import vitrine.views.lora.LoraViewModel.Written;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.States;

/// Places the cards: a map at the left, two figures or a figure and the cut at its right; in a wide window more of them side by side.
///
/// While there is nothing to draw, one node says so; while something newer is computed, a row above the cards does.
final class LoraLayout extends Region {

    /// What stands above the cut where there is room for one figure only.
    enum Third {
        LOSS("perplexity"), ENERGY("energy"), SPECTRUM("spectrum");

        private final String label;

        Third(String label) {
            this.label = label;
        }
    }

    private static final double GAP = 12;
    private static final double WIDE = 1300;
    private static final double MAP_SHARE = 0.615;
    private static final double MAP_SHARE_WIDE = 0.42;
    private static final double MAP_MOST = 900;
    private static final double SIDE_LEAST = 290;
    private static final double SIDE_MOST = 480;
    private static final double STATUS = 40;

    private final LoraViewModel model;
    private final Card map;
    private final Card loss;
    private final Card energy;
    private final Card spectrum;
    private final Card compress;
    private final Card placement;
    private final Card subspaces;
    private final Card response;
    private final Card cosines;
    private final Card angles;
    private final Card norms;
    private final Card along;
    private final Card alongModule;
    private final Card alongCurves;
    private final List<Card> all;
    private final Runnable extract;
    private final Consumer<Path> open;
    private final StackPane state = new StackPane();
    private final StackPane choices = new StackPane();
    private final Segments<Third> third = new Segments<>(List.of(Third.values()), t -> t.label).compact();
    private final ReadOnlyBooleanWrapper wide = new ReadOnlyBooleanWrapper(this, "wide");

    LoraLayout(LoraViewModel model, List<Card> ranks, List<Card> alignment, List<Card> compare, List<Card> run, Runnable extract, Consumer<Path> open) {
        this.model = model;
        map = ranks.get(0);
        loss = ranks.get(1);
        energy = ranks.get(2);
        spectrum = ranks.get(3);
        compress = ranks.get(4);
        placement = alignment.get(0);
        subspaces = alignment.get(1);
        response = alignment.get(2);
        cosines = compare.get(0);
        angles = compare.get(1);
        norms = compare.get(2);
        along = run.get(0);
        alongModule = run.get(1);
        alongCurves = run.get(2);
        this.extract = extract;
        this.open = open;
        all = List.of(map, loss, energy, spectrum, compress, placement, subspaces, response, cosines, angles, norms, along, alongModule, alongCurves);
        choices.getChildren().add(third);
        choices.setAlignment(javafx.geometry.Pos.CENTER_LEFT);
        getChildren().addAll(all);
        getChildren().addAll(choices, state);
        for (var p : List.of(model.stateProperty(), model.modeProperty(), model.subjectProperty(), model.comparisonProperty(), model.studyProperty(), model.writtenProperty(), model.along().shownProperty(), third.valueProperty())) {
            p.addListener((o, old, now) -> arrange());
        }
        setMinSize(0, 0);
        arrange();
    }

    ReadOnlyBooleanProperty wideProperty() {
        return wide.getReadOnlyProperty();
    }

    Segments<Third> third() {
        return third;
    }

    private boolean comparing() {
        return model.modeProperty().get() == Mode.COMPARE && model.obstacle().isEmpty() && (model.study().isPresent() || model.comparison().isPresent());
    }

    private void arrange() {
        boolean there = model.study().isPresent() && model.obstacle().isEmpty();
        Mode mode = model.modeProperty().get();
        all.forEach(c -> c.setVisible(false));
        if (there && mode == Mode.RANKS) {
            Third t = third.valueProperty().get();
            map.setVisible(true);
            compress.setVisible(true);
            loss.setVisible(wide.get() || t == Third.LOSS);
            energy.setVisible(wide.get() || t == Third.ENERGY);
            spectrum.setVisible(wide.get() || t == Third.SPECTRUM);
        } else if (there && mode == Mode.ALIGNMENT) {
            List.of(placement, subspaces, response).forEach(c -> c.setVisible(true));
        } else if (mode == Mode.RUN && model.along().nothing().isEmpty()) {
            List.of(along, alongModule, alongCurves).forEach(c -> c.setVisible(true));
        } else if (comparing()) {
            List.of(cosines, angles, norms).forEach(c -> c.setVisible(true));
        }
        choices.setVisible(map.isVisible() && !wide.get());
        boolean shown = all.stream().anyMatch(Node::isVisible);
        boolean working = mode != Mode.RUN && model.stateProperty().get() instanceof ViewState.Working;
        state.setVisible(!shown || working);
        state.getChildren().setAll(!shown ? nothing() : model.stateProperty().get() instanceof ViewState.Working<Study> w ? States.working(w.row(), model::cancel) : new StackPane());
        requestLayout();
    }

    /// Beside why there is nothing, what became of an extraction.
    private Node nothing() {
        if (model.modeProperty().get() == Mode.RUN) {
            return new vitrine.views.control.EmptyState(vitrine.views.control.Icons.RUNS, model.along().nothing());
        }
        Node why = NothingYet.of(model, extract);
        Node end = switch (model.writtenProperty().get()) {
            case ViewState.Empty<Written> ignored -> null;
            case ViewState.Working<Written> w -> States.working(w.row());
            case ViewState.Problem<Written> p -> new ErrorCard(p.what(), p.details(), p.help() == null ? "" : p.help(), null);
            case ViewState.Result<Written> r -> CompressCard.written(r.value(), open);
        };
        if (end == null || model.obstacle().isEmpty()) {
            return why;
        }
        VBox box = new VBox(16, why, end);
        box.setMaxWidth(440);
        box.setAlignment(javafx.geometry.Pos.CENTER);
        return box;
    }

    @Override
    protected void layoutChildren() {
        double w = getWidth();
        double h = getHeight();
        if (w >= WIDE != wide.get()) {
            wide.set(w >= WIDE);
            arrange();
        }
        if (all.stream().noneMatch(Node::isVisible)) {
            place(state, 0, 0, w, h);
            return;
        }
        double top = 0;
        if (state.isVisible()) {
            place(state, 0, 0, w, STATUS);
            top = STATUS + GAP;
        }
        if (map.isVisible()) {
            ranks(w, h, top);
        } else if (along.isVisible()) {
            three(along, alongModule, alongCurves, w, h, top);
        } else if (placement.isVisible()) {
            three(placement, subspaces, response, w, h, top);
        } else {
            three(cosines, angles, norms, w, h, top);
        }
    }

    private void ranks(double w, double h, double top) {
        double height = h - top;
        if (wide.get()) {
            double mapWidth = Math.min(MAP_MOST, Math.floor(w * MAP_SHARE_WIDE));
            double rest = w - mapWidth - GAP;
            double half = Math.floor((rest - GAP) / 2);
            double upper = Math.floor((height - GAP) * 0.5);
            place(map, 0, top, mapWidth, height);
            place(loss, mapWidth + GAP, top, half, upper);
            place(energy, mapWidth + 2 * GAP + half, top, rest - half - GAP, upper);
            place(spectrum, mapWidth + GAP, top + upper + GAP, half, height - upper - GAP);
            place(compress, mapWidth + 2 * GAP + half, top + upper + GAP, rest - half - GAP, height - upper - GAP);
            return;
        }
        double side = Math.clamp(w * (1 - MAP_SHARE) - GAP, SIDE_LEAST, SIDE_MOST);
        double left = w - side - GAP;
        double bar = 26;
        double cut = Math.clamp(compress.prefHeight(side), 260, Math.max(260, height * 0.64));
        double upper = Math.max(120, height - cut - 2 * GAP - bar);
        place(map, 0, top, left, height);
        place(choices, left + GAP, top, side, bar);
        for (Card c : List.of(loss, energy, spectrum)) {
            place(c, left + GAP, top + bar + GAP - 4, side, upper + 4);
        }
        place(compress, left + GAP, top + bar + 2 * GAP + upper, side, height - bar - 2 * GAP - upper);
    }

    private static void three(Card first, Card second, Card last, double w, double h, double top) {
        double left = Math.floor((w - GAP) * (w >= WIDE ? 0.5 : 0.56));
        double upper = Math.floor((h - top - GAP) / 2);
        place(first, 0, top, left, h - top);
        place(second, left + GAP, top, w - left - GAP, upper);
        place(last, left + GAP, top + upper + GAP, w - left - GAP, h - top - upper - GAP);
    }

    private static void place(Node node, double x, double y, double w, double h) {
        node.resizeRelocate(Math.round(x), Math.round(y), Math.round(w), Math.round(h));
    }
}
