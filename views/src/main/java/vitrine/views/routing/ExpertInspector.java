package vitrine.views.routing;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.geometry.Side;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.Label;
import javafx.scene.control.MenuItem;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.util.Duration;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.artifact.RoutingArtifact.Grouping;
import vitrine.core.artifact.RoutingArtifact.HotSet;
import vitrine.core.artifact.RoutingArtifact.Row;
import vitrine.core.artifact.RoutingArtifact.WhatIf;
import vitrine.core.artifact.RoutingArtifact.Word;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.BarList;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.CommandButton;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.ProvenanceBadge;
import vitrine.views.control.Quantity;
import vitrine.views.control.Sections;
import vitrine.views.routing.RoutingData.Measure;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.States;

/// The selected expert in figures, the selected token's route, what changes when routes do, and whether the texts live on a hot set.
final class ExpertInspector {

    static final String NO_PRUNING = "Choose a text first: experts are dropped by how much it uses them.";
    private static final int WORDS = 6;
    private static final int CHOICES = 8;
    private static final int MENU = 64;

    private final RoutingViewModel model;
    private final VBox box = new VBox();
    private final ScrollPane scroll = new ScrollPane(box);

    ExpertInspector(RoutingViewModel model) {
        this.model = model;
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        for (var p : List.of(model.stateProperty(), model.selectedProperty(), model.tokenProperty(), model.tokensProperty(), model.measuredProperty(), model.whatIfProperty(),
                model.subjectProperty(), model.withoutProperty())) {
            p.addListener((o, old, now) -> show());
        }
        model.off().addListener((javafx.collections.ListChangeListener<Change.Mask>) c -> show());
        show();
    }

    Node node() {
        return scroll;
    }

    private void show() {
        Sections.anew(box, this::fill);
    }

    private void fill() {
        RoutingData d = model.data().orElse(null);
        Place p = model.selectedProperty().get();
        if (d == null || p == null || p.layer() >= d.layers()) {
            Label hint = new Label("Figures of the selected expert appear here.");
            hint.setWrapText(true);
            hint.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            box.getChildren().add(Sections.section(Sections.head("Expert"), ProvenanceAudit.notAFigure(hint, "what will stand here")));
            return;
        }
        box.getChildren().addAll(heading(d, p), load(d, p), off(d, p), together(d, p));
        if (model.tokenProperty().get() >= 0 && model.tokensProperty().get() != null) {
            box.getChildren().add(token(d, p, model.tokensProperty().get(), model.tokenProperty().get()));
        }
        box.getChildren().add(whatIf(d, p));
        box.getChildren().add(hotSet(d));
        Node words = words(d, p);
        if (words != null) {
            box.getChildren().add(words);
        }
        box.getChildren().addAll(layer(d, p), source(d));
    }

    private static Label words(String text, String... styles) {
        Label label = new Label(text);
        label.setWrapText(true);
        label.setMinHeight(Region.USE_PREF_SIZE);
        label.getStyleClass().add(Styles.SMALL);
        label.getStyleClass().addAll(styles);
        return label;
    }

    private static Label caption(String text) {
        Label label = new Label(text);
        label.setWrapText(true);
        label.setMinHeight(Region.USE_PREF_SIZE);
        label.getStyleClass().add(Styles.CAPTION);
        return label;
    }

    // --- the expert

    private static Node heading(RoutingData d, Place p) {
        Label title = new Label("Layer " + d.number(p.layer()) + ", expert " + p.expert());
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        ProvenanceAudit.notAFigure(title, "name of an expert");
        Label about = words(finding(d, p), Styles.MUTED);
        ProvenanceAudit.tag(about, d.provenance("domain_specialisation", "share of each text's tokens that visit the expert, divided by the sum over texts"));
        return Sections.section(title, about);
    }

