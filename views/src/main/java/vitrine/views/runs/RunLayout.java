package vitrine.views.runs;

import java.util.List;
import java.util.stream.Stream;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.Icons;
import vitrine.views.control.Meter;
import vitrine.views.control.ProvenanceAudit;

/// One run: how far it is, five tiles, its loss, and three smaller figures (with SGT how it grew among them), below each other; beside each other where there is room.
final class RunLayout extends Region {

    private static final double GAP = 12;
    private static final double SMALL_HEIGHT = 210;
    private static final double WIDE = 1500;

    private final RunsViewModel model;
    private final Meter meter = new Meter(0);
    private final Label steps = new Label();
    private final Label tokens = new Label();
    private final HBox progress = new HBox(10, meter, steps, tokens);
    private final RunTiles tiles;
    private final LossCard loss;
    private final List<FigureCard> small;
    private final LoopCards loops = new LoopCards();
    private final PruneLayout pruned;
    private final StackPane state = new StackPane();
    private final StackPane failure = new StackPane();

    RunLayout(RunsViewModel model) {
        this.model = model;
        tiles = new RunTiles(model);
        loss = new LossCard(model, false);
        small = List.of(
                new FigureCard(model, "Gradient norm", "gradient_norm", 2, Numbers::general, Numbers::general, "Euclidean norm of all gradients of the step, before clipping"),
                new FigureCard(model, "Learning rate", "learning_rate", 4, v -> v == 0 ? "0" : Numbers.general(v), Numbers::scientific, "rate of the step; dashed: what the schedule still holds"),
                new FigureCard(model, "Tokens per second", "tokens_per_second", 3, RunLayout::rateTick, Numbers::general, "tokens of the step over its seconds"));
        pruned = new PruneLayout(model);
        meter.setMaxWidth(Double.MAX_VALUE);
        HBox.setHgrow(meter, Priority.ALWAYS);
        steps.getStyleClass().add(Styles.SMALL);
        tokens.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        steps.setMinWidth(USE_PREF_SIZE);
        tokens.setMinWidth(USE_PREF_SIZE);
        progress.setAlignment(Pos.CENTER_LEFT);
        ProvenanceAudit.notAFigure(progress, "progress of the run");
        getChildren().addAll(progress, tiles, failure, loss.node(), pruned, state);
        small.forEach(c -> getChildren().add(c.node()));
        getChildren().addAll(loops.nodes());
        setMinSize(0, 0);
        model.shownProperty().addListener((o, old, now) -> show());
        model.follow(model.board().rows(), this::show);
        show();
    }

    /// `4 k` rather than `4.00 k`.
    private static String rateTick(double v) {
        String text = Numbers.rate(v);
        return v == 0 ? "0" : text.indexOf('.') < 0 ? text : text.replaceFirst("\\.?0+(?=\u2009|$)", "");
    }

    PruneLayout pruned() {
        return pruned;
    }

    LoopCards loops() {
        return loops;
    }

    LossCard loss() {
        return loss;
    }

    private void show() {
        RunData d = model.data().orElse(null);
        RunRow row = model.row().orElse(null);
        boolean prunes = d != null && d.prunes() && (d.report() != null || !d.curves().isEmpty());
        pruned.setVisible(prunes);
        if (prunes) {
            pruned.show(d);
        }
        boolean curves = d != null && !d.prunes() && !d.loss().isEmpty();
        state.setVisible(!curves && !prunes);
        for (Node n : new Node[] {progress, tiles, loss.node()}) {
            n.setVisible(curves);
        }
        boolean loop = curves && d.loops() != null;
        if (loop) {
            loops.show(d);
        }
        small.forEach(c -> c.node().setVisible(curves));
        loops.nodes().forEach(c -> c.setVisible(loop));
        if (curves) {
            long of = d.steps();
            meter.shareProperty().set(of == 0 ? Double.NaN : (double) d.run().step() / of);
            steps.setText("step " + Numbers.count(d.run().step()) + (of == 0 ? "" : " of " + Numbers.count(of)));
            tokens.setText(d.tokens() > 0 ? Numbers.si(d.tokens()) + " tokens" : "");
        }
        failure.getChildren().clear();
        Node card = row == null ? null : trouble(row);
        boolean shown = curves || prunes;
        if (!shown) {
            state.getChildren().setAll(card != null ? new StackPane(card) : waiting(row));
        } else if (card != null) {
            failure.getChildren().setAll(card);
        }
        failure.setVisible(shown && card != null);
        requestLayout();
    }

