package vitrine.views.runs;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import javafx.beans.property.StringProperty;
import javafx.collections.ObservableList;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.geometry.Side;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.Control;
import javafx.scene.control.Label;
import javafx.scene.control.MenuItem;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.TextArea;
import javafx.scene.control.TextField;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.ColumnConstraints;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import org.controlsfx.validation.Severity;
import org.controlsfx.validation.ValidationResult;
import org.controlsfx.validation.ValidationSupport;
import vitrine.core.artifact.Provenance;
import vitrine.core.json.Json;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.PruneSupport;
import vitrine.core.task.Task;
import vitrine.core.task.TrainingSupport;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.Picker;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Quantity;
import vitrine.views.control.Segments;

/// The form of a new run: settings at the left; what it will take, the command and the task at the right, before the start.
final class FormBoard {

    /// A file that is offered by name.
    record Offer(String name, Path path) {}

    private static final double GAP = 12;
    private static final double RIGHT_LEAST = 280;
    /// Below a preview, command and task take no more than they need.
    /// Below this height the preview takes room from the command, so that its figure stays whole.
    private static final double LOW = 560;
    private static final double WORDS_MOST = 260;

    private final RunsViewModel model;
    private final RunForm training;
    private final PruneForm pruning;
    private final PreviewCard preview;
    private final DataCard data;
    private final ObservableList<Offer> models;
    private final ObservableList<Offer> texts;
    private final Supplier<Optional<Path>> files;
    private final Supplier<Optional<Path>> jobs;
    private final EngineFields engine;
    private final ValidationSupport validation = new ValidationSupport();
    private final Map<String, Label> problems = new HashMap<>();
    private final Map<String, Control> fields = new HashMap<>();
    private final Card settings = new Card("New run");
    private final Card outlook = new Card("Before the start");
    private final Card words = new Card("The same elsewhere");
    private final Label general = problemLabel();
    private final Label said = saidLabel();
    private final VBox rows = new VBox(4);
    private final Button start;
    private final Button job;
    private final Region body;
    private boolean advanced;

    /// @param files asks for a file
    /// @param jobs asks where a cluster's batch script goes
    FormBoard(RunsViewModel model, ObservableList<Offer> models, ObservableList<Offer> texts, Supplier<Optional<Path>> files, Supplier<Optional<Path>> jobs) {
        this.model = model;
        this.jobs = jobs;
        engine = new EngineFields(model.engine());
        this.models = models;
        this.texts = texts;
        this.files = files;
        training = model.form();
        pruning = model.pruneForm();
        preview = new PreviewCard(pruning);
        data = new DataCard(training, model.tasks());
        // Messages stand below their fields, where they can be read; the library's marks would take over the scene's root.
        validation.setErrorDecorationEnabled(false);
        start = Buttons.primary("Start run", model::start);
        start.setId("start-run");
        job = Buttons.plain("Export for Slurm…", Icons.EXPORT, () -> this.jobs.get().ifPresent(model::exportJob));
        job.setId("export-slurm");
        job.setMinWidth(Region.USE_PREF_SIZE);
        start.setMinWidth(Region.USE_PREF_SIZE);
        ScrollPane scroll = new ScrollPane(rows);
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        scroll.setMinHeight(0);
        // No taller than the fields are at this width, which a preferred height does not know of wrapped text.
        scroll.maxHeightProperty().bind(rows.heightProperty().add(2));
        VBox.setVgrow(scroll, Priority.ALWAYS);
        // The start stays in view below the fields, however many there are.
        HBox foot = new HBox(8, start, job, general);
        // A pruning run is no job for a cluster: the command line has none either.
        job.visibleProperty().bind(model.pruningProperty().not());
        job.managedProperty().bind(job.visibleProperty());
        foot.setAlignment(Pos.CENTER_LEFT);
        foot.setMinHeight(Region.USE_PREF_SIZE);
        HBox.setHgrow(general, Priority.ALWAYS);
        VBox all = new VBox(12, scroll, foot, said);
        all.setMinSize(0, 0);
        settings.content(all);
        body = new Region() {
            {
                getChildren().addAll(settings, outlook, preview.node(), data.node(), words);
                setMinSize(0, 0);
            }

            @Override
            protected void layoutChildren() {
                double right = Math.max(RIGHT_LEAST, Math.floor(getWidth() * 0.42));
                double left = Math.min(getWidth() - right - GAP, 760);
                right = getWidth() - left - GAP;
                settings.resizeRelocate(0, 0, left, getHeight());
                boolean prunes = model.pruningProperty().get();
                Region above = prunes ? preview.node() : outlook;
                outlook.setVisible(!prunes);
                preview.node().setVisible(prunes);
                double upper = prunes ? Math.max(getHeight() - WORDS_MOST, Math.floor(getHeight() * (getHeight() < LOW ? 0.8 : 0.66))) : Math.min(getHeight() * 0.4, Math.max(180, outlook.prefHeight(right)));
                above.resizeRelocate(left + GAP, 0, right, upper);
                data.node().setVisible(!prunes);
                double y = upper + GAP;
                if (!prunes) {
                    double middle = Math.max(120, Math.floor((getHeight() - upper) * 0.5));
                    data.node().resizeRelocate(left + GAP, y, right, middle);
                    y += middle + GAP;
                }
                words.resizeRelocate(left + GAP, y, right, getHeight() - y);
            }
        };
        training.methodProperty().addListener((o, old, now) -> build());
        pruning.methodProperty().addListener((o, old, now) -> build());
        pruning.text(PruneFields.RECOVER).addListener((o, old, now) -> build());
        model.engine().engineProperty().addListener((o, old, now) -> build());
        model.engine().chosenProperty().addListener((o, old, now) -> {
            tellTask();
            tellOutlook();
        });
        model.pruningProperty().addListener((o, old, now) -> {
            build();
            tellTask();
            tellOutlook();
        });
        for (Form f : List.of(training, pruning)) {
            f.problemsProperty().addListener((o, old, now) -> tellProblems());
            f.taskProperty().addListener((o, old, now) -> {
                tellTask();
                tellOutlook();
            });
        }
        training.outlookProperty().addListener((o, old, now) -> tellOutlook());
        pruning.outlookProperty().addListener((o, old, now) -> tellProblems());
        model.refusedProperty().addListener((o, old, now) -> tellProblems());
        model.saidProperty().addListener((o, old, now) -> say(said, now));
        build();
        tellTask();
        tellOutlook();
    }

