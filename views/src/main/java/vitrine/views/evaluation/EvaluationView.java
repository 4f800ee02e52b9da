package vitrine.views.evaluation;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.Provenance;
import vitrine.core.task.Task;
import vitrine.resources.Styles;
import vitrine.resources.Guide;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Quantity;
import vitrine.views.control.Sections;
import vitrine.views.control.Segments;
import vitrine.views.view.HelpTopic;
import vitrine.views.view.Subject;
import vitrine.views.view.View;
import vitrine.views.view.ViewKind;

/// An evaluation's maps: how unevenly weights count, and which layers that attend alike. Shows results that were made before.
public final class EvaluationView implements View {

    private static final Guide.Section MAPS = new Guide.Section("pruning", "Smaller models within one, and smaller caches", "");
    private static final List<HelpTopic> TOPICS = List.of(
            new HelpTopic("Heterogeneity", "How much a few weights of a matrix count for more than the others: 1 where all count alike. By impact few weights stand out far more than by magnitude, so that pruning and coarse quantisation should spare them.",
                    "mean(largest 1 % of s) ÷ max(other 99 % of s);  impact s = mean over texts of (∂L/∂W)²", "Cui and Wang, Cherry on Top (CherryQ), 2024, arXiv 2404.02837", MAPS),
            new HelpTopic("Cherries in common", "Of the weights of most impact (one of 256) by two texts, the share that both have: high where the same weights count whatever the text.", "|A ∩ B| ÷ |A ∪ B|", "Definition", MAPS),
            new HelpTopic("Layers that attend alike", "How far two layers' mean attention is apart, 0 to ln 2. A layer joins the group before it where it is near the group's first layer, and takes over its queries or its attention weights.",
                    "JS(P, Q) = ½ KL(P ‖ M) + ½ KL(Q ‖ M), M = ½(P + Q)", "Zhuang et al., Q Cache, 2026, arXiv 2602.01901; Lin, 1991", MAPS));

    private final VBox inspector = new VBox();
    private final Sides body = new Sides();
    private Evaluated shown;
    private ImpactCards impact;
    private LazyCards lazy;
    private Segments<String> modes;
    private String mode = "";

    /// Whether an evaluation's artifact or its JSON holds a map that this view draws.
    public static boolean shows(Path path) {
        if (Files.isRegularFile(path.resolve(Manifest.FILE))) {
            Manifest m = Manifest.read(path);
            return m.kind().equals("eval") && Evaluated.holdsMap(m.summary());
        }
        return Files.isRegularFile(path) && path.toString().endsWith(".json") && Evaluated.isOne(path);
    }

    @Override
    public ViewKind kind() {
        return mode.equals(Evaluated.LAZY) ? ViewKind.ATTENTION : ViewKind.RANK;
    }

    @Override
    public Optional<Subject> subject() {
        return Optional.empty();
    }

    /// A result is of the checkpoint that it was made of.
    @Override
    public void show(Subject subject) {}

    @Override
    public boolean choosesItsSubject() {
        return true;
    }

    @Override
    public void open(Path artifact) {
        Evaluated e = Evaluated.read(artifact);
        shown = e;
        impact = e.has(Evaluated.IMPACT) ? new ImpactCards(e) : null;
        lazy = e.has(Evaluated.LAZY) ? new LazyCards(e) : null;
        mode = impact != null ? Evaluated.IMPACT : Evaluated.LAZY;
        modes = impact == null || lazy == null ? null : new Segments<>(List.of(Evaluated.IMPACT, Evaluated.LAZY), m -> m.equals(Evaluated.IMPACT) ? "Weights" : "Layers");
        if (modes != null) {
            modes.valueProperty().addListener((o, old, now) -> {
                mode = now;
                arrange();
            });
        }
        arrange();
    }

    ImpactCards impact() {
        return impact;
    }

    LazyCards lazy() {
        return lazy;
    }

    private void arrange() {
        body.show(mode.equals(Evaluated.IMPACT) ? List.of(impact.map(), impact.curves()) : List.of(lazy.map(), lazy.losses()));
        tell();
    }

    private void tell() {
        Label title = new Label(shown.model());
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        title.setWrapText(true);
        Provenance p = shown.measured("mean negative log-likelihood over all predicted tokens, natural logarithm");
        VBox facts = Sections.section(KeyValueRow.of("Perplexity", number("perplexity", Numbers::perplexity, p)), KeyValueRow.of("Tokens", number("predicted_tokens", Numbers::count, p)));
        if (shown.task() != null) {
            facts.getChildren().add(KeyValueRow.ofName("Text", Path.of(shown.task().data()).getFileName().toString()));
        }
        Label recipe = new Label(shown.figures().path(mode).path("recipe").asText());
        recipe.setWrapText(true);
        recipe.getStyleClass().add(Styles.CAPTION);
        inspector.getChildren().setAll(ProvenanceAudit.notAFigure(Sections.section(title), "name of the checkpoint"), facts, ProvenanceAudit.notAFigure(Sections.section(Sections.head("Recipe"), recipe), "explanation"));
    }

    private Quantity number(String key, java.util.function.DoubleFunction<String> format, Provenance p) {
        return shown.figures().path(key).isNumber() ? Quantity.of(shown.figures().path(key).asDouble(), format, p) : Quantity.missing("not told", p);
    }

    @Override
    public Node body() {
        return body;
    }

    @Override
    public List<Node> headerControls() {
        return modes == null ? List.of() : List.of(modes);
    }

    @Override
    public Node inspector() {
        return inspector;
    }

    @Override
    public String command() {
        return shown.command().orElse("");
    }

    @Override
    public String csv() {
        return mode.equals(Evaluated.IMPACT) ? impact.chart().csv() : lazy.chart().csv();
    }

    @Override
    public List<HelpTopic> help() {
        return TOPICS;
    }

    @Override
    public void find() {
        body.requestFocus();
    }

    @Override
    public String exportName() {
        return shown.model() + (mode.equals(Evaluated.IMPACT) ? "-heterogeneity" : "-lazy");
    }

    @Override
    public Optional<Task> task() {
        return Optional.ofNullable(shown.task());
    }

    /// Two cards: beside each other where there is room, else one above the other.
    private static final class Sides extends Region {
        private static final double GAP = 12;
        private static final double WIDE = 1300;
        /// Taller cards would be empty.
        private static final double TALLEST = 760;
        private List<Card> cards = List.of();

        Sides() {
            setMinSize(0, 0);
        }

        void show(List<Card> two) {
            cards = two;
            getChildren().setAll(two);
            requestLayout();
        }

        @Override
        protected void layoutChildren() {
            if (cards.isEmpty()) {
                return;
            }
            double w = getWidth();
            double h = getHeight();
            if (w >= WIDE) {
                double left = Math.floor((w - GAP) * 0.54);
                cards.getFirst().resizeRelocate(0, 0, left, Math.min(h, TALLEST));
                cards.getLast().resizeRelocate(left + GAP, 0, w - left - GAP, Math.min(h, TALLEST));
            } else {
                double upper = Math.floor((h - GAP) * 0.55);
                cards.getFirst().resizeRelocate(0, 0, w, upper);
                cards.getLast().resizeRelocate(0, upper + GAP, w, h - upper - GAP);
            }
        }
    }
}
