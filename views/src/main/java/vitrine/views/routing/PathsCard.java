package vitrine.views.routing;

import java.util.List;
import java.util.stream.IntStream;
import javafx.geometry.Pos;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Cell;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Lanes;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.SeriesKey;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;

/// Each token's experts in every layer: a column per token, a lane per layer, the cell split by the weights.
final class PathsCard {

    /// More experts than this have no key: their numbers stand in the cells.
    private static final int KEY_UP_TO = 12;
    /// From here on the read-out's bars would be thinner than a pixel.
    private static final int BARS_UP_TO = 256;

    private final Card card = new Card("Token paths").explained(Guide.Section.formula("routing", "routes"));
    private final RoutingViewModel model;
    private final Lanes lanes = new Lanes();
    private final FigureCanvas canvas = new FigureCanvas(lanes);
    private final Label where = new Label();
    private final Segments<Boolean> all = new Segments<>(List.of(false, true), a -> a ? "all tokens" : "one row").compact();
    private final HBox stepper = new HBox(2, new IconButton(Icons.BACK, "Row before", "", () -> step(-1)).compact(), where,
            new IconButton(Icons.FORTH, "Next row", "", () -> step(1)).compact());
    private Tokens drawn;
    /// Of which they are; the lanes may be described once more when the model has gone on.
    private RoutingData shown;
    private int from;
    private boolean quiet;

    PathsCard(RoutingViewModel model) {
        this.model = model;
        canvas.setId("paths");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        where.getStyleClass().add(Styles.CAPTION);
        ProvenanceAudit.notAFigure(where, "number of a row");
        stepper.setAlignment(Pos.CENTER_LEFT);
        all.valueProperty().addListener((o, old, now) -> {
            Tokens t = model.tokensProperty().get();
            if (!quiet && t != null) {
                model.rowProperty().set(now ? -1 : Math.max(0, t.rowOf(Math.max(from, model.tokenProperty().get()))));
            }
        });
        lanes.readOut(this::readOut).bars(this::bars);
        lanes.hoveredProperty().addListener((o, old, now) -> hover(now));
        lanes.selectedProperty().addListener((o, old, now) -> chosen(now));
        model.tokensProperty().addListener((o, old, now) -> show());
        model.rowProperty().addListener((o, old, now) -> show());
        model.stateProperty().addListener((o, old, now) -> show());
        model.tokenProperty().addListener((o, old, now) -> mark());
        model.selectedProperty().addListener((o, old, now) -> mark());
        model.hoveredProperty().addListener((o, old, now) -> emphasise());
        card.besideTitle(stepper);
        show();
    }

    Card node() {
        return card;
    }

    Lanes lanes() {
        return lanes;
    }

    void step(int by) {
        Tokens t = model.tokensProperty().get();
        if (t != null && !t.rows().isEmpty()) {
            model.tokenProperty().set(-1);
            model.rowProperty().set(Math.floorMod(Math.max(0, model.rowProperty().get()) + by, t.rows().size()));
        }
    }

    private void show() {
        Tokens t = model.tokensProperty().get();
        RoutingData d = model.data().orElse(null);
        if (t == null || d == null) {
            drawn = null;
            stepper.setVisible(false);
            card.header();
            card.subtitle("");
            card.content(d == null ? new StackPane() : new EmptyState(Icons.ROUTING, "Reading the tokens."));
            return;
        }
        int r = model.rowProperty().get();
        boolean one = r >= 0 && r < t.rows().size();
        quiet = true;
        all.valueProperty().set(!one);
        from = one ? t.rows().get(r).from() : 0;
        int to = one ? t.rows().get(r).to() : t.count();
        drawn = t;
        shown = d;
        // A hue of 256 tells nothing: there the load does.
        boolean byLoad = Colouring.byLoad(d);
        lanes.colours((layer, expert, palette) -> Colouring.of(d, layer, expert, palette), true);
        lanes.show(t.lanes(from, to), d.experts(), d.layerNames(), t.texts(from, to));
        quiet = false;
        mark();
        stepper.setVisible(true);
        stepper.getChildren().forEach(n -> {
            n.setVisible(one || n == where);
            n.setManaged(one || n == where);
        });
        where.setText(one ? d.domains().get(t.rows().get(r).domain()).name() + ", row " + (t.rows().get(r).row() + 1)
                : t.count() < d.artifact().tokens() ? "the first " + Numbers.count(t.count()) + " of " + Numbers.count(d.artifact().tokens()) + " tokens" : Numbers.count(t.count()) + " tokens");
        String split = d.perToken(0) == 1 ? "" : "split by weight";
        card.subtitle(byLoad ? split + (split.isEmpty() ? "" : "; ") + "coloured by the expert's load" : split);
        if (d.experts() <= KEY_UP_TO) {
            SeriesKey key = new SeriesKey();
            IntStream.range(0, d.experts()).forEach(e -> key.add(Integer.toString(e), SeriesKey.Sample.SQUARE, e));
            FigureCanvas keys = new FigureCanvas(key);
            keys.setMinSize(key.widthFor(keys.surface()) + 2, 18);
            keys.setMaxHeight(18);
            card.header(ProvenanceAudit.notAFigure(keys, "which colour means which expert"), all);
        } else {
            card.header(all);
        }
        ProvenanceAudit.tag(card, provenance(d));
        card.content(canvas);
    }

