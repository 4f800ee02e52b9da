package vitrine.views.lora;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ForkJoinPool;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import javafx.animation.Animation;
import javafx.animation.KeyFrame;
import javafx.animation.Timeline;
import javafx.application.Platform;
import javafx.geometry.Pos;
import javafx.geometry.Side;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.CheckMenuItem;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.MenuItem;
import javafx.scene.control.SeparatorMenuItem;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.util.Duration;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.resources.Guide;
import vitrine.views.chart.Csv;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.GuideLink;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.control.Pill;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;
import vitrine.views.lora.LoraViewModel.Mode;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.HelpTopic;
import vitrine.views.view.Place;
import vitrine.views.view.Subject;
import vitrine.views.view.SubjectView;
import vitrine.views.view.ViewKind;

/// What the ranks of an adapter are worth: importance of every component, the loss with fewer of them, how the deltas lie to the base, how two adapters differ;
/// and writing an adapter with fewer ranks.
public final class LoraView implements SubjectView {

    /// What stands in the choice of a base for none.
    private record Base(Subject subject) {
        String label() {
            return subject == null ? "none" : subject.name();
        }
    }

    private final LoraViewModel model;
    private final ImportanceCard importance;
    private final LossCard loss;
    private final EnergyCard energy;
    private final SpectrumCard spectrum;
    private final CompressCard compress;
    private final PlacementCard placement;
    private final SubspaceCard subspaces;
    private final ResponseCard response;
    private final AlongCard along;
    private final AlongModuleCard alongModule;
    private final AlongCurvesCard alongCurves;
    private final CosineCard cosines;
    private final AnglesCard angles;
    private final ExtractChoice extract;
    private final LoraLayout body;
    private final ModuleInspector inspector;
    private Supplier<List<Path>> files = List::of;
    private Function<String, Optional<Path>> folders = name -> Optional.empty();
    private Consumer<Path> opening = path -> { };

    public LoraView(TaskBoard board) {
        this(new LoraViewModel(board, ForkJoinPool.commonPool(), Platform::runLater));
    }

    LoraView(LoraViewModel model) {
        this.model = model;
        importance = new ImportanceCard(model);
        loss = new LossCard(model, this::chooseTexts);
        energy = new EnergyCard(model);
        spectrum = new SpectrumCard(model);
        compress = new CompressCard(model, name -> folders.apply(name), path -> opening.accept(path));
        placement = new PlacementCard(model);
        subspaces = new SubspaceCard(model);
        response = new ResponseCard(model);
        along = new AlongCard(model);
        alongModule = new AlongModuleCard(model);
        alongCurves = new AlongCurvesCard(model);
        cosines = new CosineCard(model);
        angles = new AnglesCard(model);
        extract = new ExtractChoice(model, name -> folders.apply(name));
        body = new LoraLayout(model, List.of(importance.node(), loss.node(), energy.node(), spectrum.node(), compress.node()),
                List.of(placement.node(), subspaces.node(), response.node()), List.of(cosines.node(), angles.angles(), angles.norms()),
                List.of(along.node(), alongModule.node(), alongCurves.node()), this::chooseExtraction, path -> opening.accept(path));
        inspector = new ModuleInspector(model);
        GuideLink.about(body, Guide.Section.formulas("lora"));
        GuideLink.about(inspector.node(), Guide.Section.formulas("lora"));
        inspector.target(name -> folders.apply(name));
        body.addEventHandler(KeyEvent.KEY_PRESSED, this::key);
        // A run under way is looked at once a second while it is in front.
        Timeline looking = new Timeline(new KeyFrame(Duration.seconds(1), e -> {
            if (model.modeProperty().get() == Mode.RUN && body.getScene() != null) {
                model.along().refresh();
            }
        }));
        looking.setCycleCount(Animation.INDEFINITE);
        model.along().shownProperty().addListener((o, old, now) -> {
            if (now != null && now.going()) {
                looking.play();
            } else {
                looking.stop();
            }
        });
    }

    /// What is shown and asked for.
    @Override
    public LoraViewModel model() {
        return model;
    }

    /// How the window asks for texts.
    public void chooseFilesWith(Supplier<List<Path>> asking) {
        files = asking;
    }

    /// How the window asks for a new folder, by a proposed name.
    public void chooseFoldersWith(Function<String, Optional<Path>> asking) {
        folders = asking;
    }

