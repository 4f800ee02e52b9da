package vitrine.core.prune.method;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import vitrine.core.tensor.openblas.OpenBlas;

/// Matrices of one kind in all layers as sums of fewer that layers share (MASA), fitted to the weights and not trained.
///
///     M [layers, out in]     row l is vec(W_l) / n_l, n_l = ||W_l||_F: every layer counts alike
///     C = M M^T = U s^2 U^T  `[layers, layers]`, s descending: all that is needed
///     D_s                    1 / s_s  sum over k of U_ks W_k / n_k: atom s, of norm 1
///     W'_l                   n_l  sum over s < S of U_ls s_s D_s  =  sum over k of B_lk W_k,  B_lk = n_l / n_k  sum over s < S of U_ls U_ks
///
/// That is the best M' of rank S by Eckart and Young. Atoms of length 1 that many layers share are few only where layers are alike: of layers at right angles to each other S atoms leave 1 - S / layers. Float64.
///
/// Source: Zhussip et al., *Share Your Attention: Transformer Weight Sharing via Matrix-based Dictionary Learning*, 2025, arXiv 2508.04581, which trains the atoms; the fit by principal components is a choice of ours, and a bound of what training
/// them begins from.
public final class LayerDictionary {

    private final int layers;
    private final double[] norms;
    /// Squares of singular values, descending.
    private final double[] squares;
    /// `[singular value][layer]`.
    private final double[][] vectors;

    /// @param inner `[layers, layers]`, the inner products of every two layers' matrices
    public LayerDictionary(double[][] inner) {
        layers = inner.length;
        norms = IntStream.range(0, layers).mapToDouble(l -> inner[l][l] > 0 ? Math.sqrt(inner[l][l]) : 1).toArray();
        squares = new double[layers];
        vectors = new double[layers][layers];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment c = arena.allocate(8L * layers * layers, 64);
            for (int a = 0; a < layers; a++) {
                for (int b = 0; b < layers; b++) {
                    c.setAtIndex(JAVA_DOUBLE, (long) a * layers + b, inner[a][b] / (norms[a] * norms[b]));
                }
            }
            double[] ascending = OpenBlas.open().eigenvectors(c, layers);
            for (int s = 0; s < layers; s++) {
                int row = layers - 1 - s;
                squares[s] = Math.max(0, ascending[row]);
                for (int l = 0; l < layers; l++) {
                    vectors[s][l] = c.getAtIndex(JAVA_DOUBLE, (long) row * layers + l);
                }
            }
        }
    }

    /// Singular values of M, descending.
    public double[] singularValues() {
        return IntStream.range(0, layers).mapToDouble(s -> Math.sqrt(squares[s])).toArray();
    }

    /// What so many atoms leave of `||M||_F^2`, from 0 to 1.
    public double error(int atoms) {
        double all = IntStream.range(0, layers).mapToDouble(s -> squares[s]).sum();
        return all == 0 ? 0 : IntStream.range(atoms, layers).mapToDouble(s -> squares[s]).sum() / all;
    }

    /// `||W_l - W'_l||_F^2 / ||W_l||_F^2` of a layer.
    public double error(int layer, int atoms) {
        return IntStream.range(atoms, layers).mapToDouble(s -> vectors[s][layer] * vectors[s][layer] * squares[s]).sum();
    }

    /// How much each layer has of each atom, `[layers, atoms]`.
    public double[][] coefficients(int atoms) {
        double[][] out = new double[layers][atoms];
        for (int l = 0; l < layers; l++) {
            for (int s = 0; s < atoms; s++) {
                out[l][s] = norms[l] * vectors[s][l] * Math.sqrt(squares[s]);
            }
        }
        return out;
    }

    /// What of each layer's matrix an atom is made of, `[atoms, layers]`; 0 where all layers have none of it.
    public double[][] atoms(int atoms) {
        double[][] out = new double[atoms][layers];
        for (int s = 0; s < atoms; s++) {
            for (int k = 0; k < layers && squares[s] > 1e-24 * squares[0]; k++) {
                out[s][k] = vectors[s][k] / (Math.sqrt(squares[s]) * norms[k]);
            }
        }
        return out;
    }

    /// B, `[layers, layers]`: what of each layer's matrix a layer's own becomes.
    public double[][] mixing(int atoms) {
        double[][] out = new double[layers][layers];
        for (int l = 0; l < layers; l++) {
            for (int k = 0; k < layers; k++) {
                for (int s = 0; s < atoms; s++) {
                    out[l][k] += norms[l] / norms[k] * vectors[s][l] * vectors[s][k];
                }
            }
        }
        return out;
    }

    /// The cosine of every two layers' matrices, `[layers, layers]`.
    public double[][] cosines() {
        double[][] out = new double[layers][layers];
        for (int a = 0; a < layers; a++) {
            for (int b = 0; b < layers; b++) {
                for (int s = 0; s < layers; s++) {
                    out[a][b] += vectors[s][a] * vectors[s][b] * squares[s];
                }
            }
        }
        return out;
    }
}
