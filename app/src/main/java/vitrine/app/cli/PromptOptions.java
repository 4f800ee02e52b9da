package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;

/// Where a prompt comes from: one of the three.
final class PromptOptions {

    private static final long MAX_IDS_BYTES = 64 << 20;
    /// What Java puts in the place of bytes that it cannot read in an argument.
    private static final char REPLACEMENT = '\uFFFD';

    @Option(names = "--prompt", paramLabel = "TEXT", description = "the prompt")
    String text;

    @Option(names = "--prompt-file", paramLabel = "FILE", description = "a file that holds the prompt")
    Path file;

    @Option(names = "--ids", paramLabel = "FILE", description = "a JSON file: a list of token ids, or {\"input_ids\": [...], \"token_type_ids\": [...]}")
    Path ids;

    /// Files that are read for it beside those of the task itself.
    List<Path> read() {
        return ids == null ? List.of() : List.of(ids);
    }

    /// The prompt as a task names it.
    Task.Prompt prompt() {
        if (text != null) {
            if (text.indexOf(REPLACEMENT) >= 0) {
                throw Refusal.of(Category.ENCODING_INVALID, null, "--prompt: character %,d is not UTF-8, or was lost in this terminal's encoding (%s)",
                        text.codePointCount(0, text.indexOf(REPLACEMENT)) + 1, System.getProperty("sun.jnu.encoding"))
                        .help("Save the prompt as UTF-8 and say --prompt-file.");
            }
            return Task.Prompt.ofText(text);
        }
        if (file != null) {
            return Task.Prompt.ofFile(Path.of(EngineCommand.absolute(file)));
        }
        if (!Files.exists(ids)) {
            throw Refusal.of(Category.NOT_FOUND, ids, "there is no such file");
        }
        byte[] bytes = Json.readBytes(ids, MAX_IDS_BYTES, Category.PROMPT_INVALID);
        JsonNode json;
        try {
            json = Json.mapper().readTree(bytes);
        } catch (IOException e) {
            throw Json.refuse(ids, Category.PROMPT_INVALID, e);
        }
        return json.isObject() ? new Task.Prompt(null, null, list(json.path("input_ids")), json.has("token_type_ids") ? list(json.path("token_type_ids")) : null)
                : Task.Prompt.ofIds(list(json));
    }

    private List<Integer> list(JsonNode list) {
        // [[1, 2, 3]] is what a tokenizer library gives for a batch of one.
        JsonNode flat = list.isArray() && list.size() == 1 && list.get(0).isArray() ? list.get(0) : list;
        List<Integer> out = new ArrayList<>();
        for (JsonNode id : flat) {
            if (!id.isIntegralNumber() || !id.canConvertToInt()) {
                throw Refusal.of(Category.PROMPT_INVALID, ids, "it holds %s; one list of token ids belongs here", id.toString());
            }
            out.add(id.intValue());
        }
        if (!flat.isArray() || out.isEmpty()) {
            throw Refusal.of(Category.PROMPT_INVALID, ids, flat.isArray() ? "the list of token ids is empty: it gives no tokens" : "it is no list of token ids");
        }
        return out;
    }
}
