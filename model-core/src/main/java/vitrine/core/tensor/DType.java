package vitrine.core.tensor;

import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Element types of stored tensors, named as in safetensors headers.
public enum DType {
    F64(64, true), F32(32, true), F16(16, true), BF16(16, true),
    F8_E4M3(8, true), F8_E5M2(8, true), F8_E8M0(8, true),
    F6_E2M3(6, true), F6_E3M2(6, true), F4(4, true), C64(64, true),
    I64(64, false), I32(32, false), I16(16, false), I8(8, false),
    U64(64, false), U32(32, false), U16(16, false), U8(8, false), BOOL(8, false);

    private final int bits;
    private final boolean floating;

    DType(int bits, boolean floating) {
        this.bits = bits;
        this.floating = floating;
    }

    /// Bits of one element.
    public int bits() {
        return bits;
    }

    /// Whether elements are real numbers rather than integers or flags.
    public boolean floating() {
        return floating;
    }

    /// Whether values of this type can be widened to float32 for a computation.
    public boolean readable() {
        return switch (this) {
            case F6_E2M3, F6_E3M2, F4, C64 -> false;
            default -> true;
        };
    }

    private static final Map<String, DType> BY_NAME = Stream.of(values()).collect(Collectors.toMap(DType::name, t -> t));

    /// The type with this name, or null where it is unknown.
    public static DType ofNameOrNull(String name) {
        return BY_NAME.get(name);
    }
}