    /// What the expert is chosen on, every text counting the same.
    static String finding(RoutingData d, Place p) {
        double visits = d.visits(p.layer(), RoutingData.ALL, p.expert());
        if (visits == 0) {
            return "No token visits it.";
        }
        if (d.domains().size() < 2) {
            return Numbers.count(visits) + " of " + Numbers.count(d.artifact().tokens()) + " tokens visit it";
        }
        double[] parts = d.division(p.layer(), p.expert());
        int top = IntStream.range(0, parts.length).boxed().max(java.util.Comparator.comparingDouble(i -> parts[i])).orElse(0);
        String name = d.domains().get(top).name();
        return parts[top] >= 0.9995 ? "Chosen on " + name + " only" : Numbers.wholePercent(parts[top]) + " of its use on " + name + ", even " + Numbers.wholePercent(1.0 / parts.length);
    }

    private static Node load(RoutingData d, Place p) {
        List<BarList.Row> rows = new ArrayList<>();
        int n = d.domains().size();
        for (int i = 0; i < n; i++) {
            int domain = i;
            double share = d.share(Measure.LOAD, p.layer(), i, p.expert());
            rows.add(new BarList.Row(d.domains().get(i).name(), "", share, Numbers.orReason(share, v -> Numbers.fixed(v, 2)), c -> c.categorical(domain)));
        }
        if (n > 1) {
            double share = d.share(Measure.LOAD, p.layer(), RoutingData.ALL, p.expert());
            rows.add(new BarList.Row("all texts", "", share, Numbers.orReason(share, v -> Numbers.fixed(v, 2)), c -> c.subtle()));
        }
        double most = rows.stream().mapToDouble(BarList.Row::value).filter(Double::isFinite).max().orElse(1);
        FigureCanvas bars = new FigureCanvas(new BarList().rows(rows).longest(Math.max(2, most)).reference(1));
        Provenance from = d.counted("visits ÷ (tokens × experts per token) × experts");
        ProvenanceAudit.tag(bars, from);
        VBox section = Sections.section(Sections.head("Load, 1 = fair share", new ProvenanceBadge(from).explained(Guide.Section.formula("routing", "load"))), bars);
        section.getChildren().add(KeyValueRow.of("Tokens", Quantity.of(d.visits(p.layer(), RoutingData.ALL, p.expert()), Numbers::count, from)));
        section.getChildren().add(KeyValueRow.of("As first choice", Quantity.of(d.firstChoices(p.layer(), p.expert()), Numbers::count, d.provenance("first_choice_load"))));
        double visits = d.visits(p.layer(), RoutingData.ALL, p.expert());
        Provenance weight = d.provenance("expert_weight_sum", "divided by the tokens that visit");
        section.getChildren().add(KeyValueRow.of("Mean weight", visits == 0 ? Quantity.missing("no token", weight)
                : Quantity.of(d.weightSum(p.layer(), p.expert()) / visits, Numbers::probability, weight)));
        section.getChildren().add(KeyValueRow.of("Mean probability", Quantity.of(d.meanProbability(p.layer(), p.expert()), Numbers::probability, d.provenance("mean_router_probability"))));
        return section;
    }

    private Node off(RoutingData d, Place p) {
        Change off = new Change.Silence(d.number(p.layer()), p.expert());
        WhatIf known = model.measuredProperty().get().get(off);
        Provenance from = measured(d);
        VBox section = Sections.section(known == null ? Sections.head("Loss if switched off") : Sections.head("Loss if switched off", new ProvenanceBadge(from).explained(Guide.Section.formula("routing", "what if"))));
        if (known != null) {
            addLosses(section, known, from);
            section.getChildren().add(caption("All rows, per token. Nobody takes its place."));
            ProvenanceAudit.notAFigure(section.getChildren().getLast(), "how it was measured");
            Runnable permanently = model.withoutForm(List.of(new Change.Mask(d.number(p.layer()), p.expert())));
            if (permanently != null) {
                section.getChildren().add(offered(Buttons.plain("Make permanent…", Icons.PRUNE, permanently), "Opens the form of a pruning run that writes a checkpoint without it; configs count experts for all layers alike, so it needs one of each layer"));
            }
            return section;
        }
        if (model.whatIfProperty().get() instanceof ViewState.Working<RoutingArtifact> w && off.equals(model.changeProperty().get())) {
            section.getChildren().add(States.reading(w.row(), Duration.ZERO));
            return section;
        }
        Button measure = Buttons.plain("Switch off expert " + p.expert(), model::switchOff);
        Node holder = offered(measure, "Measures every text's loss when this expert adds nothing");
        section.getChildren().add(ProvenanceAudit.notAFigure(holder, "name of an expert"));
        return section;
    }

