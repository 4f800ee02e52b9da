package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.app.program.Folders;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.CompareArtifact;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.run.RunRecord;
import vitrine.core.run.RunStore;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.core.task.TaskCompareBuilder;

@Command(name = "compare", description = {"Two models against each other, A and B: perplexity of texts, losses, next-token divergence, attention and the logit lens on a prompt, "
        + "expert loads, tensors that differ and what became of their effective rank, settings that differ.",
        "A and B are checkpoints, or numbers of runs whose results are meant; each may have adapters on it."}, mixinStandardHelpOptions = true)
final class CompareCommand extends TwoFilesCommand {

    private static final int SHOWN = 12;

    @Parameters(index = "0", paramLabel = "A", description = "a checkpoint, or the number of a run")
    String a;

    @Parameters(index = "1", paramLabel = "B", description = "another, or the same with adapters")
    String b;

    @Option(names = "--adapter-a", paramLabel = "X[=WEIGHT]", description = "an adapter on A; several are added up")
    List<String> adapterA = List.of();

    @Option(names = "--adapter-b", paramLabel = "Y[=WEIGHT]", description = "an adapter on B; several are added up")
    List<String> adapterB = List.of();

    @Option(names = "--data", paramLabel = "[NAME=]FILE", description = "a text file or JSONL of which both have a perplexity; may be given several times")
    List<String> data;

    @ArgGroup(multiplicity = "0..1")
    PromptOptions prompt;

    @Option(names = "--sequence-length", paramLabel = "N", description = "cut texts to N tokens; default the models' own limit, at most 2,048")
    Integer length;

    @Option(names = "--spectra", paramLabel = "HOW", description = "effective ranks of the matrices that differ: none, fast (default), exact or estimate")
    String spectra = "fast";

    /// What one of the two is.
    private record Side(String model, List<Task.AdapterUse> adapters) {}

    @Override
    Task task() {
        Side left = side(a, adapterA);
        Side right = side(b, adapterB);
        return TaskCompareBuilder.builder().model(left.model).other(right.model).data(data == null ? null : data.stream().map(RoutingCommand::domain).toList())
                .prompt(prompt == null ? null : prompt.prompt()).maxLength(sequenceLength(length)).spectra(accuracy()).adapters(left.adapters)
                .otherAdapters(right.adapters).build();
    }

    @Override
    List<Path> otherInputs() {
        return prompt == null ? List.of() : prompt.read();
    }

    private Accuracy accuracy() {
        if (spectra.equals("none")) {
            return null;
        }
        for (Accuracy known : Accuracy.values()) {
            if (known.name().equals(spectra)) {
                return known;
            }
        }
        throw Refusal.of(Category.TASK_INVALID, null, "--spectra %s: none, fast, exact or estimate belongs here", spectra);
    }

    private static Side side(String written, List<String> adapters) {
        List<Task.AdapterUse> uses = new ArrayList<>();
        String model;
        if (written.matches("\\d{1,9}") && !Files.exists(Path.of(written))) {
            RunRecord run = run(Long.parseLong(written));
            Path result = new RunFolder(run.folder()).result();
            if (!Files.exists(result)) {
                throw Refusal.of(Category.NOT_FOUND, null, "run %s has no result: it is %s", written, run.state().name());
            }
            if (Files.exists(result.resolve("adapter_config.json"))) {
                model = run.task().path("model").asText();
                uses.add(Task.AdapterUse.of(result.toString()));
            } else {
                model = result.toString();
            }
        } else {
            model = absolute(Path.of(written));
        }
        adapters.forEach(w -> uses.add(AdapterOptions.use(w)));
        return new Side(model, uses.isEmpty() ? null : uses);
    }

    private static RunRecord run(long number) {
        try (RunStore store = RunStore.open(Folders.locate().runs())) {
            return store.get(number).orElseThrow(() -> Refusal.of(Category.NOT_FOUND, null, "there is no checkpoint and no run %d", number).help("vitrine runs list names them."));
        }
    }

    @Override
    void finish(Artifact artifact, ObjectNode result, Output output) throws IOException {
        CompareArtifact c = CompareArtifact.of(artifact);
        ObjectNode whole = artifact.beside(CompareArtifact.FIGURES, Long.MAX_VALUE).orElseThrow();
        for (String key : List.of("matrices", "kinds", "relative_change", "rank_change")) {
            result.set(key, whole.get(key));
        }
        write(artifact, result, output);
        output.text("A  " + Visible.name(c.a().name()));
        output.text("B  " + Visible.name(c.b().name()));
        output.text("Same tokenizer: " + (c.sameTokenizer() ? "yes" : "no") + ", " + c.tokenizer() + ". Same architecture: " + (c.sameArchitecture() ? "yes" : "no") + ", " + c.architecture() + ".");
        texts(c, output);
        prompt(result, c, output);
        weights(c, output);
        settings(c, output);
    }

