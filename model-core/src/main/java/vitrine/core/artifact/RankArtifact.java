package vitrine.core.artifact;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// What `vitrine rank` found: a spectrum with its measures for each site, layer and, where the site has heads, head.
///
/// Start with [#rows] for curves and heat maps, [#values] for the spectrum of one of them, [#figures] for what is one number per layer
/// (sparsity, block influence, ranks that were allocated), [#growth] for ranks against the length of the context.
///
/// @param of what was looked at
/// @param layers of the model
/// @param centred whether the mean over tokens was taken away first
/// @param sequences and `tokens` that passed
/// @param sites in the order of the artifact
public record RankArtifact(Artifact artifact, Of of, String model, int layers, boolean centred, long sequences, long tokens, List<Site> sites) {

    /// The kind of task whose artifacts these are.
    public static final String KIND = "rank";

    /// The columns of a tensor `NAME.metrics`, as in the reference cases.
    public static final List<String> COLUMNS = List.of("er1", "er2", "participation_ratio_energy", "participation_ratio_sigma", "stable_rank", "nuclear_rank",
            "spectral_norm", "frobenius_norm", "nuclear_norm", "rank90", "rank95", "rank99", "condition_number");

    /// What a rank task looks at; names as on the command line.
    public enum Of {
        /// The residual stream and what attention and MLP add to it.
        hidden,
        /// Keys and values, before and after rotary embedding.
        kv,
        /// Outputs of all linear layers, and the sparsity of the MLP's hidden activations.
        activations
    }

    /// A kind of place whose values were looked at.
    ///
    /// @param name of its tensors: `NAME.sv`, `NAME.metrics`
    /// @param label in a few words, such as `keys of all heads, before key norm and rotary embedding`
    /// @param heads per layer, 0 where a layer has one spectrum
    /// @param width values per token that went in
    /// @param rows one per layer, and per head where there are heads, in that order
    public record Site(String name, String label, int heads, int width, List<Row> rows) {

        /// The row of a layer, or of a layer's head.
        ///
        /// @param head -1 for a site without heads
        public Row row(int layer, int head) {
            return rows.get(heads == 0 ? layer : layer * heads + head);
        }
    }

    /// One spectrum.
    ///
    /// @param site its [Site#name]
    /// @param layer -1 where the row belongs to no layer
    /// @param head -1 for all heads together
    /// @param tokens rows of the matrix `[tokens, width]`
    /// @param values how many singular values there are (dimensions left out do not count)
    /// @param measures absent where there is no spectrum: all values 0, or some not finite
    public record Row(String site, int layer, int head, long tokens, int values, Optional<Measures> measures) {}

    /// Figures of a spectrum s_1 >= s_2 >= ... of a matrix `[tokens, width]`; formulas are those of `vitrine spectrum`.
    ///
    /// @param normalisedEffectiveRank effectiveRank divided by the smaller of tokens and width
    /// @param conditionNumber infinite where the smallest value is 0
    public record Measures(double effectiveRank, double effectiveRankSquared, double normalisedEffectiveRank, double participationRatio,
                           double participationRatioSigma, double stableRank, double nuclearRank, double spectralNorm, double frobeniusNorm, double nuclearNorm,
                           int energyRank90, int energyRank95, int energyRank99, double conditionNumber) {}

    /// Effective rank against the length of the context.
    ///
    /// @param lengths tokens seen, rising
    /// @param sequences how many sequences were that long, per length: each value is the mean over them
    /// @param sites names, such as `k`, `v`
    /// @param effectiveRank `[sites][layers][lengths]`
    public record Growth(int[] lengths, int[] sequences, List<String> sites, double[][][] effectiveRank) {}

    /// Reads an artifact.
    ///
    /// @throws Refusal `artifact-invalid` where it is of another kind
    public static RankArtifact of(Artifact artifact) {
        JsonNode s = artifact.manifest().summary();
        if (!artifact.manifest().kind().equals(KIND)) {
            throw Refusal.of(Category.ARTIFACT_INVALID, artifact.folder(), "this is a result of %s; one of %s belongs here", artifact.manifest().kind(), KIND);
        }
        int layers = s.path("layers").asInt();
        List<Site> sites = new ArrayList<>();
        for (JsonNode site : s.path("sites")) {
            List<Row> rows = new ArrayList<>();
            for (JsonNode row : site.path("rows")) {
                rows.add(new Row(site.path("name").asText(), row.path("layer").asInt(), row.path("head").asInt(-1), row.path("tokens").asLong(),
                        row.path("values").asInt(), measures(row)));
            }
            sites.add(new Site(site.path("name").asText(), site.path("label").asText(), site.path("heads").asInt(), site.path("width").asInt(), List.copyOf(rows)));
        }
        return new RankArtifact(artifact, Of.valueOf(s.path("of").asText()), s.path("model").asText(), layers, s.path("centred").asBoolean(),
                s.path("sequences").asLong(), s.path("tokens").asLong(), List.copyOf(sites));
    }

