package vitrine.app.cli;

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
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;

@Command(name = "capture", description = "A forward pass over one prompt: attention weights, hidden states, logits and more, as safetensors.", mixinStandardHelpOptions = true)
final class CaptureCommand extends EngineCommand {

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
    OffOptions off = new OffOptions();

    @Mixin
    AdapterOptions adapters = new AdapterOptions();

    @Override
    Task task() {
        if (common.out == null) {
            throw Refusal.of(Category.TASK_INVALID, null, "--out is missing: a capture is a file").help("Say --out FILE.safetensors.");
        }
        return new Task.Capture(absolute(model), prompt.prompt(), whats(), range(), adapters.uses(), off.off());
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

    @Override
    List<Path> otherInputs() {
        return prompt.read();
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
