package vitrine.core.work.rank;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import vitrine.core.analysis.rank.ContextGrowth;
import vitrine.core.analysis.spectrum.SpectralMeasures;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.Outcome;

/// Gathers the spectra and figures of a rank task, and writes them as tensors and as the summary that [RankArtifact] reads.
final class RankResult {

    /// By moments, singular values below this share of the largest are noise: the root of float64's rounding.
    private static final double FLOOR = 1.5e-8;

    private final ObjectNode summary = Json.object();
    private final int layers;
    private final long tokens;
    private final boolean centred;
    private final List<Site> sites = new ArrayList<>();
    private final Map<String, double[]> figures = new LinkedHashMap<>();
    private final Map<String, Shape> shapes = new LinkedHashMap<>();
    private final Map<String, double[]> tensors = new LinkedHashMap<>();
    private final Map<String, Provenance> provenance = new LinkedHashMap<>();
    private final Map<String, String> metadata;

    RankResult(Task.Rank task, String model, ModelSpec spec, int sequences, long tokens) {
        layers = spec.layers().size();
        this.tokens = tokens;
        centred = Boolean.TRUE.equals(task.centred());
        summary.put("model", model).put("family", spec.family()).put("of", task.of().name()).put("layers", layers).put("sequences", sequences)
                .put("tokens", tokens).put("centred", centred);
        metadata = Map.of("format", "vitrine-rank", "model", model, "of", task.of().name(), "sequences", String.valueOf(sequences), "tokens", String.valueOf(tokens),
                "centred", String.valueOf(centred), "metrics", String.join(",", RankArtifact.COLUMNS));
    }

    /// The figures of the whole, to be added to.
    ObjectNode summary() {
        return summary;
    }

    /// A kind of place with a spectrum for each layer and head.
    final class Site {
        private final String name;
        private final String label;
        private final int heads;
        private final int width;
        private final List<Optional<double[]>> values = new ArrayList<>();

        private Site(String name, String label, int heads, int width) {
            this.name = name;
            this.label = label;
            this.heads = heads;
            this.width = width;
            for (int i = 0; i < layers * Math.max(1, heads); i++) {
                values.add(Optional.empty());
            }
        }

        String name() {
            return name;
        }

        /// Takes a spectrum, largest value first; empty for none.
        void put(int layer, int head, Optional<double[]> singularValues) {
            values.set(heads == 0 ? layer : layer * heads + head, singularValues);
        }

        Optional<double[]> values(int layer, int head) {
            return values.get(heads == 0 ? layer : layer * heads + head);
        }
    }

    Site site(String name, String label, int heads, int width) {
        Site site = new Site(name, label, heads, width);
        sites.add(site);
        return site;
    }

    List<Site> sites() {
        return sites;
    }

    /// One number per layer, NaN for none.
    void figure(String name, double[] perLayer, String method, long samples) {
        figures.put(name, perLayer);
        tensor(name, Shape.of(layers), perLayer, Provenance.derived("forward pass", "F64", method).of(samples));
    }

    /// Several numbers per layer, the same number for all.
    void curves(String name, int count, IntFunction<double[]> perLayer, String method, long samples) {
        double[][] rows = new double[count][];
        Arrays.setAll(rows, perLayer);
        tensor(name, Shape.of(count, rows[0].length), flat(rows), Provenance.derived("forward pass", "F64", method).of(samples));
    }

    void growth(ContextGrowth.Result g) {
        ObjectNode out = summary.putObject("growth");
        ArrayNode lengths = out.putArray("lengths");
        Arrays.stream(g.lengths()).forEach(lengths::add);
        ArrayNode sequences = out.putArray("sequences");
        Arrays.stream(g.sequences()).forEach(sequences::add);
        ArrayNode names = out.putArray("sites");
        for (int s = 0; s < g.sites().size(); s++) {
            names.add(g.sites().get(s));
            ArrayNode rows = out.withObject("/effective_rank").putArray(g.sites().get(s));
            for (double[] layer : g.effectiveRank()[s]) {
                ArrayNode row = rows.addArray();
                Arrays.stream(layer).forEach(v -> Figures.add(row, v));
            }
            tensor("growth." + g.sites().get(s), Shape.of(layers, g.lengths().length), flat(g.effectiveRank()[s]), Provenance.derived("forward pass", "F64",
                    "effective rank of all heads' rows so far, mean over the first sequences that are so long").of(g.sequences()[0]));
        }
        tensor("growth.lengths", Shape.of(g.lengths().length), Arrays.stream(g.lengths()).asDoubleStream().toArray(),
                Provenance.measured("forward pass", "F64", "tokens of the context"));
    }

    private static double[] flat(double[][] rows) {
        return Arrays.stream(rows).flatMapToDouble(Arrays::stream).toArray();
    }

