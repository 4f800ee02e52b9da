package vitrine.views.runs;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.DoubleFunction;
import java.util.function.ToDoubleFunction;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.ColumnConstraints;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.core.refusal.Visible;
import vitrine.core.run.RunComparison;
import vitrine.core.run.RunRecord;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.NumberLabel;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Quantity;

/// Two runs, A and B: curves, the settings that differ, last figures, and their results in the other views.
final class CompareBoard extends Region {

    private static final double GAP = 12;

    private final RunsViewModel model;
    private final Consumer<List<Path>> openResults;
    private final BiConsumer<RunRecord, RunRecord> compareResults;
    private final LossCard loss;
    private final Card settings = new Card("Settings that differ");
    private final Card figures = new Card("Figures");
    private RunData drawnA;
    private RunData drawnB;

    /// @param openResults opens results in the window
    /// @param compareResults compares the results of two runs in the Compare view
    CompareBoard(RunsViewModel model, Consumer<List<Path>> openResults, BiConsumer<RunRecord, RunRecord> compareResults) {
        this.model = model;
        this.openResults = openResults;
        this.compareResults = compareResults;
        loss = new LossCard(model, true);
        getChildren().addAll(loss.node(), settings, figures);
        setMinSize(0, 0);
        model.shownProperty().addListener((o, old, now) -> show());
        model.otherProperty().addListener((o, old, now) -> show());
        model.follow(model.board().lookedProperty(), this::show);
        show();
    }

    private void show() {
        RunData a = model.data().orElse(null);
        RunData b = model.dataOf(model.otherProperty().get()).orElse(null);
        if (a == null || b == null) {
            settings.content(new EmptyState(Icons.COMPARE, "Choose two runs in the list to compare them."));
            figures.content(new EmptyState(Icons.COMPARE, "Figures of both stand here then."));
            drawnA = null;
            return;
        }
        if (a == drawnA && b == drawnB) {
            return;
        }
        drawnA = a;
        drawnB = b;
        settings.content(differences(a, b));
        figures.content(both(a, b));
        figures.provenance(Provenance.measured("runs #" + a.run().number() + " and #" + b.run().number(), "", "last figures of each; perplexities are exp of losses"));
    }

    private static GridPane grid(String a, String b, String third) {
        GridPane g = new GridPane();
        g.setHgap(12);
        g.setVgap(4);
        ColumnConstraints first = new ColumnConstraints(110, 150, 220);
        first.setHgrow(Priority.SOMETIMES);
        g.getColumnConstraints().add(first);
        for (int i = 0; i < (third == null ? 2 : 3); i++) {
            ColumnConstraints c = new ColumnConstraints(60, 76, Double.MAX_VALUE);
            c.setHgrow(Priority.ALWAYS);
            c.setHalignment(javafx.geometry.HPos.RIGHT);
            g.getColumnConstraints().add(c);
        }
        g.add(heading("", -1), 0, 0);
        g.add(heading(a, 1), 1, 0);
        g.add(heading(b, 2), 2, 0);
        if (third != null) {
            g.add(heading(third, -1), 3, 0);
        }
        return g;
    }

    private static Label heading(String text, int category) {
        Label l = new Label(text);
        l.getStyleClass().add(Styles.SECTION_HEAD);
        if (category > 0) {
            Region swatch = new Region();
            swatch.getStyleClass().addAll("vt-part", "vt-square", "vt-part-" + category);
            l.setGraphic(swatch);
        }
        return ProvenanceAudit.notAFigure(l, "name of a run");
    }

    private static Node differences(RunData a, RunData b) {
        List<RunComparison.Difference> all = RunComparison.of(a.run().task(), b.run().task());
        if (all.isEmpty()) {
            return new EmptyState(Icons.DONE, "Both runs have the same settings.");
        }
        GridPane g = grid("A  #" + a.run().number(), "B  #" + b.run().number(), null);
        int row = 1;
        for (RunComparison.Difference d : all) {
            Label name = new Label(label(d.key()));
            name.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            g.add(name, 0, row);
            g.add(value(d.key(), d.a()), 1, row);
            g.add(value(d.key(), d.b()), 2, row);
            row++;
        }
        ScrollPane scroll = new ScrollPane(g);
        scroll.setFitToWidth(true);
        scroll.getStyleClass().add("edge-to-edge");
        return ProvenanceAudit.notAFigure(scroll, "settings of both runs");
    }

    private static String label(String key) {
        Setting s = Setting.of(key.replaceFirst("^settings\\.", ""));
        return s != null ? s.label() : switch (key) {
            case "model" -> "Checkpoint";
            case "data" -> "Text";
            case "evalData" -> "Validation text";
            case "initAdapter" -> "Begins with";
            case "method" -> "Method";
            default -> key;
        };
    }

    private static Label value(String key, JsonNode v) {
        boolean path = List.of("model", "data", "evalData", "initAdapter").contains(key);
        String text = v == null ? "default" : path ? RunRow.file(v.asText()) : v.isNumber() ? Numbers.general(v.asDouble()) : v.isTextual() ? Visible.name(v.asText()) : v.toString();
        Label l = new Label(text);
        l.getStyleClass().add(Styles.MONO);
        if (v == null) {
            l.getStyleClass().add(Styles.MUTED);
        }
        l.setTooltip(new Tooltip(v == null ? "not set" : v.isTextual() ? v.asText() : v.toString()));
        return l;
    }

