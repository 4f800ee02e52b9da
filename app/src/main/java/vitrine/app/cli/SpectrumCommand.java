package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Measure;
import vitrine.core.artifact.SpectrumArtifact;
import vitrine.core.artifact.SpectrumArtifact.Curve;
import vitrine.core.artifact.SpectrumArtifact.Growth;
import vitrine.core.artifact.SpectrumArtifact.Point;
import vitrine.core.artifact.SpectrumArtifact.Row;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;

@Command(name = "spectrum", description = {"Singular values and rank measures of weight matrices.",
    "Fused projections are cut into query, key and value (gate and up), stacked experts into experts. Several checkpoints make a series: curves over layers and steps, "
            + "growth of the largest singular values."}, mixinStandardHelpOptions = true)
final class SpectrumCommand extends TwoFilesCommand {

    private static final int LISTED = 200;
    private static final int NAME_WIDTH = 56;
    private static final int LABEL_WIDTH = 24;
    private static final List<Measure> CURVES = List.of(Measure.EFFECTIVE_RANK, Measure.EFFECTIVE_RANK_SQUARED, Measure.NORMALISED_EFFECTIVE_RANK, Measure.STABLE_RANK,
            Measure.PARTICIPATION_RATIO, Measure.SPECTRAL_NORM, Measure.FROBENIUS_NORM, Measure.ALPHA);

    @Parameters(paramLabel = "MODEL", arity = "1..*", description = "a checkpoint, or several in order: steps of a run, base and fine-tuned, before and after pruning")
    List<Path> models;

    @Option(names = "--tensors", split = ",", paramLabel = "GLOB", description = "only matrices whose name matches: * stands for any characters, ? for one; several with commas")
    List<String> tensors;

    @Option(names = "--accuracy", paramLabel = "exact|fast|estimate", description = "relative error of the effective rank: exact (default) at most 1e-6, fast at most 1e-3, "
            + "estimate with a 95 %% interval for matrices from 8,192 x 8,192")
    String accuracy = "exact";

    @Option(names = "--against", paramLabel = "MODEL", description = "subtract this checkpoint: the spectra are those of the deltas")
    Path against;

    @Option(names = "--heads", description = "every attention head as a matrix of its own as well")
    boolean heads;

    @Option(names = "--all", description = "list every matrix; by default the first " + LISTED)
    boolean all;

    @Override
    Task task() {
        Accuracy chosen = Arrays.stream(Accuracy.values()).filter(a -> a.name().equals(accuracy)).findFirst()
                .orElseThrow(() -> Refusal.of(Category.TASK_INVALID, null, "--accuracy %s is unknown; there are exact, fast and estimate", Visible.name(accuracy)));
        List<String> rest = models.stream().skip(1).map(EngineCommand::absolute).toList();
        return new Task.Spectrum(absolute(models.getFirst()), rest.isEmpty() ? null : rest, against == null ? null : absolute(against), tensors, chosen, heads ? true : null);
    }

    @Override
    void finish(Artifact artifact, ObjectNode result, Output output) throws IOException {
        SpectrumArtifact spectra = SpectrumArtifact.of(artifact);
        ObjectNode stored = spectra.stored();
        ArrayNode rows = (ArrayNode) stored.get("matrices");
        boolean series = spectra.checkpoints().size() > 1;
        ObjectNode more = Json.object();
        more.set("series", stored.get("checkpoints"));
        more.set("matrices", rows);
        more.set("curves", curves(spectra));
        if (series) {
            more.set("growth", growth(spectra));
        }
        write(artifact, series ? more : rows, output);
        result.setAll(more);
        if (output.json()) {
            return;
        }
        if (series) {
            printSeries(spectra, output);
        } else {
            printMatrices(spectra, output);
        }
        output.text(summary(result));
    }

    private static String summary(JsonNode result) {
        String rate = result.path("seconds_per_gigabyte").isNumber() && !result.path("cached").asBoolean()
                ? String.format(Locale.ROOT, ", %.2f s/GB", result.path("seconds_per_gigabyte").doubleValue()) : "";
        return String.format(Locale.ROOT, "%,d matrices%s, %s, %.1f s%s%s", result.path("matrices").size(),
                result.has("against") ? " of deltas to " + Visible.name(result.path("against").asText()) : "", result.path("accuracy").asText(), result.path("seconds").asDouble(), rate,
                result.path("cached").asBoolean() ? " when it was computed; taken from the cache" : "");
    }

    // --- one checkpoint