    private static void texts(CompareArtifact c, Output output) {
        if (c.texts().isEmpty()) {
            return;
        }
        output.text("");
        output.text(String.format(Locale.ROOT, "%-24s %12s %12s %9s %12s %12s", "text", "perplexity A", "B", "B ÷ A", "bits/byte A", "B"));
        c.texts().forEach(t -> output.text(String.format(Locale.ROOT, "%-24s %12s %12s %9s %12s %12s", Visible.name(t.name()), figure(t.a().perplexity(), "%.4g"), figure(t.b().perplexity(), "%.4g"),
                figure(t.ratio(), "%.3g"), figure(t.a().bitsPerByte(), "%.4f"), figure(t.b().bitsPerByte(), "%.4f"))));
    }

    private static void prompt(JsonNode result, CompareArtifact c, Output output) {
        if (c.prompt() == null) {
            return;
        }
        CompareArtifact.Prompt p = c.prompt();
        output.text("");
        output.text(String.format(Locale.ROOT, "prompt, %,d tokens: loss A %s, B %s nats; the same most likely next token at %s; KL(A ‖ B) %s, KL(B ‖ A) %s, JS %s nats", p.tokens().size(),
                figure(p.lossA(), "%.4f"), figure(p.lossB(), "%.4f"), Double.isNaN(p.agreement()) ? "–" : String.format(Locale.ROOT, "%.0f %%", 100 * p.agreement()), figure(p.klAb(), "%.4f"),
                figure(p.klBa(), "%.4f"), figure(p.js(), "%.4f")));
        JsonNode most = result.at("/prompt/most_moved_head");
        if (most.isObject()) {
            output.text(String.format(Locale.ROOT, "attention moved most in layer %d, head %d: total variation %s, first-token mass A %s, B %s", most.path("layer").asInt(), most.path("head").asInt(),
                    Words.figure(most.path("total_variation"), "%.3f"), Words.figure(most.path("first_token_mass_a"), "%.3f"), Words.figure(most.path("first_token_mass_b"), "%.3f")));
        }
        for (CompareArtifact.Routing r : c.routing()) {
            output.text(String.format(Locale.ROOT, "expert load of layer %d, over the %s: %s of all choices moved", r.layer(), c.routingOver(), figure(r.moved(), "%.3f")));
        }
    }

    private static void weights(CompareArtifact c, Output output) {
        CompareArtifact.Tensors t = c.tensors();
        output.text("");
        output.text(String.format(Locale.ROOT, "tensors: %,d changed, %,d equal, %,d in A only, %,d in B only, %,d of another shape", t.changed(), t.equal(), t.onlyA().size(), t.onlyB().size(),
                t.shapes().size()));
        if (t.changed() > 0 && !c.kinds().isEmpty()) {
            table("‖B − A‖ ÷ ‖A‖", c.kinds(), c.relativeChange(), "%.3f", output);
            if (!c.absent().containsKey("spectra")) {
                table("change of the normalised effective rank", c.kinds(), c.rankChange(), "%+.4f", output);
            }
        }
    }

    private static void table(String title, List<String> kinds, double[][] rows, String format, Output output) {
        output.text(title);
        output.text("layer " + kinds.stream().map(k -> String.format("%8s", k)).collect(Collectors.joining(" ")));
        for (int l = 0; l < rows.length; l++) {
            StringBuilder line = new StringBuilder(String.format("%5d ", l));
            for (double v : rows[l]) {
                line.append(String.format("%8s ", figure(v, format)));
            }
            output.text(line.toString().stripTrailing());
        }
    }

    private static void settings(CompareArtifact c, Output output) {
        if (c.settings().isEmpty()) {
            return;
        }
        output.text("");
        output.text(String.format("%-8s %-36s %20s %20s", "of", "setting", "A", "B"));
        c.settings().stream().limit(SHOWN).forEach(s -> output.text(String.format("%-8s %-36s %20s %20s", s.of(), Visible.name(s.key()), word(s.a()), word(s.b()))));
        if (c.settings().size() > SHOWN) {
            output.text(String.format(Locale.ROOT, "%,d more; --json lists every one", c.settings().size() - SHOWN));
        }
    }

    private static String word(String value) {
        if (value == null) {
            return "–";
        }
        String shown = Visible.name(value);
        return shown.length() <= 20 ? shown : shown.substring(0, 19) + "…";
    }

    private static String figure(double value, String format) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, format, value) : "–";
    }
}
