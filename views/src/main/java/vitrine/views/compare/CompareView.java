package vitrine.views.compare;

import atlantafx.base.controls.Popover;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import javafx.geometry.Pos;
import javafx.geometry.Side;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.CheckMenuItem;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.MenuItem;
import javafx.scene.control.SeparatorMenuItem;
import javafx.scene.control.TextArea;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.CompareArtifact;
import vitrine.core.task.Task;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Csv;
import vitrine.views.control.Buttons;
import vitrine.views.control.GuideLink;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.control.Popovers;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.view.HelpTopic;
import vitrine.views.view.Place;
import vitrine.views.view.Subject;
import vitrine.views.view.View;
import vitrine.views.view.ViewKind;

/// Two models side by side: what they do with the same texts and tokens, how their weights differ, which settings do.
public final class CompareView implements View {

    private final CompareViewModel model;
    private final HeadsCard heads;
    private final LossCard loss;
    private final MapsCard maps;
    private final MapsCard second;
    private final KindsCard change;
    private final KindsCard rank;
    private final CompareLayout body;
    private final CompareInspector inspector;
    private Supplier<List<Path>> files = List::of;

    public CompareView(TaskBoard board) {
        this(new CompareViewModel(board));
    }

    CompareView(CompareViewModel model) {
        this.model = model;
        loss = new LossCard(model, this::writePrompt);
        maps = new MapsCard(model, MapsCard.Of.HEAD, "maps");
        second = new MapsCard(model, MapsCard.Of.LENS, "second-maps");
        heads = new HeadsCard(model);
        change = new KindsCard(model, KindsCard.Of.CHANGE);
        rank = new KindsCard(model, KindsCard.Of.RANK);
        PerplexityCard perplexity = new PerplexityCard(model, this::chooseTexts);
        body = new CompareLayout(model, List.of(perplexity.node(), loss.node(), maps.node(), second.node(), heads.node()), change.node(), rank.node(), new TableCard(model));
        inspector = new CompareInspector(model);
        GuideLink.about(body, Guide.Section.formulas("compare"));
        GuideLink.about(inspector.node(), Guide.Section.formulas("compare"));
        body.addEventHandler(KeyEvent.KEY_PRESSED, this::key);
    }

    /// What is shown and asked for.
    public CompareViewModel model() {
        return model;
    }

    /// How the window asks for texts.
    public void chooseFilesWith(Supplier<List<Path>> asking) {
        files = asking;
    }

    MapsCard maps() {
        return maps;
    }

    HeadsCard heads() {
        return heads;
    }

    LossCard loss() {
        return loss;
    }

    KindsCard change() {
        return change;
    }

    KindsCard rank() {
        return rank;
    }

    private void key(KeyEvent e) {
        if (e.isShortcutDown() || e.isAltDown()) {
            return;
        }
        if (e.getCode() == KeyCode.X) {
            model.swap();
            e.consume();
        }
    }

    private void chooseTexts() {
        textMenu().show(body, Side.TOP, 40, 40);
    }

