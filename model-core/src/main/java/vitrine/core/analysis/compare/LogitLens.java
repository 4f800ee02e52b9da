package vitrine.core.analysis.compare;

import java.lang.foreign.Arena;
import vitrine.core.forward.ForwardPass;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Parallel;

/// What a model would predict if it ended after each layer: the final norm and the head on every layer's residual stream.
///
/// All arrays are `[layers + 1][tokens]`: the state before layer 0 (the embedding) first, that after the last layer, whose prediction is the model's
/// own, last. Position t is asked for the token t + 1; at the last position there is none and what speaks of it is NaN (its rank 0).
///
/// Source: nostalgebraist, *interpreting GPT: the logit lens*, 2020; the direction of the divergence is that of Belrose et al., *Eliciting Latent
/// Predictions from Transformers with the Tuned Lens*, 2023.
///
/// @param top the most likely token, the lowest of equal ones
/// @param probability its probability
/// @param target the probability of the true next token
/// @param rank its rank, 1 for the most likely: one more than the tokens of a larger logit
/// @param divergence KL(final || layer), nats
public record LogitLens(int[][] top, double[][] probability, double[][] target, int[][] rank, double[][] divergence) {

    private static final long BLOCK_BYTES = 16L << 20;

    /// Reads states through the head.
    ///
    /// @param states `[layers + 1]` of `[tokens, hidden]`, the residual stream
    /// @param ids the tokens
    /// @param vocabulary columns of the logits
    public static LogitLens of(ForwardPass forward, Matrix[] states, int[] ids, int vocabulary, Progress progress) {
        int n = ids.length;
        int last = states.length - 1;
        LogitLens lens = new LogitLens(new int[states.length][n], new double[states.length][n], new double[states.length][n], new int[states.length][n], new double[states.length][n]);
        int block = (int) Math.clamp(BLOCK_BYTES / (4L * vocabulary), 1, n);
        long total = (long) states.length * n;
        long done = 0;
        try (Arena arena = Arena.ofShared()) {
            Matrix h = Matrix.allocate(arena, block, states[0].columns());
            Matrix end = Matrix.allocate(arena, block, vocabulary);
            Matrix logits = Matrix.allocate(arena, block, vocabulary);
            for (int from = 0; from < n; from += block) {
                int count = Math.min(block, n - from);
                read(forward, states[last], from, count, h, end);
                for (int l = 0; l <= last; l++) {
                    progress.checkCancelled();
                    progress.step(done, total, "states");
                    Matrix of = l == last ? end : logits;
                    if (l < last) {
                        read(forward, states[l], from, count, h, logits);
                    }
                    lens.take(l, from, count, of, end, ids);
                    done += count;
                }
            }
        }
        progress.step(total, total, "states");
        return lens;
    }

    private static void read(ForwardPass forward, Matrix state, int from, int count, Matrix h, Matrix logits) {
        forward.finalNorm(state.rows(from, count), h.rows(0, count));
        forward.head(h.rows(0, count), logits.rows(0, count));
    }

    private void take(int l, int from, int count, Matrix logits, Matrix end, int[] ids) {
        Parallel.over(count, 1, (first, to) -> {
            for (int r = first; r < to; r++) {
                int t = from + r;
                float[] x = logits.row(r);
                float[] f = end.row(r);
                int best = NextToken.likeliest(x);
                double z = NextToken.logPartition(x, x[best]);
                double zf = NextToken.logPartition(f, f[NextToken.likeliest(f)]);
                top[l][t] = best;
                probability[l][t] = Math.exp(x[best] - z);
                int next = t + 1 < ids.length ? ids[t + 1] : -1;
                target[l][t] = next < 0 ? Double.NaN : Math.exp(x[next] - z);
                int larger = 0;
                double kl = 0;
                for (int v = 0; v < x.length; v++) {
                    larger += next >= 0 && x[v] > x[next] ? 1 : 0;
                    double p = Math.exp(f[v] - zf);
                    kl += p == 0 ? 0 : p * (f[v] - zf - (x[v] - z));
                }
                rank[l][t] = next < 0 ? 0 : larger + 1;
                divergence[l][t] = NextToken.atLeastZero(kl);
            }
        });
    }
}
