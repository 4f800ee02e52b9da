package vitrine.views.lora;

import static vitrine.views.control.Sections.head;
import static vitrine.views.control.Sections.section;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.DoubleFunction;
import java.util.function.Function;
import java.util.stream.IntStream;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.Tooltip;
import javafx.scene.input.KeyCode;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.refusal.Visible;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Axis;
import vitrine.views.chart.ColumnChart;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.ProvenanceBadge;
import vitrine.views.control.Quantity;

/// The selected module in figures, the modules that the loss needs most, and the adapter with its base.
final class ModuleInspector {

    private static final int LISTED = 5;

    private final LoraViewModel model;
    private final VBox box = new VBox();
    private final ScrollPane scroll = new ScrollPane(box);
    private final ColumnChart columns = new ColumnChart();
    private final FigureCanvas spectrum = new FigureCanvas(columns);
    private final ComponentsOffSection off;

    ModuleInspector(LoraViewModel model) {
        this.model = model;
        off = new ComponentsOffSection(model);
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        spectrum.setMinHeight(124);
        spectrum.setPrefHeight(124);
        spectrum.setMaxHeight(124);
        for (var p : List.of(model.studyProperty(), model.leftOutProperty(), model.selectedProperty(), model.comparisonProperty(), model.baseProperty(), model.modeProperty(), model.along().shownProperty(), model.along().atProperty())) {
            p.addListener((o, old, now) -> show());
        }
        for (var p : List.of(model.rankProperty(), model.ruleProperty(), model.energyProperty(), model.parametersProperty(), model.lossRiseProperty())) {
            p.addListener((o, old, now) -> dim());
        }
        show();
    }

    Node node() {
        return scroll;
    }

    /// How the window asks for a new folder, by a proposed name.
    void target(Function<String, Optional<Path>> asking) {
        off.target(asking);
    }

    private void dim() {
        Cut cut = model.cut();
        OptionalDouble k = cut == null || model.selectedProperty().get() == null ? OptionalDouble.empty() : cut.rank(model.studyProperty().get(), model.selectedProperty().get());
        columns.dimmedFrom(k.isPresent() ? (int) k.getAsDouble() : Integer.MAX_VALUE);
    }

    private void show() {
        box.getChildren().clear();
        if (model.modeProperty().get() == LoraViewModel.Mode.RUN && model.along().shownProperty().get() != null && model.along().nothing().isEmpty()) {
            along(model.along().shownProperty().get());
            return;
        }
        Study s = model.studyProperty().get();
        Module m = model.module().orElse(null);
        if (s != null && m != null) {
            box.getChildren().add(heading(m));
            if (m.row().absent() != null) {
                box.getChildren().add(warning(capital(m.row().absent()) + "."));
            } else {
                spectrum(s, m);
                if (model.modeProperty().get() != LoraViewModel.Mode.COMPARE) {
                    box.getChildren().add(off.node());
                }
                box.getChildren().add(delta(s, m));
                add(alignment(s, m));
            }
        }
        add(comparison());
        if (s == null || m == null) {
            if (box.getChildren().isEmpty()) {
                Label hint = new Label("Figures of the selected module appear here.");
                hint.setWrapText(true);
                hint.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
                box.getChildren().add(section(head("Module"), ProvenanceAudit.notAFigure(hint, "what will stand here")));
            }
            return;
        }
        add(dearest());
        box.getChildren().add(adapter(s));
    }

    /// The module at a step of a run.
    private void along(Along a) {
        int at = Math.clamp(model.along().atProperty().get(), 0, a.steps().size() - 1);
        Along.Line l = a.line(at, model.selectedProperty().get()).orElse(null);
        if (l == null) {
            return;
        }
        Label title = new Label(l.title());
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        title.setWrapText(true);
        Label about = new Label(String.format(Locale.ROOT, "Delta of %,d × %,d, rank %d, step %s", l.out(), l.in(), l.sigma().length, Numbers.count(a.steps().get(at).step())));
        about.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        about.setWrapText(true);
        about.setTooltip(new Tooltip(Visible.name(l.path())));
        box.getChildren().add(ProvenanceAudit.notAFigure(section(title, about), "name and shape of the module"));
        Provenance from = a.derived("singular values of ΔW = s B A at the step");
        List<String> names = new ArrayList<>();
        for (int i = 1; i <= l.sigma().length; i++) {
            names.add(Integer.toString(i));
        }
        columns.categories(names, "").series(List.of(ColumnChart.Series.of("σ", l.sigma(), Module.category(l.kind()))), Axis.of("").between(0, Double.NaN), Numbers::general);
        columns.dimmedFrom(Integer.MAX_VALUE);
        box.getChildren().add(section(head("Singular values of the delta", new ProvenanceBadge(from).explained(Guide.Section.formula("lora", "singular value"))), ProvenanceAudit.tag(spectrum, from)));
        VBox delta = section(head("Delta", new ProvenanceBadge(from).explained(Guide.Section.formula("lora", "effective rank"))));
        delta.getChildren().add(KeyValueRow.of("Effective rank", Quantity.of(l.effectiveRank(), v -> Numbers.fixed(v, 2) + " of " + l.sigma().length, from)));
        delta.getChildren().add(KeyValueRow.of("‖ΔW‖", Quantity.of(l.norm(), Numbers::general, from)));
        if (l.gate().length > 0) {
            Provenance gates = a.derived(Along.Measure.GATE.formula());
            delta.getChildren().add(KeyValueRow.of("Largest gate", Quantity.of(java.util.Arrays.stream(l.gate()).max().orElseThrow(), v -> Numbers.fixed(v, 3), gates)));
            delta.getChildren().add(KeyValueRow.of("Smallest gate", Quantity.of(java.util.Arrays.stream(l.gate()).min().orElseThrow(), v -> Numbers.fixed(v, 3), gates)));
        }
        box.getChildren().add(delta);
    }

