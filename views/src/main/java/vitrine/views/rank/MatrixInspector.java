package vitrine.views.rank;

import static vitrine.views.control.Sections.head;
import static vitrine.views.control.Sections.section;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.Tooltip;
import javafx.scene.input.KeyCode;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Measure;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.SpectrumArtifact.Figure;
import vitrine.core.refusal.Visible;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.ProvenanceBadge;
import vitrine.views.control.Quantity;
import vitrine.views.control.Sections;
import vitrine.views.tasks.ViewState;

/// The selected matrix in figures, how it stands against a random one, and where the lowest ranks are.
final class MatrixInspector {

    private static final int LISTED = 5;
    private static final int EXPERTS = 12;
    private static final List<Measure> RANKS = List.of(Measure.EFFECTIVE_RANK, Measure.NORMALISED_EFFECTIVE_RANK, Measure.EFFECTIVE_RANK_SQUARED, Measure.STABLE_RANK,
            Measure.PARTICIPATION_RATIO, Measure.NUMERICAL_RANK);
    private static final List<Measure> NORMS = List.of(Measure.SPECTRAL_NORM, Measure.FROBENIUS_NORM, Measure.NUCLEAR_NORM, Measure.CONDITION_NUMBER, Measure.RELATIVE_CHANGE);
    private static final List<Measure> TAIL = List.of(Measure.ALPHA, Measure.ALPHA_HAT, Measure.ALPHA_TAIL, Measure.ALPHA_DISTANCE);
    private static final List<Measure> NOISE = List.of(Measure.NOISE_EDGE, Measure.SPIKES, Measure.SOFT_RANK);

    private final RankViewModel model;
    private final VBox box = new VBox();
    private final ScrollPane scroll = new ScrollPane(box);
    private Button truncate;

    MatrixInspector(RankViewModel model) {
        this.model = model;
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        for (var p : List.of(model.stateProperty(), model.selectedProperty(), model.comparedProperty(), model.measureProperty(), model.normalisedProperty())) {
            p.addListener((o, old, now) -> show());
        }
        model.truncated().versionProperty().addListener((o, old, now) -> show());
        for (var p : List.of(model.truncated().beforeProperty(), model.truncated().afterProperty(), model.textProperty(), model.truncationsProperty())) {
            p.addListener((o, old, now) -> show());
        }
        for (var p : List.of(model.shareProperty(), model.ruleProperty())) {
            p.addListener((o, old, now) -> slid());
        }
        show();
    }

    Node node() {
        return scroll;
    }

    private void show() {
        Sections.anew(box, this::fill);
    }

    private void fill() {
        Spectra s = model.spectra().orElse(null);
        Item i = model.item().orElse(null);
        if (s == null || i == null) {
            Label hint = new Label("Figures of the selected matrix appear here.");
            hint.setWrapText(true);
            hint.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            box.getChildren().add(section(head("Matrix"), ProvenanceAudit.notAFigure(hint, "what will stand here")));
            return;
        }
        box.getChildren().add(heading(s, i));
        if (i.absent() != null) {
            box.getChildren().add(note(capital(i.absent()) + "."));
        }
        add(ranks(s, i));
        add(figures("Norms", s, i, NORMS));
        add(truncated());
        add(random(s, i));
        add(figures("Power law", s, i, TAIL));
        add(figures("Against noise", s, i, NOISE));
        add(experts(s, i));
        add(lowest(s));
        add(outside(s));
        box.getChildren().add(source(s, i));
    }

    private void add(Node node) {
        if (node != null) {
            box.getChildren().add(node);
        }
    }