    /// Several experts, of whatever layers, off at once.
    private Node together(RoutingData d, Place p) {
        boolean is = model.off().contains(new Change.Mask(d.number(p.layer()), p.expert()));
        Provenance from = measured(d);
        RoutingArtifact found = model.withoutProperty().get() instanceof ViewState.Result<RoutingArtifact> r ? r.value() : null;
        VBox section = Sections.section(found == null ? Sections.head("Switched off together") : Sections.head("Switched off together", new ProvenanceBadge(from).explained(Guide.Section.formula("routing", "what if"))));
        Button toggle = Buttons.plain(is ? "Expert on" : "Expert off", model::toggleOff);
        toggle.setId("expert-off");
        FlowPane buttons = new FlowPane(8, 8, offered(toggle, "Every text passes without the experts that are off; the next best take their places"));
        section.getChildren().add(buttons);
        if (model.off().isEmpty()) {
            return section;
        }
        buttons.getChildren().add(Buttons.plain("All on", model::allOn));
        Runnable permanently = model.withoutForm(List.copyOf(model.off()));
        if (permanently != null) {
            Button permanent = Buttons.plain("Make permanent…", Icons.PRUNE, permanently);
            permanent.setId("experts-permanent");
            buttons.getChildren().add(offered(permanent, "Opens the form of a pruning run that writes a checkpoint without them; configs count experts for all layers alike, so as many of each layer have to go"));
        }
        Label list = words(model.off().stream().map(m -> "Layer " + m.layer() + ", expert " + m.expert()).collect(java.util.stream.Collectors.joining("; ")), Styles.MUTED);
        section.getChildren().add(ProvenanceAudit.notAFigure(list, "names of experts"));
        switch (model.withoutProperty().get()) {
            case ViewState.Problem<RoutingArtifact> problem -> section.getChildren().add(new ErrorCard(problem.what(), problem.details(), problem.help() == null ? "" : problem.help(), null));
            case ViewState.Working<RoutingArtifact> w -> section.getChildren().add(States.reading(w.row(), Duration.ZERO));
            case ViewState.Result<RoutingArtifact> r -> r.value().whatIf().ifPresent(w -> addLosses(section, w, from));
            case ViewState.Empty<RoutingArtifact> e -> { }
        }
        return section;
    }

    /// A button that needs the checkpoint; without it, it says so.
    private Node offered(Button button, String tooltip) {
        String why = model.canCompute() ? "" : "This is a result made before. Open its checkpoint to measure more.";
        Buttons.disableBecause(button, why, tooltip);
        StackPane around = new StackPane(button);
        around.setAlignment(Pos.CENTER_LEFT);
        if (!why.isEmpty()) {
            Tooltip.install(around, new Tooltip(why));
        }
        return around;
    }

    private static Provenance measured(RoutingData d) {
        return Provenance.measured(d.artifact().model(), "F32", "loss over the texts with changed routes, less the loss without the change").of(d.artifact().tokens());
    }

    private static void addLosses(VBox section, WhatIf w, Provenance from) {
        if (w.domains().size() > 1) {
            w.domains().forEach(c -> section.getChildren().add(KeyValueRow.of(c.name(), Quantity.of(c.lossAfter() - c.lossBefore(), v -> Numbers.change(v, 4), from).in("nats"))));
        }
        section.getChildren().add(KeyValueRow.of(w.domains().size() > 1 ? "all texts" : "change", Quantity.of(w.lossAfter() - w.lossBefore(), v -> Numbers.change(v, 4), from).in("nats")));
    }

