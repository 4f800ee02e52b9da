package vitrine.views.runs;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.Slider;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.core.run.PruneRecord;
import vitrine.core.task.PruneAmount;
import vitrine.core.work.prune.PruneForecast;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Quantity;
import vitrine.views.control.Segments;
import vitrine.views.tasks.ViewState;

/// What a pruning run would come to, before anything is written: a slider for how much goes, sizes by headers, and a predicted loss over all amounts.
final class PreviewCard {

    private final PruneForm form;
    private final Card card = new Card("Preview").explained(new Guide.Section("pruning", "Methods", "parameters")).subtitle("before anything is written");
    private final Slider slider = new Slider(0, 0.95, 0.5);
    private final HBox which = new HBox();
    private final Label said = new Label();
    private final VBox figures = new VBox(2);
    private final VBox record = new VBox(2);
    private final LineChart chart = new LineChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final Label state = new Label();
    private final Button ask;
    private final VBox below = new VBox(6);
    private boolean quiet;
    private Prediction drawn;

    PreviewCard(PruneForm form) {
        this.form = form;
        slider.setId("amount");
        slider.setMinWidth(80);
        HBox.setHgrow(slider, Priority.ALWAYS);
        said.getStyleClass().add(Styles.MONO);
        said.setMinWidth(56);
        said.setAlignment(Pos.CENTER_RIGHT);
        ProvenanceAudit.notAFigure(said, "what the slider says");
        slider.valueProperty().addListener((o, old, now) -> {
            if (!quiet) {
                form.drag(amount(), now.doubleValue());
            }
        });
        ask = Buttons.plain("Predict loss", Icons.RUNS, form::predict);
        ask.setId("predict");
        ask.setMinWidth(Region.USE_PREF_SIZE);
        state.getStyleClass().addAll(Styles.CAPTION);
        state.setWrapText(true);
        state.setMinHeight(Region.USE_PREF_SIZE);
        ProvenanceAudit.notAFigure(state, "how it stands");
        canvas.setId("predicted");
        canvas.setMinHeight(90);
        VBox.setVgrow(canvas, Priority.ALWAYS);
        VBox.setVgrow(below, Priority.ALWAYS);
        HBox line = new HBox(8, which, slider, said);
        line.setAlignment(Pos.CENTER_LEFT);
        card.content(new VBox(8, line, figures, below));
        form.methodProperty().addListener((o, old, now) -> show());
        form.taskProperty().addListener((o, old, now) -> show());
        form.outlookProperty().addListener((o, old, now) -> show());
        form.earlierProperty().addListener((o, old, now) -> show());
        if (form.predictionProperty() != null) {
            form.predictionProperty().addListener((o, old, now) -> show());
        }
        show();
    }

    Card node() {
        return card;
    }

    Slider slider() {
        return slider;
    }

    LineChart chart() {
        return chart;
    }

    /// What the slider drags: what is typed, where it can be dragged.
    private PruneAmount amount() {
        PruneAmount now = form.amount();
        return PruneFields.amounts(form.methodProperty().get()).contains(now) ? now : PruneAmount.sparsity;
    }

    private static String written(PruneAmount a, double v) {
        return a == PruneAmount.sparsity || a == PruneAmount.pattern ? Numbers.fixed(100 * v, 0) + Numbers.THIN_SPACE + "%" : Numbers.count(Math.round(v));
    }

    private void show() {
        PruneForm.Outlook o = form.outlookProperty().get();
        choices();
        range();
        figures.getChildren().clear();
        below.getChildren().clear();
        if (o == null || o.forecast() == null || form.prune() == null) {
            Label why = new Label(form.prune() == null ? form.problemsProperty().get().isEmpty() ? form.missing() + " What would be left is told here." : "What would be left is told here once everything fits." : o == null ? "Reading headers…" : o.refusal().getMessage());
            why.setWrapText(true);
            why.setMinHeight(Region.USE_PREF_SIZE);
            why.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            figures.getChildren().add(ProvenanceAudit.notAFigure(why, "what will stand here"));
            drawn = null;
            return;
        }
        sizes(o.forecast());
        predicted();
    }

    private void choices() {
        List<PruneAmount> all = PruneFields.amounts(form.methodProperty().get());
        which.setMinWidth(Region.USE_PREF_SIZE);
        if (all.size() == 1) {
            Label name = new Label(PruneFields.label(all.getFirst()));
            name.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            which.getChildren().setAll(name);
            which.setAlignment(Pos.CENTER_LEFT);
            return;
        }
        Segments<PruneAmount> segments = new Segments<>(all, a -> a == PruneAmount.sparsity ? "Share" : a == PruneAmount.rank ? "Rank" : a == PruneAmount.layers ? "Layers" : "Experts").compact();
        segments.valueProperty().set(amount());
        segments.valueProperty().addListener((o, old, now) -> {
            if (now != null && now != amount()) {
                form.drag(now, now == PruneAmount.sparsity ? 0.5 : middle(now));
            }
        });
        which.getChildren().setAll(segments);
    }

