package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Locale;
import vitrine.core.artifact.Artifact;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;

/// `vitrine finetune --preview`: what a run would see of its data.
final class PreviewCommand extends EngineCommand {

    private static final int SHOWN = 300;
    private final Task.Preview task;

    PreviewCommand(Task.Preview task, CommonOptions common) {
        this.task = task;
        this.common = common;
    }

    @Override
    Task task() {
        return task;
    }

    @Override
    void finish(Artifact artifact, ObjectNode r, Output output) throws IOException {
        if (common.out != null) {
            Results.json(r, common.out);
        }
        output.text(String.format(Locale.ROOT, "%,d examples, %,d sequences of at most %,d tokens; %,d tokens, %,d of them learned", r.get("examples").asInt(), r.get("sequences").asInt(),
                r.get("sequence_length").asInt(), r.get("tokens").asLong(), r.get("learned_tokens").asLong()));
        for (JsonNode e : r.get("first")) {
            output.text(String.format(Locale.ROOT, "line %,d (%s): %,d tokens, %,d learned%s%s", e.get("line").asInt(), e.get("kind").asText(), e.get("tokens").asInt(), e.get("learned_tokens").asInt(),
                    e.get("lost_tokens").asInt() == 0 ? "" : String.format(Locale.ROOT, ", %,d cut away", e.get("lost_tokens").asInt()),
                    e.get("pieces").asInt() == 1 ? "" : String.format(Locale.ROOT, ", in %,d pieces", e.get("pieces").asInt())));
            for (JsonNode p : e.get("parts")) {
                String text = Visible.escape(p.get("text").asText());
                output.text((p.get("learned").asBoolean() ? "  learned | " : "  masked  | ") + (text.length() > SHOWN ? text.substring(0, SHOWN) + "…" : text));
            }
        }
    }
}
