package vitrine.core.analysis.attention;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.kernel.Elementwise;
import vitrine.core.tensor.kernel.Parallel;

/// The mean over heads of each layer's attention weights for one sequence, and what follows from comparing layers.
///
/// A mean over heads is a summary: no part of the model uses it.
public final class MeanMaps implements Probe, AutoCloseable {

    private final Arena arena = Arena.ofShared();
    private final ModelSpec spec;
    private final int tokens;
    private final List<Matrix> maps = new ArrayList<>();

    /// Room for one map `[tokens, tokens]` per layer.
    public MeanMaps(ModelSpec spec, int tokens) {
        this.spec = spec;
        this.tokens = tokens;
        for (int l = 0; l < spec.layers().size(); l++) {
            maps.add(Matrix.allocate(arena, tokens, tokens));
        }
    }

    /// Bytes that the maps of a prompt need.
    public static long bytes(ModelSpec spec, int tokens) {
        return 4L * spec.layers().size() * tokens * tokens;
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.PATTERN;
    }

    @Override
    public void at(Place place, Matrix pattern) {
        float share = 1f / spec.layers().get(place.layer()).attention().heads();
        Elementwise.add(maps.get(place.layer()).rows(place.firstPosition(), pattern.rows()), pattern, share);
    }

    /// A layer's mean map `[queries, keys]`.
    public Matrix map(int layer) {
        return maps.get(layer);
    }

    /// Cosines between the layers' maps, `[layers, layers]`.
    public double[][] cosines() {
        int n = maps.size();
        double[][] dots = new double[n][n];
        List<float[]> values = maps.stream().map(Matrix::toArray).toList();
        pairs(n, (a, b) -> {
            double dot = 0;
            float[] x = values.get(a);
            float[] y = values.get(b);
            for (int i = 0; i < x.length; i++) {
                dot += (double) x[i] * y[i];
            }
            dots[a][b] = dots[b][a] = dot;
        });
        double[][] out = new double[n][n];
        for (int a = 0; a < n; a++) {
            for (int b = 0; b < n; b++) {
                double cosine = dots[a][b] / Math.sqrt(dots[a][a] * dots[b][b]);
                out[a][b] = a == b && !Double.isNaN(cosine) ? 1 : cosine;
            }
        }
        return out;
    }

    /// Jensen-Shannon divergences between the layers' maps, mean over queries, nats, 0 to ln 2, `[layers, layers]`.
    ///
    /// Source: Zhuang et al., *Q Cache: Visual Attention is Valuable in Less than Half of Decode Layers for Multimodal LLM*, 2026.
    public double[][] divergences(Progress progress) {
        int n = maps.size();
        double[][] out = new double[n][n];
        List<float[]> values = maps.stream().map(Matrix::toArray).toList();
        double[] entropies = new double[n];
        Parallel.over(n, 1, (from, to) -> {
            for (int l = from; l < to; l++) {
                entropies[l] = negativeSumOfXLogX(values.get(l), values.get(l));
            }
        });
        for (int a = 0; a < n; a++) {
            progress.checkCancelled();
            int first = a;
            Parallel.over(n - a, 1, (from, to) -> {
                for (int i = from; i < to; i++) {
                    int b = first + i;
                    // JS(p, q) = H((p + q) / 2) - (H(p) + H(q)) / 2, summed over rows at once
                    double js = b == first ? 0 * entropies[first] : negativeSumOfXLogX(values.get(first), values.get(b)) - (entropies[first] + entropies[b]) / 2;
                    out[first][b] = out[b][first] = Math.max(0, js / tokens);
                }
            });
        }
        return out;
    }

    private static double negativeSumOfXLogX(float[] p, float[] q) {
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            double m = 0.5 * ((double) p[i] + q[i]);
            if (!(m <= 0)) {
                sum -= m * Math.log(m);
            }
        }
        return sum;
    }

    private interface Pair {
        void at(int a, int b);
    }

    private static void pairs(int n, Pair body) {
        Parallel.over(n * (n + 1) / 2, 1, (from, to) -> {
            int k = 0;
            for (int a = 0; a < n; a++) {
                for (int b = a; b < n; b++, k++) {
                    if (k >= from && k < to) {
                        body.at(a, b);
                    }
                }
            }
        });
    }

    /// Attention rollout: how much of each input token reaches each position after each layer, residual path included.
    ///
    /// R_1 = Abar_1 and R_l = Abar_l R_{l-1} with Abar = (A + I) / 2 row by row; rows sum to 1. Given to `each` layer by layer
    /// as `[positions, input tokens]`, valid during the call.
    ///
    /// Source: Abnar and Zuidema, *Quantifying Attention Flow in Transformers*, 2020.
    public void rollout(Products products, RolloutStep each) {
        try (Arena scratch = Arena.ofShared()) {
            Matrix reach = null;
            for (int l = 0; l < maps.size(); l++) {
                Matrix mixed = Matrix.allocate(scratch, tokens, tokens);
                for (int i = 0; i < tokens; i++) {
                    float[] row = maps.get(l).row(i);
                    row[i] += 1f;
                    double sum = 0;
                    for (float v : row) {
                        sum += v;
                    }
                    for (int j = 0; j < tokens; j++) {
                        mixed.set(i, j, (float) (row[j] / sum));
                    }
                }
                if (reach != null) {
                    Matrix next = Matrix.allocate(scratch, tokens, tokens);
                    products.multiply(Operand.of(mixed), Operand.of(reach), Operand.of(next));
                    mixed = next;
                }
                reach = mixed;
                each.at(l, reach);
            }
        }
    }

    /// One layer of a rollout.
    @FunctionalInterface
    public interface RolloutStep {
        void at(int layer, Matrix rollout);
    }

    @Override
    public void close() {
        arena.close();
    }
}
