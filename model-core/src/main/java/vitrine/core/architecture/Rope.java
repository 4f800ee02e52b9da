package vitrine.core.architecture;

/// Rotary position embedding: which values of a head turn, and how fast.
///
/// @param theta the base of the wavelengths
/// @param rotated how many leading values of each head turn, an even number
/// @param interleaved whether pairs are neighbours (2i, 2i+1) rather than (i, i + rotated/2)
public record Rope(double theta, int rotated, boolean interleaved, Scaling scaling) {

    /// How frequencies change for contexts longer than those of pre-training.
    public sealed interface Scaling {

        /// Frequencies as they are.
        record None() implements Scaling {}

        /// All frequencies divided by `factor`.
        record Linear(double factor) implements Scaling {}

        /// A base that grows with the sequence, beyond `positions` of them.
        record Dynamic(double factor, int positions) implements Scaling {}

        /// Low frequencies divided by `factor`, high ones kept, a smooth passage between (Llama 3.1).
        record Llama3(double factor, double lowFrequency, double highFrequency, int originalPositions) implements Scaling {}

        /// A linear ramp over dimensions between interpolated and kept frequencies; cos and sin times `attentionFactor`.
        ///
        /// Source: Peng et al., *YaRN: Efficient Context Window Extension of Large Language Models*, 2023.
        record Yarn(double factor, int originalPositions, double betaFast, double betaSlow, double attentionFactor,
                    boolean truncate) implements Scaling {}

        /// One divisor per pair, for sequences up to `originalPositions` and for longer ones; cos and sin times `attentionFactor`.
        ///
        /// Source: Ding et al., *LongRoPE: Extending LLM Context Window Beyond 2 Million Tokens*, 2024.
        record LongRope(double[] shortFactors, double[] longFactors, int originalPositions, double attentionFactor) implements Scaling {}
    }

    /// What a sequence of `length` tokens needs: an angle per position and pair is `position * inverseFrequencies[pair]`.
    ///
    /// @param inverseFrequencies float32 `[rotated / 2]`
    /// @param attentionFactor multiplied with every cosine and sine
    public record Frequencies(float[] inverseFrequencies, double attentionFactor) {}

    /// The longest sequence that these positions are meant for, where the config names `declared`: scalings that stretch the
    /// positions of pre-training count from those.
    public long longestSequence(int declared) {
        return switch (scaling) {
            case Scaling.None ignored -> declared;
            case Scaling.Llama3 ignored -> declared;
            case Scaling.LongRope ignored -> declared;
            case Scaling.Linear s -> Math.max(declared, Math.round(declared * s.factor));
            case Scaling.Dynamic s -> Math.max(declared, Math.round(s.positions * s.factor));
            case Scaling.Yarn s -> Math.max(declared, Math.round(s.originalPositions * s.factor));
        };
    }

    /// The frequencies for a sequence of this length. Formulas and their order of float32 roundings follow
    /// `modeling_rope_utils.py` of transformers 5.18.
    public Frequencies frequencies(int length) {
        return switch (scaling) {
            case Scaling.None ignored -> new Frequencies(plain(theta), 1);
            case Scaling.Linear s -> new Frequencies(divided(plain(theta), s.factor), 1);
            case Scaling.Dynamic s -> {
                double longest = Math.max(length, s.positions);
                double growth = s.factor * longest / s.positions - (s.factor - 1);
                yield new Frequencies(plain(theta * Math.pow(growth, rotated / (rotated - 2.0))), 1);
            }
            case Scaling.Llama3 s -> new Frequencies(llama3(s), 1);
            case Scaling.Yarn s -> new Frequencies(yarn(s), s.attentionFactor);
            case Scaling.LongRope s -> new Frequencies(
                    byPair(length > s.originalPositions ? s.longFactors : s.shortFactors), s.attentionFactor);
        };
    }

    /// `base^(2i / rotated)`, in float32 as the reference computes it.
    private float power(double base, int pair) {
        return (float) Math.pow((float) base, (float) (2 * pair) / (float) rotated);
    }

    private float[] plain(double base) {
        float[] f = new float[rotated / 2];
        for (int i = 0; i < f.length; i++) {
            f[i] = 1f / power(base, i);
        }
        return f;
    }

    private static float[] divided(float[] f, double factor) {
        for (int i = 0; i < f.length; i++) {
            f[i] = f[i] / (float) factor;
        }
        return f;
    }

    private float[] byPair(double[] factors) {
        float[] f = new float[rotated / 2];
        for (int i = 0; i < f.length; i++) {
            f[i] = 1f / ((float) factors[i] * power(theta, i));
        }
        return f;
    }

    private float[] llama3(Scaling.Llama3 s) {
        float[] f = plain(theta);
        double longest = s.originalPositions / s.lowFrequency;
        double shortest = s.originalPositions / s.highFrequency;
        for (int i = 0; i < f.length; i++) {
            double wavelength = 2 * Math.PI / f[i];
            if (wavelength > longest) {
                f[i] = (float) (f[i] / s.factor);
            } else if (wavelength >= shortest) {
                double smooth = (s.originalPositions / wavelength - s.lowFrequency) / (s.highFrequency - s.lowFrequency);
                f[i] = (float) ((1 - smooth) * f[i] / s.factor + smooth * f[i]);
            }
        }
        return f;
    }

    private float[] yarn(Scaling.Yarn s) {
        double low = correctionDimension(s.betaFast, s.originalPositions);
        double high = correctionDimension(s.betaSlow, s.originalPositions);
        if (s.truncate) {
            low = Math.floor(low);
            high = Math.ceil(high);
        }
        low = Math.max(low, 0);
        high = Math.min(high, rotated - 1.0);
        if (low == high) {
            high += 0.001;
        }
        float[] f = new float[rotated / 2];
        for (int i = 0; i < f.length; i++) {
            double ramp = Math.clamp((i - low) / (high - low), 0.0, 1.0);
            float kept = 1f / power(theta, i);
            float interpolated = 1f / ((float) s.factor * power(theta, i));
            f[i] = (float) (interpolated * ramp + kept * (1 - ramp));
        }
        return f;
    }

    /// The dimension whose wavelength turns `rotations` times within the original context.
    private double correctionDimension(double rotations, int positions) {
        return rotated * Math.log(positions / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
    }
}
