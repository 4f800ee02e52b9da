package vitrine.views.anatomy;

import atlantafx.base.controls.Popover;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ForkJoinPool;
import javafx.application.Platform;
import javafx.scene.Node;
import javafx.scene.control.ScrollPane;
import javafx.scene.layout.VBox;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.resources.Guide;
import vitrine.views.control.GuideLink;
import vitrine.views.control.Icons;
import vitrine.views.control.Popovers;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.HelpTopic;
import vitrine.views.view.Place;
import vitrine.views.view.SubjectView;
import vitrine.views.view.ViewKind;

/// What a checkpoint is made of: figures, a block diagram, shares, every tensor with its values, and where it lies in its file.
public final class AnatomyView implements SubjectView {

    private static final double NOTES_WIDTH = 380;
    private static final double NOTES_HEIGHT = 420;
    /// More notes than this scroll.
    private static final int NOTES_AT_ONCE = 6;

    private final AnatomyViewModel model;
    private final TensorsCard tensors;
    private final DiagramCard diagram;
    private final AnatomyLayout body;
    private final TensorInspector inspector;
    private final HeaderPills pills;

    public AnatomyView(TaskBoard board) {
        this(new AnatomyViewModel(board, ForkJoinPool.commonPool(), Platform::runLater));
    }

    AnatomyView(AnatomyViewModel model) {
        this.model = model;
        tensors = new TensorsCard(model);
        diagram = new DiagramCard(model);
        body = new AnatomyLayout(model, new Facts(model), diagram, new AdapterCard(model), new ShareCard(model), tensors, new LayoutCard(model), new SpreadCard(model));
        inspector = new TensorInspector(model);
        GuideLink.about(body, Guide.Section.formulas("anatomy"));
        GuideLink.about(inspector.node(), Guide.Section.formulas("anatomy"));
        pills = new HeaderPills(model, this::showNotes);
    }

    /// What is shown and asked for.
    @Override
    public AnatomyViewModel model() {
        return model;
    }

    TensorsCard tensors() {
        return tensors;
    }

    DiagramCard diagram() {
        return diagram;
    }

    /// All notes at the pill that tells their number.
    private void showNotes(Node owner) {
        VBox all = inspector.notes(model.notes(), Integer.MAX_VALUE);
        all.setMinWidth(NOTES_WIDTH);
        all.setMaxWidth(NOTES_WIDTH);
        Popovers.of(model.notes().size() <= NOTES_AT_ONCE ? all : scrolling(all), Popover.ArrowLocation.TOP_LEFT).show(owner);
    }

    private static ScrollPane scrolling(VBox all) {
        ScrollPane scroll = new ScrollPane(all);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        scroll.setPrefViewportWidth(NOTES_WIDTH + 12);
        scroll.setPrefViewportHeight(NOTES_HEIGHT);
        return scroll;
    }

    @Override
    public ViewKind kind() {
        return ViewKind.ANATOMY;
    }

    @Override
    public Node body() {
        return body;
    }

    @Override
    public List<Node> headerControls() {
        return pills.nodes();
    }

    @Override
    public Node inspector() {
        return inspector.node();
    }

    @Override
    public String csv() {
        return model.csv();
    }

    @Override
    public List<HelpTopic> help() {
        return AnatomyHelp.TOPICS;
    }

    @Override
    public void find() {
        tensors.search().field().requestFocus();
        tensors.search().field().selectAll();
    }

    @Override
    public String exportName() {
        return (model.name().isEmpty() ? "checkpoint" : model.name()) + "-anatomy";
    }

    @Override
    public Optional<Task> task() {
        return model.subjectProperty().get() != null && model.allState().state() instanceof ViewState.Result ? Optional.of(model.allTask()) : Optional.empty();
    }

    @Override
    public List<Place> places() {
        return subject().map(s -> s.anatomy().tensors().stream().map(t -> new Place("Tensors", Icons.ANATOMY, Visible.name(t.entry().name()), t.entry().dtype() + " " + t.entry().shape(),
                () -> model.selectedProperty().set(t.entry().name()))).toList()).orElse(List.of());
    }
}
