package vitrine.views.compare;

import java.util.Comparator;
import java.util.List;
import java.util.function.DoubleFunction;
import javafx.geometry.HPos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.OverrunStyle;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.ColumnConstraints;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.CompareArtifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.refusal.Visible;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.NumberLabel;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Quantity;

/// Lists: the matrices that moved most, tensors that only one side has, and settings that differ.
final class TableCard {

    private static final int LISTED = 60;
    private static final int NAMED = 40;

    private final CompareViewModel model;
    private final Card matrices = new Card("Matrices");
    private final Card tensors = new Card("Tensors");
    private final Card settings = new Card("Settings that differ");

    TableCard(CompareViewModel model) {
        this.model = model;
        model.stateProperty().addListener((o, old, now) -> show());
        show();
    }

    Card matrices() {
        return matrices;
    }

    Card tensors() {
        return tensors;
    }

    Card settings() {
        return settings;
    }

    private void show() {
        model.comparison().ifPresent(c -> {
            showMatrices(c);
            showTensors(c);
            showSettings(c);
        });
    }

    private static GridPane grid(double first, int numbers) {
        GridPane g = new GridPane();
        g.setHgap(16);
        g.setVgap(5);
        ColumnConstraints name = new ColumnConstraints(80, first, Double.MAX_VALUE);
        name.setHgrow(Priority.ALWAYS);
        g.getColumnConstraints().add(name);
        for (int i = 0; i < numbers; i++) {
            ColumnConstraints k = new ColumnConstraints();
            k.setHalignment(HPos.RIGHT);
            k.setMinWidth(56);
            g.getColumnConstraints().add(k);
        }
        return g;
    }

    private static Node scrolled(Node content) {
        ScrollPane scroll = new ScrollPane(content);
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        scroll.setMinHeight(0);
        return scroll;
    }

    static Label name(String text, String what) {
        Label l = ProvenanceAudit.notAFigure(new Label(text), what);
        l.getStyleClass().add(Styles.SMALL);
        l.setTextOverrun(OverrunStyle.CENTER_ELLIPSIS);
        l.setMinWidth(0);
        l.setTooltip(new Tooltip(text));
        return l;
    }

    private void showMatrices(Comparison c) {
        List<CompareArtifact.Matrix> all = c.artifact().matrices().stream().filter(m -> m.relative() != 0)
                .sorted(Comparator.comparingDouble((CompareArtifact.Matrix m) -> Double.isNaN(m.relative()) ? Double.POSITIVE_INFINITY : m.relative()).reversed()).toList();
        if (all.isEmpty()) {
            matrices.subtitle("").content(new EmptyState(Icons.DONE, c.artifact().matrices().isEmpty() ? "The two share no weight matrix of the same name and shape." : "All matrices that both have are equal."));
            return;
        }
        matrices.subtitle(all.size() > LISTED ? "the " + LISTED + " that moved most of " + Numbers.count(all.size()) : "those that differ, furthest first");
        Provenance change = c.provenance("relative_change");
        Provenance rank = c.provenance("rank_change");
        GridPane g = grid(260, 5);
        // Equal decimals in the column; general where three of them would hide a small norm.
        boolean even = all.stream().mapToDouble(CompareArtifact.Matrix::normA).allMatch(v -> Double.isNaN(v) || v == 0 || v >= 0.1 && v < 1e5);
        DoubleFunction<String> norm = even ? v -> Numbers.fixed(v, 3) : Numbers::general;
        String[] heads = {"shape", "‖A‖", "‖ΔW‖ ÷ ‖A‖", "rank A", "rank B"};
        for (int i = 0; i < heads.length; i++) {
            g.add(PerplexityCard.head(heads[i], -1), i + 1, 0);
        }
        int row = 1;
        for (CompareArtifact.Matrix m : all.stream().limit(LISTED).toList()) {
            Label name = name(Visible.name(m.name()), "name of a tensor");
            name.getStyleClass().setAll("label", Styles.MONO);
            g.add(name, 0, row);
            Label shape = ProvenanceAudit.notAFigure(new Label(m.rows() + " × " + m.columns()), "shape of a tensor");
            shape.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            shape.setMinWidth(Region.USE_PREF_SIZE);
            g.add(shape, 1, row);
            if (m.absent() != null) {
                g.add(name("– (" + m.absent() + ")", "why there is no figure"), 2, row, 4, 1);
            } else {
                g.add(number(m.normA(), norm, change), 2, row);
                g.add(number(m.relative(), Numbers::probability, change), 3, row);
                g.add(number(m.rankA(), Numbers::probability, rank), 4, row);
                g.add(number(m.rankB(), Numbers::probability, rank), 5, row);
            }
            row++;
        }
        ProvenanceAudit.tag(matrices, change);
        matrices.content(scrolled(g));
    }

