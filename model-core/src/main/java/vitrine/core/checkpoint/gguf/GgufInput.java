package vitrine.core.checkpoint.gguf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import vitrine.core.checkpoint.BoundedInput;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The header of a GGUF file.
final class GgufInput extends BoundedInput {

    /// No name of a key or a tensor is longer; the format says 65,535 for keys.
    static final long MAX_NAME_BYTES = 65_535;

    /// Counts up to this stand in honest files.
    private static final long PLAUSIBLE = 1 << 24;
    private static final int BUFFER_BYTES = 1 << 18;

    private final Path shown;
    private String where;

    GgufInput(FileChannel channel, Path shown, long size) {
        super(channel, 0, size, BUFFER_BYTES);
        this.shown = shown;
    }

    Path shown() {
        return shown;
    }

    /// What is read now, for refusals.
    void at(String place) {
        where = place;
    }

    /// An unsigned number whose sign bit stands for 2^63: compare it with [Long#compareUnsigned].
    long u64() throws IOException {
        return i64();
    }

    /// The bytes of a string.
    ///
    /// @throws Refusal `limit-exceeded` where its length passes `most` or what the file holds
    byte[] stringBytes(long most) throws IOException {
        long length = stringLength();
        if (length > most) {
            throw refuse(Category.LIMIT_EXCEEDED, "a text of %,d bytes stands where at most %,d belong", length, most);
        }
        return next((int) length);
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

    /// A refusal of a number that the rest of the file cannot hold: of a file that was cut where the number could be true, else of a lie.
    Refusal tooMany(long claimed, String problem, Object... arguments) {
        boolean cut = claimed >= 0 && claimed <= PLAUSIBLE;
        return refuse(cut ? Category.TRUNCATED : Category.LIMIT_EXCEEDED, problem, arguments)
                .help(cut ? "Copy or download it again." : "The file is damaged or was made to mislead.");
    }

    @Override
    protected Refusal ended() {
        return refuse(Category.TRUNCATED, "the file ends at byte %,d, within its header", end()).help("Copy or download it again.");
    }

    Refusal refuse(Category category, String problem, Object... arguments) {
        Refusal r = Refusal.of(category, shown, problem, arguments);
        return where == null ? r : r.where(where);
    }
}