    private void add(Node node) {
        if (node != null) {
            box.getChildren().add(node);
        }
    }

    private static Node warning(String text) {
        Label label = new Label(text);
        label.setWrapText(true);
        label.setMinHeight(Region.USE_PREF_SIZE);
        label.getStyleClass().addAll(Styles.SMALL, Styles.WARNING_TEXT);
        label.setGraphic(Icons.WARNING.node());
        return section(ProvenanceAudit.notAFigure(label, "why there is no figure"));
    }

    private static Node heading(Module m) {
        Label title = new Label(m.title());
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        title.setWrapText(true);
        AdapterArtifact.Row r = m.row();
        Label about = new Label(String.format(Locale.ROOT, "Delta of %,d × %,d, rank %d, scale %s%s", r.out(), r.in(), r.rank(), Numbers.general(r.scaling()), r.dora() ? ", DoRA" : ""));
        about.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        about.setWrapText(true);
        about.setTooltip(new Tooltip(Visible.name(r.module())));
        return ProvenanceAudit.notAFigure(section(title, about), "name and shape of the module");
    }

    private void spectrum(Study s, Module m) {
        Provenance from = m.row().dora() ? s.derived("singular values of s B A; W' − W with DoRA's magnitudes is of full rank") : s.derived("singular values of ΔW = s B A");
        List<String> names = IntStream.rangeClosed(1, m.sigma().length).mapToObj(Integer::toString).toList();
        columns.categories(names, "").series(List.of(ColumnChart.Series.of("σ", m.sigma(), m.category())), Axis.of("").between(0, Double.NaN), Numbers::general);
        dim();
        ProvenanceAudit.tag(spectrum, from);
        box.getChildren().add(section(head("Singular values of the delta", new ProvenanceBadge(from).explained(Guide.Section.formula("lora", "singular value"))), spectrum));
    }

    private static void row(VBox rows, Module m, String name, String key, DoubleFunction<String> format, Provenance from, String tooltip) {
        OptionalDouble v = m.row().figure(key);
        if (v.isPresent()) {
            KeyValueRow row = KeyValueRow.of(name, Quantity.of(v.getAsDouble(), format, from));
            Tooltip.install(row, new Tooltip(tooltip));
            rows.getChildren().add(row);
        }
    }

    private static Node delta(Study s, Module m) {
        Provenance from = s.derived("from the singular values of ΔW and the factors, float64");
        VBox rows = section(head("Delta", new ProvenanceBadge(from).explained(Guide.Section.formula("lora", "effective rank"))));
        m.row().figure("effective_rank").ifPresent(e -> {
            Label both = new Label(Numbers.fixed(e, 2) + " of " + m.sigma().length);
            both.getStyleClass().add(Styles.MONO);
            rows.getChildren().add(KeyValueRow.of("Effective rank", ProvenanceAudit.tag(both, from)));
        });
        row(rows, m, "Stable rank", "stable_rank", v -> Numbers.fixed(v, 2), from, "Σσ² ÷ σ₁²");
        row(rows, m, "‖ΔW‖", "frobenius_norm", Numbers::general, from, "Frobenius norm");
        row(rows, m, "‖ΔW‖ ÷ ‖W‖", "relative_norm", Numbers::probabilityInList, from, "Frobenius norms of delta and base weight");
        OptionalDouble r90 = m.row().figure("rank_90");
        OptionalDouble r99 = m.row().figure("rank_99");
        if (r90.isPresent() && r99.isPresent()) {
            Label both = new Label(Numbers.count(r90.getAsDouble()) + ", " + Numbers.count(r99.getAsDouble()));
            both.getStyleClass().add(Styles.MONO);
            rows.getChildren().add(KeyValueRow.of("Rank for 90 %, 99 %", ProvenanceAudit.tag(both, from)));
        }
        row(rows, m, "Knee", "knee", Numbers::count, from, "The rank at which cumulative energy lies farthest above the straight line");
        row(rows, m, "Interference", "interference", v -> Numbers.fixed(v, 3), from, "‖ΔW‖² ÷ Σ norm product²: 1 orthogonal, above reinforcing, below cancelling");
        row(rows, m, "Scores agree", "rank_correlation", v -> Numbers.fixed(v, 2), from, "Spearman's correlation of norm products and shares of the stored components");
        return rows;
    }

