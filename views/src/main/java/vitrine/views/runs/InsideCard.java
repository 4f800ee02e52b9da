package vitrine.views.runs;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.DoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Styles;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.ReadOut.Role;
import vitrine.views.chart.Scale;
import vitrine.views.control.Card;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;

/// What pruning did inside the model, by layer: the error of outputs, effective ranks, attention, routing, and how alike the heads were that became one.
final class InsideCard {

    /// What is shown.
    enum Of {
        ERROR("Error"), RANK("Rank"), ATTENTION("Attention"), ROUTING("Routing"), HEADS("Heads");

        private final String word;

        Of(String word) {
            this.word = word;
        }

        String word() {
            return word;
        }
    }

    private static final Map<String, String> SHORT = Map.of("query", "q", "key", "k", "value", "v", "output", "o");
    private static final List<String> KINDS = List.of("query", "key", "value", "output", "gate", "up", "down", "other");
    private static final double THOUSAND = 1000;

    private final Card card = new Card("");
    private final MatrixChart chart = new MatrixChart().largestCell(130, 72);
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final HBox head = new HBox(10);
    private final Label which = new Label();
    private final HBox stepper = new HBox(2, new IconButton(Icons.BACK, "Layer before", "", () -> step(-1)).compact(), which, new IconButton(Icons.FORTH, "Next layer", "", () -> step(1)).compact());
    private final VBox content = new VBox(8, head, canvas);
    private Segments<Of> segments;
    private Of chosen = Of.ERROR;
    private List<Of> choices = List.of();
    private int layer;
    private RunData data;
    private JsonNode report;
    private String errorTitle = "";
    private Node errorNode;
    private Provenance errorFrom;

    InsideCard() {
        canvas.setId("inside");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        head.setAlignment(Pos.CENTER_LEFT);
        stepper.setAlignment(Pos.CENTER_LEFT);
        which.getStyleClass().add(Styles.SMALL);
        ProvenanceAudit.notAFigure(stepper, "which layer is shown");
    }

    Card node() {
        return card;
    }

    MatrixChart chart() {
        return chart;
    }

    List<Of> choices() {
        return choices;
    }

    /// Shows another part.
    void choose(Of of) {
        chosen = of;
        if (segments != null && segments.valueProperty().get() != of) {
            segments.valueProperty().set(of);
        }
        show();
    }

    /// @param r null where there is no report
    /// @param error a chart by layer; null where nothing is known of it
    /// @return whether there is anything to show
    boolean show(RunData d, JsonNode r, String title, Node error, Provenance from) {
        data = d;
        report = r;
        errorTitle = title;
        errorNode = error;
        errorFrom = from;
        List<Of> all = new ArrayList<>();
        if (error != null) {
            all.add(Of.ERROR);
        }
        if (r != null && !r.at("/effective_rank/layers").isEmpty()) {
            all.add(Of.RANK);
        }
        if (r != null && !r.at("/attention/layers").isEmpty()) {
            all.add(Of.ATTENTION);
        }
        if (r != null && !r.at("/routing/layers").isEmpty()) {
            all.add(Of.ROUTING);
        }
        if (r != null && StreamSupport.stream(r.path("layers").spliterator(), false).anyMatch(l -> l.has("key_similarity"))) {
            all.add(Of.HEADS);
        }
        if (!all.equals(choices)) {
            choices = List.copyOf(all);
            head.getChildren().clear();
            if (choices.size() > 1) {
                segments = new Segments<>(choices, Of::word).compact();
                segments.valueProperty().set(choices.contains(chosen) ? chosen : choices.getFirst());
                segments.valueProperty().addListener((o, old, now) -> {
                    if (now != chosen) {
                        choose(now);
                    }
                });
                head.getChildren().add(segments);
            }
        }
        if (choices.isEmpty()) {
            return false;
        }
        show();
        return true;
    }

