package vitrine.views.rank;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ForkJoinPool;
import java.util.function.Function;
import java.util.function.Supplier;
import javafx.application.Platform;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import javafx.geometry.Pos;
import javafx.geometry.Side;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.MenuItem;
import javafx.scene.control.SeparatorMenuItem;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.artifact.Measure;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.resources.Guide;
import vitrine.views.chart.Csv;
import vitrine.views.control.Buttons;
import vitrine.views.control.GuideLink;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.control.Segments;
import vitrine.views.rank.RankViewModel.Across;
import vitrine.views.rank.RankViewModel.Mode;
import vitrine.views.rank.RankViewModel.Values;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.view.HelpTopic;
import vitrine.views.view.Place;
import vitrine.views.view.Subject;
import vitrine.views.view.SubjectView;
import vitrine.views.view.ViewKind;

/// How much of their rank matrices, activations and caches use: curves across layers, a map, one spectrum, and what a truncation would cost.
public final class RankView implements SubjectView {

    private final RankViewModel model;
    private final ObservableList<Subject> open = FXCollections.observableArrayList();
    private final LayersCard layers;
    private final AcrossCard across;
    private final SpectrumCard spectrum;
    private final EnergyCard energy;
    private final OtherCard other;
    private final RankLayout body;
    private final MatrixInspector inspector;
    private final PromptChoice promptChoice;
    private final OverlayChoice choice;
    private final Button overlay;
    private final List<Runnable> whenArranged = new ArrayList<>();
    private Supplier<Optional<Path>> files = Optional::empty;
    private Function<String, Path> prompts = prompt -> {
        throw new IllegalStateException("nobody has said where prompts are kept");
    };

    public RankView(TaskBoard board) {
        this(new RankViewModel(board, ForkJoinPool.commonPool(), Platform::runLater));
    }

    RankView(RankViewModel model) {
        this.model = model;
        choice = new OverlayChoice(model, open);
        promptChoice = new PromptChoice(model, prompt -> prompts.apply(prompt));
        overlay = Buttons.plain("Overlay…", Icons.ADD, this::chooseOverlay);
        layers = new LayersCard(model);
        across = new AcrossCard(model, which());
        other = new OtherCard(model, which());
        spectrum = new SpectrumCard(model);
        energy = new EnergyCard(model);
        body = new RankLayout(model, across.node(), other.node(), layers.node(), spectrum.node(), energy.node(), this::chooseText);
        body.wideProperty().addListener((o, old, now) -> whenArranged.forEach(Runnable::run));
        inspector = new MatrixInspector(model);
        GuideLink.about(body, Guide.Section.formulas("rank"));
        GuideLink.about(inspector.node(), Guide.Section.formulas("rank"));
        body.addEventHandler(KeyEvent.KEY_PRESSED, this::key);
        // Before the figures: what is kept for comparison goes first, as the inspector says.
        body.addEventFilter(KeyEvent.KEY_PRESSED, this::escape);
        Runnable reasons = () -> {
            boolean weights = model.modeProperty().get() == Mode.WEIGHTS;
            Buttons.disableBecause(overlay, model.subjectProperty().get() == null ? "This is a result made before. Open its checkpoint to compute more."
                    : weights ? "" : "Overlays are of weights: choose Weights first.", "Lay other checkpoints over this one, or show what changed");
        };
        model.subjectProperty().addListener((o, old, now) -> reasons.run());
        model.modeProperty().addListener((o, old, now) -> reasons.run());
        reasons.run();
    }

    /// Switches between curves across layers and the others, where there are others and no room for both.
    private Node which() {
        HBox holder = new HBox();
        holder.setAlignment(Pos.CENTER_LEFT);
        holder.setMinWidth(Region.USE_PREF_SIZE);
        Runnable shown = () -> {
            holder.getChildren().clear();
            if (model.hasOther() && !body.wideProperty().get()) {
                Segments<Across> which = new Segments<>(List.of(Across.LAYERS, Across.OTHER), a -> a == Across.LAYERS ? "layers" : model.otherName()).compact();
                which.valueProperty().set(model.acrossProperty().get());
                which.valueProperty().addListener((o, old, now) -> model.acrossProperty().set(now));
                holder.getChildren().add(which);
            }
        };
        model.stateProperty().addListener((o, old, now) -> shown.run());
        model.acrossProperty().addListener((o, old, now) -> shown.run());
        whenArranged.add(shown);
        return holder;
    }

