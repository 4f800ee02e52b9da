package vitrine.core.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.testing.Reference;

/// Links and names that lead out of what was opened, files that change while they are open, headers that claim more than there is.
class HostileFilesTest {

    private static final Path BF16 = Path.of("src/test/resources/reference/fmt-bf16").toAbsolutePath();
    private static final Path BIN = Path.of("src/test/resources/reference/fmt-bin-bf16-sharded").toAbsolutePath();
    private static final Path GGUF = Path.of("src/test/resources/reference/fmt-gguf-q4_0/model.gguf").toAbsolutePath();

    @TempDir
    Path folder;

    private Refusal refused(Path path) {
        return assertThrows(Refusal.class, () -> Checkpoints.open(path));
    }

    /// A folder that came from elsewhere may hold links; none is followed out of it, whatever the format.
    @Test
    void noLinkLeadsOutOfTheFolder() throws IOException {
        Path model = Files.createDirectory(folder.resolve("safetensors"));
        Files.createSymbolicLink(model.resolve("model.safetensors"), BF16.resolve("model.safetensors"));
        assertEquals(Category.PATH_ESCAPE, refused(model).category());

        Path torch = Files.createDirectory(folder.resolve("torch"));
        Files.createSymbolicLink(torch.resolve("pytorch_model.bin"), BIN.resolve("pytorch_model-00001-of-00002.bin"));
        assertEquals(Category.PATH_ESCAPE, refused(torch).category());

        Path shards = Files.createDirectory(folder.resolve("shards"));
        Files.copy(BIN.resolve("pytorch_model.bin.index.json"), shards.resolve("pytorch_model.bin.index.json"));
        Files.copy(BIN.resolve("pytorch_model-00001-of-00002.bin"), shards.resolve("pytorch_model-00001-of-00002.bin"));
        Files.createSymbolicLink(shards.resolve("pytorch_model-00002-of-00002.bin"), BIN.resolve("pytorch_model-00002-of-00002.bin"));
        assertEquals(Category.PATH_ESCAPE, refused(shards).category());

        Path gguf = Files.createDirectory(folder.resolve("gguf"));
        Files.createSymbolicLink(gguf.resolve("model.gguf"), GGUF);
        assertEquals(Category.PATH_ESCAPE, refused(gguf).category());

        Path config = Files.createDirectory(folder.resolve("config"));
        Files.copy(BF16.resolve("model.safetensors"), config.resolve("model.safetensors"));
        Files.createSymbolicLink(config.resolve("config.json"), BF16.resolve("config.json"));
        Files.createSymbolicLink(config.resolve("tokenizer.json"), BF16.resolve("tokenizer.json"));
        Checkpoint opened = Checkpoints.open(config);
        assertEquals(Category.PATH_ESCAPE, assertThrows(Refusal.class, opened::config).category());
        assertEquals(Category.PATH_ESCAPE, assertThrows(Refusal.class, opened::tokenizer).category());
    }

    /// The hub's cache is links: into its own blobs they are followed, elsewhere not.
    @Test
    void aCachesLinksLeadIntoItsOwnBlobsOnly() throws IOException {
        Path entry = folder.resolve("models--a--b");
        Path snapshot = Files.createDirectories(entry.resolve("snapshots/0123"));
        Path blobs = Files.createDirectories(entry.resolve("blobs"));
        Files.copy(GGUF, blobs.resolve("aa11"));
        Files.createSymbolicLink(snapshot.resolve("model.gguf"), Path.of("../../blobs/aa11"));
        assertEquals("GGUF", Checkpoints.open(entry).format());
        assertEquals("GGUF", Checkpoints.open(snapshot.resolve("model.gguf")).format());
        Files.delete(snapshot.resolve("model.gguf"));
        Files.createSymbolicLink(snapshot.resolve("model.gguf"), GGUF);
        assertEquals(Category.PATH_ESCAPE, refused(entry).category());
        assertEquals(Category.PATH_ESCAPE, refused(snapshot.resolve("model.gguf")).category());
    }

    @ParameterizedTest
    @ValueSource(strings = {"../secret.bin", "/etc/hostname", "a/b.bin", "..", "C:\\\\x.bin", "a\\\\b.bin", "a\\u0000b.bin"})
    void noNameInAnIndexLeadsOutOfTheFolder(String name) throws IOException {
        Files.writeString(folder.resolve("pytorch_model.bin.index.json"), "{\"metadata\": {}, \"weight_map\": {\"w\": \"" + name + "\"}}");
        assertEquals(Category.PATH_ESCAPE, refused(folder).category());
    }

    @Test
    void aFileThatShrinksOrGrowsWhileItIsOpenIsRefused() throws IOException {
        for (Path original : new Path[] {GGUF, BF16.resolve("model.safetensors"), BIN.resolve("pytorch_model-00001-of-00002.bin")}) {
            Path file = folder.resolve(original.getFileName().toString());
            Files.copy(original, file, StandardCopyOption.REPLACE_EXISTING);
            Checkpoint c = Checkpoints.open(file);
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(channel.size() / 2);
            }
            try (MappedWeights map = new MappedWeights(c)) {
                TensorEntry any = c.tensors().values().iterator().next();
                Refusal r = assertThrows(Refusal.class, () -> map.data(any));
                assertEquals(Category.TRUNCATED, r.category());
                assertTrue(r.getMessage().contains("changed"), r.getMessage());
            }
        }
    }

    /// 256 MB of nothing, with the largest counts that its size allows: what is allocated follows what was read, not what is claimed.
    @Test
    void claimsAreNotAllocated() throws IOException {
        Path file = folder.resolve("sparse.gguf");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            ByteBuffer head = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN).putInt(0x46554747).putInt(3).putLong(8_000_000).putLong(8_000_000).flip();
            channel.write(head, 0);
            channel.write(ByteBuffer.allocate(1), 256 << 20);
        }
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        Refusal r = refused(file);
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertEquals(Category.DUPLICATE_NAME, r.category(), "two keys without a name: " + r.getMessage());
        assertTrue(allocated < 8 << 20, allocated + " bytes");
    }

    @Test
    void theReferenceCasesOpenWithoutAWarning() {
        for (String name : new String[] {"fmt-gguf-q8_0", "fmt-bin-bf16-sharded", "packed-gptq", "gguf-gpt2"}) {
            assertEquals(0, Checkpoints.open(Reference.of(name).checkpoint()).warnings().size(), name);
        }
    }
}
