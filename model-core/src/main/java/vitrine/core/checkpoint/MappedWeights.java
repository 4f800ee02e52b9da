package vitrine.core.checkpoint;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The data of a checkpoint's tensors, mapped into memory file by file when first asked for.
///
/// For worker processes only: reading a map whose file has shrunk ends the process.
public final class MappedWeights implements AutoCloseable {

    private final Arena arena = Arena.ofShared();
    private final Map<Path, MemorySegment> maps = new HashMap<>();
    /// Tensors that are put together from several places, until they are released.
    private final Map<String, MemorySegment> assembled = new HashMap<>();
    private final Map<Path, Long> expectedSizes = new HashMap<>();

    public MappedWeights(Checkpoint checkpoint) {
        for (DataFile file : checkpoint.files()) {
            expectedSizes.put(file.path(), file.size());
        }
    }

    /// The tensor's values in its type, row-major: its bytes as stored, read-only and valid until [#close], or, where it has to be put together,
    /// memory that lives as long as it is used.
    ///
    /// @throws Refusal where the file cannot be mapped or is no longer as long as when its header was read
    public synchronized MemorySegment data(TensorEntry tensor) {
        if (tensor.assembly() == null) {
            return file(tensor.file()).asSlice(tensor.offset(), tensor.bytes());
        }
        return assembled.computeIfAbsent(tensor.name(), n -> {
            // Not of this map's arena: whoever still reads it keeps it, after it was released too.
            MemorySegment whole = Arena.ofAuto().allocate(Math.max(1, tensor.dtype().bytes(tensor.elements())), 64);
            tensor.assembly().write(this::file, whole);
            return whole;
        });
    }

    private MemorySegment file(Path file) {
        return maps.computeIfAbsent(file, this::map);
    }

    private MemorySegment map(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long expected = expectedSizes.get(file);
            if (channel.size() != expected) {
                throw Refusal.of(Category.TRUNCATED, file, "it had %,d bytes when it was opened and has %,d now", expected, channel.size())
                        .help("It changed meanwhile; open it again.");
            }
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, expected, arena);
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, file, "cannot be mapped into memory (%s)", Json.reason(e)).cause(e);
        }
    }

    /// Tells the system that a tensor's pages will not be needed soon, so that they stop counting as this process's memory.
    public synchronized void release(TensorEntry tensor) {
        if (tensor.assembly() != null) {
            assembled.remove(tensor.name());
        } else if (tensor.bytes() > 0) {
            data(tensor).unload();
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