    /// What is shown and asked for.
    @Override
    public RankViewModel model() {
        return model;
    }

    /// The checkpoints that can be laid over, kept up to date by the window.
    public ObservableList<Subject> openSubjects() {
        return open;
    }

    /// How the window opens the form of a pruning run, by its task.
    public void pruneWith(java.util.function.Consumer<com.fasterxml.jackson.databind.node.ObjectNode> how) {
        model.pruneWith(how);
    }

    /// How the window asks for a file.
    public void chooseFilesWith(Supplier<Optional<Path>> asking) {
        files = asking;
    }

    /// How the window keeps a prompt, for the task that reads it from a file.
    public void keepPromptsWith(Function<String, Path> keeping) {
        prompts = keeping;
    }

    PromptChoice promptChoice() {
        return promptChoice;
    }

    AcrossCard across() {
        return across;
    }

    LayersCard layers() {
        return layers;
    }

    SpectrumCard spectrum() {
        return spectrum;
    }

    EnergyCard energy() {
        return energy;
    }

    OtherCard other() {
        return other;
    }

    OverlayChoice choice() {
        return choice;
    }

    private void chooseOverlay() {
        choice.show(overlay.getScene() == null ? body : overlay);
    }

    /// A menu of texts at the button that asks for one.
    private void chooseText() {
        ContextMenu menu = textMenu();
        Node at = body.lookup("#choose-text");
        menu.show(at == null ? body : at, Side.BOTTOM, 0, 4);
    }

    ContextMenu textMenu() {
        ContextMenu menu = new ContextMenu();
        for (CalibrationText t : model.texts()) {
            MenuItem item = new MenuItem(t.name());
            item.setMnemonicParsing(false);
            item.setOnAction(e -> model.textProperty().set(t));
            menu.getItems().add(item);
        }
        if (!menu.getItems().isEmpty()) {
            menu.getItems().add(new SeparatorMenuItem());
        }
        MenuItem prompt = new MenuItem("Type a prompt…");
        prompt.setOnAction(e -> {
            Node at = menu.getOwnerNode();
            promptChoice.show(at == null || at.getScene() == null ? body : at);
        });
        menu.getItems().add(prompt);
        MenuItem file = new MenuItem("Choose a file…");
        file.setOnAction(e -> files.get().ifPresent(p -> model.textProperty().set(new CalibrationText(p.getFileName().toString(), p))));
        menu.getItems().add(file);
        return menu;
    }

    private void escape(KeyEvent e) {
        if (e.getCode() == KeyCode.ESCAPE && model.release()) {
            e.consume();
        }
    }

    private void key(KeyEvent e) {
        if (e.getCode() == KeyCode.P && !e.isShortcutDown() && !e.isShiftDown() && model.spectra().isPresent()) {
            model.pin();
            e.consume();
        }
    }

    @Override
    public ViewKind kind() {
        return ViewKind.RANK;
    }

    @Override
    public RankLayout body() {
        return body;
    }

