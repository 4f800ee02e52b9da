package vitrine.core.checkpoint.gguf;

/// The value of a key: one number, flag or text, or an array, of which only the place is kept.
sealed interface GgufValue {

    /// A whole number; a u64 past 63 bits is negative.
    record Whole(long value) implements GgufValue {}

    record Real(double value) implements GgufValue {}

    record Flag(boolean value) implements GgufValue {}

    record Text(String value) implements GgufValue {}

    /// @param type of its values, as numbered in the format
    /// @param position of its first value in the file
    record List(int type, long count, long position) implements GgufValue {}
}
