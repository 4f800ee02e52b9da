package vitrine.core.dataset;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Text files as their users mean them: UTF-8, without a byte order mark, with `\n` line ends.
public final class Texts {

    /// The longest prompt that is read, in bytes.
    public static final long MAX_PROMPT_BYTES = 64 << 20;

    private Texts() {}

    /// A prompt from a file.
    ///
    /// @throws Refusal `not-found`, `encoding-invalid` with the first byte that is not UTF-8, or `prompt-invalid` for an empty one
    public static String readPrompt(Path file) {
        if (!Files.exists(file)) {
            throw Refusal.of(Category.NOT_FOUND, file, "there is no such file");
        }
        String text = read(file, Category.PROMPT_INVALID);
        if (text.isEmpty()) {
            throw Refusal.of(Category.PROMPT_INVALID, file, "the file is empty: it gives no tokens");
        }
        return text;
    }

    static String read(Path file, Category invalid) {
        if (!Files.isRegularFile(file)) {
            throw Refusal.of(Category.UNREADABLE, file, Files.isDirectory(file) ? "it is a folder where a file belongs" : "it is no ordinary file");
        }
        byte[] bytes;
        try {
            long size = Files.size(file);
            if (invalid == Category.PROMPT_INVALID && size > MAX_PROMPT_BYTES) {
                throw Refusal.of(Category.LIMIT_EXCEEDED, file, "the prompt has %,d bytes; at most %,d are read", size, MAX_PROMPT_BYTES);
            }
            bytes = Files.readAllBytes(file);
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, file, "cannot be read (%s)", Json.reason(e)).cause(e);
        }
        int bad = firstNonUtf8(bytes, 0);
        if (bad >= 0) {
            throw Refusal.of(Category.ENCODING_INVALID, file, "byte %,d (0x%02X) is not UTF-8", bad, bytes[bad] & 0xff)
                    .help("Save the text as UTF-8.");
        }
        String text = new String(bytes, StandardCharsets.UTF_8);
        text = text.startsWith("\ufeff") ? text.substring(1) : text;
        return text.replace("\r\n", "\n");
    }

    /// The index of the first byte that does not belong to UTF-8, or -1.
    static int firstNonUtf8(byte[] bytes, int from) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT).onUnmappableCharacter(CodingErrorAction.REPORT);
        ByteBuffer in = ByteBuffer.wrap(bytes, from, bytes.length - from);
        CharBuffer out = CharBuffer.allocate(8192);
        while (true) {
            out.clear();
            CoderResult result = decoder.decode(in, out, true);
            if (result.isError()) {
                return in.position();
            }
            if (result.isUnderflow()) {
                return -1;
            }
        }
    }
}
