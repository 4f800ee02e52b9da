package vitrine.core.analysis.rank;

import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// Counts the hidden activations of every MLP that a threshold per layer drops ([TailTruncation]), and drops them where asked to.
public final class SmallActivations implements Probe {

    private final double[][] norms;
    private final double[] thresholds;
    private final boolean drop;
    private final long[] dropped;
    private final long[] values;

    /// @param norms of the columns of each layer's matrix that leads back, `[layers][intermediate]`
    /// @param thresholds per layer
    /// @param drop whether activations are set to 0, rather than only counted
    public SmallActivations(double[][] norms, double[] thresholds, boolean drop) {
        this.norms = norms;
        this.thresholds = thresholds.clone();
        this.drop = drop;
        dropped = new long[thresholds.length];
        values = new long[thresholds.length];
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.MLP_MID;
    }

    @Override
    public void at(Place place, Matrix value) {
        int l = place.layer();
        for (int t = 0; t < value.rows(); t++) {
            float[] row = value.row(t);
            for (int i = 0; i < row.length; i++) {
                if (TailTruncation.drops(row[i], norms[l][i], thresholds[l])) {
                    dropped[l]++;
                    if (drop) {
                        value.set(t, i, 0);
                    }
                }
            }
        }
        values[l] += value.size();
    }

    /// The share of activations at or below the threshold, per layer.
    public double[] sparsity() {
        double[] out = new double[values.length];
        for (int l = 0; l < out.length; l++) {
            out[l] = (double) dropped[l] / values[l];
        }
        return out;
    }
}
