package vitrine.core.analysis.routing;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Router;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// Counts the routing of every layer with experts while texts pass: [#begin] before each batch, [#end] behind it.
///
/// What one token did is kept for the first tokens only ([#KEPT_TOKENS]), for drawing.
public final class RoutingStatistics implements Probe {

    /// Tokens whose choices are kept one by one.
    public static final int KEPT_TOKENS = 10_000;
    /// Whole distributions are kept of as many of the first tokens as fit into this many bytes.
    private static final long SCORE_BYTES = 32L << 20;

    private final List<Integer> layers;
    private final LayerRouting[] stats;
    private final long[][][] transitions;
    private final double[][][] softTransitions;
    private final TokenPaths paths = new TokenPaths();
    private final BitSet frequent;
    private final boolean predicts;
    private final int window;

    private int[][] ids = new int[0][];
    private int[] groupOf = new int[0];
    private int[] starts = {0};
    private long firstToken;
    private long[][] before;
    private int[][] chosenOfBatch;
    private float[][] weightsOfBatch;
    private int[] predicted;
    private final Map<Integer, float[][]> logits = new HashMap<>();
    private final Map<Integer, float[][]> choices = new HashMap<>();
    private final Map<Integer, float[][]> chosen = new HashMap<>();

    /// @param groups how many groups of tokens (domains) there are, from 1
    /// @param frequent the ids whose experts are counted ([#frequent]), all where null
    public RoutingStatistics(ModelSpec spec, int groups, BitSet frequent) {
        layers = spec.expertLayers();
        this.frequent = frequent;
        predicts = spec.head() != null && !spec.encoder();
        List<Router> routers = layers.stream().map(l -> spec.experts(l).router()).toList();
        long bytes = routers.stream().mapToLong(r -> 4L * r.experts() * (r.correction() == null && r.groups() == null ? 1 : 2)).sum();
        window = (int) Math.min(KEPT_TOKENS, Math.max(1, SCORE_BYTES / bytes));
        stats = routers.stream().map(r -> new LayerRouting(r, groups, KEPT_TOKENS, window)).toArray(LayerRouting[]::new);
        transitions = new long[Math.max(0, stats.length - 1)][][];
        softTransitions = new double[transitions.length][][];
        for (int i = 0; i < transitions.length; i++) {
            transitions[i] = new long[stats[i].experts()][stats[i + 1].experts()];
            softTransitions[i] = new double[stats[i].experts()][stats[i + 1].experts()];
        }
    }

    /// The ids that occur at least so often.
    public static BitSet frequent(Iterable<int[]> sequences, int least) {
        Map<Integer, int[]> counts = new HashMap<>();
        for (int[] sequence : sequences) {
            for (int id : sequence) {
                counts.computeIfAbsent(id, i -> new int[1])[0]++;
            }
        }
        BitSet out = new BitSet();
        counts.forEach((id, count) -> {
            if (count[0] >= least) {
                out.set(id);
            }
        });
        return out;
    }

    /// The sequences of the batch that passes next: their ids, and the group that each belongs to.
    public void begin(int[][] ofBatch, int[] groupOfSequence) {
        ids = ofBatch;
        groupOf = groupOfSequence;
        starts = new int[ids.length + 1];
        for (int s = 0; s < ids.length; s++) {
            starts[s + 1] = starts[s] + ids[s].length;
        }
        int tokens = starts[ids.length];
        chosenOfBatch = new int[stats.length][];
        weightsOfBatch = new float[stats.length][];
        before = new long[stats.length][];
        for (int i = 0; i < stats.length; i++) {
            chosenOfBatch[i] = new int[tokens * stats[i].perToken()];
            weightsOfBatch[i] = new float[tokens * stats[i].perToken()];
            before[i] = stats[i].countsNow();
        }
        predicted = new int[tokens];
        Arrays.fill(predicted, -1);
    }

    @Override
    public boolean wants(int layer, Site site) {
        return switch (site) {
            case ROUTER_LOGITS, ROUTER_CHOICE, EXPERT_IDS, EXPERT_WEIGHTS -> layers.contains(layer);
            case LOGITS -> predicts;
            default -> false;
        };
    }

    @Override
    public void at(Place place, Matrix value) {
        if (place.site() == Site.LOGITS) {
            for (int r = 0; r < value.rows(); r++) {
                predicted[starts[place.sequence()] + place.firstPosition() + r] = NextTokenShift.likeliest(value, r);
            }
            return;
        }
        float[][] rows = new float[value.rows()][];
        Arrays.setAll(rows, value::row);
        switch (place.site()) {
            case ROUTER_LOGITS -> logits.put(place.sequence(), rows);
            case ROUTER_CHOICE -> choices.put(place.sequence(), rows);
            case EXPERT_IDS -> chosen.put(place.sequence(), rows);
            default -> sequence(layers.indexOf(place.layer()), place.sequence(), rows);
        }
    }

