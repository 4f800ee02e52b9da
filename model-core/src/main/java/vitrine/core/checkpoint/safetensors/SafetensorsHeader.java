package vitrine.core.checkpoint.safetensors;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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
import vitrine.core.json.PlainScanner;
import vitrine.core.json.PlainScanner.NotPlain;
import vitrine.core.refusal.Bounds;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// The header of one safetensors file, read and checked in full; no tensor data is read.
///
/// @param tensors in order of their bytes
/// @param dataOffset where the first tensor's bytes begin
/// @param size the file's size
public record SafetensorsHeader(List<TensorEntry> tensors, Map<String, String> metadata, long dataOffset, long size) {

    /// The format's limit on the header's length, in bytes.
    public static final long MAX_HEADER_BYTES = 100_000_000;

    private static final int MAX_RANK = 64;

    /// Reads the header of `file`; `shown` is the file as its user knows it.
    ///
    /// @throws Refusal naming the tensor and the numbers, where the file is not a whole and unambiguous safetensors file
    public static SafetensorsHeader read(Path file, Path shown) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long size = channel.size();
            if (size < 8) {
                throw Refusal.of(Category.TRUNCATED, shown, "the file has %,d bytes; a safetensors file begins with a length of 8 bytes", size)
                        .help("Copy or download it again.");
            }
            ByteBuffer lengthField = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            readFully(channel, lengthField, 0, shown);
            Bounds bounds = new Bounds(shown, size);
            int length = bounds.headerLength(lengthField.getLong(0), MAX_HEADER_BYTES, size - 8);
            if (length == 0) {
                throw Refusal.of(Category.HEADER_INVALID, shown, "the header's length is 0 bytes; an empty one is {}, 2 bytes");
            }
            ByteBuffer header = ByteBuffer.allocate(length);
            readFully(channel, header, 8, shown);
            return new Parser(file, shown, bounds, header.array()).parse();
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, shown, "cannot be read (%s)", Json.reason(e)).cause(e);
        }
    }

    private static void readFully(FileChannel channel, ByteBuffer into, long position, Path shown) throws IOException {
        long at = position;
        while (into.hasRemaining()) {
            int n = channel.read(into, at);
            if (n < 0) {
                throw Refusal.of(Category.TRUNCATED, shown, "the file ended at byte %,d while it was read", at);
            }
            at += n;
        }
    }

    /// One pass over the header's JSON, without a tree: a header of 100,000 tensors is common.
    static final class Parser {
        private final Path file;
        private final Path shown;
        private final Bounds bounds;
        private final byte[] header;
        final List<Claim> claims = new ArrayList<>();
        final Map<String, String> metadata = new LinkedHashMap<>();

        /// What the header says of one tensor.
        record Claim(String name, DType dtype, long[] shape, long begin, long end) {}

        Parser(Path file, Path shown, Bounds bounds, byte[] header) {
            this.file = file;
            this.shown = shown;
            this.bounds = bounds;
            this.header = header;
        }

        SafetensorsHeader parse() {
            if (header[0] != '{') {
                String found = header[0] == '[' ? "an array" : Character.isWhitespace(header[0]) ? "white space" : "something else";
                if (!looksLikeJson(header[0])) {
                    throw Refusal.of(Category.HEADER_INVALID, shown, "the header is not JSON: it does not start with {");
                }
                throw Refusal.of(Category.HEADER_INVALID, shown, "the header starts with %s; it must be a JSON object that starts with {", found);
            }
            if (!scan()) {
                parseStrictly();
            }
            return place();
        }

        /// Reads a header of the plainest kind, as all common writers make it; false, with nothing read, for any other.
        boolean scan() {
            try {
                scanAll(new PlainScanner(header));
                return true;
            } catch (NotPlain e) {
                claims.clear();
                metadata.clear();
                return false;
            }
        }

        private void scanAll(PlainScanner s) throws NotPlain {
            Set<String> names = new HashSet<>();
            s.expect('{');
            if (!s.take('}')) {
                do {
                    String name = s.key();
                    if (!names.add(name)) {
                        throw s.notPlain();
                    }
                    if (name.equals("__metadata__")) {
                        scanMetadata(s);
                    } else {
                        claims.add(scanClaim(s, name));
                    }
                } while (s.more('}'));
            }
            s.expectEnd();
        }

        private void scanMetadata(PlainScanner s) throws NotPlain {
            s.expect('{');
            if (!s.take('}')) {
                do {
                    if (metadata.put(s.key(), s.string()) != null) {
                        throw s.notPlain();
                    }
                } while (s.more('}'));
            }
        }

        private static Claim scanClaim(PlainScanner s, String name) throws NotPlain {
            DType dtype = null;
            long[] shape = null;
            long[] offsets = null;
            s.expect('{');
            do {
                switch (s.key()) {
                    case "dtype" -> {
                        s.require(dtype == null);
                        dtype = DType.ofNameOrNull(s.string());
                        s.require(dtype != null);
                    }
                    case "shape" -> {
                        s.require(shape == null);
                        shape = s.numbers(MAX_RANK);
                    }
                    case "data_offsets" -> {
                        s.require(offsets == null);
                        offsets = s.numbers(2);
                    }
                    default -> throw s.notPlain();
                }
            } while (s.more('}'));
            s.require(dtype != null && shape != null && offsets != null && offsets.length == 2);
            return new Claim(name, dtype, shape, offsets[0], offsets[1]);
        }

        void parseStrictly() {
            Json.requireUtf8(shown, header, header.length, Category.HEADER_INVALID);
            try (JsonParser p = Json.parser(header, 0, header.length)) {
                p.nextToken();
                Set<String> names = new HashSet<>();
                while (p.nextToken() == JsonToken.FIELD_NAME) {
                    String name = p.currentName();
                    if (!names.add(name)) {
                        throw Refusal.of(Category.DUPLICATE_NAME, shown, "this name stands twice in the header").where("tensor " + name);
                    }
                    p.nextToken();
                    if (name.equals("__metadata__")) {
                        readMetadata(p);
                    } else {
                        claims.add(readClaim(p, name));
                    }
                }
                if (p.nextToken() != null) {
                    throw Refusal.of(Category.HEADER_INVALID, shown, "there is something after the closing brace of the header's JSON");
                }
            } catch (IOException e) {
                throw Json.refuse(shown, Category.HEADER_INVALID, e).where("header");
            }
        }

        private static boolean looksLikeJson(byte first) {
            return first == '[' || first == '"' || Character.isWhitespace(first);
        }

        private void readMetadata(JsonParser p) throws IOException {
            if (p.currentToken() != JsonToken.START_OBJECT) {
                throw Refusal.of(Category.HEADER_INVALID, shown, "must be an object of strings").where("__metadata__");
            }
            while (p.nextToken() == JsonToken.FIELD_NAME) {
                String key = p.currentName();
                if (p.nextToken() != JsonToken.VALUE_STRING) {
                    throw Refusal.of(Category.HEADER_INVALID, shown, "the value of %s is no string", key).where("__metadata__");
                }
                if (metadata.put(key, p.getText()) != null) {
                    throw Refusal.of(Category.DUPLICATE_NAME, shown, "%s stands twice", key).where("__metadata__");
                }
            }
        }

        private Claim readClaim(JsonParser p, String name) throws IOException {
            if (p.currentToken() != JsonToken.START_OBJECT) {
                throw Refusal.of(Category.HEADER_INVALID, shown, "its entry is no object with dtype, shape and data_offsets").where("tensor " + name);
            }
            DType dtype = null;
            long[] shape = null;
            long[] offsets = null;
            while (p.nextToken() == JsonToken.FIELD_NAME) {
                String key = p.currentName();
                p.nextToken();
                switch (key) {
                    case "dtype" -> {
                        requireFirst(dtype == null, name, key);
                        dtype = readDType(p, name);
                    }
                    case "shape" -> {
                        requireFirst(shape == null, name, key);
                        shape = readShape(p, name);
                    }
                    case "data_offsets" -> {
                        requireFirst(offsets == null, name, key);
                        offsets = readOffsets(p, name);
                    }
                    default -> throw Refusal.of(Category.HEADER_INVALID, shown, "its entry has the unknown field %s", key).where("tensor " + name);
                }
            }
            if (dtype == null || shape == null || offsets == null) {
                String missing = dtype == null ? "dtype" : shape == null ? "shape" : "data_offsets";
                throw Refusal.of(Category.HEADER_INVALID, shown, "its entry has no %s", missing).where("tensor " + name);
            }
            return new Claim(name, dtype, shape, offsets[0], offsets[1]);
        }

        private void requireFirst(boolean first, String name, String key) {
            if (!first) {
                throw Refusal.of(Category.DUPLICATE_NAME, shown, "its entry has %s twice", key).where("tensor " + name);
            }
        }

        private DType readDType(JsonParser p, String name) throws IOException {
            if (p.currentToken() != JsonToken.VALUE_STRING) {
                throw Refusal.of(Category.HEADER_INVALID, shown, "its dtype is no string").where("tensor " + name);
            }
            DType dtype = DType.ofNameOrNull(p.getText());
            if (dtype == null) {
                throw Refusal.of(Category.DTYPE_UNKNOWN, shown, "its dtype %s is unknown", p.getText()).where("tensor " + name)
                        .help("Known are F64, F32, F16, BF16, F8_E4M3, F8_E5M2 and the integers.");
            }
            return dtype;
        }

        private long[] readShape(JsonParser p, String name) throws IOException {
            if (p.currentToken() != JsonToken.START_ARRAY) {
                throw Refusal.of(Category.SHAPE_INVALID, shown, "its shape is no list of sizes").where("tensor " + name);
            }
            long[] sizes = new long[4];
            int n = 0;
            while (p.nextToken() != JsonToken.END_ARRAY) {
                if (p.currentToken() == JsonToken.START_ARRAY || p.currentToken() == JsonToken.START_OBJECT) {
                    p.skipChildren();
                    throw Refusal.of(Category.SHAPE_INVALID, shown, "its shape holds a list where a size belongs").where("tensor " + name);
                }
                if (p.currentToken() == null) {
                    throw Refusal.of(Category.HEADER_INVALID, shown, "the header's JSON ends inside a shape").where("tensor " + name);
                }
                long size = p.currentToken() == JsonToken.VALUE_NUMBER_INT ? unsigned63(p.getBigIntegerValue()) : -1;
                if (size < 0) {
                    throw Refusal.of(Category.SHAPE_INVALID, shown, "its shape has the size %s", p.getText()).where("tensor " + name)
                            .help("Sizes are whole numbers from 0.");
                }
                if (n == MAX_RANK) {
                    throw Refusal.of(Category.LIMIT_EXCEEDED, shown, "its shape has more than %d axes", MAX_RANK).where("tensor " + name);
                }
                if (n == sizes.length) {
                    sizes = java.util.Arrays.copyOf(sizes, n * 2);
                }
                sizes[n++] = size;
            }
            return java.util.Arrays.copyOf(sizes, n);
        }

        private long[] readOffsets(JsonParser p, String name) throws IOException {
            long[] offsets = new long[2];
            int n = 0;
            boolean good = p.currentToken() == JsonToken.START_ARRAY;
            while (good && p.nextToken() != JsonToken.END_ARRAY) {
                good = n < 2 && p.currentToken() == JsonToken.VALUE_NUMBER_INT;
                if (good) {
                    offsets[n] = unsigned63(p.getBigIntegerValue());
                    good = offsets[n++] >= 0;
                }
            }
            if (!good || n != 2) {
                throw Refusal.of(Category.OFFSETS_INVALID, shown, "its data_offsets are not two positions of at most 63 bits").where("tensor " + name);
            }
            return offsets;
        }

        private static long unsigned63(BigInteger value) {
            return value.signum() < 0 || value.bitLength() > 63 ? -1 : value.longValue();
        }

        /// Checks every claim against its own shape, its neighbours and the file, and turns it into an entry.
        private SafetensorsHeader place() {
            long dataOffset = 8L + header.length;
            long available = bounds.size() - dataOffset;
            for (Claim c : claims) {
                if (c.end < c.begin) {
                    throw Refusal.of(Category.OFFSETS_INVALID, shown, "its bytes run from %,d back to %,d", c.begin, c.end).where("tensor " + c.name);
                }
                long elements = bounds.elements(c.name, c.shape);
                long needed = bounds.bytes(c.name, c.shape, elements, c.dtype.bits());
                if (needed != c.end - c.begin) {
                    throw Refusal.of(Category.SIZE_MISMATCH, shown, "its shape %s of %s needs %,d bytes, its offsets give %,d",
                            java.util.Arrays.toString(c.shape), c.dtype.name(), needed, c.end - c.begin).where("tensor " + c.name);
                }
            }
            List<Claim> ordered = new ArrayList<>(claims);
            ordered.sort(Comparator.comparingLong(Claim::begin).thenComparingLong(Claim::end));
            List<TensorEntry> entries = new ArrayList<>(ordered.size());
            long end = 0;
            Claim before = null;
            for (Claim c : ordered) {
                if (c.begin < end) {
                    throw Refusal.of(Category.OFFSETS_INVALID, shown, "its bytes %,d to %,d overlap those of %s, which end at %,d",
                            c.begin, c.end, before.name, end).where("tensor " + c.name);
                }
                if (c.begin > end) {
                    throw Refusal.of(Category.OFFSETS_INVALID, shown, c.begin > available
                            ? "its bytes begin at %2$,d, past the end of the data at %4$,d"
                            : "the bytes %,d to %,d before it belong to no tensor (it ends at %,d)", end, c.begin, c.end, available)
                            .where("tensor " + c.name);
                }
                if (c.end > available) {
                    throw Refusal.of(Category.TRUNCATED, shown, "it needs the data up to byte %,d, the file holds %,d of it (%,d too few)",
                            c.end, available, c.end - available).where("tensor " + c.name).help("Copy or download it again.");
                }
                entries.add(new TensorEntry(c.name, c.dtype, Shape.of(c.shape), file, dataOffset + c.begin, c.end - c.begin));
                end = c.end;
                before = c;
            }
            if (end < available) {
                throw Refusal.of(Category.TRAILING_DATA, shown, "%,d bytes follow the last tensor, which ends at byte %,d of the data", available - end, end)
                        .help("Two files may have been joined; copy or download it again.");
            }
            return new SafetensorsHeader(entries, metadata, dataOffset, bounds.size());
        }
    }
}
