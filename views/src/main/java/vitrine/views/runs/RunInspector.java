package vitrine.views.runs;

import static vitrine.views.control.Sections.head;
import static vitrine.views.control.Sections.section;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Consumer;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.core.run.PruneRecord;
import vitrine.core.run.RunStore;
import vitrine.core.task.RunFolder;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.Pill;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.ProvenanceBadge;
import vitrine.views.control.Quantity;

/// A run's settings, the changed ones first; its size; saved steps; the end of its log.
final class RunInspector {

    private static final int LOG_LINES = 6;

    private final RunsViewModel model;
    private final Consumer<RunData> fullLog;
    private final VBox box = new VBox();
    private final ScrollPane scroll = new ScrollPane(box);
    private RunData drawn;
    private boolean drawnNothing;

    /// @param fullLog shows all that a run said
    RunInspector(RunsViewModel model, Consumer<RunData> fullLog) {
        this.model = model;
        this.fullLog = fullLog;
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        model.shownProperty().addListener((o, old, now) -> show());
        show();
    }

    Node node() {
        return scroll;
    }

    private void show() {
        RunData d = model.data().orElse(null);
        if (d == null ? drawnNothing : d == drawn) {
            return;
        }
        drawn = d;
        drawnNothing = d == null;
        box.getChildren().clear();
        if (d == null) {
            Label hint = new Label("Settings, size, saved steps and log of the selected run appear here.");
            hint.setWrapText(true);
            hint.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            box.getChildren().add(section(head("Run"), ProvenanceAudit.notAFigure(hint, "what will stand here")));
            return;
        }
        if (d.prunes()) {
            box.getChildren().addAll(heading(d), pruneSettings(d));
            if (d.report() != null) {
                box.getChildren().add(pruned(d));
            }
            box.getChildren().add(log(d));
            return;
        }
        box.getChildren().addAll(heading(d), settings(d), size(d));
        if (!d.validation().isEmpty()) {
            box.getChildren().add(validation(d));
        }
        if (!d.saved().isEmpty()) {
            box.getChildren().add(saved(d));
        }
        box.getChildren().add(log(d));
    }

    private static Node heading(RunData d) {
        Label title = new Label((d.run().number() == 0 ? "Run" : "Run #" + d.run().number()) + ", " + RunRow.method(d.run()));
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        title.setWrapText(true);
        String text = d.run().task().path("data").asText();
        Label about = new Label(RunRow.file(d.run().model()) + (text.isEmpty() ? "" : (d.prunes() ? ", calibrated on " : " on ") + RunRow.file(text)));
        about.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        about.setWrapText(true);
        return ProvenanceAudit.notAFigure(section(title, about), "names");
    }

    // --- settings

    private static Node settings(RunData d) {
        JsonNode s = d.run().task().path("settings");
        TreeSet<String> told = new TreeSet<>();
        List<Node> rows = new ArrayList<>();
        boolean adapts = Methods.adapts(d.run().method());
        String modules = s.has("targetModules") ? word(s.path("targetModules")) : s.has("targetParameters") ? word(s.path("targetParameters")) : "all-linear";
        rows.add(KeyValueRow.ofName("Method", Methods.label(d.run().method()) + (adapts ? ", " + modules : "")));
        told.add("targetModules");
        if (s.has("r") || s.has("alpha")) {
            rows.add(KeyValueRow.ofName("r, alpha", s.path("r").asInt(16) + ", " + Numbers.general(s.path("alpha").asDouble(2.0 * s.path("r").asInt(16)))));
        }
        told.addAll(List.of("r", "alpha"));
        if (s.has("lr") || s.has("schedule")) {
            rows.add(KeyValueRow.ofName("Learning rate", Numbers.general(s.path("lr").asDouble(adapts ? 2e-4 : 2e-5)) + ", " + s.path("schedule").asText("cosine")));
        }
        told.addAll(List.of("lr", "schedule"));
        if (s.has("warmupSteps")) {
            rows.add(KeyValueRow.ofName("Warm-up", Numbers.count(s.path("warmupSteps").asLong()) + " steps"));
        }
        told.add("warmupSteps");
        if (s.has("batchSize") || s.has("sequenceLength")) {
            rows.add(KeyValueRow.ofName("Batch × length", s.path("batchSize").asInt(8) + " × " + (s.has("sequenceLength") ? s.path("sequenceLength").asText() : "default")));
        }
        told.addAll(List.of("batchSize", "sequenceLength"));
        for (Setting setting : Setting.LIST) {
            if (s.has(setting.key()) && told.add(setting.key())) {
                JsonNode v = s.path(setting.key());
                rows.add(KeyValueRow.ofName(setting.label(), v.isBoolean() ? v.asBoolean() ? "on" : "off" : v.isNumber() ? Numbers.general(v.asDouble()) : word(v)));
            }
        }
        if (d.run().task().has("evalData")) {
            rows.add(KeyValueRow.ofName("Validation text", RunRow.file(d.run().task().path("evalData").asText())));
        }
        if (d.run().task().has("initAdapter")) {
            rows.add(KeyValueRow.ofName("Begins with", RunRow.file(d.run().task().path("initAdapter").asText())));
        }
        EngineChoice.Chosen engine = EngineChoice.Chosen.of(d.environment());
        if (engine.python()) {
            rows.add(KeyValueRow.ofName("Engine", engine.engine() + ", " + engine.device() + ", " + engine.dtype()));
        }
        long defaults = Setting.LIST.stream().filter(x -> x.methods().stream().anyMatch(m -> m.name().equals(d.run().method())) && !s.has(x.key()) && !x.key().equals(s.has("steps") ? "epochs" : "steps")).count();
        Label rest = new Label(defaults + " at default");
        rest.getStyleClass().add(Styles.CAPTION);
        VBox section = section(head("Settings", rest));
        section.getChildren().addAll(rows);
        return ProvenanceAudit.notAFigure(section, "settings of the run");
    }

