package vitrine.views.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.stream.IntStream;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.HeatMap;
import vitrine.views.chart.HeatMapView;
import vitrine.views.chart.Legend;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;

/// Three maps of the same cells: A, B and B − A. Of one head, of the logit lens, or of the experts' load.
final class MapsCard {

    enum Of {
        HEAD("attention"), LENS("logit lens"), EXPERTS("experts");

        private final String label;

        Of(String label) {
            this.label = label;
        }
    }

    /// Widths from which legends fit into the head.
    private static final double ROOM = 840;
    private static final double ROOM_WITH_MEASURE = 1010;
    /// Three maps share the width: tokens' names must not take it.
    private static final double LABEL = 48;

    private final Card card = new Card("");
    private final CompareViewModel model;
    private final HeatMapView mapA = new HeatMapView();
    private final HeatMapView mapB = new HeatMapView();
    private final HeatMapView difference = new HeatMapView();
    private final Label nameA = caption();
    private final Label nameB = caption();
    private final Label nameD = caption();
    private final StackPane third = new StackPane();
    private final HBox legends = new HBox(16);
    private final HBox row;
    private final HBox below = new HBox();
    private final VBox content;
    private final Segments<Of> of = new Segments<>(List.of(Of.values()), o -> o.label).compact();
    private final Segments<LensMeasure> measure = new Segments<>(List.of(LensMeasure.values()), LensMeasure::label).compact();
    private boolean quiet;
    private Cells cellsA;
    private Cells cellsB;
    private final int[][] tops = new int[2][];
    private final int[][] ranks = new int[2][];

    MapsCard(CompareViewModel model, Of first, String id) {
        this.model = model;
        mapA.setId(id + "-a");
        mapB.setId(id + "-b");
        difference.setId(id + "-difference");
        of.valueProperty().set(first);
        measure.valueProperty().bindBidirectional(model.lensProperty());
        row = new HBox(16, side(nameA, mapA), side(nameB, mapB), side(nameD, third));
        VBox.setVgrow(row, Priority.ALWAYS);
        row.setMinSize(0, 0);
        content = new VBox(6, row, below);
        content.setMinSize(0, 0);
        below.managedProperty().bind(javafx.beans.binding.Bindings.isNotEmpty(below.getChildren()));
        card.widthProperty().addListener((o, old, now) -> placeLegends());
        for (HeatMapView v : views()) {
            // One legend in the head serves all three, and the inspector tells of what is locked: the maps take all room.
            v.map().withoutLegend().readOutOnHover().longestLabel(LABEL);
            v.map().hoveredCellProperty().addListener((o, old, now) -> hovered(now));
            v.lockedCellProperty().addListener((o, old, now) -> locked(now));
        }
        mapA.map().readOut((r, k) -> readOut(r, k));
        mapB.map().readOut((r, k) -> readOut(r, k));
        difference.map().readOut((r, k) -> readOut(r, k));
        for (var p : List.of(model.stateProperty(), model.headProperty(), of.valueProperty(), model.lensProperty())) {
            p.addListener((o, old, now) -> show());
        }
        model.tokenProperty().addListener((o, old, now) -> mark());
        show();
    }

    private List<HeatMapView> views() {
        return List.of(mapA, mapB, difference);
    }

    private static Label caption() {
        Label l = ProvenanceAudit.notAFigure(new Label(), "name of a map");
        l.getStyleClass().addAll(Styles.CAPTION);
        l.setMinWidth(0);
        return l;
    }

    private static VBox side(Label name, Node figure) {
        VBox box = new VBox(4, name, figure);
        VBox.setVgrow(figure, Priority.ALWAYS);
        HBox.setHgrow(box, Priority.ALWAYS);
        box.setMinSize(0, 0);
        box.setPrefWidth(100);
        return box;
    }

    Card node() {
        return card;
    }

    HeatMap map(boolean second) {
        return (second ? mapB : mapA).map();
    }

