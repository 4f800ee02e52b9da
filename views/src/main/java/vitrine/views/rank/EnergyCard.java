package vitrine.views.rank;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import javafx.beans.value.ChangeListener;
import javafx.geometry.HPos;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.Slider;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.CommandButton;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;

/// The energy that the largest singular values hold, and what a truncation would cost and save: drag the line or move the slider.
final class EnergyCard {

    private static final String SOURCE = "Eckart and Young, The approximation of one matrix by another of lower rank, Psychometrika 1, 1936";

    private final Card card = new Card("Cumulative energy").explained(Guide.Section.formula("rank", "truncation to k"));
    private final RankViewModel model;
    private final LineChart chart = new LineChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final Slider slider = new Slider(0, 1, 0.9);
    private final GridPane told = new GridPane();
    private final Region controls;
    private final ReadingNote note = new ReadingNote();
    private final VBox content;
    private boolean quiet;

    EnergyCard(RankViewModel model) {
        this.model = model;
        canvas.setId("energy");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        canvas.setMinHeight(90);
        Segments<WhatIf.Rule> rule = new Segments<>(List.of(WhatIf.Rule.values()), WhatIf.Rule::label).compact();
        rule.valueProperty().set(model.ruleProperty().get());
        rule.valueProperty().addListener((o, old, now) -> {
            if (now != model.ruleProperty().get()) {
                model.measureBy(now);
            }
        });
        model.ruleProperty().addListener((o, old, now) -> rule.valueProperty().set(now));
        Tooltip.install(rule, new Tooltip("Keep the same share of energy of every matrix, or the same share of its rank"));
        slider.setId("threshold");
        slider.setBlockIncrement(0.01);
        slider.setAccessibleText("share that is kept");
        HBox.setHgrow(slider, Priority.ALWAYS);
        slider.valueProperty().bindBidirectional(model.shareProperty());
        CommandButton compress = lowRankCopy(model);
        compress.button().getStyleClass().add(Styles.COMPACT);
        HBox row = new HBox(8, rule, slider, compress);
        row.setAlignment(Pos.CENTER_LEFT);
        told.setHgap(10);
        told.setMinWidth(0);
        told.setVgap(1);
        controls = new VBox(4, row, told);
        controls.setMinWidth(0);
        content = new VBox(6, canvas, controls, note);
        content.setMinWidth(0);
        chart.thresholdName(v -> "keep " + Numbers.count(v));
        chart.thresholdProperty().addListener((o, old, now) -> {
            if (!quiet && Double.isFinite(now.doubleValue())) {
                model.keep((int) Math.round(now.doubleValue()));
                tell();
            }
        });
        ChangeListener<Object> redraw = (o, old, now) -> show();
        model.stateProperty().addListener(redraw);
        model.selectedProperty().addListener(redraw);
        for (var p : List.of(model.shareProperty(), model.ruleProperty(), model.truncationsProperty())) {
            p.addListener((o, old, now) -> tell());
        }
        show();
    }

    /// Of the selected matrix, at the rank that the threshold leaves.
    static CommandButton lowRankCopy(RankViewModel model) {
        return new CommandButton("Low-rank copy…", model::pruneCommand, "Select a whole weight matrix: heads, experts and values over texts are not truncated by themselves.",
                List.of(model.stateProperty(), model.selectedProperty(), model.shareProperty(), model.ruleProperty(), model.truncationsProperty())).opening(model::pruneForm);
    }

    Card node() {
        return card;
    }

    LineChart chart() {
        return chart;
    }

    Slider slider() {
        return slider;
    }

    private void show() {
        Spectra s = model.spectra().orElse(null);
        Item i = model.item().orElse(null);
        Truncation t = model.truncation().orElse(null);
        if (s == null || i == null || t == null || !(t.total() > 0)) {
            card.subtitle("");
            String why = s == null ? "Energy of the selected matrix, and what a truncation would cost." : i == null ? "Select a matrix in the map."
                    : i.estimated() ? "This spectrum is estimated: what a truncation costs is known exactly only from all singular values. Choose Accuracy exact."
                    : "There is no energy to share out" + (i.absent() == null ? "." : ": " + i.absent() + ".");
            card.content(new EmptyState(Icons.INFORMATION, why));
            return;
        }
        card.subtitle(i.title().toLowerCase(java.util.Locale.ROOT));
        card.provenance(Provenance.derived(i.name().isEmpty() ? i.kind().words() : i.name(), i.dtype(), "sums of squared singular values; error = √(Σ of the dropped σ² ÷ Σ of all σ²)").of(t.size()));
        double[] xs = IntStream.rangeClosed(0, t.size()).asDoubleStream().toArray();
        double[] ys = IntStream.rangeClosed(0, t.size()).mapToDouble(t::energy).toArray();
        List<LineChart.Point> points = new ArrayList<>();
        for (double share : new double[] {0.9, 0.99}) {
            int k = t.rankFor(share);
            points.add(new LineChart.Point(k, t.energy(k), Numbers.wholePercent(share) + " at " + k, i.kind().category()));
        }
        String whole = model.modeProperty().get() == RankViewModel.Mode.WEIGHTS ? "share of ‖W‖²" : "share of ‖values‖²";
        quiet = true;
        chart.axes(Axis.of("rank kept").between(0, t.size()).written(v -> v == Math.rint(v) ? Numbers.count(v) : ""), Axis.of(whole).between(0, 1))
                .series(List.of(LineSeries.of("energy", xs, ys, i.kind().category()).asFilled().withoutMarkers().withoutLabel())).points(points)
                .formats(x -> "rank " + Numbers.count(x), Numbers::probability);
        quiet = false;
        tell();
        card.content(content);
    }