    private void show() {
        Of of = choices.contains(chosen) ? chosen : choices.getFirst();
        head.getChildren().remove(stepper);
        card.subtitle("");
        switch (of) {
            case ERROR -> {
                card.title(errorTitle);
                card.provenance(errorFrom);
            }
            case RANK -> rank();
            case ATTENTION -> attention();
            case ROUTING -> routing();
            case HEADS -> heads();
        }
        Node shown = of == Of.ERROR ? errorNode : canvas;
        VBox.setVgrow(shown, Priority.ALWAYS);
        if (choices.size() == 1 && of == Of.ERROR) {
            card.content(shown);
            return;
        }
        content.getChildren().setAll(head, shown);
        card.content(content);
    }

    private static List<String> numbers(int count) {
        return IntStream.range(0, count).mapToObj(Integer::toString).toList();
    }

    private static double at(JsonNode list, int i) {
        return list.path(i).isNumber() ? list.path(i).asDouble() : Double.NaN;
    }

    private static ReadOut line(ReadOut to, String what, double before, double after, DoubleFunction<String> format) {
        return to.line().add(Role.CONTEXT, what).add(Role.NUMBER, Numbers.orReason(before, format)).add(Role.CONTEXT, "→").add(Role.NUMBER, Numbers.orReason(after, format));
    }

    // --- effective rank

    private void rank() {
        JsonNode ranks = report.path("effective_rank");
        TreeMap<Integer, Map<String, double[]>> rows = new TreeMap<>();
        for (JsonNode m : ranks.path("matrices")) {
            double[] sums = rows.computeIfAbsent(m.path("layer").asInt(), l -> new TreeMap<>()).computeIfAbsent(m.path("kind").asText(), k -> new double[5]);
            if (m.path("before").isNumber() && m.path("after").isNumber()) {
                String[] keys = {"before", "after", "normalised_before", "normalised_after"};
                for (int i = 0; i < keys.length; i++) {
                    sums[i] += m.path(keys[i]).asDouble();
                }
                sums[4]++;
            }
        }
        List<Integer> layers = List.copyOf(rows.keySet());
        List<String> kinds = KINDS.stream().filter(k -> rows.values().stream().anyMatch(r -> r.containsKey(k))).toList();
        float[] cells = new float[layers.size() * kinds.size()];
        double most = 0;
        for (int i = 0; i < cells.length; i++) {
            double[] s = rows.get(layers.get(i / kinds.size())).get(kinds.get(i % kinds.size()));
            double v = s == null || s[4] == 0 ? Double.NaN : THOUSAND * (s[3] - s[2]) / s[4];
            cells[i] = Double.isNaN(v) ? Cells.NONE : (float) v;
            most = Double.isNaN(v) ? most : Math.max(most, Math.abs(v));
        }
        chart.labels(layers.stream().map(String::valueOf).toList(), kinds.stream().map(k -> SHORT.getOrDefault(k, k)).toList()).legend("change × 1,000").format(v -> Math.round(v) == 0 ? "0" : Numbers.change(Math.round(v), 0));
        chart.readOut((r, c) -> {
            double[] s = rows.get(layers.get(r)).get(kinds.get(c));
            ReadOut out = new ReadOut().add(Role.INDEX, "layer " + layers.get(r)).add(Role.NAME, kinds.get(c));
            line(out, "effective rank", s[0] / s[4], s[1] / s[4], v -> Numbers.fixed(v, 2));
            line(out, "normalised", s[2] / s[4], s[3] / s[4], Numbers::probability);
            return s[4] > 1 ? out.line().add(Role.CONTEXT, "mean of " + Numbers.count(Math.round(s[4])) + " matrices") : out;
        });
        chart.show(Cells.of(layers.size(), kinds.size(), cells), Scale.diverging(1).fittedTo(-Math.max(1, most), Math.max(1, most)));
        card.title("Effective rank").subtitle("mean " + figure(ranks.path("normalised_before"), Numbers::probabilityInList) + " → " + figure(ranks.path("normalised_after"), Numbers::probabilityInList));
        boolean some = ranks.path("layers").size() < ranks.path("of_layers").asInt();
        card.provenance(Origins.derived(data, "normalised effective rank after less before; " + ranks.path("measure").asText() + (some ? "; some layers only, vitrine compare measures all" : "")));
    }

