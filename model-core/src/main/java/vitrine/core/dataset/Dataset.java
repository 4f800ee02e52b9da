package vitrine.core.dataset;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.dataset.Example.Content;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A file of examples: plain text, or JSONL whose lines hold `text`, `prompt` with `completion`, `messages` (with `tools`), or `input_ids`.
///
/// A plain text file is one example, or several with a line `<|endoftext|>` between them. A byte order mark is skipped and
/// CRLF line ends are read as line ends.
public record Dataset(Path file, List<Example> examples) {

    private static final long MAX_TEXT_BYTES = 1L << 30;
    private static final int MAX_LINE_BYTES = 64 << 20;
    private static final String TEXT_SEPARATOR = "<|endoftext|>";

    /// Reads a file. JSONL is what begins with `{`.
    ///
    /// @throws Refusal `not-found`, `dataset-invalid` or `encoding-invalid`, naming the line
    public static Dataset read(Path file) {
        if (!Files.exists(file)) {
            throw Refusal.of(Category.NOT_FOUND, file, "there is no such file");
        }
        if (!Files.isRegularFile(file)) {
            throw Refusal.of(Category.UNREADABLE, file, Files.isDirectory(file) ? "it is a folder where a file belongs" : "it is no ordinary file");
        }
        try {
            long size = Files.size(file);
            if (size == 0) {
                throw Refusal.of(Category.DATASET_INVALID, file, "the file is empty: it holds no examples");
            }
            if (isJsonl(file)) {
                return new Dataset(file, readLines(file));
            }
            if (size > MAX_TEXT_BYTES) {
                throw Refusal.of(Category.LIMIT_EXCEEDED, file, "the text has %,d bytes; at most %,d are read", size, MAX_TEXT_BYTES);
            }
            return new Dataset(file, split(Texts.read(file, Category.DATASET_INVALID)));
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, file, "cannot be read (%s)", Json.reason(e)).cause(e);
        }
    }

    /// Characters of all texts.
    public long characters() {
        long sum = 0;
        for (Example e : examples) {
            sum += switch (e.content()) {
                case Content.Text t -> t.text().length();
                case Content.Completion c -> c.prompt().length() + c.completion().length();
                case Content.Conversation c -> c.messages().toString().length();
                case Content.Ids ignored -> 0;
            };
        }
        return sum;
    }

    private static boolean isJsonl(Path file) throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            int c = in.read();
            if (c == 0xEF) {
                in.skipNBytes(2);
                c = in.read();
            }
            while (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
                c = in.read();
            }
            return c == '{' || file.getFileName().toString().endsWith(".jsonl");
        }
    }

    private static List<Example> split(String text) {
        List<Example> out = new ArrayList<>();
        StringBuilder part = new StringBuilder();
        int line = 1;
        int start = 1;
        for (String l : text.split("\n", -1)) {
            if (l.strip().equals(TEXT_SEPARATOR)) {
                addText(out, part, start);
                start = line + 1;
            } else {
                part.append(l).append('\n');
            }
            line++;
        }
        if (!part.isEmpty()) {
            part.setLength(part.length() - 1);
        }
        addText(out, part, start);
        // A lone text is taken to the letter; between separators the line ends belong to the separators.
        return out.size() == 1 && start == 1 ? out : out.stream().map(e -> new Example(e.line(), null,
                new Content.Text(((Content.Text) e.content()).text().strip()))).toList();
    }

    private static void addText(List<Example> out, StringBuilder part, int line) {
        String text = part.toString();
        if (!text.isBlank()) {
            out.add(new Example(line, null, new Content.Text(text)));
        }
        part.setLength(0);
    }

    private static List<Example> readLines(Path file) throws IOException {
        List<Example> examples = new ArrayList<>();
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
            int number = 0;
            byte[] line;
            while ((line = nextLine(in, file, number + 1)) != null) {
                number++;
                int from = number == 1 && line.length >= 3 && (line[0] & 0xff) == 0xEF && (line[1] & 0xff) == 0xBB ? 3 : 0;
                if (!isBlank(line, from)) {
                    examples.add(readLine(file, number, line, from));
                }
            }
        }
        if (examples.isEmpty()) {
            throw Refusal.of(Category.DATASET_INVALID, file, "the file is empty: it holds no examples");
        }
        return examples;
    }

    private static byte[] nextLine(InputStream in, Path file, int number) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        int c = in.read();
        if (c < 0) {
            return null;
        }
        while (c >= 0 && c != '\n') {
            line.write(c);
            if (line.size() > MAX_LINE_BYTES) {
                throw Refusal.of(Category.LIMIT_EXCEEDED, file, "it has more than %,d bytes", MAX_LINE_BYTES).where("line " + number);
            }
            c = in.read();
        }
        return line.toByteArray();
    }

    private static boolean isBlank(byte[] line, int from) {
        for (int i = from; i < line.length; i++) {
            if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') {
                return false;
            }
        }
        return true;
    }

    private static Example readLine(Path file, int number, byte[] line, int from) {
        String where = "line " + number;
        int bad = Texts.firstNonUtf8(line, from);
        if (bad >= 0) {
            throw Refusal.of(Category.ENCODING_INVALID, file, "byte %,d of the line (0x%02X) is not UTF-8", bad + 1, line[bad] & 0xff).where(where);
        }
        Map<String, String> texts = new HashMap<>();
        Map<String, int[]> lists = new HashMap<>();
        Map<String, JsonNode> trees = new HashMap<>();
        try (JsonParser p = Json.parser(line, from, line.length - from)) {
            if (p.nextToken() != JsonToken.START_OBJECT) {
                throw Refusal.of(Category.DATASET_INVALID, file, "it is no JSON object").where(where);
            }
            while (p.nextToken() == JsonToken.FIELD_NAME) {
                String key = p.currentName();
                p.nextToken();
                switch (key) {
                    case "text", "prompt", "completion", "label" -> texts.put(key, readText(p, file, where, key));
                    case "input_ids", "labels" -> lists.put(key, readIds(p, file, where, key));
                    case "messages", "tools" -> trees.put(key, Json.mapper().readTree(p));
                    default -> p.skipChildren();
                }
            }
        } catch (IOException e) {
            String at = e instanceof com.fasterxml.jackson.core.JsonProcessingException j && j.getLocation() != null
                    ? " at column " + j.getLocation().getColumnNr() : "";
            throw Refusal.of(Category.DATASET_INVALID, file, "it is not valid JSON%s", at).where(where).cause(e);
        }
        return new Example(number, texts.get("label"), content(file, where, texts, lists, trees));
    }

    private static Content content(Path file, String where, Map<String, String> texts, Map<String, int[]> lists, Map<String, JsonNode> trees) {
        if (lists.containsKey("input_ids")) {
            int[] ids = lists.get("input_ids");
            int[] labels = lists.get("labels");
            if (labels != null && labels.length != ids.length) {
                throw Refusal.of(Category.DATASET_INVALID, file, "it has %,d input_ids and %,d labels", ids.length, labels.length).where(where);
            }
            return new Content.Ids(ids, labels);
        }
        if (texts.containsKey("text")) {
            return new Content.Text(texts.get("text"));
        }
        if (texts.containsKey("prompt") && texts.containsKey("completion")) {
            return new Content.Completion(texts.get("prompt"), texts.get("completion"));
        }
        if (trees.containsKey("messages")) {
            JsonNode tools = trees.get("tools");
            return new Content.Conversation(messages(file, where, trees.get("messages")), tools == null ? null : plain(tools, file, where));
        }
        throw Refusal.of(Category.DATASET_INVALID, file, "it has no field text (nor prompt with completion, messages, nor input_ids)").where(where);
    }

    private static List<Map<String, Object>> messages(Path file, String where, JsonNode node) {
        if (!node.isArray() || node.isEmpty()) {
            throw Refusal.of(Category.DATASET_INVALID, file, "its messages are no list of messages").where(where);
        }
        List<Map<String, Object>> out = new ArrayList<>();
        for (JsonNode message : node) {
            if (!message.path("role").isTextual()) {
                throw Refusal.of(Category.DATASET_INVALID, file, "message %,d has no role", out.size() + 1).where(where);
            }
            Map<String, Object> fields = new LinkedHashMap<>();
            message.properties().forEach(e -> fields.put(e.getKey(), plain(e.getValue(), file, where)));
            out.add(fields);
        }
        return out;
    }

    /// A JSON value as plain Java values.
    private static Object plain(JsonNode n, Path file, String where) {
        if (n.isObject()) {
            Map<String, Object> map = new LinkedHashMap<>();
            n.properties().forEach(e -> map.put(e.getKey(), plain(e.getValue(), file, where)));
            return map;
        }
        if (n.isArray()) {
            List<Object> list = new ArrayList<>();
            n.forEach(e -> list.add(plain(e, file, where)));
            return list;
        }
        if (n.isIntegralNumber() && !n.canConvertToLong()) {
            throw Refusal.of(Category.DATASET_INVALID, file, "a message holds the number %s, which is too large", n.asText()).where(where);
        }
        return n.isIntegralNumber() ? (Object) n.asLong() : n.isNumber() ? (Object) n.asDouble() : n.isBoolean() ? (Object) n.asBoolean() : n.isNull() ? null : n.asText();
    }

    private static String readText(JsonParser p, Path file, String where, String key) throws IOException {
        if (p.currentToken() != JsonToken.VALUE_STRING) {
            throw Refusal.of(Category.DATASET_INVALID, file, "the field %s holds %s where a text belongs", key, describe(p)).where(where);
        }
        return p.getText();
    }

    private static String describe(JsonParser p) throws IOException {
        return switch (p.currentToken()) {
            case START_ARRAY -> "a list";
            case START_OBJECT -> "an object";
            case VALUE_NULL -> "null";
            case VALUE_TRUE, VALUE_FALSE -> p.getText();
            default -> "the number " + p.getText();
        };
    }

    private static int[] readIds(JsonParser p, Path file, String where, String key) throws IOException {
        int[] out = new int[64];
        int n = 0;
        boolean good = p.currentToken() == JsonToken.START_ARRAY;
        while (good && p.nextToken() != JsonToken.END_ARRAY) {
            good = p.currentToken() == JsonToken.VALUE_NUMBER_INT && p.getNumberType() == JsonParser.NumberType.INT;
            if (good) {
                out = n == out.length ? Arrays.copyOf(out, n * 2) : out;
                out[n++] = p.getIntValue();
            }
        }
        if (!good) {
            throw Refusal.of(Category.DATASET_INVALID, file, "the field %s is no list of whole numbers", key).where(where);
        }
        return Arrays.copyOf(out, n);
    }
}