    /// How the window opens what was written.
    public void openWith(Consumer<Path> how) {
        opening = how;
    }

    ImportanceCard importance() {
        return importance;
    }

    LossCard loss() {
        return loss;
    }

    EnergyCard energy() {
        return energy;
    }

    SpectrumCard spectrum() {
        return spectrum;
    }

    CompressCard compress() {
        return compress;
    }

    PlacementCard placement() {
        return placement;
    }

    AlongCard along() {
        return along;
    }

    AlongCurvesCard alongCurves() {
        return alongCurves;
    }

    CosineCard cosines() {
        return cosines;
    }

    ExtractChoice extraction() {
        return extract;
    }

    private void chooseTexts() {
        Node at = body.lookup("#choose-texts");
        textMenu().show(at == null ? body : at, Side.BOTTOM, 0, 4);
    }

    private void chooseExtraction() {
        Node at = body.lookup("#extract");
        extract.show(at == null ? body : at);
    }

    /// Texts to take in or out, and a file of one's own.
    ContextMenu textMenu() {
        ContextMenu menu = new ContextMenu();
        for (AdapterText t : model.texts()) {
            CheckMenuItem item = new CheckMenuItem(t.name());
            item.setMnemonicParsing(false);
            item.setSelected(model.chosenTexts().contains(t));
            item.setOnAction(e -> model.toggle(t));
            menu.getItems().add(item);
        }
        if (!menu.getItems().isEmpty()) {
            menu.getItems().add(new SeparatorMenuItem());
        }
        MenuItem file = new MenuItem("Choose files…");
        file.setOnAction(e -> files.get().forEach(p -> {
            AdapterText t = new AdapterText(p.getFileName().toString(), p);
            if (!model.texts().contains(t)) {
                model.texts().add(t);
            }
            if (!model.chosenTexts().contains(t)) {
                model.toggle(t);
            }
        }));
        menu.getItems().add(file);
        CheckMenuItem gradients = new CheckMenuItem("Importance by gradients too");
        gradients.selectedProperty().bindBidirectional(model.gradientsProperty());
        menu.getItems().addAll(new SeparatorMenuItem(), gradients);
        return menu;
    }

    private void key(KeyEvent e) {
        if (e.isShortcutDown() || e.isAltDown()) {
            return;
        }
        // What the map's line does, from the keyboard.
        int step = e.getCode() == KeyCode.OPEN_BRACKET ? -1 : e.getCode() == KeyCode.CLOSE_BRACKET ? 1 : 0;
        Study s = model.study().orElse(null);
        if (step != 0 && s != null && s.mostRanks() > 0) {
            if (model.ruleProperty().get() == Cut.Rule.RANK) {
                model.rankProperty().set(Math.clamp(model.rankProperty().get() + step, 1, s.mostRanks()));
            } else {
                CompressCard.slid(model).set(Math.clamp(Math.round((CompressCard.slid(model).get() + step * 0.01) * 100) / 100.0, CompressCard.least(model), CompressCard.most(model, s)));
            }
            e.consume();
        }
    }

    @Override
    public ViewKind kind() {
        return ViewKind.LORA;
    }

    @Override
    public LoraLayout body() {
        return body;
    }