    Region node() {
        return body;
    }

    private static Label problemLabel() {
        Label l = new Label();
        l.getStyleClass().addAll(Styles.CAPTION, Styles.DANGER_TEXT);
        l.setWrapText(true);
        l.setMinHeight(Region.USE_PREF_SIZE);
        l.setVisible(false);
        l.setManaged(false);
        return ProvenanceAudit.notAFigure(l, "what is wrong with what was typed");
    }

    private static Label saidLabel() {
        Label l = problemLabel();
        l.getStyleClass().remove(Styles.DANGER_TEXT);
        return l;
    }

    // --- settings

    private void build() {
        rows.getChildren().clear();
        // The ring of what has the focus lies outside of it, and the bar of a long form must not touch its text.
        rows.setPadding(new Insets(2, 8, 2, 2));
        problems.clear();
        fields.clear();
        GridPane grid = grid();
        Segments<Boolean> kind = new Segments<>(List.of(false, true), p -> p ? "Prune or compress" : "Fine-tune");
        kind.setId("run-kind");
        kind.valueProperty().set(model.pruningProperty().get());
        kind.valueProperty().addListener((o, old, now) -> model.pruningProperty().set(now));
        line(grid, "Run", "What is done to the checkpoint.", kind, "kind");
        line(grid, "Engine", "What computes it.", engine.engine(), Form.ENGINE);
        if (model.engine().python()) {
            line(grid, "Device", "--device on the command line.", engine.device(), "device");
            line(grid, "Precision", "What is computed in; --dtype on the command line.", engine.dtype(), "dtype");
        }
        Node method = model.pruningProperty().get() ? pruneMethod() : trainMethod();
        Label about = new Label(model.pruningProperty().get() ? Methods.about(pruning.methodProperty().get()) : Methods.about(training.methodProperty().get()));
        about.getStyleClass().addAll(Styles.CAPTION);
        about.setWrapText(true);
        about.setMinHeight(Region.USE_PREF_SIZE);
        line(grid, "Method", model.pruningProperty().get() ? "What goes, and by what." : "How it is trained.", new VBox(4, method, ProvenanceAudit.notAFigure(about, "explanation")), Form.METHOD);
        file(grid, "Checkpoint", model.pruningProperty().get() ? "What is pruned; it stays as it is." : "What is trained.", RunForm.MODEL, models);
        if (model.pruningProperty().get()) {
            file(grid, "Calibration text", pruning.methodProperty().get().needsData() ? "What the method works by: a text file or JSONL." : "This method needs none; it is measured on it where it is given.", RunForm.DATA, texts);
            file(grid, "Measured on", "A text whose perplexity is measured before and after; the calibration text where there is none.", RunForm.EVAL_DATA, texts);
        } else {
            file(grid, "Text", "A text file or JSONL.", RunForm.DATA, texts);
            file(grid, "Validation text", "Its loss is measured on the way; not trained on.", RunForm.EVAL_DATA, texts);
        }
        Form form = model.shownForm();
        form.settings().stream().filter(Setting::first).forEach(s -> setting(grid, s));
        rows.getChildren().add(grid);
        Button fold = Buttons.plain(advanced ? "Fewer settings" : "Advanced: all " + form.settings().size() + " settings", advanced ? Icons.UNFOLDED : Icons.FOLDED, () -> {
            advanced = !advanced;
            build();
        });
        fold.setId("advanced");
        ProvenanceAudit.notAFigure(fold, "a count of fields");
        rows.getChildren().add(fold);
        if (advanced) {
            GridPane more = grid();
            if (!model.pruningProperty().get() && training.methodProperty().get().adapts()) {
                file(more, "Begins with", "A PEFT adapter to go on with; r, alpha and modules are its own.", RunForm.INIT_ADAPTER, models);
            }
            form.settings().stream().filter(s -> !s.first()).forEach(s -> setting(more, s));
            if (model.pruningProperty().get() && pruning.recovers()) {
                file(more, "Recovery text", "What is learned; the calibration text where there is none.", PruneForm.RECOVER_DATA, texts);
            }
            rows.getChildren().add(more);
        }
        tellProblems();
    }

