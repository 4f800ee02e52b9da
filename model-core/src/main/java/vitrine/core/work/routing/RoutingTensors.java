package vitrine.core.work.routing;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import vitrine.core.analysis.routing.Coactivation;
import vitrine.core.analysis.routing.LayerRouting;
import vitrine.core.analysis.routing.RoutingStatistics;
import vitrine.core.analysis.routing.Specialisation;
import vitrine.core.analysis.routing.VocabularyCounts;
import vitrine.core.architecture.Router;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.dataset.Sequences;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// The tensors of a routing artifact that are of the model as it is.
final class RoutingTensors {

    private final LayerTensors out;
    private final RoutingStatistics stats;
    private final List<Sequences.Labelled> data;
    private final List<String> groups;

    RoutingTensors(LayerTensors out, RoutingStatistics stats, List<Sequences.Labelled> data, List<String> groups) {
        this.out = out;
        this.stats = stats;
        this.data = data;
        this.groups = groups;
    }

    void declare() {
        loads();
        together();
        domains();
        vocabulary();
        transitions();
        tokens();
    }

    private void each(String name, DType dtype, Function<LayerRouting, Shape> shape, Function<LayerRouting, Object> values, String method) {
        out.each(name, dtype, stats.layers().size(), i -> shape.apply(stats.layer(i)), i -> values.apply(stats.layer(i)),
                Provenance.derived("router logits", dtype.name(), method).of(stats.tokens()));
    }

    private static Shape experts(LayerRouting l) {
        return Shape.of(l.experts());
    }

    private static Shape pairs(LayerRouting l) {
        return Shape.of(l.experts(), l.experts());
    }

    private Shape ofDomains(LayerRouting l) {
        return Shape.of(groups.size(), l.experts());
    }

    private static long[] flat(long[][] rows) {
        return Arrays.stream(rows).flatMapToLong(Arrays::stream).toArray();
    }