    private void printMatrices(SpectrumArtifact spectra, Output output) {
        List<Row> rows = spectra.rows();
        // Of deltas: their size relative to what they change, which of a quantised checkpoint is its error.
        boolean deltas = rows.stream().anyMatch(r -> r.value(Measure.RELATIVE_CHANGE).isPresent());
        output.text(String.format(Locale.ROOT, "%-" + NAME_WIDTH + "s %14s %9s %6s %8s %8s %9s %9s %7s%s", "matrix", "shape", "eff. rank", "/ r", "stable", "partic.", "norm", "Frobenius", "alpha",
                deltas ? "  relative" : ""));
        int listed = all ? rows.size() : Math.min(LISTED, rows.size());
        boolean doubtful = false;
        boolean estimates = false;
        for (Row r : rows.subList(0, listed)) {
            boolean unsure = r.figure(Measure.ALPHA).isPresent() && !r.alphaReliable();
            doubtful |= unsure;
            estimates |= r.estimated();
            output.text(String.format(Locale.ROOT, "%-" + NAME_WIDTH + "s %14s %9s %6s %8s %8s %9s %9s %7s%s%s", shortened(Visible.name(r.tensor())), r.rows() + "x" + r.columns(),
                    (r.estimated() ? "~" : "") + cell(r, Measure.EFFECTIVE_RANK, "%.2f"), cell(r, Measure.NORMALISED_EFFECTIVE_RANK, "%.3f"), cell(r, Measure.STABLE_RANK, "%.2f"),
                    cell(r, Measure.PARTICIPATION_RATIO, "%.2f"), cell(r, Measure.SPECTRAL_NORM, "%.4g"), cell(r, Measure.FROBENIUS_NORM, "%.4g"),
                    cell(r, Measure.ALPHA, "%.2f") + (unsure ? "?" : ""), deltas ? String.format(Locale.ROOT, " %9s", cell(r, Measure.RELATIVE_CHANGE, "%.3g")) : "", r.absent() == null ? "" : "  " + r.absent()));
        }
        if (listed < rows.size()) {
            output.text(String.format(Locale.ROOT, "%,d more; --all lists every one", rows.size() - listed));
        }
        if (doubtful) {
            output.text("? too few values, or not close to a power law");
        }
        if (estimates) {
            output.text("~ estimated; --json has the 95 % intervals");
        }
    }

    private static String cell(Row r, Measure m, String format) {
        return r.value(m).isPresent() ? String.format(Locale.ROOT, format, r.value(m).getAsDouble()) : "–";
    }

    private static String shortened(String name) {
        return name.length() <= NAME_WIDTH ? name : "…" + name.substring(name.length() - NAME_WIDTH + 1);
    }

    // --- a series

    private static void printSeries(SpectrumArtifact spectra, Output output) {
        for (Measure m : List.of(Measure.NORMALISED_EFFECTIVE_RANK, Measure.SPECTRAL_NORM)) {
            output.text(m.label() + ", mean over layers");
            StringBuilder head = new StringBuilder(String.format(Locale.ROOT, "%-" + LABEL_WIDTH + "s", "kind"));
            spectra.checkpoints().forEach(c -> head.append(String.format(Locale.ROOT, " %14s", c.step() >= 0 ? "step " + c.step() : last(Visible.name(c.name()), 14))));
            output.text(head.toString());
            Map<String, double[]> lines = new LinkedHashMap<>();
            for (Curve c : spectra.curves(m)) {
                double[] line = lines.computeIfAbsent(c.kind() + (c.experts() ? " of experts" : ""), k -> filled(spectra.checkpoints().size()));
                line[c.checkpoint()] = c.points().stream().mapToDouble(Point::value).average().orElse(Double.NaN);
            }
            lines.forEach((kind, values) -> {
                StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%-" + LABEL_WIDTH + "s", kind));
                for (double v : values) {
                    line.append(String.format(Locale.ROOT, " %14s", Double.isNaN(v) ? "–" : String.format(Locale.ROOT, "%.4g", v)));
                }
                output.text(line.toString());
            });
        }
        output.text("Per layer and matrix: --json, or --out");
    }

    private static double[] filled(int n) {
        double[] v = new double[n];
        Arrays.fill(v, Double.NaN);
        return v;
    }

    private static String last(String name, int length) {
        return name.length() <= length ? name : "…" + name.substring(name.length() - length + 1);
    }

    /// One object per checkpoint, kind and layer: means over the matrices of the kind in the layer.
    private static ArrayNode curves(SpectrumArtifact spectra) {
        record Key(int checkpoint, String kind, boolean experts, int layer) {}
        Map<Key, ObjectNode> points = new LinkedHashMap<>();
        for (Measure m : CURVES) {
            for (Curve c : spectra.curves(m)) {
                for (Point p : c.points()) {
                    points.computeIfAbsent(new Key(c.checkpoint(), c.kind(), c.experts(), p.layer()), k -> {
                        ObjectNode n = Json.object().put("checkpoint", k.checkpoint).put("model", spectra.checkpoints().get(k.checkpoint).name());
                        if (spectra.checkpoints().get(k.checkpoint).step() >= 0) {
                            n.put("step", spectra.checkpoints().get(k.checkpoint).step());
                        }
                        return n.put("kind", k.kind).put("experts", k.experts).put("layer", k.layer).put("matrices", p.count());
                    }).put(m.key(), p.value());
                }
            }
        }
        ArrayNode out = Json.mapper().createArrayNode();
        points.values().forEach(out::add);
        return out;
    }

    /// One object per matrix: largest singular value and effective rank at each checkpoint, null where it is not there.
    private static ArrayNode growth(SpectrumArtifact spectra) {
        ArrayNode out = Json.mapper().createArrayNode();
        List<Growth> ranks = new ArrayList<>(spectra.growth(Measure.EFFECTIVE_RANK));
        List<Growth> norms = spectra.growth(Measure.SPECTRAL_NORM);
        for (int i = 0; i < norms.size(); i++) {
            Growth g = norms.get(i);
            ObjectNode n = out.addObject().put("tensor", g.tensor()).put("kind", g.kind());
            if (g.layer() >= 0) {
                n.put("layer", g.layer());
            }
            add(n.putArray(Measure.SPECTRAL_NORM.key()), g.values());
            if (Double.isFinite(g.ratio())) {
                n.put("spectral_norm_growth", g.ratio());
            }
            add(n.putArray(Measure.EFFECTIVE_RANK.key()), ranks.get(i).values());
        }
        return out;
    }

    private static void add(ArrayNode list, double[] values) {
        for (double v : values) {
            if (Double.isFinite(v)) {
                list.add(v);
            } else {
                list.addNull();
            }
        }
    }
}
