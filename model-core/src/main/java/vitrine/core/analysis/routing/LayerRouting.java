package vitrine.core.analysis.routing;

import java.util.Arrays;
import vitrine.core.architecture.Router;

/// What is known of one layer's routing. Counts are exact, sums float64.
public final class LayerRouting {

    /// Quantiles are found from this many equal steps.
    private static final int STEPS = 2048;
    /// A selection margin below this is a choice that little would turn: on probabilities and sigmoids, and on logits.
    private static final double FRAGILE = 0.01;
    private static final double FRAGILE_LOGITS = 0.05;

    private final int experts;
    private final int perToken;
    private final Router.Score score;
    private final boolean choiceIsScore;
    private final long[] counts;
    private final long[] firstCounts;
    private final long[][] together;
    private final double[] weightSums;
    private final double[] probabilitySums;
    private final long[][] ofGroup;
    private final long[][] firstOfGroup;
    private final long[] groupTokens;
    private final int[] entropySteps = new int[STEPS + 1];
    private final VocabularyCounts input = new VocabularyCounts();
    private final VocabularyCounts next = new VocabularyCounts();
    private final VocabularyCounts predicted = new VocabularyCounts();
    private final KeptTokens kept;
    private double entropy;
    private double sigmoidEntropy;
    private double effectiveExperts;
    private double weightEntropy;
    private double mass;
    private double topMargin;
    private double selectionMargin;
    private long margins;
    private long fragile;
    private double squaredPartition;
    private double violationOfSequences;
    private long sequences;
    private double violationOfBatches;
    private long batches;
    private long tokens;

    LayerRouting(Router router, int groups, int keptTokens, int window) {
        experts = router.experts();
        perToken = router.perToken();
        score = router.score();
        choiceIsScore = router.correction() == null && router.groups() == null;
        counts = new long[experts];
        firstCounts = new long[experts];
        together = new long[experts][experts];
        weightSums = new double[experts];
        probabilitySums = new double[experts];
        ofGroup = new long[groups][experts];
        firstOfGroup = new long[groups][experts];
        groupTokens = new long[groups];
        kept = new KeptTokens(keptTokens, window, perToken);
    }

    /// Takes in one token.
    ///
    /// @param l logits, `choice` the score of the choice, `[experts]`
    /// @param chosen its experts by falling weight, with their `weights`
    /// @param token its number among all
    void add(float[] l, float[] choice, int[] chosen, float[] weights, int group, long token) {
        double z = Confidence.logPartition(l);
        double[] p = new double[experts];
        for (int e = 0; e < experts; e++) {
            p[e] = Math.exp(l[e] - z);
            probabilitySums[e] += p[e];
        }
        Confidence c = Confidence.of(l, z, p, choice, chosen);
        for (int i = 0; i < chosen.length; i++) {
            counts[chosen[i]]++;
            ofGroup[group][chosen[i]]++;
            weightSums[chosen[i]] += weights[i];
            for (int other : chosen) {
                together[chosen[i]][other]++;
            }
        }
        firstCounts[chosen[0]]++;
        firstOfGroup[group][chosen[0]]++;
        groupTokens[group]++;
        tokens++;
        entropy += c.entropy();
        sigmoidEntropy += c.sigmoidEntropy();
        effectiveExperts += Math.exp(c.entropy());
        weightEntropy += Confidence.weightEntropy(weights);
        mass += c.mass();
        topMargin += c.topMargin();
        if (!Double.isNaN(c.selectionMargin())) {
            selectionMargin += c.selectionMargin();
            margins++;
            fragile += c.selectionMargin() < (score.ofAll() ? FRAGILE : FRAGILE_LOGITS) ? 1 : 0;
        }
        squaredPartition += c.logPartition() * c.logPartition();
        double share = c.entropy() / Math.log(experts);
        entropySteps[Double.isNaN(share) ? STEPS : (int) Math.clamp(Math.round(share * STEPS), 0, STEPS)]++;
        if (kept.keeps(token)) {
            kept.put((int) token, chosen, weights, c);
        }
        if (kept.keepsScores(token)) {
            kept.putScores((int) token, scores(l, p), choiceIsScore ? null : choice);
        }
    }

    private float[] scores(float[] l, double[] p) {
        float[] s = new float[experts];
        boolean sigmoid = score == Router.Score.SIGMOID || score == Router.Score.CHOSEN_SIGMOID;
        for (int e = 0; e < experts; e++) {
            s[e] = (float) (sigmoid ? Confidence.sigmoid(l[e]) : p[e]);
        }
        return s;
    }

    /// The visits of one sequence, or of one batch, whose load of its own counts.
    void endOfSequence(long[] before) {
        violationOfSequences += new Load(since(before)).maxViolation();
        sequences++;
    }

    void endOfBatch(long[] before) {
        violationOfBatches += new Load(since(before)).maxViolation();
        batches++;
    }

    private long[] since(long[] before) {
        long[] own = new long[experts];
        Arrays.setAll(own, e -> counts[e] - before[e]);
        return own;
    }

    long[] countsNow() {
        return counts.clone();
    }

    public int experts() {
        return experts;
    }

    public int perToken() {
        return perToken;
    }

    public Router.Score score() {
        return score;
    }

    /// Whether the choice is made by the score itself, without correction and groups.
    public boolean choiceIsScore() {
        return choiceIsScore;
    }

    public long tokens() {
        return tokens;
    }

    /// c_e.
    public Load load() {
        return new Load(counts.clone());
    }

    /// Tokens whose heaviest expert each one is.
    public long[] firstCounts() {
        return firstCounts.clone();
    }

    public Coactivation coactivation() {
        return new Coactivation(together, tokens);
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

    /// Tokens of each group by their first expert, `[groups][experts]`.
    public long[][] firstOfGroup() {
        return firstOfGroup;
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

    /// Mean of exp(entropy of p).
    public double effectiveExperts() {
        return effectiveExperts / tokens;
    }

    /// Mean entropy of the weights within a token, as a share of ln k; NaN for one expert per token.
    public double weightEntropy() {
        return weightEntropy / tokens;
    }

    /// Mean sum of p over the chosen.
    public double mass() {
        return mass / tokens;
    }

    public double topMargin() {
        return topMargin / tokens;
    }

    /// Mean, NaN where all experts are chosen.
    public double selectionMargin() {
        return margins == 0 ? Double.NaN : selectionMargin / margins;
    }

    /// The share of tokens whose choice little would turn: a selection margin below 0.01 (0.05 where the choice is by logits). NaN where all are chosen.
    public double fragileShare() {
        return margins == 0 ? Double.NaN : (double) fragile / margins;
    }

    /// Mean of (ln sum exp l)^2.
    public double zLoss() {
        return squaredPartition / tokens;
    }

    /// Mean over sequences of each one's max violation.
    public double maxViolationOfSequences() {
        return violationOfSequences / sequences;
    }

    /// Mean over batches, the sequences that passed together, of each one's max violation.
    public double maxViolationOfBatches() {
        return violationOfBatches / batches;
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

    /// Visits by the tokens' own ids.
    public VocabularyCounts input() {
        return input;
    }

    /// Visits by the ids of the true next tokens.
    public VocabularyCounts next() {
        return next;
    }

    /// Visits by the ids that the model finds most likely to follow.
    public VocabularyCounts predicted() {
        return predicted;
    }

    /// What the first tokens did.
    public KeptTokens kept() {
        return kept;
    }
}
