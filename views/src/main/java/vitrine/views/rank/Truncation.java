package vitrine.views.rank;

/// What is left of a spectrum when all but its k largest singular values are dropped: exact for every k, by Eckart and Young.
///
/// The best approximation of rank k leaves the energy of the others, so `‖M − M_k‖ / ‖M‖ = √(Σ_{i>k} σᵢ² ÷ Σ σᵢ²)` in the Frobenius norm.
final class Truncation {

    /// Exact ties shall not depend on rounding.
    private static final double SLACK = 1e-12;

    private final double[] values;
    /// `tail[k]` is the energy beyond the k largest.
    private final double[] tail;
    private final long rows;
    private final long columns;

    /// @param values all singular values, largest first
    /// @param rows of the matrix, `columns` likewise
    Truncation(double[] values, long rows, long columns) {
        this.values = values;
        this.rows = rows;
        this.columns = columns;
        tail = new double[values.length + 1];
        // From the smallest: small energies are not lost in large sums.
        for (int k = values.length - 1; k >= 0; k--) {
            tail[k] = tail[k + 1] + values[k] * values[k];
        }
    }

    /// How many singular values there are.
    int size() {
        return values.length;
    }

    double[] values() {
        return values;
    }

    /// Sum of all squares.
    double total() {
        return tail[0];
    }

    /// Energy beyond the k largest values.
    double tail(int k) {
        return tail[k];
    }

    /// The share of the energy that the k largest hold; 1 where there is none at all.
    double energy(int k) {
        return tail[0] > 0 ? 1 - tail[k] / tail[0] : 1;
    }

    /// Relative error in the Frobenius norm when k are kept.
    double error(int k) {
        return tail[0] > 0 ? Math.sqrt(tail[k] / tail[0]) : 0;
    }

    /// The fewest that hold a share of the energy.
    int rankFor(double share) {
        int low = 0;
        int high = values.length;
        while (low < high) {
            int k = (low + high) / 2;
            if (energy(k) >= share - SLACK) {
                high = k;
            } else {
                low = k + 1;
            }
        }
        return low;
    }

    /// Numbers of the whole matrix, m·n.
    long parameters() {
        return rows * columns;
    }

    /// Numbers of two factors of rank k, k·(m+n).
    long factored(int k) {
        return k * (rows + columns);
    }

    /// The largest rank whose factors are smaller than the matrix.
    int largestSaving() {
        return (int) Math.min(values.length, (parameters() - 1) / (rows + columns));
    }
}
