package vitrine.core.artifact;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// What `vitrine routing` found: how the tokens of texts chose among a model's experts.
///
/// Start with [#rows] for the figures of each layer; [#load], [#domainShares] and [#coactivation] are read from the artifact's file when asked for.
///
/// @param moeLayers the layers with experts
/// @param experts per layer, and `perToken` of them for each token
/// @param router the kind of score, such as `softmax` or `sigmoid`
/// @param domains the groups of tokens, in the order of the tensors
/// @param loss nats per predicted token, NaN for a model without head
/// @param hotSet how much of the model the texts use
/// @param rows one per layer with experts
public record RoutingArtifact(Artifact artifact, String model, List<Integer> moeLayers, int experts, int perToken, String router, long tokens, List<Domain> domains,
                              double loss, HotSet hotSet, List<Row> rows) {

    /// The kind of task whose artifacts these are.
    public static final String KIND = "routing";

    /// A group of tokens.
    public record Domain(String name, long tokens) {}

    /// @param slots layers times experts, and `used` those that a token visited
    /// @param busiest the busiest one's load, 1 being its even share
    public record HotSet(long slots, long used, double busiest) {}

    /// One layer. Figures that mean nothing there are NaN.
    ///
    /// @param loadVariation coefficient of variation of the load
    /// @param maxViolation load of the busiest expert / mean - 1
    /// @param switchLoss experts * sum of load share * mean probability; 1 where even
    /// @param entropy mean entropy of the router's probabilities, nats
    /// @param chosenMass mean probability of the chosen experts together
    /// @param dead experts that no token visited
    /// @param vocabularySpecialisation mean over frequent ids of their most frequent first expert's share
    /// @param domainInformation mutual information of domain and expert, nats
    public record Row(int layer, double loadVariation, double maxViolation, double gini, double switchLoss, double entropy, double chosenMass, double topMargin,
                      int dead, double vocabularySpecialisation, double domainInformation) {}

    /// The loss with another number of experts per token.
    public record Step(int perToken, double loss, double perplexity, double chosenMass, double loadVariation) {}

    /// Losses for several numbers of experts per token.
    ///
    /// @param range the largest number whose loss is at most 0.005 nats above that of the trained one
    /// @param peak the number with the least loss
    public record Sweep(int trained, int range, int peak, List<Step> steps) {}

    /// Reads an artifact of a routing task.
    ///
    /// @throws Refusal `not-an-artifact` for one of another kind
    public static RoutingArtifact of(Artifact artifact) {
        if (!artifact.manifest().kind().equals(KIND)) {
            throw Refusal.of(Category.ARTIFACT_INVALID, artifact.folder(), "this is a result of %s, not of routing", artifact.manifest().kind());
        }
        JsonNode s = artifact.manifest().summary();
        List<Integer> layers = new ArrayList<>();
        s.path("moe_layers").forEach(n -> layers.add(n.asInt()));
        List<Domain> domains = new ArrayList<>();
        s.path("domains").forEach(n -> domains.add(new Domain(n.path("name").asText(), n.path("tokens").asLong())));
        List<Row> rows = new ArrayList<>();
        s.path("rows").forEach(r -> rows.add(new Row(r.path("layer").asInt(), number(r, "load_cv"), number(r, "max_violation"), number(r, "gini"), number(r, "switch_loss"),
                number(r, "router_entropy"), number(r, "chosen_mass"), number(r, "top_margin"), r.path("dead").asInt(), number(r, "vocabulary_specialisation"),
                number(r, "domain_information"))));
        JsonNode hot = s.path("hot_set");
        return new RoutingArtifact(artifact, s.path("model").asText(), List.copyOf(layers), s.path("experts").asInt(), s.path("per_token").asInt(), s.path("router").asText(),
                s.path("tokens").asLong(), List.copyOf(domains), number(s, "loss"),
                new HotSet(hot.path("slots").asLong(), hot.path("used").asLong(), number(hot, "busiest_against_uniform")), List.copyOf(rows));
    }

    private static double number(JsonNode n, String key) {
        return n.path(key).isNumber() ? n.path(key).asDouble() : Double.NaN;
    }

    /// Tokens that visited each expert, `[moe layers * experts]`.
    public double[] load() {
        return tensor("expert_load");
    }

    /// Tokens that visited both, `[moe layers * experts * experts]`; the diagonal is the load.
    public double[] coactivation() {
        return tensor("coactivation");
    }

    /// The share of each domain's tokens that visit each expert, `[moe layers * domains * experts]`.
    public double[] domainShares() {
        return tensor("domain_specialisation");
    }

    private double[] tensor(String name) {
        try (SafetensorsFile file = artifact.tensors()) {
            return file.doubles(name);
        }
    }

    /// The losses for other numbers of experts per token, where they were asked for.
    public Optional<Sweep> sweep() {
        JsonNode s = artifact.manifest().summary().path("sweep");
        if (!s.isObject()) {
            return Optional.empty();
        }
        List<Step> steps = new ArrayList<>();
        s.path("rows").forEach(r -> steps.add(new Step(r.path("per_token").asInt(), number(r, "loss"), number(r, "perplexity"), number(r, "chosen_mass"), number(r, "load_cv"))));
        return Optional.of(new Sweep(s.path("trained").asInt(), s.path("scaling_range").asInt(), s.path("peak").asInt(), List.copyOf(steps)));
    }
}
