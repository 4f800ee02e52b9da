package vitrine.core.checkpoint.pytorch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.StoredValues;
import vitrine.core.testing.Reference;
import vitrine.core.testing.SharedReference;

/// Files that `torch.save` wrote against the safetensors files of the same weights, and pickles that want more than a tensor.
/// The forward pass from `fmt-bin-bf16-sharded` is checked in `ForwardPassReferenceTest`; the corpus of hostile files in `BadInputsTest`.
class TorchFileTest {

    @TempDir
    Path folder;

    private static void assertSame(Checkpoint want, Checkpoint got) {
        assertEquals(want.tensors().keySet().stream().sorted().toList(), got.tensors().keySet().stream().sorted().toList());
        try (MappedWeights a = new MappedWeights(want); MappedWeights b = new MappedWeights(got)) {
            for (TensorEntry t : want.tensors().values()) {
                TensorEntry o = got.tensors().get(t.name());
                assertEquals(t.dtype(), o.dtype(), t.name());
                assertEquals(t.shape(), o.shape(), t.name());
                assertEquals(-1, a.data(t).mismatch(b.data(o)), t.name());
            }
        }
    }

    @Test
    void shardsOfBfloat16AreTheSafetensorsFiles() {
        Checkpoint got = Checkpoints.open(Reference.of("fmt-bin-bf16-sharded").checkpoint());
        assertEquals("PyTorch, 2 shards", got.format());
        assertEquals(List.of(), got.warnings());
        assertSame(Checkpoints.open(Reference.of("fmt-bf16").checkpoint()), got);
    }

    @Test
    void aZipOfFloat32IsTheSafetensorsFile() {
        Path file = SharedReference.require("fmt-bin").resolve("pytorch_model.bin");
        Checkpoint got = Checkpoints.open(file);
        assertEquals("PyTorch", got.format());
        assertSame(Checkpoints.open(Reference.of("fmt-base").checkpoint()), got);
    }

    @Test
    void viewsAreReadThroughTheirStrides() {
        Checkpoint c = Checkpoints.open(Path.of("src/test/resources/badinputs/pickle/valid_views.pt"));
        try (MappedWeights map = new MappedWeights(c)) {
            TensorEntry a = c.tensors().get("a.weight");
            TensorEntry t = c.tensors().get("a_t.weight");
            TensorEntry tied = c.tensors().get("tied.weight");
            assertEquals(a.offset(), tied.offset(), "one storage, two names");
            for (int r = 0; r < 3; r++) {
                for (int k = 0; k < 2; k++) {
                    assertEquals(StoredValues.at(a.dtype(), map.data(a), 3L * k + r), StoredValues.at(t.dtype(), map.data(t), 2L * r + k), 0);
                }
            }
        }
    }

    @Test
    void theFormBeforeZipHoldsTheSameTensors() {
        assertSame(Checkpoints.open(Path.of("src/test/resources/badinputs/pickle/valid_bf16.bin")),
                Checkpoints.open(Path.of("src/test/resources/badinputs/pickle/legacy_format.pt")));
    }

    // --- pickles made by hand

    private final ByteArrayOutputStream pickle = new ByteArrayOutputStream();

    private TorchFileTest op(int... bytes) {
        for (int b : bytes) {
            pickle.write(b);
        }
        return this;
    }

    private TorchFileTest line(String text) {
        pickle.writeBytes((text + "\n").getBytes(StandardCharsets.UTF_8));
        return this;
    }

