package vitrine.views.anatomy;

import static vitrine.views.control.Sections.head;
import static vitrine.views.control.Sections.section;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.input.Clipboard;
import javafx.scene.input.ClipboardContent;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import javafx.util.Duration;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Histogram;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.NumberLabel;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.ProvenanceBadge;
import vitrine.views.control.Quantity;
import vitrine.views.view.States;
import vitrine.views.tasks.ViewState;

/// The selected tensor in full, or the checkpoint while none is selected; below it what the user should know.
final class TensorInspector {

    private static final double HISTOGRAM = 74;
    private static final int LISTED_NOTES = 12;
    private static final int LISTED_METADATA = 8;

    private final AnatomyViewModel model;
    private final VBox box = new VBox();
    private final VBox values = new VBox();
    private final ScrollPane scroll = new ScrollPane(box);

    TensorInspector(AnatomyViewModel model) {
        this.model = model;
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        values.getStyleClass().add(Styles.SECTION);
        model.selectedProperty().addListener((o, old, now) -> show());
        model.indexProperty().addListener((o, old, now) -> show());
        model.subjectProperty().addListener((o, old, now) -> show());
        model.valuesRevisionProperty().addListener((o, old, now) -> showValues());
        model.notes().addListener((javafx.collections.ListChangeListener<Note>) c -> show());
        show();
    }

    Node node() {
        return scroll;
    }

    private void show() {
        box.getChildren().clear();
        Optional<TensorLine> line = model.selection();
        if (line.isPresent()) {
            box.getChildren().addAll(heading(line.get()), facts(line.get()), values);
            showValues();
        } else if (model.anatomy().isPresent()) {
            Anatomy a = model.anatomy().get();
            box.getChildren().add(title(a.checkpoint().name(), Visible.name(a.checkpoint().path().toString())));
            if (!model.notes().isEmpty()) {
                box.getChildren().add(notes(model.notes(), LISTED_NOTES));
            }
            box.getChildren().add(checkpoint(a));
            if (model.isAdapter()) {
                adapter(a).ifPresent(box.getChildren()::add);
            }
            a.spec().ifPresent(s -> box.getChildren().add(spec(s)));
            metadata(a).ifPresent(box.getChildren()::add);
        } else if (model.isArtifactAlone()) {
            box.getChildren().add(title(model.name(), "values of its tensors, read before"));
        }
        if (line.isEmpty() && model.anatomy().isEmpty()) {
            Label hint = new Label("Figures of the selected tensor appear here.");
            hint.setWrapText(true);
            hint.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            box.getChildren().add(section(head("Tensor"), ProvenanceAudit.notAFigure(hint, "what will stand here")));
        }
        if (!model.notes().isEmpty() && (line.isPresent() || model.anatomy().isEmpty())) {
            box.getChildren().add(notes(model.notes(), LISTED_NOTES));
        }
    }

    private static Node title(String title, String below) {
        Label name = new Label(title);
        name.getStyleClass().add(Styles.INSPECTOR_TITLE);
        name.setTextOverrun(javafx.scene.control.OverrunStyle.CENTER_ELLIPSIS);
        // Names have no spaces to break at: each component is a word of its own.
        FlowPane full = new FlowPane();
        for (String word : below.split("(?<=[./])")) {
            Label part = new Label(word);
            part.getStyleClass().addAll(Styles.MONO, Styles.MUTED, "vt-mono-caption");
            full.getChildren().add(part);
        }
        full.setAccessibleText(below);
        return ProvenanceAudit.notAFigure(section(name, full), "names");
    }

    // --- a tensor

    private Node heading(TensorLine line) {
        return title(Visible.name(Names.title(line.name())), Visible.name(line.name()));
    }

