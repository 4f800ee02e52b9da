package vitrine.core.tensor.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Vector registers: loading, storing, summing, and the elementary functions that the CPU has no instruction for, each also for one
/// value with the same bits.
final class Lanes {

    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    static final VectorSpecies<Integer> I = F.withLanes(int.class);
    static final int N = F.length();
    static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private static final float LOG2_E = 1.44269504f;
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;
    /// Adding and subtracting 1.5 * 2^23 rounds a float of small size to the nearest whole number.
    private static final float ROUND = 12582912f;
    private static final float EXP_MAX = 88.0f;
    private static final float EXP_MIN = -87.33f;
    private static final float[] EXP = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
    private static final float[] ERF_P = {-2.72614225801306e-10f, 2.77068142495902e-08f, -2.10102402082508e-06f, -5.69250639462346e-05f,
        -7.34990630326855e-04f, -2.95459980854025e-03f, -1.60960333262415e-02f};
    private static final float[] ERF_Q = {-1.45660718464996e-05f, -2.13374055278905e-04f, -1.68282697438203e-03f, -7.37332916720468e-03f,
        -1.42647390514189e-02f};

    private Lanes() {}

    static FloatVector load(MemorySegment s, long byteOffset) {
        return FloatVector.fromMemorySegment(F, s, byteOffset, ORDER);
    }

    static FloatVector load(MemorySegment s, long byteOffset, VectorMask<Float> m) {
        return FloatVector.fromMemorySegment(F, s, byteOffset, ORDER, m);
    }

    /// The lanes that remain of a row of `n` values from value `i` on.
    static VectorMask<Float> tail(int i, int n) {
        return F.indexInRange(i, n);
    }

    /// The sum over lanes, first to last, in float64. The API's own sum has no fixed order.
    static double sum(FloatVector v) {
        return sum(v.toArray());
    }

    /// The sum of partial sums, first to last, in float64.
    static double sum(float[] partial) {
        double total = 0;
        for (float p : partial) {
            total += p;
        }
        return total;
    }

    /// e^x, relative error below 2 ulp; below e^-87.33 and above e^88 it stays at those values.
    /// Cody-Waite reduction to |r| <= ln(2)/2, then the minimax polynomial of Cephes' `expf`.
    static FloatVector exp(FloatVector x) {
        FloatVector c = x.min(EXP_MAX).max(EXP_MIN);
        FloatVector k = c.mul(LOG2_E).add(ROUND).sub(ROUND);
        FloatVector r = k.mul(-LN2_HIGH).add(c);
        r = k.mul(-LN2_LOW).add(r);
        FloatVector p = FloatVector.broadcast(F, EXP[0]);
        p = p.fma(r, FloatVector.broadcast(F, EXP[1]));
        p = p.fma(r, FloatVector.broadcast(F, EXP[2]));
        p = p.fma(r, FloatVector.broadcast(F, EXP[3]));
        p = p.fma(r, FloatVector.broadcast(F, EXP[4]));
        p = p.fma(r, FloatVector.broadcast(F, EXP[5]));
        p = p.fma(r.mul(r), r).add(1f);
        IntVector power = (IntVector) k.convertShape(VectorOperators.F2I, I, 0);
        return p.mul(power.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats());
    }

    static float exp(float x) {
        float c = Math.max(Math.min(x, EXP_MAX), EXP_MIN);
        float k = c * LOG2_E + ROUND - ROUND;
        float r = k * -LN2_HIGH + c;
        r = k * -LN2_LOW + r;
        float p = EXP[0];
        p = Math.fma(p, r, EXP[1]);
        p = Math.fma(p, r, EXP[2]);
        p = Math.fma(p, r, EXP[3]);
        p = Math.fma(p, r, EXP[4]);
        p = Math.fma(p, r, EXP[5]);
        p = Math.fma(p, r * r, r) + 1f;
        return p * Float.intBitsToFloat((int) k + 127 << 23);
    }

    /// 1 / (1 + e^-x).
    static FloatVector sigmoid(FloatVector x) {
        return FloatVector.broadcast(F, 1f).div(exp(x.neg()).add(1f));
    }

    static float sigmoid(float x) {
        return 1f / (exp(-x) + 1f);
    }

    /// The hyperbolic tangent, absolute error below 2e-7: 1 - 2 / (e^2x + 1).
    static FloatVector tanh(FloatVector x) {
        return FloatVector.broadcast(F, 1f).sub(FloatVector.broadcast(F, 2f).div(exp(x.mul(2f)).add(1f)));
    }

    static float tanh(float x) {
        return 1f - 2f / (exp(x * 2f) + 1f);
    }

    /// The error function, absolute error below 5e-7: x P(x^2) / Q(x^2) on [-4, 4], where the rest rounds to 1.
    /// Source of the coefficients: the rational minimax approximation of the Eigen library's float32 `erf`.
    static FloatVector erf(FloatVector x) {
        FloatVector c = x.min(4f).max(-4f);
        FloatVector s = c.mul(c);
        return c.mul(polynomial(ERF_P, s)).div(polynomial(ERF_Q, s));
    }

    static float erf(float x) {
        float c = Math.max(Math.min(x, 4f), -4f);
        float s = c * c;
        return c * polynomial(ERF_P, s) / polynomial(ERF_Q, s);
    }

    private static FloatVector polynomial(float[] coefficients, FloatVector x) {
        FloatVector p = FloatVector.broadcast(F, coefficients[0]);
        for (int i = 1; i < coefficients.length; i++) {
            p = p.fma(x, FloatVector.broadcast(F, coefficients[i]));
        }
        return p;
    }

    private static float polynomial(float[] coefficients, float x) {
        float p = coefficients[0];
        for (int i = 1; i < coefficients.length; i++) {
            p = Math.fma(p, x, coefficients[i]);
        }
        return p;
    }
}
