package vitrine.views.attention;

import java.util.List;
import javafx.scene.control.ScrollPane;
import vitrine.core.analysis.attention.HeadMetric;
import vitrine.resources.Guide;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.chart.Cell;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Scale;
import vitrine.views.chart.ThumbnailGrid;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;

/// All heads as small maps, layers down and heads across; or one colour per head for a metric.
final class HeadsCard {

    /// What the card adds around the grid: head, padding, borders.
    private static final double CHROME = 62;

    private final Card card = new Card("Heads").explained(Guide.Section.formula("attention", "weights"));
    private final AttentionViewModel model;
    private final ThumbnailGrid grid = new ThumbnailGrid();
    private final FigureCanvas canvas = new FigureCanvas(grid);
    private final ScrollPane scroll = new ScrollPane(canvas);
    private boolean quiet;

    HeadsCard(AttentionViewModel model) {
        this.model = model;
        canvas.setId("heads");
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        grid.selectedProperty().addListener((o, old, now) -> {
            if (!quiet && now != null) {
                model.headProperty().set(new HeadId(now.row(), now.column()));
            }
        });
        model.headProperty().addListener((o, old, now) -> select());
        model.captureState().stateProperty().addListener((o, old, now) -> show());
        for (var p : List.of(model.sortByProperty(), model.colourByProperty(), model.scaleKindProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    /// The height that all rows need at a width.
    double wantedHeight(double width) {
        return model.capture().isEmpty() ? 160 : grid.heightFor(width - 26 - 2, canvas.surface()) + CHROME;
    }

    /// The card.
    Card node() {
        return card;
    }

    private void show() {
        AttentionCapture c = model.capture().orElse(null);
        if (c == null) {
            card.subtitle("");
            card.content(new EmptyState(Icons.ATTENTION, "A small map of every head, once the pass is through."));
            return;
        }
        quiet = true;
        HeadMetric colour = model.colourByProperty().get();
        card.subtitle(c.layers() + (c.layers() == 1 ? " layer × " : " layers × ") + c.heads());
        grid.show(c.layers(), c.heads(), c::thumbnail);
        grid.order(model.order());
        grid.scaleProperty().set(model.mapScale());
        if (colour == null || !c.has(colour)) {
            grid.colourBy("", null, Scale.linear(0, 1));
        } else {
            grid.colourBy(Labels.of(colour), c.metric(colour), Scale.linear(0, 1).fittedTo(c.metric(colour)));
        }
        quiet = false;
        select();
        // The pictures are the subject; where they come from is told once, by their first metric or by themselves.
        card.provenance(c.provenance(colour != null && c.has(colour) ? colour.tensor() : c.hasTensor("thumbnails") ? "thumbnails" : "attentions"));
        if (card.content() != scroll) {
            card.content(scroll);
        }
    }

    private void select() {
        quiet = true;
        HeadId h = model.headProperty().get();
        grid.selectedProperty().set(new Cell(h.layer(), h.head()));
        quiet = false;
    }

    /// The numbers behind the pictures: every metric of every head.
    static String csv(AttentionCapture c) {
        StringBuilder out = new StringBuilder("layer,head");
        List<HeadMetric> there = List.of(HeadMetric.values()).stream().filter(c::has).toList();
        there.forEach(m -> out.append(',').append(m.tensor()));
        out.append('\n');
        for (int l = 0; l < c.layers(); l++) {
            for (int h = 0; h < c.heads(); h++) {
                out.append(l).append(',').append(h);
                for (HeadMetric m : there) {
                    out.append(',').append(c.metric(m, l, h));
                }
                out.append('\n');
            }
        }
        return out.toString();
    }

    FigureCanvas canvas() {
        return canvas;
    }
}
