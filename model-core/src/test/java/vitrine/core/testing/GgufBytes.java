package vitrine.core.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// Writes small GGUF files byte by byte, right or wrong.
public final class GgufBytes {

    private final ByteArrayOutputStream keys = new ByteArrayOutputStream();
    private final ByteArrayOutputStream tensors = new ByteArrayOutputStream();
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();
    private long keyCount;
    private long tensorCount;

    private static byte[] le(int bytes, long value) {
        ByteBuffer b = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, value);
        return java.util.Arrays.copyOf(b.array(), bytes);
    }

    private static void text(ByteArrayOutputStream out, String text) {
        byte[] b = text.getBytes(StandardCharsets.UTF_8);
        out.writeBytes(le(8, b.length));
        out.writeBytes(b);
    }

    /// A key with a value of any type, given as bytes.
    public GgufBytes key(String name, int type, byte[] value) {
        text(keys, name);
        keys.writeBytes(le(4, type));
        keys.writeBytes(value);
        keyCount++;
        return this;
    }

    public GgufBytes text(String name, String value) {
        ByteArrayOutputStream v = new ByteArrayOutputStream();
        text(v, value);
        return key(name, 8, v.toByteArray());
    }

    public GgufBytes whole(String name, long value) {
        return key(name, 4, le(4, value));
    }

    public GgufBytes real(String name, float value) {
        return key(name, 6, le(4, Float.floatToRawIntBits(value)));
    }

    public GgufBytes flag(String name, boolean value) {
        return key(name, 7, new byte[] {(byte) (value ? 1 : 0)});
    }

    public GgufBytes texts(String name, List<String> values) {
        ByteArrayOutputStream v = new ByteArrayOutputStream();
        v.writeBytes(le(4, 8));
        v.writeBytes(le(8, values.size()));
        values.forEach(t -> text(v, t));
        return key(name, 9, v.toByteArray());
    }

    public GgufBytes reals(String name, float... values) {
        ByteArrayOutputStream v = new ByteArrayOutputStream();
        v.writeBytes(le(4, 6));
        v.writeBytes(le(8, values.length));
        for (float f : values) {
            v.writeBytes(le(4, Float.floatToRawIntBits(f)));
        }
        return key(name, 9, v.toByteArray());
    }

    public GgufBytes wholes(String name, int... values) {
        ByteArrayOutputStream v = new ByteArrayOutputStream();
        v.writeBytes(le(4, 5));
        v.writeBytes(le(8, values.length));
        for (int i : values) {
            v.writeBytes(le(4, i));
        }
        return key(name, 9, v.toByteArray());
    }

    /// A tensor of a type with its bytes, aligned at 32.
    ///
    /// @param shape the fastest axis first
    public GgufBytes tensor(String name, int type, byte[] bytes, long... shape) {
        data.writeBytes(new byte[(32 - data.size() % 32) % 32]);
        text(tensors, name);
        tensors.writeBytes(le(4, shape.length));
        for (long s : shape) {
            tensors.writeBytes(le(8, s));
        }
        tensors.writeBytes(le(4, type));
        tensors.writeBytes(le(8, data.size()));
        data.writeBytes(bytes);
        tensorCount++;
        return this;
    }

    public byte[] bytes(int version) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        out.writeBytes(le(4, version));
        out.writeBytes(le(8, tensorCount));
        out.writeBytes(le(8, keyCount));
        out.writeBytes(keys.toByteArray());
        out.writeBytes(tensors.toByteArray());
        out.writeBytes(new byte[(32 - out.size() % 32) % 32]);
        out.writeBytes(data.toByteArray());
        return out.toByteArray();
    }

    public Path write(Path file) throws IOException {
        return Files.write(file, bytes(3));
    }
}
