package vitrine.views.gallery;

import java.util.List;
import java.util.Random;
import vitrine.core.artifact.Provenance;
import vitrine.views.chart.Cells;
import vitrine.views.control.TokenStrip;

/// Made-up data that look like those of small models.
final class SampleData {

    static final Provenance MEASURED = Provenance.measured("layer 2, head 4", "F32", "post-softmax weights of one prompt").of(900);
    static final Provenance DERIVED = Provenance.derived("model.layers.2.self_attn", "F32", "mean over queries of row entropy, nats");
    static final Provenance ESTIMATED = Provenance.estimated("run #14", "remaining steps × mean of the last 20", 20, 1.4);
    static final Provenance SAMPLE = new Provenance(Provenance.Kind.SAMPLE, "bundled sample", "", "example values", 0, Double.NaN);

    static final List<String> TOKENS = List.of("<s>", " \"", "C", "an", " I", " ha", "ve", " the", " r", "ed", " b", "all", "?", "\"", " a", "s",
            "ked", " B", "en", ".", " M", "om", " s", "m", "il", "ed", " and", " said", ",", "\n");

    private SampleData() {}

    static List<TokenStrip.Token> chips() {
        return java.util.stream.IntStream.range(0, TOKENS.size())
                .mapToObj(i -> new TokenStrip.Token(TOKENS.get(i), i == 0, "id " + (300 + 7 * i) + ", position " + i + ", bytes " + 3 * i + " to " + (3 * i + 3)))
                .toList();
    }

    static List<String> labels() {
        return TOKENS.stream().map(t -> t.replace("\n", "\\n").replaceFirst("^ ", "·")).toList();
    }

    /// Causal attention: previous token, a quotation mark that draws all, the first token, and noise; rows sum to 1.
    static Cells attention(int n, int layer, int head) {
        Random random = new Random(31L * layer + 7L * head + n);
        double previous = random.nextDouble() * 4 * (head % 3 == 0 ? 1 : 0.3);
        double first = random.nextDouble() * 3 * (head % 4 == 1 ? 1 : 0.2);
        double sink = head == 4 ? 4 : 0.3;
        float[] out = new float[n * n];
        for (int q = 0; q < n; q++) {
            double sum = 0;
            double[] w = new double[q + 1];
            for (int k = 0; k <= q; k++) {
                double score = random.nextGaussian() * 0.9;
                score += k == q - 1 ? previous : 0;
                score += k == 0 ? first : 0;
                score += k == 13 % n && q > k ? sink : 0;
                w[k] = Math.exp(score);
                sum += w[k];
            }
            for (int k = 0; k <= q; k++) {
                out[q * n + k] = (float) (w[k] / sum);
            }
        }
        return Cells.of(n, n, out).causal();
    }

    static double[] rowEntropy(Cells cells) {
        double[] out = new double[cells.rows()];
        for (int r = 0; r < out.length; r++) {
            for (int c = 0; c <= r; c++) {
                double p = cells.at(r, c);
                out[r] -= p > 0 ? p * Math.log(p) : 0;
            }
        }
        return out;
    }

    static double[] columnMean(Cells cells) {
        double[] out = new double[cells.columns()];
        for (int c = 0; c < out.length; c++) {
            for (int r = c; r < cells.rows(); r++) {
                out[c] += cells.at(r, c) / (cells.rows() - c);
            }
        }
        return out;
    }

    static double[] row(Cells cells, int row) {
        double[] out = new double[cells.columns()];
        for (int c = 0; c < out.length; c++) {
            out[c] = cells.at(row, c);
        }
        return out;
    }

    static Cells random(int rows, int columns, double low, double high, long seed) {
        Random random = new Random(seed);
        float[] out = new float[rows * columns];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) (low + (high - low) * random.nextDouble());
        }
        return Cells.of(rows, columns, out);
    }

    /// Layers against layers: neighbours are alike.
    static Cells similarity(int layers) {
        float[] out = new float[layers * layers];
        for (int i = 0; i < layers; i++) {
            for (int j = 0; j < layers; j++) {
                out[i * layers + j] = (float) (i == j ? 1 : 0.95 - 0.08 * Math.abs(i - j) - 0.02 * ((i + j) % 3));
            }
        }
        return Cells.of(layers, layers, out);
    }

    static double[] steps(int count) {
        double[] out = new double[count];
        for (int i = 0; i < count; i++) {
            out[i] = i;
        }
        return out;
    }

    /// A loss curve with noise; seeded.
    static double[] loss(int count, double noise) {
        Random random = new Random(5);
        double[] out = new double[count];
        for (int i = 0; i < count; i++) {
            out[i] = 2.3 + 2.7 * Math.exp(-i / 45.0) + 0.4 * Math.exp(-i / 300.0) + random.nextGaussian() * noise;
        }
        return out;
    }

    static double[] smoothed(double[] values, double keep) {
        double[] out = new double[values.length];
        double mean = values[0];
        for (int i = 0; i < values.length; i++) {
            mean = keep * mean + (1 - keep) * values[i];
            out[i] = mean / (1);
        }
        return out;
    }

    static double[] spectrum(int count, double decay) {
        Random random = new Random(3);
        double[] out = new double[count];
        out[0] = 1;
        for (int i = 1; i < count; i++) {
            double tail = Math.pow(1 - i / (count + 0.6), 0.8);
            out[i] = Math.min(out[i - 1], Math.pow(i + 1, -decay) * tail * (1 + 0.03 * random.nextGaussian()));
        }
        return out;
    }

    static long[] bell(int bins) {
        long[] out = new long[bins];
        for (int i = 0; i < bins; i++) {
            double z = (i - bins / 2.0) / (bins / 7.0);
            out[i] = Math.round(900 * Math.exp(-z * z / 2));
        }
        return out;
    }
}
