package vitrine.core.tensor.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Vector registers: loading, storing, and the elementary functions that the CPU has no instruction for.
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

    /// Matrices with fewer values than this are computed by plain loops: until the JVM has compiled a vector loop, which takes
    /// it thousands of rounds, each vector operation costs more than all of a short row.
    static final int WORTHWHILE = 1 << 15;

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

    /// e^x, relative error below 2 ulp; below e^-87.3 it stays at the smallest normal number, above e^88 at that value.
    /// Cody-Waite reduction to |r| <= ln(2)/2, then the minimax polynomial of Cephes' `expf`.
    static FloatVector exp(FloatVector x) {
        FloatVector c = x.min(88.0f).max(-87.33f);
        FloatVector k = c.mul(LOG2_E).add(ROUND).sub(ROUND);
        FloatVector r = k.mul(-LN2_HIGH).add(c);
        r = k.mul(-LN2_LOW).add(r);
        FloatVector p = FloatVector.broadcast(F, 1.9875691500e-4f);
        p = p.fma(r, FloatVector.broadcast(F, 1.3981999507e-3f));
        p = p.fma(r, FloatVector.broadcast(F, 8.3334519073e-3f));
        p = p.fma(r, FloatVector.broadcast(F, 4.1665795894e-2f));
        p = p.fma(r, FloatVector.broadcast(F, 1.6666665459e-1f));
        p = p.fma(r, FloatVector.broadcast(F, 5.0000001201e-1f));
        p = p.fma(r.mul(r), r).add(1f);
        IntVector power = (IntVector) k.convertShape(VectorOperators.F2I, I, 0);
        FloatVector scale = power.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
        return p.mul(scale);
    }

    /// 1 / (1 + e^-x).
    static FloatVector sigmoid(FloatVector x) {
        return FloatVector.broadcast(F, 1f).div(exp(x.neg()).add(1f));
    }

    /// The hyperbolic tangent, absolute error below 2e-7: 1 - 2 / (e^2x + 1).
    static FloatVector tanh(FloatVector x) {
        return FloatVector.broadcast(F, 1f).sub(FloatVector.broadcast(F, 2f).div(exp(x.mul(2f)).add(1f)));
    }

    /// The error function, absolute error below 5e-7: x P(x^2) / Q(x^2) on [-4, 4], where the rest rounds to 1.
    /// Source of the coefficients: the rational minimax approximation of the Eigen library's float32 `erf`.
    static FloatVector erf(FloatVector x) {
        FloatVector c = x.min(4f).max(-4f);
        FloatVector s = c.mul(c);
        FloatVector p = FloatVector.broadcast(F, -2.72614225801306e-10f);
        p = p.fma(s, FloatVector.broadcast(F, 2.77068142495902e-08f));
        p = p.fma(s, FloatVector.broadcast(F, -2.10102402082508e-06f));
        p = p.fma(s, FloatVector.broadcast(F, -5.69250639462346e-05f));
        p = p.fma(s, FloatVector.broadcast(F, -7.34990630326855e-04f));
        p = p.fma(s, FloatVector.broadcast(F, -2.95459980854025e-03f));
        p = p.fma(s, FloatVector.broadcast(F, -1.60960333262415e-02f));
        FloatVector q = FloatVector.broadcast(F, -1.45660718464996e-05f);
        q = q.fma(s, FloatVector.broadcast(F, -2.13374055278905e-04f));
        q = q.fma(s, FloatVector.broadcast(F, -1.68282697438203e-03f));
        q = q.fma(s, FloatVector.broadcast(F, -7.37332916720468e-03f));
        q = q.fma(s, FloatVector.broadcast(F, -1.42647390514189e-02f));
        return c.mul(p).div(q);
    }
}
