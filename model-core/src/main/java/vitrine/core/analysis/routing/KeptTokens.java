package vitrine.core.analysis.routing;

import java.util.Arrays;

/// What the first tokens did in one layer, one by one, for drawing; of the first few the whole distribution.
public final class KeptTokens {

    private final int most;
    private final int window;
    private final int perToken;
    private int[] ids = new int[0];
    private float[] weights = new float[0];
    private double[] entropy = new double[0];
    private double[] sigmoidEntropy = new double[0];
    private double[] margin = new double[0];
    private float[][] scores = new float[0][];
    private float[][] choices = new float[0][];
    private int count;

    /// @param most tokens that are kept, and `window` those whose distribution is
    KeptTokens(int most, int window, int perToken) {
        this.most = most;
        this.window = window;
        this.perToken = perToken;
    }

    boolean keeps(long token) {
        return token < most;
    }

    boolean keepsScores(long token) {
        return token < window;
    }

    void put(int token, int[] chosen, float[] w, Confidence c) {
        if (token >= entropy.length) {
            int room = Math.clamp(2L * (token + 1), Math.min(256, most), most);
            ids = Arrays.copyOf(ids, room * perToken);
            weights = Arrays.copyOf(weights, room * perToken);
            entropy = Arrays.copyOf(entropy, room);
            sigmoidEntropy = Arrays.copyOf(sigmoidEntropy, room);
            margin = Arrays.copyOf(margin, room);
        }
        System.arraycopy(chosen, 0, ids, token * perToken, perToken);
        System.arraycopy(w, 0, weights, token * perToken, perToken);
        entropy[token] = c.entropy();
        sigmoidEntropy[token] = c.sigmoidEntropy();
        margin[token] = c.selectionMargin();
        count = Math.max(count, token + 1);
    }

    /// @param choice null where it is the score itself
    void putScores(int token, float[] score, float[] choice) {
        if (token >= scores.length) {
            int room = Math.clamp(2L * (token + 1), Math.min(64, window), window);
            scores = Arrays.copyOf(scores, room);
            choices = Arrays.copyOf(choices, room);
        }
        scores[token] = score;
        choices[token] = choice;
    }

    public int count() {
        return count;
    }

    /// Tokens whose distribution is kept.
    public int scored() {
        return Math.min(count, window);
    }

    /// `[count, k]`, by falling weight.
    public int[] ids() {
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

    /// The score of every expert `[scored, experts]`.
    public float[] scores() {
        return flat(scores, scored());
    }

    /// What the choice was made by `[scored, experts]`; only where that is not the score.
    public float[] choices() {
        return flat(choices, scored());
    }

    private static float[] flat(float[][] rows, int count) {
        int width = count == 0 ? 0 : rows[0].length;
        float[] out = new float[count * width];
        for (int t = 0; t < count; t++) {
            System.arraycopy(rows[t], 0, out, t * width, width);
        }
        return out;
    }
}
