package vitrine.core.analysis.routing;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// Changes routes while a pass runs: experts that no token may choose, experts that a token must choose, experts in each other's place.
///
/// In a layer, masks come first, then what is forced, then swaps in their order; an expert is silent whoever visits it then. A mask sets the expert's logit to -infinity before the router's score,
/// so the others share its probability. A forced expert is chosen before all others and gets the weight that the router's own rule gives to it; where a
/// token visits more experts than are forced, the router chooses the rest. A silent expert is chosen as before and adds nothing. A swap lets each of two experts see the other's tokens, with the other's weights.
public final class RouteChange implements Probe {

    private record Swap(int first, int second) {}

    private final Map<Integer, List<Integer>> masks = new HashMap<>();
    private final Map<Integer, List<Integer>> silent = new HashMap<>();
    private final Map<Integer, Map<Long, int[]>> forced = new HashMap<>();
    private final Map<Integer, List<Swap>> swaps = new HashMap<>();
    private long[] firstTokens = new long[0];
    /// The experts of each sequence in the layer that is under way.
    private final Map<Integer, float[]> chosen = new HashMap<>();

    /// No token chooses the expert.
    public void mask(int layer, int expert) {
        masks.computeIfAbsent(layer, l -> new ArrayList<>()).add(expert);
    }

    /// The expert adds nothing; tokens that choose it choose no other.
    public void silence(int layer, int expert) {
        silent.computeIfAbsent(layer, l -> new ArrayList<>()).add(expert);
    }

    /// A token visits these experts.
    ///
    /// @param token its number among all tokens of all batches
    /// @param experts no more than a token visits
    public void force(int layer, long token, int[] experts) {
        forced.computeIfAbsent(layer, l -> new HashMap<>()).put(token, experts.clone());
    }

    /// Each of two experts sees the other's tokens.
    public void swap(int layer, int first, int second) {
        swaps.computeIfAbsent(layer, l -> new ArrayList<>()).add(new Swap(first, second));
    }

    /// The batch that passes next.
    public void begin(int[][] ofBatch, long firstToken) {
        firstTokens = new long[ofBatch.length];
        long at = firstToken;
        for (int s = 0; s < ofBatch.length; s++) {
            firstTokens[s] = at;
            at += ofBatch[s].length;
        }
    }

    @Override
    public boolean wants(int layer, Site site) {
        return switch (site) {
            case ROUTER_LOGITS -> masks.containsKey(layer);
            case ROUTER_CHOICE -> forced.containsKey(layer);
            case EXPERT_IDS -> swaps.containsKey(layer) || silent.containsKey(layer);
            case EXPERT_WEIGHTS -> silent.containsKey(layer);
            default -> false;
        };
    }

    @Override
    public void at(Place place, Matrix value) {
        switch (place.site()) {
            case ROUTER_LOGITS -> masks.get(place.layer()).forEach(e -> fill(value, e));
            case ROUTER_CHOICE -> force(place, value);
            case EXPERT_WEIGHTS -> silence(value, chosen.remove(place.sequence()), silent.get(place.layer()));
            default -> {
                swaps.getOrDefault(place.layer(), List.of()).forEach(s -> swap(value, s));
                chosen.put(place.sequence(), value.toArray());
            }
        }
    }

    /// Sets the weights of silent experts to 0.
    private static void silence(Matrix weights, float[] ids, List<Integer> experts) {
        for (int t = 0; t < weights.rows(); t++) {
            for (int i = 0; i < weights.columns(); i++) {
                if (experts.contains((int) ids[t * weights.columns() + i])) {
                    weights.set(t, i, 0f);
                }
            }
        }
    }

    private static void fill(Matrix logits, int expert) {
        for (int t = 0; t < logits.rows(); t++) {
            logits.set(t, expert, Float.NEGATIVE_INFINITY);
        }
    }

    private void force(Place place, Matrix choice) {
        Map<Long, int[]> ofLayer = forced.get(place.layer());
        for (int t = 0; t < choice.rows(); t++) {
            int[] experts = ofLayer.get(firstTokens[place.sequence()] + place.firstPosition() + t);
            if (experts != null) {
                for (int e : experts) {
                    choice.set(t, e, Float.POSITIVE_INFINITY);
                }
            }
        }
    }

    private static void swap(Matrix ids, Swap s) {
        for (int t = 0; t < ids.rows(); t++) {
            for (int i = 0; i < ids.columns(); i++) {
                int e = (int) ids.get(t, i);
                if (e == s.first || e == s.second) {
                    ids.set(t, i, e == s.first ? s.second : s.first);
                }
            }
        }
    }
}
