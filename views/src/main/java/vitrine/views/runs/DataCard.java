package vitrine.views.runs;

import com.fasterxml.jackson.databind.JsonNode;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import javafx.scene.text.Text;
import javafx.scene.text.TextFlow;
import vitrine.core.artifact.Provenance;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Quantity;
import vitrine.views.tasks.Latest;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;

/// What a training run would see of its text: token counts, what is learned, what is masked and what was cut.
final class DataCard {

    /// Characters of a stretch that are shown.
    private static final int SHOWN = 400;

    private final RunForm form;
    private final Latest<JsonNode> preview;
    private final Card card = new Card("What the run sees of the text");
    private Task.Preview asked;

    /// @param tasks where it is asked for; null for nowhere
    DataCard(RunForm form, TaskBoard tasks) {
        this.form = form;
        preview = tasks == null ? null : new Latest<>(tasks, "", a -> a.manifest().summary());
        form.taskProperty().addListener((o, old, now) -> show());
        if (preview != null) {
            preview.stateProperty().addListener((o, old, now) -> show());
        }
        show();
    }

    Card node() {
        return card;
    }

    private Task.Preview wanted() {
        Task.Finetune t = (Task.Finetune) form.taskProperty().get();
        return t == null || preview == null ? null : new Task.Preview(t.model(), t.data(), t.settings() == null ? null : t.settings().sequenceLength());
    }

    /// Reads the text as the run would.
    void ask() {
        asked = wanted();
        if (asked != null) {
            preview.ask("Preview of " + RunRow.file(asked.data()), asked);
        }
    }

    private void show() {
        Task.Preview now = wanted();
        VBox box = new VBox(6);
        ViewState<JsonNode> s = preview == null ? null : preview.state();
        boolean mine = now != null && now.equals(asked);
        if (mine && s instanceof ViewState.Result<JsonNode> r) {
            fill(box, r.value(), now);
        } else {
            String words = preview == null ? "There is no engine here to read the text with." : now == null ? "Token counts, what is masked and what is cut are told here once the form is complete." : !mine
                    ? "The text is read as the run reads it: chat template, masking, cutting." : s instanceof ViewState.Problem<JsonNode> p ? p.what() + " " + String.join(" ", p.details()) : "Reading the text…";
            Label label = new Label(words);
            label.setWrapText(true);
            label.setMinHeight(Region.USE_PREF_SIZE);
            label.getStyleClass().addAll(Styles.SMALL, mine && s instanceof ViewState.Problem<JsonNode> ? Styles.DANGER_TEXT : Styles.MUTED);
            box.getChildren().add(ProvenanceAudit.notAFigure(label, "what will stand here"));
            if (!mine && preview != null) {
                Button ask = Buttons.plain("Preview the text", Icons.TEXT, this::ask);
                ask.setId("preview-text");
                Buttons.disableBecause(ask, now == null ? "Choose a checkpoint and a text first." : "", "Counts tokens and shows the first examples; nothing is trained");
                box.getChildren().add(ask);
            }
        }
        ScrollPane scroll = new ScrollPane(box);
        scroll.setFitToWidth(true);
        scroll.setHbarPolicy(ScrollPane.ScrollBarPolicy.NEVER);
        scroll.getStyleClass().add("edge-to-edge");
        card.content(scroll);
    }

    private void fill(VBox box, JsonNode n, Task.Preview of) {
        Provenance from = Provenance.derived(RunRow.file(of.data()), "", "counted in the tokens that the run would learn from");
        card.provenance(from);
        row(box, "Examples", n.path("examples").asDouble(), from);
        row(box, "Sequences, cut at " + Numbers.count(n.path("sequence_length").asLong()), n.path("sequences").asDouble(), from);
        row(box, "Tokens", n.path("tokens").asDouble(), from);
        row(box, "Learned", n.path("learned_tokens").asDouble(), from);
        row(box, "Longest sequence", n.path("longest").asDouble(), from);
        row(box, "Examples that lost their end", n.path("cut_examples").asDouble(), from);
        row(box, "Tokens lost", n.path("lost_tokens").asDouble(), from);
        row(box, "Examples with nothing to learn", n.path("left_out_examples").asDouble(), from);
        for (JsonNode e : n.path("first")) {
            String lost = e.path("lost_tokens").asInt() == 0 ? "" : ", " + Numbers.count(e.path("lost_tokens").asLong()) + " cut away";
            Label head = new Label("Line " + Numbers.count(e.path("line").asLong()) + ", " + e.path("kind").asText() + ": " + Numbers.count(e.path("tokens").asLong()) + " tokens, "
                    + Numbers.count(e.path("learned_tokens").asLong()) + " learned" + lost);
            head.getStyleClass().add(Styles.CAPTION);
            head.setWrapText(true);
            head.setMinHeight(Region.USE_PREF_SIZE);
            box.getChildren().add(ProvenanceAudit.tag(head, from));
            TextFlow flow = new TextFlow();
            for (JsonNode p : e.path("parts")) {
                String text = Visible.escape(p.path("text").asText());
                Text part = new Text(text.length() > SHOWN ? text.substring(0, SHOWN) + "…" : text);
                boolean learned = p.path("learned").asBoolean();
                part.getStyleClass().addAll("text", Styles.MONO, learned ? "vt-learned" : "vt-masked");
                part.setUnderline(learned);
                flow.getChildren().add(part);
            }
            box.getChildren().add(ProvenanceAudit.notAFigure(flow, "text of the user"));
        }
        Label legend = new Label("Underlined: learned. Muted: masked, read but not learned.");
        legend.getStyleClass().add(Styles.CAPTION);
        box.getChildren().add(ProvenanceAudit.notAFigure(legend, "legend"));
    }

    private static void row(VBox box, String name, double value, Provenance from) {
        box.getChildren().add(KeyValueRow.of(name, Quantity.of(value, Numbers::count, from)));
    }
}