    private Node trainMethod() {
        Picker<FinetuneMethod> method = new Picker<>("", List.copyOf(EnumSet.allOf(FinetuneMethod.class)), Methods::label);
        method.unless(m -> lacking(name -> TrainingSupport.lack(name, m)));
        method.valueProperty().set(training.methodProperty().get());
        method.valueProperty().addListener((o, old, now) -> training.methodProperty().set(now));
        return method;
    }

    private Node pruneMethod() {
        Picker<PruneMethod> method = new Picker<>("", List.copyOf(EnumSet.allOf(PruneMethod.class)), m -> Methods.label(m.name()));
        method.unless(m -> lacking(name -> PruneSupport.lack(name, m)));
        method.valueProperty().set(pruning.methodProperty().get());
        method.valueProperty().addListener((o, old, now) -> pruning.methodProperty().set(now));
        return method;
    }

    /// Why the chosen engine has something not, a sentence, or null.
    private String lacking(Function<String, Optional<String>> lack) {
        String name = model.engine().chosenProperty().get().engine();
        return lack.apply(name).map(why -> Form.lacking(name, why)).orElse(null);
    }

    /// Why the chosen engine has one choice of a setting not, or null.
    private String lacking(Setting s, String choice) {
        if (!model.pruningProperty().get()) {
            return lacking(name -> TrainingSupport.lack(name, s.key(), choice));
        }
        if (s.key().equals(PruneFields.RECOVER) && !choice.equals(s.fallback())) {
            return lacking(name -> PruneSupport.lack(name, PruneSupport.RECOVERY));
        }
        return s.key().equals("allocation") ? lacking(name -> PruneSupport.lack(name, PruneSettings.AllocationName.valueOf(choice))) : null;
    }

    private static GridPane grid() {
        GridPane g = new GridPane();
        g.setHgap(12);
        g.setVgap(6);
        ColumnConstraints names = new ColumnConstraints(120);
        ColumnConstraints values = new ColumnConstraints();
        values.setHgrow(Priority.ALWAYS);
        g.getColumnConstraints().addAll(names, values);
        return ProvenanceAudit.notAFigure(g, "a form");
    }

