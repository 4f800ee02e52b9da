package vitrine.views.compare;

import java.util.List;
import javafx.geometry.HPos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.OverrunStyle;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.ColumnConstraints;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import vitrine.core.artifact.CompareArtifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.refusal.Visible;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.NumberLabel;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Quantity;

/// Perplexity of every text for A and B; bits per byte where their tokens are not the same.
final class PerplexityCard {

    private final Card card = new Card("Perplexity").explained(Guide.Section.formula("compare", "perplexity"));
    private final CompareViewModel model;
    private final Runnable chooseTexts;

    PerplexityCard(CompareViewModel model, Runnable chooseTexts) {
        this.model = model;
        this.chooseTexts = chooseTexts;
        model.stateProperty().addListener((o, old, now) -> show());
        show();
    }

    Card node() {
        return card;
    }

    private void show() {
        Comparison c = model.comparison().orElse(null);
        if (c == null) {
            return;
        }
        List<CompareArtifact.Text> texts = c.artifact().texts();
        boolean bits = !texts.isEmpty() && texts.stream().allMatch(t -> Double.isNaN(t.ratio()));
        card.title(bits ? "Bits per byte" : "Perplexity").subtitle(bits ? "tokens differ" : "");
        if (texts.isEmpty()) {
            String why = c.artifact().absent().getOrDefault("texts", "");
            card.content(why.isEmpty() ? Brief.of("No text chosen.", "Choose texts…", chooseTexts) : Brief.of(why, null, null));
            return;
        }
        Provenance from = c.provenance("texts");
        card.provenance(from);
        GridPane g = new GridPane();
        g.setHgap(12);
        g.setVgap(6);
        ColumnConstraints first = new ColumnConstraints(40, 110, Double.MAX_VALUE);
        first.setHgrow(Priority.ALWAYS);
        g.getColumnConstraints().add(first);
        for (int i = 0; i < 3; i++) {
            ColumnConstraints k = new ColumnConstraints();
            k.setHalignment(HPos.RIGHT);
            g.getColumnConstraints().add(k);
        }
        g.add(head("A", 1), 1, 0);
        g.add(head("B", 2), 2, 0);
        g.add(head("B ÷ A", -1), 3, 0);
        int row = 1;
        for (CompareArtifact.Text t : texts) {
            Label name = ProvenanceAudit.notAFigure(new Label(Visible.name(t.name())), "name of a text");
            name.getStyleClass().add(Styles.SMALL);
            name.setTextOverrun(OverrunStyle.CENTER_ELLIPSIS);
            name.setTooltip(new Tooltip(Visible.name(t.name()) + ", " + Numbers.count(t.a().predictedTokens()) + " predicted tokens in A, " + Numbers.count(t.b().predictedTokens()) + " in B"));
            double p = bits ? t.a().bitsPerByte() : t.a().perplexity();
            double q = bits ? t.b().bitsPerByte() : t.b().perplexity();
            double ratio = bits ? t.bitsRatio() : t.ratio();
            g.add(name, 0, row);
            g.add(number(p, bits, from, p < q), 1, row);
            g.add(number(q, bits, from, q < p), 2, row);
            g.add(ratio(ratio, from), 3, row);
            row++;
        }
        ScrollPane scroll = new ScrollPane(g);
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        scroll.setMinHeight(0);
        card.content(scroll);
    }

    static Label head(String text, int category) {
        Label l = new Label(text);
        l.getStyleClass().addAll(Styles.CAPTION);
        l.setMinWidth(Region.USE_PREF_SIZE);
        if (category > 0) {
            Region swatch = new Region();
            swatch.getStyleClass().addAll("vt-part", "vt-square", "vt-part-" + category);
            l.setGraphic(swatch);
        }
        return ProvenanceAudit.notAFigure(l, "name of a column");
    }

    private static Node number(double v, boolean bits, Provenance from, boolean better) {
        NumberLabel l = new NumberLabel(Double.isFinite(v) ? Quantity.of(v, bits ? x -> Numbers.fixed(x, 4) : Numbers::perplexity, from) : Quantity.missing("none", from));
        l.setMaxWidth(Region.USE_PREF_SIZE);
        if (better) {
            l.getStyleClass().add(Styles.STRONG);
        }
        return l;
    }

    /// Lower is better: the ratio's own arrow says so beside the colour.
    private static Node ratio(double v, Provenance from) {
        Label l = new Label(Double.isNaN(v) ? Numbers.MISSING : Numbers.ratio(v));
        l.getStyleClass().addAll(Styles.MONO, v < 1 ? Styles.SUCCESS_TEXT : v > 1 ? Styles.DANGER_TEXT : Styles.MUTED);
        l.setMinWidth(Region.USE_PREF_SIZE);
        return ProvenanceAudit.tag(l, from);
    }
}
