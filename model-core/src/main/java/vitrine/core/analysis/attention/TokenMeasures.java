package vitrine.core.analysis.attention;

import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// What stands beside a head's map for one sequence: how spread each query's weights are, and how much weight each key gets.
public final class TokenMeasures implements Probe {

    private final ModelSpec spec;
    private final int tokens;
    private final int heads;
    private final float[] entropy;
    private final double[] received;

    public TokenMeasures(ModelSpec spec, int tokens) {
        this.spec = spec;
        this.tokens = tokens;
        heads = spec.maxHeads();
        int size = Math.multiplyExact(Math.multiplyExact(spec.layers().size(), heads), tokens);
        entropy = new float[size];
        received = new double[size];
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.PATTERN;
    }

    @Override
    public void at(Place place, Matrix pattern) {
        int base = (place.layer() * heads + place.head()) * tokens;
        for (int r = 0; r < pattern.rows(); r++) {
            float[] row = pattern.row(r);
            double h = 0;
            double total = 0;
            for (int j = 0; j < row.length; j++) {
                // Not row[j] > 0: a weight that is not a number must not vanish from the sums.
                if (!(row[j] <= 0)) {
                    h -= row[j] * Math.log(row[j]);
                    received[base + j] += row[j];
                    total += row[j];
                }
            }
            // Where a sink takes a part of the row, the entropy is that of what the keys share.
            entropy[base + place.firstPosition() + r] = (float) (h / total + Math.log(total));
        }
    }

    /// -sum_j A ln A of each query's weights (divided by their sum, where a sink takes a part), nats, `[layers, heads, queries]`.
    public float[] queryEntropy() {
        return entropy;
    }

    /// The mean weight that a key gets from the queries that see it, `[layers, heads, keys]`.
    public float[] receivedMass() {
        float[] out = new float[received.length];
        for (int l = 0; l < spec.layers().size(); l++) {
            AttentionSpec a = spec.layers().get(l).attention();
            for (int h = 0; h < heads; h++) {
                for (int j = 0; j < tokens; j++) {
                    int at = (l * heads + h) * tokens + j;
                    out[at] = (float) (received[at] / a.queriesOf(j, tokens));
                }
            }
        }
        return out;
    }
}
