package vitrine.core.checkpoint.gguf;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.json.Json;
import vitrine.core.refusal.Bounds;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// The header of one GGUF file, read and checked in full; no tensor data is read, and of long arrays only the place is kept.
///
/// @param values by key, in file order
/// @param tensors in order of their bytes, named as in the file, slowest axis first
/// @param dataOffset where the data begin
/// @param size the file's size
public record GgufHeader(Path file, Path shown, int version, Map<String, GgufValue> values, List<TensorEntry> tensors, long dataOffset, long size) {

    /// A key has a length, a type and one byte of value at least.
    private static final long LEAST_KEY_BYTES = 8 + 4 + 1;
    /// A tensor has a name's length, a number of axes, one axis, a type and an offset.
    private static final long LEAST_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;
    private static final int MAX_AXES = 4;
    private static final int MAX_DEPTH = 4;
    private static final int MAX_ALIGNMENT = 1 << 20;
    private static final long MAX_TEXT_BYTES = 16 << 20;
    static final int STRING = 8;
    static final int ARRAY = 9;

    /// Types by their number in the format.
    private static final Map<Integer, DType> TYPES = Map.ofEntries(
            Map.entry(0, DType.F32), Map.entry(1, DType.F16), Map.entry(2, DType.Q4_0), Map.entry(3, DType.Q4_1), Map.entry(6, DType.Q5_0), Map.entry(7, DType.Q5_1),
            Map.entry(8, DType.Q8_0), Map.entry(9, DType.Q8_1), Map.entry(10, DType.Q2_K), Map.entry(11, DType.Q3_K), Map.entry(12, DType.Q4_K), Map.entry(13, DType.Q5_K),
            Map.entry(14, DType.Q6_K), Map.entry(15, DType.Q8_K), Map.entry(16, DType.IQ2_XXS), Map.entry(17, DType.IQ2_XS), Map.entry(18, DType.IQ3_XXS),
            Map.entry(19, DType.IQ1_S), Map.entry(20, DType.IQ4_NL), Map.entry(21, DType.IQ3_S), Map.entry(22, DType.IQ2_S), Map.entry(23, DType.IQ4_XS),
            Map.entry(24, DType.I8), Map.entry(25, DType.I16), Map.entry(26, DType.I32), Map.entry(27, DType.I64), Map.entry(28, DType.F64), Map.entry(29, DType.IQ1_M),
            Map.entry(30, DType.BF16), Map.entry(34, DType.TQ1_0), Map.entry(35, DType.TQ2_0), Map.entry(39, DType.MXFP4));

