package vitrine.views.attention;

import static vitrine.views.control.Sections.head;
import static vitrine.views.control.Sections.section;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.analysis.attention.HeadMetric;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.attention.AttentionViewModel.Show;
import vitrine.views.chart.BarList;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.HeatMap;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Scale;
import vitrine.views.control.Buttons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.ProvenanceBadge;
import vitrine.views.control.Quantity;
import vitrine.views.control.Sections;

/// The chosen head in figures, the keys of the locked query, heads kept at hand, and where it all comes from.
final class HeadInspector {

    private static final int LISTED_KEYS = 6;
    private static final List<HeadMetric> LISTED = List.of(HeadMetric.NORMALISED_ENTROPY, HeadMetric.DISTANCE, HeadMetric.FIRST_TOKEN_MASS, HeadMetric.PREVIOUS_TOKEN,
            HeadMetric.SELF_ATTENTION, HeadMetric.EFFECTIVE_CONTEXT, HeadMetric.DUPLICATE_TOKEN_SHARE, HeadMetric.INDUCTION_SHARE);

    private final AttentionViewModel model;
    private final VBox box = new VBox();
    private Consumer<ObjectNode> permanently;
    private final ScrollPane scroll = new ScrollPane(box);

    HeadInspector(AttentionViewModel model) {
        this.model = model;
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        for (var p : List.of(model.headProperty(), model.queryProperty(), model.showProperty(), model.captureState().stateProperty(),
                model.layerMapsState().stateProperty(), model.otherState().stateProperty(), model.rolloutState().stateProperty(), model.subjectProperty())) {
            p.addListener((o, old, now) -> show());
        }
        model.pinned().addListener((javafx.collections.ListChangeListener<HeadId>) c -> show());
        model.isolated().addListener((javafx.collections.SetChangeListener<Integer>) c -> show());
        model.switchedOff().withoutProperty().addListener((o, old, now) -> show());
        model.switchedOff().wholeProperty().addListener((o, old, now) -> show());
        show();
    }

    Node node() {
        return scroll;
    }

    private void show() {
        Sections.anew(box, this::fill);
    }

    private void fill() {
        AttentionCapture c = model.capture().orElse(null);
        if (c == null) {
            Label hint = new Label("Figures of the selected head appear here.");
            hint.setWrapText(true);
            hint.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            box.getChildren().add(section(head("Head"), ProvenanceAudit.notAFigure(hint, "what will stand here")));
            return;
        }
        HeadId h = model.headProperty().get();
        box.getChildren().addAll(heading(c, h), metrics(c, h), keys(c, h), switchedOff(h));
        if (!model.pinned().isEmpty()) {
            box.getChildren().add(pinned(c));
        }
        box.getChildren().add(source(c));
    }

    private Node heading(AttentionCapture c, HeadId h) {
        Label title = new Label(h.toString());
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        Label about = new Label(sharing(c, h));
        about.getStyleClass().add(Styles.SMALL);
        about.getStyleClass().add(Styles.MUTED);
        about.setWrapText(true);
        VBox heading = section(title, about);
        return ProvenanceAudit.notAFigure(heading, "name of the head");
    }

    private static String sharing(AttentionCapture c, HeadId h) {
        int group = c.heads() / Math.max(1, c.keyValueHeads(h.layer()));
        String window = c.window(h.layer()) > 0 ? String.format(Locale.ROOT, ". Window of %,d tokens", c.window(h.layer())) : "";
        if (group <= 1) {
            return "Key/value head of its own" + window;
        }
        int kv = h.head() / group;
        List<String> others = IntStream.range(kv * group, (kv + 1) * group).filter(i -> i != h.head()).mapToObj(Integer::toString).toList();
        String with = others.size() == 1 ? "head " + others.getFirst() : others.size() <= 4 ? "heads " + String.join(", ", others) : others.size() + " heads";
        return "Shares key/value head " + kv + " with " + with + window;
    }

    private Node metrics(AttentionCapture c, HeadId h) {
        VBox rows = section(head("Head metrics", new ProvenanceBadge(c.provenance(HeadMetric.NORMALISED_ENTROPY.tensor())).explained(Guide.Section.formula("attention", "normalised entropy"))));
        for (HeadMetric m : LISTED) {
            if (c.has(m)) {
                double v = c.metric(m, h.layer(), h.head());
                boolean tokens = m == HeadMetric.DISTANCE || m == HeadMetric.EFFECTIVE_CONTEXT;
                Quantity q = Double.isNaN(v) ? Quantity.missing("this layer has no such head", c.provenance(m.tensor()))
                        : Quantity.of(v, tokens ? x -> Numbers.fixed(x, 2) : Numbers::probabilityInList, c.provenance(m.tensor()));
                rows.getChildren().add(KeyValueRow.of(Labels.of(m), tokens ? q.in("tokens") : q));
            }
        }
        if (rows.getChildren().size() == 1) {
            Label none = new Label("Not computed. Add metrics to --what.");
            none.getStyleClass().add(Styles.CAPTION);
            rows.getChildren().add(none);
        } else {
            KeyValueRow reads = KeyValueRow.ofName("Reads as", model.pattern(h));
            rows.getChildren().add(ProvenanceAudit.tag(reads, c.provenance(HeadMetric.PREVIOUS_TOKEN.tensor())));
        }
        return rows;
    }

