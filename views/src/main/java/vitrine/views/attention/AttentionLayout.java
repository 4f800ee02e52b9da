package vitrine.views.attention;

import javafx.scene.Node;
import javafx.scene.control.ScrollPane;
import javafx.scene.layout.Region;

/// Places the cards: the prompt on top, heads, scatter and similarity at the left, the map at the right.
///
/// Figures grow with the window up to what reads well. In a low window the left column scrolls: heads and scatter fill it, the
/// similarity of layers lies below.
final class AttentionLayout extends Region {

    private static final double GAP = 12;
    private static final double LEFT_SHARE = 0.37;
    private static final double LEFT_LEAST = 286;
    private static final double LEFT_MOST = 620;

    private final PromptCard prompt;
    private final Column column;
    private final ScrollPane scroll;
    private final MapCard map;

    AttentionLayout(PromptCard prompt, HeadsCard heads, ScatterCard scatter, SimilarityCard similarity, MapCard map) {
        this.prompt = prompt;
        this.map = map;
        column = new Column(heads, scatter, similarity);
        scroll = new ScrollPane(column);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        scroll.setFocusTraversable(false);
        getChildren().addAll(prompt, scroll, map.node());
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
        scroll.setVisible(!alone);
        double mapLeft = alone ? 0 : left + GAP;
        place(map.node(), mapLeft, top, w - mapLeft, h - top);
        column.fit(h - top, left);
        // The bar lies in the gap: cards keep their width.
        place(scroll, 0, top, column.allFit(left) ? left : left + GAP - 2, h - top);
    }

    private static void place(Node node, double x, double y, double w, double h) {
        node.resizeRelocate(Math.round(x), Math.round(y), Math.round(w), Math.round(h));
    }

    /// The three cards that show all heads and layers at once.
    private static final class Column extends Region {

        private static final double HEADS_LEAST = 150;
        private static final double SCATTER_LEAST = 172;
        private static final double SIMILARITY = 174;

        private final HeadsCard heads;
        private final ScatterCard scatter;
        private final SimilarityCard similarity;
        private double room;

        Column(HeadsCard heads, ScatterCard scatter, SimilarityCard similarity) {
            this.heads = heads;
            this.scatter = scatter;
            this.similarity = similarity;
            getChildren().addAll(heads.node(), scatter.node(), similarity.node());
        }

        /// Tells the height that can be seen without scrolling, and the width.
        void fit(double height, double width) {
            setMinWidth(width);
            setMaxWidth(width);
            if (height != room) {
                room = height;
                requestLayout();
            }
        }

        /// Whether all three are seen without scrolling.
        private boolean allFit(double width) {
            return Math.min(heads.wantedHeight(width), room / 2) + SCATTER_LEAST + SIMILARITY + 2 * GAP <= room;
        }

        @Override
        protected double computePrefHeight(double width) {
            return allFit(width < 0 ? LEFT_LEAST : width) ? room : room + GAP + SIMILARITY;
        }

        @Override
        protected void layoutChildren() {
            double w = getWidth();
            double above = allFit(w) ? room - SIMILARITY - GAP : room;
            double most = Math.max(HEADS_LEAST, above - SCATTER_LEAST - GAP);
            double headsHeight = Math.clamp(heads.wantedHeight(w), HEADS_LEAST, most);
            place(heads.node(), 0, 0, w, headsHeight);
            place(scatter.node(), 0, headsHeight + GAP, w, above - headsHeight - GAP);
            place(similarity.node(), 0, above + GAP, w, SIMILARITY);
        }
    }
}
