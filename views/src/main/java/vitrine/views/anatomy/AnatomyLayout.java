package vitrine.views.anatomy;

import javafx.scene.Node;
import javafx.scene.layout.Region;

/// Places the cards: figures on top, the diagram at the left, share, tensors and file layout at the right.
///
/// In a wide window share and file layout stand side by side over the table, which then has more columns; in a high one the spread of
/// values stands below the diagram. Nothing is stretched beyond what it can use.
final class AnatomyLayout extends Region {

    private static final double GAP = 12;
    private static final double LEFT_SHARE = 0.47;
    /// Three columns of parts and a readable name in the table need this much.
    private static final double RIGHT_LEAST = 438;
    private static final double LEFT_LEAST = 300;
    private static final double LEFT_MOST = 540;
    /// The right side is parted from this width on.
    private static final double SIDE_BY_SIDE = 900;
    private static final double SPREAD_LEAST = 220;
    private static final double SPREAD_MOST = 460;
    private static final double TABLE_LEAST = 150;

    private final Facts facts;
    private final DiagramCard diagram;
    private final AdapterCard adapter;
    private final ShareCard share;
    private final TensorsCard tensors;
    private final LayoutCard file;
    private final SpreadCard spread;
    private final AnatomyViewModel model;

    AnatomyLayout(AnatomyViewModel model, Facts facts, DiagramCard diagram, AdapterCard adapter, ShareCard share, TensorsCard tensors, LayoutCard file, SpreadCard spread) {
        this.model = model;
        this.facts = facts;
        this.diagram = diagram;
        this.adapter = adapter;
        this.share = share;
        this.tensors = tensors;
        this.file = file;
        this.spread = spread;
        getChildren().addAll(facts, diagram.node(), adapter.node(), share.node(), tensors.node(), file.node(), spread.node());
        model.subjectProperty().addListener((o, old, now) -> requestLayout());
        model.layerProperty().addListener((o, old, now) -> requestLayout());
        setMinSize(0, 0);
    }

    @Override
    protected void layoutChildren() {
        double w = getWidth();
        double h = getHeight();
        double top = facts.isVisible() ? Facts.HEIGHT + GAP : 0;
        place(facts, 0, 0, w, Facts.HEIGHT);
        double left = leftWidth(w);
        left(left, top, h - top);
        right(left + GAP, top, w - left - GAP, h - top);
    }

    /// Two blocks side by side, and a table of modules, need more room than a single column of boxes.
    private double leftWidth(double w) {
        boolean broad = model.isAdapter() || model.spec().filter(s -> !s.layers().isEmpty() && s.layers().getFirst().parallel()).isPresent();
        double wanted = broad ? w * LEFT_SHARE : Math.min(w * LEFT_SHARE, w - GAP - RIGHT_LEAST);
        return Math.round(Math.clamp(wanted, LEFT_LEAST, LEFT_MOST));
    }

    private void left(double w, double top, double h) {
        boolean adapts = model.isAdapter();
        Node main = adapts ? adapter.node() : diagram.node();
        (adapts ? diagram.node() : adapter.node()).setVisible(false);
        main.setVisible(true);
        double wanted = adapts ? h : diagram.wantedHeight(w);
        boolean room = model.spec().isPresent() && h - wanted - GAP >= SPREAD_LEAST;
        spread.node().setVisible(room);
        if (room) {
            double spreadHeight = Math.min(SPREAD_MOST, h - wanted - GAP);
            place(main, 0, top, w, h - spreadHeight - GAP);
            place(spread.node(), 0, top + h - spreadHeight, w, spreadHeight);
        } else {
            place(main, 0, top, w, h);
        }
    }

    private void right(double x, double top, double w, double h) {
        if (w >= SIDE_BY_SIDE) {
            double half = Math.round((w - GAP) / 2);
            double high = Math.max(share.wantedHeight(half), file.wantedHeight());
            place(share.node(), x, top, half, high);
            place(file.node(), x + half + GAP, top, w - half - GAP, high);
            place(tensors.node(), x, top + high + GAP, w, h - high - GAP);
            return;
        }
        double shareHeight = share.wantedHeight(w);
        double fileHeight = file.wantedHeight();
        // In a very low window the third panel of the column goes.
        boolean fits = h - shareHeight - fileHeight - 2 * GAP >= TABLE_LEAST;
        file.node().setVisible(fits);
        double below = fits ? fileHeight + GAP : 0;
        place(share.node(), x, top, w, shareHeight);
        place(tensors.node(), x, top + shareHeight + GAP, w, h - shareHeight - GAP - below);
        place(file.node(), x, top + h - fileHeight, w, fileHeight);
    }

    private static void place(Node node, double x, double y, double w, double h) {
        node.resizeRelocate(Math.round(x), Math.round(y), Math.max(0, Math.round(w)), Math.max(0, Math.round(h)));
    }
}