    private void line(GridPane grid, String label, String about, Node field, String key) {
        Label name = new Label(label);
        name.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        name.setTooltip(new Tooltip(about));
        name.setMinHeight(28);
        name.setLabelFor(field);
        Label problem = problems.computeIfAbsent(key, k -> problemLabel());
        VBox both = new VBox(2, field, problem);
        GridPane.setValignment(name, javafx.geometry.VPos.TOP);
        grid.addRow(grid.getRowCount(), name, both);
    }

    private void setting(GridPane grid, Setting s) {
        StringProperty text = model.shownForm().text(s.key());
        Node field;
        if (s.kind() == Setting.Kind.CHOICE || s.kind() == Setting.Kind.SWITCH) {
            String now = text.get().isEmpty() ? s.fallback() : text.get();
            if (s.choices().size() == 2 || s.choices().size() == 3) {
                Segments<String> segments = new Segments<>(s.choices(), c -> c);
                segments.valueProperty().set(now);
                segments.valueProperty().addListener((o, old, v) -> text.set(v.equals(s.fallback()) ? "" : v));
                field = segments;
            } else {
                Picker<String> picker = new Picker<>("", s.choices(), c -> c);
                picker.unless(c -> lacking(s, c));
                picker.valueProperty().set(now);
                picker.valueProperty().addListener((o, old, v) -> text.set(v.equals(s.fallback()) ? "" : v));
                field = picker;
            }
        } else {
            field = textField(s.key(), s.fallback(), s.about());
            ((TextField) field).setMaxWidth(s.kind() == Setting.Kind.NAMES ? Double.MAX_VALUE : 220);
        }
        line(grid, s.label(), s.about() + " " + (model.pruningProperty().get() ? PruneFields.option(s) : s.option()) + " on the command line.", field, s.key());
    }

    private TextField textField(String key, String prompt, String about) {
        TextField f = new TextField();
        f.setId("form-" + key);
        f.getStyleClass().add("vt-form-field");
        f.setPromptText(prompt);
        f.setTooltip(new Tooltip(about));
        Form form = model.shownForm();
        f.textProperty().bindBidirectional(form.text(key));
        fields.put(key, f);
        validation.registerValidator(f, false, (control, value) -> ValidationResult.fromMessageIf(control, form.problemsProperty().get().getOrDefault(key, ""), Severity.ERROR,
                form.problemsProperty().get().containsKey(key)));
        return f;
    }

    private void file(GridPane grid, String label, String about, String key, ObservableList<Offer> offers) {
        TextField f = textField(key, key.equals(RunForm.EVAL_DATA) || key.equals(RunForm.INIT_ADAPTER) || key.equals(PruneForm.RECOVER_DATA) ? "none" : "a path", about);
        HBox.setHgrow(f, Priority.ALWAYS);
        IconButton choose = new IconButton(Icons.OPEN_MENU, "Choose what is open, or a file", "", () -> { });
        choose.setOnAction(e -> {
            ContextMenu menu = new ContextMenu();
            for (Offer o : offers) {
                MenuItem item = new MenuItem(o.name());
                item.setMnemonicParsing(false);
                item.setOnAction(x -> f.setText(o.path().toString()));
                menu.getItems().add(item);
            }
            MenuItem other = new MenuItem("Choose a file…");
            other.setOnAction(x -> files.get().ifPresent(p -> f.setText(p.toString())));
            menu.getItems().add(other);
            menu.show(choose, Side.BOTTOM, 0, 4);
        });
        line(grid, label, about, new HBox(4, f, choose), key);
    }

    private void tellProblems() {
        Form form = model.shownForm();
        Map<String, String> wrong = form.problemsProperty().get();
        problems.forEach((key, label) -> say(label, wrong.getOrDefault(key, "")));
        fields.forEach((key, f) -> {
            f.getStyleClass().remove("vt-wrong");
            if (wrong.containsKey(key)) {
                f.getStyleClass().add("vt-wrong");
            }
        });
        validation.revalidate();
        String of = wrong.getOrDefault("", "");
        String hidden = of.isEmpty() ? wrong.entrySet().stream().filter(e -> !problems.containsKey(e.getKey())).map(Map.Entry::getValue).findFirst().orElse("") : of;
        vitrine.core.refusal.Refusal not = model.pruningProperty().get() ? pruning.outlookProperty().get() == null ? null : pruning.outlookProperty().get().refusal()
                : training.outlookProperty().get() == null ? null : training.outlookProperty().get().refusal();
        String refused = not != null ? not.getMessage() : model.refusedProperty().get();
        say(general, !hidden.isEmpty() ? hidden : refused);
        boolean ready = form.taskProperty().get() != null && not == null;
        Buttons.disableBecause(start, ready ? "" : !wrong.isEmpty() ? "Something that was typed does not fit; see below the fields." : not != null ? not.getMessage()
                : form.missing(), "Starts the run in a process of its own (Ctrl+Enter)");
    }