    private static Provenance provenance(RoutingData d) {
        Provenance p = d.provenance("expert_ids");
        return Provenance.measured(p.source(), p.dtype(), "the experts that each token visits, and their weights").of(p.samples());
    }

    private void mark() {
        if (drawn == null) {
            return;
        }
        quiet = true;
        int t = model.tokenProperty().get() - from;
        lanes.selectedProperty().set(t < 0 || model.selectedProperty().get() == null ? null : new Cell(model.layer(), t));
        quiet = false;
        emphasise();
    }

    /// The expert under the pointer in another card stands out here.
    private void emphasise() {
        Place h = model.hoveredProperty().get();
        lanes.emphasisProperty().set(h == null || h.expert() < 0 || lanes.hoveredProperty().get() != null ? null : new Cell(h.layer(), h.expert()));
    }

    private void hover(Cell cell) {
        if (drawn != null) {
            model.hoveredProperty().set(cell == null ? null : new Place(cell.row(), drawn.expert(cell.row(), from + cell.column(), 0)));
        }
    }

    private void chosen(Cell cell) {
        if (quiet || drawn == null) {
            return;
        }
        if (cell == null) {
            model.tokenProperty().set(-1);
            return;
        }
        quiet = true;
        int token = from + cell.column();
        model.tokenProperty().set(token);
        Place p = model.selectedProperty().get();
        // The selected expert stays where the token visits it.
        boolean stays = p != null && p.layer() == cell.row() && drawn.visits(cell.row(), token, p.expert());
        quiet = false;
        if (!stays) {
            model.select(cell.row(), drawn.expert(cell.row(), token, 0));
        } else {
            mark();
        }
    }

    private ReadOut readOut(int layer, int column) {
        if (drawn == null) {
            return new ReadOut();
        }
        int token = from + column;
        ReadOut out = new ReadOut().add(ReadOut.Role.NAME, drawn.text(token)).add(ReadOut.Role.INDEX, "at " + column).add(ReadOut.Role.CONTEXT, "layer " + shown.number(layer));
        double sum = 0;
        int k = drawn.perToken(layer);
        for (int c = 0; c < Math.min(k, 8); c++) {
            out.line().add(ReadOut.Role.CONTEXT, "expert " + drawn.expert(layer, token, c)).add(c == 0 ? ReadOut.Role.VALUE : ReadOut.Role.NUMBER, Numbers.probability(drawn.weight(layer, token, c)));
        }
        for (int c = 0; c < k; c++) {
            sum += drawn.weight(layer, token, c);
        }
        if (k > 1) {
            out.line().add(ReadOut.Role.CONTEXT, k > 8 ? "the first 8 of " + k + ", in all" : "weights in all").add(ReadOut.Role.NUMBER, Numbers.probability(sum));
        }
        boolean known = drawn.hasScores(token);
        out.line().add(ReadOut.Role.CONTEXT, known ? scores(shown) + " of all " + shown.experts(layer) + " experts; even " + Numbers.probability(1.0 / shown.experts(layer))
                : "the other experts' scores are kept for the first " + Numbers.count(shown.artifact().window()) + " tokens");
        return out;
    }

    static String scores(RoutingData d) {
        return d.artifact().router().contains("sigmoid") ? "sigmoid score" : "probability";
    }

    private Lanes.Bars bars(int layer, int column) {
        int token = from + column;
        if (drawn == null || !drawn.hasScores(token) || shown.experts(layer) > BARS_UP_TO) {
            return null;
        }
        int[] chosen = IntStream.range(0, drawn.perToken(layer)).map(c -> drawn.expert(layer, token, c)).toArray();
        return new Lanes.Bars(drawn.scores(layer, token), 1.0 / shown.experts(layer), chosen);
    }
}