    private double middle(PruneAmount a) {
        double[] r = bounds(a);
        return Math.rint((r[0] + r[1]) / 2);
    }

    /// From where to where an amount goes; by what was predicted, where it was, else by what is usual.
    private double[] bounds(PruneAmount a) {
        Prediction p = form.predictionProperty() == null ? null : form.predictionProperty().get().valueOrNull();
        if (a == PruneAmount.sparsity) {
            return new double[] {0, 0.95};
        }
        if (p != null && p.amount().equals(a.name())) {
            return new double[] {p.points().getFirst().amount(), p.points().getLast().amount()};
        }
        double now = form.amount() == a && Double.isFinite(form.value()) ? form.value() : 8;
        return new double[] {a == PruneAmount.layers ? 0 : 1, Math.max(2 * now, a == PruneAmount.rank ? 64 : 8)};
    }

    private void range() {
        quiet = true;
        PruneAmount a = amount();
        double[] r = bounds(a);
        slider.setMin(r[0]);
        slider.setMax(r[1]);
        slider.setBlockIncrement(a == PruneAmount.sparsity ? 0.05 : 1);
        double v = form.value();
        boolean pattern = form.amount() == PruneAmount.pattern || form.amount() == PruneAmount.named;
        slider.setDisable(pattern);
        slider.setTooltip(new Tooltip(form.amount() == PruneAmount.named ? "The parts that are named say what goes." : pattern ? "The pattern says how much goes." : PruneFields.label(a)));
        if (Double.isFinite(v)) {
            slider.setValue(Math.clamp(v, r[0], r[1]));
        }
        said.setText(pattern ? form.amount() == PruneAmount.named ? "" : form.text("pattern").get() : Double.isFinite(v) ? written(a, v) : Numbers.MISSING);
        quiet = false;
    }

    // --- sizes

    private void row(String name, double before, double now, DoubleFunction<String> format, Provenance from) {
        figures.getChildren().add(KeyValueRow.of(name + (before == now ? "" : ", was " + format.apply(before)), Quantity.of(now, format, from)));
    }

    private void sizes(PruneForecast f) {
        String of = RunRow.file(form.prune().model());
        Provenance headers = Provenance.derived(of, "", "counted from the shapes of tensors; no value is read");
        card.provenance(headers);
        row("Size on disk", f.bytesBefore(), f.bytes(), Numbers::bytes, headers);
        row("Weights in memory", f.bytesBefore(), f.bytes(), Numbers::bytes, Provenance.derived(of, "", "weights are mapped as they are stored"));
        row("Parameters", f.parametersBefore(), f.parameters(), Numbers::count, headers);
        if (f.gone() > 0 && f.parameters() == f.parametersBefore()) {
            figures.getChildren().add(KeyValueRow.of("Zeros", Quantity.of(f.gone(), Numbers::count, headers)));
        }
        if (f.factorised() >= 0) {
            figures.getChildren().add(KeyValueRow.of("Parameters as thin matrices", Quantity.of(f.factorised(), Numbers::count, headers)));
        }
        if (f.beside() > 0) {
            figures.getChildren().add(KeyValueRow.of(f.factorised() >= 0 ? "Thin matrices beside it" : "Masks beside it", Quantity.of(f.beside(), Numbers::bytes, headers)));
        }
        Prediction p = form.predictionProperty() == null ? null : form.predictionProperty().get().valueOrNull();
        Provenance speed = Provenance.estimated(of, "tokens per second of the model here, measured, × multiplications of a token before ÷ after", 0, Double.NaN);
        double share = (double) f.multiplicationsBefore() / f.multiplications();
        if (p == null) {
            figures.getChildren().add(KeyValueRow.of("Speed, times the present", Quantity.of(share, v -> Numbers.fixed(v, 2), speed).in("×")));
        } else {
            row("Tokens per second here", p.tokensPerSecond(), p.tokensPerSecond() * share, Numbers::rate, speed);
        }
        if (f.problem() != null) {
            Label why = new Label("It keeps its shapes, with zeros in them: " + f.problem() + ".");
            why.setWrapText(true);
            why.setMinHeight(Region.USE_PREF_SIZE);
            why.getStyleClass().addAll(Styles.CAPTION, Styles.WARNING_TEXT);
            figures.getChildren().add(ProvenanceAudit.notAFigure(why, "why it is no smaller"));
        }
    }

    // --- the loss