    private static Node alignment(Study s, Module m) {
        if (m.row().figure("base_frobenius_norm").isEmpty()) {
            return null;
        }
        Provenance from = s.derived("from the singular vectors of ΔW and of the base's weight");
        VBox rows = section(head("Against the base's weight", new ProvenanceBadge(from).explained(Guide.Section.formula("lora", "amplification"))));
        row(rows, m, "Amplification", "amplification", v -> Numbers.fixed(v, 2), from, Placement.AMPLIFICATION.formula());
        row(rows, m, "W's own directions", "own_amplification", v -> Numbers.fixed(v, 2), from, "The same with W's leading singular vectors instead");
        row(rows, m, "Random directions", "random_amplification", v -> Numbers.fixed(v, 2), from, "The same, expected of random directions");
        for (String side : List.of("left", "right")) {
            OptionalDouble is = m.row().figure("similarity_" + side);
            OptionalDouble chance = m.row().figure("random_similarity_" + side);
            if (is.isPresent() && chance.isPresent()) {
                Label both = new Label(Numbers.probabilityInList(is.getAsDouble()) + ", " + Numbers.probabilityInList(chance.getAsDouble()));
                both.getStyleClass().add(Styles.MONO);
                rows.getChildren().add(KeyValueRow.of("φ " + side + ", by chance", ProvenanceAudit.tag(both, from)));
            }
        }
        OptionalDouble intruders = m.row().figure("intruders");
        OptionalDouble of = m.row().figure("intruder_vectors");
        if (intruders.isPresent() && of.isPresent()) {
            Label both = new Label(Numbers.count(intruders.getAsDouble()) + " of " + Numbers.count(of.getAsDouble()));
            both.getStyleClass().add(Styles.MONO);
            rows.getChildren().add(KeyValueRow.of("Intruder dimensions", ProvenanceAudit.tag(both, from)));
        }
        row(rows, m, "Noise edge of W", "base_noise_edge", Numbers::general, from, "Upper edge of the Marchenko-Pastur law fitted to the bulk of W's singular values");
        return rows;
    }

    /// The selected module in both adapters.
    private Node comparison() {
        Comparison c = model.comparison().orElse(null);
        Comparison.Row r = c == null || model.selectedProperty().get() == null ? null : c.row(model.selectedProperty().get()).orElse(null);
        if (r == null || model.modeProperty().get() != LoraViewModel.Mode.COMPARE) {
            return null;
        }
        Provenance from = c.derived("from the factors of both deltas, float64");
        VBox rows = section(head("Against " + Visible.name(c.other()), new ProvenanceBadge(from).explained(Guide.Section.formula("lora", "two adapters"))));
        if (model.study().isEmpty()) {
            rows.getChildren().add(KeyValueRow.ofName("Module", r.title()));
        }
        for (Comparison.Measure m : Comparison.Measure.values()) {
            r.figure(m.key()).ifPresent(v -> rows.getChildren().add(KeyValueRow.of(capital(m.label()), Quantity.of(v, m == Comparison.Measure.COSINE ? x -> Numbers.fixed(x, 4) : Numbers::probability, from))));
        }
        r.figure("frobenius_norm").ifPresent(v -> rows.getChildren().add(KeyValueRow.of("‖ΔW₁‖", Quantity.of(v, Numbers::general, from))));
        r.figure("other_frobenius_norm").ifPresent(v -> rows.getChildren().add(KeyValueRow.of("‖ΔW₂‖", Quantity.of(v, Numbers::general, from))));
        return rows;
    }