    private Node facts(TensorLine line) {
        Provenance counted = Provenance.measured(Visible.name(line.name()), line.dtype(), "as the header of the file says");
        if (line.item() == null) {
            return section(KeyValueRow.of("Values", Quantity.of(line.elements(), Numbers::count, model.valuesProvenance(line))));
        }
        TensorEntry e = line.item().entry();
        Label shape = new Label(Names.spaced(e.shape()));
        shape.getStyleClass().add("vt-value");
        VBox rows = section(KeyValueRow.of("Shape", ProvenanceAudit.tag(shape, counted)), KeyValueRow.ofName("Type", e.storedAs()),
                KeyValueRow.of("Parameters", Quantity.of(e.elements(), Numbers::count, counted)), KeyValueRow.of("Size", Quantity.of(e.bytes(), Numbers::bytes, counted)),
                KeyValueRow.of("Offset", Quantity.of(e.offset(), Numbers::count, Provenance.measured(Visible.name(line.name()), line.dtype(), "bytes from the start of its file"))), KeyValueRow.ofName("File", Visible.name(String.valueOf(e.file().getFileName()))),
                KeyValueRow.ofName("Part", part(line)));
        if (!e.storedName().equals(e.name())) {
            rows.getChildren().add(KeyValueRow.ofName("In the file", Visible.name(e.storedName())));
        }
        role(line).ifPresent(text -> {
            Label label = new Label(text);
            label.setWrapText(true);
            label.setMinHeight(Region.USE_PREF_SIZE);
            label.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            VBox.setMargin(label, new javafx.geometry.Insets(2, 0, 0, 0));
            rows.getChildren().add(ProvenanceAudit.tag(label, Provenance.measured("config.json", "", "the model's wiring as the config says it")));
        });
        return rows;
    }

    private String part(TensorLine line) {
        String parts = line.parts().isEmpty() ? ShareCard.label(line.part())
                : line.parts().keySet().stream().sorted().map(ShareCard::label).collect(Collectors.joining(", "));
        return parts + (line.layer() >= 0 ? ", layer " + line.layer() : "") + (model.spec().isEmpty() ? " (by its name)" : "");
    }

    /// What the tensor is in the model.
    private Optional<String> role(TensorLine line) {
        if (line.idle()) {
            return Optional.of("The forward pass has no use for it.");
        }
        Anatomy a = model.anatomy().orElseThrow();
        return a.spec().map(s -> Wiring.of(s, Math.max(0, line.layer()), n -> a.checkpoint().tensors().containsKey(n)))
                .map(w -> w.boxOf(line.name()).map(b -> b.tensors().indexOf(line.name()) == 0 ? b.role() : alongside(b, line)).orElse("The config gives it no place in the model."));
    }

    private static String alongside(Box box, TensorLine line) {
        return (line.name().endsWith("bias") || line.name().endsWith("beta") ? "Bias of " : "Belongs to ") + Visible.name(Names.title(box.tensors().getFirst())) + ". " + box.role();
    }

    private void showValues() {
        TensorLine line = model.selection().orElse(null);
        if (line == null) {
            return;
        }
        values.getChildren().clear();
        try {
            fill(line);
        } catch (Refusal r) {
            values.getChildren().setAll(head("Values"), new ErrorCard(r.problem(), List.of(), r.remedy() == null ? "" : r.remedy(), model::retryValues));
        }
    }

    private void fill(TensorLine line) {
        switch (model.selectedValues()) {
            case ViewState.Result<TensorReading.Values> r -> values.getChildren().addAll(result(line, r.value()));
            case ViewState.Working<TensorReading.Values> w -> values.getChildren().addAll(head("Values"), States.reading(w.row(), Duration.millis(300)));
            case ViewState.Problem<TensorReading.Values> p ->
                    values.getChildren().addAll(head("Values"), new ErrorCard(p.what(), p.details(), p.help() == null ? "" : p.help(), model::retryValues));
            case ViewState.Empty<TensorReading.Values> e -> {
                Label words = new Label(e.sentence());
                words.setWrapText(true);
                words.setMinHeight(Region.USE_PREF_SIZE);
                words.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
                values.getChildren().addAll(head("Values"), ProvenanceAudit.notAFigure(words, "explanation"));
                boolean readable = line.item() != null && line.item().entry().dtype().readable();
                if (readable && model.anatomy().isPresent()) {
                    var read = Buttons.plain("Read its values", model::retryValues);
                    read.getStyleClass().add(Styles.COMPACT);
                    values.getChildren().add(read);
                }
            }
        }
    }

