package vitrine.core.analysis.routing;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// Counts the routing of every layer with experts while texts pass.
///
/// All counts are exact, sums are float64. What one token did is kept for the first tokens only ([#KEPT_TOKENS]), for drawing.
public final class RoutingStatistics implements Probe {

    /// Tokens whose choices are kept one by one.
    public static final int KEPT_TOKENS = 10_000;
    /// Quantiles are found from this many equal steps.
    private static final int STEPS = 2048;

    private final List<Integer> layers;
    private final Layer[] stats;
    private final int groups;
    private int[][] ids = new int[0][];
    private int[] groupOf = new int[0];
    private long firstToken;
    private long tokens;
    private final Map<Integer, float[][]> logits = new HashMap<>();
    private final Map<Integer, float[][]> choices = new HashMap<>();
    private final Map<Integer, float[][]> chosen = new HashMap<>();

    /// @param groups how many groups of tokens (domains) there are, from 1
    public RoutingStatistics(ModelSpec spec, int groups) {
        layers = spec.expertLayers();
        this.groups = groups;
        stats = new Layer[layers.size()];
        for (int i = 0; i < stats.length; i++) {
            stats[i] = new Layer(spec.experts(layers.get(i)).router().experts(), spec.experts(layers.get(i)).router().perToken(), groups);
        }
    }

    /// The sequences of the batch that passes next: their ids, and the group that each belongs to.
    public void begin(int[][] ofBatch, int[] groupOfSequence) {
        firstToken += Arrays.stream(ids).mapToInt(s -> s.length).sum();
        ids = ofBatch;
        groupOf = groupOfSequence;
        tokens = firstToken + Arrays.stream(ids).mapToInt(s -> s.length).sum();
    }

    @Override
    public boolean wants(int layer, Site site) {
        return (site == Site.ROUTER_LOGITS || site == Site.ROUTER_CHOICE || site == Site.EXPERT_IDS || site == Site.EXPERT_WEIGHTS) && layers.contains(layer);
    }

    @Override
    public void at(Place place, Matrix value) {
        float[][] rows = new float[value.rows()][];
        Arrays.setAll(rows, value::row);
        switch (place.site()) {
            case ROUTER_LOGITS -> logits.put(place.sequence(), rows);
            case ROUTER_CHOICE -> choices.put(place.sequence(), rows);
            case EXPERT_IDS -> chosen.put(place.sequence(), rows);
            default -> sequence(stats[layers.indexOf(place.layer())], place.sequence(), rows);
        }
    }

    private void sequence(Layer layer, int sequence, float[][] weights) {
        float[][] l = logits.remove(sequence);
        float[][] c = choices.remove(sequence);
        float[][] picked = chosen.remove(sequence);
        long at = firstToken;
        for (int s = 0; s < sequence; s++) {
            at += ids[s].length;
        }
        long[] before = layer.counts.clone();
        for (int t = 0; t < weights.length; t++) {
            int[] experts = new int[picked[t].length];
            for (int i = 0; i < experts.length; i++) {
                experts[i] = (int) picked[t][i];
            }
            layer.add(l[t], c[t], experts, weights[t], ids[sequence][t], groupOf[sequence], at + t);
        }
        long[] own = new long[before.length];
        Arrays.setAll(own, e -> layer.counts[e] - before[e]);
        layer.violationOfSequences += new Load(own).maxViolation();
        layer.sequences++;
    }

    /// The layers with experts, in order.
    public List<Integer> layers() {
        return layers;
    }

    /// Tokens that passed.
    public long tokens() {
        return tokens;
    }

    public int groups() {
        return groups;
    }

    /// The figures of the i-th layer with experts.
    public Layer layer(int i) {
        return stats[i];
    }

    /// What is known of one layer.
    public static final class Layer {
        private final int experts;
        private final int perToken;
        private final long[] counts;
        private final long[] firstCounts;
        private final long[][] together;
        private final double[] weightSums;
        private final double[] probabilitySums;
        private final long[][] ofGroup;
        private final long[] groupTokens;
        private final Map<Integer, int[]> firstOfId = new HashMap<>();
        private final int[] entropySteps = new int[STEPS + 1];
        private double entropy;
        private double sigmoidEntropy;
        private double mass;
        private double topMargin;
        private double squaredPartition;
        private double violationOfSequences;
        private long sequences;
        private long tokens;
        private final Kept kept;

        private Layer(int experts, int perToken, int groups) {
            this.experts = experts;
            this.perToken = perToken;
            counts = new long[experts];
            firstCounts = new long[experts];
            together = new long[experts][experts];
            weightSums = new double[experts];
            probabilitySums = new double[experts];
            ofGroup = new long[groups][experts];
            groupTokens = new long[groups];
            kept = new Kept(perToken);
        }

        private void add(float[] l, float[] choice, int[] chosen, float[] weights, int id, int group, long token) {
            Confidence c = Confidence.of(l, choice, chosen);
            double[] p = Confidence.softmax(l);
            for (int e = 0; e < experts; e++) {
                probabilitySums[e] += p[e];
            }
            for (int i = 0; i < chosen.length; i++) {
                counts[chosen[i]]++;
                ofGroup[group][chosen[i]]++;
                weightSums[chosen[i]] += weights[i];
                for (int other : chosen) {
                    together[chosen[i]][other]++;
                }
            }
            firstCounts[chosen[0]]++;
            firstOfId.computeIfAbsent(id, x -> new int[experts])[chosen[0]]++;
            groupTokens[group]++;
            tokens++;
            entropy += c.entropy();
            sigmoidEntropy += c.sigmoidEntropy();
            mass += c.mass();
            topMargin += c.topMargin();
            squaredPartition += c.logPartition() * c.logPartition();
            double share = c.entropy() / Math.log(experts);
            entropySteps[Double.isNaN(share) ? STEPS : (int) Math.clamp(Math.round(share * STEPS), 0, STEPS)]++;
            if (token < KEPT_TOKENS) {
                kept.put((int) token, chosen, weights, c);
            }
        }

