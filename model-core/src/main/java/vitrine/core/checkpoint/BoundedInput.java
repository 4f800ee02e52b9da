package vitrine.core.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import vitrine.core.refusal.Refusal;

/// A part of a file, little-endian, read forwards through a small buffer. Nothing behind its end is read, and no length is trusted before it was compared
/// with the bytes that are left.
public abstract class BoundedInput {

    private final FileChannel channel;
    private final long end;
    private final ByteBuffer buffer;
    /// Where in the file the buffer begins.
    private long base;

    /// @param begin and `end`: bytes of the file; the end is the first that does not belong to the part
    protected BoundedInput(FileChannel channel, long begin, long end, int bufferBytes) {
        this.channel = channel;
        this.end = end;
        base = begin;
        buffer = ByteBuffer.allocate(bufferBytes).order(ByteOrder.LITTLE_ENDIAN).limit(0);
    }

    /// What is said where the part ends too soon.
    protected abstract Refusal ended();

    /// The first byte that does not belong to the part.
    protected final long end() {
        return end;
    }

    /// The byte of the file that comes next.
    public final long position() {
        return base + buffer.position();
    }

    /// Bytes of the part that are left.
    public final long left() {
        return end - position();
    }

    /// Goes on at a byte of the file.
    public final void seek(long position) {
        base = position;
        buffer.limit(0);
    }

    public final int u8() throws IOException {
        require(1);
        return buffer.get() & 0xff;
    }

    public final int u16() throws IOException {
        require(2);
        return buffer.getShort() & 0xffff;
    }

    public final int i32() throws IOException {
        require(4);
        return buffer.getInt();
    }

    public final long u32() throws IOException {
        return Integer.toUnsignedLong(i32());
    }

    public final long i64() throws IOException {
        require(8);
        return buffer.getLong();
    }

    public final float f32() throws IOException {
        require(4);
        return buffer.getFloat();
    }

    public final double f64() throws IOException {
        require(8);
        return buffer.getDouble();
    }

    /// The next bytes.
    ///
    /// @param count at most [#left], which the caller has made sure of
    protected final byte[] next(int count) throws IOException {
        byte[] bytes = new byte[count];
        int done = 0;
        while (done < count) {
            require(1);
            int n = Math.min(count - done, buffer.remaining());
            buffer.get(bytes, done, n);
            done += n;
        }
        return bytes;
    }

    /// Goes on behind `bytes` bytes.
    public final void skip(long bytes) {
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
        buffer.limit((int) Math.min(buffer.limit(), end - base));
    }
}
