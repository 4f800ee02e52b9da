package vitrine.app.shell;

import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import javafx.application.Platform;
import javafx.geometry.BoundingBox;
import javafx.geometry.Bounds;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Pane;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;
import vitrine.views.control.Buttons;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;

/// Two minutes with the window's own controls: a frame around one after the other and a card beside it that says what it is for.
///
/// The arrows and Enter go through the steps, Escape leaves at any time, and the window behind can be used all the while.
final class Tour extends Pane {

    private static final double CARD = 320;
    private static final double GAP = 12;
    private static final double EDGE = 16;

    /// A stop of the tour.
    ///
    /// @param at the control it is about; a step whose control is not shown stands in the middle
    /// @param before brings the control forward
    record Step(String title, String words, Supplier<Optional<Node>> at, Runnable before) {}

    private final List<Step> steps;
    private final Runnable ended;
    private final Region frame = new Region();
    private final VBox card = new VBox(10);
    private final Label count = new Label();
    private final Label title = new Label();
    private final Label words = new Label();
    private final Button back = Buttons.plain("Back", () -> go(-1));
    private final Button next = Buttons.primary("Next", () -> go(1));
    private final Runnable follow = this::followTarget;
    private int at;
    private Bounds target;

    /// @param ended called once, at the end or when it was left
    Tour(List<Step> steps, Runnable ended) {
        this.steps = List.copyOf(steps);
        this.ended = ended;
        // Only the card takes the pointer: whoever wants to try something does.
        setPickOnBounds(false);
        frame.getStyleClass().add("vt-tour-frame");
        frame.setMouseTransparent(true);
        card.getStyleClass().addAll(Styles.POPOVER, "vt-tour-card");
        ProvenanceAudit.notAFigure(card, "explanation");
        card.setPrefWidth(CARD);
        card.setMaxWidth(CARD);
        count.getStyleClass().add(Styles.CAPTION);
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        words.setWrapText(true);
        words.setMinHeight(Region.USE_PREF_SIZE);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        HBox buttons = new HBox(8, Buttons.plain("Leave", Icons.CLOSE, this::leave), space, back, next);
        buttons.setAlignment(Pos.CENTER_LEFT);
        card.getChildren().addAll(count, title, words, buttons);
        getChildren().addAll(frame, card);
        addEventFilter(KeyEvent.KEY_PRESSED, this::key);
        sceneProperty().addListener((o, old, now) -> {
            if (old != null) {
                old.removePostLayoutPulseListener(follow);
            }
            if (now != null) {
                now.addPostLayoutPulseListener(follow);
            }
        });
    }

    /// Shows the first step; the tour must be in a scene.
    void start() {
        show(0);
    }

    /// Which step is shown, from 0.
    int at() {
        return at;
    }

    /// The control that the present step is about, if it is shown.
    Optional<Node> anchor() {
        return steps.get(at).at.get().filter(n -> n.getScene() != null && shown(n));
    }

    private static boolean shown(Node node) {
        for (Node n = node; n != null; n = n.getParent()) {
            if (!n.isVisible()) {
                return false;
            }
        }
        return true;
    }

    private void go(int by) {
        int to = at + by;
        if (to >= steps.size()) {
            leave();
        } else if (to >= 0) {
            show(to);
        }
    }

    private void show(int step) {
        at = step;
        Step s = steps.get(step);
        s.before.run();
        count.setText("Step " + (step + 1) + " of " + steps.size());
        title.setText(s.title);
        words.setText(s.words);
        back.setDisable(step == 0);
        next.setText(step == steps.size() - 1 ? "Done" : "Next");
        card.setAccessibleText(s.title + ". " + s.words);
        target = null;
        requestLayout();
        // What a step brings forward takes the focus to itself first.
        Platform.runLater(next::requestFocus);
    }

    private void leave() {
        if (getScene() != null) {
            ended.run();
        }
    }

    private void key(KeyEvent e) {
        boolean forth = e.getCode() == KeyCode.RIGHT || e.getCode() == KeyCode.PAGE_DOWN;
        boolean backwards = e.getCode() == KeyCode.LEFT || e.getCode() == KeyCode.PAGE_UP;
        if (e.getCode() == KeyCode.ESCAPE) {
            leave();
        } else if (forth || backwards) {
            go(forth ? 1 : -1);
        } else if (e.getCode() == KeyCode.ENTER && e.getTarget() instanceof Button b) {
            // Buttons are fired by Space alone.
            b.fire();
        } else {
            return;
        }
        e.consume();
    }

    /// The window may be resized and the control may move while the tour stands there.
    private void followTarget() {
        Bounds now = anchor().map(n -> sceneToLocal(n.localToScene(n.getBoundsInLocal()))).orElse(null);
        if (now == null ? target != null : !now.equals(target)) {
            target = now;
            requestLayout();
        }
    }

    @Override
    protected void layoutChildren() {
        double h = card.prefHeight(CARD);
        frame.setVisible(target != null);
        if (target == null) {
            card.resizeRelocate(Math.round((getWidth() - CARD) / 2), Math.round((getHeight() - h) / 2), CARD, h);
            return;
        }
        // A control at the edge of the window is framed within it.
        double x = Math.max(2, target.getMinX() - 4);
        double y = Math.max(2, target.getMinY() - 4);
        Bounds framed = new BoundingBox(x, y, Math.min(getWidth() - 2, target.getMaxX() + 4) - x, Math.min(getHeight() - 2, target.getMaxY() + 4) - y);
        frame.resizeRelocate(Math.round(framed.getMinX()), Math.round(framed.getMinY()), Math.round(framed.getWidth()), Math.round(framed.getHeight()));
        place(framed, h);
    }

    /// Beside the control where there is room: right, left, below, above; else over its lower right corner.
    private void place(Bounds b, double h) {
        double x;
        double y = Math.clamp(b.getMinY(), EDGE, Math.max(EDGE, getHeight() - h - EDGE));
        if (b.getMaxX() + GAP + CARD + EDGE <= getWidth() && b.getHeight() > 60) {
            x = b.getMaxX() + GAP;
        } else if (b.getMinX() - GAP - CARD >= EDGE && b.getHeight() > 60) {
            x = b.getMinX() - GAP - CARD;
        } else {
            x = Math.clamp(b.getMinX(), EDGE, Math.max(EDGE, getWidth() - CARD - EDGE));
            boolean below = b.getMaxY() + GAP + h + EDGE <= getHeight();
            boolean above = b.getMinY() - GAP - h >= EDGE;
            y = below ? b.getMaxY() + GAP : above ? b.getMinY() - GAP - h : Math.max(EDGE, b.getMaxY() - h - EDGE);
            if (!below && !above) {
                x = Math.max(EDGE, Math.min(getWidth() - EDGE, b.getMaxX() - EDGE) - CARD);
            }
        }
        card.resizeRelocate(Math.round(x), Math.round(y), CARD, Math.round(h));
    }
}
