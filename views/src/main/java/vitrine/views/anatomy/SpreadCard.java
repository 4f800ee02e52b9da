package vitrine.views.anatomy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.architecture.Part;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.tasks.ViewState;

/// How widely the values of each kind of matrix lie, layer by layer. Shown where a window has room for a second figure.
final class SpreadCard {

    /// More curves than this cannot be told apart.
    private static final int MOST_CURVES = 8;

    private final Card card = new Card("Standard deviation across layers").explained(Guide.Section.formula("anatomy", "mean"));
    private final AnatomyViewModel model;
    private final LineChart chart = new LineChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);

    /// A curve: one kind of matrix.
    ///
    /// @param byLayer NaN where a layer has none
    record Curve(String label, Part part, double[] byLayer) {}

    SpreadCard(AnatomyViewModel model) {
        this.model = model;
        canvas.setId("spread");
        // Deviations are compared from 0 on: a cut axis would make small differences look large. There is no half layer.
        chart.axes(Axis.of("layer").written(x -> x == Math.rint(x) ? Numbers.count(x) : ""), Axis.of("standard deviation").between(0, Double.NaN).written(Numbers::general));
        chart.formats(x -> "layer " + (int) x, Numbers::general);
        model.allState().stateProperty().addListener((o, old, now) -> show());
        model.indexProperty().addListener((o, old, now) -> show());
        show();
    }

    Card node() {
        return card;
    }

    private void show() {
        TensorValues values = model.allState().state().valueOrNull();
        TensorIndex index = model.indexProperty().get();
        List<Curve> curves = values == null || index == null ? List.of() : curves(index, values);
        if (curves.isEmpty()) {
            EmptyState empty = new EmptyState(Icons.RANK, values == null ? "How widely the values of each matrix lie, once all values are read." : "There are no two layers to compare.");
            boolean asks = model.anatomy().isPresent() && model.allState().state() instanceof ViewState.Empty;
            card.content(asks ? empty.button(Buttons.plain("Read values", model::askAll)) : empty);
            return;
        }
        List<LineSeries> series = new ArrayList<>();
        for (Curve c : curves) {
            series.add(LineSeries.of(c.label, c.byLayer, BlockDiagram.kind(c.part).ordinal()));
        }
        chart.series(series);
        card.provenance(Provenance.measured(model.name(), "as stored", "all values of each matrix read; root of the mean squared distance from the mean"));
        ProvenanceAudit.tag(canvas, ProvenanceAudit.of(card));
        if (card.content() != canvas) {
            card.content(canvas);
        }
    }

    /// The matrices that several layers have, those with most values first in the order of the model.
    static List<Curve> curves(TensorIndex index, TensorValues values) {
        int layers = index.lines().stream().filter(l -> l.stack() == 0).mapToInt(TensorLine::layer).max().orElse(-1) + 1;
        if (layers < 2 || layers > 10_000) {
            return List.of();
        }
        Map<String, Curve> byLabel = new LinkedHashMap<>();
        Map<String, Long> sizes = new LinkedHashMap<>();
        for (TensorLine line : index.lines()) {
            boolean matrix = line.shape() == null || line.shape().rank() >= 2;
            if (line.stack() == 0 && matrix && !line.idle()) {
                byLabel.computeIfAbsent(line.label(), label -> {
                    double[] empty = new double[layers];
                    Arrays.fill(empty, Double.NaN);
                    return new Curve(label, line.part(), empty);
                }).byLayer[line.layer()] = values.figures(line.name()).map(TensorValues.Figures::deviation).orElse(Double.NaN);
                sizes.merge(line.label(), line.elements(), Long::sum);
            }
        }
        List<String> largest = sizes.entrySet().stream().sorted(Map.Entry.<String, Long>comparingByValue().reversed()).limit(MOST_CURVES).map(Map.Entry::getKey).toList();
        return byLabel.values().stream().filter(c -> largest.contains(c.label) && Arrays.stream(c.byLayer).filter(Double::isFinite).count() > 1).toList();
    }
}