    private Node heading(Spectra s, Item i) {
        Label title = new Label(i.title());
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        title.setWrapText(true);
        String what = s instanceof WeightSpectra ? i.shape() + ", " + i.dtype() + (i.kind().heads() > 0 || isAttention(i) ? i.head() < 0 ? ", all heads together" : ", one head" : "")
                + (((WeightSpectra) s).against() == null ? "" : ", change from " + ((WeightSpectra) s).against())
                : String.format(Locale.ROOT, "%,d tokens × %,d, %s", i.rows(), i.columns(), i.method());
        Label about = new Label(what);
        about.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        about.setWrapText(true);
        VBox heading = section(title, about);
        if (model.comparedProperty().get() != null && !model.comparedProperty().get().equals(i.place())) {
            Label kept = new Label("Compared with " + model.at(0, model.comparedProperty().get()).map(Item::title).orElse("") + ", Esc ends that");
            kept.getStyleClass().add(Styles.CAPTION);
            kept.setWrapText(true);
            heading.getChildren().add(kept);
        }
        return ProvenanceAudit.notAFigure(heading, "name and shape of the matrix");
    }

    private static boolean isAttention(Item i) {
        return List.of("query", "key", "value", "output").contains(i.kind().id());
    }

    private static Node note(String text) {
        Label label = new Label(text);
        label.setWrapText(true);
        label.setMinHeight(Region.USE_PREF_SIZE);
        label.getStyleClass().addAll(Styles.SMALL, Styles.WARNING_TEXT);
        label.setGraphic(Icons.WARNING.node());
        return section(ProvenanceAudit.notAFigure(label, "why there is no figure"));
    }

    /// How an item's figures came about: an estimate's with the interval of each.
    private static Provenance from(Spectra s, Item i, Measure m) {
        Provenance p = s.provenance(i);
        Figure f = i.figures().get(m);
        String method = Measures.name(m, false) + (Measures.formula(m, false).isEmpty() ? "" : " = " + Measures.formula(m, false)) + "; " + p.method();
        return f != null && f.estimated() ? Provenance.estimated(p.source(), method, p.samples(), (f.high() - f.low()) / 2) : new Provenance(p.kind(), p.source(), p.dtype(), method, p.samples(), p.error());
    }

    private static KeyValueRow row(Spectra s, Item i, Measure m) {
        boolean normalised = m == Measure.NORMALISED_EFFECTIVE_RANK;
        String name = normalised ? "Normalised" : m == Measure.EFFECTIVE_RANK_SQUARED ? "Effective rank (σ²)" : m == Measure.SPECTRAL_NORM ? "Spectral, σ₁"
                : m == Measure.FROBENIUS_NORM ? "Frobenius" : m == Measure.NUCLEAR_NORM ? "Nuclear, Σσ" : m == Measure.SOFT_RANK ? "Soft rank" : m.label();
        KeyValueRow row = KeyValueRow.of(name, Quantity.of(i.figures().get(m).value(), normalised || m == Measure.ALPHA_DISTANCE ? Numbers::probability : Measures.format(m, false), from(s, i, m)));
        Tooltip.install(row, new Tooltip(Measures.formula(m, false).isEmpty() ? m.label() : m.label() + " = " + Measures.formula(m, false)));
        return row;
    }

    private static Node figures(String title, Spectra s, Item i, List<Measure> measures) {
        List<Measure> there = measures.stream().filter(i.figures()::containsKey).toList();
        if (there.isEmpty()) {
            return null;
        }
        VBox rows = section(head(title, new ProvenanceBadge(from(s, i, there.getFirst()))));
        there.forEach(m -> rows.getChildren().add(row(s, i, m)));
        return rows;
    }