    private Node both(RunData a, RunData b) {
        GridPane g = grid("A", "B", "B − A");
        int row = 1;
        row = figure(g, row, "Training loss, smoothed", a, b, d -> d.smoothed().last(), Numbers::loss, true, Origins::smoothed);
        row = figure(g, row, "Validation loss, last", a, b, d -> d.validation().last(), Numbers::loss, true, Origins::validation);
        row = figure(g, row, "Perplexity before", a, b, d -> Math.exp(d.validation().first()), Numbers::perplexity, false, Origins::perplexity);
        row = figure(g, row, "Perplexity after", a, b, d -> Math.exp(d.validation().last()), Numbers::perplexity, true, Origins::perplexity);
        row = figure(g, row, "Perplexity, lowest", a, b, d -> d.validation().isEmpty() ? Double.NaN : Math.exp(d.validation().values()[Math.max(0, d.validation().lowest())]), Numbers::perplexity, true, Origins::perplexity);
        row = figure(g, row, "Steps", a, b, d -> d.run().step(), Numbers::count, false, d -> Origins.measured(d, "finished steps"));
        row = figure(g, row, "Trained values", a, b, d -> d.curve(RunData.TRAINED).last(), Numbers::si, false, d -> Origins.derived(d, "values that get a gradient"));
        row = figure(g, row, "Tokens per second", a, b, d -> d.curve("tokens_per_second").median(Integer.MAX_VALUE / 2), Numbers::rate, false, d -> Origins.derived(d, "middle of all steps"));
        row = figure(g, row, "Memory, most", a, b, d -> RunTiles.greatest(d.curve("worker_memory_bytes")), Numbers::bytes, false, d -> Origins.measured(d, "most resident memory of the worker"));
        row = figure(g, row, "Seconds", a, b, RunData::seconds, Numbers::duration, false, d -> Origins.measured(d, "seconds of training"));
        FlowPane buttons = new FlowPane(8, 8, open("Open A's result", a), open("Open B's result", b), openBoth(a, b), compareBoth(a, b));
        buttons.setMinHeight(Region.USE_PREF_SIZE);
        ScrollPane scroll = new ScrollPane(g);
        scroll.setFitToWidth(true);
        scroll.getStyleClass().add("edge-to-edge");
        scroll.setMinHeight(0);
        VBox.setVgrow(scroll, Priority.ALWAYS);
        return new VBox(10, scroll, buttons);
    }

    private int figure(GridPane g, int row, String name, RunData a, RunData b, ToDoubleFunction<RunData> of, DoubleFunction<String> format, boolean lowerIsBetter, java.util.function.Function<RunData, Provenance> from) {
        double va = of.applyAsDouble(a);
        double vb = of.applyAsDouble(b);
        if (!Double.isFinite(va) && !Double.isFinite(vb)) {
            return row;
        }
        Label label = ProvenanceAudit.notAFigure(new Label(name), "name of a figure");
        label.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        g.add(label, 0, row);
        g.add(number(va, format, from.apply(a)), 1, row);
        g.add(number(vb, format, from.apply(b)), 2, row);
        if (lowerIsBetter && Double.isFinite(va) && Double.isFinite(vb)) {
            Label change = new Label(Numbers.change(vb - va, 4) + (vb < va ? " ↓" : vb > va ? " ↑" : ""));
            change.getStyleClass().addAll(Styles.MONO, vb < va ? Styles.SUCCESS_TEXT : vb > va ? Styles.DANGER_TEXT : Styles.MUTED);
            ProvenanceAudit.tag(change, from.apply(b));
            g.add(change, 3, row);
        }
        return row + 1;
    }

    private static Node number(double v, DoubleFunction<String> format, Provenance from) {
        NumberLabel l = new NumberLabel(Double.isFinite(v) ? Quantity.of(v, format, from) : Quantity.missing("not kept", from));
        l.setMaxWidth(Region.USE_PREF_SIZE);
        return l;
    }

    private Button open(String words, RunData d) {
        Optional<Path> result = RunsViewModel.result(d.run());
        Button b = Buttons.plain(words, Icons.LINK, () -> result.ifPresent(p -> openResults.accept(List.of(p))));
        Buttons.disableBecause(b, result.isPresent() ? "" : "It has no result yet.", "Opens it as a checkpoint or an adapter, for the other views");
        return b;
    }

    private Button compareBoth(RunData a, RunData b) {
        Button button = Buttons.plain("Compare models", Icons.COMPARE, () -> compareResults.accept(a.run(), b.run()));
        boolean both = RunsViewModel.result(a.run()).isPresent() && RunsViewModel.result(b.run()).isPresent();
        Buttons.disableBecause(button, both ? "" : "One of them has no result yet.", "Shows both results side by side: behaviour, weights, settings");
        return button;
    }

    private Button openBoth(RunData a, RunData b) {
        List<Path> all = new ArrayList<>();
        RunsViewModel.result(a.run()).ifPresent(all::add);
        RunsViewModel.result(b.run()).ifPresent(all::add);
        Button button = Buttons.plain("Open both", Icons.LINK, () -> openResults.accept(all));
        Buttons.disableBecause(button, all.size() == 2 ? "" : "One of them has no result yet.", "Opens both, for the other views");
        return button;
    }

    @Override
    protected void layoutChildren() {
        double w = getWidth();
        double h = getHeight();
        double upper = Math.floor(h * 0.46);
        loss.node().resizeRelocate(0, 0, w, upper);
        double half = Math.floor((w - GAP) * 0.44);
        settings.resizeRelocate(0, upper + GAP, half, h - upper - GAP);
        figures.resizeRelocate(half + GAP, upper + GAP, w - half - GAP, h - upper - GAP);
    }
}
