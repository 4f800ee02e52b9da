package vitrine.core.analysis.attention;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.nd4j.Nd4jMatrices;

/// How alike the heads of a layer are: linear CKA between their queries, keys and values over a prompt's tokens.
///
/// CKA(X, Y) = |X^T Y|^2 / (|X^T X| |Y^T Y|) in Frobenius norms, X and Y the heads' vectors `[tokens, headDim]` with their column
/// means removed; 1 for heads that span the same space alike, whatever the basis; NaN
/// where a head does not vary. Keys and queries are taken before rotation.
/// Heads that are alike are candidates for fusion.
///
/// Source: Chen et al., *DHA: Learning Decoupled-Head Attention from Transformer Checkpoints via Adaptive Heads Fusion*, 2024; Kornblith
/// et al., *Similarity of Neural Network Representations Revisited*, 2019, for CKA.
public final class HeadSimilarity implements Probe {

    /// What is compared.
    public enum Of {
        QUERY(Site.QUERY), KEY(Site.KEY), VALUE(Site.VALUE);

        private final Site site;

        Of(Site site) {
            this.site = site;
        }
    }

    private final ModelSpec spec;
    private final Map<Of, List<double[][]>> results = new EnumMap<>(Of.class);

    public HeadSimilarity(ModelSpec spec) {
        this.spec = spec;
        for (Of of : Of.values()) {
            results.put(of, new ArrayList<>());
        }
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.QUERY || site == Site.KEY || site == Site.VALUE;
    }

    @Override
    public void at(Place place, Matrix value) {
        AttentionSpec a = spec.layers().get(place.layer()).attention();
        for (Of of : Of.values()) {
            if (of.site == place.site()) {
                int heads = of == Of.QUERY ? a.heads() : a.keyValueHeads();
                results.get(of).add(cka(value, heads, of == Of.VALUE ? a.valueDim() : a.headDim()));
            }
        }
    }

    /// One matrix `[heads, heads]` per layer.
    public List<double[][]> of(Of what) {
        return results.get(what);
    }

    /// Linear CKA between the heads of a matrix `[tokens, heads * headDim]`.
    static double[][] cka(Matrix x, int heads, int headDim) {
        double[] flat = new double[x.rows() * heads * headDim];
        for (int r = 0; r < x.rows(); r++) {
            float[] row = x.row(r);
            for (int c = 0; c < row.length; c++) {
                flat[r * row.length + c] = row[c];
            }
        }
        double[][] norms = Nd4jMatrices.centredBlockProducts(flat, x.rows(), heads, headDim);
        double[][] out = new double[heads][heads];
        for (int a = 0; a < heads; a++) {
            for (int b = 0; b < heads; b++) {
                // 0 / 0 is NaN: a head that says the same for every token (as for a lone one) is like no other.
                double alike = norms[a][b] / Math.sqrt(norms[a][a] * norms[b][b]);
                out[a][b] = a == b && !Double.isNaN(alike) ? 1 : alike;
            }
        }
        return out;
    }
}
