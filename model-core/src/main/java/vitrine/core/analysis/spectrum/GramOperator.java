package vitrine.core.analysis.spectrum;

/// The symmetric matrix A = W^T W (of the smaller side), known only by its products.
public interface GramOperator {

    /// The number n of rows and columns.
    int size();

    /// `y_i = A x_i` for all i.
    ///
    /// @param x `[count][n]`; `y` likewise, filled
    void apply(double[][] x, double[][] y);
}