        public int experts() {
            return experts;
        }

        public int perToken() {
            return perToken;
        }

        /// c_e.
        public Load load() {
            return new Load(counts.clone());
        }

        /// Tokens whose heaviest expert each one is.
        public long[] firstCounts() {
            return firstCounts.clone();
        }

        /// Tokens that visit both; the diagonal is the load. `[experts][experts]`
        public long[][] together() {
            return together;
        }

        /// P(b | a) = together / c_a, 0 on the diagonal and where a is never visited. `[a][b]`
        public double[][] conditional() {
            double[][] out = new double[experts][experts];
            for (int a = 0; a < experts; a++) {
                for (int b = 0; b < experts; b++) {
                    out[a][b] = a == b || counts[a] == 0 ? 0 : (double) together[a][b] / counts[a];
                }
            }
            return out;
        }

        /// Sums of the weights that each expert received.
        public double[] weightSums() {
            return weightSums.clone();
        }

        /// P_e.
        public double[] meanProbability() {
            return Arrays.stream(probabilitySums).map(s -> s / tokens).toArray();
        }

        /// Visits by group, `[groups][experts]`.
        public long[][] ofGroup() {
            return ofGroup;
        }

        public long[] groupTokens() {
            return groupTokens.clone();
        }

        /// Mean entropy of p, nats.
        public double entropy() {
            return entropy / tokens;
        }

        /// Mean entropy of normalised sigmoid scores, nats.
        public double sigmoidEntropy() {
            return sigmoidEntropy / tokens;
        }

        /// Mean sum of p over the chosen.
        public double mass() {
            return mass / tokens;
        }

        public double topMargin() {
            return topMargin / tokens;
        }

        /// Mean of (ln sum exp l)^2.
        public double zLoss() {
            return squaredPartition / tokens;
        }

        /// Mean over sequences of each one's max violation.
        public double maxViolationOfSequences() {
            return violationOfSequences / sequences;
        }

        /// A quantile of the entropy divided by ln N, to 1 / 2048.
        public double normalisedEntropyQuantile(double q) {
            long rank = (long) Math.ceil(q * tokens);
            long seen = 0;
            for (int i = 0; i <= STEPS; i++) {
                seen += entropySteps[i];
                if (seen >= Math.max(1, rank)) {
                    return (double) i / STEPS;
                }
            }
            return Double.NaN;
        }

        /// Vocabulary specialisation by input id: the mean over ids of how much of an id's tokens its most frequent first expert takes.
        ///
        /// @param least ids that occur less often do not count
        /// @return NaN where no id occurs so often
        public double vocabularySpecialisation(int least) {
            return firstOfId.values().stream().filter(c -> Arrays.stream(c).sum() >= least)
                    .mapToDouble(c -> (double) Arrays.stream(c).max().orElse(0) / Arrays.stream(c).sum()).average().orElse(Double.NaN);
        }

        /// How often each expert is the first of an id's tokens; all 0 for an id that did not occur.
        public int[] firstOfId(int id) {
            return firstOfId.getOrDefault(id, new int[experts]).clone();
        }

        /// What the first tokens did.
        public Kept kept() {
            return kept;
        }
    }

    /// Choices of the first tokens, one by one.
    public static final class Kept {
        private final int perToken;
        private long[] ids = new long[0];
        private float[] weights = new float[0];
        private double[] entropy = new double[0];
        private double[] sigmoidEntropy = new double[0];
        private double[] margin = new double[0];
        private int count;

        private Kept(int perToken) {
            this.perToken = perToken;
        }

        private void put(int token, int[] chosen, float[] w, Confidence c) {
            if (token >= entropy.length) {
                int room = Math.clamp(2L * (token + 1), 256, KEPT_TOKENS);
                ids = Arrays.copyOf(ids, room * perToken);
                weights = Arrays.copyOf(weights, room * perToken);
                entropy = Arrays.copyOf(entropy, room);
                sigmoidEntropy = Arrays.copyOf(sigmoidEntropy, room);
                margin = Arrays.copyOf(margin, room);
            }
            for (int i = 0; i < perToken; i++) {
                ids[token * perToken + i] = chosen[i];
                weights[token * perToken + i] = w[i];
            }
            entropy[token] = c.entropy();
            sigmoidEntropy[token] = c.sigmoidEntropy();
            margin[token] = c.selectionMargin();
            count = Math.max(count, token + 1);
        }

        public int count() {
            return count;
        }

        /// `[count, k]`, by falling weight.
        public long[] ids() {
            return Arrays.copyOf(ids, count * perToken);
        }

        /// `[count, k]`.
        public float[] weights() {
            return Arrays.copyOf(weights, count * perToken);
        }

        /// `[count]`, nats.
        public double[] entropy() {
            return Arrays.copyOf(entropy, count);
        }

        /// `[count]`, nats.
        public double[] sigmoidEntropy() {
            return Arrays.copyOf(sigmoidEntropy, count);
        }

        /// Selection margins `[count]`.
        public double[] margin() {
            return Arrays.copyOf(margin, count);
        }
    }
}
