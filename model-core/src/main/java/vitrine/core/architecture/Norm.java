package vitrine.core.architecture;

/// A normalisation of rows of `width` values.
///
/// @param weight the tensor `[width]`, or null for none
/// @param bias the tensor `[width]`, or null for none
/// @param weightOffset added to every weight: 1 where a family stores them around 0
public record Norm(Kind kind, int width, float eps, String weight, String bias, float weightOffset) {

    /// Root mean square (no centring) or layer normalisation.
    public enum Kind {
        RMS, LAYER
    }

    public static Norm rms(String weight, int width, double eps) {
        return new Norm(Kind.RMS, width, (float) eps, weight, null, 0f);
    }

    public static Norm layer(String weight, String bias, int width, double eps) {
        return new Norm(Kind.LAYER, width, (float) eps, weight, bias, 0f);
    }
}
