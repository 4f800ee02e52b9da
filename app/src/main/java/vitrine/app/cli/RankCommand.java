package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.task.Task;
import vitrine.core.task.TaskRankBuilder;

@Command(name = "rank", description = "Effective ranks of hidden states, of keys and values, or of activations over texts.", mixinStandardHelpOptions = true)
final class RankCommand extends TwoFilesCommand {

    @Parameters(paramLabel = "MODEL", description = "a checkpoint")
    Path model;

    @Mixin
    AdapterOptions adapters = new AdapterOptions();

    @Option(names = "--data", required = true, paramLabel = "FILE", description = "a text file or JSONL")
    Path data;

    @Option(names = "--of", required = true, paramLabel = "WHAT",
            description = "hidden: residual stream, attention and MLP outputs; kv: keys and values; activations: outputs of linear layers and sparsity")
    RankArtifact.Of of;

    @Option(names = "--sequence-length", paramLabel = "N", description = "cut texts to N tokens; default the model's own limit, at most 2,048")
    Integer length;

    @Option(names = "--max-tokens", paramLabel = "N", description = "stop after N tokens; default all")
    Integer maxTokens;

    @Option(names = "--centred", description = "take the mean over tokens away first (hidden, kv)")
    boolean centred;

    @Option(names = "--exclude-massive", description = "leave out dimensions with values above 100 times the median magnitude (hidden)")
    boolean excludeMassive;

    @Option(names = "--growth", description = "also ranks after 1, 2, 3, ... tokens of a context (kv)")
    boolean growth;

    @Option(names = "--ratio", paramLabel = "R", description = "share ranks out among layers, keeping R of the parameters (activations)")
    Double ratio;

    @Option(names = "--alpha", paramLabel = "A", description = "with --ratio: 0 by energy alone, 1 by the layer's influence alone; default 0.5")
    Double alpha;

    @Option(names = "--tail-error", paramLabel = "C", description = "report thresholds at which dropping small MLP activations has the mean relative error C; default 0.2 (activations)")
    Double tailError;

    @Option(names = "--perplexity-rise", paramLabel = "P", description = "search how many activations can be dropped until perplexity rises by P per cent (activations)")
    Double perplexityRise;

    @Option(names = "--rank-aware", paramLabel = "S", description = "for each linear layer, the best split into channels and low rank at sparsity S (activations)")
    Double rankAware;

    @Override
    Task task() {
        return TaskRankBuilder.builder().model(absolute(model)).data(absolute(data)).of(of).maxLength(sequenceLength(length)).maxTokens(maxTokens)
                .centred(centred ? true : null).excludeMassive(excludeMassive ? true : null).growth(growth ? true : null).ratio(ratio).alpha(alpha)
                .tailError(tailError).perplexityRise(perplexityRise).rankAwareSparsity(rankAware).adapters(adapters.uses()).build();
    }

    @Override
    void finish(Artifact artifact, ObjectNode result, Output output) throws IOException {
        write(artifact, result, output);
        RankArtifact rank = RankArtifact.of(artifact);
        output.text(String.format(Locale.ROOT, "%s: %,d sequences, %,d tokens, %s", rank.model(), rank.sequences(), rank.tokens(), rank.centred() ? "centred" : "not centred"));
        ranks(rank, output);
        if (of == RankArtifact.Of.activations) {
            activations(rank, output);
        }
        perplexity(result.path("perplexity_search"), output);
        rank.growth().ifPresent(g -> growth(g, output));
    }

    /// One table for each kind of place; heads are summed up by their mean and the smallest of them, since a table of all of them is in `--out`.
    private static void ranks(RankArtifact rank, Output output) {
        for (RankArtifact.Site site : rank.sites()) {
            output.text("");
            output.text(site.name() + ": " + site.label() + ", width " + site.width());
            // Of hidden states there is a participation ratio without the bias of few tokens as well.
            String byHalves = site.name() + ".split_participation_ratio";
            boolean halves = rank.figureNames().contains(byHalves);
            output.text(site.heads() > 0 ? "layer  effective rank, mean over heads  least (head)  normalised, mean"
                    : "layer  effective rank  normalised  energy 90 %   95 %   99 %  participation" + (halves ? "  by halves" : ""));
            for (int l = 0; l < rank.layers(); l++) {
                output.text(site.heads() > 0 ? heads(site, l) : line(site.row(l, -1)) + (halves ? String.format("%11s", cell(rank, byHalves, l, "%.3f")) : ""));
            }
        }
    }