    private static Node ranks(Spectra s, Item i) {
        VBox rows = (VBox) figures("Rank measures", s, i, RANKS);
        if (rows == null) {
            return null;
        }
        Figure f90 = i.figures().get(Measure.RANK_90);
        Figure f99 = i.figures().get(Measure.RANK_99);
        if (f90 != null && f99 != null) {
            Label both = new Label(Numbers.count(f90.value()) + ", " + Numbers.count(f99.value()));
            both.getStyleClass().add(Styles.MONO);
            rows.getChildren().add(KeyValueRow.of("Rank for 90 %, 99 %", ProvenanceAudit.tag(both, from(s, i, Measure.RANK_90))));
        }
        Figure er = i.figures().get(Measure.EFFECTIVE_RANK);
        if (er != null && er.estimated()) {
            Label interval = new Label("95 % interval " + Numbers.fixed(er.low(), 1) + " to " + Numbers.fixed(er.high(), 1));
            interval.getStyleClass().add(Styles.CAPTION);
            rows.getChildren().add(ProvenanceAudit.tag(interval, from(s, i, Measure.EFFECTIVE_RANK)));
        }
        if (i.note() != null) {
            Label note = new Label(capital(i.note()) + ".");
            note.setWrapText(true);
            note.setMinHeight(Region.USE_PREF_SIZE);
            note.getStyleClass().addAll(Styles.CAPTION, Styles.WARNING_TEXT);
            rows.getChildren().add(ProvenanceAudit.tag(note, s.provenance(i)));
        }
        return rows;
    }

    /// The slider moves while it is dragged: only the button's words follow at once.
    private void slid() {
        if (truncate != null) {
            truncate.setText(words());
        }
    }

    private String words() {
        Item i = model.item().orElse(null);
        return i != null && model.truncated().has(i) ? "Whole again" : "Keep rank " + model.truncation().map(t -> Numbers.count(Math.max(1, model.whatIf().rank(t)))).orElse("");
    }

    /// What if: matrices of which only the largest directions stay, and what that does to the loss on the text.
    private Node truncated() {
        Truncated t = model.truncated();
        truncate = null;
        if (model.modeProperty().get() != RankViewModel.Mode.WEIGHTS) {
            return null;
        }
        String why = model.noTruncation();
        truncate = Buttons.plain(why.isEmpty() ? words() : "Truncate", model::toggleTruncation);
        truncate.setId("truncate");
        ProvenanceAudit.notAFigure(truncate, "a rank to keep");
        Buttons.disableBecause(truncate, why, "The text passes with only so many singular directions of this matrix, as the threshold says; no weight is changed");
        FlowPane buttons = new FlowPane(8, 8, truncate);
        VBox rows = section(head("Truncated"));
        rows.getChildren().add(buttons);
        if (!why.isEmpty()) {
            rows.getChildren().add(small(why, Styles.MUTED));
        }
        if (!t.any()) {
            return rows;
        }
        buttons.getChildren().add(Buttons.plain("All whole", t::clear));
        Runnable permanently = model.truncatedForm();
        if (permanently != null) {
            Button permanent = Buttons.plain("Make permanent…", Icons.PRUNE, permanently);
            permanent.setId("ranks-permanent");
            permanent.setTooltip(new Tooltip("Opens the form of a pruning run that writes a checkpoint with these matrices of lower rank"));
            buttons.getChildren().add(permanent);
        }
        rows.getChildren().add(small(String.join("; ", t.kept().values().stream().map(k -> k.title() + ": " + k.rank() + " of " + k.of()).toList()), Styles.MUTED));
        Truncated.Loss whole = t.beforeProperty().get().valueOrNull();
        Truncated.Loss now = t.afterProperty().get().valueOrNull();
        if (t.afterProperty().get() instanceof ViewState.Problem<Truncated.Loss> p) {
            rows.getChildren().add(small(p.what() + ". " + String.join(" ", p.details()), Styles.DANGER_TEXT));
        } else if (whole != null && now != null && !(t.afterProperty().get() instanceof ViewState.Working)) {
            double change = now.value() - whole.value();
            Label number = new Label(Numbers.orReason(change, v -> Numbers.change(v, 4)) + (change < 0 ? " ↓" : change > 0 ? " ↑" : ""));
            number.getStyleClass().addAll(Styles.MONO, change < 0 ? Styles.SUCCESS_TEXT : change > 0 ? Styles.DANGER_TEXT : Styles.MUTED);
            rows.getChildren().addAll(KeyValueRow.of("Loss, whole", Quantity.of(whole.value(), Numbers::loss, whole.provenance()).in("nats")),
                    KeyValueRow.of("Loss, truncated", Quantity.of(now.value(), Numbers::loss, now.provenance()).in("nats")), KeyValueRow.of("Change", ProvenanceAudit.tag(number, now.provenance())));
        } else if (model.noLoss().isEmpty()) {
            rows.getChildren().add(small("measuring", Styles.MUTED));
        }
        return rows;
    }

