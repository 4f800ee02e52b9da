package vitrine.core.artifact;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// What `vitrine routing` found: how the tokens of texts chose among a model's experts.
///
/// Start with [#rows] for the figures of each layer. Everything that has a value per expert is read from the artifact's file, for one layer, when it
/// is asked for; `i` counts the layers with experts, from 0, and [#moeLayers] says which layers of the model they are. Where a layer's experts or
/// experts per token differ from the others', the file holds one tensor per layer (`NAME.L`); the methods here hide that.
///
/// Legend: N a layer's experts, k its experts per token, D domains, W kept tokens.
///
/// @param moeLayers the layers with experts
/// @param experts per layer, and `perToken` of them for each token: the largest where layers differ ([Row] has each layer's)
/// @param router the kind of score, such as `softmax` or `sigmoid`
/// @param domains the groups of tokens, in the order of the tensors
/// @param loss nats per predicted token, NaN for a model without head
/// @param hotSet how much of the model the texts use
/// @param rows one per layer with experts
public record RoutingArtifact(Artifact artifact, String model, List<Integer> moeLayers, int experts, int perToken, String router, long tokens, List<Domain> domains,
                              double loss, HotSet hotSet, List<Row> rows) {

    /// The kind of task whose artifacts these are.
    public static final String KIND = "routing";
    /// Tokens of an expert or of a domain that are listed by [#vocabulary], at most.
    public static final int VOCABULARY = 10;

    /// A group of tokens.
    public record Domain(String name, long tokens) {}

    /// @param slots layers times experts, and `used` those that a token visited
    /// @param busiest the busiest one's load, 1 being its even share; it is expert `busiestExpert` of layer `busiestLayer`
    /// @param slotsFor90 the fewest slots that serve 90 % of each layer's choices; 90 % of all where even
    /// @param hot whether these are at most half of all: the texts live on a hot set
    public record HotSet(long slots, long used, double busiest, int busiestLayer, int busiestExpert, long slotsFor90, boolean hot) {}

    /// One layer. Figures that mean nothing there are NaN.
    ///
    /// @param loadVariation coefficient of variation of the load; `chanceVariation` what chance alone gives under even routing, about
    /// @param maxViolation load of the busiest expert / mean - 1; `ofSequences` and `ofBatches` the mean over sequences, and over the batches
    ///     that passed together, of each one's own; `minViolation` 1 - that of the least busy / mean
    /// @param gini 0 even, towards 1 where one has all
    /// @param loadEntropy entropy of the load divided by ln experts
    /// @param switchLoss experts * sum of load share * mean probability; 1 where even
    /// @param zLoss mean of (ln sum exp logits)^2
    /// @param entropy mean entropy of the router's probabilities, nats; `entropyQuantiles` at 5, 25, 50, 75, 95 % of it divided by ln experts
    /// @param chosenMass mean probability of the chosen experts together; `topMargin` of the largest less the second
    /// @param selectionMargin mean of the score of the last chosen expert less that of the best not chosen, NaN where all are chosen
    /// @param fragileShare the share of tokens whose selection margin is below 0.01 (0.05 where the choice is by logits)
    /// @param dead experts that no token visited
    /// @param vocabularySpecialisation mean over frequent ids of their most frequent first expert's share: ids of the tokens themselves, of the
    ///     true next token, and of the next token that the model finds most likely
    /// @param domainDivergence Jensen-Shannon divergence of the domains' loads, nats; `domainInformation` mutual information of domain and expert
    public record Row(int layer, int experts, int perToken, double loadVariation, double chanceVariation, double maxViolation, double maxViolationOfSequences,
                      double maxViolationOfBatches, double minViolation, double gini, double loadEntropy, double switchLoss, double zLoss, double entropy,
                      List<Double> entropyQuantiles, double chosenMass, double topMargin, double selectionMargin, double fragileShare, int dead,
                      double vocabularySpecialisation, double nextSpecialisation, double predictedSpecialisation, double domainDivergence,
                      double domainInformation) {}

    // --- tokens

    /// The first tokens, whose choices are kept one by one.
    ///
    /// @param ids one per token; `sequence` says which sequence each belongs to, `domain` which domain
    /// @param texts legible texts by id; an id that is not there has none
    public record Tokens(int[] ids, int[] sequence, int[] domain, Map<Integer, String> texts) {
        public int count() {
            return ids.length;
        }

        /// The token's text, `#id` without one.
        public String text(int token) {
            return texts.getOrDefault(ids[token], "#" + ids[token]);
        }
    }

    /// How a token's id is taken for vocabulary specialisation; the order is that of the tensors.
    public enum Grouping {
        /// The token itself.
        input,
        /// The token that follows in the text.
        next,
        /// The token that the model finds most likely to follow.
        predicted
    }

    /// An id and how much of it goes to an expert.
    ///
    /// @param share of the tokens with this id, those that visit the expert
    /// @param tokens with this id
    public record Word(int id, double share, long tokens) {}

    // --- paths

    /// Tokens' paths through their first experts, layer after layer.
    ///
    /// @param distinct paths, and `diversity` by tokens; `entropy` in nats
    /// @param steps one fewer than layers with experts
    /// @param top the paths that most tokens take, at most 50
    public record Paths(long distinct, double diversity, double entropy, List<Step> steps, List<Path> top) {

        /// From one layer with experts to the next.
        ///
        /// @param information mutual information of the two layers' first experts, nats; `corrected` less its bias of few tokens (Miller-Madow)
        /// @param normalised corrected, divided by the smaller of the two layers' entropies
        /// @param stickiness share of tokens whose expert has the same number; means something only where the layers share one pool
        public record Step(int from, int to, double information, double corrected, double normalised, double stickiness) {}

        /// @param experts one per layer with experts
        public record Path(int[] experts, long tokens) {}
    }

    // --- other numbers of experts, other checkpoints, what if

    /// The loss with another number of experts per token.
    ///
    /// @param kl mean divergence of the next-token distribution, KL(trained || this), nats
    /// @param topChanged share of positions whose most likely next token is another
    /// @param domainLosses in the order of the domains
    public record Step(int perToken, double loss, double perplexity, double kl, double topChanged, double chosenMass, double loadVariation, double[] domainLosses) {}

    /// Losses for several numbers of experts per token.
    ///
    /// @param range the largest number whose loss is at most 0.005 nats above that of the trained one
    /// @param peak the number with the least loss
    public record Sweep(int trained, int range, int peak, List<Step> steps) {}

    /// Another checkpoint over the same tokens.
    ///
    /// @param saturation per layer with experts: share of a token's experts that are the same here and there, mean over tokens; `first`
    ///     of its first expert; `chance` k / N
    public record Against(String model, double loss, double[] domainLosses, double[] saturation, double[] first, double[] chance) {}

    /// What changes when routes do.
    ///
    /// @param changes in words, such as `layer 2: expert 3 masked`
    /// @param kl mean divergence of the next-token distribution, KL(before || after), nats; `topChanged` share of positions whose most likely
    ///     next token is another
    /// @param tokens where the distribution moves most, at most 8
    public record WhatIf(List<String> changes, double lossBefore, double lossAfter, double kl, double topChanged, List<DomainChange> domains, List<TokenChange> tokens) {}

    public record DomainChange(String name, double lossBefore, double lossAfter, double kl) {}

    /// The next-token distribution after one token.
    ///
    /// @param token its number among all tokens, and `id`
    /// @param lossChange of the true next token, nats; NaN where there is none
    /// @param before the most likely next tokens, and `after`
    public record TokenChange(long token, int id, double kl, double lossChange, List<Likely> before, List<Likely> after) {}

    public record Likely(int id, double probability) {}

    /// How alike the experts of a layer are; only where it was asked for.
    public enum Similarity {
        /// Cosine of all weights.
        weights("expert_weight_cosine"),
        /// Overlap of what the down projections write: |U_a^T U_b|^2 / r with r leading left singular vectors.
        subspace("expert_subspace_overlap"),
        /// Mean over tokens of the cosine of what the experts make of the same token.
        outputs("expert_output_cosine");

        private final String tensor;

        Similarity(String tensor) {
            this.tensor = tensor;
        }

        /// The name of its tensor `[moe layers, N, N]`.
        public String tensor() {
            return tensor;
        }
    }

    /// Reads an artifact of a routing task.
    ///
    /// @throws Refusal `artifact-invalid` for one of another kind
    public static RoutingArtifact of(Artifact artifact) {
        if (!artifact.manifest().kind().equals(KIND)) {
            throw Refusal.of(Category.ARTIFACT_INVALID, artifact.folder(), "this is a result of %s, not of routing", artifact.manifest().kind());
        }
        JsonNode s = artifact.manifest().summary();
        List<Domain> domains = list(s.path("domains"), n -> new Domain(n.path("name").asText(), n.path("tokens").asLong()));
        JsonNode hot = s.path("hot_set");
        return new RoutingArtifact(artifact, s.path("model").asText(), list(s.path("moe_layers"), JsonNode::asInt), s.path("experts").asInt(), s.path("per_token").asInt(),
                s.path("router").asText(), s.path("tokens").asLong(), domains, number(s, "loss"),
                new HotSet(hot.path("slots").asLong(), hot.path("used").asLong(), number(hot, "busiest_against_uniform"), hot.path("busiest_layer").asInt(),
                        hot.path("busiest_expert").asInt(), hot.path("slots_for_90").asLong(), hot.path("hot").asBoolean()), list(s.path("rows"), RoutingArtifact::row));
    }

    private static Row row(JsonNode r) {
        return new Row(r.path("layer").asInt(), r.path("experts").asInt(), r.path("per_token").asInt(), number(r, "load_cv"), number(r, "chance_load_cv"),
                number(r, "max_violation"), number(r, "max_violation_of_sequences"), number(r, "max_violation_of_batches"), number(r, "min_violation"), number(r, "gini"),
                number(r, "normalised_load_entropy"), number(r, "switch_loss"), number(r, "z_loss"), number(r, "router_entropy"),
                list(r.path("normalised_entropy_quantiles"), RoutingArtifact::number), number(r, "chosen_mass"), number(r, "top_margin"), number(r, "selection_margin"),
                number(r, "fragile_share"), r.path("dead").asInt(), number(r, "vocabulary_specialisation"), number(r, "vocabulary_specialisation_next"),
                number(r, "vocabulary_specialisation_predicted"), number(r, "domain_divergence"), number(r, "domain_information"));
    }

    private static <T> List<T> list(JsonNode array, java.util.function.Function<JsonNode, T> of) {
        return StreamSupport.stream(array.spliterator(), false).map(of).toList();
    }

    private static double number(JsonNode n, String key) {
        return number(n.path(key));
    }

    private static double number(JsonNode n) {
        return n.isNumber() ? n.asDouble() : Double.NaN;
    }

    private static double[] numbers(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).mapToDouble(RoutingArtifact::number).toArray();
    }

    // --- values per expert of one layer

    /// Tokens that visited each expert `[N]`.
    public double[] load(int i) {
        return layer("expert_load", i);
    }

    /// Tokens whose heaviest expert each is `[N]`.
    public double[] firstLoad(int i) {
        return layer("first_choice_load", i);
    }

    /// P_e, the mean of the router's probabilities `[N]`.
    public double[] meanProbability(int i) {
        return layer("mean_router_probability", i);
    }

    /// Sums of the weights that each expert received `[N]`.
    public double[] weightSums(int i) {
        return layer("expert_weight_sum", i);
    }

    /// Tokens of each domain that visited each expert `[D * N]`.
    public double[] domainLoad(int i) {
        return layer("domain_load", i);
    }

    /// The share of each domain's tokens that visit each expert `[D * N]`; chance is k / N.
    public double[] domainShares(int i) {
        return layer("domain_specialisation", i);
    }

    /// Entropy over domains of each expert's visitors, every domain with the same weight, nats `[N]`; NaN for an expert that nobody visits. Below 0.3 ln D it
    /// is a specialist.
    public double[] domainEntropy(int i) {
        return layer("domain_entropy", i);
    }

    /// How alike two domains use the experts, 0 to 1 `[D * D]`.
    public double[] domainSharing(int i) {
        return layer("domain_sharing", i);
    }

    /// Tokens that visited both experts `[N * N]`; the diagonal is the load.
    public double[] coactivation(int i) {
        return layer("coactivation", i);
    }

    /// P(column | row) `[N * N]`; diagonal 0. Chance is about (k - 1) / (N - 1).
    public double[] conditional(int i) {
        return layer("coactivation_conditional", i);
    }

    /// Co-activation over what independent experts would have `[N * N]`; NaN on the diagonal and for an expert that nobody visits.
    public double[] lift(int i) {
        return layer("coactivation_lift", i);
    }

    /// Tokens that visited both by those that visited one or the other `[N * N]`; NaN as for [#lift].
    public double[] jaccard(int i) {
        return layer("coactivation_jaccard", i);
    }

    /// Normalised pointwise mutual information, -1 never together, 0 as by chance, 1 always `[N * N]`; NaN as for [#lift].
    public double[] pointwiseInformation(int i) {
        return layer("coactivation_npmi", i);
    }

    /// Tokens whose first expert is the row's in layer i and the column's in the next layer with experts `[N * N of the next]`.
    ///
    /// @param i up to the last but one
    public double[] transitions(int i) {
        return layer("transitions", i);
    }

    /// The same with all experts of a token, each by its part of the token's weight `[N * N of the next]`.
    public double[] softTransitions(int i) {
        return layer("soft_transitions", i);
    }

    /// `[N * N]`, where it was asked for.
    public Optional<double[]> similarity(Similarity of, int i) {
        return has(of.tensor(), i) ? Optional.of(layer(of.tensor(), i)) : Optional.empty();
    }

    /// The ids that go to an expert most, by falling share: of those that occur often enough, at most [#VOCABULARY].
    public List<Word> vocabulary(int i, Grouping by, int expert) {
        int from = (by.ordinal() * rows.get(i).experts() + expert) * VOCABULARY;
        double[] ids = layer("vocabulary_ids", i);
        double[] shares = layer("vocabulary_shares", i);
        double[] counts = layer("vocabulary_tokens", i);
        return IntStream.range(from, from + VOCABULARY).filter(w -> ids[w] >= 0).mapToObj(w -> new Word((int) ids[w], shares[w], (long) counts[w])).toList();
    }

    // --- values per token of one layer

    /// The experts of the kept tokens, by falling weight `[W * k]`.
    public int[] expertIds(int i) {
        return Arrays.stream(layer("expert_ids", i)).mapToInt(v -> (int) v).toArray();
    }

    /// Their weights `[W * k]`.
    public double[] expertWeights(int i) {
        return layer("expert_weights", i);
    }

    /// Entropy of the router's probabilities, nats `[W]`.
    public double[] tokenEntropy(int i) {
        return layer("router_entropy", i);
    }

    /// Score of the last chosen expert less that of the best not chosen `[W]`; NaN where all are chosen.
    public double[] selectionMargin(int i) {
        return layer("selection_margin", i);
    }

    /// How many of the first tokens have their whole distribution kept ([#score]); fewer than [Tokens#count] where the model has many experts.
    public int window() {
        return artifact.manifest().summary().path("window").asInt();
    }

    /// The score of every expert for one of the first [#window] tokens `[N]`: its probability, or the sigmoid of its logit where the router is of that kind.
    public double[] score(int i, int token) {
        return ofToken("router_score", i, token);
    }

    /// What that token's choice was made by `[N]`, where it is not the score itself: with the correction, and -infinity outside the chosen groups.
    public Optional<double[]> choiceScore(int i, int token) {
        return has("choice_score", i) ? Optional.of(ofToken("choice_score", i, token)) : Optional.empty();
    }

    private double[] ofToken(String name, int i, int token) {
        int n = rows.get(i).experts();
        try (SafetensorsFile file = artifact.tensors()) {
            Place p = place(file, name, i);
            return file.doubles(p.name, p.first + (long) token * n, n);
        }
    }

    /// The kept tokens.
    public Tokens keptTokens() {
        try (SafetensorsFile file = artifact.tensors()) {
            Map<Integer, String> texts = new HashMap<>();
            Json.mapper().readTree(file.metadata().getOrDefault("token_texts", "{}")).fields().forEachRemaining(e -> texts.put(Integer.parseInt(e.getKey()), e.getValue().asText()));
            return new Tokens(file.ints("input_ids"), file.ints("token_sequence"), file.ints("token_domain"), Map.copyOf(texts));
        } catch (JsonProcessingException | NumberFormatException e) {
            throw Refusal.of(Category.ARTIFACT_INVALID, artifact.tensorFile(), "the texts of its tokens cannot be read").cause(e);
        }
    }

    // --- the rest of the summary

    /// Paths across layers; absent for a single layer with experts.
    public Optional<Paths> paths() {
        JsonNode p = artifact.manifest().summary().path("paths");
        return !p.isObject() ? Optional.empty() : Optional.of(new Paths(p.path("distinct").asLong(), number(p, "diversity"), number(p, "entropy"),
                list(p.path("steps"), n -> new Paths.Step(n.path("from").asInt(), n.path("to").asInt(), number(n, "information"), number(n, "information_corrected"),
                        number(n, "information_normalised"), number(n, "stickiness"))),
                list(p.path("top"), n -> new Paths.Path(Arrays.stream(numbers(n.path("experts"))).mapToInt(v -> (int) v).toArray(), n.path("tokens").asLong()))));
    }

    /// The losses for other numbers of experts per token, where they were asked for.
    public Optional<Sweep> sweep() {
        JsonNode s = artifact.manifest().summary().path("sweep");
        return !s.isObject() ? Optional.empty() : Optional.of(new Sweep(s.path("trained").asInt(), s.path("scaling_range").asInt(), s.path("peak").asInt(),
                list(s.path("rows"), r -> new Step(r.path("per_token").asInt(), number(r, "loss"), number(r, "perplexity"), number(r, "kl"), number(r, "top_changed"),
                        number(r, "chosen_mass"), number(r, "load_cv"), numbers(r.path("domain_losses"))))));
    }

    /// Tokens that visited each expert of layer i with the sweep's `step`-th number of experts per token `[N]`.
    public double[] sweepLoad(int step, int i) {
        return pass("sweep_load", step, i, 1);
    }

    /// Other checkpoints over the same tokens, in the order in which they were named.
    public List<Against> against() {
        return list(artifact.manifest().summary().path("against"), a -> new Against(a.path("model").asText(), number(a, "loss"), numbers(a.path("domain_losses")),
                numbers(a.path("saturation")), numbers(a.path("saturation_first")), numbers(a.path("chance"))));
    }

    /// Tokens of each domain that visited each expert of layer i in the `other`-th of the other checkpoints `[D * N]`.
    public double[] againstLoad(int other, int i) {
        return pass("against_domain_load", other, i, domains.size());
    }

    /// What changes with masked, forced or swapped experts, or with other numbers of them in some layers; where that was asked for.
    public Optional<WhatIf> whatIf() {
        JsonNode w = artifact.manifest().summary().path("what_if");
        return !w.isObject() ? Optional.empty() : Optional.of(new WhatIf(list(w.path("changes"), JsonNode::asText), number(w, "loss_before"), number(w, "loss_after"), number(w, "kl"),
                number(w, "top_changed"), list(w.path("domains"), d -> new DomainChange(d.path("name").asText(), number(d, "loss_before"), number(d, "loss_after"), number(d, "kl"))),
                list(w.path("tokens"), t -> new TokenChange(t.path("token").asLong(), t.path("id").asInt(), number(t, "kl"), number(t, "loss_change"), likely(t.path("before")),
                        likely(t.path("after"))))));
    }

    private static List<Likely> likely(JsonNode array) {
        return list(array, n -> new Likely(n.path("id").asInt(), number(n, "probability")));
    }

    /// Tokens of each domain that visited each expert of layer i after the change `[D * N]`.
    public double[] whatIfLoad(int i) {
        return layer("what_if_domain_load", i);
    }

    /// Divergence of the next-token distribution after each kept token `[W]`.
    public double[] whatIfDivergence() {
        try (SafetensorsFile file = artifact.tensors()) {
            return file.doubles("what_if_kl");
        }
    }

    // --- reading

    /// Where one layer's values lie.
    private record Place(String name, long first, int count) {}

    private Place place(SafetensorsFile file, String name, int i) {
        if (!file.has(name)) {
            String own = name + "." + moeLayers.get(i);
            return new Place(own, 0, Math.toIntExact(file.elements(own)));
        }
        int count = Math.toIntExact(file.elementsOfSlice(name));
        return new Place(name, (long) i * count, count);
    }

    private boolean has(String name, int i) {
        try (SafetensorsFile file = artifact.tensors()) {
            return file.has(name) || file.has(name + "." + moeLayers.get(i));
        }
    }

    private double[] layer(String name, int i) {
        try (SafetensorsFile file = artifact.tensors()) {
            Place p = place(file, name, i);
            return file.doubles(p.name, p.first, p.count);
        }
    }

    /// Values of layer i of one of several passes: `[passes, moe layers, rows, N]`, or `[passes, rows, N]` in a tensor of the layer's own.
    private double[] pass(String name, int pass, int i, int rowsOfPass) {
        int count = rowsOfPass * rows.get(i).experts();
        try (SafetensorsFile file = artifact.tensors()) {
            boolean own = !file.has(name);
            return file.doubles(own ? name + "." + moeLayers.get(i) : name, own ? (long) pass * count : ((long) pass * moeLayers.size() + i) * count, count);
        }
    }
}