    private static Optional<Measures> measures(JsonNode r) {
        if (!r.path("effective_rank").isNumber()) {
            return Optional.empty();
        }
        JsonNode condition = r.path("condition_number");
        return Optional.of(new Measures(r.path("effective_rank").asDouble(), r.path("effective_rank_squared").asDouble(),
                r.path("normalised_effective_rank").asDouble(), r.path("participation_ratio").asDouble(), r.path("participation_ratio_sigma").asDouble(),
                r.path("stable_rank").asDouble(), r.path("nuclear_rank").asDouble(), r.path("spectral_norm").asDouble(), r.path("frobenius_norm").asDouble(),
                r.path("nuclear_norm").asDouble(), r.path("rank_90").asInt(), r.path("rank_95").asInt(), r.path("rank_99").asInt(),
                condition.isNumber() ? condition.asDouble() : Double.POSITIVE_INFINITY));
    }

    /// All rows of all sites.
    public List<Row> rows() {
        return sites.stream().flatMap(s -> s.rows().stream()).toList();
    }

    /// A site by its name.
    public Optional<Site> site(String name) {
        return sites.stream().filter(s -> s.name().equals(name)).findFirst();
    }

    /// The singular values of a row, largest first, read from the artifact's file; empty where there is no spectrum.
    public double[] values(Row row) {
        if (row.measures().isEmpty()) {
            return new double[0];
        }
        Site site = site(row.site()).orElseThrow(() -> new IllegalArgumentException("no site " + row.site()));
        long index = site.rows().indexOf(row);
        try (SafetensorsFile file = artifact.tensors()) {
            // Rows with fewer values than the site is wide are filled with NaN.
            return Arrays.copyOf(file.doubles(site.name() + ".sv", index * site.width(), site.width()), row.values());
        }
    }

    /// How a site's spectra came about.
    public Optional<Provenance> provenance(Row row) {
        return artifact.provenance(row.site() + ".sv");
    }

    /// Names of figures of which every layer has one number, such as `sparsity`, `block_influence`, `q_out.ranks`.
    public List<String> figureNames() {
        List<String> names = new ArrayList<>();
        artifact.manifest().summary().path("figures").fieldNames().forEachRemaining(names::add);
        return names;
    }

    /// A figure of every layer.
    ///
    /// @return `[layers]`, NaN where a layer has none; empty for an unknown name
    public double[] figures(String name) {
        JsonNode list = artifact.manifest().summary().path("figures").path(name);
        double[] out = new double[list.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = list.get(i).isNumber() ? list.get(i).asDouble() : Double.NaN;
        }
        return out;
    }

    /// Dimensions of a site's layer whose largest value is more than 100 times the median magnitude; empty for sites that are not hidden states.
    public int[] massiveDimensions(String site, int layer) {
        JsonNode list = artifact.manifest().summary().path("massive_dimensions").path(site).path(layer);
        int[] out = new int[list.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = list.get(i).asInt();
        }
        return out;
    }

    /// Ranks against the length of the context, where they were asked for.
    public Optional<Growth> growth() {
        JsonNode g = artifact.manifest().summary().path("growth");
        if (!g.isObject()) {
            return Optional.empty();
        }
        List<String> names = new ArrayList<>();
        g.path("sites").forEach(n -> names.add(n.asText()));
        int[] lengths = ints(g.path("lengths"));
        double[][][] values = new double[names.size()][layers][lengths.length];
        for (int s = 0; s < names.size(); s++) {
            for (int l = 0; l < layers; l++) {
                JsonNode row = g.path("effective_rank").path(names.get(s)).path(l);
                for (int i = 0; i < lengths.length; i++) {
                    values[s][l][i] = row.path(i).isNumber() ? row.path(i).asDouble() : Double.NaN;
                }
            }
        }
        return Optional.of(new Growth(lengths, ints(g.path("sequences")), List.copyOf(names), values));
    }

    private static int[] ints(JsonNode list) {
        int[] out = new int[list.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = list.get(i).asInt();
        }
        return out;
    }
}