    private static Node small(String text, String style) {
        Label label = new Label(text);
        label.setWrapText(true);
        label.setMinHeight(Region.USE_PREF_SIZE);
        label.getStyleClass().addAll(Styles.SMALL, style);
        return ProvenanceAudit.notAFigure(label, "names of matrices, or a message");
    }

    private Node random(Spectra s, Item i) {
        Measure m = Measures.random(model.measureProperty().get()) == null ? Measure.EFFECTIVE_RANK : model.measureProperty().get();
        if (i.random(m, true).isEmpty() || i.value(m, true).isEmpty()) {
            return null;
        }
        double random = i.random(m, true).getAsDouble();
        double is = i.value(m, true).getAsDouble();
        long percent = Math.round(100 * Math.abs(1 - is / random));
        Label words = new Label("A random " + i.shape() + " matrix reaches " + Numbers.probabilityInList(random) + ". This one stands at " + Numbers.probabilityInList(is) + ": "
                + (percent == 0 ? "the same." : percent + "\u00a0% " + (is < random ? "lower." : "higher.")));
        words.setWrapText(true);
        words.setMinHeight(Region.USE_PREF_SIZE);
        words.getStyleClass().add(Styles.SMALL);
        FigureCanvas bar = new FigureCanvas(new RandomBar(is, random, i.kind().category()));
        bar.setMinHeight(36);
        Provenance from = Provenance.derived(i.name(), i.dtype(), Measures.name(m, true) + ", and its limit for large matrices of independent entries of this shape");
        ProvenanceAudit.tag(words, from);
        ProvenanceAudit.tag(bar, from);
        return section(head("Against a random matrix", new ProvenanceBadge(from).explained(Guide.Section.formula("rank", "random line"))), words, bar);
    }

    /// A row that selects a spectrum.
    private Node link(Spectra s, Item i, Measure m, boolean n, String name) {
        Region swatch = new Region();
        swatch.getStyleClass().addAll("vt-part", "vt-square", "vt-part-" + (i.kind().category() % 12 + 1));
        Label label = ProvenanceAudit.notAFigure(new Label(name), "name of a matrix");
        label.getStyleClass().add(Styles.SMALL);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        Label value = new Label(i.value(m, n).isPresent() ? Measures.format(m, n).apply(i.value(m, n).getAsDouble()) : Numbers.MISSING);
        value.getStyleClass().add(Styles.MONO);
        value.setMinWidth(Region.USE_PREF_SIZE);
        ProvenanceAudit.tag(value, from(s, i, m));
        HBox row = new HBox(8, swatch, label, space, value);
        row.setAlignment(Pos.CENTER_LEFT);
        row.setMinHeight(24);
        row.setFocusTraversable(true);
        row.getStyleClass().add("vt-link-row");
        row.setAccessibleText(name + " " + value.getText());
        row.setOnMouseClicked(e -> model.selectedProperty().set(i.place()));
        row.setOnKeyPressed(e -> {
            if (e.getCode() == KeyCode.ENTER || e.getCode() == KeyCode.SPACE) {
                model.selectedProperty().set(i.place());
                e.consume();
            }
        });
        Tooltip.install(row, new Tooltip("Select " + (i.name().isEmpty() ? i.title() : Visible.name(i.name()))));
        return row;
    }

    private Node lowest(Spectra s) {
        Measure m = model.measureProperty().get();
        boolean n = model.normalisedProperty().get() && Measures.isRank(m);
        List<Item> items = model.lowest(LISTED);
        if (items.isEmpty()) {
            return null;
        }
        VBox rows = section(head("Lowest " + Measures.name(m, n)));
        items.forEach(i -> rows.getChildren().add(link(s, i, m, n, i.name().isEmpty() ? "Layer " + i.layer() + ", " + i.kind().label() : i.title())));
        return rows;
    }