    HeatMap difference() {
        return difference.map();
    }

    Segments<Of> of() {
        return of;
    }

    // --- one cell, three maps

    private void hovered(Cell cell) {
        if (quiet) {
            return;
        }
        quiet = true;
        views().forEach(v -> v.map().hoveredCellProperty().set(fits(v, cell)));
        boolean tokens = of.valueProperty().get() != Of.EXPERTS;
        model.hoveredTokenProperty().set(cell == null || !tokens ? -1 : of.valueProperty().get() == Of.LENS ? Math.min(cell.column() + 1, tokens() - 1) : cell.row());
        quiet = false;
    }

    private Cell fits(HeatMapView v, Cell cell) {
        return cell == null || v != difference || difference.getParent() != null ? cell : null;
    }

    private void locked(Cell cell) {
        if (quiet) {
            return;
        }
        quiet = true;
        views().forEach(v -> v.lockedCellProperty().set(cell));
        if (of.valueProperty().get() == Of.HEAD) {
            model.tokenProperty().set(cell == null ? -1 : cell.row());
        } else if (of.valueProperty().get() == Of.LENS) {
            model.tokenProperty().set(cell == null ? -1 : Math.min(cell.column() + 1, tokens() - 1));
        }
        quiet = false;
    }

    private int tokens() {
        return model.comparison().map(Comparison::tokens).orElse(0);
    }

    /// Marks the token that is locked in another figure.
    private void mark() {
        if (quiet) {
            return;
        }
        int t = model.tokenProperty().get();
        quiet = true;
        Cell now = mapA.lockedCellProperty().get();
        Cell cell = t < 0 ? null : switch (of.valueProperty().get()) {
            case HEAD -> new Cell(t, now != null && now.row() == t ? now.column() : strongest(t));
            case LENS -> t < 1 ? null : new Cell(now != null ? now.row() : cellsA == null ? 0 : cellsA.rows() - 1, t - 1);
            case EXPERTS -> now;
        };
        views().forEach(v -> v.lockedCellProperty().set(cell));
        quiet = false;
    }

    /// The key whose weight changed most.
    private int strongest(int query) {
        Comparison c = model.comparison().orElse(null);
        Cells d = c == null || model.headProperty().get() == null ? null : c.difference(model.headProperty().get());
        int best = 0;
        for (int k = 1; d != null && k <= query && k < d.columns(); k++) {
            best = Math.abs(d.at(query, k)) > Math.abs(d.at(query, best)) ? k : best;
        }
        return best;
    }

    // --- what is drawn

    private void show() {
        Comparison c = model.comparison().orElse(null);
        if (c == null) {
            return;
        }
        placeLegends();
        of.disableBecause(Of.EXPERTS, c.artifact().routing().isEmpty() ? c.artifact().absent().getOrDefault("routing", "Neither model has experts.") : "");
        nameA.setText("A  " + model.name(false));
        nameB.setText("B  " + model.name(true));
        nameD.setText("B − A");
        quiet = true;
        switch (of.valueProperty().get()) {
            case HEAD -> head(c);
            case LENS -> lens(c);
            case EXPERTS -> experts(c);
        }
        quiet = false;
        mark();
    }

    /// Scales stand in the head where there is room beside the title, else below the maps.
    private void placeLegends() {
        boolean lens = of.valueProperty().get() == Of.LENS;
        boolean room = card.getWidth() >= (lens ? ROOM_WITH_MEASURE : ROOM);
        below.getChildren().clear();
        List<Node> right = new ArrayList<>();
        if (room) {
            right.add(legends);
        }
        if (lens) {
            right.add(measure);
        }
        right.add(of);
        card.header(right.toArray(Node[]::new));
        if (!room) {
            below.getChildren().add(legends);
        }
    }

    private void nothing(String why) {
        legends.setVisible(false);
        card.content(new EmptyState(Icons.INFORMATION, why));
    }

