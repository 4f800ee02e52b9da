package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.task.TaskAdapterCutBuilder;

@Command(name = "cut", description = "An adapter with fewer ranks, as a PEFT folder.", mixinStandardHelpOptions = true)
final class AdapterCutCommand extends FolderCommand {

    @Parameters(paramLabel = "ADAPTER", description = "the adapter")
    Path adapter;

    @ArgGroup(multiplicity = "1")
    Target target;

    @Option(names = "--by", paramLabel = "ORDER", description = "what goes: the smallest singular values of each delta (singular, default) or the stored components of the least norm (norm_product)")
    String by;

    @Option(names = "--storage", paramLabel = "HOW", description = "peft (default: factors, a folder that PEFT loads) or solar (coefficients in bases of the base's singular vectors; needs "
            + "--model, is read by Vitrine and written back as factors with --storage peft)")
    String storage;

    @Option(names = "--vectors", paramLabel = "M", description = "with --storage solar: singular vectors of the base that each basis begins with, 1 to 64 (default)")
    Integer vectors;

    @Option(names = "--perturbation", paramLabel = "EPS", description = "with --storage solar: how far the second half of a basis is moved from the first; default 0.05")
    Double perturbation;

    @Option(names = "--seed", paramLabel = "N", description = "with --storage solar: of the numbers that move it; default 0")
    Long seed;

    @Option(names = "--model", paramLabel = "BASE", description = "its base, for --data and for --storage solar")
    Path model;

    @Mixin
    AdapterCommand.TextOptions texts = new AdapterCommand.TextOptions();

    /// How much stays.
    static final class Target {
        @Option(names = "--rank", paramLabel = "R", description = "every module keeps R ranks")
        Integer rank;

        @Option(names = "--energy", paramLabel = "SHARE", description = "every module keeps the fewest ranks that hold SHARE (such as 0.95) of its squared norm; rank_pattern is written")
        Double energy;

        @Option(names = "--parameters", paramLabel = "SHARE", description = "SHARE of the factors' parameters stays; over all modules the least energy per parameter goes first")
        Double parameters;

        @Option(names = "--loss", paramLabel = "NATS", description = "as few parameters as let the loss rise by at most NATS per token, with --model and --data")
        Double lossRise;

        @Option(names = "--without", paramLabel = "MODULE:C,...", description = "these components of a module go, all others stay; counted from 0, singular ones from the largest, or with "
                + "--by norm_product as they are stored; may be given several times")
        List<String> without;
    }

    private List<Task.AdapterCut.Components> without() {
        if (target.without == null) {
            return null;
        }
        List<Task.AdapterCut.Components> out = new ArrayList<>();
        for (String w : target.without) {
            if (!w.matches(".+:\\d{1,6}(,\\d{1,6})*")) {
                throw Refusal.of(Category.TASK_INVALID, null, "--without %s: a module and components such as model.layers.0.self_attn.q_proj:0,3 belong here", Visible.escape(w));
            }
            int colon = w.lastIndexOf(':');
            out.add(new Task.AdapterCut.Components(w.substring(0, colon), Arrays.stream(w.substring(colon + 1).split(",")).map(Integer::valueOf).toList()));
        }
        return out;
    }

    @Override
    Task task() {
        requireFolder();
        Storage how = AdapterCommand.choice(Storage.class, "--storage", storage);
        if (how != Storage.solar && (vectors != null || perturbation != null || seed != null)) {
            throw Refusal.of(Category.TASK_INVALID, null, "--vectors, --perturbation and --seed go with --storage solar");
        }
        return TaskAdapterCutBuilder.builder().adapter(absolute(adapter)).model(model == null ? null : absolute(model)).rank(target.rank).energy(target.energy)
                .parameters(target.parameters).lossRise(target.lossRise).order(AdapterCommand.choice(Task.Order.class, "--by", by)).data(texts.domains())
                .maxLength(sequenceLength(texts.length)).maxTokens(texts.maxTokens)
                .solar(how == Storage.solar ? new Task.AdapterCut.Solar(vectors, perturbation, seed) : null).without(without()).build();
    }

    private enum Storage {
        peft, solar
    }

    @Override
    void say(ObjectNode r, Output output) {
        output.text(String.format(Locale.ROOT, "%,d of %,d parameters, %s of the deltas' squared norm, relative error %s, %,d modules%s", r.get("parameters").asLong(),
                r.get("parameters_before").asLong(), Words.figure(r.get("energy"), "%.4f"), Words.figure(r.get("relative_error"), "%.4g"), r.get("modules").asInt(),
                r.get("left_out").asInt() > 0 ? String.format(Locale.ROOT, ", %,d left out", r.get("left_out").asInt()) : ""));
        output.text(String.format(Locale.ROOT, "%,d bytes of tensors, before %,d%s", r.get("bytes").asLong(), r.get("bytes_before").asLong(), r.has("factors_relative_error")
                ? String.format("; factors of as many bytes would have a relative error of %s", Words.figure(r.get("factors_relative_error"), "%.4g")) : ""));
        for (JsonNode d : r.path("domains")) {
            output.text(String.format(Locale.ROOT, "%-16s perplexity %s, before %s", Visible.name(d.get("name").asText()), Words.figure(d.at("/after/perplexity"), "%.4g"),
                    Words.figure(d.at("/before/perplexity"), "%.4g")));
        }
    }
}
