package vitrine.views.attention;

import javafx.scene.Node;
import javafx.scene.layout.Region;

/// Places the cards: the prompt on top, heads, scatter and similarity at the left, the map at the right.
///
/// Figures grow with the window up to what reads well; a low window leaves the third panel of the column out.
final class AttentionLayout extends Region {

    private static final double GAP = 12;
    private static final double LEFT_SHARE = 0.37;
    private static final double LEFT_LEAST = 286;
    private static final double LEFT_MOST = 620;
    private static final double SCATTER_LEAST = 150;
    private static final double SCATTER_WANTED = 190;
    private static final double SIMILARITY = 178;
    private static final double HEADS_LEAST = 150;

    private final PromptCard prompt;
    private final HeadsCard heads;
    private final ScatterCard scatter;
    private final SimilarityCard similarity;
    private final MapCard map;

    AttentionLayout(PromptCard prompt, HeadsCard heads, ScatterCard scatter, SimilarityCard similarity, MapCard map) {
        this.prompt = prompt;
        this.heads = heads;
        this.scatter = scatter;
        this.similarity = similarity;
        this.map = map;
        getChildren().addAll(prompt, heads.node(), scatter.node(), similarity.node(), map.node());
        map.enlargedProperty().addListener((o, old, now) -> requestLayout());
        prompt.visibleProperty().addListener((o, old, now) -> requestLayout());
        setMinSize(0, 0);
    }

    @Override
    protected void layoutChildren() {
        double w = getWidth();
        double h = getHeight();
        double top = 0;
        if (prompt.isVisible()) {
            double ph = Math.min(prompt.prefHeight(w), h / 3);
            prompt.resizeRelocate(0, 0, w, ph);
            top = ph + GAP;
        }
        boolean alone = map.enlargedProperty().get();
        double left = alone ? 0 : Math.clamp(w * LEFT_SHARE, LEFT_LEAST, LEFT_MOST);
        for (Node n : new Node[] {heads.node(), scatter.node(), similarity.node()}) {
            n.setVisible(!alone);
        }
        double mapLeft = alone ? 0 : left + GAP;
        place(map.node(), mapLeft, top, w - mapLeft, h - top);
        if (!alone) {
            column(left, top, h - top);
        }
    }

    private void column(double width, double top, double height) {
        boolean third = height >= HEADS_LEAST + SCATTER_LEAST + SIMILARITY + 2 * GAP;
        double below = third ? SIMILARITY + GAP : 0;
        double most = height - below - SCATTER_LEAST - GAP;
        double wanted = height - below - SCATTER_WANTED - GAP;
        double needed = heads.wantedHeight(width);
        double headsHeight = Math.clamp(needed, HEADS_LEAST, Math.max(HEADS_LEAST, Math.min(most, Math.max(wanted, height / 2))));
        place(heads.node(), 0, top, width, headsHeight);
        double y = top + headsHeight + GAP;
        double scatterHeight = top + height - below - y;
        place(scatter.node(), 0, y, width, scatterHeight);
        similarity.node().setVisible(third);
        if (third) {
            place(similarity.node(), 0, y + scatterHeight + GAP, width, SIMILARITY);
        }
    }

    private static void place(Node node, double x, double y, double w, double h) {
        node.resizeRelocate(Math.round(x), Math.round(y), Math.round(w), Math.round(h));
    }
}
