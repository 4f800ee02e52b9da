package vitrine.core.tensor;

import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Element types of stored tensors: plain ones, named as in safetensors headers, and those of GGUF files, which hold values in blocks with scales of
/// their own.
public enum DType {
    F64(64, true), F32(32, true), F16(16, true), BF16(16, true),
    F8_E4M3(8, true), F8_E5M2(8, true), F8_E8M0(8, true),
    F6_E2M3(6, true), F6_E3M2(6, true), F4(4, true), C64(64, true),
    I64(64, false), I32(32, false), I16(16, false), I8(8, false),
    U64(64, false), U32(32, false), U16(16, false), U8(8, false), BOOL(8, false),
    Q4_0(32, 18), Q4_1(32, 20), Q5_0(32, 22), Q5_1(32, 24), Q8_0(32, 34), Q2_K(256, 84), Q3_K(256, 110), Q4_K(256, 144), Q5_K(256, 176), Q6_K(256, 210),
    IQ4_NL(32, 18), IQ4_XS(256, 136), MXFP4(32, 17),
    Q8_1(32, 36), Q8_K(256, 292), IQ1_S(256, 50), IQ1_M(256, 56), IQ2_XXS(256, 66), IQ2_XS(256, 74), IQ2_S(256, 82), IQ3_XXS(256, 98), IQ3_S(256, 110),
    TQ1_0(256, 54), TQ2_0(256, 66);

    private final int bits;
    private final boolean floating;
    private final int blockValues;
    private final int blockBytes;

    DType(int bits, boolean floating) {
        this.bits = bits;
        this.floating = floating;
        blockValues = 1;
        blockBytes = 0;
    }

    DType(int blockValues, int blockBytes) {
        bits = Math.ceilDiv(8 * blockBytes, blockValues);
        floating = true;
        this.blockValues = blockValues;
        this.blockBytes = blockBytes;
    }

    /// Bits of one element; of a type in blocks, those that a block has per value, rounded up.
    public int bits() {
        return bits;
    }

    /// Whether values lie in blocks that share scales, so that one value has no bytes of its own.
    public boolean blocked() {
        return blockValues > 1;
    }

    /// How many values one block holds; 1 for a plain type.
    public int blockValues() {
        return blockValues;
    }

    /// The bytes of one block.
    public int blockBytes() {
        return blockBytes;
    }

    /// The bytes of `elements` values, of whole blocks for a type in blocks.
    ///
    /// @throws ArithmeticException past 63 bits
    public long bytes(long elements) {
        return blocked() ? Math.multiplyExact(elements / blockValues, (long) blockBytes) : Math.multiplyExact(elements, (long) bits) / 8;
    }

    /// Whether elements are real numbers rather than integers or flags.
    public boolean floating() {
        return floating;
    }

    /// Whether values of this type can be widened to float32 for a computation.
    public boolean readable() {
        return switch (this) {
            case F6_E2M3, F6_E3M2, F4, C64, Q8_1, Q8_K, IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, TQ1_0, TQ2_0 -> false;
            default -> true;
        };
    }

    private static final Map<String, DType> BY_NAME = Stream.of(values()).filter(t -> !t.blocked()).collect(Collectors.toMap(DType::name, t -> t));

    /// The plain type with this name, or null where it is unknown.
    public static DType ofNameOrNull(String name) {
        return BY_NAME.get(name);
    }
}
