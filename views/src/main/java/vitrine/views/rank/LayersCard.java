package vitrine.views.rank;

import java.util.List;
import java.util.stream.IntStream;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Measure;
import vitrine.resources.Styles;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;
import vitrine.views.rank.Item.Place;
import vitrine.views.rank.RankViewModel.Columns;
import vitrine.views.rank.RankViewModel.Mode;

/// A measure as a map: layers down, kinds of matrix across; or the heads of one kind.
final class LayersCard {

    private final Card card = new Card("Layers × matrices");
    private final RankViewModel model;
    private final MatrixChart chart = new MatrixChart().labelsOnTop();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final Label finding = new Label();
    private final VBox content = new VBox(8, canvas, finding);
    private final Segments<Columns> columnsOf = new Segments<>(List.of(Columns.KINDS, Columns.HEADS), c -> c == Columns.KINDS ? "kinds" : "heads").compact();
    /// What the map shows: it may be described once more when the model has gone on.
    private Drawn drawn;
    private boolean quiet;

    /// @param kind whose heads are the columns; null where kinds are
    private record Drawn(Spectra spectra, Measure measure, boolean normalised, Kind kind) {
        List<Item> at(int layer, int column) {
            return kind != null ? spectra.at(0, kind, layer, column) : spectra.at(0, spectra.kinds().get(column), layer, -1);
        }
    }

