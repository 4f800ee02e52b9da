package vitrine.views.runs;

import atlantafx.base.controls.ModalPane;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ForkJoinPool;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import javafx.application.Platform;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.TextArea;
import javafx.scene.control.TextField;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.run.RunRecord;
import vitrine.core.artifact.RankTrail;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.GuideLink;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.control.Pill;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.runs.RunsViewModel.Mode;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.view.HelpTopic;
import vitrine.views.view.Place;
import vitrine.views.view.Subject;
import vitrine.views.view.View;
import vitrine.views.view.ViewKind;

/// Training and pruning runs: start one, watch it, stop it and go on with it, compare it with others.
public final class RunsView implements View {

    private static final int LOG_LINES = 2000;

    private final RunsViewModel model;
    private final ObservableList<FormBoard.Offer> models = FXCollections.observableArrayList();
    private final ObservableList<FormBoard.Offer> texts = FXCollections.observableArrayList();
    private final RunsTable table;
    private final RunLayout run;
    private final CompareBoard compare;
    private final FormBoard form;
    private final RunInspector inspector;
    private final ModalPane questions = new ModalPane();
    private final StackPane front = new StackPane();
    private final StackPane body = new StackPane(front, questions);
    private Supplier<Optional<Path>> files = Optional::empty;
    private Supplier<Optional<Path>> jobs = Optional::empty;
    private Consumer<List<Path>> results = paths -> { };
    private BiConsumer<RunRecord, RunRecord> comparing = (a, b) -> { };
    private Consumer<Path> ranks = path -> { };
    private Consumer<RunRecord> before = run -> { };

    public RunsView(RunBoard board) {
        this(board, null);
    }

    /// @param tasks where predictions are asked for; null for nowhere
    public RunsView(RunBoard board, TaskBoard tasks) {
        this(new RunsViewModel(board, tasks, ForkJoinPool.commonPool(), Platform::runLater));
    }

    RunsView(RunsViewModel model) {
        this.model = model;
        table = new RunsTable(model);
        run = new RunLayout(model);
        compare = new CompareBoard(model, paths -> results.accept(paths), (a, b) -> comparing.accept(a, b));
        form = new FormBoard(model, models, texts, () -> files.get(), () -> jobs.get());
        inspector = new RunInspector(model, this::showLog);
        GuideLink.about(body, Guide.Section.formulas("runs"));
        GuideLink.about(inspector.node(), Guide.Section.formulas("runs"));
        questions.setInTransitionFactory(null);
        questions.setOutTransitionFactory(null);
        questions.setAlignment(Pos.CENTER);
        body.setMinSize(0, 0);
        body.addEventHandler(KeyEvent.KEY_PRESSED, this::key);
        model.modeProperty().addListener((o, old, now) -> arrange());
        arrange();
    }

    /// What is shown and asked for.
    public RunsViewModel model() {
        return model;
    }

    /// Checkpoints that the form offers, by name, kept up to date by the window.
    public void offerModels(List<Subject> open) {
        models.setAll(open.stream().map(s -> new FormBoard.Offer(s.name(), Path.of(s.path()))).toList());
    }

