package vitrine.views.lora;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import javafx.geometry.HPos;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.Slider;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.ColumnConstraints;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;
import vitrine.views.lora.LoraViewModel.Written;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.States;

/// What a cut costs and saves, before anything is written; and writing it.
final class CompressCard {

    private final Card card = new Card("Compress").explained(Guide.Section.formula("lora", "relative error of a cut"));
    private final LoraViewModel model;
    private final Label figure = new Label();
    private final Label of = new Label();
    private final Slider slider = new Slider(1, 16, 8);
    private final GridPane table = new GridPane();
    private final Label finding = new Label();
    private final StackPane outcome = new StackPane();
    private final Button write;
    private final Button merge;
    private final Function<String, Optional<Path>> target;
    private final Consumer<Path> open;
    private boolean quiet;

    /// @param target asks for a new folder by a proposed name
    /// @param open opens what was written
    CompressCard(LoraViewModel model, Function<String, Optional<Path>> target, Consumer<Path> open) {
        this.model = model;
        this.target = target;
        this.open = open;
        figure.getStyleClass().add(Styles.FIGURE_LARGE);
        of.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        figure.setMinWidth(Region.USE_PREF_SIZE);
        Segments<Cut.Rule> rule = new Segments<>(List.of(Cut.Rule.values()), Cut.Rule::label).compact();
        rule.valueProperty().bindBidirectional(model.ruleProperty());
        Tooltip.install(rule, new Tooltip("Keep the same rank in every module; in each the fewest ranks with the same share of its energy; a share of all parameters; or as few as a rise of the loss allows (the last three write a rank_pattern)"));
        of.setMinWidth(Region.USE_PREF_SIZE);
        HBox told = new HBox(8, figure, of);
        told.setAlignment(Pos.BASELINE_LEFT);
        told.setMinWidth(Region.USE_PREF_SIZE);
        // In a narrow card the choice goes below the figure rather than over its unit.
        FlowPane head = new FlowPane(16, 4, told, rule);
        head.setRowValignment(javafx.geometry.VPos.CENTER);
        slider.setId("cut");
        slider.valueProperty().addListener((o, old, now) -> slide(now.doubleValue()));
        table.setHgap(10);
        table.setVgap(5);
        ColumnConstraints first = new ColumnConstraints();
        first.setHgrow(Priority.ALWAYS);
        first.setMinWidth(60);
        table.getColumnConstraints().add(first);
        finding.setWrapText(true);
        finding.setMinHeight(0);
        finding.setMaxWidth(560);
        finding.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        write = Buttons.primary("Write adapter…", this::write);
        write.setId("write-adapter");
        merge = Buttons.plain("Merge into base…", this::merge);
        FlowPane buttons = new FlowPane(8, 8, write, merge);
        VBox upper = new VBox(8, head, slider, table, finding);
        Region space = new Region();
        VBox.setVgrow(space, Priority.ALWAYS);
        VBox content = new VBox(8, upper, space, outcome, buttons);
        content.setMinHeight(0);
        card.content(content);
        for (var p : List.of(model.studyProperty(), model.lossesProperty(), model.ruleProperty(), model.rankProperty(), model.energyProperty(), model.parametersProperty(), model.lossRiseProperty(), model.writtenProperty(), model.subjectProperty(), model.baseProperty())) {
            p.addListener((o, old, now) -> show());
        }
        model.writtenProperty().addListener((o, old, now) -> outcome());
        show();
        outcome();
    }

    Card node() {
        return card;
    }

    Slider slider() {
        return slider;
    }

    private static Region grow() {
        Region r = new Region();
        HBox.setHgrow(r, Priority.ALWAYS);
        return r;
    }

    private void slide(double to) {
        if (quiet) {
            return;
        }
        if (model.ruleProperty().get() == Cut.Rule.RANK) {
            model.rankProperty().set((int) Math.round(to));
        } else {
            slid(model).set(Math.round(to * 1000) / 1000.0);
        }
    }

    /// What the slider sets where that is no rank.
    static javafx.beans.property.DoubleProperty slid(LoraViewModel model) {
        return switch (model.ruleProperty().get()) {
            case RANK, ENERGY -> model.energyProperty();
            case PARAMETERS -> model.parametersProperty();
            case LOSS -> model.lossRiseProperty();
        };
    }

    static double least(LoraViewModel model) {
        return switch (model.ruleProperty().get()) {
            case RANK -> 1;
            case ENERGY, PARAMETERS -> 0.01;
            case LOSS -> 0;
        };
    }