    private Node keys(AttentionCapture c, HeadId h) {
        List<Integer> queries = model.queryProperty().get() >= 0 ? List.of(model.queryProperty().get()) : new ArrayList<>(model.isolated());
        Cells map = model.show() == Show.DIFFERENCE ? null : model.show() == Show.ROLLOUT ? model.shownMap() : model.map(h);
        if (queries.isEmpty() || map == null || queries.stream().anyMatch(q -> q >= map.rows())) {
            Label hint = new Label(model.show() == Show.DIFFERENCE ? "Keys are listed for weights: choose Show Weights." : "Click a token or a cell to see which keys a query attends to.");
            hint.setWrapText(true);
            hint.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            hint.setMinHeight(Region.USE_PREF_SIZE);
            return section(head("Keys"), hint);
        }
        boolean rollout = model.show() == Show.ROLLOUT;
        Provenance whole = rollout ? model.rolloutState().state().valueOrNull().provenance("rollout") : c.provenance("attentions");
        Provenance from = queries.size() == 1 ? whole : Provenance.derived(whole.source(), whole.dtype(), "mean weight over " + queries.size() + " queries");
        double[] row = Weights.meanRow(map, queries);
        List<Integer> order = IntStream.range(0, row.length).boxed().filter(k -> row[k] != Cells.NONE).sorted(Comparator.comparingDouble((Integer k) -> -row[k])).toList();
        List<BarList.Row> bars = new ArrayList<>();
        double listed = 0;
        for (int k : order.subList(0, Math.min(LISTED_KEYS, order.size()))) {
            double place = model.mapScale().place(row[k]);
            bars.add(new BarList.Row(TokenText.shown(c.tokens().get(k)), Integer.toString(k), row[k], Numbers.probability(row[k]), palette -> palette.sequential(Math.max(place, 0.25))));
            listed += row[k];
        }
        BarList list = new BarList().rows(bars).tokens().longest(Math.max(row[order.getFirst()], 1e-12));
        FigureCanvas canvas = new FigureCanvas(list);
        canvas.setMinHeight(bars.size() * 26);
        canvas.setPrefHeight(bars.size() * 26);
        ProvenanceAudit.tag(canvas, from);
        String name = queries.size() == 1 ? (rollout ? "Rollout from " : "From ") + TokenText.shown(c.tokens().get(queries.getFirst())) + " [" + queries.getFirst() + "] to" : "From " + queries.size() + " tokens, mean, to";
        VBox section = section(head(name, new ProvenanceBadge(from).explained(Guide.Section.formula("attention", "weights"))), canvas);
        double total = order.stream().mapToDouble(k -> row[k]).sum();
        if (order.size() > LISTED_KEYS) {
            Label rest = new Label("Other keys: " + Numbers.probability(total - listed));
            rest.getStyleClass().add(Styles.CAPTION);
            section.getChildren().add(ProvenanceAudit.tag(rest, Provenance.derived("attentions", "F32", "sum of the weights of the keys that are not listed")));
        }
        return section;
    }

    /// How the window makes permanent what is switched off.
    void permanentlyWith(Consumer<ObjectNode> how) {
        permanently = how;
        show();
    }