    private TorchFileTest text(String text) {
        byte[] b = text.getBytes(StandardCharsets.UTF_8);
        op('X').pickle.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(b.length).array());
        pickle.writeBytes(b);
        return this;
    }

    private Path archive(String name, byte[] storage) throws IOException {
        Path file = folder.resolve(name);
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            stored(zip, "m/data.pkl", pickle.toByteArray());
            stored(zip, "m/data/0", storage);
        }
        return file;
    }

    private static void stored(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
        ZipEntry e = new ZipEntry(name);
        e.setMethod(ZipEntry.STORED);
        e.setSize(bytes.length);
        CRC32 crc = new CRC32();
        crc.update(bytes);
        e.setCrc(crc.getValue());
        zip.putNextEntry(e);
        zip.write(bytes);
        zip.closeEntry();
    }

    private Refusal refused(Path file) {
        return assertThrows(Refusal.class, () -> Checkpoints.open(file));
    }

    /// `{"w": a view of storage 0 of four floats}` with these sizes and strides, each below 256.
    private TorchFileTest dictionary(int[] sizes, int[] strides) {
        op(0x80, 2, '}').text("w").op('c').line("torch._utils").line("_rebuild_tensor_v2").op('(', '(').text("storage").op('c').line("torch").line("FloatStorage")
                .text("0").text("cpu").op('K', 4, 't', 'Q', 'K', 0);
        tuple(sizes);
        tuple(strides);
        return op(0x89, 'N', 't', 'R', 's', '.');
    }

    private void tuple(int[] values) {
        op('(');
        for (int v : values) {
            op('K', v);
        }
        op('t');
    }

    private static byte[] floats(float... values) {
        ByteBuffer b = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float v : values) {
            b.putFloat(v);
        }
        return b.array();
    }

    @Test
    void aRepeatedRowIsReadAsOften() throws IOException {
        Checkpoint c = Checkpoints.open(dictionary(new int[] {3, 4}, new int[] {0, 1}).archive("rows.pt", floats(1, 2, 3, 4)));
        try (MappedWeights map = new MappedWeights(c)) {
            float[] got = map.data(c.tensors().get("w")).toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED);
            assertTrue(Arrays.equals(new float[] {1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4}, got), Arrays.toString(got));
        }
    }

    @Test
    void aSmallStorageIsNoHugeTensor() throws IOException {
        Refusal r = refused(dictionary(new int[] {255, 255, 255, 255}, new int[] {0, 0, 0, 0}).archive("huge.pt", floats(1, 2, 3, 4)));
        assertEquals(Category.LIMIT_EXCEEDED, r.category());
        assertTrue(r.getMessage().contains("tensor w"), r.getMessage());
    }

    /// The list of names is closed: what is not on it is refused whichever way it would be reached.
    @ParameterizedTest
    @ValueSource(strings = {"builtins getattr", "torch load", "torch.storage _load_from_bytes", "torch._utils _rebuild_tensor_v2.__globals__", "numpy.core.multiarray _reconstruct",
            "os.path join", "torch.hub load", "collections OrderedDict.fromkeys", "_codecs encode"})
    void noOtherNameIsTaken(String name) throws IOException {
        String[] parts = name.split(" ");
        Path byLine = op(0x80, 2, 'c').line(parts[0]).line(parts[1]).op(')', 'R', '.').archive("line.pt", new byte[0]);
        Refusal r = refused(byLine);
        assertEquals(Category.PICKLE_FORBIDDEN, r.category());
        assertTrue(r.getMessage().contains(parts[0] + "." + parts[1]), r.getMessage());
        pickle.reset();
        // The same through the stack and its memory.
        Path byStack = op(0x80, 4).text(parts[0]).op('q', 0).text(parts[1]).op('q', 1, '0', '0', 'h', 0, 'h', 1, 0x93, ')', 'R', '0', 'N', '.').archive("stack.pt", new byte[0]);
        assertEquals(Category.PICKLE_FORBIDDEN, refused(byStack).category());
    }

    @Test
    void opcodesThatOnlyCallAreRefused() throws IOException {
        int[][] programs = {{'(', 'i', 'o', 's', '\n', 's', 'y', 's', '\n', '.'}, {'(', 'N', 'o', '.'}, {'N', ')', '}', 0x92, '.'}, {0x82, 1, '.'}, {0x83, 1, 0, '.'}, {0x84, 1, 0, 0, 0, '.'},
            {'N', ')', 0x81, '.'}, {'K', 1, ')', 'R', '.'}, {']', '}', 'b', '.'}};
        for (int[] program : programs) {
            pickle.reset();
            Refusal r = refused(op(program).archive("call.pt", new byte[0]));
            assertEquals(Category.PICKLE_FORBIDDEN, r.category(), Arrays.toString(program) + " " + r.getMessage());
        }
        assertFalse(Files.exists(Path.of("PWNED")));
    }

    @Test
    void aListThatHoldsItselfEnds() throws IOException {
        Checkpoint c = Checkpoints.open(op(0x80, 2, '}').text("again").op(']', 'q', 0, 'h', 0, 'a', 's', '.').archive("loop.pt", new byte[0]));
        assertEquals(0, c.tensors().size());
    }

    /// Sixty tuples, each of twice the one before: 2^60 places to walk through.
    @Test
    void sharedTuplesAreWalkedOnce() throws IOException {
        op(0x80, 2, ')');
        for (int i = 0; i < 60; i++) {
            op('2', 0x86);
        }
        assertEquals(0, Checkpoints.open(op('.').archive("tuples.pt", new byte[0])).tensors().size());
    }

    @Test
    void aDeepPickleNeedsNoStack() throws IOException {
        for (int i = 0; i < 200_000; i++) {
            op(']');
        }
        for (int i = 0; i < 199_999; i++) {
            op('a');
        }
        assertEquals(0, Checkpoints.open(op('.').archive("deep.pt", new byte[0])).tensors().size());
    }
}
