package vitrine.core.checkpoint.pytorch;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.checkpoint.Assembly;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.json.Json;
import vitrine.core.refusal.Bounds;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// The tensors of one file that `torch.save` wrote, with their places in it.
///
/// @param tensors in order of their bytes
/// @param size the file's size
/// @param dataOffset where the first tensor's bytes begin
public record TorchFile(List<TensorEntry> tensors, long size, long dataOffset) {

    private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
    private static final long MAX_PICKLE_BYTES = 256 << 20;
    private static final int MAX_AXES = 64;
    private static final int MAX_DEPTH = 32;
    /// A view may repeat values (a stride of 0); what is dense in memory then is more than the file holds.
    private static final int MAX_REPEATS = 64;
    /// What training scripts call the dictionary of the weights among the other things that they save.
    private static final List<String> WRAPPERS = List.of("state_dict", "model_state_dict", "model", "module");

    private static final Map<String, DType> TYPES = Map.ofEntries(
            Map.entry("torch.FloatStorage", DType.F32), Map.entry("torch.DoubleStorage", DType.F64), Map.entry("torch.HalfStorage", DType.F16),
            Map.entry("torch.BFloat16Storage", DType.BF16), Map.entry("torch.LongStorage", DType.I64), Map.entry("torch.IntStorage", DType.I32),
            Map.entry("torch.ShortStorage", DType.I16), Map.entry("torch.CharStorage", DType.I8), Map.entry("torch.ByteStorage", DType.U8), Map.entry("torch.BoolStorage", DType.BOOL),
            Map.entry("torch.storage.UntypedStorage", DType.U8), Map.entry("torch.UntypedStorage", DType.U8),
            Map.entry("torch.float64", DType.F64), Map.entry("torch.float32", DType.F32), Map.entry("torch.float16", DType.F16), Map.entry("torch.bfloat16", DType.BF16),
            Map.entry("torch.int64", DType.I64), Map.entry("torch.int32", DType.I32), Map.entry("torch.int16", DType.I16), Map.entry("torch.int8", DType.I8),
            Map.entry("torch.uint8", DType.U8), Map.entry("torch.bool", DType.BOOL), Map.entry("torch.uint16", DType.U16), Map.entry("torch.uint32", DType.U32),
            Map.entry("torch.uint64", DType.U64), Map.entry("torch.float8_e4m3fn", DType.F8_E4M3), Map.entry("torch.float8_e5m2", DType.F8_E5M2));

