package vitrine.core.checkpoint.gguf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A file read forwards through a small buffer, with every length checked against the bytes that are left before it is trusted.
final class GgufInput {

    /// No name of a key or a tensor is longer; the format says 65,535 for keys.
    static final long MAX_NAME_BYTES = 65_535;

    /// Counts up to this stand in honest files.
    private static final long PLAUSIBLE = 1 << 24;
    private static final int BUFFER_BYTES = 1 << 18;

    private final FileChannel channel;
    private final Path shown;
    private final long size;
    private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN).limit(0);
    /// Where in the file the buffer begins.
    private long base;
    private String where;

    GgufInput(FileChannel channel, Path shown, long size) {
        this.channel = channel;
        this.shown = shown;
        this.size = size;
    }

    Path shown() {
        return shown;
    }

    /// What is read now, for refusals.
    void at(String place) {
        where = place;
    }

    long position() {
        return base + buffer.position();
    }

    long left() {
        return size - position();
    }

    void seek(long position) {
        base = position;
        buffer.limit(0);
    }

    int u8() throws IOException {
        require(1);
        return buffer.get() & 0xff;
    }

    int u16() throws IOException {
        require(2);
        return buffer.getShort() & 0xffff;
    }

    int i32() throws IOException {
        require(4);
        return buffer.getInt();
    }

    long u32() throws IOException {
        return Integer.toUnsignedLong(i32());
    }

    /// An unsigned number whose sign bit stands for 2^63: compare it with [Long#compareUnsigned].
    long u64() throws IOException {
        require(8);
        return buffer.getLong();
    }

    float f32() throws IOException {
        require(4);
        return buffer.getFloat();
    }

    double f64() throws IOException {
        require(8);
        return buffer.getDouble();
    }

    /// The bytes of a string.
    ///
    /// @throws Refusal `limit-exceeded` where its length passes `most` or what the file holds
    byte[] stringBytes(long most) throws IOException {
        long length = stringLength();
        if (length > most) {
            throw refuse(Category.LIMIT_EXCEEDED, "a text of %,d bytes stands where at most %,d belong", length, most);
        }
        byte[] bytes = new byte[(int) length];
        int done = 0;
        while (done < bytes.length) {
            require(1);
            int n = Math.min(bytes.length - done, buffer.remaining());
            buffer.get(bytes, done, n);
            done += n;
        }
        return bytes;
    }

    private long stringLength() throws IOException {
        long length = u64();
        if (Long.compareUnsigned(length, left()) > 0) {
            throw tooMany(length, "a text of %s bytes is claimed, and the file has %,d bytes left", Long.toUnsignedString(length), left());
        }
        return length;
    }

    String string(long most) throws IOException {
        byte[] bytes = stringBytes(most);
        try {
            return StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT).onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw refuse(Category.HEADER_INVALID, "a text of %,d bytes is no UTF-8", bytes.length).cause(e);
        }
    }

    void skipString() throws IOException {
        skip(stringLength());
    }

    /// Goes on behind `bytes` bytes.
    void skip(long bytes) {
        if (bytes > left()) {
            throw ended();
        }
        if (bytes <= buffer.remaining()) {
            buffer.position(buffer.position() + (int) bytes);
        } else {
            seek(position() + bytes);
        }
    }

    private void require(int bytes) throws IOException {
        if (buffer.remaining() >= bytes) {
            return;
        }
        if (left() < bytes) {
            throw ended();
        }
        base = position();
        buffer.compact();
        while (buffer.position() < bytes) {
            if (channel.read(buffer, base + buffer.position()) < 0) {
                throw ended();
            }
        }
        buffer.flip();
    }

    /// A refusal of a number that the rest of the file cannot hold: of a file that was cut where the number could be true, else of a lie.
    Refusal tooMany(long claimed, String problem, Object... arguments) {
        boolean cut = claimed >= 0 && claimed <= PLAUSIBLE;
        return refuse(cut ? Category.TRUNCATED : Category.LIMIT_EXCEEDED, problem, arguments)
                .help(cut ? "Copy or download it again." : "The file is damaged or was made to mislead.");
    }

    private Refusal ended() {
        return refuse(Category.TRUNCATED, "the file ends at byte %,d, within its header", size).help("Copy or download it again.");
    }

    Refusal refuse(Category category, String problem, Object... arguments) {
        Refusal r = Refusal.of(category, shown, problem, arguments);
        return where == null ? r : r.where(where);
    }
}
