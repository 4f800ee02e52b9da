package vitrine.core.work.output;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.json.Json;

/// What is solved of a spectrum task so far, in a file that outlives a cancelled or killed run: the next run of the same task on the same
/// files goes on from it.
///
/// The file is a list of records, `[length, CRC-32, bytes]`; the first one says what the task is. A record that is cut off or damaged ends
/// it: what comes after is computed again. Values stay in the file, only where they are is in memory.
///
/// Several threads may add to it. Where another process works on the same task, this one keeps its results in a file of its own, which goes when it is closed.
public final class KeptSpectra implements AutoCloseable {

    private static final int MOST_BYTES = 1 << 30;

    /// A solved matrix.
    ///
    /// @param row its figures, as in `spectra.json`
    /// @param lengths of its arrays, by name
    public record Entry(ObjectNode row, Map<String, Integer> lengths, Map<String, Long> places) {}

    private final FileChannel channel;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final int kept;
    private long end;

    private KeptSpectra(FileChannel channel, String task) throws IOException {
        this.channel = channel;
        byte[] head = record(0);
        if (head == null || !new String(head, StandardCharsets.UTF_8).equals(task)) {
            channel.truncate(0);
            end = 0;
            append(task.getBytes(StandardCharsets.UTF_8));
        } else {
            end = 8 + head.length;
            for (byte[] b = record(end); b != null && take(b); b = record(end)) {
                end += 8 + b.length;
            }
            channel.truncate(end);
        }
        kept = entries.size();
    }

    /// The file that belongs to an artifact's folder.
    public static Path beside(Path folder) {
        Path whole = folder.toAbsolutePath();
        return whole.resolveSibling("." + whole.getFileName() + ArtifactStore.KEPT);
    }

    /// Opens what is kept of a task.
    ///
    /// @param otherwise a file to use where another process holds `file`
    /// @param task what the results depend on: a file of another task is begun anew
    public static KeptSpectra open(Path file, Path otherwise, String task) throws IOException {
        FileChannel shared = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            FileLock lock = shared.tryLock();
            if (lock != null) {
                return new KeptSpectra(shared, task);
            }
        } catch (OverlappingFileLockException e) {
            // Another thread of this process is at it.
        } catch (IOException e) {
            shared.close();
            throw e;
        }
        shared.close();
        return new KeptSpectra(FileChannel.open(otherwise, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE,
                StandardOpenOption.DELETE_ON_CLOSE), task);
    }

    /// How many matrices an earlier run had solved.
    public int kept() {
        return kept;
    }

    public synchronized Entry get(String key) {
        return entries.get(key);
    }

    /// Keeps a solved matrix.
    public synchronized void add(String key, ObjectNode row, Map<String, double[]> arrays) throws IOException {
        ObjectNode head = Json.object().put("key", key);
        head.set("row", row);
        ObjectNode lengths = head.putObject("lengths");
        arrays.forEach((n, v) -> lengths.put(n, v.length));
        byte[] json = Json.line(head).getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeInt(json.length);
            out.write(json);
            for (double[] v : arrays.values()) {
                for (double x : v) {
                    out.writeDouble(x);
                }
            }
        }
        long at = end;
        append(bytes.toByteArray());
        note(head, at + 8 + 4 + json.length);
    }

    /// An array of a kept matrix.
    public double[] values(Entry e, String name) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(8 * e.lengths.get(name));
        if (!readFully(b, e.places.get(name))) {
            throw new IOException("the results kept so far have been cut short meanwhile");
        }
        double[] v = new double[e.lengths.get(name)];
        b.flip().asDoubleBuffer().get(v);
        return v;
    }

    private boolean take(byte[] bytes) throws IOException {
        int length = ByteBuffer.wrap(bytes).getInt();
        if (length < 0 || length > bytes.length - 4) {
            return false;
        }
        if (!(Json.mapper().readTree(bytes, 4, length) instanceof ObjectNode head)) {
            return false;
        }
        note(head, end + 8 + 4 + length);
        return true;
    }

    private void note(ObjectNode head, long from) {
        Map<String, Integer> lengths = new LinkedHashMap<>();
        Map<String, Long> places = new LinkedHashMap<>();
        long at = from;
        for (Map.Entry<String, com.fasterxml.jackson.databind.JsonNode> l : head.path("lengths").properties()) {
            lengths.put(l.getKey(), l.getValue().asInt());
            places.put(l.getKey(), at);
            at += 8L * l.getValue().asInt();
        }
        entries.put(head.path("key").asText(), new Entry((ObjectNode) head.get("row"), lengths, places));
    }

    private void append(byte[] bytes) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(8 + bytes.length).putInt(bytes.length).putInt(crc(bytes)).put(bytes).flip();
        long at = end;
        while (b.hasRemaining()) {
            at += channel.write(b, at);
        }
        end = at;
    }

    /// The record at a place, or null where there is no whole one.
    private byte[] record(long at) throws IOException {
        ByteBuffer head = ByteBuffer.allocate(8);
        if (!readFully(head, at)) {
            return null;
        }
        int length = head.getInt(0);
        if (length < 4 || length > MOST_BYTES || at + 8 + length > channel.size()) {
            return null;
        }
        ByteBuffer body = ByteBuffer.allocate(length);
        return readFully(body, at + 8) && crc(body.array()) == head.getInt(4) ? body.array() : null;
    }

    private boolean readFully(ByteBuffer b, long from) throws IOException {
        long at = from;
        while (b.hasRemaining()) {
            int n = channel.read(b, at);
            if (n < 0) {
                return false;
            }
            at += n;
        }
        return true;
    }

    private static int crc(byte[] bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