    private static String line(RankArtifact.Row row) {
        return row.measures().map(m -> String.format(Locale.ROOT, "%5d %15.3f %11.4f %12d %6d %6d %14.3f", row.layer(), m.effectiveRank(), m.normalisedEffectiveRank(),
                m.energyRank90(), m.energyRank95(), m.energyRank99(), m.participationRatio())).orElse(String.format("%5d %15s", row.layer(), "–"));
    }

    private static String heads(RankArtifact.Site site, int layer) {
        double sum = 0;
        double normalised = 0;
        double least = Double.POSITIVE_INFINITY;
        int which = -1;
        int count = 0;
        for (int h = 0; h < site.heads(); h++) {
            RankArtifact.Measures m = site.row(layer, h).measures().orElse(null);
            if (m != null) {
                sum += m.effectiveRank();
                normalised += m.normalisedEffectiveRank();
                count++;
                if (m.effectiveRank() < least) {
                    least = m.effectiveRank();
                    which = h;
                }
            }
        }
        return count == 0 ? String.format("%5d %32s", layer, "–")
                : String.format(Locale.ROOT, "%5d %32.3f %13s %17.4f", layer, sum / count, String.format(Locale.ROOT, "%.3f (%d)", least, which), normalised / count);
    }

    private static void activations(RankArtifact rank, Output output) {
        output.text("");
        output.text("layer  MLP sparsity  tail error  block influence  hidden density  overlap  shared");
        for (int l = 0; l < rank.layers(); l++) {
            output.text(String.format(Locale.ROOT, "%5d %13s %11s %16s %15s %8s %7s", l, cell(rank, "sparsity", l), cell(rank, "tail_error", l), cell(rank, "block_influence", l),
                    cell(rank, "hidden_density", l), cell(rank, "hidden_overlap", l), cell(rank, "hidden_shared", l)));
        }
        List<String> shared = rank.figureNames().stream().filter(n -> n.endsWith(".ranks")).toList();
        if (!shared.isEmpty()) {
            output.text("");
            output.text("ranks shared out (relative error of the outputs)");
            List<String> heading = new ArrayList<>();
            shared.forEach(n -> heading.add(String.format("%17s", n.replace(".ranks", ""))));
            output.text("layer " + String.join("", heading));
            for (int l = 0; l < rank.layers(); l++) {
                StringBuilder line = new StringBuilder(String.format("%5d ", l));
                for (String n : shared) {
                    line.append(String.format(Locale.ROOT, "%17s", String.format(Locale.ROOT, "%.0f (%.3f)", rank.figures(n)[l], rank.figures(n.replace(".ranks", ".loss"))[l])));
                }
                output.text(line.toString());
            }
        }
    }

    private static void perplexity(JsonNode search, Output output) {
        if (search.isObject()) {
            output.text("");
            output.text(String.format(Locale.ROOT, "perplexity %s rises by %s %% where %s of the MLPs' activations are dropped (tail error %s)", Words.figure(search.path("dense_perplexity"), "%.4g"),
                    Words.figure(search.path("measured_rise_percent"), "%.3f"), Words.figure(search.path("sparsity"), "%.3f"), Words.figure(search.path("error"), "%.3f")));
        }
    }

    private static void growth(RankArtifact.Growth g, Output output) {
        output.text("");
        output.text("effective rank as the context grows, mean over layers");
        StringBuilder heading = new StringBuilder("tokens");
        g.sites().forEach(s -> heading.append(String.format("%10s", s)));
        output.text(heading.toString());
        for (int i = 0; i < g.lengths().length; i++) {
            StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%6d", g.lengths()[i]));
            for (double[][] site : g.effectiveRank()) {
                double sum = 0;
                for (double[] layer : site) {
                    sum += layer[i];
                }
                double mean = sum / site.length;
                line.append(Double.isNaN(mean) ? String.format("%10s", "–") : String.format(Locale.ROOT, "%10.3f", mean));
            }
            output.text(line.toString());
        }
    }

    private static String cell(RankArtifact rank, String name, int layer) {
        return cell(rank, name, layer, "%.4f");
    }

    private static String cell(RankArtifact rank, String name, int layer, String format) {
        double[] values = rank.figures(name);
        return layer >= values.length || Double.isNaN(values[layer]) ? "–" : String.format(Locale.ROOT, format, values[layer]);
    }
}