    // --- the token

    private Node token(RoutingData d, Place p, Tokens t, int token) {
        Label chip = new Label(t.text(token).isEmpty() ? " " : t.text(token));
        chip.getStyleClass().addAll(Styles.MONO, "vt-chip");
        ProvenanceAudit.notAFigure(chip, "a token");
        int row = t.rowOf(token);
        Label at = words("at " + (token - (row < 0 ? 0 : t.rows().get(row).from())), Styles.MUTED);
        ProvenanceAudit.notAFigure(at, "position of the token");
        Provenance from = d.provenance("expert_weights");
        HBox head = Sections.head("Token", new ProvenanceBadge(Provenance.measured(from.source(), from.dtype(), "the experts that the token visits, and their weights").of(0)).explained(Guide.Section.formula("routing", "routes")));
        head.getChildren().addAll(1, List.of(chip, at));
        VBox section = Sections.section(head);
        double sum = 0;
        int k = t.perToken(p.layer());
        for (int c = 0; c < k; c++) {
            sum += t.weight(p.layer(), token, c);
            if (c < CHOICES) {
                section.getChildren().add(choice(d, p, t, token, c, from));
            }
        }
        if (k > 1) {
            boolean whole = Math.abs(sum - 1) < 1e-4;
            section.getChildren().add(ProvenanceAudit.tag(caption(whole ? "Weights add up to 1: renormalised over the chosen " + k + "."
                    : "Weights add up to " + Numbers.probabilityInList(sum) + ": not renormalised over the chosen " + k + "."), from));
        }
        double margin = t.margin(p.layer(), token);
        section.getChildren().add(KeyValueRow.of("Margin of the choice", Double.isNaN(margin) ? Quantity.missing("all are chosen", d.provenance("selection_margin"))
                : Quantity.of(margin, Numbers::probability, d.provenance("selection_margin"))));
        section.getChildren().add(KeyValueRow.of("Router entropy", Quantity.of(t.entropy(p.layer(), token), Numbers::probability, d.provenance("router_entropy")).in("nats")));
        return section;
    }

    private Node choice(RoutingData d, Place p, Tokens t, int token, int c, Provenance from) {
        int e = t.expert(p.layer(), token, c);
        Region swatch = new Region();
        swatch.getStyleClass().addAll("vt-part", "vt-square", "vt-part-" + (e % 12 + 1));
        swatch.setVisible(!Colouring.byLoad(d));
        Label name = ProvenanceAudit.notAFigure(new Label("Expert " + e), "name of an expert");
        name.getStyleClass().add(Styles.SMALL);
        Label rank = ProvenanceAudit.notAFigure(new Label(ordinal(c + 1) + " choice"), "rank of the choice");
        rank.getStyleClass().add(Styles.CAPTION);
        Region space = new Region();
        HBox.setHgrow(space, javafx.scene.layout.Priority.ALWAYS);
        Label value = new Label(Numbers.probabilityInList(t.weight(p.layer(), token, c)));
        value.getStyleClass().add(Styles.MONO);
        ProvenanceAudit.tag(value, from);
        HBox row = new HBox(8, swatch, name, rank, space, value);
        row.setAlignment(Pos.CENTER_LEFT);
        row.setMinHeight(24);
        row.setFocusTraversable(true);
        row.getStyleClass().add("vt-link-row");
        row.setAccessibleText(name.getText() + ", " + rank.getText() + ", " + value.getText());
        row.setOnMouseClicked(ev -> model.select(p.layer(), e));
        row.setOnKeyPressed(ev -> {
            if (ev.getCode() == javafx.scene.input.KeyCode.ENTER || ev.getCode() == javafx.scene.input.KeyCode.SPACE) {
                model.select(p.layer(), e);
                ev.consume();
            }
        });
        return row;
    }

