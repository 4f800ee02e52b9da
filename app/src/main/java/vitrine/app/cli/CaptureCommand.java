package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.artifact.Artifact;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;

@Command(name = "capture", description = "A forward pass over one prompt: attention weights, hidden states, logits and more, as safetensors.", mixinStandardHelpOptions = true)
final class CaptureCommand extends EngineCommand {

    private static final long MAX_IDS_BYTES = 64 << 20;
    /// What Java puts in the place of bytes that it cannot read in an argument.
    private static final char REPLACEMENT = '\uFFFD';

    @Parameters(paramLabel = "MODEL", description = "a checkpoint")
    Path model;

    @ArgGroup(multiplicity = "1")
    PromptOptions prompt;

    @Option(names = "--what", split = ",", paramLabel = "LIST", description = "of attentions, hidden_states, logits, kv, router, loss, blocks, metrics, thumbnails, "
            + "similarity, arank, rollout, head_similarity; default attentions")
    List<String> what = List.of("attentions");

    @Option(names = "--layers", paramLabel = "A-B", description = "keep the values of layers A to B only")
    String layers;

    @Mixin
    AdapterOptions adapters = new AdapterOptions();

    /// Where the prompt comes from.
    static final class PromptOptions {
        @Option(names = "--prompt", paramLabel = "TEXT", description = "the prompt")
        String text;

        @Option(names = "--prompt-file", paramLabel = "FILE", description = "a file that holds the prompt")
        Path file;

        @Option(names = "--ids", paramLabel = "FILE", description = "a JSON file: a list of token ids, or {\"input_ids\": [...], \"token_type_ids\": [...]}")
        Path ids;
    }

    @Override
    Task task() {
        if (common.out == null) {
            throw Refusal.of(Category.TASK_INVALID, null, "--out is missing: a capture is a file").help("Say --out FILE.safetensors.");
        }
        return new Task.Capture(absolute(model), prompt(), whats(), range(), adapters.uses());
    }

    private List<Task.What> whats() {
        List<Task.What> out = new ArrayList<>();
        for (String w : what) {
            try {
                out.add(Task.What.valueOf(w.strip()));
            } catch (IllegalArgumentException e) {
                throw Refusal.of(Category.TASK_INVALID, null, "--what %s is unknown; known are %s", w, List.of(Task.What.values()).toString()).cause(e);
            }
        }
        return out;
    }

    private Task.LayerRange range() {
        if (layers == null) {
            return null;
        }
        if (!layers.matches("\\d{1,6}(-\\d{1,6})?")) {
            throw Refusal.of(Category.TASK_INVALID, null, "--layers %s: a range such as 2-5 belongs here", layers);
        }
        String[] ends = layers.split("-");
        return new Task.LayerRange(Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1]));
    }

    private Task.Prompt prompt() {
        if (prompt.text != null) {
            if (prompt.text.indexOf(REPLACEMENT) >= 0) {
                throw Refusal.of(Category.ENCODING_INVALID, null, "--prompt: character %,d is not UTF-8, or was lost in this terminal's encoding (%s)",
                        prompt.text.codePointCount(0, prompt.text.indexOf(REPLACEMENT)) + 1, System.getProperty("sun.jnu.encoding"))
                        .help("Save the prompt as UTF-8 and say --prompt-file.");
            }
            return Task.Prompt.ofText(prompt.text);
        }
        if (prompt.file != null) {
            return Task.Prompt.ofFile(Path.of(absolute(prompt.file)));
        }
        if (!Files.exists(prompt.ids)) {
            throw Refusal.of(Category.NOT_FOUND, prompt.ids, "there is no such file");
        }
        byte[] bytes = Json.readBytes(prompt.ids, MAX_IDS_BYTES, Category.PROMPT_INVALID);
        JsonNode json;
        try {
            json = Json.mapper().readTree(bytes);
        } catch (IOException e) {
            throw Json.refuse(prompt.ids, Category.PROMPT_INVALID, e);
        }
        return json.isObject() ? new Task.Prompt(null, null, ids(json.path("input_ids")), json.has("token_type_ids") ? ids(json.path("token_type_ids")) : null)
                : Task.Prompt.ofIds(ids(json));
    }

    private List<Integer> ids(JsonNode list) {
        // [[1, 2, 3]] is what a tokenizer library gives for a batch of one.
        JsonNode flat = list.isArray() && list.size() == 1 && list.get(0).isArray() ? list.get(0) : list;
        List<Integer> ids = new ArrayList<>();
        for (JsonNode id : flat) {
            if (!id.isIntegralNumber() || !id.canConvertToInt()) {
                throw Refusal.of(Category.PROMPT_INVALID, prompt.ids, "it holds %s; one list of token ids belongs here", id.toString());
            }
            ids.add(id.intValue());
        }
        if (!flat.isArray() || ids.isEmpty()) {
            throw Refusal.of(Category.PROMPT_INVALID, prompt.ids, flat.isArray() ? "the list of token ids is empty: it gives no tokens" : "it is no list of token ids");
        }
        return ids;
    }

    @Override
    List<Path> otherInputs() {
        return prompt.ids == null ? List.of() : List.of(prompt.ids);
    }

    @Override
    void finish(Artifact artifact, ObjectNode result, Output output) throws IOException {
        Results.copy(artifact.tensorFile(), common.out);
        result.put("out", common.out.toString());
        output.text("Wrote " + common.out + ", " + Words.bytes(Files.size(common.out)) + ":");
        artifact.manifest().summary().path("tensors").properties().forEach(e -> output.text(String.format("  %-24s %s", e.getKey(), e.getValue().asText())));
        if (result.has("loss")) {
            output.text("Loss " + Words.figure(result.get("loss"), "%.4f") + " nats per token, perplexity " + Words.figure(result.get("perplexity"), "%.4g"));
        }
    }
}
