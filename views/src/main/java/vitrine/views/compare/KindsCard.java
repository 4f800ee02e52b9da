package vitrine.views.compare;

import java.util.stream.IntStream;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.CompareArtifact;
import vitrine.resources.Guide;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;

/// What became of the weights: layers down, kinds of matrix across.
final class KindsCard {

    enum Of {
        CHANGE("‖ΔW‖ ÷ ‖W‖", ""), RANK("Effective rank", "normalised, in thousandths");

        private final String title;
        private final String subtitle;

        Of(String title, String subtitle) {
            this.title = title;
            this.subtitle = subtitle;
        }
    }

    private static final double THOUSAND = 1000;

    private final Card card;
    private final CompareViewModel model;
    private final Of of;
    private final MatrixChart chart = new MatrixChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final VBox content = new VBox(canvas);
    private boolean quiet;

    KindsCard(CompareViewModel model, Of of) {
        this.model = model;
        this.of = of;
        card = new Card(of.title).subtitle(of.subtitle).explained(Guide.Section.formula("compare", of == Of.CHANGE ? "weight change" : "effective rank"));
        canvas.setId(of == Of.CHANGE ? "weight-change" : "rank-change");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        chart.readOut(this::readOut);
        chart.hoveredProperty().addListener((o, old, now) -> model.hoveredLayerProperty().set(now == null ? -1 : now.row()));
        chart.markedRowProperty().bind(model.hoveredLayerProperty());
        chart.selectedProperty().addListener((o, old, now) -> {
            if (!quiet && now != null) {
                model.matrixProperty().set(new CompareViewModel.MatrixId(now.row(), model.comparison().orElseThrow().artifact().kinds().get(now.column())));
                model.modeProperty().set(Mode.WEIGHTS);
            } else if (!quiet) {
                select();
            }
        });
        model.matrixProperty().addListener((o, old, now) -> select());
        model.modeProperty().addListener((o, old, now) -> select());
        model.stateProperty().addListener((o, old, now) -> show());
        show();
    }

    Card node() {
        return card;
    }

    MatrixChart chart() {
        return chart;
    }

    private void select() {
        Comparison c = model.comparison().orElse(null);
        CompareViewModel.MatrixId m = model.matrixProperty().get();
        int column = c == null || m == null ? -1 : c.artifact().kinds().indexOf(m.kind());
        quiet = true;
        chart.selectedProperty().set(model.modeProperty().get() != Mode.WEIGHTS || column < 0 || m.layer() >= rows(c).length ? null : new Cell(m.layer(), column));
        quiet = false;
    }

    private double[][] rows(Comparison c) {
        return of == Of.CHANGE ? c.artifact().relativeChange() : c.artifact().rankChange();
    }

    private void show() {
        Comparison c = model.comparison().orElse(null);
        if (c == null) {
            return;
        }
        CompareArtifact a = c.artifact();
        String why = a.kinds().isEmpty() ? "The two share no weight matrix of the same name and shape." : of == Of.RANK && rankless(a) ? a.absent().getOrDefault("spectra", "Effective ranks were not found.") : "";
        if (!why.isEmpty()) {
            card.content(new EmptyState(Icons.RANK, why));
            return;
        }
        double[][] rows = rows(c);
        int columns = a.kinds().size();
        float[] values = new float[rows.length * columns];
        double most = 0;
        for (int l = 0; l < rows.length; l++) {
            for (int k = 0; k < columns; k++) {
                double v = rows[l][k] * (of == Of.RANK ? THOUSAND : 1);
                values[l * columns + k] = Double.isNaN(v) ? Cells.NONE : (float) v;
                most = Double.isFinite(v) ? Math.max(most, Math.abs(v)) : most;
            }
        }
        quiet = true;
        chart.labels(IntStream.range(0, rows.length).mapToObj(Integer::toString).toList(), a.kinds().stream().map(KindNames::shortName).toList())
                .legend(of == Of.CHANGE ? "share of the norm" : "change × 1,000").largestCell(96, 72)
                .format(of == Of.CHANGE ? Numbers::inCell : v -> Math.round(v) == 0 ? "0" : Numbers.change(Math.round(v), 0));
        Cells cells = Cells.of(rows.length, columns, values);
        chart.show(cells, of == Of.CHANGE ? Scale.linear(0, 0.1).fittedTo(0, most == 0 ? 0.1 : most) : Scale.diverging(1).fittedTo(-Math.max(1, most), Math.max(1, most)));
        quiet = false;
        select();
        if (of == Of.CHANGE) {
            card.provenance(c.provenance("relative_change"));
        } else {
            ProvenanceAudit.tag(card, c.provenance("rank_change"));
        }
        card.content(content);
    }

    private static boolean rankless(CompareArtifact a) {
        for (double[] row : a.rankChange()) {
            for (double v : row) {
                if (!Double.isNaN(v)) {
                    return false;
                }
            }
        }
        return true;
    }

    private ReadOut readOut(int l, int k) {
        return model.comparison().map(c -> readOut(c, l, k)).orElseGet(ReadOut::new);
    }

    private ReadOut readOut(Comparison c, int l, int k) {
        CompareArtifact a = c.artifact();
        String kind = a.kinds().get(k);
        long count = a.matrices().stream().filter(m -> m.layer() == l && m.kind().equals(kind)).count();
        ReadOut out = new ReadOut().add(ReadOut.Role.NAME, "layer " + l + ", " + kind).add(ReadOut.Role.CONTEXT, count > 1 ? count + " matrices" : "").line();
        double change = a.relativeChange()[l][k];
        double rank = a.rankChange()[l][k];
        out.add(of == Of.CHANGE ? ReadOut.Role.VALUE : ReadOut.Role.NUMBER, Numbers.orReason(change, Numbers::probability)).add(ReadOut.Role.CONTEXT, "‖ΔW‖ ÷ ‖W‖").line();
        return out.add(of == Of.RANK ? ReadOut.Role.VALUE : ReadOut.Role.NUMBER, Double.isNaN(rank) ? Numbers.MISSING : Numbers.change(rank, 4)).add(ReadOut.Role.CONTEXT, "normalised effective rank");
    }
}
