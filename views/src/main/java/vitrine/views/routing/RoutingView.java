package vitrine.views.routing;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ForkJoinPool;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import javafx.application.Platform;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import javafx.geometry.Pos;
import javafx.geometry.Side;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.CheckMenuItem;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.MenuItem;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.StackPane;
import vitrine.core.task.Task;
import vitrine.resources.Guide;
import vitrine.views.chart.Csv;
import vitrine.views.control.Buttons;
import vitrine.views.control.GuideLink;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;
import vitrine.views.routing.RoutingData.Measure;
import vitrine.views.routing.RoutingViewModel.Lower;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.view.HelpTopic;
import vitrine.views.view.Place;
import vitrine.views.view.Subject;
import vitrine.views.view.SubjectView;
import vitrine.views.view.ViewKind;

/// Which expert sees which token, how evenly, and whether it matters: load, token paths, specialisation, pairs of experts, streams between layers, and
/// what changes when routes do.
public final class RoutingView implements SubjectView {

    private final RoutingViewModel model;
    private final ObservableList<Subject> open = FXCollections.observableArrayList();
    private final LoadCard load;
    private final PathsCard paths;
    private final SpecialisationCard specialisation;
    private final InformationCard information;
    private final TogetherCard together;
    private final SimilarityCard similarity;
    private final ActiveExpertsCard active;
    private final FlowCard flow;
    private final RoutingLayout body;
    private final ExpertInspector inspector;
    private final TextChoice choice;
    private final Button texts = Buttons.plain("Texts…", Icons.TEXT, () -> { });
    private final Button compare = Buttons.plain("Compare with…", Icons.COMPARE, () -> { });

    public RoutingView(TaskBoard board) {
        this(new RoutingViewModel(board, ForkJoinPool.commonPool(), Platform::runLater));
    }

    RoutingView(RoutingViewModel model) {
        this.model = model;
        choice = new TextChoice(model);
        load = new LoadCard(model);
        paths = new PathsCard(model);
        specialisation = new SpecialisationCard(model);
        information = new InformationCard(model);
        together = new TogetherCard(model);
        similarity = new SimilarityCard(model);
        active = new ActiveExpertsCard(model);
        flow = new FlowCard(model);
        body = new RoutingLayout(model, load.node(), paths.node(), List.of(specialisation.node(), information.node(), together.node()),
                List.of(similarity.node(), active.node(), flow.node()), this::chooseTexts);
        inspector = new ExpertInspector(model);
        GuideLink.about(body, Guide.Section.formulas("routing"));
        GuideLink.about(inspector.node(), Guide.Section.formulas("routing"));
        body.addEventHandler(KeyEvent.KEY_PRESSED, this::key);
        ProvenanceAudit.notAFigure(texts, "number of texts");
        texts.setOnAction(e -> choice.show(texts));
        compare.setOnAction(e -> others().show(compare, Side.BOTTOM, 0, 4));
        Runnable reasons = () -> {
            String made = "This is a result made before. Open its checkpoint to measure more.";
            boolean none = model.subjectProperty().get() == null;
            Buttons.disableBecause(texts, none ? made : model.obstacle(), "Over which texts to measure");
            long comparable = open.stream().filter(this::comparable).count();
            Buttons.disableBecause(compare, none ? made : !model.obstacle().isEmpty() ? model.obstacle() : model.chosen().isEmpty() ? "Choose texts first."
                    : comparable == 0 ? "No other checkpoint with experts is open. Open the one before or after." : "", "Route the same tokens through another checkpoint, such as the one before fine-tuning");
            texts.setText(model.chosen().isEmpty() ? "Texts…" : model.chosen().size() == 1 ? "Text " + model.chosen().getFirst().name() : "Texts " + model.chosen().size() + " domains");
        };
        model.subjectProperty().addListener((o, old, now) -> reasons.run());
        model.chosen().addListener((javafx.beans.InvalidationListener) o -> reasons.run());
        open.addListener((javafx.beans.InvalidationListener) o -> reasons.run());
        reasons.run();
    }

    /// What is shown and asked for.
    @Override
    public RoutingViewModel model() {
        return model;
    }

    /// The checkpoints that can be compared with, kept up to date by the window.
    public ObservableList<Subject> openSubjects() {
        return open;
    }

    /// How the window opens the form of a pruning run, by its task.
    public void pruneWith(java.util.function.Consumer<com.fasterxml.jackson.databind.node.ObjectNode> how) {
        model.pruneWith(how);
    }

    /// How the window asks for a file.
    public void chooseFilesWith(Supplier<Optional<Path>> asking) {
        choice.filesFrom(asking);
    }

    LoadCard load() {
        return load;
    }

    PathsCard paths() {
        return paths;
    }

    SpecialisationCard specialisation() {
        return specialisation;
    }

    InformationCard information() {
        return information;
    }

    TogetherCard together() {
        return together;
    }

    ActiveExpertsCard active() {
        return active;
    }

    FlowCard flow() {
        return flow;
    }

    TextChoice choice() {
        return choice;
    }

    private void chooseTexts() {
        Node at = body.lookup("#choose-texts");
        choice.show(at == null ? body : at);
    }

    private boolean comparable(Subject s) {
        return !s.equals(model.subjectProperty().get()) && RoutingViewModel.obstacle(s).isEmpty();
    }