    private List<Node> result(TensorLine line, TensorReading.Values v) {
        TensorValues.Figures f = v.figures();
        Provenance p = v.provenance();
        List<Node> out = new java.util.ArrayList<>();
        out.add(head("Values", new ProvenanceBadge(p).explained(Guide.Section.formula("anatomy", "mean"))));
        if (f.nonFinite() > 0) {
            Label odd = new Label(Numbers.count(f.nan()) + " NaN, " + Numbers.count(f.infinite()) + " infinite of " + Numbers.count(f.count()) + ". Figures are of the finite values.");
            odd.setGraphic(Icons.WARNING.node());
            odd.setWrapText(true);
            odd.setMinHeight(Region.USE_PREF_SIZE);
            odd.getStyleClass().addAll(Styles.SMALL, Styles.WARNING_TEXT);
            odd.setId("non-finite");
            out.add(ProvenanceAudit.tag(odd, p));
        }
        if (v.histogram().length > 0) {
            FigureCanvas canvas = new FigureCanvas(new Histogram(f.min(), f.max(), v.histogram(), c -> c.kind(BlockDiagram.kind(line.part()))).labelled());
            canvas.setId("histogram");
            canvas.setMinHeight(HISTOGRAM);
            canvas.setPrefHeight(HISTOGRAM);
            canvas.setMaxHeight(HISTOGRAM);
            out.add(ProvenanceAudit.tag(canvas, p));
        }
        String reason = f.count() == 0 ? "no values" : "no finite value";
        GridPane grid = new GridPane();
        grid.setHgap(14);
        grid.setVgap(6);
        for (int i = 0; i < 2; i++) {
            var half = new javafx.scene.layout.ColumnConstraints();
            half.setPercentWidth(50);
            grid.getColumnConstraints().add(half);
        }
        add(grid, 0, 0, "Mean", real(f.mean(), reason, p));
        add(grid, 1, 0, "Std", real(f.deviation(), reason, p));
        add(grid, 0, 1, "Min", real(f.min(), reason, p));
        add(grid, 1, 1, "Max", real(f.max(), reason, p));
        add(grid, 0, 2, "Zeros", Quantity.of(f.zeros(), Numbers::count, p));
        add(grid, 1, 2, "Non-finite", Quantity.of(f.nonFinite(), Numbers::count, p));
        out.add(grid);
        var name = Buttons.plain("Copy name", Icons.COPY, () -> copy(line.name()));
        var csv = Buttons.plain("Copy as CSV", Icons.COPY, () -> copy(TensorCsv.of(List.of(line), model::figures)));
        HBox buttons = new HBox(8, name, csv);
        VBox.setMargin(buttons, new javafx.geometry.Insets(6, 0, 0, 0));
        out.add(buttons);
        return out;
    }

    private static Quantity real(double value, String reason, Provenance p) {
        return Double.isFinite(value) ? Quantity.of(value, Numbers::general, p) : Quantity.missing(reason, p);
    }

    private static void add(GridPane grid, int column, int row, String name, Quantity quantity) {
        KeyValueRow pair = KeyValueRow.of(name, new NumberLabel(quantity));
        pair.getStyleClass().add("vt-pair");
        grid.add(pair, column, row);
    }

    private static void copy(String text) {
        ClipboardContent content = new ClipboardContent();
        content.putString(text);
        Clipboard.getSystemClipboard().setContent(content);
    }

    // --- the whole

    private static Node checkpoint(Anatomy a) {
        Provenance p = Provenance.measured(a.checkpoint().name(), "", "counted in the headers");
        VBox rows = section(head("Checkpoint"), KeyValueRow.ofName("Family", a.familyName()), KeyValueRow.ofName("Format", a.checkpoint().format()),
                KeyValueRow.ofName("Types", types(a)), KeyValueRow.of("Tensors", Quantity.of(a.tensors().size(), Numbers::count, p)),
                KeyValueRow.of("Parameters", Quantity.of(a.parameters(), Numbers::count, p)), KeyValueRow.of("Tensor data", Quantity.of(a.checkpoint().tensorBytes(), Numbers::bytes, p)));
        return rows;
    }

    /// What the files say about themselves.
    private static Optional<Node> metadata(Anatomy a) {
        if (a.checkpoint().metadata().isEmpty()) {
            return Optional.empty();
        }
        VBox rows = section(head("File metadata"));
        a.checkpoint().metadata().entrySet().stream().limit(LISTED_METADATA)
                .forEach(e -> rows.getChildren().add(KeyValueRow.ofName(Visible.name(e.getKey()), Visible.name(e.getValue()))));
        return Optional.of(rows);
    }

    static String types(Anatomy a) {
        return a.byDType().keySet().stream().map(Enum::name).collect(Collectors.joining(", "));
    }

