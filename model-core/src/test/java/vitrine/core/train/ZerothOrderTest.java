package vitrine.core.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;
import vitrine.core.backward.Parameter;
import vitrine.core.tensor.Shape;

/// Slopes from losses alone, by the numbers of the method page: L = (x1^2 + 2 x2^2 + 3 x3^2) / 2 at [1, -1, 0.5], z = [0.5, -1, 2].
class ZerothOrderTest {

    private static final double[] Z = {0.5, -1, 2};

    private static Parameter x(Arena arena) {
        Parameter x = Parameter.zeros("x", Shape.of(3), arena);
        x.set(new float[] {1, -1, 0.5f});
        return x;
    }

    private static DoubleSupplier loss(Parameter x) {
        return () -> {
            float[] v = x.toArray();
            return (v[0] * (double) v[0] + 2 * v[1] * (double) v[1] + 3 * v[2] * (double) v[2]) / 2;
        };
    }

    @Test
    void mezoGoesDownTheSlopeAlongItsDirection() {
        try (Arena arena = Arena.ofShared()) {
            Parameter x = x(arena);
            ZerothOrder z = new ZerothOrder(ZerothOrder.Kind.MEZO, 1e-3, 1, 0);
            double[] slopes = z.slopes(List.of(x), loss(x), (p, t, i) -> Z[(int) i]);
            assertEquals(5.5, slopes[0], 1e-3);
            z.descend(List.of(x), slopes, 0.1, (p, t, i) -> Z[(int) i]);
            assertArrayEquals(new float[] {0.725f, -0.45f, -0.6f}, x.toArray(), 1e-4f);
        }
    }

    @Test
    void severalProbesAreTheMeanOfTheirSteps() {
        try (Arena arena = Arena.ofShared()) {
            Parameter x = x(arena);
            ZerothOrder z = new ZerothOrder(ZerothOrder.Kind.MEZO, 1e-3, 2, 0);
            // The second direction is the first one backwards: its slope is the opposite, its step the same.
            ZerothOrder.Normal both = (p, t, i) -> p == 0 ? Z[(int) i] : -Z[(int) i];
            double[] slopes = z.slopes(List.of(x), loss(x), both);
            assertArrayEquals(new double[] {5.5, -5.5}, slopes, 1e-3);
            z.descend(List.of(x), slopes, 0.1, both);
            assertArrayEquals(new float[] {0.725f, -0.45f, -0.6f}, x.toArray(), 1e-4f);
        }
    }

    @Test
    void zoSamGoesRhoUpAndComesBack() {
        try (Arena arena = Arena.ofShared()) {
            Parameter x = x(arena);
            // With the exact gradient [1, -2, 1.5] as the estimate: three directions along the axes, which its slopes give.
            ZerothOrder z = new ZerothOrder(ZerothOrder.Kind.SAM, 1e-3, 3, 0.05);
            ZerothOrder.Normal axes = (p, t, i) -> p == i ? 1 : 0;
            double[] slopes = z.slopes(List.of(x), loss(x), axes);
            assertArrayEquals(new double[] {1, -2, 1.5}, slopes, 1e-3);
            x.set(new float[] {1, -1, 0.5f});
            List<float[]> before = z.climb(List.of(x), slopes, axes);
            float[] up = x.toArray();
            assertArrayEquals(new float[] {1.018570f, -1.037139f, 0.527854f}, up, 2e-5f);
            assertArrayEquals(new float[] {1.018570f, -2.074278f, 1.583563f}, new float[] {up[0], 2 * up[1], 3 * up[2]}, 6e-5f);
            assertArrayEquals(new float[] {1, -1, 0.5f}, before.getFirst());
            // rho 0: nowhere.
            x.set(before.getFirst());
            new ZerothOrder(ZerothOrder.Kind.SAM, 1e-3, 3, 0).climb(List.of(x), slopes, axes);
            assertArrayEquals(before.getFirst(), x.toArray());
        }
    }
}
