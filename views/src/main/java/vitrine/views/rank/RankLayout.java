package vitrine.views.rank;

import java.util.List;
import javafx.beans.property.ReadOnlyBooleanProperty;
import javafx.beans.property.ReadOnlyBooleanWrapper;
import javafx.scene.Node;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import vitrine.views.control.Card;
import vitrine.views.rank.RankViewModel.Across;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.States;

/// Places the cards: curves and map above, spectrum and energy below. In a wide window what runs across something else than layers stands
/// beside the curves, else in their place.
///
/// While there is nothing to draw, one node says so; while something newer is computed, a row above the cards does.
final class RankLayout extends Region {

    private static final double GAP = 12;
    private static final double MAP_SHARE = 0.37;
    private static final double MAP_LEAST = 280;
    private static final double MAP_MOST = 620;
    private static final double WIDE = 1500;
    private static final double UPPER_SHARE = 0.49;
    /// Height of the row that tells what is under way.
    private static final double STATUS = 40;

    private final RankViewModel model;
    private final Card across;
    private final Card other;
    private final Card map;
    private final Card spectrum;
    private final Card energy;
    private final Runnable chooseText;
    private final StackPane state = new StackPane();
    private final ReadOnlyBooleanWrapper wide = new ReadOnlyBooleanWrapper(this, "wide");

    RankLayout(RankViewModel model, Card across, Card other, Card map, Card spectrum, Card energy, Runnable chooseText) {
        this.model = model;
        this.across = across;
        this.other = other;
        this.map = map;
        this.spectrum = spectrum;
        this.energy = energy;
        this.chooseText = chooseText;
        getChildren().addAll(across, other, map, spectrum, energy, state);
        for (var p : List.of(model.stateProperty(), model.acrossProperty(), model.subjectProperty(), model.textProperty(), model.modeProperty())) {
            p.addListener((o, old, now) -> arrange());
        }
        setMinSize(0, 0);
        arrange();
    }

    /// Whether layers and the other curves stand side by side.
    ReadOnlyBooleanProperty wideProperty() {
        return wide.getReadOnlyProperty();
    }

    private void arrange() {
        boolean there = model.spectra().isPresent() && model.obstacle().isEmpty();
        boolean otherShown = there && model.hasOther() && (wide.get() || model.acrossProperty().get() == Across.OTHER);
        boolean acrossShown = there && (wide.get() || !otherShown);
        across.setVisible(acrossShown);
        other.setVisible(otherShown);
        for (Card c : List.of(map, spectrum, energy)) {
            c.setVisible(there);
        }
        boolean working = model.stateProperty().get() instanceof ViewState.Working;
        state.setVisible(!there || working);
        state.getChildren().setAll(!there ? NothingYet.of(model, chooseText) : model.stateProperty().get() instanceof ViewState.Working<Spectra> w ? States.working(w.row(), model::cancel) : new StackPane());
        requestLayout();
    }

    @Override
    protected void layoutChildren() {
        double w = getWidth();
        double h = getHeight();
        if (w >= WIDE != wide.get()) {
            wide.set(w >= WIDE);
            arrange();
        }
        if (!map.isVisible()) {
            place(state, 0, 0, w, h);
            return;
        }
        double top = 0;
        if (state.isVisible()) {
            place(state, 0, 0, w, STATUS);
            top = STATUS + GAP;
        }
        double upper = Math.floor((h - top - GAP) * UPPER_SHARE);
        boolean both = across.isVisible() && other.isVisible();
        double mapWidth = Math.clamp(w * (both ? MAP_SHARE * 0.75 : MAP_SHARE), MAP_LEAST, MAP_MOST);
        double left = w - mapWidth - GAP;
        if (both) {
            double half = Math.floor((left - GAP) / 2);
            place(across, 0, top, half, upper);
            place(other, half + GAP, top, left - half - GAP, upper);
        } else {
            place(across.isVisible() ? across : other, 0, top, left, upper);
        }
        place(map, left + GAP, top, mapWidth, upper);
        double lower = top + upper + GAP;
        double spectrumWidth = Math.floor((w - GAP) * 0.47);
        place(spectrum, 0, lower, spectrumWidth, h - lower);
        place(energy, spectrumWidth + GAP, lower, w - spectrumWidth - GAP, h - lower);
    }

    private static void place(Node node, double x, double y, double w, double h) {
        node.resizeRelocate(Math.round(x), Math.round(y), Math.round(w), Math.round(h));
    }
}
