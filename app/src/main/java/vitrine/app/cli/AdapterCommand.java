package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Artifact;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.task.TaskAdapterBuilder;

@Command(name = "adapter", description = "What an adapter's ranks are worth: norms and spectra of its deltas, how they lie to the base, and the loss with fewer ranks. "
        + "With a subcommand: compare two adapters, cut one to fewer ranks, merge one into its base, extract one from a fine-tuned checkpoint.",
        mixinStandardHelpOptions = true, subcommands = {AdapterCompareCommand.class, AdapterCutCommand.class, AdapterMergeCommand.class, AdapterExtractCommand.class})
final class AdapterCommand extends TwoFilesCommand {

    private static final int SHOWN = 10;

    @Parameters(arity = "0..1", paramLabel = "ADAPTER", description = "a PEFT folder, or a file of an adapter's tensors")
    Path adapter;

    @Option(names = "--model", paramLabel = "BASE", description = "the checkpoint that it was made for; without one, what needs no base is told")
    Path model;

    @Option(names = "--alignment", paramLabel = "HOW", description = "how the deltas are compared with the base's weights: none, fast (default; all singular vectors of small weights, "
            + "leading ones of large) or full")
    String alignment;

    @Option(names = "--ranks", split = ",", paramLabel = "K", description = "with --data: the loss where every module keeps K ranks; several as 0,1,2,4; default powers of two")
    List<Integer> ranks;

    @Option(names = "--order", paramLabel = "ORDER", description = "with --data: which ranks are kept: singular (default), norm_product or activation")
    String order;

    @Option(names = "--without", paramLabel = "WHAT", description = "with --data: the loss without each of the modules, or components, alone")
    String without;

    @Option(names = "--modules", split = ",", paramLabel = "GLOB", description = "with --without: only modules whose path matches; * any characters, ? one")
    List<String> modules;

    @Option(names = "--gradients", description = "with --data: importance of components by gradients of their gates (BeamLoRA) and by sensitivity (AdaLoRA); takes about as long as a training "
            + "run over the texts")
    boolean gradients;

    @Mixin
    TextOptions texts = new TextOptions();

    /// Texts of a task about adapters.
    static final class TextOptions {
        @Option(names = "--data", paramLabel = "[NAME=]FILE", description = "a text file or JSONL to find losses on; may be given several times")
        List<String> data;

        @Option(names = "--sequence-length", paramLabel = "N", description = "cut texts to N tokens; default the model's own limit, at most 2,048")
        Integer length;

        @Option(names = "--max-tokens", paramLabel = "N", description = "stop after N tokens of each text; default all")
        Integer maxTokens;

        List<Task.Domain> domains() {
            return data == null ? null : data.stream().map(RoutingCommand::domain).toList();
        }
    }

    /// A constant by its name, or null for null.
    static <T extends Enum<T>> T choice(Class<T> of, String option, String written) {
        if (written == null) {
            return null;
        }
        for (T t : of.getEnumConstants()) {
            if (t.name().equals(written)) {
                return t;
            }
        }
        throw Refusal.of(Category.TASK_INVALID, null, "%s %s is unknown; known are %s", option, written, List.of(of.getEnumConstants()).toString());
    }

    @Override
    Task task() {
        if (adapter == null) {
            throw Refusal.of(Category.TASK_INVALID, null, "no adapter is named").help("Say vitrine adapter ADAPTER, or see vitrine adapter --help.");
        }
        return TaskAdapterBuilder.builder().adapter(absolute(adapter)).model(model == null ? null : absolute(model))
                .alignment(choice(Task.Alignment.class, "--alignment", alignment)).data(texts.domains()).ranks(ranks)
                .order(choice(Task.Order.class, "--order", order)).without(choice(Task.Without.class, "--without", without)).modules(modules)
                .maxLength(sequenceLength(texts.length)).maxTokens(texts.maxTokens).gradients(gradients ? true : null).build();
    }