    LayersCard(RankViewModel model) {
        this.model = model;
        canvas.setId("layers");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        finding.setWrapText(true);
        finding.setMinHeight(Region.USE_PREF_SIZE);
        finding.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        columnsOf.valueProperty().bindBidirectional(model.columnsProperty());
        card.header(columnsOf);
        chart.readOut(this::readOut);
        chart.hoveredProperty().addListener((o, old, now) -> model.hoveredLayerProperty().set(now == null ? -1 : now.row()));
        chart.markedRowProperty().bind(model.hoveredLayerProperty());
        chart.selectedProperty().addListener((o, old, now) -> chosen(now));
        for (var p : List.of(model.stateProperty(), model.measureProperty(), model.normalisedProperty(), model.columnsProperty(), model.selectedProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    Card node() {
        return card;
    }

    MatrixChart chart() {
        return chart;
    }

    /// Puts the focus on the map, whose cells the arrows then select.
    void focus() {
        canvas.requestFocus();
    }

    private boolean byHead() {
        return model.columnsProperty().get() == Columns.HEADS;
    }

    private Kind kind(Spectra s) {
        Place p = model.selectedProperty().get();
        Kind chosen = p == null ? null : s.kinds().stream().filter(k -> k.id().equals(p.kind())).findFirst().orElse(null);
        return chosen != null || s.kinds().isEmpty() ? chosen : s.kinds().getFirst();
    }

    private void chosen(Cell cell) {
        Spectra s = model.spectra().orElse(null);
        if (quiet || s == null) {
            return;
        }
        if (cell == null) {
            // One matrix is always shown: clicking it again keeps it.
            show();
            return;
        }
        Place p = model.selectedProperty().get();
        List<Item> there = byHead() ? s.at(0, kind(s), cell.row(), cell.column()) : s.at(0, s.kinds().get(cell.column()), cell.row(), -1);
        there.stream().filter(i -> p != null && i.expert() == p.expert()).findFirst().or(() -> there.stream().findFirst())
                .ifPresentOrElse(i -> model.selectedProperty().set(i.place()), this::show);
    }

    private void show() {
        Spectra s = model.spectra().orElse(null);
        if (s == null) {
            return;
        }
        Measure m = model.measureProperty().get();
        boolean n = model.normalisedProperty().get() && Measures.isRank(m);
        Kind kind = kind(s);
        card.title(byHead() && kind != null ? "Layers × heads of " + kind.label() : model.modeProperty().get() == Mode.WEIGHTS ? "Layers × matrices" : "Layers × places");
        ProvenanceAudit.tag(card, s.provenance(m, n));
        boolean heads = model.modeProperty().get() == Mode.WEIGHTS || s.kinds().stream().anyMatch(k -> k.heads() > 0);
        columnsOf.setVisible(heads);
        columnsOf.setManaged(heads);
        int columns = byHead() ? kind == null ? 0 : kind.heads() : s.kinds().size();
        if (columns == 0 || s.layers() == 0) {
            card.content(nothing(kind));
            return;
        }
        drawn = new Drawn(s, m, n, byHead() ? kind : null);
        float[] values = new float[s.layers() * columns];
        for (int l = 0; l < s.layers(); l++) {
            for (int c = 0; c < columns; c++) {
                values[l * columns + c] = value(drawn, l, c);
            }
        }
        Cells cells = Cells.of(s.layers(), columns, values);
        quiet = true;
        List<String> down = IntStream.range(0, s.layers()).mapToObj(Integer::toString).toList();
        List<String> across = byHead() ? IntStream.range(0, columns).mapToObj(Integer::toString).toList() : s.kinds().stream().map(Kind::label).toList();
        chart.labels(down, across).format(Numbers::inCell).largestCell(72, 44).legend(Measures.name(m, n));
        chart.show(cells, n ? Scale.linear(least(cells) >= 0.5 ? 0.5 : 0, 1) : Scale.linear(0, 1).fittedTo(cells));
        Place p = model.selectedProperty().get();
        chart.selectedProperty().set(p == null || p.layer() < 0 ? null : selectedCell(s, p));
        quiet = false;
        String told = byHead() ? heads(s, kind, m, n) : model.finding();
        finding.setText(told);
        finding.setVisible(!told.isEmpty());
        finding.setManaged(!told.isEmpty());
        ProvenanceAudit.tag(finding, s.provenance(Measures.random(m) == null ? Measure.EFFECTIVE_RANK : m, true));
        card.content(content);
    }

    private Cell selectedCell(Spectra s, Place p) {
        if (byHead()) {
            return p.head() < 0 ? null : new Cell(p.layer(), p.head());
        }
        int column = IntStream.range(0, s.kinds().size()).filter(c -> s.kinds().get(c).id().equals(p.kind())).findFirst().orElse(-1);
        return column < 0 ? null : new Cell(p.layer(), column);
    }

    /// NaN, which is hatched, where there is a matrix whose figure could not be computed.
    private static float value(Drawn d, int layer, int column) {
        List<Item> there = d.at(layer, column);
        if (there.isEmpty()) {
            return Cells.NONE;
        }
        double v = d.spectra.point(0, there.getFirst().kind(), layer, there.getFirst().head(), d.measure, d.normalised).value();
        boolean noSpectrum = there.stream().allMatch(i -> i.absent() != null);
        return Double.isNaN(v) && !noSpectrum ? Cells.NONE : (float) v;
    }

    private static double least(Cells cells) {
        double least = Double.POSITIVE_INFINITY;
        for (int r = 0; r < cells.rows(); r++) {
            for (int c = 0; c < cells.columns(); c++) {
                if (Float.isFinite(cells.at(r, c))) {
                    least = Math.min(least, cells.at(r, c));
                }
            }
        }
        return least;
    }

    private ReadOut readOut(int layer, int column) {
        Measure m = drawn.measure;
        boolean n = drawn.normalised;
        List<Item> there = drawn.at(layer, column);
        Item first = there.getFirst();
        ReadOut out = new ReadOut().add(ReadOut.Role.NAME, "Layer " + layer + ", " + (there.size() > 1 ? first.kind().words() : first.shortName()) + (drawn.kind != null ? ", head " + column : ""))
                .add(ReadOut.Role.CONTEXT, first.shape()).line();
        Spectra.Point p = drawn.spectra.point(0, first.kind(), layer, first.head(), m, n);
        if (p.count() == 0) {
            String why = there.stream().map(Item::absent).filter(a -> a != null).findFirst().orElse("this figure has no meaning here");
            return out.add(ReadOut.Role.VALUE, Numbers.MISSING).add(ReadOut.Role.CONTEXT, why);
        }
        out.add(ReadOut.Role.VALUE, Measures.format(m, n).apply(p.value())).add(ReadOut.Role.CONTEXT, Measures.name(m, n));
        if (there.size() > 1 || first.estimated()) {
            out.line().add(ReadOut.Role.CONTEXT, there.size() > 1 ? "mean of " + p.count() + " experts, from" : "95 % interval from")
                    .add(ReadOut.Role.NUMBER, Measures.format(m, n).apply(p.low())).add(ReadOut.Role.CONTEXT, "to").add(ReadOut.Role.NUMBER, Measures.format(m, n).apply(p.high()));
        }
        first.random(m, n).ifPresent(r -> out.line().add(ReadOut.Role.CONTEXT, "random matrix").add(ReadOut.Role.NUMBER, Measures.format(m, n).apply(r)));
        return out;
    }

    /// The heads in one sentence.
    private static String heads(Spectra s, Kind kind, Measure m, boolean n) {
        Item low = null;
        Item high = null;
        for (Item i : s.items()) {
            if (i.checkpoint() == 0 && i.kind().equals(kind) && i.head() >= 0 && i.value(m, n).isPresent()) {
                low = low == null || i.value(m, n).getAsDouble() < low.value(m, n).getAsDouble() ? i : low;
                high = high == null || i.value(m, n).getAsDouble() > high.value(m, n).getAsDouble() ? i : high;
            }
        }
        if (low == null) {
            return "";
        }
        return "Lowest " + Measures.format(m, n).apply(low.value(m, n).getAsDouble()) + " in layer " + low.layer() + ", head " + low.head() + "; highest "
                + Measures.format(m, n).apply(high.value(m, n).getAsDouble()) + " in layer " + high.layer() + ", head " + high.head() + ".";
    }

    private Node nothing(Kind kind) {
        boolean weights = model.modeProperty().get() == Mode.WEIGHTS;
        boolean attention = kind != null && List.of("query", "key", "value", "output").contains(kind.id());
        if (!weights || !attention) {
            return new EmptyState(Icons.INFORMATION, kind == null ? "There is no layer here." : "There are no heads of " + kind.words() + ". Select a cell of another kind first.");
        }
        EmptyState empty = new EmptyState(Icons.RANK, "Heads have no spectra yet.");
        return model.subjectProperty().get() == null ? empty : empty.button(Buttons.plain("Compute heads", model::computeHeads));
    }
}
