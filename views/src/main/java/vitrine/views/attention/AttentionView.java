package vitrine.views.attention;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import vitrine.core.analysis.attention.HeadMetric;
import vitrine.core.task.Task;
import vitrine.resources.Guide;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.attention.AttentionViewModel.Show;
import vitrine.views.chart.Scale;
import vitrine.views.control.Buttons;
import vitrine.views.control.GuideLink;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.control.Segments;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.view.HelpTopic;
import vitrine.views.view.Place;
import vitrine.views.view.Subject;
import vitrine.views.view.SubjectView;
import vitrine.views.view.ViewKind;

/// Where each token of a prompt attends: token chips, all heads at a glance, one head large, layers compared.
public final class AttentionView implements SubjectView {

    /// Shown for `null`, which sorts and colours by nothing.
    private static final String OWN_ORDER = "layer, head";
    private static final List<HeadMetric> CHOICES = List.of(HeadMetric.NORMALISED_ENTROPY, HeadMetric.DISTANCE, HeadMetric.FIRST_TOKEN_MASS, HeadMetric.PREVIOUS_TOKEN,
            HeadMetric.SELF_ATTENTION, HeadMetric.MAX_WEIGHT, HeadMetric.DUPLICATE_TOKEN_SHARE, HeadMetric.INDUCTION_SHARE);

    private final AttentionViewModel model;
    private final ObservableList<Subject> open = FXCollections.observableArrayList();
    private final PromptCard prompt;
    private final MapCard map;
    private final AttentionLayout body;
    private final HeadInspector inspector;
    private final CompareChoice choice;
    private final Button compare;

    public AttentionView(TaskBoard board) {
        this(new AttentionViewModel(board));
    }

    AttentionView(AttentionViewModel model) {
        this.model = model;
        choice = new CompareChoice(model, open);
        compare = Buttons.plain("Compare…", Icons.COMPARE, this::chooseComparison);
        compare.disableProperty().bind(model.subjectProperty().isNull());
        prompt = new PromptCard(model);
        map = new MapCard(model, this::chooseComparison);
        body = new AttentionLayout(prompt, new HeadsCard(model), new ScatterCard(model), new SimilarityCard(model), map);
        inspector = new HeadInspector(model);
        GuideLink.about(body, Guide.Section.formulas("attention"));
        GuideLink.about(inspector.node(), Guide.Section.formulas("attention"));
        body.addEventHandler(KeyEvent.KEY_PRESSED, this::key);
    }

    /// The checkpoints that can be compared with, kept up to date by the window.
    public ObservableList<Subject> openSubjects() {
        return open;
    }

    /// What is shown and asked for.
    @Override
    public AttentionViewModel model() {
        return model;
    }

    private void chooseComparison() {
        choice.show(compare.getScene() == null ? body : compare);
    }

    private void key(KeyEvent e) {
        HeadId h = model.headProperty().get();
        if (e.getCode() == KeyCode.P && !e.isShortcutDown() && !e.isShiftDown() && model.capture().isPresent() && !model.editingProperty().get()) {
            model.pin(h);
            e.consume();
        }
    }

    @Override
    public ViewKind kind() {
        return ViewKind.ATTENTION;
    }

    /// How the window makes permanent what is switched off, by the task of a pruning run.
    public void permanentlyWith(Consumer<ObjectNode> how) {
        inspector.permanentlyWith(how);
    }

    @Override
    public Node body() {
        return body;
    }

    @Override
    public List<Node> headerControls() {
        Picker<Show> show = new Picker<>("Show", List.of(Show.values()), Show::label);
        show.valueProperty().bindBidirectional(model.showProperty());
        Segments<Scale.Kind> scale = new Segments<>(List.of(Scale.Kind.LINEAR, Scale.Kind.SQRT, Scale.Kind.LOG),
                k -> k == Scale.Kind.SQRT ? "√" : k == Scale.Kind.LOG ? "Log" : "Linear");
        scale.valueProperty().set(model.scaleKindProperty().get());
        scale.valueProperty().bindBidirectional(model.scaleKindProperty());
        return List.of(show, scale, metricPicker("Sort by", OWN_ORDER, model.sortByProperty()), compare, metricPicker("Colour", "maps", model.colourByProperty()));
    }

    private static Node metricPicker(String label, String none, javafx.beans.property.ObjectProperty<HeadMetric> chosen) {
        List<Optional<HeadMetric>> choices = new ArrayList<>();
        choices.add(Optional.empty());
        CHOICES.forEach(m -> choices.add(Optional.of(m)));
        Picker<Optional<HeadMetric>> picker = new Picker<>(label, choices, m -> m.map(Labels::of).map(n -> n.toLowerCase(java.util.Locale.ROOT)).orElse(none));
        picker.valueProperty().addListener((o, old, now) -> chosen.set(now == null ? null : now.orElse(null)));
        chosen.addListener((o, old, now) -> picker.valueProperty().set(Optional.ofNullable(now)));
        picker.valueProperty().set(Optional.ofNullable(chosen.get()));
        return picker;
    }

    @Override
    public Node inspector() {
        return inspector.node();
    }

    @Override
    public String csv() {
        AttentionCapture c = model.capture().orElse(null);
        if (c == null || model.shownMap() == null) {
            return "";
        }
        return map.view().map().csv() + "\n" + HeadsCard.csv(c);
    }

    @Override
    public List<HelpTopic> help() {
        return AttentionHelp.TOPICS;
    }

    @Override
    public void find() {
        prompt.edit();
    }

    @Override
    public String exportName() {
        HeadId h = model.headProperty().get();
        return subject().map(Subject::name).orElse("attention") + "-attention-l" + h.layer() + "h" + h.head();
    }

    @Override
    public Optional<Task> task() {
        return model.capture().isPresent() ? Optional.of(model.mainTask()) : Optional.empty();
    }

    @Override
    public List<Place> places() {
        List<Place> heads = new ArrayList<>();
        model.capture().ifPresent(c -> {
            for (int l = 0; l < c.layers(); l++) {
                for (int h = 0; h < c.heads(); h++) {
                    HeadId id = new HeadId(l, h);
                    heads.add(new Place("Heads", Icons.ATTENTION, id.toString(), model.pattern(id), () -> model.headProperty().set(id)));
                }
            }
        });
        return heads;
    }
}