    private static String ordinal(int n) {
        String end = n % 100 / 10 == 1 ? "th" : switch (n % 10) {
            case 1 -> "st";
            case 2 -> "nd";
            case 3 -> "rd";
            default -> "th";
        };
        return n + end;
    }

    // --- what if

    private Node whatIf(RoutingData d, Place p) {
        Change asked = model.changeProperty().get();
        boolean off = asked instanceof Change.Silence;
        WhatIf known = asked == null ? null : model.measuredProperty().get().get(asked);
        Provenance from = measured(d);
        VBox section = Sections.section(known == null ? Sections.head("What if") : Sections.head("What if", new ProvenanceBadge(from).explained(Guide.Section.formula("routing", "what if"))));
        Button swap = Buttons.plain("Swap with…", Icons.SWAP, () -> { });
        swap.setOnAction(e -> experts(d, p, other -> new Change.Swap(d.number(p.layer()), p.expert(), other)).show(swap, Side.BOTTOM, 0, 4));
        Button force = Buttons.plain("Send token to…", Icons.ROUTING, () -> { });
        force.setOnAction(e -> experts(d, p, other -> new Change.Force(d.number(p.layer()), model.tokenProperty().get(), List.of(other))).show(force, Side.BOTTOM, 0, 4));
        Node forced = offered(force, "Measures what follows when the selected token visits another expert in this layer");
        if (model.tokenProperty().get() < 0) {
            Buttons.disableBecause(force, "Select a token in the paths first.", "");
            Tooltip.install(forced, new Tooltip("Select a token in the paths first."));
        }
        Button mask = Buttons.plain("Let others take over", () -> model.ask(new Change.Mask(d.number(p.layer()), p.expert())));
        FlowPane buttons = new FlowPane(8, 8, offered(mask, "Measures what follows when no token may choose this expert, and the next best takes its place"), offered(swap, "Measures what follows when two experts of this layer see each other's tokens"), forced);
        section.getChildren().add(buttons);
        if (model.whatIfProperty().get() instanceof ViewState.Working<RoutingArtifact> w && asked != null) {
            section.getChildren().add(ProvenanceAudit.notAFigure(caption(capital(asked.words()) + "…"), "name of a change"));
            if (!off) {
                section.getChildren().add(States.reading(w.row(), Duration.ZERO));
            }
        } else if (model.whatIfProperty().get() instanceof ViewState.Problem<RoutingArtifact> problem) {
            section.getChildren().add(new ErrorCard(problem.what(), problem.details(), problem.help() == null ? "" : problem.help(), () -> model.ask(asked)));
        } else if (known != null) {
            section.getChildren().add(ProvenanceAudit.notAFigure(words(capital(String.join("; ", known.changes())), Styles.STRONG), "name of a change"));
            section.getChildren().add(KeyValueRow.of("Loss before", Quantity.of(known.lossBefore(), Numbers::loss, from).in("nats")));
            section.getChildren().add(KeyValueRow.of("Loss after", Quantity.of(known.lossAfter(), Numbers::loss, from).in("nats")));
            if (!off) {
                addLosses(section, known, from);
            }
            section.getChildren().add(KeyValueRow.of("Divergence, mean", Quantity.of(known.kl(), Numbers::general, from).in("nats")));
            section.getChildren().add(KeyValueRow.of("Other first guess", Quantity.of(known.topChanged(), Numbers::percent, from)));
            addMoved(section, known, from);
        }
        return section;
    }

