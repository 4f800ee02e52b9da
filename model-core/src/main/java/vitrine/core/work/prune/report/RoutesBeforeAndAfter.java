package vitrine.core.work.prune.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import vitrine.core.analysis.routing.Confidence;
import vitrine.core.analysis.routing.Load;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Router;
import vitrine.core.json.Json;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;
import vitrine.core.work.output.Figures;

/// Which experts the same tokens choose in a model and in what was pruned from it.
final class RoutesBeforeAndAfter {

    private final ModelSpec spec;
    private final Counterparts parts;
    private final Routes before;
    private final Routes after;

    RoutesBeforeAndAfter(ModelSpec before, ModelSpec after, Counterparts parts) {
        spec = before;
        this.parts = parts;
        this.before = new Routes(before);
        this.after = new Routes(after);
    }

    Probe before() {
        return before;
    }

    Probe after() {
        return after;
    }

    /// The choices of every token, in the order of the pass, and how decided routers were.
    private static final class Routes implements Probe {
        private final Map<Integer, List<int[]>> chosen = new TreeMap<>();
        private final Map<Integer, double[]> entropy = new TreeMap<>();
        private final ModelSpec spec;

        Routes(ModelSpec spec) {
            this.spec = spec;
            spec.expertLayers().forEach(l -> {
                chosen.put(l, new ArrayList<>());
                entropy.put(l, new double[1]);
            });
        }

        @Override
        public boolean wants(int layer, Site site) {
            return (site == Site.EXPERT_IDS || site == Site.ROUTER_LOGITS) && chosen.containsKey(layer);
        }

        @Override
        public void at(Place place, Matrix value) {
            Router.Score score = spec.experts(place.layer()).router().score();
            boolean sigmoid = score == Router.Score.SIGMOID || score == Router.Score.CHOSEN_SIGMOID;
            for (int t = 0; t < value.rows(); t++) {
                float[] row = value.row(t);
                if (place.site() == Site.ROUTER_LOGITS) {
                    Confidence c = Confidence.of(row, row, new int[0]);
                    entropy.get(place.layer())[0] += sigmoid ? c.sigmoidEntropy() : c.entropy();
                } else {
                    int[] ids = new int[row.length];
                    for (int i = 0; i < ids.length; i++) {
                        ids[i] = (int) row[i];
                    }
                    chosen.get(place.layer()).add(Arrays.stream(ids).filter(e -> e >= 0).toArray());
                }
            }
        }

        Load load(int layer) {
            long[] counts = new long[spec.experts(layer).router().experts()];
            chosen.get(layer).forEach(ids -> Arrays.stream(ids).forEach(e -> counts[e]++));
            return new Load(counts);
        }
    }

    /// @param text the name of what passed
    ObjectNode json(String text) {
        ObjectNode out = Json.object().put("text", text);
        ArrayNode layers = Json.mapper().createArrayNode();
        double[] sums = new double[4];
        int compared = 0;
        long tokens = 0;
        for (int l : spec.expertLayers()) {
            ObjectNode row = layers.addObject().put("layer", l);
            Load was = before.load(l);
            tokens = before.chosen.get(l).size();
            put(row, "before", was, before, l, tokens);
            int now = parts.after(l);
            if (now < 0) {
                continue;
            }
            Load is = after.load(now);
            put(row, "after", is, after, now, tokens);
            ArrayNode became = row.putArray("became");
            for (int e = 0; e < was.counts().length; e++) {
                became.add(parts.expert(l, e));
            }
            long changed = 0;
            double kept = 0;
            for (int t = 0; t < tokens; t++) {
                Set<Integer> wanted = new TreeSet<>();
                int[] old = before.chosen.get(l).get(t);
                Arrays.stream(old).forEach(e -> wanted.add(parts.expert(l, e)));
                Set<Integer> found = new TreeSet<>();
                Arrays.stream(after.chosen.get(now).get(t)).forEach(found::add);
                changed += wanted.equals(found) ? 0 : 1;
                kept += Arrays.stream(old).filter(e -> found.contains(parts.expert(l, e))).count() / (double) old.length;
            }
            row.put("changed_sets", (double) changed / tokens).put("kept_choices", kept / tokens);
            sums[0] += (double) changed / tokens;
            sums[1] += kept / tokens;
            sums[2] += was.normalisedEntropy();
            sums[3] += is.normalisedEntropy();
            compared++;
        }
        out.put("tokens", tokens);
        Figures.put(out, "changed_sets", sums[0] / compared);
        Figures.put(out, "kept_choices", sums[1] / compared);
        Figures.put(out, "load_entropy_before", sums[2] / compared);
        Figures.put(out, "load_entropy_after", sums[3] / compared);
        out.set("layers", layers);
        return out;
    }

    private static void put(ObjectNode row, String side, Load load, Routes routes, int layer, long tokens) {
        ArrayNode counts = row.putArray("load_" + side);
        Arrays.stream(load.counts()).forEach(counts::add);
        Figures.put(row, "load_entropy_" + side, load.normalisedEntropy());
        Figures.put(row, "router_entropy_" + side, routes.entropy.get(layer)[0] / tokens);
    }
}