    @Override
    void finish(Artifact artifact, ObjectNode result, Output output) throws IOException {
        result.set("rows", AdapterArtifact.modules(artifact));
        write(artifact, result, output);
        AdapterArtifact a = AdapterArtifact.of(artifact);
        output.text(String.format(Locale.ROOT, "%s: rank %d, alpha %s%s%s, %,d modules, %,d parameters%s", Visible.name(a.adapter()), a.rank(), number(a.alpha()), a.rankStabilised() ? ", rsLoRA" : "",
                a.dora() ? ", DoRA" : "", a.rows().size(), a.parameters(), a.model() == null ? "; no base" : ", on " + Visible.name(a.model())));
        boolean based = a.model() != null;
        int width = Math.max(6, a.rows().stream().mapToInt(r -> Visible.name(r.module()).length()).max().orElse(6));
        output.text("");
        output.text(String.format("%-" + width + "s  rank    scale     ‖ΔW‖%s  effective rank  stable  90 %%  99 %%  knee%s", "module", based ? "  ‖ΔW‖÷‖W‖" : "", based ? "  amplification  intruders" : ""));
        for (AdapterArtifact.Row r : a.rows()) {
            if (r.absent() != null) {
                output.text(String.format("%-" + width + "s  %4d  %s", Visible.name(r.module()), r.rank(), r.absent()));
                continue;
            }
            output.text(String.format(Locale.ROOT, "%-" + width + "s  %4d %8s %8s%s %15s %7s %5s %5s %5s%s", Visible.name(r.module()), r.rank(), number(r.scaling()), cell(r, "frobenius_norm", "%.4g"),
                    based ? String.format("%11s", cell(r, "relative_norm", "%.4f")) : "", cell(r, "effective_rank", "%.2f"), cell(r, "stable_rank", "%.2f"), cell(r, "rank_90", "%.0f"),
                    cell(r, "rank_99", "%.0f"), cell(r, "knee", "%.0f"), based ? String.format("%15s %10s", cell(r, "amplification", "%.3g"), cell(r, "intruders", "%.0f")) : ""));
        }
        losses(a, output);
        gradients(a, output);
    }

    /// The components that the loss needs most, by their gates.
    private static void gradients(AdapterArtifact a, Output output) {
        if (!a.importance().contains("gate")) {
            return;
        }
        record Component(String module, int number, double gate, double sensitivity) {}
        List<Component> all = new ArrayList<>();
        for (AdapterArtifact.Row r : a.rows()) {
            double[] gates = a.values("gate", r);
            double[] sensitivity = a.values("sensitivity", r);
            for (int i = 0; i < gates.length; i++) {
                all.add(new Component(r.module(), i, gates[i], sensitivity[i]));
            }
        }
        all.sort(Comparator.comparingDouble((Component c) -> -c.gate));
        output.text("");
        output.text(String.format("components by their gates' gradients, %,d of %,d", Math.min(SHOWN, all.size()), all.size()));
        output.text("  -dL/dw, nats   sensitivity  component");
        all.stream().limit(SHOWN).forEach(c -> output.text(String.format(Locale.ROOT, "  %12.4g  %12.4g  %d of %s", c.gate, c.sensitivity, c.number, Visible.name(c.module))));
    }

    private static void losses(AdapterArtifact a, Output output) {
        if (a.domains().isEmpty()) {
            return;
        }
        output.text("");
        output.text("perplexity                  " + a.domains().stream().map(d -> String.format("%16s", shortened(d.name()))).collect(Collectors.joining()));
        output.text("without the adapter         " + a.domains().stream().map(d -> String.format("%16s", perplexity(d.before()))).collect(Collectors.joining()));
        a.curve().ifPresent(c -> c.points().forEach(p -> output.text(String.format(Locale.ROOT, "%4d ranks, %6.2f %% energy  ", p.rank(), 100 * p.energy())
                + p.losses().stream().map(l -> String.format("%16s", perplexity(l))).collect(Collectors.joining()))));
        output.text("with the adapter            " + a.domains().stream().map(d -> String.format("%16s", perplexity(d.after()))).collect(Collectors.joining()));
        ObjectNode s = a.artifact().manifest().summary();
        long passed = s.path("layer_passes").asLong();
        long plainly = s.path("layer_passes_plainly").asLong();
        if (passed > 0) {
            output.text(String.format(Locale.ROOT, "%,d layers passed; with the whole model run for each loss %,d, %.2f times as many", passed, plainly, (double) plainly / passed));
        }
        List<AdapterArtifact.Row> without = a.rows().stream().filter(r -> !r.lossWithout().isEmpty()).toList();
        if (!without.isEmpty()) {
            output.text("");
            output.text("perplexity without one module");
            without.stream().sorted(Comparator.comparingDouble((AdapterArtifact.Row r) -> -r.lossWithout().getFirst())).forEach(r -> output.text(
                    "  " + r.lossWithout().stream().map(l -> String.format(Locale.ROOT, "%12.4g", Math.exp(l))).collect(Collectors.joining()) + "  " + Visible.name(r.module())));
        }
    }

    private static String shortened(String name) {
        String shown = Visible.name(name);
        return shown.length() > 15 ? shown.substring(0, 14) + "…" : shown;
    }

    private static String perplexity(AdapterArtifact.Loss l) {
        return Double.isNaN(l.perplexity()) ? "–" : String.format(Locale.ROOT, "%.4g", l.perplexity());
    }

    private static String cell(AdapterArtifact.Row r, String key, String format) {
        return r.figure(key).isPresent() ? String.format(Locale.ROOT, format, r.figure(key).getAsDouble()) : "–";
    }

    /// A number without zeros behind the point.
    static String number(double v) {
        return v == Math.rint(v) && Math.abs(v) < 1e9 ? String.valueOf((long) v) : String.format(Locale.ROOT, "%.5g", v);
    }
}