    private void predicted() {
        if (form.predictionProperty() == null) {
            return;
        }
        ViewState<Prediction> s = form.predictionProperty().get();
        Prediction p = s.valueOrNull();
        if (p == null) {
            drawn = null;
            Buttons.disableBecause(ask, form.predictable() ? "" : "A text is needed: the loss is predicted on it.", "One pass over the first 2,048 tokens of the text, and one for each of nine amounts");
            state.setText(s instanceof ViewState.Problem<Prediction> problem ? problem.what() + " " + String.join(" ", problem.details()) : form.asks() ? "Predicting: a pass over the text for each of nine amounts…"
                    : form.predictable() ? "The loss is predicted on the first 2,048 tokens of the text; this takes some passes over the model." : "The loss is predicted on a text: choose one.");
            state.getStyleClass().remove(Styles.DANGER_TEXT);
            below.getChildren().add(state);
            if (!form.asks() || s instanceof ViewState.Problem<Prediction>) {
                below.getChildren().add(ask);
            }
            return;
        }
        String of = RunRow.file(form.prune().model());
        Provenance from = Provenance.estimated(of, p.way(), p.tokens(), Double.NaN);
        Prediction.At at = form.foreseen();
        card.provenance(from);
        Quantity perplexity = at == null ? Quantity.missing("beyond what was looked at", from) : Double.isFinite(at.loss()) ? Quantity.of(Math.exp(at.loss()), Numbers::perplexity, from) : Quantity.missing("not predicted for this amount", from);
        figures.getChildren().add(KeyValueRow.of("Perplexity, predicted; is " + Numbers.perplexity(Math.exp(p.loss())), perplexity));
        if (at != null && Double.isFinite(at.loss())) {
            figures.getChildren().add(KeyValueRow.of("Loss, predicted change", Quantity.of(at.loss() - p.loss(), v -> Numbers.change(v, 3), from).in("nats")));
            corrected(p, at, from);
        }
        draw(p, at);
        if (p.points().size() > 1 && p.points().stream().anyMatch(x -> Double.isFinite(x.loss()))) {
            below.getChildren().add(canvas);
        }
        below.getChildren().add(fared());
    }

    /// Where predictions were too high or too low before, that is told beside this one, and never silently made good.
    private void corrected(Prediction p, Prediction.At at, Provenance from) {
        double[] ratios = form.earlierProperty().get().stream().filter(r -> r.predicted() > 0.01).mapToDouble(r -> r.measured() / r.predicted()).sorted().toArray();
        if (ratios.length == 0) {
            return;
        }
        double middle = ratios[ratios.length / 2];
        figures.getChildren().add(KeyValueRow.of("As earlier runs went, × " + Numbers.fixed(middle, 2), Quantity.of(Math.exp(p.loss() + middle * (at.loss() - p.loss())), Numbers::perplexity,
                Provenance.estimated(from.source(), "the predicted change × the middle of measured ÷ predicted over " + ratios.length + (ratios.length == 1 ? " earlier run" : " earlier runs"), ratios.length, Double.NaN))));
    }

    private void draw(Prediction p, Prediction.At at) {
        if (p != drawn) {
            drawn = p;
            List<Prediction.Point> known = p.points().stream().filter(x -> Double.isFinite(x.loss())).toList();
            double[] xs = known.stream().mapToDouble(Prediction.Point::amount).toArray();
            double[] ys = known.stream().mapToDouble(x -> Math.exp(x.loss())).toArray();
            boolean share = p.amount().equals("sparsity");
            chart.axes(share ? Axis.of("share that goes").written(Numbers::wholePercent) : Axis.of(PruneFields.label(PruneAmount.valueOf(p.amount())).toLowerCase(Locale.ROOT)), Axis.log("perplexity, predicted (log)"));
            chart.formats(v -> share ? Numbers.fixed(100 * v, 0) + Numbers.THIN_SPACE + "%" : Numbers.count(Math.round(v)), Numbers::perplexity);
            chart.series(List.of(LineSeries.of("predicted", xs, ys, 0).withoutLabel()));
            chart.references(List.of(new LineChart.Reference(Math.exp(p.loss()), "as it is", null)));
            chart.fit();
        }
        List<LineChart.Point> points = new ArrayList<>();
        if (at != null && Double.isFinite(at.loss()) && form.amount() != PruneAmount.pattern && form.amount() != PruneAmount.named) {
            points.add(new LineChart.Point(form.value(), Math.exp(at.loss()), written(form.amount(), form.value()), 1));
        }
        chart.points(points);
    }

    /// How predictions of this method fared.
    private Node fared() {
        List<PruneRecord> all = form.earlierProperty().get();
        record.getChildren().clear();
        Label head = new Label(all.isEmpty() ? "No earlier run of this method was predicted: how far predictions are off is not known yet." : "Earlier runs of this method: loss rose by");
        head.getStyleClass().addAll(Styles.CAPTION);
        head.setWrapText(true);
        head.setMinHeight(Region.USE_PREF_SIZE);
        record.getChildren().add(ProvenanceAudit.notAFigure(head, "heading"));
        for (PruneRecord r : all.stream().limit(3).toList()) {
            Provenance from = Provenance.measured("run #" + r.number(), "", "loss of its report, pruned less dense; in brackets what was predicted before it began");
            record.getChildren().add(KeyValueRow.of("#" + r.number() + ", predicted " + Numbers.change(r.predicted(), 3), Quantity.of(r.measured(), v -> Numbers.change(v, 3), from).in("nats")));
        }
        return record;
    }
}
