package vitrine.views.compare;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import javafx.scene.control.Label;
import javafx.scene.layout.VBox;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Axis;
import vitrine.views.chart.ColumnChart;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;

/// Of every token of the prompt the loss of A and B, or how far their predictions of it are apart.
final class LossCard {

    private enum Shown {
        LOSS("loss"), DIVERGENCE("divergence");

        private final String label;

        Shown(String label) {
            this.label = label;
        }
    }

    private final Card card = new Card("Loss per token").explained(Guide.Section.formula("compare", "perplexity"));
    private final CompareViewModel model;
    private final ColumnChart chart = new ColumnChart().tokens();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final Segments<Shown> shown = new Segments<>(List.of(Shown.values()), s -> s.label).compact();
    private final Runnable writePrompt;
    private boolean quiet;

    LossCard(CompareViewModel model, Runnable writePrompt) {
        this.model = model;
        this.writePrompt = writePrompt;
        canvas.setId("loss-per-token");
        VBox.setVgrow(canvas, javafx.scene.layout.Priority.ALWAYS);
        // Columns stand for tokens from the second on: the first is predicted by nothing.
        chart.hoveredProperty().addListener((o, old, now) -> model.hoveredTokenProperty().set(now.intValue() < 0 ? -1 : now.intValue() + 1));
        model.hoveredTokenProperty().addListener((o, old, now) -> chart.linkedProperty().set(now.intValue() < 1 ? -1 : now.intValue() - 1));
        chart.selectedProperty().addListener((o, old, now) -> {
            if (!quiet) {
                model.tokenProperty().set(now.intValue() < 0 ? -1 : now.intValue() + 1);
            }
        });
        model.tokenProperty().addListener((o, old, now) -> {
            quiet = true;
            chart.selectedProperty().set(now.intValue() < 1 ? -1 : now.intValue() - 1);
            quiet = false;
        });
        shown.valueProperty().addListener((o, old, now) -> show());
        model.stateProperty().addListener((o, old, now) -> show());
        show();
    }

    Card node() {
        return card;
    }

    ColumnChart chart() {
        return chart;
    }

    private void show() {
        Comparison c = model.comparison().orElse(null);
        if (c == null) {
            return;
        }
        boolean loss = shown.valueProperty().get() == Shown.LOSS;
        card.title(loss ? "Loss per token" : "Next-token divergence");
        if (!c.losses()) {
            card.subtitle("").header();
            String why = c.artifact().absent().getOrDefault("prompt", c.artifact().absent().getOrDefault("tokens", ""));
            card.content(why.isEmpty() ? Brief.of("No prompt yet: losses, divergence, attention and the logit lens are of its tokens.", "Write a prompt…", writePrompt) : Brief.of(why, null, null));
            return;
        }
        card.subtitle(c.promptWords(28));
        List<String> tokens = IntStream.range(1, c.tokens()).mapToObj(c::token).toList();
        quiet = true;
        if (loss) {
            chart.categories(tokens, "").series(List.of(ColumnChart.Series.of("A", c.lossA(), 0), ColumnChart.Series.of("B", c.lossB(), 1)), Axis.of("nats"), Numbers::loss);
        } else {
            int n = c.lossA().length;
            chart.categories(tokens, "").series(List.of(ColumnChart.Series.of("KL(A ‖ B)", Arrays.copyOf(c.klAb(), n), 0), ColumnChart.Series.of("KL(B ‖ A)", Arrays.copyOf(c.klBa(), n), 1),
                    ColumnChart.Series.of("JS", Arrays.copyOf(c.js(), n), 2)), Axis.of("nats"), Numbers::loss);
        }
        quiet = false;
        ProvenanceAudit.tag(card, c.provenance(loss ? "token_nll_a" : "kl_ab"));
        Label a = PerplexityCard.head(loss ? "A, mean " + Numbers.fixed(c.artifact().prompt().lossA(), 2) : "A‖B " + Numbers.fixed(c.artifact().prompt().klAb(), 2), 1);
        Label b = PerplexityCard.head(loss ? "B, mean " + Numbers.fixed(c.artifact().prompt().lossB(), 2) : "B‖A " + Numbers.fixed(c.artifact().prompt().klBa(), 2), 2);
        Label js = PerplexityCard.head("JS " + Numbers.fixed(c.artifact().prompt().js(), 2), 3);
        for (Label l : List.of(a, b, js)) {
            l.getStyleClass().add(Styles.SMALL);
        }
        if (loss) {
            card.header(a, b, shown);
        } else {
            card.header(a, b, js, shown);
        }
        card.content(canvas);
    }
}
