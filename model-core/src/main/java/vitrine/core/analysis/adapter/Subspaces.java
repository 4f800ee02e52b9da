package vitrine.core.analysis.adapter;

import java.lang.foreign.Arena;

/// How two sets of orthonormal vectors lie to each other.
public final class Subspaces {

    private Subspaces() {}

    /// `phi[i-1][j-1] = |X_i^T Y_j|_F^2 / min(i, j)`, where X_i are the first i vectors: 1 where the smaller space lies within the larger. Random spaces of
    /// n dimensions have max(i, j) / n.
    ///
    /// @param x columns are vectors, `[n, p]`
    /// @param y columns are vectors, `[n, q]`
    /// @return `[p][q]`
    public static double[][] similarity(Dense x, Dense y, Arena arena) {
        Dense c = x.times(arena, true, y, false);
        double[][] phi = new double[c.rows()][c.columns()];
        for (int i = 0; i < c.rows(); i++) {
            double row = 0;
            for (int j = 0; j < c.columns(); j++) {
                row += c.get(i, j) * c.get(i, j);
                phi[i][j] = row + (i == 0 ? 0 : phi[i - 1][j]);
            }
        }
        for (int i = 0; i < phi.length; i++) {
            for (int j = 0; j < phi[i].length; j++) {
                phi[i][j] /= Math.min(i, j) + 1;
            }
        }
        return phi;
    }

    /// Principal angles in degrees, smallest first.
    ///
    /// @param x columns are vectors, `[n, p]`
    /// @param y columns are vectors, `[n, q]`
    /// @return `[min(p, q)]`
    public static double[] angles(Dense x, Dense y, Arena arena) {
        Dense c = x.times(arena, true, y, false);
        if (c.rows() == 0 || c.columns() == 0) {
            return new double[0];
        }
        double[] cosines = c.decompose(arena).values();
        double[] out = new double[cosines.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = Math.toDegrees(Math.acos(Math.clamp(cosines[i], 0, 1)));
        }
        return out;
    }

    /// The transpose, copied.
    public static Dense transposed(Dense d, Arena arena) {
        Dense t = Dense.allocate(arena, d.columns(), d.rows());
        for (int i = 0; i < d.rows(); i++) {
            for (int j = 0; j < d.columns(); j++) {
                t.set(j, i, d.get(i, j));
            }
        }
        return t;
    }
}
