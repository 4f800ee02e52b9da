package vitrine.core.analysis.spectrum;

/// How closely singular values are found. Names as on the command line and in tasks.
public enum Accuracy {
    /// Relative error of the effective rank at most 1e-6 against a float64 singular value decomposition.
    exact,
    /// At most 1e-3; where that would not hold, exact is done instead.
    fast,
    /// By random probes, with a 95 % interval; only for matrices so large that it pays, exact otherwise.
    estimate
}
