package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;

@Command(name = "routing", description = "Which experts the tokens of texts visit, how evenly and how surely, and the loss with more or fewer experts per token.",
        mixinStandardHelpOptions = true)
final class RoutingCommand extends EngineCommand {

    @Parameters(paramLabel = "MODEL", description = "a checkpoint with experts")
    Path model;

    @Option(names = "--data", required = true, paramLabel = "NAME=FILE", description = "a text file or JSONL and the name of its domain; may be given several times. "
            + "Without NAME= the file's own name is taken; a line's label wins over both")
    List<String> data;

    @Option(names = "--sequence-length", paramLabel = "N", description = "cut texts to N tokens; default the model's own limit, at most 2,048")
    Integer length;

    @Option(names = "--max-tokens", paramLabel = "N", description = "stop after N tokens of each text; default all")
    Integer maxTokens;

    @Option(names = "--experts-per-token", split = ",", paramLabel = "K", description = "also the loss with K experts per token, in every layer; several as 1,2,4")
    List<Integer> expertsPerToken;

    @Override
    Task task() {
        return new Task.Routing(absolute(model), data.stream().map(RoutingCommand::domain).toList(), sequenceLength(length), maxTokens, expertsPerToken);
    }

    /// `NAME=FILE`, or a file whose own name is the domain's. A file whose name holds a `=` is written with a name before it.
    private static Task.Domain domain(String written) {
        int sign = written.indexOf('=');
        if (sign == 0) {
            throw Refusal.of(Category.TASK_INVALID, null, "--data %s: a name belongs before the =", written);
        }
        Path file = Path.of(written.substring(sign + 1));
        if (sign > 0) {
            return new Task.Domain(written.substring(0, sign), absolute(file));
        }
        Path last = file.getFileName();
        String name = last == null ? written : last.toString();
        int dot = name.lastIndexOf('.');
        return new Task.Domain(dot > 0 ? name.substring(0, dot) : name, absolute(file));
    }

    @Override
    List<Path> outputs() {
        return common.out == null || common.out.getFileName() == null || Files.isDirectory(common.out) ? super.outputs()
                : List.of(Results.withEnding(common.out, ".safetensors"), Results.withEnding(common.out, ".json"));
    }

    @Override
    void finish(Artifact artifact, ObjectNode result, Output output) throws IOException {
        if (common.out != null) {
            Path tensors = Results.withEnding(common.out, ".safetensors");
            Results.copy(artifact.tensorFile(), tensors);
            Results.json(result, Results.withEnding(common.out, ".json"));
            output.text("Wrote " + tensors + " and " + Results.withEnding(common.out, ".json"));
        }
        RoutingArtifact routing = RoutingArtifact.of(artifact);
        output.text(String.format(Locale.ROOT, "%s: %d layers with %d experts, %d per token (%s), %,d tokens%s", routing.model(), routing.moeLayers().size(), routing.experts(),
                routing.perToken(), routing.router().replace('_', ' '), routing.tokens(), Double.isNaN(routing.loss()) ? "" : String.format(Locale.ROOT, ", loss %.4f", routing.loss())));
        RoutingArtifact.HotSet hot = routing.hotSet();
        output.text(String.format(Locale.ROOT, "%,d of %,d places in use (%.1f %%); the busiest expert of a layer has %.2f times its even share", hot.used(), hot.slots(),
                100.0 * hot.used() / hot.slots(), hot.busiest()));
        layers(routing, output);
        domains(routing, output);
        routing.sweep().ifPresent(s -> sweep(s, output));
    }

    private static void layers(RoutingArtifact routing, Output output) {
        boolean several = routing.domains().size() > 1;
        output.text("");
        output.text("layer  load CV  max violation   Gini  balance loss  router entropy  chosen mass  dead  by token id" + (several ? "  by domain (nats)" : ""));
        for (RoutingArtifact.Row r : routing.rows()) {
            output.text(String.format(Locale.ROOT, "%5d %8.4f %14.4f %6.3f %13.4f %15.4f %12.4f %5d %12s", r.layer(), r.loadVariation(), r.maxViolation(), r.gini(), r.switchLoss(),
                    r.entropy(), r.chosenMass(), r.dead(), cell(r.vocabularySpecialisation())) + (several ? String.format(Locale.ROOT, "%18.4f", r.domainInformation()) : ""));
        }
    }

    private static String cell(double v) {
        return Double.isNaN(v) ? "–" : String.format(Locale.ROOT, "%.4f", v);
    }

    /// For each layer and domain the expert that most of the domain's tokens visit.
    private static void domains(RoutingArtifact routing, Output output) {
        if (routing.domains().size() < 2) {
            return;
        }
        int n = routing.experts();
        output.text("");
        output.text(String.format(Locale.ROOT, "share of a domain's tokens that visit its favourite expert (chance %.3f)", (double) routing.perToken() / n));
        output.text("layer" + routing.domains().stream().map(d -> String.format("%16s", d.name().length() > 15 ? d.name().substring(0, 14) + "…" : d.name())).collect(Collectors.joining()));
        for (int i = 0; i < routing.moeLayers().size(); i++) {
            List<String> cells = new ArrayList<>();
            double[] shares = routing.domainShares(i);
            for (int d = 0; d < routing.domains().size(); d++) {
                int from = d * n;
                int best = 0;
                for (int e = 1; e < n; e++) {
                    best = shares[from + e] > shares[from + best] ? e : best;
                }
                cells.add(String.format("%16s", String.format(Locale.ROOT, "%.3f (%d)", shares[from + best], best)));
            }
            output.text(String.format("%5d", routing.moeLayers().get(i)) + String.join("", cells));
        }
    }

    private static void sweep(RoutingArtifact.Sweep sweep, Output output) {
        output.text("");
        output.text("experts per token     loss  perplexity  chosen mass  load CV");
        for (RoutingArtifact.Step s : sweep.steps()) {
            output.text(String.format(Locale.ROOT, "%16d%s %8s %11s %12.4f %8.4f", s.perToken(), s.perToken() == sweep.trained() ? "*" : " ", cell(s.loss()), cell(s.perplexity()), s.chosenMass(),
                    s.loadVariation()));
        }
        output.text(String.format("* as trained; least loss with %d; no worse than 0.005 nats up to %d", sweep.peak(), sweep.range()));
    }
}