    /// Reads a zip archive.
    ///
    /// @param shown the file as its user knows it
    /// @throws Refusal naming the record, the tensor or the name that it will not use
    public static TorchFile readZip(Path file, Path shown) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return new Reader(file, shown, channel).zip();
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, shown, "cannot be read (%s)", Json.reason(e)).cause(e);
        }
    }

    /// Reads the form before zip archives.
    ///
    /// @throws Refusal likewise; `unknown-format` for a pickle that is not PyTorch's
    public static TorchFile readLegacy(Path file, Path shown) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return new Reader(file, shown, channel).legacy();
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, shown, "cannot be read (%s)", Json.reason(e)).cause(e);
        }
    }

    /// A tensor whose values do not lie one after the other: a transposed or a repeated view.
    private record Strided(TensorEntry in, long first, long[] strides, int width) implements Assembly {
        @Override
        public void write(Files files, MemorySegment target) {
            MemorySegment source = files.of(in.file());
            long[] sizes = in.shape().sizes();
            long[] place = new long[sizes.length];
            long n = in.elements();
            for (long i = 0; i < n; i++) {
                long at = 0;
                for (int a = 0; a < sizes.length; a++) {
                    at += place[a] * strides[a];
                }
                MemorySegment.copy(source, first + at * width, target, i * width, width);
                for (int a = sizes.length - 1; a >= 0 && ++place[a] == sizes[a]; a--) {
                    place[a] = 0;
                }
            }
        }
    }

    private static final class Reader {
        private final Path file;
        private final Path shown;
        private final FileChannel channel;
        private final long size;
        private final Map<String, Place> storages = new HashMap<>();

        /// Where a storage's bytes lie.
        private record Place(String record, long begin, long bytes) {}

        Reader(Path file, Path shown, FileChannel channel) throws IOException {
            this.file = file;
            this.shown = shown;
            this.channel = channel;
            size = channel.size();
        }

        TorchFile zip() throws IOException {
            ZipDirectory zip = ZipDirectory.read(channel, shown);
            ZipDirectory.Entry pickle = null;
            for (ZipDirectory.Entry e : zip.entries().values()) {
                if (e.name().equals("data.pkl") || e.name().endsWith("/data.pkl") && e.name().indexOf('/') == e.name().length() - 9) {
                    if (pickle != null) {
                        throw Refusal.of(Category.ARCHIVE_INVALID, shown, "it has two pickles, %s and %s", pickle.name(), e.name());
                    }
                    pickle = e;
                }
            }
            if (pickle == null) {
                throw Refusal.of(Category.UNKNOWN_FORMAT, shown, "it is a zip archive of %,d records without a data.pkl, which PyTorch's have", zip.entries().size())
                        .help("A checkpoint is a safetensors, GGUF or PyTorch file, or a folder that holds one.");
            }
            String root = pickle.name().substring(0, pickle.name().length() - "data.pkl".length());
            requireLittleEndian(zip, root);
            if (pickle.size() > MAX_PICKLE_BYTES) {
                throw Refusal.of(Category.LIMIT_EXCEEDED, shown, "its %s has %,d bytes; at most %,d are read", pickle.name(), pickle.size(), MAX_PICKLE_BYTES);
            }
            long begin = zip.data(pickle);
            Object top = Pickle.read(new PickleInput(channel, shown, pickle.name(), begin, begin + pickle.stored()));
            Map<String, Pickle.View> views = views(top);
            for (Pickle.View v : views.values()) {
                if (!storages.containsKey(v.storage().key())) {
                    String name = root + "data/" + v.storage().key();
                    ZipDirectory.Entry e = zip.entries().get(name);
                    if (e == null) {
                        throw Refusal.of(Category.TENSOR_MISSING, shown, "the record %s is not in the archive", name).where("tensor " + nameOf(views, v));
                    }
                    storages.put(v.storage().key(), new Place(name, zip.data(e), e.stored()));
                }
            }
            return place(views);
        }

        private void requireLittleEndian(ZipDirectory zip, String root) throws IOException {
            ZipDirectory.Entry order = zip.entries().get(root + "byteorder");
            if (order != null && order.stored() <= 16) {
                byte[] said = new PickleInput(channel, shown, order.name(), zip.data(order), zip.data(order) + order.stored()).bytes(order.stored());
                if (new String(said, java.nio.charset.StandardCharsets.ISO_8859_1).strip().equals("big")) {
                    throw Refusal.of(Category.VERSION_UNSUPPORTED, shown, "it was saved on a big-endian machine").help("Save it again on a little-endian one, which all common ones are.");
                }
            }
        }

        TorchFile legacy() throws IOException {
            PickleInput in = new PickleInput(channel, shown, "pickle", 0, size);
            Object magic = Pickle.read(in);
            if (!MAGIC.equals(magic)) {
                throw Refusal.of(Category.UNKNOWN_FORMAT, shown, "it is a Python pickle that PyTorch did not write").help("Save the weights with safetensors.");
            }
            Object protocol = Pickle.read(in);
            if (!Long.valueOf(1001).equals(protocol)) {
                throw Refusal.of(Category.VERSION_UNSUPPORTED, shown, "its protocol is not 1001").help("Load and save it again with a current PyTorch.");
            }
            Object facts = Pickle.read(in);
            if (facts instanceof Pickle.Dict d && Boolean.FALSE.equals(d.values().get("little_endian"))) {
                throw Refusal.of(Category.VERSION_UNSUPPORTED, shown, "it was saved on a big-endian machine").help("Save it again on a little-endian one, which all common ones are.");
            }
            Map<String, Pickle.View> views = views(Pickle.read(in));
            Map<String, DType> types = new HashMap<>();
            views.values().forEach(v -> types.put(v.storage().key(), TYPES.get(v.storage().type())));
            if (!(Pickle.read(in) instanceof Pickle.Items keys)) {
                throw Refusal.of(Category.PICKLE_INVALID, shown, "the list of its storages is no list");
            }
            for (Object key : keys.values()) {
                if (in.left() < 8) {
                    throw Refusal.of(Category.TRUNCATED, shown, "it ends before the storage %s", String.valueOf(key)).help("Copy or download it again.");
                }
                long values = in.i64();
                DType type = types.get(String.valueOf(key));
                // A storage that no tensor uses has a type that is not told, so where the next one begins is not known.
                if (type == null) {
                    throw Refusal.of(Category.LEGACY_FORMAT, shown, "it is of the older form without zip, and its storage %s belongs to nothing that is read", String.valueOf(key))
                            .help("Load and save it again with a current PyTorch, or convert it to safetensors.");
                }
                if (values < 0 || values > in.left() * 8 / type.bits()) {
                    throw Refusal.of(Category.TRUNCATED, shown, "its storage %s has %s values, and %,d bytes are left", String.valueOf(key), Long.toUnsignedString(values), in.left())
                            .help("Copy or download it again.");
                }
                storages.put(String.valueOf(key), new Place("storage " + key, in.position(), type.bytes(values)));
                in.skip(type.bytes(values));
            }
            for (Map.Entry<String, Pickle.View> v : views.entrySet()) {
                if (!storages.containsKey(v.getValue().storage().key())) {
                    throw Refusal.of(Category.TENSOR_MISSING, shown, "its storage %s is not in the file", v.getValue().storage().key()).where("tensor " + v.getKey());
                }
            }
            if (in.left() > 0) {
                throw Refusal.of(Category.TRAILING_DATA, shown, "%,d bytes follow the last storage", in.left());
            }
            return place(views);
        }

        private static String nameOf(Map<String, Pickle.View> views, Pickle.View view) {
            return views.entrySet().stream().filter(e -> e.getValue() == view).map(Map.Entry::getKey).findFirst().orElse("?");
        }

        /// A container on the way to tensors.
        private record Node(String name, Object value, int depth) {}

        /// The tensors by name: those of the dictionary itself, or of the one among its values that holds the weights; those deeper under names joined by dots.
        private Map<String, Pickle.View> views(Object top) {
            Object root = top;
            for (String wrapper : WRAPPERS) {
                if (root instanceof Pickle.Dict d && d.values().values().stream().noneMatch(Pickle.View.class::isInstance) && d.values().get(wrapper) instanceof Pickle.Dict inner) {
                    root = inner;
                }
            }
            Map<String, Pickle.View> out = new LinkedHashMap<>();
            Map<Object, Boolean> seen = new IdentityHashMap<>();
            Deque<Node> open = new ArrayDeque<>();
            open.add(new Node("", root, 0));
            while (!open.isEmpty()) {
                Node n = open.removeFirst();
                if (n.value instanceof Pickle.View v) {
                    String name = n.name.isEmpty() ? "tensor" : n.name;
                    if (out.putIfAbsent(name, v) != null) {
                        throw Refusal.of(Category.DUPLICATE_NAME, shown, "two tensors have this name").where("tensor " + name);
                    }
                } else if (n.value != null && n.depth < MAX_DEPTH && (n.value instanceof Pickle.Dict || n.value instanceof Pickle.Items) && seen.put(n.value, true) == null) {
                    String before = n.name.isEmpty() ? "" : n.name + ".";
                    if (n.value instanceof Pickle.Dict d) {
                        d.values().forEach((k, v) -> open.add(new Node(before + (k instanceof String || k instanceof Long ? k : "?"), v, n.depth + 1)));
                    } else if (n.value instanceof Pickle.Items i) {
                        for (int k = 0; k < i.values().size(); k++) {
                            open.add(new Node(before + k, i.values().get(k), n.depth + 1));
                        }
                    }
                }
            }
            return out;
        }

        private TorchFile place(Map<String, Pickle.View> views) {
            List<TensorEntry> out = new ArrayList<>();
            views.forEach((name, v) -> out.add(entry(name, v, storages.get(v.storage().key()))));
            out.sort(Comparator.comparingLong(TensorEntry::offset));
            return new TorchFile(out, size, out.isEmpty() ? size : out.getFirst().offset());
        }

        private TensorEntry entry(String name, Pickle.View v, Place place) {
            DType own = TYPES.get(v.storage().type());
            DType type = v.dtype() == null ? own : TYPES.get(v.dtype());
            if (own == null || type == null) {
                throw Refusal.of(Category.DTYPE_UNKNOWN, shown, "its type %s is unknown", v.dtype() == null ? v.storage().type() : v.dtype()).where("tensor " + name);
            }
            Bounds bounds = new Bounds(shown, size);
            long declared = bounds.bytes(name, new long[] {v.storage().values()}, v.storage().values(), own.bits());
            if (declared > place.bytes) {
                throw Refusal.of(Category.TRUNCATED, shown, "its storage has %,d values of %d bytes, %,d in all; %s holds %,d bytes", v.storage().values(), own.bits() / 8, declared,
                        place.record, place.bytes).where("tensor " + name).help("Copy or download it again.");
            }
            long[] shape = longs(name, v.size());
            long[] strides = longs(name, v.stride());
            if (shape.length != strides.length || shape.length > MAX_AXES) {
                throw Refusal.of(Category.SHAPE_INVALID, shown, "it has %d sizes and %d strides", shape.length, strides.length).where("tensor " + name);
            }
            long elements = bounds.elements(name, shape);
            int width = type.bits() / 8;
            long bytes = bounds.bytes(name, shape, elements, type.bits());
            long room = declared / width;
            long last = last(name, v.offset(), shape, strides, elements);
            if (last >= room) {
                throw Refusal.of(Category.OFFSETS_INVALID, shown, "its view of %s reaches value %,d; its storage has %,d values", Shape.of(shape).toString(), last + 1, room).where("tensor " + name);
            }
            long begin = place.begin + v.offset() * width;
            boolean plain = true;
            long step = 1;
            for (int a = shape.length - 1; a >= 0; a--) {
                plain &= shape[a] == 1 || strides[a] == step;
                step *= shape[a];
            }
            if (plain || elements == 0) {
                return new TensorEntry(name, type, Shape.of(shape), file, elements == 0 ? place.begin : begin, bytes);
            }
            if (elements / MAX_REPEATS > room) {
                throw Refusal.of(Category.LIMIT_EXCEEDED, shown, "its view of %,d values repeats a storage of %,d more than %d times", elements, room, MAX_REPEATS).where("tensor " + name);
            }
            TensorEntry in = new TensorEntry(name, type, Shape.of(shape), file, begin, Math.min(bytes, place.begin + place.bytes - begin));
            return in.as(name, type, in.shape(), new Strided(in, begin, strides, width));
        }

        private long[] longs(String name, List<Object> values) {
            long[] out = new long[values.size()];
            for (int i = 0; i < out.length; i++) {
                if (!(values.get(i) instanceof Long l) || l < 0) {
                    throw Refusal.of(Category.SHAPE_INVALID, shown, "its sizes or strides hold %s; whole numbers from 0 belong there",
                            values.get(i) instanceof Number n ? n.toString() : "something else").where("tensor " + name);
                }
                out[i] = l;
            }
            return out;
        }

        /// The last value of the storage that a view reads, or -1 for a view of none.
        private long last(String name, long offset, long[] shape, long[] strides, long elements) {
            if (elements == 0) {
                return -1;
            }
            try {
                long last = offset;
                for (int a = 0; a < shape.length; a++) {
                    last = Math.addExact(last, Math.multiplyExact(shape[a] - 1, strides[a]));
                }
                if (offset < 0) {
                    throw Refusal.of(Category.OFFSETS_INVALID, shown, "it begins at value %,d of its storage", offset).where("tensor " + name);
                }
                return last;
            } catch (ArithmeticException e) {
                throw Refusal.of(Category.OVERFLOW, shown, "its strides lead past what 64 bits can count").where("tensor " + name).cause(e);
            }
        }
    }
}