    static float[] floats(double[] values) {
        float[] out = new float[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) values[i];
        }
        return out;
    }

    private void loads() {
        each("expert_load", DType.I64, RoutingTensors::experts, l -> l.load().counts(), "tokens that visited the expert");
        each("first_choice_load", DType.I64, RoutingTensors::experts, LayerRouting::firstCounts, "tokens whose heaviest expert it is");
        each("expert_weight_sum", DType.F64, RoutingTensors::experts, LayerRouting::weightSums, "sum of the weights that the expert received");
        each("mean_router_probability", DType.F64, RoutingTensors::experts, LayerRouting::meanProbability, "mean over tokens of softmax(router logits)");
    }

    private void together() {
        each("coactivation", DType.I64, RoutingTensors::pairs, l -> flat(l.coactivation().together()), "tokens that visited both experts; the diagonal is the load");
        each("coactivation_conditional", DType.F64, RoutingTensors::pairs, l -> Coactivation.flat(l.coactivation().conditional()),
                "coactivation divided by the load of the row's expert; diagonal 0");
        each("coactivation_lift", DType.F32, RoutingTensors::pairs, l -> floats(Coactivation.flat(l.coactivation().lift())), "n T / (c_a c_b); diagonal NaN");
        each("coactivation_jaccard", DType.F32, RoutingTensors::pairs, l -> floats(Coactivation.flat(l.coactivation().jaccard())), "n / (c_a + c_b - n); diagonal NaN");
        each("coactivation_npmi", DType.F32, RoutingTensors::pairs, l -> floats(Coactivation.flat(l.coactivation().pointwiseInformation())),
                "ln lift / -ln(n / T); -1 where never together, diagonal NaN");
    }

    private void domains() {
        out.whole("domain_tokens", DType.I64, Shape.of(groups.size()), stats.layer(0).groupTokens(), Provenance.derived("input_ids", "I64", "tokens of each domain").of(stats.tokens()));
        each("domain_load", DType.I64, this::ofDomains, l -> flat(l.ofGroup()), "tokens of each domain that visited the expert");
        each("domain_first_load", DType.I64, this::ofDomains, l -> flat(l.firstOfGroup()), "tokens of each domain whose heaviest expert it is");
        each("domain_specialisation", DType.F64, this::ofDomains, l -> {
            double[] shares = new double[groups.size() * l.experts()];
            for (int g = 0; g < groups.size(); g++) {
                System.arraycopy(Specialisation.shares(l.ofGroup()[g], l.groupTokens()[g]), 0, shares, g * l.experts(), l.experts());
            }
            return shares;
        }, "share of a domain's tokens that visit the expert; chance is k / experts");
        each("domain_entropy", DType.F64, RoutingTensors::experts, l -> Specialisation.groupEntropy(l.ofGroup(), l.groupTokens()),
                "entropy of the expert's visitors over domains, every domain with the same weight, nats");
        each("domain_sharing", DType.F64, l -> Shape.of(groups.size(), groups.size()), l -> Coactivation.flat(Specialisation.sharing(l.ofGroup())),
                "sum over experts of the smaller load share of two domains");
    }

    private void vocabulary() {
        int most = RoutingArtifact.VOCABULARY;
        Function<LayerRouting, Shape> shape = l -> Shape.of(3, l.experts(), most);
        each("vocabulary_ids", DType.I64, shape, l -> words(l, -1, w -> w.id()), "ids of which the expert sees the largest shares, by the tokens' own, the true next and the predicted next id");
        each("vocabulary_tokens", DType.I64, shape, l -> words(l, 0, w -> (double) w.tokens()), "tokens with the id");
        out.each("vocabulary_shares", DType.F64, stats.layers().size(), i -> shape.apply(stats.layer(i)), i -> listed(stats.layer(i), Double.NaN, VocabularyCounts.Word::share),
                Provenance.derived("router logits", "F64", "share of the id's tokens that visit the expert").of(stats.tokens()));
    }

    private static long[] words(LayerRouting l, double none, Function<VocabularyCounts.Word, Number> of) {
        return Arrays.stream(listed(l, none, w -> of.apply(w).doubleValue())).mapToLong(v -> (long) v).toArray();
    }

    private static double[] listed(LayerRouting l, double none, Function<VocabularyCounts.Word, Double> of) {
        int most = RoutingArtifact.VOCABULARY;
        double[] out = new double[3 * l.experts() * most];
        Arrays.fill(out, none);
        int at = 0;
        for (VocabularyCounts counts : List.of(l.input(), l.next(), l.predicted())) {
            for (List<VocabularyCounts.Word> words : counts.lists(l.experts(), RoutingRun.LEAST_OCCURRENCES, most)) {
                for (int w = 0; w < words.size(); w++) {
                    out[at + w] = of.apply(words.get(w));
                }
                at += most;
            }
        }
        return out;
    }

    private void transitions() {
        int steps = stats.layers().size() - 1;
        if (steps == 0) {
            return;
        }
        out.each("transitions", DType.I64, steps, this::step, i -> flat(stats.transitions(i).counts()),
                Provenance.derived("router logits", "I64", "tokens by their first experts in a layer and in the next with experts").of(stats.tokens()));
        out.each("soft_transitions", DType.F64, steps, this::step, i -> Coactivation.flat(stats.softTransitions(i)),
                Provenance.derived("router logits", "F64", "the same with all experts of a token, each by its part of the token's weight").of(stats.tokens()));
    }

    private Shape step(int i) {
        return Shape.of(stats.layer(i).experts(), stats.layer(i + 1).experts());
    }

    private void tokens() {
        int kept = stats.layer(0).kept().count();
        long[] ids = new long[kept];
        long[] sequence = new long[kept];
        long[] domain = new long[kept];
        int at = 0;
        for (int s = 0; s < data.size() && at < kept; s++) {
            for (int t = 0; t < data.get(s).ids().length && at < kept; t++) {
                ids[at] = data.get(s).ids()[t];
                sequence[at] = s;
                domain[at] = groups.indexOf(data.get(s).label());
                at++;
            }
        }
        Shape shape = Shape.of(kept);
        out.whole("input_ids", DType.I64, shape, ids, Provenance.measured("texts", "I64", "token ids of the first tokens, sequence after sequence").of(kept));
        out.whole("token_sequence", DType.I64, shape, sequence, Provenance.measured("texts", "I64", "the sequence that each of them belongs to").of(kept));
        out.whole("token_domain", DType.I64, shape, domain, Provenance.measured("texts", "I64", "the domain that each of them belongs to").of(kept));
        each("expert_ids", DType.I64, l -> Shape.of(kept, l.perToken()), l -> l.kept().ids(), "experts of the first tokens, by falling weight");
        each("expert_weights", DType.F32, l -> Shape.of(kept, l.perToken()), l -> l.kept().weights(), "their weights");
        each("router_entropy", DType.F64, l -> shape, l -> l.kept().entropy(), "entropy of softmax(router logits) of the first tokens, nats");
        if (stats.layer(0).score() == Router.Score.SIGMOID || stats.layer(0).score() == Router.Score.CHOSEN_SIGMOID) {
            each("router_entropy_sigmoid", DType.F64, l -> shape, l -> l.kept().sigmoidEntropy(), "entropy of sigmoid scores divided by their sum, of the first tokens, nats");
        }
        each("selection_margin", DType.F64, l -> shape, l -> l.kept().margin(), "score of the last chosen expert less that of the best one not chosen, of the first tokens");
        int window = stats.window();
        each("router_score", DType.F32, l -> Shape.of(window, l.experts()), l -> l.kept().scores(), "every expert's score of the first tokens: softmax of the logits, or their sigmoids");
        if (stats.all().stream().anyMatch(l -> !l.choiceIsScore())) {
            each("choice_score", DType.F32, l -> Shape.of(window, l.experts()), l -> l.choiceIsScore() ? l.kept().scores() : l.kept().choices(),
                    "what the choice was made by: the score with the correction, -infinity outside the chosen groups");
        }
    }
}