    private static Node spec(ModelSpec s) {
        Provenance p = Provenance.measured("config.json", "", "as the config says it");
        VBox rows = section(head("Model"), KeyValueRow.of("Layers", Quantity.of(s.layers().size(), Numbers::count, p)),
                KeyValueRow.of("Hidden size", Quantity.of(s.hiddenSize(), Numbers::count, p)));
        if (!s.layers().isEmpty()) {
            AttentionSpec first = s.layers().getFirst().attention();
            rows.getChildren().addAll(KeyValueRow.of("Query heads", Quantity.of(first.heads(), Numbers::count, p)),
                    KeyValueRow.of("Key/value heads", Quantity.of(first.keyValueHeads(), Numbers::count, p)), KeyValueRow.of("Head size", Quantity.of(first.headDim(), Numbers::count, p)),
                    KeyValueRow.of("Feed-forward width", Quantity.of(s.layers().getFirst().feedForward().width(), Numbers::count, p)));
        }
        rows.getChildren().addAll(KeyValueRow.of("Vocabulary", Quantity.of(s.vocabSize(), Numbers::count, p)),
                KeyValueRow.of("Positions", Quantity.of(s.maxPositions(), Numbers::count, p)));
        return rows;
    }

    /// What the adapter's own config says.
    private static Optional<Node> adapter(Anatomy a) {
        ObjectNode config;
        try {
            config = a.checkpoint().config();
        } catch (Refusal r) {
            // Why it cannot be read stands among the warnings.
            return Optional.empty();
        }
        Provenance p = Provenance.measured("adapter_config.json", "", "as the config says it");
        VBox rows = section(head("Adapter"));
        rows.getChildren().add(KeyValueRow.ofName("Base", Visible.name(config.path("base_model_name_or_path").asText("not told"))));
        rows.getChildren().add(KeyValueRow.ofName("Kind", Visible.name(config.path("peft_type").asText("not told")) + (config.path("use_dora").asBoolean() ? ", DoRA" : "")));
        double rank = config.path("r").asDouble(Double.NaN);
        double alpha = config.path("lora_alpha").asDouble(Double.NaN);
        boolean rs = config.path("use_rslora").asBoolean();
        rows.getChildren().add(KeyValueRow.of("r", Double.isFinite(rank) ? Quantity.of(rank, Numbers::general, p) : Quantity.missing("not told", p)));
        rows.getChildren().add(KeyValueRow.of("Alpha", Double.isFinite(alpha) ? Quantity.of(alpha, Numbers::general, p) : Quantity.missing("not told", p)));
        double scaling = rs ? alpha / Math.sqrt(rank) : alpha / rank;
        Provenance derived = Provenance.derived("adapter_config.json", "", rs ? "alpha ÷ √r (rsLoRA)" : "alpha ÷ r");
        rows.getChildren().add(KeyValueRow.of("Scaling", Double.isFinite(scaling) ? Quantity.of(scaling, Numbers::general, derived) : Quantity.missing("not told", derived)));
        String targets = config.path("target_modules").isArray() ? config.path("target_modules").valueStream().map(n -> Visible.name(n.asText())).collect(Collectors.joining(", "))
                : Visible.name(config.path("target_modules").asText("not told"));
        rows.getChildren().add(KeyValueRow.ofName("Targets", targets));
        return Optional.of(rows);
    }

    // --- notes

    /// Warnings and what is worth knowing, a line each; the pop-over of the header shows the same.
    VBox notes(List<Note> all, int atMost) {
        VBox rows = section(head("Notes"));
        for (Note n : all.subList(0, Math.min(atMost, all.size()))) {
            Label text = new Label(n.sentence());
            text.setWrapText(true);
            text.setMinHeight(Region.USE_PREF_SIZE);
            text.getStyleClass().add(Styles.SMALL);
            HBox.setHgrow(text, Priority.ALWAYS);
            text.setMaxWidth(Double.MAX_VALUE);
            Node icon = (n.warning() ? Icons.WARNING : Icons.INFORMATION).node();
            HBox row = new HBox(8, icon, text);
            row.getStyleClass().addAll("vt-note", n.warning() ? Styles.WARNING_TEXT : Styles.MUTED);
            if (n.tensor() != null) {
                row.setOnMouseClicked(e -> model.selectedProperty().set(n.tensor()));
                row.setCursor(javafx.scene.Cursor.HAND);
            }
            rows.getChildren().add(row);
        }
        if (all.size() > atMost) {
            Label more = new Label(Numbers.count(all.size() - atMost) + " more: click the pill in the header.");
            more.getStyleClass().add(Styles.CAPTION);
            rows.getChildren().add(more);
        }
        // A note says itself which file or tensor its numbers are from.
        return ProvenanceAudit.notAFigure(rows, "messages about what is open");
    }
}