    private void head(Comparison c) {
        HeadId h = model.headProperty().get();
        card.title(h == null ? "Attention" : "Attention, " + h).subtitle(c.tokens() == 0 ? "" : Numbers.count(c.tokens()) + " tokens");
        Cells a = h == null || !c.heads() ? null : c.map(false, h);
        if (a == null) {
            nothing(c.artifact().absent().getOrDefault("heads", c.artifact().absent().getOrDefault("maps", c.artifact().absent().getOrDefault("prompt", "No attention yet: write a prompt."))));
            return;
        }
        List<String> labels = c.tokenLabels();
        draw(a, c.map(true, h), c.difference(h), Scale.sqrt(0, 1), labels, labels, "attention weight", Numbers::probability);
        ProvenanceAudit.tag(card, c.provenance("attentions_a"));
        card.content(content);
    }

    private void lens(Comparison c) {
        LensMeasure m = model.lensProperty().get();
        card.title("Logit lens").subtitle(m.words());
        Cells a = c.lens(m, false);
        Cells b = c.lens(m, true);
        if (a == null || b == null) {
            nothing(c.artifact().absent().getOrDefault("lens", c.artifact().absent().getOrDefault("prompt", "No logit lens yet: write a prompt.")));
            return;
        }
        Scale scale = m == LensMeasure.TARGET ? Scale.sqrt(0, 1) : Scale.linear(0, 1).fittedTo(0, Math.max(most(a), most(b)));
        for (int s = 0; s < 2; s++) {
            tops[s] = c.artifact().ids("lens_top_" + (s == 0 ? "a" : "b"));
            ranks[s] = c.artifact().ids("lens_rank_" + (s == 0 ? "a" : "b"));
        }
        List<String> down = IntStream.range(0, Math.max(a.rows(), b.rows())).mapToObj(l -> l == 0 ? "in" : Integer.toString(l - 1)).toList();
        draw(a, b, Comparison.difference(a, b), scale, down, c.tokenLabels(), m.words(), m == LensMeasure.TARGET ? Numbers::probability : Numbers::loss);
        ProvenanceAudit.tag(card, c.provenance(m.tensor() + "_a"));
        card.content(content);
    }

    private void experts(Comparison c) {
        card.title("Expert load").subtitle("× the fair share, over the " + c.artifact().routingOver());
        Cells a = c.load(false);
        Cells b = c.load(true);
        if (a == null) {
            nothing(c.artifact().absent().getOrDefault("routing", "Neither model has experts."));
            return;
        }
        List<String> down = c.artifact().routing().stream().map(r -> Integer.toString(r.layer())).toList();
        List<String> across = IntStream.range(0, a.columns()).mapToObj(Integer::toString).toList();
        draw(a, b, Comparison.difference(a, b), Scale.load(), down, across, "load, × fair share", x -> Numbers.fixed(x, 2));
        ProvenanceAudit.tag(card, c.provenance("routing"));
        card.content(content);
    }

    private static double most(Cells cells) {
        double most = 0;
        for (int r = 0; r < cells.rows(); r++) {
            for (int k = 0; k < cells.columns(); k++) {
                float v = cells.at(r, k);
                most = Float.isFinite(v) && v > most ? v : most;
            }
        }
        return most;
    }

    private void draw(Cells a, Cells b, Cells d, Scale scale, List<String> down, List<String> across, String name, DoubleFunction<String> format) {
        cellsA = a;
        cellsB = b;
        legends.setVisible(true);
        draw(mapA.map(), a, scale, down, across, name, format);
        draw(mapB.map(), b, scale, down, across, name, format);
        Scale change = d == null ? Scale.diverging(1) : Scale.diverging(1).fittedTo(d);
        legends.getChildren().setAll(legend("A, B", scale, 184));
        if (d != null) {
            legends.getChildren().add(legend("B − A", change, 160));
        }
        nameD.setText("B − A" + (name.isEmpty() ? "" : ", change of the " + name));
        if (d == null) {
            third.getChildren().setAll(new EmptyState(Icons.INFORMATION, "No difference: the two have other numbers of layers."));
        } else {
            draw(difference.map(), d, change, down, across, "change", v -> Numbers.change(v, 4));
            third.getChildren().setAll(difference);
        }
        views().forEach(v -> {
            if (of.valueProperty().get() == Of.HEAD) {
                v.map().square();
            } else {
                v.map().stretched();
            }
        });
    }