    private static void say(Label label, String text) {
        label.setText(text);
        label.setVisible(!text.isEmpty());
        label.setManaged(!text.isEmpty());
    }

    // --- what it will take

    private void tellOutlook() {
        RunForm.Outlook o = training.outlookProperty().get();
        Task.Finetune t = (Task.Finetune) training.taskProperty().get();
        VBox box = new VBox(2);
        if (t == null || o == null || o.forecast() == null) {
            Label why = new Label(model.engine().python() ? "Memory and time are predicted for the embedded engine only." : t == null ? "Memory and time are predicted here once a checkpoint and a text are chosen." : o == null ? "Reading headers…" : o.refusal().getMessage());
            why.setWrapText(true);
            why.setMinHeight(Region.USE_PREF_SIZE);
            why.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            box.getChildren().add(ProvenanceAudit.notAFigure(why, "why there is no figure"));
            outlook.noProvenance();
        } else {
            String of = RunRow.file(t.model());
            var f = o.forecast();
            Provenance headers = Provenance.derived(of, "", "counted from the shapes of tensors that get a gradient");
            box.getChildren().add(KeyValueRow.of("Trained values", Quantity.of(f.trained(), Numbers::count, headers)));
            box.getChildren().add(KeyValueRow.of("Of the model", Quantity.of(100.0 * f.trained() / f.all(), v -> Numbers.fixed(v, 1), headers).in("%")));
            box.getChildren().add(KeyValueRow.of("Memory, predicted", Quantity.of(f.bytes(), Numbers::bytes, Origins.forecast(of))));
            box.getChildren().add(KeyValueRow.of("Tokens per step, at most", Quantity.of(f.tokensPerStep(), Numbers::count, Provenance.derived(of, "", "batch × length × accumulated passes; short texts have fewer"))));
            Integer steps = t.settings() == null ? null : t.settings().steps();
            Provenance time = Provenance.estimated(of, o.ofAnother() ? "steps × tokens per step ÷ tokens per second of another run, scaled by the values that a token passes (4 × all + 2 × trained)"
                    : "steps × tokens per step ÷ tokens per second of an earlier run of this model and method", 0, Double.NaN);
            box.getChildren().add(KeyValueRow.of("Time, at most", steps == null ? Quantity.missing("steps follow from the text", time)
                    : Double.isFinite(o.tokensPerSecond()) ? Quantity.of((double) steps * f.tokensPerStep() / o.tokensPerSecond(), Numbers::duration, time) : Quantity.missing("no earlier run", time)));
            outlook.provenance(Origins.forecast(of));
        }
        outlook.content(box);
        tellProblems();
        body.requestLayout();
    }

    private void tellTask() {
        Form form = model.shownForm();
        Task t = form.taskProperty().get();
        TextArea text = new TextArea(t == null ? "The command and the task stand here once the form is complete." : form.command() + "\n\n" + Json.pretty(t.toJson()));
        text.setEditable(false);
        text.setWrapText(true);
        text.getStyleClass().add(Styles.MONO);
        ProvenanceAudit.notAFigure(text, "a command and a task");
        words.content(text);
        words.subtitle("command, task");
        Buttons.disableBecause(job, training.noJob(), "Writes a batch script, the task and the Python package, to be copied to a cluster");
        words.actions(new IconButton(Icons.COPY, "Copy the command", "", () -> copy(form.command())).compact(),
                new IconButton(Icons.TEXT, "Copy the task's JSON", "", () -> copy(t == null ? "" : Json.pretty(t.toJson()))).compact());
        tellProblems();
    }

    static void copy(String text) {
        javafx.scene.input.ClipboardContent content = new javafx.scene.input.ClipboardContent();
        content.putString(text);
        javafx.scene.input.Clipboard.getSystemClipboard().setContent(content);
    }
}
