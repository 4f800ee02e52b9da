package vitrine.core.work.finetune;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import vitrine.core.artifact.Provenance;
import vitrine.core.dataset.Sequences;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.task.Task;
import vitrine.core.tokenizer.Tokenizer;
import vitrine.core.work.input.DataInput;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Outcome;

/// What a training run would see of its data: token counts, what is learned, what is masked, what was cut.
public final class PreviewRun {

    private static final int SHOWN = 5;
    private static final int SHOWN_TOKENS = 400;

    private PreviewRun() {}

    public static Outcome run(Task.Preview task, Progress progress, Consumer<String> warn) {
        try (LoadedModel model = LoadedModel.openWithLoops(task.model(), null)) {
            int length = Math.min(model.spec().maxPositions(), task.maxLength() == null ? FinetuneForecast.DEFAULT_LENGTH : task.maxLength());
            Sequences.Read read = DataInput.readAll(task.data(), length, model, progress);
            if (read.lossesOrNull() != null) {
                warn.accept(Path.of(task.data()).getFileName() + ": " + read.lossesOrNull());
            }
            List<Sequences.Fate> fates = read.fates();
            ObjectNode summary = Json.object().put("model", model.checkpoint().name()).put("sequence_length", length).put("examples", fates.size()).put("sequences", read.sequences().size())
                    .put("tokens", fates.stream().mapToLong(Sequences.Fate::tokens).sum()).put("learned_tokens", fates.stream().mapToLong(Sequences.Fate::learned).sum())
                    .put("longest", read.sequences().stream().mapToInt(s -> s.ids().length).max().orElse(0)).put("cut_examples", fates.stream().filter(f -> f.lost() > 0).count())
                    .put("lost_tokens", fates.stream().mapToLong(Sequences.Fate::lost).sum()).put("left_out_examples", fates.stream().filter(f -> f.pieces() == 0).count());
            ArrayNode first = summary.putArray("first");
            boolean texts = fates.stream().anyMatch(f -> !f.kind().equals("ids"));
            Tokenizer tokenizer = texts ? Tokenizer.of(model.checkpoint()) : null;
            try {
                int at = 0;
                for (Sequences.Fate f : fates) {
                    if (f.pieces() > 0 && first.size() < SHOWN) {
                        ObjectNode n = first.addObject().put("line", f.line()).put("kind", f.kind()).put("tokens", f.tokens()).put("learned_tokens", f.learned()).put("lost_tokens", f.lost())
                                .put("pieces", f.pieces());
                        parts(n.putArray("parts"), read.sequences().get(at), tokenizer);
                    }
                    at += f.pieces();
                }
            } finally {
                if (tokenizer != null) {
                    tokenizer.close();
                }
            }
            return new Outcome(summary, Map.of("tokens", Provenance.derived(Path.of(task.data()).getFileName().toString(), "", "tokens of all sequences")));
        }
    }

    /// The first sequence of an example in stretches that are learned or not; a token is learned where it is predicted, so the first one never is.
    private static void parts(ArrayNode to, Sequences.Labelled s, Tokenizer tokenizer) {
        StringBuilder text = new StringBuilder();
        boolean learned = false;
        int count = Math.min(SHOWN_TOKENS, s.ids().length);
        int in = 0;
        for (int t = 0; t <= count; t++) {
            boolean next = t < count && t > 0 && s.labels()[t] != Sequences.IGNORED;
            if (t == count || in > 0 && next != learned) {
                to.addObject().put("text", text.toString()).put("tokens", in).put("learned", learned);
                text.setLength(0);
                in = 0;
            }
            if (t < count) {
                learned = next;
                in++;
                text.append(tokenizer == null ? "#" + s.ids()[t] + " " : tokenizer.describe(new int[] {s.ids()[t]}).getFirst().text());
            }
        }
    }
}