    private void tensor(String name, Shape shape, double[] values, Provenance how) {
        shapes.put(name, shape);
        tensors.put(name, values);
        provenance.put(name, how);
    }

    // --- spectra

    /// The columns of `NAME.metrics`, see [RankArtifact#COLUMNS].
    private double[] columns(SpectralMeasures m, double[] s) {
        double condition = s[s.length - 1] > 10 * FLOOR * s[0] ? s[0] / s[s.length - 1] : Double.POSITIVE_INFINITY;
        return new double[] {m.effectiveRank(), m.effectiveRankSquared(), m.participationRatio(), m.participationRatioSigma(), m.stableRank(), m.nuclearRank(),
            m.spectralNorm(), m.frobeniusNorm(), m.nuclearNorm(), m.energyRank90(), m.energyRank95(), m.energyRank99(), condition};
    }

    private void write(Site site) {
        int count = site.values.size();
        double[] sv = new double[count * site.width];
        double[] metrics = new double[count * RankArtifact.COLUMNS.size()];
        double[] normalised = new double[count];
        Arrays.fill(sv, Double.NaN);
        Arrays.fill(metrics, Double.NaN);
        Arrays.fill(normalised, Double.NaN);
        ObjectNode json = summary.withArray("/sites").addObject().put("name", site.name).put("label", site.label).put("heads", site.heads).put("width", site.width);
        ArrayNode rows = json.putArray("rows");
        for (int i = 0; i < count; i++) {
            ObjectNode row = rows.addObject().put("layer", i / Math.max(1, site.heads));
            if (site.heads > 0) {
                row.put("head", i % site.heads);
            }
            row.put("tokens", tokens);
            double[] s = site.values.get(i).orElse(new double[0]);
            row.put("values", s.length);
            System.arraycopy(s, 0, sv, i * site.width, s.length);
            if (s.length == 0 || !(s[0] > 0)) {
                continue;
            }
            SpectralMeasures m = SpectralMeasures.of(s, (int) Math.min(Integer.MAX_VALUE, tokens), s.length);
            double[] c = columns(m, s);
            System.arraycopy(c, 0, metrics, i * c.length, c.length);
            normalised[i] = m.effectiveRank() / Math.min(tokens, s.length);
            row.put("effective_rank", m.effectiveRank()).put("effective_rank_squared", m.effectiveRankSquared()).put("normalised_effective_rank", normalised[i])
                    .put("participation_ratio", m.participationRatio()).put("participation_ratio_sigma", m.participationRatioSigma())
                    .put("stable_rank", m.stableRank()).put("nuclear_rank", m.nuclearRank()).put("spectral_norm", m.spectralNorm())
                    .put("frobenius_norm", m.frobeniusNorm()).put("nuclear_norm", m.nuclearNorm()).put("rank_90", m.energyRank90())
                    .put("rank_95", m.energyRank95()).put("rank_99", m.energyRank99());
            Figures.put(row, "condition_number", c[c.length - 1]);
        }
        Provenance how = Provenance.derived(site.label, "F64", "roots of eigenvalues of the streamed second moments, " + (centred ? "centred" : "not centred")).of(tokens);
        tensor(site.name + ".sv", shape(site, site.width), sv, how);
        tensor(site.name + ".metrics", shape(site, RankArtifact.COLUMNS.size()), metrics, Provenance.derived(site.name + ".sv", "F64", String.join(", ", RankArtifact.COLUMNS)).of(tokens));
        tensor(site.name + ".normalised_effective_rank", site.heads == 0 ? Shape.of(layers) : Shape.of(layers, site.heads), normalised,
                Provenance.derived(site.name + ".sv", "F64", "effective rank ÷ the smaller of tokens and width").of(tokens));
    }

    private Shape shape(Site site, int last) {
        return site.heads == 0 ? Shape.of(layers, last) : Shape.of(layers, site.heads, last);
    }

    /// Writes the tensors; what is gathered is then complete.
    Outcome write(Path file) throws IOException {
        sites.forEach(this::write);
        ObjectNode perLayer = summary.putObject("figures");
        figures.forEach((name, values) -> {
            ArrayNode list = perLayer.putArray(name);
            Arrays.stream(values).forEach(v -> Figures.add(list, v));
        });
        Map<String, Declared> declared = new LinkedHashMap<>();
        shapes.forEach((name, shape) -> declared.put(name, new Declared(DType.F64, shape)));
        try (SafetensorsWriter out = new SafetensorsWriter(file, declared, metadata)) {
            for (Map.Entry<String, double[]> t : tensors.entrySet()) {
                out.write(t.getKey(), 0, t.getValue());
            }
        }
        return new Outcome(summary, provenance);
    }
}