    private static String figure(JsonNode v, DoubleFunction<String> format) {
        return v.isNumber() ? format.apply(v.asDouble()) : Numbers.MISSING;
    }

    // --- attention

    private void attention() {
        JsonNode a = report.path("attention");
        JsonNode rows = a.path("layers");
        int heads = StreamSupport.stream(rows.spliterator(), false).mapToInt(l -> l.path("total_variation").size()).max().orElse(0);
        float[] cells = new float[rows.size() * heads];
        double most = 0;
        for (int i = 0; i < cells.length; i++) {
            double v = at(rows.get(i / heads).path("total_variation"), i % heads);
            cells[i] = Double.isNaN(v) ? Cells.NONE : (float) v;
            most = Double.isNaN(v) ? most : Math.max(most, v);
        }
        chart.labels(numbers(rows.size()), numbers(heads)).legend("how much of the weights moved").format(Numbers::inCell);
        chart.readOut((r, c) -> {
            JsonNode l = rows.get(r);
            ReadOut out = new ReadOut().add(Role.INDEX, "layer " + r + ", head " + c).line().add(Role.VALUE, Numbers.probability(at(l.path("total_variation"), c))).add(Role.CONTEXT, "moved, 0 to 1");
            line(out, "entropy, nats", at(l.path("entropy_before"), c), at(l.path("entropy_after"), c), v -> Numbers.fixed(v, 3));
            return line(out, "on the first token", at(l.path("first_token_before"), c), at(l.path("first_token_after"), c), Numbers::probability);
        });
        chart.show(Cells.of(rows.size(), heads, cells), Scale.linear(0, 0.1).fittedTo(0, most == 0 ? 0.1 : most));
        card.title("Attention moved").subtitle("entropy " + figure(a.path("entropy_before"), v -> Numbers.fixed(v, 3)) + " → " + figure(a.path("entropy_after"), v -> Numbers.fixed(v, 3)) + Numbers.THIN_SPACE + "nats");
        card.provenance(Origins.measured(data, "mean over queries of Σ over keys |after − before| ÷ 2, over the first " + Numbers.count(a.path("tokens").asLong()) + " tokens of " + a.path("text").asText()));
    }

    // --- routing

    private void routing() {
        JsonNode a = report.path("routing");
        JsonNode rows = a.path("layers");
        int experts = StreamSupport.stream(rows.spliterator(), false).mapToInt(l -> l.path("load_before").size()).max().orElse(0);
        float[] cells = new float[rows.size() * experts];
        double most = 0.01;
        for (int i = 0; i < cells.length; i++) {
            JsonNode l = rows.get(i / experts);
            double v = share(l, "load_after", l.path("became").path(i % experts).asInt(-1)) - together(l, i % experts);
            cells[i] = Double.isNaN(v) ? Cells.NONE : (float) v;
            most = Double.isNaN(v) ? most : Math.max(most, Math.abs(v));
        }
        chart.labels(StreamSupport.stream(rows.spliterator(), false).map(l -> l.path("layer").asText()).toList(), numbers(experts)).legend("share of choices, after − before").format(v -> Numbers.change(100 * v, 0));
        chart.readOut((r, c) -> {
            JsonNode l = rows.get(r);
            int became = l.path("became").path(c).asInt(-1);
            ReadOut out = new ReadOut().add(Role.INDEX, "layer " + l.path("layer").asText() + ", expert " + c + (became >= 0 && became != c ? ", now " + became : ""));
            line(out, became >= 0 && alike(l, c).count() > 1 ? "share of choices, of all that became it" : "share of choices", together(l, c), share(l, "load_after", became), Numbers::probability);
            line(out, "load entropy", l.path("load_entropy_before").asDouble(Double.NaN), l.path("load_entropy_after").asDouble(Double.NaN), Numbers::probability);
            line(out, "router entropy, nats", l.path("router_entropy_before").asDouble(Double.NaN), l.path("router_entropy_after").asDouble(Double.NaN), v -> Numbers.fixed(v, 3));
            return out.line().add(Role.CONTEXT, "tokens with other experts").add(Role.NUMBER, Numbers.percent(l.path("changed_sets").asDouble(Double.NaN)));
        });
        chart.show(Cells.of(rows.size(), experts, cells), Scale.diverging(1).fittedTo(-most, most));
        card.title("Load of experts").subtitle(figure(a.path("changed_sets"), Numbers::percent) + " of tokens choose others");
        card.provenance(Origins.measured(data, "share of choices in percentage points: of what an expert became, less that of all experts that became it, over " + Numbers.count(a.path("tokens").asLong()) + " tokens of " + a.path("text").asText()));
    }