    static double most(LoraViewModel model, Study s) {
        return switch (model.ruleProperty().get()) {
            case RANK -> Math.max(2, s.mostRanks());
            case ENERGY, LOSS -> 1;
            case PARAMETERS -> 0.99;
        };
    }

    private void show() {
        Study s = model.studyProperty().get();
        Cut cut = model.cut();
        boolean nothing = s == null || cut == null;
        Buttons.disableBecause(write, !model.noWriting().isEmpty() ? model.noWriting() : !model.noCut().isEmpty() ? model.noCut() : nothing ? "There is nothing to cut." : cut.empty() ? "Nothing would be left." : cut.whole(s) ? "Nothing would go: keep fewer ranks." : "",
                "Write these ranks as a PEFT folder");
        Buttons.disableBecause(merge, !model.noWriting().isEmpty() ? model.noWriting() : model.baseProperty().get() == null ? "Merging needs the base. Open the checkpoint that this adapter was made for." : "",
                "Write base and whole adapter as one checkpoint");
        slider.setDisable(nothing);
        if (nothing) {
            figure.setText(Numbers.MISSING);
            of.setText("");
            table.getChildren().clear();
            finding.setText(s == null ? "" : model.noCut());
            return;
        }
        Cut.Rule rule = model.ruleProperty().get();
        boolean byRank = rule == Cut.Rule.RANK;
        quiet = true;
        slider.setMin(least(model));
        slider.setMax(most(model, s));
        slider.setBlockIncrement(byRank ? 1 : 0.01);
        slider.setValue(byRank ? model.rankProperty().get() : slid(model).get());
        slider.setAccessibleText(switch (rule) {
            case RANK -> "ranks that every module keeps";
            case ENERGY -> "share of each delta's squared norm that is kept";
            case PARAMETERS -> "share of the factors' parameters that is kept";
            case LOSS -> "nats per token by which the loss may rise";
        });
        quiet = false;
        figure.setText(switch (rule) {
            case RANK -> Integer.toString(model.rankProperty().get());
            case ENERGY, PARAMETERS -> share(slid(model).get());
            case LOSS -> Numbers.change(model.lossRiseProperty().get(), 2);
        });
        of.setText(switch (rule) {
            case RANK -> "of " + s.mostRanks();
            case ENERGY -> "each";
            case PARAMETERS -> "of all";
            case LOSS -> "nats";
        });
        Provenance exact = s.derived("from the singular values of all deltas: what goes is orthogonal to what stays");
        ProvenanceAudit.tag(card, exact);
        fill(s, cut, exact);
        finding.setText(model.finding());
    }

    private void fill(Study s, Cut cut, Provenance exact) {
        table.getChildren().clear();
        String head = "Rank " + cut.ranks();
        row(0, List.of("", "Now", head, "Change"), null, "");
        int at = 1;
        Study m = model.measured().orElse(null);
        if (m != null && m.artifact().curve().isPresent()) {
            for (int d = 0; d < m.artifact().domains().size(); d++) {
                AdapterArtifact.Domain domain = m.artifact().domains().get(d);
                Cut.Predicted p = cut.loss(m.artifact().curve().get(), d);
                double now = domain.after().perplexity();
                // What was measured as the cut was written is worth more than what the curve foretells.
                double written = model.writtenLosses().map(w -> w.path(at(w, domain.name())).at("/after/perplexity").asDouble(Double.NaN)).orElse(Double.NaN);
                double then = Double.isFinite(written) ? written : p == null ? Double.NaN : Math.exp(p.loss());
                boolean measured = Double.isFinite(written) || p != null && p.measured();
                boolean none = !Double.isFinite(then);
                Provenance from = measured ? m.overTexts("perplexity with every module cut to this rank")
                        : Provenance.estimated(domain.name(), byRank(cut) ? "loss on the straight line between two measured ranks" : "loss at this energy on the curve of one rank for all modules",
                                domain.predictedTokens(), Double.NaN);
                List<Label> cells = row(at++, List.of(AdapterText.shown(domain.name()), Numbers.perplexity(now), none ? Numbers.MISSING : (measured ? "" : "≈ ") + Numbers.perplexity(then),
                        none ? Numbers.MISSING : Numbers.change(then - now, 2)), from, Double.isFinite(written) ? "Measured as it was written" + (p == null ? "" : "; foretold " + Numbers.perplexity(Math.exp(p.loss()))) : measured ? "Measured" : none ? "The measured curve does not reach this cut." : "Estimated between measured points");
                if (!none && Math.abs(then - now) >= 0.005) {
                    cells.getLast().getStyleClass().add(then > now ? Styles.DANGER_TEXT : Styles.SUCCESS_TEXT);
                }
            }
        }
        row(at++, List.of("Parameters", count(cut.before()), count(cut.parameters()), percentChange(cut.before(), cut.parameters())), exact,
                String.format(Locale.ROOT, "%,d of %,d", cut.parameters(), cut.before()));
        row(at++, List.of("Bytes, float32", Numbers.bytes(4.0 * cut.before()), Numbers.bytes(cut.bytes()), percentChange(cut.before(), cut.parameters())), exact, "Tensors of the adapter, without the header");
        row(at++, List.of("‖ΔW‖² kept", Numbers.percent(1), Numbers.percent(cut.energy()), ""), exact, "Share of the squared norm of all deltas together");
        row(at, List.of("Relative error", Numbers.fixed(0, 4), Numbers.fixed(cut.error(), 4), ""), exact, "‖ΔW − ΔW_k‖ ÷ ‖ΔW‖ over all modules together, exact");
    }