    private static String word(JsonNode v) {
        if (!v.isArray()) {
            return v.asText();
        }
        StringBuilder names = new StringBuilder();
        v.forEach(n -> names.append(names.isEmpty() ? "" : ", ").append(n.asText()));
        return names.toString();
    }

    private static Node pruneSettings(RunData d) {
        JsonNode s = d.run().task().path("settings");
        List<Node> rows = new ArrayList<>();
        rows.add(KeyValueRow.ofName("Method", Methods.label(d.run().method())));
        for (Setting setting : PruneFields.LIST) {
            if (s.has(setting.key())) {
                JsonNode v = s.path(setting.key());
                rows.add(KeyValueRow.ofName(setting.label(), v.isBoolean() ? v.asBoolean() ? "on" : "off" : setting.key().equals("sparsity") ? Numbers.percent(v.asDouble()) : v.isNumber() ? Numbers.general(v.asDouble()) : word(v)));
            }
        }
        d.run().task().path("evalData").forEach(e -> rows.add(KeyValueRow.ofName("Measured on", e.path("name").asText())));
        long defaults = PruneFields.LIST.stream().filter(x -> !s.has(x.key()) && PruneFields.of(vitrine.core.task.PruneMethod.valueOf(d.run().method())).contains(x)).count();
        Label rest = new Label(defaults + " at default");
        rest.getStyleClass().add(Styles.CAPTION);
        VBox section = section(head("Settings", rest));
        section.getChildren().addAll(rows);
        return ProvenanceAudit.notAFigure(section, "settings of the run");
    }

    /// The report in figures, and what had been predicted.
    private static Node pruned(RunData d) {
        JsonNode r = d.report();
        JsonNode s = r.path("sparsity");
        VBox section = section(head("Result", new ProvenanceBadge(Origins.measured(d, "in the run's report"))));
        section.getChildren().add(KeyValueRow.of("Parameters", Quantity.of(s.path("parameters").asDouble(), Numbers::count, Origins.derived(d, "counted in what was written"))));
        section.getChildren().add(KeyValueRow.of("Zeros", Quantity.of(s.path("zeros").asDouble(), Numbers::count, Origins.derived(d, "counted in what was written"))));
        section.getChildren().add(KeyValueRow.of("Left as they were", Quantity.of(r.path("skipped").size(), Numbers::count, Origins.derived(d, "tensors that the run did not touch, with their reasons in pruning_report.json"))));
        if (r.at("/load_back/largest_logit_difference").isNumber()) {
            section.getChildren().add(KeyValueRow.of("Opened again, logits differ by", Quantity.of(r.at("/load_back/largest_logit_difference").asDouble(), v -> v == 0 ? "0" : Numbers.scientific(v), Origins.measured(d, "largest difference of a logit between the checkpoint as it was written and the model in memory"))));
        }
        if (r.at("/calibration/tokens").isNumber()) {
            section.getChildren().add(KeyValueRow.of("Calibration tokens", Quantity.of(r.at("/calibration/tokens").asDouble(), Numbers::count, Origins.measured(d, "tokens of the pieces that the method worked by"))));
        }
        PruneRecord.of(List.of(d.run())).stream().findFirst().ifPresent(p -> {
            section.getChildren().add(KeyValueRow.of("Loss rose by", Quantity.of(p.measured(), v -> Numbers.change(v, 3), Origins.measured(d, "loss of the report's first text, after less before")).in("nats")));
            section.getChildren().add(KeyValueRow.of("Predicted before", Quantity.of(p.predicted(), v -> Numbers.change(v, 3), Provenance.estimated("run #" + d.run().number(), "on the first tokens of the text, before the run began", 0, Double.NaN)).in("nats")));
        });
        return section;
    }