    /// Texts that the form offers, by name.
    public void offerText(List<String> names, List<Path> paths) {
        List<FormBoard.Offer> all = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            all.add(new FormBoard.Offer(names.get(i), paths.get(i)));
        }
        texts.setAll(all);
        for (Form f : List.of(model.form(), model.pruneForm())) {
            if (f.text(Form.DATA).get().isEmpty() && !all.isEmpty()) {
                f.text(Form.DATA).set(all.getFirst().path().toString());
            }
        }
    }

    /// How the window asks for a file.
    public void chooseFilesWith(Supplier<Optional<Path>> asking) {
        files = asking;
    }

    /// How the window asks for the file that a cluster's batch script is written to.
    public void exportJobsWith(Supplier<Optional<Path>> asking) {
        jobs = asking;
    }

    /// How the window looks for Pythons, which may take seconds.
    ///
    /// @param finder told whether they are asked for their devices; answers off the JavaFX thread
    public void findPythonsWith(Function<Boolean, List<PythonInstallation>> finder) {
        model.engine().findWith(finder::apply);
    }

    /// How the window opens results.
    public void openResultsWith(Consumer<List<Path>> opening) {
        results = opening;
    }

    /// How the window shows the ranks of an adapter along a run, by the run's folder.
    public void showRanksWith(Consumer<Path> showing) {
        ranks = showing;
    }

    /// How the window compares what became of a model with the model.
    public void compareBeforeWith(Consumer<RunRecord> how) {
        before = how;
    }

    /// How the window compares the results of two runs.
    public void compareResultsWith(BiConsumer<RunRecord, RunRecord> how) {
        comparing = how;
    }

    RunLayout run() {
        return run;
    }

    RunsTable table() {
        return table;
    }

    FormBoard form() {
        return form;
    }

    private void arrange() {
        front.getChildren().setAll(switch (model.modeProperty().get()) {
            case LIST -> table.node();
            case RUN -> run;
            case COMPARE -> compare;
            case NEW -> form.node();
        });
    }

    private void key(KeyEvent e) {
        if (e.getCode() == KeyCode.ENTER && e.isShortcutDown() && model.modeProperty().get() == Mode.NEW) {
            model.start();
            e.consume();
        } else if (e.getCode() == KeyCode.N && !e.isShortcutDown() && !(e.getTarget() instanceof javafx.scene.control.TextInputControl)) {
            model.modeProperty().set(Mode.NEW);
            e.consume();
        } else if (e.getCode() == KeyCode.L && !e.isShortcutDown() && !(e.getTarget() instanceof javafx.scene.control.TextInputControl)) {
            model.modeProperty().set(Mode.LIST);
            e.consume();
        }
    }

    // --- the header

    @Override
    public boolean choosesItsSubject() {
        return true;
    }

    @Override
    public List<Node> headerControls() {
        Picker<RunRow> picker = new Picker<>("", List.<RunRow>of(), RunRow::title).icon(Icons.RUNS);
        IconButton list = new IconButton(Icons.TABLE, "All runs", "L", () -> model.modeProperty().set(Mode.LIST));
        IconButton add = new IconButton(Icons.ADD, "New run…", "N", () -> model.modeProperty().set(Mode.NEW));
        HBox about = new HBox(8);
        about.setAlignment(Pos.CENTER_LEFT);
        about.setMinWidth(Region.USE_PREF_SIZE);
        HBox buttons = new HBox(8);
        buttons.setAlignment(Pos.CENTER_RIGHT);
        buttons.setMinWidth(Region.USE_PREF_SIZE);
        // By itself and last, so that it is the first to go into the menu where there is no room.
        HBox further = new HBox();
        further.setAlignment(Pos.CENTER_RIGHT);
        further.setMinWidth(Region.USE_PREF_SIZE);
        Region spring = new Region();
        spring.getStyleClass().add(Styles.SPRING);
        boolean[] quiet = {false};
        picker.valueProperty().addListener((o, old, now) -> {
            if (!quiet[0] && now != null) {
                model.overlays().clear();
                model.show(now.number());
            }
        });
        Label words = new Label();
        words.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        ProvenanceAudit.notAFigure(words, "time and engine of the run");
        HBox telling = new HBox(words);
        telling.setAlignment(Pos.CENTER_LEFT);
        telling.getStyleClass().add("vt-optional");
        telling.setMinWidth(Region.USE_PREF_SIZE);
        String[] told = {""};
        Runnable show = () -> {
            quiet[0] = true;
            picker.setChoices(model.board().rows());
            picker.valueProperty().set(model.row().orElse(null));
            quiet[0] = false;
            String state = model.modeProperty().get() + " " + model.row().map(r -> r.number() + " " + r.state() + " " + r.asked()).orElse("") + model.isOpened();
            String engine = model.modeProperty().get() == Mode.RUN ? model.data().map(RunsView::engine).orElse("") : "";
            if (!told[0].equals(state)) {
                told[0] = state;
                about.getChildren().setAll(pills());
                buttons.getChildren().setAll(buttons());
                further.getChildren().setAll(further());
            }
            words.setText(engine);
        };
        model.modeProperty().addListener((o, old, now) -> show.run());
        model.shownProperty().addListener((o, old, now) -> show.run());
        model.selectedProperty().addListener((o, old, now) -> show.run());
        model.follow(model.board().rows(), show);
        show.run();
        return List.of(picker, list, add, about, telling, spring, buttons, further);
    }

    private static String engine(RunData d) {
        String time = d.going() && Double.isFinite(d.seconds()) ? Numbers.duration(Math.rint(d.seconds())) + ", " : "";
        String engine = d.environment().path("engine").asText();
        return time + (engine.isEmpty() ? "" : engine + " engine");
    }

    private List<Node> pills() {
        RunRow r = model.row().orElse(null);
        if (r == null || model.modeProperty().get() != Mode.RUN) {
            return List.of();
        }
        String word = r.asked() == null ? r.state().word() : switch (r.asked()) {
            case pause -> "pausing";
            case finish -> "saving";
            case discard -> "ending";
        };
        return List.of(ProvenanceAudit.notAFigure(switch (r.state()) {
            case STARTING, RUNNING -> Pill.running(word);
            case FINISHED -> Pill.success(word);
            case KILLED -> Pill.warning(word);
            case FAILED -> Pill.danger(word);
            case PAUSED, CANCELLED -> new Pill(word);
        }, "state of the run"));
    }

    private List<Node> further() {
        RunRow r = model.row().orElse(null);
        if (model.modeProperty().get() != Mode.RUN || r == null || RankTrail.in(r.run().folder()).isEmpty()) {
            return List.of();
        }
        Button along = Buttons.plain("Ranks along the run", Icons.LORA, () -> ranks.accept(r.run().folder()));
        along.setId("ranks-along");
        along.setTooltip(new javafx.scene.control.Tooltip("Opens LoRA with the ranks of every module over the steps" + (r.state().going() ? ", as the run goes" : "")));
        return List.of(along);
    }

    private List<Node> buttons() {
        List<Node> out = new ArrayList<>();
        RunRow r = model.row().orElse(null);
        if (model.modeProperty().get() != Mode.RUN || r == null) {
            return out;
        }
        if (model.isOpened()) {
            return out;
        }
        if (r.state().going()) {
            Button pause = Buttons.plain("Pause", Icons.PAUSED, () -> model.stop(RunFolder.Stop.pause));
            Button save = Buttons.plain("Stop and save", Icons.SAVE, () -> model.stop(RunFolder.Stop.finish));
            String reason = r.state() == RunRow.State.STARTING ? "It is starting." : r.asked() != null ? "It ends after the present step." : "";
            Buttons.disableBecause(pause, reason, "Saves the state after this step and ends; Resume goes on to the same bits");
            Buttons.disableBecause(save, reason, "Writes the result as it is after this step and ends");
            Button cancel = Buttons.danger("Cancel run", this::askToCancel);
            Buttons.disableBecause(cancel, r.state() == RunRow.State.STARTING ? "It is starting." : r.asked() == RunFolder.Stop.discard ? "It is ending." : "", "Ends it and keeps nothing but its figures");
            out.addAll(List.of(pause, save, cancel));
            return out;
        }
        if (r.state().resumable()) {
            Button resume = Buttons.primary("Resume", model::resume);
            resume.setTooltip(new javafx.scene.control.Tooltip("Goes on from the last saved step"));
            out.add(resume);
        }
        Optional<Path> result = RunsViewModel.result(r.run());
        if (result.isPresent()) {
            Button open = Buttons.plain("Open result", Icons.LINK, () -> results.accept(List.of(result.get())));
            open.setTooltip(new javafx.scene.control.Tooltip("Opens it as a checkpoint or an adapter, for the other views"));
            out.add(open);
            if (RunRow.prunes(r.run())) {
                Button compared = Buttons.plain("Compare", Icons.COMPARE, () -> before.accept(r.run()));
                compared.setId("compare-before");
                Buttons.disableBecause(compared, Files.exists(Path.of(r.run().model())) ? "" : "The model that it was made of is not there any more.", "Opens Compare with the model as it was and what became of it: perplexity per text and token, attention, routing, spectra");
                out.add(compared);
            }
        }
        if (!RunRow.prunes(r.run()) && (r.state() == RunRow.State.FINISHED || r.state() == RunRow.State.PAUSED)) {
            out.add(Buttons.plain("Extend…", Icons.ADD, this::askToExtend));
        }
        if (r.state().resumable()) {
            out.add(Buttons.danger("Cancel run", this::askToCancel));
        }
        out.add(Buttons.plain("Same settings…", Icons.COPY, () -> model.data().ifPresent(model::copy)));
        return out;
    }

    // --- questions

    private void askToCancel() {
        RunRow r = model.row().orElse(null);
        if (r == null) {
            return;
        }
        boolean going = r.state().going();
        List<Button> choices = new ArrayList<>();
        if (going) {
            choices.add(Buttons.plain("Stop and save", Icons.SAVE, () -> {
                questions.hide(true);
                model.stop(RunFolder.Stop.finish);
            }));
        }
        Button cancel = Buttons.danger("Cancel run", () -> {
            questions.hide(true);
            model.stop(RunFolder.Stop.discard);
        });
        cancel.getStyleClass().add(Styles.CONFIRM);
        choices.add(cancel);
        Button keep = Buttons.plain(going ? "Keep running" : "Keep", () -> questions.hide(true));
        choices.add(keep);
        ask((going ? "Stop run #" : "Give up run #") + r.number() + " at step " + Numbers.count(r.run().step()) + "?",
                going ? "Stop and save writes the result as it is. Cancel run keeps the figures and nothing else." : "Its saved steps are deleted; its figures are kept.", null, choices, keep);
    }

    private void askToExtend() {
        RunRow r = model.row().orElse(null);
        if (r == null) {
            return;
        }
        TextField steps = new TextField(String.valueOf(Math.max(r.run().step(), r.run().steps()) * 2));
        steps.setPrefColumnCount(8);
        Button extend = Buttons.primary("Extend", () -> {
            questions.hide(true);
            model.extend(Integer.parseInt(steps.getText().strip()));
        });
        Runnable check = () -> {
            String t = steps.getText().strip();
            boolean fits = t.matches("\\d{1,9}") && Long.parseLong(t) > r.run().step();
            Buttons.disableBecause(extend, fits ? "" : "A whole number above " + Numbers.count(r.run().step()) + " belongs here.", "");
        };
        steps.textProperty().addListener((o, old, now) -> check.run());
        check.run();
        Label unit = new Label("steps in all");
        unit.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        HBox line = new HBox(8, steps, unit);
        line.setAlignment(Pos.CENTER_LEFT);
        ask("Extend run #" + r.number() + " beyond step " + Numbers.count(r.run().step()) + "?", "It goes on from its last saved step with the schedule of the longer run; the result so far is kept beside the new one.", line,
                List.of(extend, Buttons.plain("Leave it", () -> questions.hide(true))), steps);
    }

    private void ask(String question, String about, Node more, List<Button> choices, Node focused) {
        Label title = new Label(question);
        title.getStyleClass().add(Styles.PANEL_TITLE);
        Label words = new Label(about);
        words.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        words.setWrapText(true);
        words.setMinHeight(Region.USE_PREF_SIZE);
        HBox buttons = new HBox(8);
        buttons.getChildren().addAll(choices);
        buttons.setAlignment(Pos.CENTER_RIGHT);
        VBox card = new VBox(12, title, words);
        if (more != null) {
            card.getChildren().add(more);
        }
        card.getChildren().add(buttons);
        card.getStyleClass().add(Styles.CARD);
        card.setPadding(new Insets(16));
        card.setMaxSize(460, Region.USE_PREF_SIZE);
        ProvenanceAudit.notAFigure(card, "a question");
        questions.show(card);
        Platform.runLater(focused::requestFocus);
    }

    /// What asks, for tests.
    ModalPane questions() {
        return questions;
    }

    private void showLog(RunData d) {
        TextArea text = new TextArea(String.join("\n", RunInspector.lines(d, LOG_LINES)));
        text.setEditable(false);
        text.getStyleClass().add(Styles.MONO);
        text.setPrefSize(620, 420);
        ForkJoinPool.commonPool().execute(() -> {
            String said = said(d);
            Platform.runLater(() -> {
                if (!said.isEmpty()) {
                    text.appendText("\n\n" + said);
                }
            });
        });
        Label title = new Label("Log of run #" + d.run().number());
        title.getStyleClass().add(Styles.PANEL_TITLE);
        Button close = Buttons.plain("Close", () -> questions.hide(true));
        HBox buttons = new HBox(8, Buttons.plain("Copy", Icons.COPY, () -> FormBoard.copy(text.getText())), close);
        buttons.setAlignment(Pos.CENTER_RIGHT);
        VBox card = new VBox(12, title, text, buttons);
        card.getStyleClass().add(Styles.CARD);
        card.setPadding(new Insets(16));
        card.setMaxSize(680, 520);
        ProvenanceAudit.tag(card, Origins.loss(d));
        questions.show(card);
        Platform.runLater(close::requestFocus);
    }

    /// What its process said that is no event: faults, mostly.
    private static String said(RunData d) {
        try {
            return String.join("\n", Files.readAllLines(RunInspector.console(d)).stream().filter(l -> !l.startsWith("{")).toList());
        } catch (IOException nothing) {
            return "";
        }
    }

    // --- what the window asks of a view

    @Override
    public ViewKind kind() {
        return ViewKind.RUNS;
    }

    @Override
    public Optional<Subject> subject() {
        return Optional.empty();
    }

    /// Runs are those of the machine; a subject is what a new one would begin with.
    @Override
    public void show(Subject subject) {
        if (subject != null && !subject.isAdapter() && model.form().text(RunForm.MODEL).get().isEmpty()) {
            model.form().text(RunForm.MODEL).set(subject.path());
        }
    }

    @Override
    public void open(Path artifact) {
        model.open(artifact);
    }

    @Override
    public Region body() {
        return body;
    }

    @Override
    public Node inspector() {
        return inspector.node();
    }

    @Override
    public String command() {
        return model.command();
    }

    @Override
    public String csv() {
        return model.csv();
    }

    @Override
    public List<HelpTopic> help() {
        return RunsHelp.TOPICS;
    }

    @Override
    public void find() {
        model.modeProperty().set(Mode.LIST);
        table.focus();
    }

    @Override
    public String exportName() {
        return switch (model.modeProperty().get()) {
            case LIST -> "runs";
            case NEW -> "new-run";
            case RUN -> model.row().map(r -> "run-" + r.number()).orElse("run");
            case COMPARE -> "runs-" + model.selectedProperty().get() + "-" + model.otherProperty().get();
        };
    }

    @Override
    public Optional<Task> task() {
        if (model.modeProperty().get() == Mode.NEW) {
            return Optional.ofNullable(model.form().taskProperty().get());
        }
        return model.data().map(d -> Task.fromJson(d.run().task()));
    }

    @Override
    public List<Place> places() {
        return model.board().rows().stream().map(r -> new Place("Runs", r.state().icon(), r.title(), r.model() + ", " + r.fact(), () -> model.show(r.number()))).toList();
    }

    @Override
    public boolean back() {
        if (model.modeProperty().get() == Mode.LIST) {
            return false;
        }
        model.modeProperty().set(Mode.LIST);
        return true;
    }

    @Override
    public boolean release() {
        if (questions.isDisplay()) {
            questions.hide(true);
            return true;
        }
        if (!model.overlays().isEmpty()) {
            model.overlays().clear();
            return true;
        }
        return false;
    }
}
