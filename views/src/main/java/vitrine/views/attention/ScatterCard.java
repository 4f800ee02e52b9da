package vitrine.views.attention;

import java.util.ArrayList;
import java.util.List;
import vitrine.core.analysis.attention.HeadMetric;
import vitrine.resources.Guide;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ScatterPlot;
import vitrine.views.chart.SeriesKey;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;

/// Every head by how spread and how far its attention is, coloured by layer.
final class ScatterCard {

    /// More layers than this have no key: the read-out tells the layer.
    private static final int KEYED_LAYERS = 6;

    private final Card card = new Card("Entropy, distance").explained(Guide.Section.formula("attention", "normalised entropy"));
    private final AttentionViewModel model;
    private final ScatterPlot plot = new ScatterPlot();
    private final FigureCanvas canvas = new FigureCanvas(plot);
    private final List<HeadId> heads = new ArrayList<>();
    private boolean quiet;

    ScatterCard(AttentionViewModel model) {
        this.model = model;
        canvas.setId("scatter");
        plot.axes(Axis.of("mean distance, tokens").written(Numbers::general), Axis.of("normalised entropy").between(0, 1));
        plot.selectedProperty().addListener((o, old, now) -> {
            if (!quiet && now.intValue() >= 0) {
                model.headProperty().set(heads.get(now.intValue()));
            }
        });
        model.headProperty().addListener((o, old, now) -> select());
        model.captureState().stateProperty().addListener((o, old, now) -> show());
        show();
    }

    /// The card.
    Card node() {
        return card;
    }

    private void show() {
        AttentionCapture c = model.capture().orElse(null);
        if (c == null) {
            card.content(new EmptyState(Icons.ATTENTION, "How spread and how far each head attends."));
            return;
        }
        if (!c.has(HeadMetric.NORMALISED_ENTROPY) || !c.has(HeadMetric.DISTANCE)) {
            card.content(new EmptyState(Icons.INFORMATION, "No head metrics in this capture. Add metrics to --what."));
            return;
        }
        List<ScatterPlot.Point> points = new ArrayList<>();
        heads.clear();
        for (int l = 0; l < c.layers(); l++) {
            for (int h = 0; h < c.heads(); h++) {
                if (!Double.isNaN(c.metric(HeadMetric.DISTANCE, l, h))) {
                    points.add(new ScatterPlot.Point(c.metric(HeadMetric.DISTANCE, l, h), c.metric(HeadMetric.NORMALISED_ENTROPY, l, h), l,
                            "layer " + l + ", head " + h));
                    heads.add(new HeadId(l, h));
                }
            }
        }
        plot.points(points);
        // The key takes the badge's place; the inspector tells how the same figures came about.
        ProvenanceAudit.tag(card, c.provenance(HeadMetric.NORMALISED_ENTROPY.tensor()));
        if (c.layers() <= KEYED_LAYERS) {
            SeriesKey key = new SeriesKey();
            for (int l = 0; l < c.layers(); l++) {
                key.add(Integer.toString(l), SeriesKey.Sample.MARKER, l);
            }
            FigureCanvas keyCanvas = new FigureCanvas(key);
            double width = key.widthFor(keyCanvas.surface());
            keyCanvas.setMinSize(width, 16);
            keyCanvas.setPrefSize(width, 16);
            keyCanvas.setMaxSize(width, 16);
            card.header(keyCanvas);
        } else {
            card.header();
        }
        if (card.content() != canvas) {
            card.content(canvas);
        }
        select();
    }

    private void select() {
        quiet = true;
        plot.selectedProperty().set(heads.indexOf(model.headProperty().get()));
        quiet = false;
    }
}