    /// The modules whose absence costs most, and the selected one where it is none of them.
    private Node dearest() {
        if (model.leftOutProperty().get() instanceof vitrine.views.tasks.ViewState.Working<Study> w) {
            return section(head("Perplexity without the module"), vitrine.views.view.States.working(w.row()));
        }
        Study m = model.leftOut().orElse(null);
        List<Module> list = new ArrayList<>(model.dearest(LISTED));
        if (m == null || list.isEmpty()) {
            return null;
        }
        AdapterArtifact.Domain first = m.artifact().domains().getFirst();
        Provenance from = m.overTexts("perplexity with this module's delta left out and all others kept");
        VBox rows = section(head("Perplexity without the module", new ProvenanceBadge(from).explained(Guide.Section.formula("lora", "without a module"))));
        m.module(String.valueOf(model.selectedProperty().get())).filter(x -> !list.contains(x) && !x.row().lossWithout().isEmpty()).ifPresent(list::add);
        list.forEach(x -> rows.getChildren().add(link(x, from)));
        Label note = new Label(AdapterText.shown(first.name()) + ", first " + Numbers.count(first.tokens()) + " tokens; all " + m.modules().size() + " modules: " + Numbers.perplexity(first.after().perplexity()));
        note.getStyleClass().add(Styles.CAPTION);
        note.setWrapText(true);
        rows.getChildren().add(ProvenanceAudit.tag(note, from));
        return rows;
    }

    private Node link(Module m, Provenance from) {
        Region swatch = new Region();
        swatch.getStyleClass().addAll("vt-part", "vt-square", "vt-part-" + (m.category() % 12 + 1));
        Label label = ProvenanceAudit.notAFigure(new Label(m.title()), "name of a module");
        label.getStyleClass().add(Styles.SMALL);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        Label value = new Label(Numbers.perplexity(Math.exp(m.row().lossWithout().getFirst())));
        value.getStyleClass().add(Styles.MONO);
        value.setMinWidth(Region.USE_PREF_SIZE);
        ProvenanceAudit.tag(value, from);
        HBox row = new HBox(8, swatch, label, space, value);
        row.setAlignment(Pos.CENTER_LEFT);
        row.setMinHeight(24);
        row.setFocusTraversable(true);
        row.getStyleClass().add("vt-link-row");
        row.setAccessibleText(m.title() + " " + value.getText());
        row.setOnMouseClicked(e -> model.selectedProperty().set(m.path()));
        row.setOnMouseEntered(e -> model.hoveredProperty().set(m.path()));
        row.setOnMouseExited(e -> model.hoveredProperty().set(null));
        row.setOnKeyPressed(e -> {
            if (e.getCode() == KeyCode.ENTER || e.getCode() == KeyCode.SPACE) {
                model.selectedProperty().set(m.path());
                e.consume();
            }
        });
        Tooltip.install(row, new Tooltip("Select " + Visible.name(m.path())));
        return row;
    }

    private Node adapter(Study s) {
        AdapterArtifact a = s.artifact();
        Provenance from = Provenance.measured(a.adapter(), "", "the adapter's config and headers");
        VBox rows = section(head("Adapter", new ProvenanceBadge(from)));
        String declared = a.declaredBase().isEmpty() ? "not named" : Visible.name(a.declaredBase());
        rows.getChildren().add(KeyValueRow.ofName("Base", s.base() == null ? declared + ", not open" : Visible.name(s.base()) + " ✓"));
        if (s.base() != null && !a.declaredBase().isEmpty() && !a.declaredBase().endsWith(s.base())) {
            rows.getChildren().add(KeyValueRow.ofName("Config names", declared));
        }
        Label both = new Label(a.rank() + ", " + Numbers.general(a.alpha()) + (a.rankStabilised() ? ", rsLoRA" : "") + (a.dora() ? ", DoRA" : ""));
        both.getStyleClass().add(Styles.MONO);
        rows.getChildren().add(KeyValueRow.of("r, alpha", ProvenanceAudit.tag(both, from)));
        if (!a.initialisation().isEmpty() && !a.initialisation().equals("true")) {
            rows.getChildren().add(KeyValueRow.ofName("Initialisation", Visible.name(a.initialisation())));
        }
        rows.getChildren().add(KeyValueRow.of("Modules", Quantity.of(s.modules().size(), Numbers::count, from)));
        rows.getChildren().add(KeyValueRow.of("Parameters", Quantity.of(a.parameters(), Numbers::count, from)));
        rows.getChildren().add(KeyValueRow.of("File", Quantity.of(a.bytes(), Numbers::fileSize, from)));
        if (!a.savedWhole().isEmpty()) {
            rows.getChildren().add(KeyValueRow.ofName("Saved whole", String.join(", ", a.savedWhole().stream().map(Visible::name).toList())));
        }
        for (String w : a.artifact().manifest().warnings().stream().limit(4).toList()) {
            Label label = new Label(w);
            label.setWrapText(true);
            label.setMinHeight(Region.USE_PREF_SIZE);
            label.getStyleClass().addAll(Styles.CAPTION, Styles.WARNING_TEXT);
            rows.getChildren().add(ProvenanceAudit.notAFigure(label, "a warning of the engine"));
        }
        return rows;
    }

    private static String capital(String text) {
        return text.isEmpty() ? text : Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }
}
