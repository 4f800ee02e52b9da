package vitrine.core.artifact;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// What `vitrine adapter` found: norms, spectra and components of every module of an adapter, how they lie to the base, and losses with fewer ranks.
///
/// Start with [#rows], one per module in the adapter's order, for figures; [#values] reads a module's tensors when asked for; [#curve] and [#domains] are
/// there where texts were given. Tensors of a module M:
///
/// | tensor | shape | there |
/// |---|---|---|
/// | `sv.M` | `[k]`, k = min(r, out, in) | unless the row is absent; singular values of s B A, largest first |
/// | `norm_product.M`, `share.M` | `[r]` | likewise; by stored component |
/// | `activation.M` | `[r]` | with texts; by stored component |
/// | `gate.M`, `sensitivity.M` | `[r]` | with gradients; by stored component |
/// | `loss_without.M` | `[domains, components]` | with `without` components; change of the loss in nats, by singular or stored component ([#components]) |
/// | `base_sv.M`, `response.M`, `injected.M` | `[n]` | with a base; its leading directions, or all |
/// | `tail.M` | `[n + 1]` | with a base |
/// | `phi_left.M`, `phi_right.M` | `[k, n]` | with a base, where the delta is not zero |
/// | `intruder_cosine.M`, `intruder_cosine_right.M`, `tuned_sv.M` | `[10 at most]` | with a base whose weight was decomposed whole |
/// | `full_sv.M` | `[min(out, in)]` | the same, of DoRA: of W' - W |
///
/// Other measures of importance per stored component may join under names of their own; [#importance] lists those that are there.
///
/// @param model the base's name, or null
/// @param parameters that were trained
/// @param importance the measures of stored components: `norm_product`, `share`, `activation`, `gate`, `sensitivity`, `loss`
/// @param domains one per text
/// @param components what `loss_without` counts: `singular` or `stored`; null where there is none
public record AdapterArtifact(Artifact artifact, String adapter, String model, String declaredBase, int rank, double alpha, boolean rankStabilised, boolean dora, String initialisation,
                              long parameters, long bytes, List<String> savedWhole, List<String> importance, List<Domain> domains, Optional<Curve> curve, String components,
                              List<Row> rows) {

    /// The kind of task whose artifacts these are.
    public static final String KIND = "adapter";
    /// The file of figures per module.
    public static final String ROWS = "modules.json";
    /// What that file says it is.
    public static final String FORMAT = "vitrine-adapter";
    public static final int VERSION = 1;

    private static final long MAX_BYTES = 256 << 20;

    /// A loss in nats per predicted token and its perplexity; NaN where it is not finite.
    public record Loss(double loss, double perplexity) {}

    /// A text, and the loss without and with the adapter.
    public record Domain(String name, long tokens, long predictedTokens, Loss before, Loss after) {}

    /// The loss where every module keeps so many ranks.
    ///
    /// @param parameters of the factors that are left
    /// @param energy the share of the squared norms of all deltas that the best approximations keep
    /// @param losses one per domain
    public record Point(int rank, long parameters, double energy, List<Loss> losses) {}

    /// Losses against ranks kept.
    ///
    /// @param order `singular`, `norm_product` or `activation`
    public record Curve(String order, List<Point> points) {}

    /// One module; `figures` holds the rest.
    ///
    /// @param module its path, by which its tensors are named
    /// @param kind the path's last part: `q_proj`
    /// @param layer or -1
    /// @param role `linear`, `table` or `head`
    /// @param out rows of the base's weight, and `in` its columns; of a table the vocabulary and the width
    /// @param absent why there are no figures, or null
    /// @param lossWithout the loss without the module, one per domain; empty where it was not measured
    public record Row(String module, String kind, int layer, String role, int out, int in, int rank, double alpha, double scaling, long parameters, boolean dora, String absent,
                      List<Double> lossWithout, JsonNode figures) {

        /// A figure by its key in `modules.json`, such as `effective_rank`, `frobenius_norm`, `relative_norm`, `rank_90`, `knee`, `amplification`, `intruders`.
        public OptionalDouble figure(String key) {
            JsonNode n = figures.path(key);
            return n.isNumber() ? OptionalDouble.of(n.asDouble()) : OptionalDouble.empty();
        }
    }

    /// The figures of each module as they are stored, by `adapter` and by `adapter-compare`.
    ///
    /// @throws Refusal `artifact-invalid` where there are none
    public static JsonNode modules(Artifact artifact) {
        return stored(artifact).path("modules");
    }

    private static ObjectNode stored(Artifact artifact) {
        return artifact.beside(ROWS, MAX_BYTES)
                .orElseThrow(() -> Refusal.of(Category.ARTIFACT_INVALID, artifact.folder(), "there is no %s: this artifact holds no modules", ROWS));
    }

    /// Reads an artifact.
    ///
    /// @throws Refusal `artifact-invalid` where it is of another kind
    public static AdapterArtifact of(Artifact artifact) {
        if (!artifact.manifest().kind().equals(KIND)) {
            throw Refusal.of(Category.ARTIFACT_INVALID, artifact.folder(), "this is a result of %s; one of %s belongs here", artifact.manifest().kind(), KIND);
        }
        JsonNode s = artifact.manifest().summary();
        Path file = artifact.folder();
        JsonNode list = stored(artifact);
        if (!list.path("format").asText().equals(FORMAT) || list.path("version").asInt() != VERSION) {
            throw Refusal.of(Category.ARTIFACT_INVALID, file, "it says format %s, version %s; %s, %d belong here", list.path("format").asText(), list.path("version").asText(), FORMAT, VERSION);
        }
        List<Row> rows = new ArrayList<>();
        for (JsonNode r : list.path("modules")) {
            List<Double> without = new ArrayList<>();
            r.path("loss_without").forEach(v -> without.add(v.isNumber() ? v.asDouble() : Double.NaN));
            rows.add(new Row(r.path("module").asText(), r.path("kind").asText(), r.path("layer").asInt(-1), r.path("role").asText(), r.path("shape").path(0).asInt(),
                    r.path("shape").path(1).asInt(), r.path("rank").asInt(), r.path("alpha").asDouble(), r.path("scaling").asDouble(), r.path("parameters").asLong(),
                    r.path("dora").asBoolean(), r.path("absent").isTextual() ? r.path("absent").asText() : null, List.copyOf(without), r));
        }
        List<Domain> domains = new ArrayList<>();
        s.path("domains").forEach(d -> domains.add(new Domain(d.path("name").asText(), d.path("tokens").asLong(), d.path("predicted_tokens").asLong(), loss(d.path("before")),
                loss(d.path("after")))));
        Optional<Curve> curve = Optional.empty();
        if (s.path("curve").isObject()) {
            List<Point> points = new ArrayList<>();
            for (JsonNode p : s.path("curve").path("points")) {
                List<Loss> losses = new ArrayList<>();
                p.path("losses").forEach(l -> losses.add(loss(l)));
                points.add(new Point(p.path("rank").asInt(), p.path("parameters").asLong(), p.path("energy").asDouble(Double.NaN), List.copyOf(losses)));
            }
            curve = Optional.of(new Curve(s.path("curve").path("order").asText(), List.copyOf(points)));
        }
        return new AdapterArtifact(artifact, s.path("adapter").asText(), s.path("model").isTextual() ? s.path("model").asText() : null, s.path("declared_base").asText(),
                s.path("rank").asInt(), s.path("alpha").asDouble(), s.path("rank_stabilised").asBoolean(), s.path("dora").asBoolean(), s.path("initialisation").asText(),
                s.path("parameters").asLong(), s.path("bytes").asLong(), texts(s.path("saved_whole")), texts(s.path("importance")), List.copyOf(domains), curve,
                s.path("components").isTextual() ? s.path("components").asText() : null, List.copyOf(rows));
    }

    private static Loss loss(JsonNode n) {
        return new Loss(n.path("loss").isNumber() ? n.path("loss").asDouble() : Double.NaN, n.path("perplexity").isNumber() ? n.path("perplexity").asDouble() : Double.NaN);
    }

    private static List<String> texts(JsonNode list) {
        List<String> out = new ArrayList<>();
        list.forEach(n -> out.add(n.asText()));
        return List.copyOf(out);
    }

    /// A module by its path.
    public Optional<Row> row(String module) {
        return rows.stream().filter(r -> r.module().equals(module)).findFirst();
    }

    /// A tensor of a module, such as `sv`, `norm_product`, `share`, `activation`, `tail`, row by row; empty where the artifact has none.
    public double[] values(String what, Row row) {
        try (SafetensorsFile file = artifact.tensors()) {
            String name = what + "." + row.module();
            return file.has(name) ? file.doubles(name) : new double[0];
        }
    }

    /// How a module's tensor came about.
    public Optional<Provenance> provenance(String what, Row row) {
        return artifact.provenance(what + "." + row.module());
    }
}
