package vitrine.core.work.routing;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import vitrine.core.analysis.routing.LayerRouting;
import vitrine.core.analysis.routing.Load;
import vitrine.core.analysis.routing.RoutingStatistics;
import vitrine.core.analysis.routing.Specialisation;
import vitrine.core.analysis.routing.TokenPaths;
import vitrine.core.analysis.routing.Transitions;
import vitrine.core.work.output.Figures;

/// The figures of a routing artifact's summary that are of the model as it is.
final class RoutingFigures {

    private static final double[] QUANTILES = {0.05, 0.25, 0.5, 0.75, 0.95};
    private static final int LISTED_PATHS = 50;
    /// A hot set is at most half of all slots that serve so much of every layer's choices.
    private static final double HOT_SHARE = 0.9;

    private RoutingFigures() {}

    static void of(RoutingStatistics stats, int groups, ObjectNode summary) {
        ArrayNode rows = summary.putArray("rows");
        for (int i = 0; i < stats.layers().size(); i++) {
            row(stats.layer(i), groups, rows.addObject().put("layer", stats.layers().get(i)));
        }
        hotSet(stats, summary.putObject("hot_set"));
        if (stats.layers().size() > 1) {
            paths(stats, summary.putObject("paths"));
        }
    }

    private static void row(LayerRouting l, int groups, ObjectNode row) {
        Load load = l.load();
        double balance = load.switchLoss(l.meanProbability());
        row.put("experts", l.experts()).put("per_token", l.perToken()).put("dead", load.dead());
        Figures.put(row, "load_cv", load.coefficientOfVariation());
        Figures.put(row, "chance_load_cv", Load.chanceOfVariation(l.experts(), l.perToken(), l.tokens()));
        Figures.put(row, "max_violation", load.maxViolation());
        Figures.put(row, "max_violation_of_sequences", l.maxViolationOfSequences());
        Figures.put(row, "max_violation_of_batches", l.maxViolationOfBatches());
        Figures.put(row, "min_violation", load.minViolation());
        Figures.put(row, "gini", load.gini());
        Figures.put(row, "load_entropy", load.entropy());
        Figures.put(row, "normalised_load_entropy", load.normalisedEntropy());
        Figures.put(row, "switch_loss", balance);
        Figures.put(row, "balance_loss", l.perToken() * balance);
        Figures.put(row, "z_loss", l.zLoss());
        Figures.put(row, "router_entropy", l.entropy());
        Figures.put(row, "router_entropy_sigmoid", l.sigmoidEntropy());
        ArrayNode quantiles = row.putArray("normalised_entropy_quantiles");
        for (double q : QUANTILES) {
            Figures.add(quantiles, l.normalisedEntropyQuantile(q));
        }
        Figures.put(row, "effective_experts", l.effectiveExperts());
        Figures.put(row, "weight_entropy", l.weightEntropy());
        Figures.put(row, "chosen_mass", l.mass());
        Figures.put(row, "top_margin", l.topMargin());
        Figures.put(row, "selection_margin", l.selectionMargin());
        Figures.put(row, "fragile_share", l.fragileShare());
        Figures.put(row, "coactivation_coverage", l.coactivation().coverage(RoutingRun.LEAST_OCCURRENCES));
        Figures.put(row, "vocabulary_specialisation", l.input().specialisation(RoutingRun.LEAST_OCCURRENCES));
        Figures.put(row, "vocabulary_specialisation_next", l.next().specialisation(RoutingRun.LEAST_OCCURRENCES));
        Figures.put(row, "vocabulary_specialisation_predicted", l.predicted().specialisation(RoutingRun.LEAST_OCCURRENCES));
        if (groups > 1) {
            Figures.put(row, "domain_divergence", Specialisation.divergence(l.ofGroup()));
            Figures.put(row, "domain_information", Specialisation.mutualInformation(l.ofGroup()));
        }
    }

    /// How much of the model the texts use: of all slots (a layer and one of its experts), how many were visited, how busy the busiest is, and how few would do for most.
    private static void hotSet(RoutingStatistics stats, ObjectNode out) {
        long slots = 0;
        long used = 0;
        long few = 0;
        double busiest = 0;
        int layer = stats.layers().getFirst();
        int expert = 0;
        for (int i = 0; i < stats.layers().size(); i++) {
            Load load = stats.layer(i).load();
            int n = stats.layer(i).experts();
            slots += n;
            used += n - load.dead();
            few += load.fewestFor(HOT_SHARE);
            double[] shares = load.shares();
            for (int e = 0; e < n; e++) {
                if (shares[e] * n > busiest) {
                    busiest = shares[e] * n;
                    layer = stats.layers().get(i);
                    expert = e;
                }
            }
        }
        out.put("slots", slots).put("used", used);
        Figures.put(out, "used_share", (double) used / slots);
        Figures.put(out, "busiest_against_uniform", busiest);
        out.put("busiest_layer", layer).put("busiest_expert", expert).put("slots_for_90", few).put("hot", 2 * few <= slots);
    }

    private static void paths(RoutingStatistics stats, ObjectNode out) {
        TokenPaths paths = stats.paths();
        out.put("tokens", paths.tokens()).put("distinct", paths.distinct());
        Figures.put(out, "diversity", (double) paths.distinct() / paths.tokens());
        Figures.put(out, "entropy", paths.entropy());
        ArrayNode steps = out.putArray("steps");
        List<Integer> layers = stats.layers();
        for (int i = 0; i + 1 < layers.size(); i++) {
            Transitions t = stats.transitions(i);
            ObjectNode step = steps.addObject().put("from", layers.get(i)).put("to", layers.get(i + 1));
            Figures.put(step, "information", t.information());
            Figures.put(step, "information_corrected", t.corrected());
            Figures.put(step, "information_normalised", t.normalised());
            Figures.put(step, "stickiness", t.stickiness());
        }
        ArrayNode top = out.putArray("top");
        for (TokenPaths.Counted path : paths.top(LISTED_PATHS)) {
            ArrayNode experts = top.addObject().put("tokens", path.tokens()).putArray("experts");
            Arrays.stream(path.experts()).forEach(experts::add);
        }
    }
}
