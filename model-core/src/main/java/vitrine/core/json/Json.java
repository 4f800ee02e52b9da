package vitrine.core.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Reads JSON strictly (valid UTF-8, no name twice, nothing after the end, bounded depth) and writes it plainly.
public final class Json {

    /// The deepest nesting that any file of ours or of a model hub needs.
    public static final int MAX_DEPTH = 64;

    private static final StreamReadConstraints CONSTRAINTS = StreamReadConstraints.builder()
            .maxNestingDepth(MAX_DEPTH).maxNumberLength(400).maxStringLength(64 << 20).maxNameLength(1 << 16).build();

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(CONSTRAINTS)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    private static final JsonMapper STRICT = JsonMapper.builder(FACTORY)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_INTEGER_FOR_INTS)
            .build();

    private static final JsonMapper PLAIN = JsonMapper.builder()
            .disable(StreamWriteFeature.AUTO_CLOSE_TARGET)
            .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER)
            .build();

    private Json() {}

    /// The streaming factory with this project's limits; names are neither interned nor kept.
    public static JsonFactory factory() {
        return FACTORY;
    }

    /// An empty JSON object.
    public static ObjectNode object() {
        return PLAIN.createObjectNode();
    }

    /// The mapper for what Vitrine writes and reads back itself: tasks, events, manifests.
    public static JsonMapper mapper() {
        return PLAIN;
    }

    /// One line of JSON.
    public static String line(JsonNode node) {
        try {
            return PLAIN.writeValueAsString(node);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("a JSON tree that cannot be written", e);
        }
    }

    /// Indented JSON for files that people open.
    public static String pretty(JsonNode node) {
        try {
            return PLAIN.writer().with(SerializationFeature.INDENT_OUTPUT).writeValueAsString(node) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("a JSON tree that cannot be written", e);
        }
    }

    /// The object in a file of at most `maxBytes`; `shown` is the file as its user knows it.
    ///
    /// @throws Refusal with category `invalid` where it is not one JSON object; the message says line and column
    public static ObjectNode readObject(Path file, Path shown, long maxBytes, Category invalid) {
        return readObject(readBytes(file, maxBytes, invalid), shown, invalid);
    }

    /// The object in bytes that were found in `shown`.
    ///
    /// @throws Refusal as above
    public static ObjectNode readObject(byte[] bytes, Path shown, Category invalid) {
        requireUtf8(shown, bytes, bytes.length, invalid);
        try {
            JsonNode node = STRICT.readTree(bytes);
            if (node instanceof ObjectNode object) {
                return object;
            }
            String found = node == null || node.isMissingNode() ? "nothing" : "an " + node.getNodeType().toString().toLowerCase();
            throw Refusal.of(invalid, shown, "its JSON is %s where an object {...} belongs", found.replace("an n", "a n").replace("an s", "a s").replace("an b", "a b"));
        } catch (IOException e) {
            throw refuse(shown, invalid, e);
        }
    }

    /// The bytes of a small file.
    ///
    /// @throws Refusal `unreadable` for what is no ordinary file (a pipe would be waited for, a device never ends), `limit-exceeded`
    public static byte[] readBytes(Path file, long maxBytes, Category invalid) {
        try {
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw Refusal.of(Category.UNREADABLE, file, Files.isDirectory(file) ? "it is a folder where a file belongs" : "it is no ordinary file");
            }
            long size = Files.size(file);
            if (size > maxBytes) {
                throw Refusal.of(Category.LIMIT_EXCEEDED, file, "has %,d bytes; at most %,d are read", size, maxBytes);
            }
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, file, "cannot be read (%s)", reason(e)).cause(e);
        }
    }

    /// Refuses bytes that are not UTF-8, naming the first offset that is not.
    public static void requireUtf8(Path file, byte[] bytes, int length, Category invalid) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT).onUnmappableCharacter(CodingErrorAction.REPORT);
        ByteBuffer in = ByteBuffer.wrap(bytes, 0, length);
        CharBuffer out = CharBuffer.allocate(8192);
        while (true) {
            out.clear();
            CoderResult result = decoder.decode(in, out, true);
            if (result.isError()) {
                throw Refusal.of(invalid, file, "byte %,d (0x%02X) is not UTF-8", in.position(), bytes[in.position()] & 0xff);
            }
            if (result.isUnderflow()) {
                return;
            }
        }
    }

    /// Turns a parser's complaint into a refusal that says line and column.
    public static Refusal refuse(Path file, Category invalid, IOException problem) {
        if (problem instanceof StreamConstraintsException constraint) {
            boolean depth = constraint.getOriginalMessage().contains("nesting depth");
            return Refusal.of(Category.LIMIT_EXCEEDED, file, depth
                    ? "its JSON is nested deeper than " + MAX_DEPTH + " levels"
                    : "its JSON passes a limit (" + firstSentence(constraint.getOriginalMessage()) + ")").cause(problem);
        }
        if (problem instanceof JsonProcessingException json) {
            String message = firstSentence(json.getOriginalMessage());
            if (message.startsWith("Duplicate")) {
                return Refusal.of(Category.DUPLICATE_NAME, file, "%s", message).cause(problem);
            }
            String at = json.getLocation() == null ? ""
                    : String.format(" at line %d, column %d", json.getLocation().getLineNr(), json.getLocation().getColumnNr());
            return Refusal.of(invalid, file, "is not valid JSON%s (%s)", at, message).cause(problem);
        }
        if (problem instanceof CharacterCodingException) {
            return Refusal.of(invalid, file, "is not UTF-8").cause(problem);
        }
        return Refusal.of(Category.UNREADABLE, file, "cannot be read (%s)", reason(problem)).cause(problem);
    }

    /// A parser for strict, streamed reading.
    public static JsonParser parser(byte[] bytes, int offset, int length) throws IOException {
        return FACTORY.createParser(bytes, offset, length);
    }

    private static String firstSentence(String message) {
        int end = message.indexOf('\n');
        String s = end < 0 ? message : message.substring(0, end);
        return s.length() > 120 ? s.substring(0, 120) + "…" : s;
    }

    /// What an I/O exception says, without the path that the sentence already names.
    public static String reason(IOException e) {
        return switch (e) {
            case java.nio.file.AccessDeniedException ignored -> "permission denied";
            case java.nio.file.NoSuchFileException ignored -> "no such file";
            case java.nio.file.FileSystemException f when f.getReason() != null -> f.getReason();
            // The system's own words, such as "No space left on device", come as a plain IOException.
            case IOException plain when plain.getClass() == IOException.class && plain.getMessage() != null -> firstSentence(plain.getMessage());
            default -> e.getClass().getSimpleName() + (e.getMessage() == null ? "" : ": " + firstSentence(e.getMessage()));
        };
    }
}