    private static boolean byRank(Cut cut) {
        return cut.rule() == Cut.Rule.RANK;
    }

    /// Where a text stands among those that a written cut was measured on; -1 where it does not.
    private static int at(com.fasterxml.jackson.databind.JsonNode domains, String name) {
        for (int i = 0; i < domains.size(); i++) {
            if (domains.get(i).path("name").asText().equals(name)) {
                return i;
            }
        }
        return -1;
    }

    /// With a decimal only where it says something.
    private static String share(double v) {
        return Math.abs(100 * v - Math.rint(100 * v)) < 1e-9 ? Numbers.wholePercent(v) : Numbers.percent(v);
    }

    private static String count(long n) {
        return n < 10_000_000 ? Numbers.count(n) : Numbers.si(n);
    }

    private static String percentChange(long before, long after) {
        return before == 0 ? "" : Numbers.change(100.0 * (after - before) / before, 0) + Numbers.THIN_SPACE + "%";
    }

    private List<Label> row(int at, List<String> texts, Provenance from, String tooltip) {
        List<Label> cells = new java.util.ArrayList<>();
        for (int c = 0; c < texts.size(); c++) {
            Label label = new Label(texts.get(c));
            label.getStyleClass().add(at == 0 ? Styles.CAPTION : c == 0 ? Styles.SMALL : Styles.MONO);
            if (c > 0) {
                label.setMinWidth(Region.USE_PREF_SIZE);
                GridPane.setHalignment(label, HPos.RIGHT);
            }
            if (!tooltip.isEmpty()) {
                label.setTooltip(new Tooltip(tooltip));
            }
            if (from != null) {
                ProvenanceAudit.tag(label, from);
            }
            table.add(label, c, at);
            cells.add(label);
        }
        return cells;
    }

    /// What stands in the table, row by row.
    List<String> told() {
        return table.getChildren().stream().filter(Label.class::isInstance).map(n -> ((Label) n).getText()).toList();
    }

    // --- writing

    private void write() {
        target.apply(model.cutName()).ifPresent(model::writeCut);
    }

    private void merge() {
        target.apply(model.subjectProperty().get().name() + "-merged").ifPresent(model::merge);
    }

    private void outcome() {
        outcome.getChildren().clear();
        Node shown = switch (model.writtenProperty().get()) {
            case ViewState.Empty<Written> ignored -> null;
            case ViewState.Working<Written> w -> States.working(w.row());
            case ViewState.Problem<Written> p -> new ErrorCard(p.what(), p.details(), p.help() == null ? "" : p.help(), null);
            case ViewState.Result<Written> r -> written(r.value(), open);
        };
        outcome.setManaged(shown != null);
        if (shown != null) {
            outcome.getChildren().add(shown);
        }
    }

    /// What was written and where, with a button that opens it.
    static Node written(Written w, Consumer<Path> open) {
        Label words = new Label("Wrote " + vitrine.core.refusal.Visible.name(String.valueOf(w.path().getFileName())));
        words.setGraphic(Icons.DONE.node());
        words.setTooltip(new Tooltip(w.path().toString()));
        words.getStyleClass().addAll(Styles.SMALL, Styles.SUCCESS_TEXT);
        words.setMinWidth(0);
        Button opens = Buttons.plain("Open", () -> open.accept(w.path()));
        opens.getStyleClass().add(Styles.COMPACT);
        HBox row = new HBox(8, words, grow(), opens);
        row.setAlignment(Pos.CENTER_LEFT);
        return ProvenanceAudit.notAFigure(row, "name of a folder");
    }
}