    // --- size

    private static Node size(RunData d) {
        double trained = d.curve(RunData.TRAINED).last();
        Curve tokens = d.curve("tokens");
        VBox section = section(head("Size", new ProvenanceBadge(Origins.derived(d, "told by the run before its first step"))));
        section.getChildren().add(KeyValueRow.of("Trainable", Double.isFinite(trained) ? Quantity.of(trained, Numbers::count, Origins.derived(d, "values that get a gradient")) : Quantity.missing("not told", Origins.derived(d, ""))));
        if (!tokens.isEmpty()) {
            section.getChildren().add(KeyValueRow.of("Tokens per step", Quantity.of(tokens.median(tokens.values().length), Numbers::count, Origins.measured(d, "tokens that pass in a step, the middle of all steps"))));
        }
        double forecast = d.curve(RunData.FORECAST).last();
        section.getChildren().add(KeyValueRow.of("Memory, predicted", Double.isFinite(forecast) ? Quantity.of(forecast, Numbers::bytes, Origins.forecast(RunRow.file(d.run().model()))) : Quantity.missing("not told", Origins.forecast(""))));
        Curve memory = d.curve("worker_memory_bytes");
        if (!memory.isEmpty()) {
            section.getChildren().add(d.going() ? KeyValueRow.of("Memory, now", Quantity.of(memory.last(), Numbers::bytes, Origins.measured(d, "resident memory of the worker")))
                    : KeyValueRow.of("Memory, most", Quantity.of(RunTiles.greatest(memory), Numbers::bytes, Origins.measured(d, "most resident memory of the worker"))));
        }
        return section;
    }

    private static Node validation(RunData d) {
        Curve v = d.validation();
        VBox section = section(head("Validation perplexity", new ProvenanceBadge(Origins.perplexity(d)).explained(Guide.Section.formula("runs", "validation perplexity"))));
        section.getChildren().add(KeyValueRow.of("Before", Quantity.of(Math.exp(v.first()), Numbers::perplexity, Origins.perplexity(d))));
        section.getChildren().add(KeyValueRow.of(d.going() ? "Last" : "After", Quantity.of(Math.exp(v.last()), Numbers::perplexity, Origins.perplexity(d))));
        int lowest = v.lowest();
        if (lowest > 0 && lowest < v.steps().length - 1) {
            section.getChildren().add(KeyValueRow.of("Lowest, step " + Numbers.count(v.steps()[lowest]), Quantity.of(Math.exp(v.values()[lowest]), Numbers::perplexity, Origins.perplexity(d))));
        }
        return section;
    }

    // --- saved steps

    private static Node saved(RunData d) {
        JsonNode every = d.run().task().path("settings").path("saveEvery");
        long n = every.isMissingNode() ? Math.max(1, Math.min(1000, d.steps() / 20)) : every.asLong();
        Label how = new Label(n == 1 ? "every step" : "every " + Numbers.count(n) + " steps");
        how.getStyleClass().add(Styles.CAPTION);
        VBox section = section(head("Saved steps", ProvenanceAudit.notAFigure(how, "a setting")));
        int lowest = d.validation().lowest();
        for (long step : d.saved()) {
            Label name = ProvenanceAudit.notAFigure(new Label("Step " + Numbers.count(step), Icons.SAVED_STEP.node()), "name of a saved step");
            name.getStyleClass().add(Styles.SMALL);
            HBox row = new HBox(8, name);
            row.setAlignment(Pos.CENTER_LEFT);
            row.setMinHeight(24);
            if (lowest >= 0 && d.validation().steps()[lowest] == step) {
                row.getChildren().add(Pill.success("lowest"));
            }
            Region space = new Region();
            HBox.setHgrow(space, Priority.ALWAYS);
            double loss = d.validation().at(step);
            // A training loss beside validation losses would look like one of them.
            Label value = new Label(Double.isFinite(loss) ? Numbers.lossOnTile(loss) : Double.isFinite(d.loss().at(step)) ? "train " + Numbers.lossOnTile(d.loss().at(step)) : Numbers.MISSING);
            value.getStyleClass().add(Styles.MONO);
            if (!Double.isFinite(loss)) {
                value.getStyleClass().add(Styles.MUTED);
            }
            value.setMinWidth(Region.USE_PREF_SIZE);
            value.setTooltip(new javafx.scene.control.Tooltip(Double.isFinite(loss) ? "validation loss, nats per token" : "training loss of the step, nats per token"));
            ProvenanceAudit.tag(value, Double.isFinite(loss) ? Origins.validation(d) : Origins.loss(d));
            row.getChildren().addAll(space, value);
            section.getChildren().add(row);
        }
        return section;
    }