    /// @param width such that name, colours and numbers stand in one line
    private static FigureCanvas legend(String name, Scale scale, double width) {
        FigureCanvas l = new FigureCanvas(new Legend(name, scale));
        l.setMinSize(width, Legend.HEIGHT);
        l.setMaxSize(width, Legend.HEIGHT);
        l.setMouseTransparent(true);
        l.setFocusTraversable(false);
        return ProvenanceAudit.notAFigure(l, "a colour scale");
    }

    private static void draw(HeatMap map, Cells cells, Scale scale, List<String> down, List<String> across, String name, DoubleFunction<String> format) {
        map.rowLabels(down).columnLabels(across).name(name).format(format).largestCell(36);
        map.scaleProperty().set(scale);
        map.show(cells);
    }

    /// Of nothing while there is no comparison: a canvas behind the message of a failure still describes its locked cell.
    private ReadOut readOut(int r, int k) {
        return model.comparison().map(c -> readOut(c, r, k)).orElseGet(ReadOut::new);
    }

    private ReadOut readOut(Comparison c, int r, int k) {
        ReadOut out = new ReadOut();
        switch (of.valueProperty().get()) {
            case HEAD -> out.add(ReadOut.Role.NAME, c.token(r)).add(ReadOut.Role.INDEX, "[" + r + "] →").add(ReadOut.Role.NAME, c.token(k)).add(ReadOut.Role.INDEX, "[" + k + "]").line();
            case LENS -> {
                out.add(ReadOut.Role.NAME, r == 0 ? "embedding" : "after layer " + (r - 1)).add(ReadOut.Role.INDEX, "at").add(ReadOut.Role.NAME, c.token(k)).add(ReadOut.Role.INDEX, "[" + k + "]").line();
                lens(c, r, k, out);
            }
            case EXPERTS -> out.add(ReadOut.Role.NAME, "layer " + c.artifact().routing().get(r).layer() + ", expert " + k).line();
        }
        double a = at(cellsA, r, k);
        double b = at(cellsB, r, k);
        boolean plain = of.valueProperty().get() == Of.EXPERTS;
        DoubleFunction<String> format = plain ? x -> Numbers.fixed(x, 2) : Numbers::probability;
        return out.add(ReadOut.Role.CONTEXT, "A").add(ReadOut.Role.NUMBER, format.apply(a)).add(ReadOut.Role.CONTEXT, "B").add(ReadOut.Role.NUMBER, format.apply(b)).line()
                .add(ReadOut.Role.VALUE, Numbers.change(b - a, 4)).add(ReadOut.Role.CONTEXT, "B − A");
    }

    private void lens(Comparison c, int r, int k, ReadOut out) {
        for (int s = 0; s < 2; s++) {
            int at = r * c.tokens() + k;
            if (at < tops[s].length) {
                out.add(ReadOut.Role.CONTEXT, (s == 0 ? "A" : "B") + " says").add(ReadOut.Role.NAME, Comparison.shown(c.artifact().tokenName(tops[s][at])));
                if (ranks[s][at] > 0) {
                    out.add(ReadOut.Role.CONTEXT, "true token is no.").add(ReadOut.Role.NUMBER, Numbers.count(ranks[s][at]));
                }
                out.line();
            }
        }
    }

    private static double at(Cells cells, int r, int k) {
        return cells == null || r >= cells.rows() || k >= cells.columns() || cells.at(r, k) == Cells.NONE ? Double.NaN : cells.at(r, k);
    }
}