    /// Reads the header of `file`; `shown` is the file as its user knows it.
    ///
    /// @throws Refusal naming the key or the tensor and the numbers, where the file is not a whole and unambiguous GGUF file
    public static GgufHeader read(Path file, Path shown) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return new Parser(file, new GgufInput(channel, shown, channel.size()), channel.size()).parse();
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, shown, "cannot be read (%s)", Json.reason(e)).cause(e);
        }
    }

    private static final class Parser {
        private final Path file;
        private final GgufInput in;
        private final long size;
        private final Map<String, GgufValue> values = new LinkedHashMap<>();

        /// What the header says of one tensor.
        private record Claim(String name, DType type, long[] shape, long begin, long bytes) {}

        Parser(Path file, GgufInput in, long size) {
            this.file = file;
            this.in = in;
            this.size = size;
        }

        GgufHeader parse() throws IOException {
            long magic = in.u32();
            if (magic != 0x46554747L) {
                throw in.refuse(Category.UNKNOWN_FORMAT, "it does not begin with the magic GGUF");
            }
            int version = in.i32();
            if (version == Integer.reverseBytes(2) || version == Integer.reverseBytes(3)) {
                throw in.refuse(Category.VERSION_UNSUPPORTED, "it is a GGUF file for big-endian machines").help("Convert it again for little-endian ones, which all common ones are.");
            }
            if (version < 2 || version > 3) {
                throw in.refuse(Category.VERSION_UNSUPPORTED, "its GGUF version is %s; versions 2 and 3 are read", Integer.toUnsignedString(version))
                        .help(version == 1 ? "Convert it again with a newer llama.cpp." : "It may need a newer version of this program.");
            }
            long tensorCount = count("tensors", LEAST_TENSOR_BYTES);
            long keyCount = count("keys", LEAST_KEY_BYTES);
            for (long i = 0; i < keyCount; i++) {
                key(i);
            }
            List<Claim> claims = new ArrayList<>();
            Set<String> names = new HashSet<>();
            in.at(null);
            int alignment = alignment();
            for (long i = 0; i < tensorCount; i++) {
                claims.add(claim(i, names, alignment));
            }
            in.at(null);
            long dataOffset = Math.ceilDiv(in.position(), (long) alignment) * alignment;
            return new GgufHeader(file, in.shown(), version, values, place(claims, Math.min(dataOffset, size), alignment), Math.min(dataOffset, size), size);
        }

        private long count(String what, long least) throws IOException {
            long n = in.u64();
            if (Long.compareUnsigned(n, in.left() / least) > 0) {
                throw in.tooMany(n, "it claims %s %s; its %,d bytes can hold at most %,d", Long.toUnsignedString(n), what, size, in.left() / least);
            }
            return n;
        }

        private void key(long i) throws IOException {
            in.at("key " + i);
            String name = in.string(GgufInput.MAX_NAME_BYTES);
            in.at(name);
            if (values.containsKey(name)) {
                throw in.refuse(Category.DUPLICATE_NAME, "this key stands twice in the header");
            }
            values.put(name, value(in.u32(), 0));
        }

        private GgufValue value(long type, int depth) throws IOException {
            return switch ((int) Math.min(type, 99)) {
                case 0 -> new GgufValue.Whole(in.u8());
                case 1 -> new GgufValue.Whole((byte) in.u8());
                case 2 -> new GgufValue.Whole(in.u16());
                case 3 -> new GgufValue.Whole((short) in.u16());
                case 4 -> new GgufValue.Whole(in.u32());
                case 5 -> new GgufValue.Whole(in.i32());
                // As a decimal of its own precision, as a config would say it: 1e-5, not 9.99999974737875e-6.
                case 6 -> new GgufValue.Real(Double.parseDouble(Float.toString(in.f32())));
                case 7 -> new GgufValue.Flag(in.u8() != 0);
                case STRING -> new GgufValue.Text(in.string(MAX_TEXT_BYTES));
                case ARRAY -> list(depth);
                case 10, 11 -> new GgufValue.Whole(in.u64());
                case 12 -> new GgufValue.Real(in.f64());
                default -> throw in.refuse(Category.HEADER_INVALID, "its value has the unknown type %,d", type);
            };
        }

        private GgufValue list(int depth) throws IOException {
            if (depth == MAX_DEPTH) {
                throw in.refuse(Category.LIMIT_EXCEEDED, "arrays lie more than %d deep in each other", MAX_DEPTH);
            }
            long type = in.u32();
            long least = leastBytes(type);
            long count = in.u64();
            if (Long.compareUnsigned(count, in.left() / least) > 0) {
                throw in.tooMany(count, "an array of %s values is claimed, and the %,d bytes left in the file can hold %,d", Long.toUnsignedString(count), in.left(),
                        in.left() / least);
            }
            long position = in.position();
            if (type == STRING) {
                for (long i = 0; i < count; i++) {
                    in.skipString();
                }
            } else if (type == ARRAY) {
                for (long i = 0; i < count; i++) {
                    list(depth + 1);
                }
            } else {
                in.skip(count * least);
            }
            return new GgufValue.List((int) type, count, position);
        }

        private long leastBytes(long type) {
            return switch ((int) Math.min(type, 99)) {
                case 0, 1, 7 -> 1;
                case 2, 3 -> 2;
                case 4, 5, 6 -> 4;
                case STRING, 10, 11, 12 -> 8;
                case ARRAY -> 12;
                default -> throw in.refuse(Category.HEADER_INVALID, "it is an array of the unknown type %,d", type);
            };
        }

        private int alignment() {
            return switch (values.get("general.alignment")) {
                case null -> 32;
                case GgufValue.Whole w when w.value() > 0 && w.value() <= MAX_ALIGNMENT && w.value() % 8 == 0 -> (int) w.value();
                case GgufValue.Whole w -> throw in.refuse(Category.HEADER_INVALID, "is %s; a multiple of 8 up to %,d belongs here", Long.toUnsignedString(w.value()), MAX_ALIGNMENT)
                        .where("general.alignment");
                default -> throw in.refuse(Category.HEADER_INVALID, "is no whole number").where("general.alignment");
            };
        }

        private Claim claim(long i, Set<String> names, int alignment) throws IOException {
            in.at("tensor " + i);
            String name = in.string(GgufInput.MAX_NAME_BYTES);
            in.at("tensor " + name);
            if (!names.add(name)) {
                throw in.refuse(Category.DUPLICATE_NAME, "this name stands twice in the header");
            }
            long axes = in.u32();
            if (axes < 1 || axes > MAX_AXES) {
                throw in.refuse(Category.SHAPE_INVALID, "it has %,d axes; the format has 1 to %d", axes, MAX_AXES);
            }
            long[] shape = new long[(int) axes];
            for (int a = shape.length - 1; a >= 0; a--) {
                shape[a] = in.u64();
                if (shape[a] < 0) {
                    throw in.refuse(Category.OVERFLOW, "an axis of %s values is more than 63 bits can count", Long.toUnsignedString(shape[a]));
                }
            }
            long number = in.u32();
            DType type = TYPES.get((int) Math.min(number, Integer.MAX_VALUE));
            if (type == null) {
                throw in.refuse(Category.DTYPE_UNKNOWN, "its type has the number %,d, which is not known", number).help("It may need a newer version of this program.");
            }
            long begin = in.u64();
            Bounds bounds = new Bounds(in.shown(), size);
            long elements = bounds.elements(name, shape);
            long row = shape[shape.length - 1];
            if (row % type.blockValues() != 0) {
                throw in.refuse(Category.SHAPE_INVALID, "its rows have %,d values, and %s holds blocks of %d", row, type.name(), type.blockValues());
            }
            // No type in blocks takes more bytes than two for a value.
            bounds.bytes(name, shape, elements, Math.max(16, type.bits()));
            if (Long.remainderUnsigned(begin, alignment) != 0) {
                throw in.refuse(Category.OFFSETS_INVALID, "its bytes begin at %s of the data, which is no multiple of the alignment %d", Long.toUnsignedString(begin), alignment);
            }
            return new Claim(name, type, shape, begin, type.bytes(elements));
        }

        /// Checks every claim against its neighbours and the file, and turns it into an entry.
        private List<TensorEntry> place(List<Claim> claims, long dataOffset, int alignment) {
            long available = size - dataOffset;
            claims.sort(Comparator.comparing(Claim::begin, Long::compareUnsigned).thenComparing(Claim::bytes));
            List<TensorEntry> entries = new ArrayList<>(claims.size());
            long end = 0;
            Claim before = null;
            for (Claim c : claims) {
                in.at("tensor " + c.name);
                if (c.begin < 0 || c.begin > available || c.bytes > available - c.begin) {
                    throw in.refuse(Category.TRUNCATED, "it needs %,d bytes from byte %s of the data on, and the file holds %,d bytes of data", c.bytes, Long.toUnsignedString(c.begin),
                            available).help("Copy or download it again.");
                }
                if (c.begin < end) {
                    throw in.refuse(Category.OFFSETS_INVALID, "its bytes %,d to %,d overlap those of %s, which end at %,d", c.begin, c.begin + c.bytes, before.name, end);
                }
                if (c.begin - end >= alignment) {
                    throw in.refuse(Category.OFFSETS_INVALID, "the bytes %,d to %,d of the data before it belong to no tensor", end, c.begin);
                }
                entries.add(new TensorEntry(c.name, c.type, Shape.of(c.shape), file, dataOffset + c.begin, c.bytes));
                end = c.begin + c.bytes;
                before = c;
            }
            in.at(null);
            if (available - end >= alignment) {
                throw in.refuse(Category.TRAILING_DATA, "%,d bytes follow the last tensor, which ends at byte %,d of the data", available - end, end)
                        .help("Two files may have been joined; copy or download it again.");
            }
            return entries;
        }
    }
}