    private ContextMenu experts(RoutingData d, Place p, java.util.function.IntFunction<Change> change) {
        ContextMenu menu = new ContextMenu();
        // Of many experts those nearest in number would be arbitrary: the busiest ones are offered.
        IntStream.range(0, d.experts(p.layer())).boxed().filter(e -> e != p.expert())
                .sorted(d.experts(p.layer()) <= MENU ? java.util.Comparator.naturalOrder() : java.util.Comparator.comparingDouble(e -> -d.visits(p.layer(), RoutingData.ALL, e))).limit(MENU).forEach(e -> {
                    MenuItem item = new MenuItem("Expert " + e + ", load " + Numbers.fixed(d.share(Measure.LOAD, p.layer(), RoutingData.ALL, e), 2));
                    item.setOnAction(ev -> model.ask(change.apply(e)));
                    menu.getItems().add(item);
                });
        return menu;
    }

    /// Where the next token changes most: before and after.
    private void addMoved(VBox section, WhatIf w, Provenance from) {
        Tokens t = model.tokensProperty().get();
        if (t == null || w.tokens().isEmpty()) {
            return;
        }
        section.getChildren().add(ProvenanceAudit.notAFigure(caption("Next token, where it moves most"), "a heading"));
        for (RoutingArtifact.TokenChange c : w.tokens().stream().limit(3).toList()) {
            String here = t.textOfId(c.id());
            Label token = ProvenanceAudit.notAFigure(words("after " + here, Styles.MUTED), "a token");
            VBox moved = new VBox(2, token, likely(t, "before", c.before(), from), likely(t, "after", c.after(), from));
            moved.setPadding(new Insets(2, 0, 4, 0));
            section.getChildren().add(moved);
        }
    }

    private static Node likely(Tokens t, String name, List<RoutingArtifact.Likely> all, Provenance from) {
        Label head = new Label(name);
        head.getStyleClass().add(Styles.CAPTION);
        head.setMinWidth(40);
        FlowPane row = new FlowPane(6, 2, head);
        all.stream().limit(3).forEach(l -> {
            Label chip = new Label(t.textOfId(l.id()) + " " + Numbers.inCell(l.probability()));
            chip.getStyleClass().add(Styles.MONO);
            row.getChildren().add(ProvenanceAudit.tag(chip, from));
        });
        return row;
    }

    private static String capital(String text) {
        return text.isEmpty() ? text : Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }

    // --- the whole

    private static Node hotSet(RoutingData d) {
        HotSet h = d.artifact().hotSet();
        Provenance from = d.provenance("expert_load", "slots that a token visits, the busiest against its fair share, and the fewest that serve 90 % of each layer's choices");
        String verdict = h.hot() ? "Hot set." : "No hot set.";
        String used = h.used() == h.slots() ? "All " + Numbers.count(h.slots()) + " layer-expert slots are used" : Numbers.count(h.used()) + " of " + Numbers.count(h.slots()) + " layer-expert slots are used";
        Label words = words(used + "; the busiest (layer " + h.busiestLayer() + ", expert " + h.busiestExpert() + ") carries " + Numbers.fixed(h.busiest(), 1) + " × its fair share. "
                + (h.slotsFor90() > 0 ? Numbers.count(h.slotsFor90()) + " slots serve 90 % of the choices." : ""));
        ProvenanceAudit.tag(words, from);
        return Sections.section(Sections.head("Hot set", new ProvenanceBadge(from).explained(Guide.Section.formula("routing", "hot set"))), ProvenanceAudit.notAFigure(words(verdict, Styles.STRONG), "a verdict"), words);
    }

    /// The token ids that go to this expert most.
    private Node words(RoutingData d, Place p) {
        Tokens t = model.tokensProperty().get();
        List<Word> list = t == null ? List.of() : d.artifact().vocabulary(p.layer(), Grouping.input, p.expert());
        if (list.isEmpty()) {
            return null;
        }
        Provenance from = d.provenance("vocabulary_shares");
        VBox section = Sections.section(Sections.head("Tokens that go here", new ProvenanceBadge(from)));
        list.stream().limit(WORDS).forEach(w -> {
            Label value = new Label(Numbers.wholePercent(w.share()) + " of " + Numbers.count(w.tokens()));
            value.getStyleClass().add(Styles.MONO);
            ProvenanceAudit.tag(value, from);
            section.getChildren().add(KeyValueRow.of(t.textOfId(w.id()), value));
        });
        return section;
    }