    // --- log

    /// Figures and events of a run, in the order of their time: a line each.
    static List<String> lines(RunData d, int atMost) {
        record Line(double seconds, String text) {}
        List<Line> all = new ArrayList<>();
        Curve seconds = d.curve("seconds");
        Curve loss = d.loss();
        for (int i = Math.max(0, loss.steps().length - atMost); i < loss.steps().length && !d.prunes(); i++) {
            all.add(new Line(seconds.at(loss.steps()[i]), "step " + Numbers.count(loss.steps()[i]) + " loss " + Numbers.orReason(loss.values()[i], Numbers::loss)));
        }
        Curve v = d.validation();
        for (int i = Math.max(0, v.steps().length - atMost); i < v.steps().length; i++) {
            all.add(new Line(Double.isNaN(seconds.at(v.steps()[i])) ? 0 : seconds.at(v.steps()[i]) + 1e-6, "validation_loss " + Numbers.orReason(v.values()[i], Numbers::loss)));
        }
        if (d.prunes()) {
            Curve error = d.curve("relative_output_error");
            Curve layers = d.curve("layer");
            for (int i = Math.max(0, layers.steps().length - atMost); i < layers.steps().length; i++) {
                double of = error.at(layers.steps()[i]);
                all.add(new Line(Double.isNaN(seconds.at(layers.steps()[i])) ? 0.1 + 1e-3 * i : seconds.at(layers.steps()[i]), "layer " + Numbers.count(layers.values()[i]) + (Double.isFinite(of) ? " error " + Numbers.fixed(of, 3) : " done")));
            }
        }
        for (RunStore.Event e : d.events()) {
            all.add(new Line(since(d, e), e.message()));
        }
        all.sort(java.util.Comparator.comparingDouble(Line::seconds));
        return all.subList(Math.max(0, all.size() - atMost), all.size()).stream().map(l -> (Double.isFinite(l.seconds) ? (l.seconds < 0.5 ? "0 s" : Numbers.duration(Math.rint(l.seconds)).replace(Numbers.THIN_SPACE, " ")) + " " : "") + l.text).toList();
    }

    /// Events have a time of the clock; the first one is taken for the run's begin, as far as figures go.
    private static double since(RunData d, RunStore.Event e) {
        double sinceBegin = Duration.between(Instant.parse(d.events().getFirst().time()), Instant.parse(e.time())).toMillis() / 1e3;
        boolean last = e == d.events().getLast() && !d.going() && d.events().size() > 1;
        return last && Double.isFinite(d.seconds()) ? Math.max(sinceBegin, d.seconds() + 1e-3) : sinceBegin;
    }

    private Node log(RunData d) {
        VBox section = section(head("Log"));
        for (String line : lines(d, LOG_LINES)) {
            Label label = new Label(line);
            label.getStyleClass().addAll(Styles.MONO, Styles.MUTED);
            label.setStyle("-fx-font-size: 11px;");
            label.setTooltip(new javafx.scene.control.Tooltip(line));
            section.getChildren().add(label);
        }
        FlowPane buttons = new FlowPane(8, 8);
        buttons.setPadding(new Insets(8, 0, 0, 0));
        buttons.getChildren().add(Buttons.plain("Full log", Icons.TEXT, () -> fullLog.accept(d)));
        buttons.getChildren().add(Buttons.plain("Same settings…", Icons.COPY, () -> model.copy(d)));
        section.getChildren().add(buttons);
        return ProvenanceAudit.tag(section, Origins.loss(d));
    }

    /// What the run's own process said, for the full log.
    static java.nio.file.Path console(RunData d) {
        return new RunFolder(d.run().folder()).console();
    }
}
