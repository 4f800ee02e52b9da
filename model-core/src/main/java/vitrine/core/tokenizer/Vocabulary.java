package vitrine.core.tokenizer;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The entries of a `tokenizer.json`, read without the native library: safe in any process.
public final class Vocabulary {

    /// No vocabulary of a language model comes near this; ids beyond it are damage.
    private static final int MAX_ID = 1 << 24;

    private String[] entries = new String[1024];
    private final BitSet special = new BitSet();
    private boolean byteLevel;
    private int size;
    private final List<String[]> merges = new ArrayList<>();
    private final Path shown;

    private Vocabulary(Path shown) {
        this.shown = shown;
    }

    /// Reads the vocabulary of a checkpoint that has one.
    ///
    /// @throws Refusal `tokenizer-invalid` where it is no tokenizer
    public static Vocabulary of(Checkpoint checkpoint) {
        return read(checkpoint.tokenizer(), checkpoint.tokenizerFile());
    }

    /// Reads the vocabulary that `bytes` holds as a `tokenizer.json` does; `shown` is the file as its user knows it.
    ///
    /// @throws Refusal `tokenizer-invalid` where it is no tokenizer
    static Vocabulary read(byte[] bytes, Path shown) {
        Json.requireUtf8(shown, bytes, bytes.length, Category.TOKENIZER_INVALID);
        Vocabulary v = new Vocabulary(shown);
        try (JsonParser p = Json.parser(bytes, 0, bytes.length)) {
            if (p.nextToken() != JsonToken.START_OBJECT) {
                throw Refusal.of(Category.TOKENIZER_INVALID, shown, "it is no JSON object");
            }
            boolean model = false;
            while (p.nextToken() == JsonToken.FIELD_NAME) {
                String key = p.currentName();
                p.nextToken();
                switch (key) {
                    case "added_tokens" -> v.readAdded(p);
                    case "model" -> {
                        v.readModel(p);
                        model = true;
                    }
                    default -> v.watchForByteLevel(p);
                }
            }
            if (!model) {
                throw Refusal.of(Category.TOKENIZER_INVALID, shown, "it has no model");
            }
        } catch (IOException e) {
            throw Json.refuse(shown, Category.TOKENIZER_INVALID, e);
        }
        v.checkMerges();
        return v;
    }

    /// The highest id plus one.
    public int size() {
        return size;
    }

    /// The entry of an id as it stands in the file, or null.
    public String entryOrNull(int id) {
        return id >= 0 && id < entries.length ? entries[id] : null;
    }

    public boolean isSpecial(int id) {
        return special.get(id);
    }

    /// Whether entries are written in GPT-2's byte-level alphabet.
    public boolean byteLevel() {
        return byteLevel;
    }

    private void readAdded(JsonParser p) throws IOException {
        if (p.currentToken() != JsonToken.START_ARRAY) {
            p.skipChildren();
            return;
        }
        while (p.nextToken() == JsonToken.START_OBJECT) {
            int id = -1;
            String content = null;
            boolean isSpecial = false;
            while (p.nextToken() == JsonToken.FIELD_NAME) {
                String key = p.currentName();
                p.nextToken();
                switch (key) {
                    case "id" -> id = p.getValueAsInt(-1);
                    case "content" -> content = p.getValueAsString();
                    case "special" -> isSpecial = p.getValueAsBoolean();
                    default -> p.skipChildren();
                }
            }
            put(id, content);
            special.set(Math.max(0, id), isSpecial && id >= 0);
        }
    }

    private void readModel(JsonParser p) throws IOException {
        if (p.currentToken() != JsonToken.START_OBJECT) {
            throw Refusal.of(Category.TOKENIZER_INVALID, shown, "its model is no object");
        }
        while (p.nextToken() == JsonToken.FIELD_NAME) {
            String key = p.currentName();
            p.nextToken();
            if (key.equals("vocab") && p.currentToken() == JsonToken.START_OBJECT) {
                while (p.nextToken() == JsonToken.FIELD_NAME) {
                    String entry = p.currentName();
                    p.nextToken();
                    put(p.getValueAsInt(-1), entry);
                }
            } else if (key.equals("vocab") && p.currentToken() == JsonToken.START_ARRAY) {
                for (int id = 0; p.nextToken() == JsonToken.START_ARRAY; id++) {
                    p.nextToken();
                    put(id, p.getValueAsString());
                    while (p.nextToken() != JsonToken.END_ARRAY) {
                        p.skipChildren();
                    }
                }
            } else if (key.equals("merges") && p.currentToken() == JsonToken.START_ARRAY) {
                readMerges(p);
            } else {
                p.skipChildren();
            }
        }
    }

    /// Merges are written as `"a b"` or `["a", "b"]`; they are checked when the whole vocabulary is known.
    private void readMerges(JsonParser p) throws IOException {
        while (p.nextToken() != JsonToken.END_ARRAY && p.currentToken() != null) {
            if (p.currentToken() == JsonToken.VALUE_STRING) {
                int space = p.getText().indexOf(' ');
                merges.add(space < 0 ? new String[] {p.getText(), ""} : new String[] {p.getText().substring(0, space), p.getText().substring(space + 1)});
            } else if (p.currentToken() == JsonToken.START_ARRAY) {
                String left = p.nextTextValue();
                String right = p.nextTextValue();
                merges.add(new String[] {String.valueOf(left), String.valueOf(right)});
                while (p.currentToken() != JsonToken.END_ARRAY && p.nextToken() != null) {
                    // to the end of the pair
                }
            } else {
                throw Refusal.of(Category.TOKENIZER_INVALID, shown, "merge %,d is no pair of entries", merges.size());
            }
        }
    }

    private void checkMerges() {
        java.util.Set<String> known = new java.util.HashSet<>();
        for (String e : entries) {
            if (e != null) {
                known.add(e);
            }
        }
        for (int i = 0; i < merges.size(); i++) {
            for (String part : new String[] {merges.get(i)[0], merges.get(i)[1], merges.get(i)[0] + merges.get(i)[1]}) {
                if (!known.contains(part)) {
                    throw Refusal.of(Category.TOKENIZER_INVALID, shown, "merge %,d (\"%s\" with \"%s\") needs the entry \"%s\", which is not in the vocabulary",
                            i, merges.get(i)[0], merges.get(i)[1], part);
                }
            }
        }
        merges.clear();
    }

    private void watchForByteLevel(JsonParser p) throws IOException {
        int depth = 0;
        do {
            JsonToken t = p.currentToken();
            if (t == null) {
                return;
            }
            depth += t.isStructStart() ? 1 : t.isStructEnd() ? -1 : 0;
            byteLevel |= t == JsonToken.VALUE_STRING && p.getText().equals("ByteLevel");
        } while (depth > 0 && p.nextToken() != null);
    }

    private void put(int id, String entry) {
        if (id < 0 || id > MAX_ID || entry == null) {
            throw Refusal.of(Category.TOKENIZER_INVALID, shown, "the entry %s has no usable id (%,d)", String.valueOf(entry), id);
        }
        if (id >= entries.length) {
            entries = Arrays.copyOf(entries, Math.max(id + 1, entries.length * 2));
        }
        entries[id] = entry;
        size = Math.max(size, id + 1);
    }
}