    @Override
    public List<Node> headerControls() {
        Segments<Mode> modes = new Segments<>(List.of(Mode.values()), Mode::label);
        modes.valueProperty().set(model.modeProperty().get());
        modes.valueProperty().bindBidirectional(model.modeProperty());
        Picker<Measure> measure = new Picker<>("Measure", List.of(Measure.EFFECTIVE_RANK), m -> Measures.name(m, false));
        measure.valueProperty().bindBidirectional(model.measureProperty());
        Runnable choices = () -> model.spectra().ifPresent(s -> measure.setChoices(Measures.of(s.items())));
        model.stateProperty().addListener((o, old, now) -> choices.run());
        choices.run();
        Picker<Accuracy> accuracy = new Picker<>("Accuracy", List.of(Accuracy.values()), Accuracy::name);
        accuracy.valueProperty().bindBidirectional(model.accuracyProperty());
        Segments<Values> values = new Segments<>(List.of(Values.values()), Values::label);
        values.valueProperty().bindBidirectional(model.valuesProperty());
        Button text = Buttons.plain("Text…", Icons.TEXT, () -> { });
        text.setOnAction(e -> textMenu().show(text, Side.BOTTOM, 0, 4));
        // The header hides what finds no room, so what belongs to other modes is taken out rather than hidden.
        HBox first = new HBox(8);
        HBox last = new HBox(8);
        first.setAlignment(Pos.CENTER_LEFT);
        last.setAlignment(Pos.CENTER_LEFT);
        Runnable shown = () -> {
            switch (model.modeProperty().get()) {
                case WEIGHTS -> first.getChildren().setAll(overlay, text);
                case ACTIVATIONS -> first.getChildren().setAll(values, text);
                case CACHE -> first.getChildren().setAll(text);
            }
            last.getChildren().setAll(model.modeProperty().get() == Mode.WEIGHTS ? List.of(accuracy) : List.of());
            text.setText(model.textProperty().get() == null ? "Text…" : model.textProperty().get().name());
        };
        model.modeProperty().addListener((o, old, now) -> shown.run());
        model.textProperty().addListener((o, old, now) -> shown.run());
        shown.run();
        return List.of(modes, measure, first, last);
    }

    @Override
    public Node inspector() {
        return inspector.node();
    }

    @Override
    public String csv() {
        Spectra s = model.spectra().orElse(null);
        if (s == null) {
            return "";
        }
        List<Measure> measures = java.util.Arrays.stream(Measure.values()).filter(m -> s.items().stream().anyMatch(i -> i.figures().containsKey(m))).toList();
        Csv csv = new Csv();
        List<Object> head = new ArrayList<>(List.of("checkpoint", "name", "kind", "layer", "head", "expert", "rows", "columns", "dtype", "estimated"));
        measures.forEach(m -> head.add(m.key()));
        csv.line(head.toArray());
        for (Item i : s.items()) {
            List<Object> line = new ArrayList<>(List.of(s.checkpoints().get(i.checkpoint()).name(), i.name(), i.kind().id(), index(i.layer()), index(i.head()), index(i.expert()), i.rows(), i.columns(),
                    i.dtype(), i.estimated()));
            measures.forEach(m -> line.add(i.figures().containsKey(m) ? (Object) i.figures().get(m).value() : ""));
            csv.line(line.toArray());
        }
        return csv.toString();
    }

    private static Object index(int i) {
        return i < 0 ? "" : (Object) i;
    }

    @Override
    public List<HelpTopic> help() {
        return RankHelp.TOPICS;
    }

    @Override
    public void find() {
        layers.focus();
    }

    @Override
    public String exportName() {
        String of = subject().map(Subject::name).or(() -> model.spectra().map(Spectra::subject)).orElse("rank").replaceAll("[^A-Za-z0-9._-]+", "-");
        return of + "-rank-" + model.modeProperty().get().label().toLowerCase(Locale.ROOT).replace(' ', '-');
    }

    @Override
    public Optional<Task> task() {
        return model.spectra().isPresent() && model.canCompute() ? Optional.of(model.wanted()) : Optional.empty();
    }

    @Override
    public List<Place> places() {
        List<Place> out = new ArrayList<>();
        model.spectra().ifPresent(s -> s.items().stream().filter(i -> i.checkpoint() == 0)
                .forEach(i -> out.add(new Place("Spectra", Icons.RANK, i.title(), i.name().isEmpty() ? i.kind().words() : Visible.name(i.name()), () -> model.selectedProperty().set(i.place())))));
        return out;
    }
}