    /// The experts that became what one did: itself, where none was merged with it or it is gone.
    private static IntStream alike(JsonNode layer, int expert) {
        JsonNode became = layer.path("became");
        int to = became.path(expert).asInt(-1);
        return to < 0 ? IntStream.of(expert) : IntStream.range(0, became.size()).filter(e -> became.path(e).asInt(-1) == to);
    }

    private static double together(JsonNode layer, int expert) {
        return alike(layer, expert).mapToDouble(e -> share(layer, "load_before", e)).sum();
    }

    private static double share(JsonNode layer, String side, int expert) {
        double sum = StreamSupport.stream(layer.path(side).spliterator(), false).mapToDouble(JsonNode::asDouble).sum();
        return at(layer.path(side), expert) / sum;
    }

    // --- heads that became one

    private void step(int by) {
        layer = Math.clamp(layer + by, 0, report.path("layers").size() - 1);
        show();
    }

    private void heads() {
        JsonNode rows = report.path("layers");
        layer = Math.clamp(layer, 0, rows.size() - 1);
        JsonNode l = rows.get(layer);
        int n = l.path("key_similarity").size();
        float[] cells = new float[n * n];
        for (int i = 0; i < cells.length; i++) {
            int r = i / n;
            int c = i % n;
            double v = at(l.path(r > c ? "key_similarity" : "value_similarity").path(r), c);
            cells[i] = r == c || Double.isNaN(v) ? Cells.NONE : (float) v;
        }
        chart.labels(IntStream.range(0, n).mapToObj(h -> h + " · " + group(l.path("key_groups"), h)).toList(), IntStream.range(0, n).mapToObj(h -> h + " · " + group(l.path("value_groups"), h)).toList())
                .legend("cosine of heads").format(Numbers::inCell);
        chart.readOut((r, c) -> {
            boolean keys = r > c;
            JsonNode groups = l.path(keys ? "key_groups" : "value_groups");
            return new ReadOut().add(Role.INDEX, "layer " + layer + ", " + (keys ? "keys" : "values") + " of heads " + r + " and " + c).line()
                    .add(Role.VALUE, Numbers.probability(at(l.path(keys ? "key_similarity" : "value_similarity").path(r), c))).add(Role.CONTEXT, groups.path(r).equals(groups.path(c)) ? "became one" : "stayed apart");
        });
        chart.show(Cells.of(n, n, cells), Scale.diverging(1).fittedTo(-1, 1));
        which.setText("layer " + layer);
        head.getChildren().add(stepper);
        card.title("Head similarity").subtitle("keys below, values above");
        card.provenance(Origins.measured(data, "cosine over the calibration tokens of two heads' keys (below the diagonal) or values (above), before they are rotated; after a head's number stands the letter of its group"));
    }

    /// Groups in letters, in the order of their first heads.
    private static String group(JsonNode firsts, int head) {
        int first = firsts.path(head).asInt();
        long before = IntStream.range(0, first).map(h -> firsts.path(h).asInt()).distinct().filter(f -> f < first).count();
        return before < 26 ? String.valueOf((char) ('A' + before)) : String.valueOf(before);
    }
}
