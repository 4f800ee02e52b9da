package vitrine.views.compare;

import static vitrine.views.control.Sections.head;
import static vitrine.views.control.Sections.section;

import java.util.List;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.CompareArtifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.refusal.Visible;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.ProvenanceBadge;
import vitrine.views.control.Quantity;

/// What is selected in figures: a head with what moved and where losses changed, or the matrices of a kind in a layer; what both have in common, and a reading.
final class CompareInspector {

    private static final int FALLS = 4;
    private static final int RISES = 2;
    private static final int MATRICES = 8;

    private final CompareViewModel model;
    private final VBox box = new VBox();
    private final ScrollPane scroll = new ScrollPane(box);

    CompareInspector(CompareViewModel model) {
        this.model = model;
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        for (var p : List.of(model.stateProperty(), model.headProperty(), model.tokenProperty(), model.modeProperty(), model.matrixProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    Node node() {
        return scroll;
    }

    private void show() {
        box.getChildren().clear();
        Comparison c = model.comparison().orElse(null);
        if (c == null) {
            box.getChildren().add(section(head("Comparison"), note("What changed from A to B appears here.")));
            return;
        }
        if (model.modeProperty().get() == Mode.WEIGHTS) {
            weights(c);
        } else {
            behaviour(c);
        }
        box.getChildren().add(same(c));
        String reading = c.reading();
        if (!reading.isEmpty()) {
            Label words = note(reading);
            words.getStyleClass().remove(Styles.MUTED);
            box.getChildren().add(section(head("Reading"), ProvenanceAudit.tag(words, c.provenance("relative_change"))));
        }
        for (String w : c.artifact().absent().values().stream().distinct().toList()) {
            box.getChildren().add(section(note(w)));
        }
    }

    private static Label note(String text) {
        Label l = ProvenanceAudit.notAFigure(new Label(text), "a note");
        l.setWrapText(true);
        l.setMinHeight(Region.USE_PREF_SIZE);
        l.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        return l;
    }

    private static Node title(String text, String about) {
        Label title = new Label(text);
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        title.setWrapText(true);
        return ProvenanceAudit.notAFigure(section(title, note(about)), "name of what is selected");
    }

    // --- behaviour

    private void behaviour(Comparison c) {
        HeadId h = model.headProperty().get();
        if (h != null && c.heads() && h.layer() < c.moved().length) {
            box.getChildren().add(title("Layer " + h.layer() + ", head " + h.head(), h.equals(c.mostMoved()) ? "The head that moved most on this prompt" : "One of " + Numbers.count((long) c.moved().length * c.moved()[0].length) + " heads"));
            Provenance tv = c.provenance("attention_total_variation");
            box.getChildren().add(section(head("Change", new ProvenanceBadge(tv).explained(Guide.Section.formula("compare", "attention moved"))),
                    KeyValueRow.of("Total variation, mean row", Quantity.of(c.moved()[h.layer()][h.head()], Numbers::probabilityInList, tv)),
                    KeyValueRow.of("First-token mass, A", Quantity.of(c.firstA()[h.layer()][h.head()], Numbers::probabilityInList, c.provenance("first_token_mass_a"))),
                    KeyValueRow.of("First-token mass, B", Quantity.of(c.firstB()[h.layer()][h.head()], Numbers::probabilityInList, c.provenance("first_token_mass_b")))));
        } else {
            box.getChildren().add(title("A and B", model.name(false) + ", " + model.name(true)));
        }
        int t = model.tokenProperty().get();
        if (c.losses() && t >= 0 && t < c.tokens()) {
            box.getChildren().add(token(c, t));
        }
        if (c.losses()) {
            box.getChildren().add(changes(c));
        }
    }

    /// What both make of the token that is locked, and what they expected in its place.
    private Node token(Comparison c, int t) {
        VBox rows = section(head("Token " + c.token(t) + " [" + t + "]", new ProvenanceBadge(c.provenance("token_nll_a")).explained(Guide.Section.formula("compare", "perplexity"))));
        if (t == 0) {
            rows.getChildren().add(note("The first token is predicted by nothing."));
            return rows;
        }
        Provenance nll = c.provenance("token_nll_a");
        rows.getChildren().addAll(KeyValueRow.of("Loss, A", Quantity.of(c.lossA()[t - 1], Numbers::loss, nll).in("nats")), KeyValueRow.of("Loss, B", Quantity.of(c.lossB()[t - 1], Numbers::loss, nll).in("nats")),
                KeyValueRow.of("KL(A ‖ B)", Quantity.of(c.klAb()[t - 1], Numbers::loss, c.provenance("kl_ab")).in("nats")),
                KeyValueRow.of("KL(B ‖ A)", Quantity.of(c.klBa()[t - 1], Numbers::loss, c.provenance("kl_ba")).in("nats")),
                KeyValueRow.of("Jensen-Shannon", Quantity.of(c.js()[t - 1], Numbers::loss, c.provenance("js")).in("nats")));
        for (String side : List.of("a", "b")) {
            int top = c.artifact().ids("top_" + side)[t - 1];
            double p = c.artifact().values("top_probability_" + side)[t - 1];
            Label words = new Label(Comparison.shown(c.artifact().tokenName(top)) + "  " + Numbers.probability(p));
            words.getStyleClass().add(Styles.MONO);
            rows.getChildren().add(KeyValueRow.of(side.toUpperCase(java.util.Locale.ROOT) + " expects", ProvenanceAudit.tag(words, c.provenance("top_probability_" + side))));
        }
        return rows;
    }

    private Node changes(Comparison c) {
        Provenance from = c.provenance("token_nll_b");
        VBox rows = section(head("Loss change per token, largest", new ProvenanceBadge(from).explained(Guide.Section.formula("compare", "perplexity"))));
        List<Integer> tokens = c.mostChanged(FALLS, RISES);
        if (tokens.isEmpty()) {
            rows.getChildren().add(note("No token's loss changed."));
        }
        for (int t : tokens) {
            double d = c.lossChange(t);
            Label chip = ProvenanceAudit.notAFigure(new Label(c.token(t)), "text of a token");
            chip.getStyleClass().addAll(Styles.KEY_CAP, Styles.MONO);
            chip.setMinWidth(Region.USE_PREF_SIZE);
            Label at = ProvenanceAudit.notAFigure(new Label("at " + t), "position of a token");
            at.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            Region space = new Region();
            HBox.setHgrow(space, Priority.ALWAYS);
            Label value = new Label(Numbers.change(d, 3));
            value.getStyleClass().addAll(Styles.MONO, d < 0 ? Styles.SUCCESS_TEXT : Styles.DANGER_TEXT);
            ProvenanceAudit.tag(value, from);
            HBox row = new HBox(8, chip, at, space, value);
            row.setAlignment(Pos.CENTER_LEFT);
            row.setMinHeight(24);
            row.getStyleClass().add("vt-link-row");
            row.setFocusTraversable(true);
            row.setAccessibleText(c.token(t) + " at " + t + ": " + value.getText());
            row.setOnMouseClicked(e -> model.tokenProperty().set(t));
            row.setOnKeyPressed(e -> {
                if (e.getCode() == javafx.scene.input.KeyCode.ENTER || e.getCode() == javafx.scene.input.KeyCode.SPACE) {
                    model.tokenProperty().set(t);
                    e.consume();
                }
            });
            rows.getChildren().add(row);
        }
        return rows;
    }

    // --- weights

    private void weights(Comparison c) {
        CompareViewModel.MatrixId id = model.matrixProperty().get();
        if (id == null) {
            box.getChildren().add(title("Weights", "Select a cell to see its matrices."));
            return;
        }
        List<CompareArtifact.Matrix> all = c.artifact().matrices().stream().filter(m -> m.layer() == id.layer() && m.kind().equals(id.kind())).toList();
        box.getChildren().add(title("Layer " + id.layer() + ", " + id.kind(), all.size() == 1 ? Visible.name(all.getFirst().name()) : Numbers.count(all.size()) + " matrices"));
        Provenance change = c.provenance("relative_change");
        Provenance rank = c.provenance("rank_change");
        for (CompareArtifact.Matrix m : all.stream().limit(MATRICES).toList()) {
            VBox rows = section(head(m.expert() >= 0 ? "Expert " + m.expert() : "Change", new ProvenanceBadge(change).explained(Guide.Section.formula("compare", "weight change"))));
            if (m.absent() != null) {
                rows.getChildren().add(note("No figures: " + m.absent() + "."));
            } else {
                rows.getChildren().addAll(KeyValueRow.of("‖ΔW‖ ÷ ‖W‖", Quantity.of(m.relative(), Numbers::probability, change)), KeyValueRow.of("‖ΔW‖", Quantity.of(m.delta(), Numbers::general, change)),
                        KeyValueRow.of("‖W‖, A", Quantity.of(m.normA(), Numbers::general, change)), KeyValueRow.of("‖W‖, B", Quantity.of(m.normB(), Numbers::general, change)));
                String why = m.relative() == 0 ? "equal in both" : "not found";
                rows.getChildren().addAll(KeyValueRow.of("Effective rank, A", rank(m.rankA(), why, rank)), KeyValueRow.of("Effective rank, B", rank(m.rankB(), why, rank)));
            }
            box.getChildren().add(rows);
        }
        if (all.size() > MATRICES) {
            box.getChildren().add(section(note("The first " + MATRICES + " of " + Numbers.count(all.size()) + "; the table lists more.")));
        }
    }

    private static Quantity rank(double v, String why, Provenance from) {
        return Double.isFinite(v) ? Quantity.of(v, Numbers::probability, from) : Quantity.missing(why, from);
    }

    // --- both

    private static Node same(Comparison c) {
        CompareArtifact a = c.artifact();
        CompareArtifact.Tensors t = a.tensors();
        VBox rows = section(head(a.sameTokenizer() && a.sameArchitecture() ? "Same in A and B" : "In common"));
        rows.getChildren().add(KeyValueRow.ofName("Tokenizer", a.sameTokenizer() ? a.tokenizer() : "differs"));
        rows.getChildren().add(KeyValueRow.ofName("Architecture", a.sameArchitecture() ? a.architecture() : "differs"));
        rows.getChildren().add(KeyValueRow.ofName("Tensors", Numbers.count(t.changed()) + " changed, " + Numbers.count(t.equal()) + " equal"));
        if (!a.sameTokenizer()) {
            rows.getChildren().add(note("Tokenizers: " + a.tokenizer() + "."));
        }
        if (!a.sameArchitecture()) {
            rows.getChildren().add(note("Architectures: " + a.architecture() + "."));
        }
        return rows;
    }
}
