package vitrine.core.tensor;

import java.util.Arrays;

/// The sizes of a tensor's axes, slowest first.
public final class Shape {

    private final long[] sizes;

    private Shape(long[] sizes) {
        this.sizes = sizes;
    }

    /// A shape of these sizes; none makes a scalar.
    public static Shape of(long... sizes) {
        return new Shape(sizes.clone());
    }

    public int rank() {
        return sizes.length;
    }

    public long size(int axis) {
        return sizes[axis];
    }

    public long[] sizes() {
        return sizes.clone();
    }

    /// The product of the sizes; readers have checked that it fits.
    public long elements() {
        long n = 1;
        for (long s : sizes) {
            n = Math.multiplyExact(n, s);
        }
        return n;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Shape s && Arrays.equals(sizes, s.sizes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(sizes);
    }

    /// As in `[32000, 64]`.
    @Override
    public String toString() {
        return Arrays.toString(sizes);
    }
}
