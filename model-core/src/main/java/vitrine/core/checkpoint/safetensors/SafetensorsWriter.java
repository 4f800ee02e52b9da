package vitrine.core.checkpoint.safetensors;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import vitrine.core.json.Json;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// Writes a safetensors file whose tensors are declared first and filled in any order, so that a tensor larger than memory
/// can be written slice by slice. What is never written reads as zeros.
///
/// The caller makes the file whole or absent ([vitrine.core.files.Whole]). What is written goes to the disk while the caller
/// computes what comes next, so that making it whole at the end need not wait for all of it.
public final class SafetensorsWriter implements AutoCloseable {

    private static final int DATA_ALIGNMENT = 64;
    /// So much is written before the disk is asked to take it.
    private static final long FLUSH_BYTES = 32L << 20;

    /// A tensor to be written.
    public record Declared(DType dtype, Shape shape) {
        long bytes() {
            return Math.multiplyExact(shape.elements(), dtype.bits()) / 8;
        }
    }

    private final FileChannel channel;
    private final Map<String, Declared> declared;
    private final Map<String, Long> offsets = new LinkedHashMap<>();
    private long unflushed;
    private FutureTask<Void> flush;

    /// Begins a file of these tensors, laid out in this order.
    public SafetensorsWriter(Path file, Map<String, Declared> tensors, Map<String, String> metadata) throws IOException {
        declared = new LinkedHashMap<>(tensors);
        ObjectNode header = Json.object();
        if (!metadata.isEmpty()) {
            ObjectNode m = header.putObject("__metadata__");
            metadata.forEach(m::put);
        }
        long end = 0;
        for (Map.Entry<String, Declared> e : declared.entrySet()) {
            ObjectNode t = header.putObject(e.getKey());
            t.put("dtype", e.getValue().dtype().name());
            ArrayNode shape = t.putArray("shape");
            for (long size : e.getValue().shape().sizes()) {
                shape.add(size);
            }
            offsets.put(e.getKey(), end);
            long next = end + e.getValue().bytes();
            t.putArray("data_offsets").add(end).add(next);
            end = next;
        }
        byte[] json = Json.line(header).getBytes(StandardCharsets.UTF_8);
        int padded = (json.length + 8 + DATA_ALIGNMENT - 1) / DATA_ALIGNMENT * DATA_ALIGNMENT - 8;
        ByteBuffer head = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
        head.putLong(padded).put(json);
        while (head.hasRemaining()) {
            head.put((byte) ' ');
        }
        long dataOffset = 8L + padded;
        offsets.replaceAll((name, offset) -> dataOffset + offset);
        channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        writeFully(head.flip(), 0);
        if (end > 0) {
            writeFully(ByteBuffer.allocate(1), dataOffset + end - 1);
        }
    }

    /// Writes raw values of a tensor from value `first` on.
    public void write(String tensor, long first, MemorySegment values) throws IOException {
        Declared t = declared.get(tensor);
        int size = t.dtype().bits() / 8;
        if (first < 0 || first * size + values.byteSize() > t.bytes()) {
            throw new IllegalArgumentException("values past the end of " + tensor);
        }
        long at = offsets.get(tensor) + first * size;
        long done = 0;
        while (done < values.byteSize()) {
            long part = Math.min(values.byteSize() - done, 1 << 30);
            writeFully(values.asSlice(done, part).asByteBuffer(), at + done);
            done += part;
        }
    }

    /// Writes float32 values from value `first` on.
    public void write(String tensor, long first, float[] values) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        b.asFloatBuffer().put(values);
        write(tensor, first, MemorySegment.ofBuffer(b));
    }

    /// Writes float64 values from value `first` on.
    public void write(String tensor, long first, double[] values) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        b.asDoubleBuffer().put(values);
        write(tensor, first, MemorySegment.ofBuffer(b));
    }

    /// Writes 64-bit integers from value `first` on.
    public void write(String tensor, long first, long[] values) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        b.asLongBuffer().put(values);
        write(tensor, first, MemorySegment.ofBuffer(b));
    }

    private void writeFully(ByteBuffer bytes, long position) throws IOException {
        long at = position;
        while (bytes.hasRemaining()) {
            int n = channel.write(bytes, at);
            at += n;
            unflushed += n;
        }
        if (unflushed >= FLUSH_BYTES && (flush == null || flush.isDone())) {
            awaitFlush();
            unflushed = 0;
            flush = new FutureTask<>(() -> {
                channel.force(false);
                return null;
            });
            Thread.ofPlatform().daemon().name("safetensors-flush").start(flush);
        }
    }

    /// A disk that failed to take what was written says so once, to whoever asked: that must not be lost.
    private void awaitFlush() throws IOException {
        if (flush == null) {
            return;
        }
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    flush.get();
                    return;
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void close() throws IOException {
        try (channel) {
            awaitFlush();
        }
    }
}
