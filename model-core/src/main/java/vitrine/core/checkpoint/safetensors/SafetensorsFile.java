package vitrine.core.checkpoint.safetensors;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.Shape;
import vitrine.core.tensor.StoredValues;


/// A safetensors file read by plain reads, slice by slice: how views and tests read artifacts. No memory map is made, so a
/// file that shrinks is a refusal and not the end of the process.
public final class SafetensorsFile implements AutoCloseable {

    private final Path file;
    private final FileChannel channel;
    private final Map<String, TensorEntry> tensors = new LinkedHashMap<>();
    private final Map<String, String> metadata;

    private SafetensorsFile(Path file, FileChannel channel, SafetensorsHeader header) {
        this.file = file;
        this.channel = channel;
        header.tensors().forEach(t -> tensors.put(t.name(), t));
        metadata = header.metadata();
    }

    /// Opens a file and checks its header.
    ///
    /// @throws Refusal where it is not a whole safetensors file
    public static SafetensorsFile open(Path file) {
        SafetensorsHeader header = SafetensorsHeader.read(file, file);
        try {
            return new SafetensorsFile(file, FileChannel.open(file, StandardOpenOption.READ), header);
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, file, "cannot be read (%s)", Json.reason(e)).cause(e);
        }
    }

    public Path path() {
        return file;
    }

    /// Tensors by name, in order of their bytes.
    public Map<String, TensorEntry> tensors() {
        return tensors;
    }

    public Map<String, String> metadata() {
        return metadata;
    }

    public boolean has(String name) {
        return tensors.containsKey(name);
    }

    /// The shape of a tensor, if it is there.
    public Optional<Shape> shape(String name) {
        return Optional.ofNullable(tensors.get(name)).map(TensorEntry::shape);
    }

    /// How many values a tensor holds.
    public long elements(String name) {
        return require(name).elements();
    }

    /// How many values stand behind each number of a tensor's first axis.
    public long elementsOfSlice(String name) {
        TensorEntry t = require(name);
        return t.elements() / Math.max(1, t.shape().size(0));
    }

    /// `count` values from value `first` on, as float32.
    public float[] floats(String name, long first, int count) {
        TensorEntry t = require(name);
        MemorySegment bytes = read(t, first, count);
        float[] out = new float[count];
        for (int i = 0; i < count; i++) {
            out[i] = (float) StoredValues.at(t.dtype(), bytes, i);
        }
        return out;
    }

    /// All values of a tensor, as float32.
    public float[] floats(String name) {
        return floats(name, 0, Math.toIntExact(require(name).elements()));
    }

    /// All values of a tensor, as float64.
    public double[] doubles(String name) {
        return doubles(name, 0, Math.toIntExact(require(name).elements()));
    }

    /// `count` values from value `first` on, as float64, which holds counts up to 2^53 exactly.
    public double[] doubles(String name, long first, int count) {
        TensorEntry t = require(name);
        MemorySegment bytes = read(t, first, count);
        double[] out = new double[count];
        for (int i = 0; i < count; i++) {
            out[i] = StoredValues.at(t.dtype(), bytes, i);
        }
        return out;
    }

    /// All values of an integer tensor.
    public int[] ints(String name) {
        double[] values = doubles(name);
        int[] out = new int[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (int) values[i];
        }
        return out;
    }

    private TensorEntry require(String name) {
        TensorEntry t = tensors.get(name);
        if (t == null) {
            throw Refusal.of(Category.TENSOR_MISSING, file, "it is not in the file").where("tensor " + name);
        }
        return t;
    }

    private MemorySegment read(TensorEntry t, long first, int count) {
        int size = t.dtype().bits() / 8;
        if (first < 0 || first + count > t.elements()) {
            throw new IndexOutOfBoundsException("values " + first + " to " + (first + count) + " of " + t.name());
        }
        ByteBuffer buffer = ByteBuffer.allocate(Math.multiplyExact(count, size));
        long at = t.offset() + first * size;
        try {
            while (buffer.hasRemaining()) {
                int n = channel.read(buffer, at + buffer.position());
                if (n < 0) {
                    throw Refusal.of(Category.TRUNCATED, file, "it ends within this tensor: it changed while it was open").where("tensor " + t.name());
                }
            }
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, file, "cannot be read (%s)", Json.reason(e)).cause(e);
        }
        return MemorySegment.ofArray(buffer.array());
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