    /// What the threshold means, for this spectrum and for all.
    private void tell() {
        Spectra s = model.spectra().orElse(null);
        Truncation t = model.truncation().orElse(null);
        Item i = model.item().orElse(null);
        if (s == null || t == null || i == null) {
            return;
        }
        WhatIf what = model.whatIf();
        int k = what.rank(t);
        quiet = true;
        chart.thresholdProperty().set(k);
        quiet = false;
        told.getChildren().clear();
        Provenance from = ProvenanceAudit.of(card);
        List<String> heads = switch (s.saves()) {
            case PARAMETERS -> List.of("", "rank", "energy", "error", "parameters", "smaller");
            case CACHE -> List.of("", "width", "energy", "error", "per token", "smaller");
            case NOTHING -> List.of("", "rank", "energy", "error");
        };
        row(0, heads, null, "");
        boolean parameters = s.saves() == WhatIf.Saves.PARAMETERS;
        long before = parameters ? t.parameters() : t.size();
        long after = parameters ? t.factored(k) : k;
        List<String> one = new ArrayList<>(List.of("This", Numbers.count(k), Numbers.percent(t.energy(k)), Numbers.probability(t.error(k))));
        if (s.saves() != WhatIf.Saves.NOTHING) {
            one.add(shortened(after) + " / " + shortened(before));
            one.add(after == 0 ? "–" : Numbers.fixed((double) before / after, 2) + " ×");
        }
        row(1, one, from, parameters && after >= before ? String.format(java.util.Locale.ROOT, "Two factors are smaller than the matrix up to rank %,d.", t.largestSaving()) : "");
        Map<Item, Truncation> all = model.truncationsProperty().get();
        if (s.saves() != WhatIf.Saves.NOTHING && !all.isEmpty()) {
            WhatIf.Sum sum = what.sum(all.values(), s.saves());
            Provenance derived = Provenance.derived(s.subject(), i.dtype(), "all of them under the same threshold; error = √(Σ of the dropped σ² ÷ Σ of all σ²)").of(all.size());
            row(2, List.of("All " + Numbers.count(all.size()), "", Numbers.percent(1 - sum.error() * sum.error()), Numbers.probability(sum.error()),
                    shortened(sum.after()) + " / " + shortened(sum.before()), Numbers.fixed(sum.ratio(), 2) + " ×"), derived, parameters
                    ? String.format(java.util.Locale.ROOT, "All matrices of the layers under this threshold: %,d become two factors, %,d would grow and stay whole. %,d of %,d parameters.",
                            sum.factored(), sum.whole(), sum.after(), sum.before())
                    : String.format(java.util.Locale.ROOT, "Keys and values of all layers: %,d of %,d numbers per token.", sum.after(), sum.before()));
            note.say(!parameters ? "The least error that a cache of this width can have on this text; of other texts and of the loss it says nothing."
                    : sum.whole() == 0 ? "All matrices become two factors. The least error of this rank: how the loss answers must be measured."
                    : String.format(java.util.Locale.ROOT, "%,d of %,d matrices become two factors; the others would grow and stay whole. Energy is not importance.", sum.factored(), all.size()), SOURCE);
        } else {
            note.say("What the k strongest directions leave out, exactly: no other k directions leave less.", SOURCE);
        }
    }

    /// Exact up to five digits.
    private static String shortened(long count) {
        return count < 100_000 ? Numbers.count(count) : Numbers.si(count);
    }

    private void row(int at, List<String> texts, Provenance from, String tooltip) {
        for (int c = 0; c < texts.size(); c++) {
            Label label = cell(texts.get(c), at == 0 ? Styles.CAPTION : c == 0 ? Styles.SMALL : Styles.MONO);
            if (c == 0) {
                label.getStyleClass().add(Styles.MUTED);
            } else {
                GridPane.setHalignment(label, HPos.RIGHT);
            }
            if (!tooltip.isEmpty()) {
                label.setTooltip(new Tooltip(tooltip));
            }
            if (from != null) {
                ProvenanceAudit.tag(label, from);
            }
            told.add(label, c, at);
        }
    }

    private static Label cell(String text, String style) {
        Label label = new Label(text);
        label.getStyleClass().add(style);
        label.setMinWidth(Region.USE_PREF_SIZE);
        return label;
    }

    /// What stands in the table, row by row.
    List<String> told() {
        return told.getChildren().stream().filter(Label.class::isInstance).map(n -> ((Label) n).getText()).toList();
    }

    Node controls() {
        return controls;
    }
}