    private static Node layer(RoutingData d, Place p) {
        Row r = d.artifact().rows().get(p.layer());
        Provenance from = d.provenance("expert_load", "figures of the layer");
        VBox section = Sections.section(Sections.head("Layer " + d.number(p.layer()), new ProvenanceBadge(from)));
        add(section, "Load variation", r.loadVariation(), Numbers::probability, from, "Standard deviation of the load ÷ its mean; by chance about " + Numbers.probability(r.chanceVariation()));
        add(section, "By chance alone", r.chanceVariation(), Numbers::probability, from, "√((1 − k/N) · N / (T k)): what even routing would show over so many tokens");
        add(section, "Busiest over mean", r.maxViolation(), v -> Numbers.change(v, 2), from, "Load of the busiest expert ÷ mean − 1");
        add(section, "Switch loss", r.switchLoss(), Numbers::probability, from, "N Σ load share · mean probability; 1 where even");
        add(section, "Router entropy", r.entropy(), Numbers::probability, from, "Mean over tokens, nats; at most ln N = " + Numbers.probability(Math.log(r.experts())));
        add(section, "Mass of the chosen", r.chosenMass(), Numbers::probability, from, "Mean probability of a token's experts together");
        add(section, "Fragile choices", r.fragileShare(), Numbers::percent, from, "Tokens whose last chosen and best not chosen expert nearly tie");
        add(section, "Unused experts", r.dead(), Numbers::count, from, "Experts that no token visits");
        return section;
    }

    private static void add(VBox section, String name, double value, java.util.function.DoubleFunction<String> format, Provenance from, String told) {
        if (Double.isFinite(value)) {
            KeyValueRow row = KeyValueRow.of(name, Quantity.of(value, format, from));
            Tooltip.install(row, new Tooltip(told));
            section.getChildren().add(row);
        }
    }

    private Node source(RoutingData d) {
        RoutingArtifact a = d.artifact();
        Provenance from = Provenance.measured(a.model(), "", "tokens that passed");
        VBox section = Sections.section(Sections.head("Source", new ProvenanceBadge(from)));
        section.getChildren().add(KeyValueRow.ofName("Checkpoint", a.model()));
        section.getChildren().add(KeyValueRow.ofName("Router", a.router().toLowerCase(Locale.ROOT).replace('_', ' ') + ", " + a.perToken() + " of " + a.experts()));
        section.getChildren().add(KeyValueRow.of("Tokens", Quantity.of(a.tokens(), Numbers::count, from)));
        if (Double.isFinite(a.loss())) {
            section.getChildren().add(KeyValueRow.of("Loss", Quantity.of(a.loss(), Numbers::loss, Provenance.measured(a.model(), "F32", "mean over predicted tokens").of(a.tokens())).in("nats")));
        }
        for (RoutingArtifact.Against other : a.against()) {
            double mean = java.util.Arrays.stream(other.saturation()).average().orElse(Double.NaN);
            section.getChildren().add(KeyValueRow.of("Same as in " + other.model(), Quantity.of(mean, Numbers::percent, Provenance.measured(other.model(), "", "share of a token's experts that are the same in both, mean over tokens and layers").of(a.tokens()))));
        }
        for (String w : a.artifact().manifest().warnings().stream().limit(4).toList()) {
            Label label = caption(w);
            label.getStyleClass().add(Styles.WARNING_TEXT);
            section.getChildren().add(ProvenanceAudit.notAFigure(label, "a warning of the engine"));
        }
        CommandButton prune = new CommandButton("Drop experts…", model::pruneCommand, NO_PRUNING, List.of(model.subjectProperty())).opening(model::pruneForm);
        prune.setAlignment(Pos.CENTER_LEFT);
        prune.setPadding(new Insets(8, 0, 0, 0));
        section.getChildren().add(prune);
        return section;
    }
}