    /// Texts to take in or out, and a file of one's own.
    ContextMenu textMenu() {
        ContextMenu menu = new ContextMenu();
        List<ComparedText> all = new ArrayList<>(model.texts());
        model.chosenTexts().stream().filter(t -> !all.contains(t)).forEach(all::add);
        for (ComparedText t : all) {
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
        file.setOnAction(e -> files.get().forEach(p -> model.toggle(new ComparedText(p.getFileName().toString(), p))));
        menu.getItems().add(file);
        return menu;
    }

    private void writePrompt() {
        writePrompt(body);
    }

    private void writePrompt(Node owner) {
        Popovers.showForm(owner, Popover.ArrowLocation.TOP_RIGHT, this::promptForm);
    }

    /// Where a prompt is written.
    Node promptForm(Runnable close) {
        TextArea text = new TextArea(model.promptProperty().get());
        text.setId("compare-prompt");
        text.setWrapText(true);
        text.setPrefRowCount(4);
        text.setPrefColumnCount(36);
        Button go = Buttons.primary("Compare on this prompt", () -> {
            model.promptProperty().set(text.getText());
            close.run();
        });
        text.addEventHandler(KeyEvent.KEY_PRESSED, e -> {
            if (e.getCode() == KeyCode.ENTER && e.isShortcutDown()) {
                go.fire();
                e.consume();
            }
        });
        HBox buttons = new HBox(go);
        buttons.setAlignment(Pos.CENTER_RIGHT);
        VBox box = new VBox(10, text, buttons);
        box.getStyleClass().add(Styles.POPOVER);
        return ProvenanceAudit.notAFigure(box, "a form");
    }

    @Override
    public ViewKind kind() {
        return ViewKind.COMPARE;
    }

    @Override
    public Optional<Subject> subject() {
        return model.checkpoints().stream().filter(s -> model.aProperty().get() != null && s.path().equals(model.aProperty().get().model())).findFirst();
    }

    @Override
    public void show(Subject subject) {
        model.show(subject);
    }

    @Override
    public boolean choosesItsSubject() {
        return true;
    }

    @Override
    public void open(Path artifact) {
        model.show(artifact);
    }

    @Override
    public CompareLayout body() {
        return body;
    }

    @Override
    public List<Node> headerControls() {
        HBox sides = new HBox(8, swatch(1), picker("A", model.aProperty()), new IconButton(Icons.SWAP, "Swap A and B", "X", model::swap), swatch(2), picker("B", model.bProperty()));
        sides.setAlignment(Pos.CENTER_LEFT);
        sides.setMinWidth(Region.USE_PREF_SIZE);
        ProvenanceAudit.notAFigure(sides, "what is compared");
        Segments<Mode> modes = new Segments<>(List.of(Mode.values()), Mode::label);
        modes.valueProperty().set(model.modeProperty().get());
        modes.valueProperty().bindBidirectional(model.modeProperty());
        Button prompt = Buttons.plain("Prompt…", Icons.EDIT, () -> { });
        prompt.setOnAction(e -> writePrompt(prompt));
        Button texts = Buttons.plain("Texts…", Icons.TEXT, () -> { });
        texts.setOnAction(e -> textMenu().show(texts, Side.BOTTOM, 0, 4));
        return List.of(sides, modes, prompt, texts);
    }

    private static Region swatch(int category) {
        Region swatch = new Region();
        swatch.getStyleClass().addAll("vt-part", "vt-square", "vt-part-" + category);
        return swatch;
    }

    private Picker<Candidate> picker(String label, javafx.beans.property.ObjectProperty<Candidate> chosen) {
        Picker<Candidate> picker = new Picker<>(label, List.<Candidate>of(), c -> c == null ? "" : c.name());
        picker.setMaxWidth(240);
        boolean[] quiet = {false};
        Runnable choices = () -> {
            quiet[0] = true;
            picker.setChoices(model.candidates());
            picker.valueProperty().set(chosen.get());
            picker.setDisable(model.candidates().isEmpty());
            quiet[0] = false;
        };
        picker.valueProperty().addListener((o, old, now) -> {
            if (!quiet[0] && now != null) {
                chosen.set(now);
            }
        });
        model.candidates().addListener((javafx.beans.InvalidationListener) o -> choices.run());
        chosen.addListener((o, old, now) -> choices.run());
        choices.run();
        return picker;
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
        Comparison c = model.comparison().orElse(null);
        if (c == null) {
            return "";
        }
        return switch (model.modeProperty().get()) {
            case BEHAVIOUR -> behaviour(c);
            case WEIGHTS -> weights(c);
            case SETTINGS -> settings(c);
        };
    }

    private static Object figure(double v) {
        return Double.isFinite(v) ? (Object) v : "";
    }

    private static String behaviour(Comparison c) {
        Csv csv = new Csv();
        if (!c.artifact().texts().isEmpty()) {
            csv.line("text", "perplexity_a", "perplexity_b", "perplexity_ratio", "bits_per_byte_a", "bits_per_byte_b");
            c.artifact().texts().forEach(t -> csv.line(t.name(), figure(t.a().perplexity()), figure(t.b().perplexity()), figure(t.ratio()), figure(t.a().bitsPerByte()), figure(t.b().bitsPerByte())));
        }
        if (c.losses()) {
            csv.line("position", "token", "loss_a", "loss_b", "kl_ab", "kl_ba", "js");
            for (int t = 1; t < c.tokens(); t++) {
                csv.line(t, c.artifact().prompt().tokens().get(t).text(), figure(c.lossA()[t - 1]), figure(c.lossB()[t - 1]), figure(c.klAb()[t - 1]), figure(c.klBa()[t - 1]), figure(c.js()[t - 1]));
            }
        }
        if (c.heads()) {
            csv.line("layer", "head", "total_variation", "first_token_mass_a", "first_token_mass_b");
            for (int l = 0; l < c.moved().length; l++) {
                for (int h = 0; h < c.moved()[l].length; h++) {
                    csv.line(l, h, figure(c.moved()[l][h]), figure(c.firstA()[l][h]), figure(c.firstB()[l][h]));
                }
            }
        }
        c.artifact().routing().forEach(r -> {
            for (int e = 0; e < r.loadA().length; e++) {
                csv.line("layer " + r.layer(), "expert " + e, figure(r.loadA()[e]), figure(r.loadB()[e]));
            }
        });
        return csv.toString();
    }

    private static String weights(Comparison c) {
        Csv csv = new Csv().line("matrix", "kind", "layer", "expert", "rows", "columns", "norm_a", "norm_b", "delta", "relative_change", "normalised_effective_rank_a", "normalised_effective_rank_b");
        for (CompareArtifact.Matrix m : c.artifact().matrices()) {
            csv.line(m.name(), m.kind(), m.layer() < 0 ? "" : (Object) m.layer(), m.expert() < 0 ? "" : (Object) m.expert(), m.rows(), m.columns(), figure(m.normA()), figure(m.normB()), figure(m.delta()),
                    figure(m.relative()), figure(m.rankA()), figure(m.rankB()));
        }
        return csv.toString();
    }

    private static String settings(Comparison c) {
        Csv csv = new Csv().line("of", "key", "a", "b");
        c.artifact().settings().forEach(s -> csv.line(s.of(), s.key(), s.a() == null ? "" : s.a(), s.b() == null ? "" : s.b()));
        return csv.toString();
    }

    @Override
    public List<HelpTopic> help() {
        return CompareHelp.TOPICS;
    }

    @Override
    public void find() {
        heads.focus();
    }

    @Override
    public String exportName() {
        String of = model.comparison().map(c -> model.name(false) + "-" + model.name(true)).orElse("compare").replaceAll("[^A-Za-z0-9._-]+", "-");
        return of + "-compare-" + model.modeProperty().get().label().toLowerCase(Locale.ROOT);
    }

    @Override
    public Optional<Task> task() {
        return model.task();
    }

    @Override
    public List<Place> places() {
        Comparison c = model.comparison().orElse(null);
        if (c == null) {
            return List.of();
        }
        List<Place> out = new ArrayList<>();
        for (int l = 0; l < c.moved().length; l++) {
            for (int h = 0; h < c.moved()[l].length; h++) {
                HeadId id = new HeadId(l, h);
                out.add(new Place("Heads", Icons.ATTENTION, id.toString(), "moved " + vitrine.views.chart.Numbers.probabilityInList(c.moved()[l][h]), () -> model.headProperty().set(id)));
            }
        }
        return out;
    }

    @Override
    public boolean release() {
        return model.release();
    }
}