    @Override
    public List<Node> headerControls() {
        Segments<Mode> modes = new Segments<>(List.of(Mode.values()), Mode::label);
        modes.valueProperty().set(model.modeProperty().get());
        modes.valueProperty().bindBidirectional(model.modeProperty());
        HBox facts = new HBox(6);
        facts.setAlignment(Pos.CENTER_LEFT);
        ProvenanceAudit.notAFigure(facts, "the adapter's settings");
        Runnable pills = () -> {
            facts.getChildren().clear();
            Along run = model.along().shownProperty().get();
            if (model.modeProperty().get() == Mode.RUN) {
                if (run != null) {
                    facts.getChildren().add(run.going() ? Pill.running(run.name()) : new Pill(run.name()));
                }
                return;
            }
            Study s = model.study().orElse(null);
            if (s != null) {
                facts.getChildren().add(new Pill("r " + s.artifact().rank() + ", alpha " + Numbers.general(s.artifact().alpha())));
                facts.getChildren().add(s.base() == null ? new Pill("no base") : Pill.success("base matches"));
            } else if (model.baseProperty().get() != null && model.stateProperty().get() instanceof ViewState.Problem) {
                facts.getChildren().add(Pill.danger("refused"));
            }
        };
        model.studyProperty().addListener((o, old, now) -> pills.run());
        model.stateProperty().addListener((o, old, now) -> pills.run());
        model.modeProperty().addListener((o, old, now) -> pills.run());
        model.along().shownProperty().addListener((o, old, now) -> pills.run());
        pills.run();
        Picker<Base> base = base();
        Button texts = Buttons.plain("Texts…", Icons.TEXT, () -> { });
        texts.setOnAction(e -> textMenu().show(texts, Side.BOTTOM, 0, 4));
        Picker<Subject> other = other();
        // The header hides what finds no room, so what belongs to other modes is taken out rather than hidden.
        HBox first = new HBox(8);
        first.setAlignment(Pos.CENTER_LEFT);
        HBox second = new HBox();
        HBox third = new HBox();
        second.setAlignment(Pos.CENTER_LEFT);
        third.setAlignment(Pos.CENTER_LEFT);
        Runnable shown = () -> {
            switch (model.modeProperty().get()) {
                case RANKS, ALIGNMENT, RUN -> first.getChildren().clear();
                case COMPARE -> first.getChildren().setAll(other);
            }
            boolean run = model.modeProperty().get() == Mode.RUN;
            second.getChildren().setAll(run ? List.of() : List.of(base));
            third.getChildren().setAll(run ? List.of() : List.of(texts));
        };
        model.modeProperty().addListener((o, old, now) -> shown.run());
        shown.run();
        return List.of(modes, facts, first, second, third);
    }

    private Picker<Base> base() {
        Picker<Base> base = new Picker<>("Base", List.of(new Base(null)), Base::label);
        boolean[] quiet = {false};
        Runnable choices = () -> {
            quiet[0] = true;
            List<Base> all = new ArrayList<>(List.of(new Base(null)));
            model.bases().forEach(b -> all.add(new Base(b)));
            base.setChoices(all);
            base.valueProperty().set(new Base(model.baseProperty().get()));
            base.setDisable(model.subjectProperty().get() == null || !model.subjectProperty().get().isAdapter());
            quiet[0] = false;
        };
        base.valueProperty().addListener((o, old, now) -> {
            if (!quiet[0] && now != null) {
                model.on(now.subject());
            }
        });
        model.bases().addListener((javafx.beans.InvalidationListener) o -> choices.run());
        model.baseProperty().addListener((o, old, now) -> choices.run());
        model.subjectProperty().addListener((o, old, now) -> choices.run());
        choices.run();
        return base;
    }

    private Picker<Subject> other() {
        Picker<Subject> other = new Picker<>("Against", List.<Subject>of(), s -> s == null ? "none" : s.name());
        boolean[] quiet = {false};
        Runnable choices = () -> {
            quiet[0] = true;
            List<Subject> all = model.adapters().stream().filter(a -> !a.equals(model.subjectProperty().get())).toList();
            other.setChoices(all);
            other.valueProperty().set(model.otherProperty().get());
            other.setDisable(all.isEmpty() || model.subjectProperty().get() == null);
            quiet[0] = false;
        };
        other.valueProperty().addListener((o, old, now) -> {
            if (!quiet[0] && now != null) {
                model.compareWith(now);
            }
        });
        model.adapters().addListener((javafx.beans.InvalidationListener) o -> choices.run());
        model.otherProperty().addListener((o, old, now) -> choices.run());
        model.subjectProperty().addListener((o, old, now) -> choices.run());
        choices.run();
        return other;
    }

    @Override
    public Node inspector() {
        return inspector.node();
    }

