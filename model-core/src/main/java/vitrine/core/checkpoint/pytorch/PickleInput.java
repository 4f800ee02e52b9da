package vitrine.core.checkpoint.pytorch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A part of a file, read forwards through a small buffer; no length is trusted before it was compared with the bytes that are left.
final class PickleInput {

    private static final int BUFFER_BYTES = 1 << 16;

    private final FileChannel channel;
    private final Path shown;
    private final String record;
    private final long end;
    private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN).limit(0);
    private long base;

    /// @param record what the part is called in refusals
    PickleInput(FileChannel channel, Path shown, String record, long begin, long end) {
        this.channel = channel;
        this.shown = shown;
        this.record = record;
        this.end = end;
        base = begin;
    }

    long position() {
        return base + buffer.position();
    }

    long left() {
        return end - position();
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

    long i64() throws IOException {
        require(8);
        return buffer.getLong();
    }

    /// `length` bytes, where as many are left.
    byte[] bytes(long length) throws IOException {
        if (length < 0 || length > left() || length > Integer.MAX_VALUE - 8) {
            throw refuse(Category.PICKLE_INVALID, "%s bytes are claimed at byte %,d, and %,d are left", Long.toUnsignedString(length), position(), left());
        }
        byte[] out = new byte[(int) length];
        int done = 0;
        while (done < out.length) {
            require(1);
            int n = Math.min(out.length - done, buffer.remaining());
            buffer.get(out, done, n);
            done += n;
        }
        return out;
    }

    /// The text up to the end of the line, of at most `most` bytes.
    String line(int most) throws IOException {
        StringBuilder out = new StringBuilder();
        for (int c = u8(); c != '\n'; c = u8()) {
            if (out.length() == most) {
                throw refuse(Category.PICKLE_INVALID, "a line of more than %,d characters stands at byte %,d", most, position());
            }
            out.append((char) c);
        }
        return out.toString();
    }

    void skip(long bytes) {
        if (bytes <= buffer.remaining()) {
            buffer.position(buffer.position() + (int) bytes);
        } else {
            base = position() + bytes;
            buffer.limit(0);
        }
    }

    private void require(int bytes) throws IOException {
        if (buffer.remaining() >= bytes) {
            return;
        }
        if (left() < bytes) {
            throw refuse(Category.PICKLE_INVALID, "it ends at byte %,d, before its STOP", end);
        }
        base = position();
        buffer.compact();
        while (buffer.position() < bytes) {
            if (channel.read(buffer, base + buffer.position()) < 0) {
                throw refuse(Category.PICKLE_INVALID, "it ends at byte %,d, before its STOP", base);
            }
        }
        buffer.flip();
        // What lies behind the part is not the part's.
        buffer.limit((int) Math.min(buffer.limit(), end - base));
    }


    Refusal refuse(Category category, String problem, Object... arguments) {
        return Refusal.of(category, shown, problem, arguments).where(record);
    }
}