    /// What if: heads and layers without which the prompt passes, and what that does to its loss.
    private Node switchedOff(HeadId h) {
        SwitchedOff off = model.switchedOff();
        javafx.scene.control.Button head = Buttons.plain(off.heads().contains(h) ? "Head on" : "Head off", () -> off.toggle(h));
        head.setId("head-off");
        javafx.scene.control.Button layer = Buttons.plain(off.layers().contains(h.layer()) ? "Layer " + h.layer() + " on" : "Layer " + h.layer() + " off", () -> off.toggleLayer(h.layer()));
        layer.setId("layer-off");
        ProvenanceAudit.notAFigure(layer, "number of a layer");
        String why = model.subjectProperty().get() == null ? "This is a capture made before. Open its checkpoint to switch parts off." : "";
        Buttons.disableBecause(head, why, "The prompt passes without this head; no weight is changed");
        Buttons.disableBecause(layer, why, "The prompt passes without this layer; no weight is changed");
        javafx.scene.layout.FlowPane buttons = new javafx.scene.layout.FlowPane(8, 8, head, layer);
        VBox rows = section(head("Switched off"));
        rows.getChildren().add(buttons);
        if (!off.any()) {
            return rows;
        }
        buttons.getChildren().add(Buttons.plain("All on", off::clear));
        if (permanently != null && why.isEmpty()) {
            javafx.scene.control.Button permanent = Buttons.plain("Make permanent…", vitrine.views.control.Icons.PRUNE, () -> permanently.accept(off.permanently()));
            permanent.setId("make-permanent");
            permanent.setTooltip(new javafx.scene.control.Tooltip("Opens the form of a pruning run that writes a checkpoint without these parts"));
            buttons.getChildren().add(permanent);
        }
        List<String> parts = new ArrayList<>(off.sortedHeads().stream().map(HeadId::toString).toList());
        off.layers().stream().sorted().forEach(l -> parts.add("Layer " + l));
        Label list = new Label(String.join("; ", parts));
        list.setWrapText(true);
        list.setMinHeight(Region.USE_PREF_SIZE);
        list.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        rows.getChildren().add(ProvenanceAudit.notAFigure(list, "names of parts"));
        SwitchedOff.Loss whole = off.wholeProperty().get().valueOrNull();
        SwitchedOff.Loss without = off.withoutProperty().get().valueOrNull();
        if (off.withoutProperty().get() instanceof vitrine.views.tasks.ViewState.Problem<SwitchedOff.Loss> p) {
            Label problem = new Label(p.what() + ". " + String.join(" ", p.details()));
            problem.setWrapText(true);
            problem.setMinHeight(Region.USE_PREF_SIZE);
            problem.getStyleClass().addAll(Styles.SMALL, Styles.DANGER_TEXT);
            rows.getChildren().add(ProvenanceAudit.notAFigure(problem, "a message"));
        } else if (whole != null && without != null && !(off.withoutProperty().get() instanceof vitrine.views.tasks.ViewState.Working)) {
            double change = without.value() - whole.value();
            rows.getChildren().addAll(KeyValueRow.of("Loss, whole", Quantity.of(whole.value(), Numbers::loss, whole.provenance()).in("nats")),
                    KeyValueRow.of("Loss, without", Quantity.of(without.value(), Numbers::loss, without.provenance()).in("nats")));
            Label words = new Label(Numbers.change(change, 4) + (change < 0 ? " ↓" : change > 0 ? " ↑" : ""));
            words.getStyleClass().addAll(Styles.MONO, change < 0 ? Styles.SUCCESS_TEXT : change > 0 ? Styles.DANGER_TEXT : Styles.MUTED);
            rows.getChildren().add(KeyValueRow.of("Change", ProvenanceAudit.tag(words, without.provenance())));
        } else {
            rows.getChildren().add(caption("measuring"));
        }
        return rows;
    }

    private Node pinned(AttentionCapture c) {
        VBox rows = section(head("Pinned heads", caption("P to pin")));
        for (HeadId h : model.pinned()) {
            Cells thumbnail = c.thumbnail(h.layer(), h.head());
            HeatMap map = new HeatMap().withoutLegend();
            if (thumbnail != null) {
                map.show(thumbnail);
            }
            map.scaleProperty().set(Scale.sqrt(0, 1));
            FigureCanvas picture = new FigureCanvas(map);
            picture.setMinSize(32, 32);
            picture.setMaxSize(32, 32);
            picture.setMouseTransparent(true);
            picture.setFocusTraversable(false);
            ProvenanceAudit.tag(picture, c.provenance("thumbnails"));
            Label name = new Label(h.toString());
            name.getStyleClass().add(Styles.SMALL);
            Label pattern = caption(model.pattern(h).replace(" token", ""));
            Region space = new Region();
            HBox.setHgrow(space, Priority.ALWAYS);
            name.setMinWidth(Region.USE_PREF_SIZE);
            HBox row = new HBox(8, picture, name, space, pattern);
            row.setAlignment(Pos.CENTER_LEFT);
            row.setOnMouseClicked(e -> {
                if (e.isShortcutDown()) {
                    model.pin(h);
                } else {
                    model.headProperty().set(h);
                }
            });
            Tooltip.install(row, new Tooltip("Click to select; with Ctrl or Cmd to unpin (P)"));
            ProvenanceAudit.tag(pattern, c.provenance(HeadMetric.PREVIOUS_TOKEN.tensor()));
            ProvenanceAudit.notAFigure(name, "name of the head");
            rows.getChildren().add(row);
        }
        return rows;
    }

    private static Label caption(String text) {
        Label label = new Label(text);
        label.getStyleClass().add(Styles.CAPTION);
        return label;
    }

    private Node source(AttentionCapture c) {
        Provenance from = c.provenance("input_ids");
        VBox rows = section(head("Source"), KeyValueRow.ofName("Checkpoint", c.modelName()),
                KeyValueRow.of("Prompt", Quantity.of(c.tokens().size(), Numbers::count, from).in("tokens")),
                KeyValueRow.ofName("Engine", "embedded, float32"));
        if (model.comparisonProperty().get() != null) {
            rows.getChildren().add(KeyValueRow.ofName("Compared with", model.comparisonProperty().get().subject().name()));
        }
        return rows;
    }
}
