package vitrine.core.refusal;

import java.math.BigInteger;
import java.nio.file.Path;

/// The arithmetic that stands between what a file claims and what is done about it.
///
/// Every reader makes one for its file and asks it before it trusts a length, a count or an offset. Sizes in files are
/// unsigned 64-bit numbers; sums and products are exact or refused, never wrapped.
public record Bounds(Path file, long size) {

    /// The product of a tensor's dimensions.
    ///
    /// @throws Refusal `overflow`, naming the tensor and every dimension, where it does not fit 63 bits
    public long elements(String tensor, long[] shape) {
        BigInteger product = BigInteger.ONE;
        boolean exact = true;
        long n = 1;
        for (long d : shape) {
            product = exact && fits(n, d) ? product : product.multiply(BigInteger.valueOf(d));
            if (exact && fits(n, d)) {
                n *= d;
                product = BigInteger.valueOf(n);
            } else {
                exact = false;
            }
        }
        if (!exact && product.signum() != 0) {
            throw overflow(tensor, shape);
        }
        return exact ? n : 0;
    }

    private static boolean fits(long a, long b) {
        return Math.multiplyHigh(a, b) == 0 && a * b >= 0;
    }

    /// The bytes of `elements` values of `bits` bits each.
    ///
    /// @throws Refusal `overflow` where they do not fit 63 bits, `size-mismatch` where they are no whole number of bytes
    public long bytes(String tensor, long[] shape, long elements, int bits) {
        if (!fits(elements, bits)) {
            throw overflow(tensor, shape);
        }
        long total = elements * bits;
        if (total % 8 != 0) {
            throw Refusal.of(Category.SIZE_MISMATCH, file, "%,d values of %d bits are no whole number of bytes", elements, bits)
                    .where("tensor " + tensor);
        }
        return total / 8;
    }

    private Refusal overflow(String tensor, long[] shape) {
        StringBuilder dims = new StringBuilder();
        for (long d : shape) {
            dims.append(dims.isEmpty() ? "" : " x ").append(d);
        }
        return Refusal.of(Category.OVERFLOW, file, "its shape %s has more elements or bytes than 64 bits can count", dims.toString())
                .where("tensor " + tensor).help("The file is damaged or was made to mislead.");
    }

    /// Checks an unsigned 64-bit header length against the format's limit and the bytes that follow it.
    ///
    /// @throws Refusal `header-too-large` past `limit`, `truncated` past the end of the file
    public int headerLength(long declared, long limit, long available) {
        if (Long.compareUnsigned(declared, limit) > 0) {
            throw Refusal.of(Category.HEADER_TOO_LARGE, file, "the header declares %s bytes; the format allows %,d",
                    Long.toUnsignedString(declared), limit).help("The file is damaged or is no safetensors file.");
        }
        if (declared > available) {
            throw Refusal.of(Category.TRUNCATED, file, "the header declares %,d bytes; the file holds %,d after its length field",
                    declared, available).help("Copy or download it again.");
        }
        return (int) declared;
    }
}
