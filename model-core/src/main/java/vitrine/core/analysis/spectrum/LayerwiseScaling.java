package vitrine.core.analysis.spectrum;

/// Matching of top singular values across widths and steps ("Robust Layerwise Scaling Rules by Proper Weight Decay Tuning").
///
/// Under AdamW the spectrum of a matrix settles with a norm of about sqrt(rate / decay) and nearly the same shape; with the width d the
/// largest value grows as `sqrt(rate / decay) * d^0.75`. Decay is AdamW's decoupled coefficient: a step takes rate * decay of the weight.
///
/// Source: Fan et al. 2025, arXiv 2510.15262.
public final class LayerwiseScaling {

    private static final double WIDTH_EXPONENT = 0.75;
    private static final double CLOSE = Math.log(1.1);

    private LayerwiseScaling() {}

    /// Settings of matrices at another width.
    public record Setting(double rate, double decay) {}

    /// The setting that keeps a sublayer's gain when the width grows by `factor`: rate / factor, decay * sqrt(factor).
    public static Setting transfer(Setting proxy, double factor) {
        return new Setting(proxy.rate / factor, proxy.decay * Math.sqrt(factor));
    }

    /// By what factor the largest singular values of settled matrices grow from one setting to another at `widthFactor` times the width:
    /// sqrt of the ratio of rate / decay, times widthFactor^0.75. For [#transfer] it is 1.
    public static double topGrowth(Setting from, Setting to, double widthFactor) {
        return Math.sqrt(to.rate / to.decay / (from.rate / from.decay)) * Math.pow(widthFactor, WIDTH_EXPONENT);
    }

    /// Whether two largest singular values match, within 10 %.
    public static boolean matches(double top, double other) {
        return Math.abs(Math.log(top / other)) < CLOSE;
    }

    /// The Kolmogorov distance of two spectra's shapes: the largest difference of their distributions of s_i / s_1, from 0 to 1.
    ///
    /// @param a largest first, not all 0; `b` likewise, of any length
    public static double shapeDistance(double[] a, double[] b) {
        int i = 0;
        int j = 0;
        double worst = 0;
        // Walks down both spectra at once; at each value, the shares of either that lie at or above it.
        while (i < a.length && j < b.length) {
            double x = a[i] / a[0];
            double y = b[j] / b[0];
            double at = Math.max(x, y);
            while (i < a.length && a[i] / a[0] >= at) {
                i++;
            }
            while (j < b.length && b[j] / b[0] >= at) {
                j++;
            }
            worst = Math.max(worst, Math.abs((double) i / a.length - (double) j / b.length));
        }
        return worst;
    }

    /// The exponent of the growth of top singular values with width: the slope of ln(top) on ln(width), by least squares. Near 0.75 where
    /// rate and decay are the same at all widths.
    ///
    /// @param widths at least two different ones
    public static double widthExponent(double[] widths, double[] tops) {
        double meanX = 0;
        double meanY = 0;
        for (int i = 0; i < widths.length; i++) {
            meanX += Math.log(widths[i]) / widths.length;
            meanY += Math.log(tops[i]) / widths.length;
        }
        double xy = 0;
        double xx = 0;
        for (int i = 0; i < widths.length; i++) {
            double dx = Math.log(widths[i]) - meanX;
            xy += dx * (Math.log(tops[i]) - meanY);
            xx += dx * dx;
        }
        return xy / xx;
    }
}