    @Override
    public String csv() {
        Comparison c = model.comparison().orElse(null);
        if (model.modeProperty().get() == Mode.COMPARE && c != null) {
            Csv csv = new Csv();
            List<Object> head = new ArrayList<>(List.of("module", "layer", "frobenius_norm", "other_frobenius_norm"));
            for (Comparison.Measure m : Comparison.Measure.values()) {
                head.add(m.key());
            }
            csv.line(head);
            for (Comparison.Row r : c.rows()) {
                List<Object> line = new ArrayList<>(List.of(r.module(), index(r.layer()), figure(r.figure("frobenius_norm")), figure(r.figure("other_frobenius_norm"))));
                for (Comparison.Measure m : Comparison.Measure.values()) {
                    line.add(figure(r.figure(m.key())));
                }
                csv.line(line);
            }
            return csv.toString();
        }
        Along a = model.along().shownProperty().get();
        if (model.modeProperty().get() == Mode.RUN && a != null) {
            Csv csv = new Csv().line("step", "module", "layer", "effective_rank", "frobenius_norm", "component", "sigma", "norm_product", "gate");
            for (Along.Step step : a.steps()) {
                for (Along.Line l : step.lines()) {
                    for (int i = 0; i < l.sigma().length; i++) {
                        csv.line(step.step(), l.path(), index(l.layer()), l.effectiveRank(), l.norm(), i + 1, l.sigma()[i], i < l.normProduct().length ? (Object) l.normProduct()[i] : "",
                                i < l.gate().length ? (Object) l.gate()[i] : "");
                    }
                }
            }
            return csv.toString();
        }
        Study s = model.study().orElse(null);
        return s == null ? "" : csv(s);
    }

    private static final List<String> FIGURES = List.of("frobenius_norm", "spectral_norm", "nuclear_norm", "effective_rank", "effective_rank_squared", "normalised_effective_rank", "stable_rank",
            "participation_ratio", "rank_90", "rank_95", "rank_99", "knee", "interference", "rank_correlation", "relative_norm", "amplification", "own_amplification", "random_amplification",
            "similarity_left", "random_similarity_left", "similarity_right", "random_similarity_right", "intruders", "base_noise_edge");

    private String csv(Study s) {
        List<String> keys = FIGURES.stream().filter(k -> s.modules().stream().anyMatch(m -> m.row().figure(k).isPresent())).toList();
        Study measured = model.leftOut().orElse(null);
        List<AdapterArtifact.Domain> domains = measured == null ? List.of() : measured.artifact().domains();
        Csv csv = new Csv();
        List<Object> head = new ArrayList<>(List.of("module", "layer", "rows", "columns", "rank", "alpha", "scaling", "parameters"));
        head.addAll(keys);
        domains.forEach(d -> head.add("loss_without, " + d.name()));
        for (int i = 1; i <= s.mostRanks(); i++) {
            head.add("sigma_" + i);
        }
        csv.line(head);
        for (Module m : s.modules()) {
            AdapterArtifact.Row r = m.row();
            List<Object> line = new ArrayList<>(List.of(r.module(), index(r.layer()), r.out(), r.in(), r.rank(), r.alpha(), r.scaling(), r.parameters()));
            keys.forEach(k -> line.add(figure(r.figure(k))));
            List<Double> without = measured == null ? List.of() : measured.module(m.path()).map(x -> x.row().lossWithout()).orElse(List.of());
            for (int d = 0; d < domains.size(); d++) {
                line.add(d < without.size() && Double.isFinite(without.get(d)) ? (Object) without.get(d) : "");
            }
            for (int i = 0; i < s.mostRanks(); i++) {
                line.add(i < m.sigma().length ? (Object) m.sigma()[i] : "");
            }
            csv.line(line);
        }
        return csv.toString();
    }

    private static Object index(int i) {
        return i < 0 ? "" : (Object) i;
    }

    private static Object figure(java.util.OptionalDouble v) {
        return v.isPresent() ? (Object) v.getAsDouble() : "";
    }

    @Override
    public List<HelpTopic> help() {
        return LoraHelp.TOPICS;
    }

    @Override
    public void find() {
        importance.focus();
    }

    @Override
    public String exportName() {
        String of = subject().map(Subject::name).or(() -> model.study().map(s -> s.artifact().adapter())).or(() -> model.comparison().map(Comparison::adapter)).orElse("adapter")
                .replaceAll("[^A-Za-z0-9._-]+", "-");
        return of + "-lora-" + model.modeProperty().get().label().toLowerCase(Locale.ROOT);
    }

    @Override
    public Optional<Task> task() {
        return model.task();
    }

    @Override
    public List<Place> places() {
        return model.study().map(s -> s.modules().stream().map(m -> new Place("Modules", Icons.LORA, m.title(), Visible.name(m.path()), () -> model.selectedProperty().set(m.path()))).toList())
                .orElse(List.of());
    }
}
