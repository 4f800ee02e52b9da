package vitrine.core.work.input;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.dataset.Sequences;
import vitrine.core.dataset.Texts;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tokenizer.Token;
import vitrine.core.tokenizer.Tokenizer;

/// A prompt as the model takes it.
///
/// @param segments or null
public record Tokens(int[] ids, int[] segments, List<Token> tokens) {

    /// No token is longer: a text beyond this many characters for each position is too long, and is not tokenised to find out.
    private static final int CHARACTERS_PER_POSITION = 1024;

    /// Tokenises a prompt, or takes its ids as they are.
    ///
    /// @throws Refusal `prompt-invalid`, `prompt-too-long`, `tokenizer-missing`, `tokenizer-mismatch`
    public static Tokens of(Task.Prompt prompt, Checkpoint checkpoint, ModelSpec spec, Progress progress) {
        Path file = prompt.file() == null ? null : Path.of(prompt.file());
        if (prompt.ids() != null) {
            int[] ids = prompt.ids().stream().mapToInt(Integer::intValue).toArray();
            int[] segments = prompt.segments() == null ? null : prompt.segments().stream().mapToInt(Integer::intValue).toArray();
            if (segments != null && segments.length != ids.length) {
                throw Refusal.of(Category.PROMPT_INVALID, null, "there are %,d ids and %,d segments", ids.length, segments.length);
            }
            require(ids, null, spec);
            return new Tokens(ids, segments, describe(ids, checkpoint, progress));
        }
        String text = prompt.text() != null ? prompt.text() : Texts.readPrompt(file);
        if (text.length() > (long) spec.maxPositions() * CHARACTERS_PER_POSITION) {
            throw Refusal.of(Category.PROMPT_TOO_LONG, file, "the prompt has %,d characters; the model takes %,d tokens", text.length(), spec.maxPositions())
                    .help("Shorten it; nothing is cut silently.");
        }
        progress.risky(checkpoint.tokenizerFile(), Tokenizer.patienceSeconds(checkpoint, text.length()));
        try (Tokenizer tokenizer = Tokenizer.of(checkpoint)) {
            List<Token> tokens = tokenizer.encode(text);
            progress.safe();
            int[] ids = tokens.stream().mapToInt(Token::id).toArray();
            require(ids, file, spec);
            return new Tokens(ids, null, tokens);
        }
    }

    private static void require(int[] ids, Path file, ModelSpec spec) {
        if (ids.length == 0) {
            throw Refusal.of(Category.PROMPT_INVALID, file, "the prompt gives no tokens");
        }
        Sequences.requireKnown(file, ids, spec.vocabSize());
        if (ids.length > spec.maxPositions()) {
            throw Refusal.of(Category.PROMPT_TOO_LONG, file, "the prompt has %,d tokens; the model takes %,d", ids.length, spec.maxPositions())
                    .help("Shorten it; nothing is cut silently.");
        }
    }

    /// Legible texts for given ids: the vocabulary's where there is one that can be read, else the numbers.
    public static List<Token> describe(int[] ids, Checkpoint checkpoint, Progress progress) {
        if (checkpoint.hasTokenizer()) {
            progress.risky(checkpoint.tokenizerFile(), Tokenizer.patienceSeconds(checkpoint, 0));
            try (Tokenizer tokenizer = Tokenizer.of(checkpoint)) {
                return tokenizer.describe(ids);
            } catch (Refusal unreadable) {
                // The ids were given, so a broken tokenizer is no obstacle: the tokens go without texts.
                return numbers(ids);
            } finally {
                progress.safe();
            }
        }
        return numbers(ids);
    }

    private static List<Token> numbers(int[] ids) {
        return java.util.Arrays.stream(ids).mapToObj(id -> new Token(id, "#" + id, -1, -1, false)).toList();
    }

    /// The tokens as JSON: a list of `{"id", "text", "start", "end", "special"}`.
    public String json() {
        ArrayNode list = Json.mapper().createArrayNode();
        for (Token t : tokens) {
            ObjectNode n = list.addObject().put("id", t.id()).put("text", t.text());
            if (t.start() >= 0) {
                n.put("start", t.start()).put("end", t.end());
            }
            if (t.special()) {
                n.put("special", true);
            }
        }
        return Json.line(list);
    }
}