    private static Node waiting(RunRow row) {
        if (row == null) {
            return new EmptyState(Icons.RUNS, "Choose a run to see it.");
        }
        return new EmptyState(row.state().icon(), switch (row.state()) {
            case STARTING -> row.title() + " is starting: its process reads the model and the texts.";
            case RUNNING -> row.title() + " is running; its first step is under way.";
            case PAUSED -> row.title() + " was paused before its first step. Resume goes on.";
            case KILLED -> row.title() + " ended without a word before its first step. Resume begins again.";
            case CANCELLED -> row.title() + " was given up before its first step.";
            case FAILED, FINISHED -> row.title() + " has no figures.";
        });
    }

    /// What went wrong, where something did.
    private static Node trouble(RunRow row) {
        return switch (row.state()) {
            case FAILED -> new ErrorCard(row.title() + " failed", List.of(row.message() == null ? "No reason was kept." : row.message()),
                    row.message() != null && row.message().startsWith("step ") ? "Same settings… with a smaller rate begins anew; Resume goes on from the last saved step." : "Same settings… makes another run.", null);
            case KILLED -> new ErrorCard(row.title() + " ended without a word at step " + Numbers.count(row.run().step()), row.message() == null ? List.of("Its process was killed, or the machine went down.") : List.of(row.message()),
                    "Resume goes on from the last saved step, to the same bits.", null);
            default -> null;
        };
    }

    @Override
    protected void layoutChildren() {
        double w = getWidth();
        double h = getHeight();
        if (state.isVisible()) {
            place(state, 0, 0, w, h);
            return;
        }
        if (pruned.isVisible()) {
            double fh = failure.isVisible() ? Math.min(190, failure.prefHeight(w)) + GAP : 0;
            if (fh > 0) {
                place(failure, 0, 0, w, fh - GAP);
            }
            place(pruned, 0, fh, w, h - fh);
            return;
        }
        double y = 0;
        place(progress, 0, y, w, 20);
        y += 20 + GAP;
        double tilesHeight = Math.max(100, tiles.prefHeight(w));
        place(tiles, 0, y, w, tilesHeight);
        y += tilesHeight + GAP;
        if (failure.isVisible()) {
            double fh = Math.min(190, failure.prefHeight(w));
            place(failure, 0, y, w, fh);
            y += fh + GAP;
        }
        double rest = h - y;
        if (w >= WIDE) {
            double side = Math.floor(w * 0.34);
            place(loss.node(), 0, y, w - side - GAP, rest);
            List<Card> cards = cards(true);
            int n = cards.size();
            double each = Math.floor((rest - (n - 1) * GAP) / n);
            for (int i = 0; i < n; i++) {
                place(cards.get(i), w - side, y + i * (each + GAP), side, i == n - 1 ? rest - (n - 1) * (each + GAP) : each);
            }
            return;
        }
        double low = Math.min(SMALL_HEIGHT, Math.floor(rest * 0.4));
        place(loss.node(), 0, y, w, rest - low - GAP);
        double each = Math.floor((w - 2 * GAP) / 3);
        List<Card> cards = cards(false);
        for (int i = 0; i < 3; i++) {
            place(cards.get(i), i * (each + GAP), h - low, i == 2 ? w - 2 * (each + GAP) : each, low);
        }
    }

    /// The smaller figures that are shown: where there is room for three only, how a model grows comes before what the tiles tell as well.
    private List<Card> cards(boolean all) {
        List<Card> own = small.stream().map(FigureCard::node).toList();
        List<Card> cards = !loops.nodes().getFirst().isVisible() ? own : Stream.concat(all ? own.stream() : own.stream().limit(1), loops.nodes().stream()).toList();
        own.forEach(c -> c.setVisible(cards.contains(c)));
        return cards;
    }

    private static void place(Node node, double x, double y, double w, double h) {
        node.resizeRelocate(Math.round(x), Math.round(y), Math.round(w), Math.round(h));
    }
}