    private void sequence(int i, int sequence, float[][] weights) {
        LayerRouting layer = stats[i];
        float[][] l = logits.remove(sequence);
        float[][] c = choices.remove(sequence);
        float[][] picked = chosen.remove(sequence);
        long[] beforeSequence = layer.countsNow();
        for (int t = 0; t < weights.length; t++) {
            int[] experts = new int[picked[t].length];
            for (int j = 0; j < experts.length; j++) {
                experts[j] = (int) picked[t][j];
            }
            int at = starts[sequence] + t;
            layer.add(l[t], c[t], experts, weights[t], groupOf[sequence], firstToken + at);
            System.arraycopy(experts, 0, chosenOfBatch[i], at * experts.length, experts.length);
            System.arraycopy(weights[t], 0, weightsOfBatch[i], at * experts.length, experts.length);
            int id = ids[sequence][t];
            if (frequent == null || frequent.get(id)) {
                layer.input().add(id, experts, 0, experts.length);
            }
            if (t + 1 < weights.length && (frequent == null || frequent.get(ids[sequence][t + 1]))) {
                layer.next().add(ids[sequence][t + 1], experts, 0, experts.length);
            }
            if (i > 0) {
                transition(i, at);
            }
        }
        layer.endOfSequence(beforeSequence);
    }

    /// From the layer before to layer i, of the batch's token `at`.
    private void transition(int i, int at) {
        int k = stats[i - 1].perToken();
        int kNext = stats[i].perToken();
        transitions[i - 1][chosenOfBatch[i - 1][at * k]][chosenOfBatch[i][at * kNext]]++;
        double sum = sum(weightsOfBatch[i - 1], at * k, k) * sum(weightsOfBatch[i], at * kNext, kNext);
        for (int a = at * k; a < (at + 1) * k; a++) {
            for (int b = at * kNext; b < (at + 1) * kNext; b++) {
                softTransitions[i - 1][chosenOfBatch[i - 1][a]][chosenOfBatch[i][b]] += (double) weightsOfBatch[i - 1][a] * weightsOfBatch[i][b] / sum;
            }
        }
    }

    private static double sum(float[] weights, int from, int count) {
        double sum = 0;
        for (int i = from; i < from + count; i++) {
            sum += weights[i];
        }
        return sum;
    }

    /// The batch has passed.
    public void end() {
        int tokens = starts[ids.length];
        for (int t = 0; t < tokens; t++) {
            short[] path = new short[stats.length];
            for (int i = 0; i < stats.length; i++) {
                int k = stats[i].perToken();
                path[i] = (short) chosenOfBatch[i][t * k];
                if (predicted[t] >= 0) {
                    stats[i].predicted().add(predicted[t], chosenOfBatch[i], t * k, k);
                }
            }
            paths.add(path);
        }
        for (int i = 0; i < stats.length; i++) {
            stats[i].endOfBatch(before[i]);
        }
        firstToken += tokens;
    }

    /// The experts of the batch's tokens in the i-th layer with experts, by falling weight `[tokens * k]`; valid until the next [#begin].
    int[] chosenOfBatch(int i) {
        return chosenOfBatch[i];
    }

    /// The layers with experts, in order.
    public List<Integer> layers() {
        return layers;
    }

    /// Tokens that passed.
    public long tokens() {
        return firstToken;
    }

    /// Of how many of the first tokens the whole distribution is kept.
    public int window() {
        return stats[0].kept().scored();
    }

    /// The figures of the i-th layer with experts.
    public LayerRouting layer(int i) {
        return stats[i];
    }

    public List<LayerRouting> all() {
        return List.of(stats);
    }

    /// Tokens by their first experts in the i-th layer with experts and in the next.
    public Transitions transitions(int i) {
        return new Transitions(transitions[i]);
    }

    /// The same with all experts of a token, each by its part of the token's weight.
    public double[][] softTransitions(int i) {
        return softTransitions[i];
    }

    /// Paths through the first experts of all layers.
    public TokenPaths paths() {
        return paths;
    }

    /// Bytes that the counts by token id hold, about.
    long vocabularyBytes() {
        return IntStream.range(0, stats.length).mapToLong(i -> stats[i].input().bytes() + stats[i].next().bytes() + stats[i].predicted().bytes()).sum();
    }
}