    /// A menu of checkpoints that may route the same tokens.
    ContextMenu others() {
        ContextMenu menu = new ContextMenu();
        for (Subject s : open) {
            if (comparable(s)) {
                CheckMenuItem item = new CheckMenuItem(s.name());
                item.setMnemonicParsing(false);
                item.setSelected(model.others().contains(s));
                item.setOnAction(e -> model.against(item.isSelected() ? List.of(s) : List.of()));
                menu.getItems().add(item);
            }
        }
        if (!model.others().isEmpty()) {
            MenuItem alone = new MenuItem("This one alone");
            alone.setOnAction(e -> model.against(List.of()));
            menu.getItems().add(alone);
        }
        return menu;
    }

    private void key(KeyEvent e) {
        if (e.getCode() == KeyCode.PAGE_UP || e.getCode() == KeyCode.PAGE_DOWN) {
            paths.step(e.getCode() == KeyCode.PAGE_UP ? -1 : 1);
            e.consume();
        } else if (e.getCode() == KeyCode.ESCAPE && model.release()) {
            e.consume();
        }
    }

    @Override
    public ViewKind kind() {
        return ViewKind.ROUTING;
    }

    @Override
    public RoutingLayout body() {
        return body;
    }

    @Override
    public List<Node> headerControls() {
        Segments<Measure> measure = new Segments<>(List.of(Measure.values()), Measure::label);
        measure.valueProperty().set(model.measureProperty().get());
        measure.valueProperty().bindBidirectional(model.measureProperty());
        Segments<Lower> lower = new Segments<>(List.of(Lower.values()), Lower::label);
        lower.valueProperty().set(model.lowerProperty().get());
        lower.valueProperty().bindBidirectional(model.lowerProperty());
        StackPane which = new StackPane();
        Runnable room = () -> which.getChildren().setAll(body.bothProperty().get() ? List.of() : List.of(lower));
        body.bothProperty().addListener((o, old, now) -> room.run());
        room.run();
        HBox layer = new HBox();
        layer.setAlignment(Pos.CENTER_LEFT);
        Runnable layers = () -> layer.getChildren().setAll(layerPicker());
        model.stateProperty().addListener((o, old, now) -> layers.run());
        layers.run();
        return List.of(texts, measure, which, ProvenanceAudit.notAFigure(layer, "number of a layer"), compare);
    }

    private List<Node> layerPicker() {
        RoutingData d = model.data().orElse(null);
        if (d == null) {
            return List.of();
        }
        Picker<Integer> picker = new Picker<>("Layer", IntStream.range(0, d.layers()).boxed().toList(), i -> Integer.toString(d.number(i)));
        picker.valueProperty().set(model.layer());
        picker.valueProperty().addListener((o, old, now) -> {
            if (now != null && now != model.layer()) {
                model.select(now, model.selectedProperty().get() == null ? 0 : model.selectedProperty().get().expert());
            }
        });
        model.selectedProperty().addListener((o, old, now) -> {
            if (now != null && now.layer() < d.layers()) {
                picker.valueProperty().set(now.layer());
            }
        });
        return List.of(picker);
    }

    @Override
    public Node inspector() {
        return inspector.node();
    }

    @Override
    public String csv() {
        RoutingData d = model.data().orElse(null);
        if (d == null) {
            return "";
        }
        Csv csv = new Csv();
        csv.line("layer", "expert", "text", "tokens", "visits", "load", "share_of_tokens", "share_of_expert", "weight", "probability");
        for (int l = 0; l < d.layers(); l++) {
            for (int e = 0; e < d.experts(l); e++) {
                double[] division = d.division(l, e);
                for (int i = RoutingData.ALL; i < d.domains().size(); i++) {
                    boolean all = i == RoutingData.ALL;
                    csv.line(new ArrayList<Object>(List.of(d.number(l), e, all ? "all" : d.domains().get(i).name(), d.tokens(i), d.visits(l, i, e), d.share(Measure.LOAD, l, i, e),
                            d.visits(l, i, e) / d.tokens(i), all || Double.isNaN(division[i]) ? "" : (Object) division[i], all ? (Object) d.share(Measure.WEIGHT, l, i, e) : "",
                            all ? (Object) d.share(Measure.PROBABILITY, l, i, e) : "")));
                }
            }
        }
        return csv.toString();
    }

    @Override
    public List<HelpTopic> help() {
        return RoutingHelp.TOPICS;
    }

    @Override
    public void find() {
        load.focus();
    }

    @Override
    public String exportName() {
        String of = subject().map(Subject::name).or(() -> model.data().map(d -> d.artifact().model())).orElse("routing").replaceAll("[^A-Za-z0-9._-]+", "-");
        return of + "-routing";
    }

    @Override
    public Optional<Task> task() {
        return model.data().isPresent() && model.canCompute() ? Optional.of(model.wanted()) : Optional.empty();
    }

    @Override
    public List<Place> places() {
        List<Place> out = new ArrayList<>();
        model.data().ifPresent(d -> {
            for (int l = 0; l < d.layers(); l++) {
                for (int e = 0; e < d.experts(l); e++) {
                    int layer = l;
                    int expert = e;
                    out.add(new Place("Experts", Icons.ROUTING, "Layer " + d.number(l) + ", expert " + e, "routing", () -> model.select(layer, expert)));
                }
            }
        });
        return out;
    }
}
