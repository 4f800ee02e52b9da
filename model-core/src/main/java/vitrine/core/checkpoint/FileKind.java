package vitrine.core.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// What a file is, judged by its first bytes; the ending of its name has no say.
public enum FileKind {
    EMPTY, SAFETENSORS, JSON, GGUF, GGML, ZIP, PICKLE, LFS_POINTER, TEXT, UNKNOWN;

    private static final int PROBE_BYTES = 512;

    /// Looks at the first bytes of `file`.
    public static FileKind of(Path file) throws IOException {
        ByteBuffer head = ByteBuffer.allocate(PROBE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            while (head.hasRemaining() && channel.read(head) >= 0) {
                // until the probe is full or the file ends
            }
        }
        head.flip();
        return of(head);
    }

    private static FileKind of(ByteBuffer head) {
        int n = head.limit();
        byte[] b = head.array();
        if (n == 0) {
            return EMPTY;
        }
        if (startsWith(b, n, "version https://git-lfs")) {
            return LFS_POINTER;
        }
        if (startsWith(b, n, "GGUF")) {
            return GGUF;
        }
        if (startsWith(b, n, "GGML") || startsWith(b, n, "lmgg") || startsWith(b, n, "fmgg") || startsWith(b, n, "tjgg")) {
            return GGML;
        }
        if (startsWith(b, n, "PK\u0003\u0004") || startsWith(b, n, "PK\u0005\u0006")) {
            return ZIP;
        }
        if (isText(b, n)) {
            byte first = firstVisible(b, n);
            return first == '{' || first == '[' ? JSON : TEXT;
        }
        if (n >= 9 && (b[8] == '{' || b[8] == '[') || n >= 8 && head.getLong(0) >= 0 && head.getLong(0) < 100_000_000L && b[0] != (byte) 0x80) {
            return SAFETENSORS;
        }
        if (n >= 2 && b[0] == (byte) 0x80 && b[1] >= 2 && b[1] <= 5) {
            return PICKLE;
        }
        return UNKNOWN;
    }

    private static boolean startsWith(byte[] bytes, int length, String magic) {
        byte[] m = magic.getBytes(StandardCharsets.ISO_8859_1);
        return length >= m.length && java.util.Arrays.equals(bytes, 0, m.length, m, 0, m.length);
    }

    private static boolean isText(byte[] bytes, int length) {
        for (int i = 0; i < length; i++) {
            int c = bytes[i] & 0xff;
            if (c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f') {
                return false;
            }
        }
        return true;
    }

    private static byte firstVisible(byte[] bytes, int length) {
        for (int i = 0; i < length; i++) {
            if (bytes[i] > ' ') {
                return bytes[i];
            }
        }
        return 0;
    }
}