    /// Embeddings and heads, which belong to no layer.
    private Node outside(Spectra s) {
        Measure m = model.measureProperty().get();
        boolean n = model.normalisedProperty().get() && Measures.isRank(m);
        List<Item> items = s.items().stream().filter(i -> i.checkpoint() == 0 && i.layer() < 0).toList();
        if (items.isEmpty()) {
            return null;
        }
        VBox rows = section(head("Outside the layers"));
        items.stream().limit(LISTED).forEach(i -> rows.getChildren().add(link(s, i, m, n, i.title())));
        return rows;
    }

    /// The experts of the selected layer, lowest first.
    private Node experts(Spectra s, Item i) {
        if (i.expert() < 0) {
            return null;
        }
        Measure m = model.measureProperty().get();
        boolean n = model.normalisedProperty().get() && Measures.isRank(m);
        List<Item> all = new ArrayList<>(s.at(0, i.kind(), i.layer(), i.head()));
        all.sort(Comparator.comparingDouble(e -> e.value(m, n).orElse(Double.POSITIVE_INFINITY)));
        VBox rows = section(head("Experts of layer " + i.layer() + ", " + i.kind().label()));
        all.stream().limit(EXPERTS).forEach(e -> rows.getChildren().add(link(s, e, m, n, "Expert " + e.expert())));
        if (all.size() > EXPERTS) {
            Label more = new Label(String.format(Locale.ROOT, "The lowest %d of %,d.", EXPERTS, all.size()));
            more.getStyleClass().add(Styles.CAPTION);
            rows.getChildren().add(ProvenanceAudit.notAFigure(more, "a count of rows"));
        }
        return rows;
    }

    private Node source(Spectra s, Item i) {
        VBox rows = section(head("Source", new ProvenanceBadge(s.provenance(i))));
        if (!i.name().isEmpty()) {
            rows.getChildren().add(KeyValueRow.ofName("Tensor", Visible.name(i.name())));
        }
        rows.getChildren().add(KeyValueRow.ofName(s.checkpoints().size() > 1 ? "Checkpoints" : "Checkpoint", s.subject()));
        if (s instanceof ValueSpectra v) {
            Provenance from = Provenance.measured(v.subject(), "", "tokens that passed");
            rows.getChildren().add(KeyValueRow.of("Text", Quantity.of(v.ranks().tokens(), Numbers::count, from).in("tokens")));
            rows.getChildren().add(KeyValueRow.of("Sequences", Quantity.of(v.ranks().sequences(), Numbers::count, from)));
            rows.getChildren().add(KeyValueRow.ofName("Mean over tokens", v.ranks().centred() ? "taken away" : "kept"));
        } else {
            rows.getChildren().add(KeyValueRow.ofName("Method", i.method().isEmpty() ? "–" : i.method()));
        }
        for (String w : s.artifact().manifest().warnings().stream().limit(4).toList()) {
            Label label = new Label(w);
            label.setWrapText(true);
            label.setMinHeight(Region.USE_PREF_SIZE);
            label.getStyleClass().addAll(Styles.CAPTION, Styles.WARNING_TEXT);
            rows.getChildren().add(ProvenanceAudit.notAFigure(label, "a warning of the engine"));
        }
        Button keep = Buttons.plain(i.place().equals(model.comparedProperty().get()) ? "Let go" : "Keep to compare", Icons.PIN, model::pin);
        keep.setTooltip(new Tooltip("Draws this spectrum dashed beside others (P)"));
        FlowPane buttons = new FlowPane(8, 8, keep, EnergyCard.lowRankCopy(model));
        buttons.setPadding(new Insets(8, 0, 0, 0));
        rows.getChildren().add(buttons);
        return rows;
    }

    private static String capital(String text) {
        return text.isEmpty() ? text : Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }
}
