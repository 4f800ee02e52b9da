package vitrine.core.checkpoint.pytorch;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import vitrine.core.checkpoint.BoundedInput;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A pickle: a part of a file.
final class PickleInput extends BoundedInput {

    private static final int BUFFER_BYTES = 1 << 16;

    private final Path shown;
    private final String record;

    /// @param record what the part is called in refusals
    PickleInput(FileChannel channel, Path shown, String record, long begin, long end) {
        super(channel, begin, end, BUFFER_BYTES);
        this.shown = shown;
        this.record = record;
    }

    /// `length` bytes, where as many are left.
    byte[] bytes(long length) throws IOException {
        if (length < 0 || length > left() || length > Integer.MAX_VALUE - 8) {
            throw refuse(Category.PICKLE_INVALID, "%s bytes are claimed at byte %,d, and %,d are left", Long.toUnsignedString(length), position(), left());
        }
        return next((int) length);
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

    @Override
    protected Refusal ended() {
        return refuse(Category.PICKLE_INVALID, "it ends at byte %,d, before its STOP", end());
    }

    Refusal refuse(Category category, String problem, Object... arguments) {
        return Refusal.of(category, shown, problem, arguments).where(record);
    }
}
