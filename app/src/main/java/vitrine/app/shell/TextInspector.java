package vitrine.app.shell;

import static vitrine.views.control.Sections.head;
import static vitrine.views.control.Sections.section;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.control.TextArea;
import javafx.scene.layout.VBox;
import vitrine.app.workspace.OpenText;
import vitrine.core.artifact.Provenance;
import vitrine.core.engine.Ending;
import vitrine.core.task.Task;
import vitrine.core.task.TaskEvaluateBuilder;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.ProvenanceBadge;
import vitrine.views.control.Quantity;
import vitrine.views.view.Subject;

/// An open text: its size, its domains, how it begins, and what the present checkpoint can do with it.
final class TextInspector extends ScrollPane {

    /// Tokens of a text over which maps are made.
    private static final int MAP_TOKENS = 8192;

    /// What is measured over a text beside its perplexity.
    enum Further {
        IMPACT("How unevenly weights count", "Heterogeneity of every matrix by impact, |W| and activation (CherryQ); a backward pass over the first 8,192 tokens"),
        LAZY("Layers that attend alike", "How far every two layers' attention is apart, and the losses where layers take over what an earlier one attends with, over the first 8,192 tokens");

        private final String title;
        private final String words;

        Further(String title, String words) {
            this.title = title;
            this.words = words;
        }

        String title() {
            return title;
        }

        Task task(String model, String data) {
            return TaskEvaluateBuilder.builder().model(model).data(data).maxTokens(MAP_TOKENS)
                    .lazy(this == LAZY ? new Task.Lazy(List.of(0.05, 0.1, 0.2), null, null) : null).heterogeneity(this == IMPACT ? new Task.Impact(null) : null).build();
        }
    }

    private final VBox box = new VBox();

    /// @param subject what the views are about, or null
    TextInspector(OpenText text, Subject subject, Consumer<String> asPrompt, Consumer<OpenText> evaluate, BiConsumer<OpenText, Further> further) {
        super();
        setContent(box);
        setFitToWidth(true);
        setHbarPolicy(ScrollBarPolicy.NEVER);
        getStyleClass().add("edge-to-edge");
        Label title = new Label(text.name());
        title.getStyleClass().add(Styles.INSPECTOR_TITLE);
        title.setWrapText(true);
        box.getChildren().add(ProvenanceAudit.notAFigure(section(title), "a file's name"));
        Provenance file = Provenance.measured(text.name(), "", "read from the file");
        VBox facts = section(KeyValueRow.of("Examples", Quantity.of(text.examples(), Numbers::count, file)), KeyValueRow.of("Size", Quantity.of(text.bytes(), Numbers::bytes, file)));
        if (!text.labels().isEmpty()) {
            facts.getChildren().add(KeyValueRow.ofName("Domains", String.join(", ", text.labels())));
        }
        box.getChildren().add(facts);
        String why = subject == null ? "Open a checkpoint first." : subject.isAdapter() ? "An adapter needs its base for this." : subject.anatomy().obstacle() != null
                ? subject.anatomy().obstacle().getMessage() : "";
        Button prompt = Buttons.plain("Use as prompt", Icons.ATTENTION, () -> asPrompt.accept(text.beginning()));
        Buttons.disableBecause(prompt, text.beginning().isEmpty() ? "The first example holds token ids, no text." : why, "The first example, at most " + OpenText.SHOWN + " characters");
        Button loss = Buttons.plain("Perplexity on this text", Icons.RUNS, () -> evaluate.accept(text));
        Buttons.disableBecause(loss, why, subject == null ? "" : "Of " + subject.name());
        VBox does = section(prompt, loss);
        for (Further f : Further.values()) {
            Button b = Buttons.plain(f.title, f == Further.IMPACT ? Icons.RANK : Icons.ATTENTION, () -> further.accept(text, f));
            Buttons.disableBecause(b, why, f.words);
            does.getChildren().add(b);
        }
        box.getChildren().add(does);
        if (!text.beginning().isEmpty()) {
            TextArea begins = new TextArea(text.beginning());
            begins.setEditable(false);
            begins.setWrapText(true);
            begins.setPrefRowCount(14);
            begins.getStyleClass().add(Styles.MONO);
            box.getChildren().add(ProvenanceAudit.notAFigure(section(head("Begins with"), begins), "the text itself"));
        }
    }

    /// The same with what an evaluation gave.
    TextInspector with(Ending ending) {
        box.getChildren().add(3, switch (ending) {
            case Ending.Finished f -> {
                ObjectNode s = f.artifact().manifest().summary();
                Provenance p = Provenance.measured(s.path("model").asText(), "F32", "mean negative log-likelihood over all predicted tokens, natural logarithm")
                        .of(s.path("predicted_tokens").asLong());
                yield section(new ProvenanceBadge(p), KeyValueRow.of("Perplexity", number(s, "perplexity", Numbers::perplexity, p)),
                        KeyValueRow.of("Loss", number(s, "loss", Numbers::loss, p).in("nats")), KeyValueRow.of("Tokens", number(s, "predicted_tokens", Numbers::count, p)));
            }
            case Ending.Refused r -> section(new ErrorCard("This cannot be computed", List.of(r.message()), "", null));
            case Ending.Failed f -> section(new ErrorCard(f.cause().sentence(), List.of(f.message()), "The log tells more.", null));
            case Ending.Cancelled ignored -> section(ProvenanceAudit.notAFigure(new Label("Cancelled."), "state"));
        });
        return this;
    }

    private static Quantity number(ObjectNode summary, String key, java.util.function.DoubleFunction<String> format, Provenance p) {
        return summary.path(key).isNumber() ? Quantity.of(summary.path(key).asDouble(), format, p) : Quantity.missing("no token was predicted", p);
    }
}