    private static Node number(double v, DoubleFunction<String> format, Provenance from) {
        NumberLabel l = new NumberLabel(Double.isFinite(v) ? Quantity.of(v, format, from) : Quantity.missing("", from));
        l.setMaxWidth(Region.USE_PREF_SIZE);
        return l;
    }

    private void showTensors(Comparison c) {
        CompareArtifact.Tensors t = c.artifact().tensors();
        Provenance from = Provenance.measured(model.name(false) + " and " + model.name(true), "", "tensors of the same name whose values are equal, or not");
        VBox box = new VBox(6);
        GridPane g = grid(120, 1);
        int row = 0;
        row = count(g, row, "Equal", t.equal(), from);
        row = count(g, row, "Changed", t.changed(), from);
        row = count(g, row, "In A only", t.onlyA().size(), from);
        row = count(g, row, "In B only", t.onlyB().size(), from);
        count(g, row, "Of another shape", t.shapes().size(), from);
        box.getChildren().add(g);
        names(box, "In A only", t.onlyA());
        names(box, "In B only", t.onlyB());
        names(box, "Other shapes", t.shapes());
        tensors.provenance(from);
        tensors.content(scrolled(box));
    }

    private static int count(GridPane g, int row, String name, int value, Provenance from) {
        Label l = name(name, "name of a count");
        l.getStyleClass().add(Styles.MUTED);
        g.add(l, 0, row);
        g.add(number(value, Numbers::count, from), 1, row);
        return row + 1;
    }

    private static void names(VBox box, String head, List<String> names) {
        if (names.isEmpty()) {
            return;
        }
        box.getChildren().add(PerplexityCard.head(head, -1));
        names.stream().limit(NAMED).forEach(n -> {
            Label l = name(Visible.name(n), "name of a tensor");
            l.getStyleClass().setAll("label", Styles.MONO);
            box.getChildren().add(l);
        });
        if (names.size() > NAMED) {
            box.getChildren().add(name("and " + Numbers.count(names.size() - NAMED) + " more", "a count of rows"));
        }
    }

    private void showSettings(Comparison c) {
        List<CompareArtifact.Setting> all = c.artifact().settings();
        if (all.isEmpty()) {
            settings.subtitle("").content(new EmptyState(Icons.DONE, "A and B have the same settings: every key of config.json agrees."));
            return;
        }
        settings.subtitle("changed keys only");
        GridPane g = new GridPane();
        g.setHgap(24);
        g.setVgap(6);
        double[] widths = {180, 160, 160};
        for (double w : widths) {
            ColumnConstraints k = new ColumnConstraints(60, w, Double.MAX_VALUE);
            k.setHgrow(Priority.ALWAYS);
            g.getColumnConstraints().add(k);
        }
        g.add(PerplexityCard.head("", -1), 0, 0);
        for (int i = 0; i < 2; i++) {
            Label side = PerplexityCard.head(i == 0 ? "A  " + model.name(false) : "B  " + model.name(true), i + 1);
            side.setMinWidth(0);
            g.add(side, i + 1, 0);
        }
        int row = 1;
        String before = "";
        for (CompareArtifact.Setting s : all) {
            if (!s.of().equals(before)) {
                before = s.of();
                Label section = ProvenanceAudit.notAFigure(new Label(switch (before) {
                    case "config" -> "config.json";
                    case "adapter" -> "adapter_config.json";
                    default -> "Settings of the runs";
                }), "name of a section");
                section.getStyleClass().add(Styles.SECTION_HEAD);
                g.add(section, 0, row++, 3, 1);
            }
            Label key = name(Visible.name(s.key()), "name of a setting");
            key.getStyleClass().add(Styles.MUTED);
            g.add(key, 0, row);
            g.add(value(s.a()), 1, row);
            g.add(value(s.b()), 2, row);
            row++;
        }
        settings.content(ProvenanceAudit.notAFigure(scrolled(g), "settings as the files hold them"));
    }

    private static Label value(String text) {
        Label l = name(text == null ? "–" : Visible.name(text), "a setting");
        l.getStyleClass().setAll("label", Styles.MONO);
        if (text == null) {
            l.getStyleClass().add(Styles.MUTED);
            l.setTooltip(new Tooltip("This side has no such key."));
        }
        return l;
    }
}
