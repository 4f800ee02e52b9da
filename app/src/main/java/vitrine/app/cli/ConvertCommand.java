package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.task.TaskConvertBuilder;

@Command(name = "convert", description = {"A checkpoint made of another without training.", "stack: deeper, layers repeated. upcycle: experts from copies of each feed-forward block. pool: layers in groups share their experts.",
    "lines: the change from a base scaled layer by layer. interpolate: between two checkpoints.", "cast: values rounded to another type."}, mixinStandardHelpOptions = true)
final class ConvertCommand extends FolderCommand {

    @Parameters(index = "0", paramLabel = "HOW", description = "stack, upcycle, pool, lines, interpolate or cast")
    String how;

    @Parameters(index = "1", paramLabel = "MODEL", description = "a checkpoint")
    Path model;

    @Option(names = "--times", paramLabel = "N", description = "stack: how often each layer stands in the result; default 2")
    Integer times;

    @Option(names = "--interleave", description = "stack: repeat each layer in place, rather than the whole stack")
    boolean interleave;

    @Option(names = "--experts", paramLabel = "N", description = "upcycle: copies of each block; default 8")
    Integer experts;

    @Option(names = "--experts-per-token", paramLabel = "K", description = "upcycle: default 2")
    Integer perToken;

    @Option(names = "--noise", paramLabel = "X", description = "upcycle: noise on all copies but the first, as a share of the weights' deviation; default 0.05, 0 for the same output")
    Double noise;

    @Option(names = "--seed", paramLabel = "N", description = "upcycle: of router and noise; default 0")
    Long seed;

    @Option(names = "--group", paramLabel = "N", description = "pool: how many layers that follow each other share experts; default 2")
    Integer group;

    @Option(names = "--base", paramLabel = "BASE", description = "lines: what MODEL was trained from")
    Path base;

    @Option(names = "--alpha", paramLabel = "X", description = "lines: scale of the first layer's change, growing to 1 in the last; default 0.5")
    Double alpha;

    @Option(names = "--head-scale", paramLabel = "X", description = "lines: scale of the output head's change; default 1")
    Double headScale;

    @Option(names = "--with", paramLabel = "OTHER", description = "interpolate: the other checkpoint")
    Path other;

    @Option(names = "--share", paramLabel = "X", description = "interpolate: how much of OTHER; default 0.5")
    Double share;

    @Option(names = "--type", paramLabel = "TYPE", description = "cast: bfloat16 (default), float16 or float32")
    String type;

    @Override
    Task task() {
        requireFolder();
        Task.How kind = Arrays.stream(Task.How.values()).filter(h -> h.name().equals(how)).findFirst()
                .orElseThrow(() -> Refusal.of(Category.TASK_INVALID, null, "%s is unknown; known are stack, upcycle, pool, lines, interpolate, cast", Visible.name(how)));
        Path second = kind == Task.How.lines ? base : other;
        if (kind.compares() && second == null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s is missing", kind == Task.How.lines ? "--base" : "--with");
        }
        if (kind != Task.How.lines && base != null || kind != Task.How.interpolate && other != null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s does not go with %s", base != null ? "--base" : "--with", kind.name());
        }
        return TaskConvertBuilder.builder().model(absolute(model)).how(kind).times(times == null && kind == Task.How.stack ? Integer.valueOf(2) : times)
                .interleave(interleave ? true : null).experts(experts == null && kind == Task.How.upcycle ? Integer.valueOf(8) : experts).perToken(perToken)
                .noise(noise).seed(seed).other(second == null ? null : absolute(second)).alpha(alpha == null && kind == Task.How.lines ? Double.valueOf(0.5) : alpha)
                .headScale(headScale).share(share == null && kind == Task.How.interpolate ? Double.valueOf(0.5) : share)
                .group(group == null && kind == Task.How.pool ? Integer.valueOf(2) : group)
                .type(type == null && kind != Task.How.cast ? null : AdapterCommand.choice(Task.CastType.class, "--type", type == null ? "bfloat16" : type)).build();
    }

    @Override
    void say(ObjectNode r, Output output) {
        output.text(String.format(Locale.ROOT, "%,d tensors, %,d values%s", r.get("tensors").asInt(), r.get("parameters").asLong(),
                r.has("layers") ? String.format(Locale.ROOT, "; %d layers, before %d", r.get("layers").asInt(), r.get("layers_before").asInt()) : ""));
    }
}
