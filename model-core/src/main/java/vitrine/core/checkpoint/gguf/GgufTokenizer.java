package vitrine.core.checkpoint.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The tokenizer inside a GGUF file, told as a `tokenizer.json`.
///
/// Two kinds are known. `gpt2` is byte-level BPE with its merges; how a text is cut into words before is named by `tokenizer.ggml.pre`. `llama` is a
/// sentencepiece vocabulary with scores, merged in the order of the scores, with `<0xNN>` for bytes that it lacks.
final class GgufTokenizer {

    private static final String PREFIX = "tokenizer.ggml.";
    private static final long MAX_TOKEN_BYTES = 65_536;
    private static final int MAX_TOKENS = 1 << 24;
    /// Kinds of tokens, as numbered in the format.
    private static final int UNKNOWN = 2;
    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;

    private static final String LLAMA3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}%s| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String DEEPSEEK3 = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private final GgufHeader header;
    private final GgufKeys keys;

    GgufTokenizer(GgufHeader header, GgufKeys keys) {
        this.header = header;
        this.keys = keys;
    }

    static boolean isIn(GgufHeader header) {
        return header.values().containsKey(PREFIX + "tokens") || header.values().containsKey("tokenizer.huggingface.json");
    }

    /// How many tokens there are.
    ///
    /// @throws Refusal `tokenizer-invalid` where text could not be cut as the model was trained
    int count() {
        if (!whole()) {
            switch (kind()) {
                case "gpt2" -> preTokenizer();
                case "llama" -> list("scores", 6);
                default -> throw unknown();
            }
        }
        GgufValue.List tokens = header.values().get(PREFIX + "tokens") instanceof GgufValue.List l ? l : new GgufValue.List(GgufHeader.STRING, 0, 0);
        if (tokens.count() > MAX_TOKENS || tokens.type() != GgufHeader.STRING) {
            throw refuse("tokens", "is no list of up to %,d texts", MAX_TOKENS);
        }
        return (int) tokens.count();
    }

    /// Whether the file holds a `tokenizer.json` as it is.
    private boolean whole() {
        return header.values().get("tokenizer.huggingface.json") instanceof GgufValue.Text;
    }

    private String kind() {
        return header.values().get(PREFIX + "model") instanceof GgufValue.Text t ? t.value() : "";
    }

    private Refusal unknown() {
        return refuse("model", "is %s; gpt2 and llama are read", kind().isEmpty() ? "missing" : kind()).help("Token ids work.");
    }

    byte[] json() {
        if (whole()) {
            return ((GgufValue.Text) header.values().get("tokenizer.huggingface.json")).value().getBytes(StandardCharsets.UTF_8);
        }
        int count = count();
        List<String> tokens = texts("tokens");
        Map<String, Integer> ids = HashMap.newHashMap(count);
        for (int i = 0; i < count; i++) {
            Integer before = ids.put(tokens.get(i), i);
            if (before != null) {
                throw refuse("tokens", "tokens %,d and %,d are the same text", before, i);
            }
        }
        int[] types = header.values().containsKey(PREFIX + "token_type") ? wholes("token_type", count) : new int[count];
        ObjectNode out = Json.object().put("version", "1.0");
        out.putNull("truncation").putNull("padding");
        ArrayNode added = out.putArray("added_tokens");
        for (int i = 0; i < count; i++) {
            if (types[i] == CONTROL || types[i] == USER_DEFINED || types[i] == UNKNOWN) {
                added.addObject().put("id", i).put("content", tokens.get(i)).put("single_word", false).put("lstrip", false).put("rstrip", false).put("normalized", false)
                        .put("special", types[i] != USER_DEFINED);
            }
        }
        if (kind().equals("gpt2")) {
            byteLevel(out, tokens);
        } else {
            sentencePiece(out, tokens, ids, types);
        }
        return Json.line(out).getBytes(StandardCharsets.UTF_8);
    }

    private void byteLevel(ObjectNode out, List<String> tokens) {
        boolean llama3 = pre().equals("llama-bpe");
        if (pre().equals("qwen2")) {
            out.putObject("normalizer").put("type", "NFC");
        } else {
            out.putNull("normalizer");
        }
        out.set("pre_tokenizer", preTokenizer());
        around(out, tokens, llama3);
        out.putObject("decoder").put("type", "ByteLevel").put("add_prefix_space", true).put("trim_offsets", true).put("use_regex", true);
        ObjectNode model = model(out, tokens);
        model.putNull("unk_token").put("fuse_unk", false).put("byte_fallback", false).put("ignore_merges", llama3);
        ArrayNode merges = model.putArray("merges");
        for (String merge : texts("merges")) {
            int space = merge.indexOf(' ', 1);
            if (space < 0) {
                throw refuse("merges", "merge %,d (%s) is no pair of texts", merges.size(), merge);
            }
            merges.addArray().add(merge.substring(0, space)).add(merge.substring(space + 1));
        }
    }

    private void sentencePiece(ObjectNode out, List<String> tokens, Map<String, Integer> ids, int[] types) {
        boolean space = flag("add_space_prefix", true);
        ArrayNode steps = out.putObject("normalizer").put("type", "Sequence").putArray("normalizers");
        if (space) {
            steps.addObject().put("type", "Prepend").put("prepend", "▁");
        }
        steps.addObject().put("type", "Replace").put("content", "▁").putObject("pattern").put("String", " ");
        out.putNull("pre_tokenizer");
        around(out, tokens, true);
        ArrayNode decoders = out.putObject("decoder").put("type", "Sequence").putArray("decoders");
        decoders.addObject().put("type", "Replace").put("content", " ").putObject("pattern").put("String", "▁");
        decoders.addObject().put("type", "ByteFallback");
        decoders.addObject().put("type", "Fuse");
        if (space) {
            decoders.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
        }
        ObjectNode model = model(out, tokens);
        int unknown = header.values().get(PREFIX + "unknown_token_id") instanceof GgufValue.Whole w && w.value() >= 0 && w.value() < tokens.size() ? (int) w.value() : -1;
        model.put("unk_token", unknown < 0 ? null : tokens.get(unknown)).put("fuse_unk", true).put("byte_fallback", true).put("ignore_merges", false);
        ArrayNode merges = model.putArray("merges");
        merges(tokens, ids, types).forEach(m -> merges.addArray().add(m.left).add(m.right));
    }

    private record Merge(String left, String right, float score) {}

    /// Every way in which two tokens make a third, in the order in which sentencepiece would take them: the best score first.
    private List<Merge> merges(List<String> tokens, Map<String, Integer> ids, int[] types) {
        float[] scores = reals("scores", tokens.size());
        List<Merge> out = new ArrayList<>();
        for (int i = 0; i < tokens.size(); i++) {
            String whole = tokens.get(i);
            if (types[i] > 1 && types[i] != USER_DEFINED) {
                continue;
            }
            List<Merge> ways = new ArrayList<>();
            for (int cut = whole.offsetByCodePoints(0, Math.min(1, whole.codePointCount(0, whole.length()))); cut < whole.length(); cut = whole.offsetByCodePoints(cut, 1)) {
                String left = whole.substring(0, cut);
                String right = whole.substring(cut);
                if (ids.containsKey(left) && ids.containsKey(right)) {
                    ways.add(new Merge(left, right, scores[i]));
                }
            }
            ways.sort(Comparator.<Merge>comparingInt(m -> ids.get(m.left)).thenComparingInt(m -> ids.get(m.right)));
            out.addAll(ways);
        }
        out.sort(Comparator.comparingDouble((Merge m) -> m.score).reversed());
        return out;
    }

    private static ObjectNode model(ObjectNode out, List<String> tokens) {
        ObjectNode model = out.putObject("model").put("type", "BPE").putNull("dropout").putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
        ObjectNode vocabulary = model.putObject("vocab");
        for (int i = 0; i < tokens.size(); i++) {
            vocabulary.put(tokens.get(i), i);
        }
        return model;
    }

    /// The special tokens before and behind a text.
    private void around(ObjectNode out, List<String> tokens, boolean beginsByDefault) {
        String begin = flag("add_bos_token", beginsByDefault) ? token("bos_token_id", tokens) : null;
        String end = flag("add_eos_token", false) ? token("eos_token_id", tokens) : null;
        if (begin == null && end == null) {
            out.putNull("post_processor");
            return;
        }
        ObjectNode processor = out.putObject("post_processor").put("type", "TemplateProcessing");
        for (String form : List.of("single", "pair")) {
            ArrayNode list = processor.putArray(form);
            for (int part = 0; part < (form.equals("single") ? 1 : 2); part++) {
                if (begin != null) {
                    list.addObject().putObject("SpecialToken").put("id", begin).put("type_id", part);
                }
                list.addObject().putObject("Sequence").put("id", part == 0 ? "A" : "B").put("type_id", part);
                if (end != null) {
                    list.addObject().putObject("SpecialToken").put("id", end).put("type_id", part);
                }
            }
        }
        ObjectNode specials = processor.putObject("special_tokens");
        special(specials, begin, "bos_token_id");
        special(specials, end, "eos_token_id");
    }

    private void special(ObjectNode specials, String text, String key) {
        if (text != null) {
            ObjectNode s = specials.putObject(text).put("id", text);
            s.putArray("ids").add((int) ((GgufValue.Whole) header.values().get(PREFIX + key)).value());
            s.putArray("tokens").add(text);
        }
    }

    private String token(String key, List<String> tokens) {
        if (!(header.values().get(PREFIX + key) instanceof GgufValue.Whole w)) {
            return null;
        }
        if (w.value() < 0 || w.value() >= tokens.size()) {
            throw refuse(key, "is %s; there are %,d tokens", Long.toUnsignedString(w.value()), tokens.size());
        }
        return tokens.get((int) w.value());
    }

    private String pre() {
        String said = header.values().get(PREFIX + "pre") instanceof GgufValue.Text t ? t.value() : "";
        return switch (said) {
            case "llama-bpe", "llama3", "llama-v3", "falcon3", "dbrx", "smaug-bpe" -> "llama-bpe";
            case "qwen2", "deepseek-r1-qwen", "stablelm2" -> "qwen2";
            case "gpt-2", "phi-2", "olmo", "mpt", "jina-es", "jina-de", "roberta-bpe", "gigachat" -> "gpt-2";
            case "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone" -> "starcoder";
            case "deepseek-v3" -> "deepseek-v3";
            // Files from before the key was there, of models that have GPT-2's own way.
            case "" -> keys.architecture().equals("gpt2") || keys.architecture().equals("gptneox") ? "gpt-2" : "";
            default -> "";
        };
    }

    /// How a text is cut into words before pairs are merged.
    private ObjectNode preTokenizer() {
        ObjectNode out = Json.object().put("type", "Sequence");
        ArrayNode steps = out.putArray("pretokenizers");
        switch (pre()) {
            case "llama-bpe" -> split(steps, String.format(LLAMA3, "{1,3}"));
            case "qwen2" -> split(steps, String.format(LLAMA3, ""));
            case "starcoder" -> steps.addObject().put("type", "Digits").put("individual_digits", true);
            case "deepseek-v3" -> {
                split(steps, "\\p{N}{1,3}");
                split(steps, "[一-龥\u3040-ゟ゠-ヿ]+");
                split(steps, DEEPSEEK3);
            }
            case "gpt-2" -> {
            }
            default -> throw refuse("pre", "is %s, a way to cut text into words that is not known here, so text would not be tokenised as the model was trained",
                    header.values().get(PREFIX + "pre") instanceof GgufValue.Text t ? t.value() : "missing").help("Token ids work.");
        }
        boolean words = pre().equals("gpt-2") || pre().equals("starcoder");
        steps.addObject().put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", true).put("use_regex", words);
        return out;
    }

    private static void split(ArrayNode steps, String pattern) {
        ObjectNode s = steps.addObject().put("type", "Split").put("behavior", "Isolated").put("invert", false);
        s.putObject("pattern").put("Regex", pattern);
    }

    private boolean flag(String key, boolean otherwise) {
        return header.values().get(PREFIX + key) instanceof GgufValue.Flag f ? f.value() : otherwise;
    }

    private GgufValue.List list(String key, int type) {
        if (header.values().get(PREFIX + key) instanceof GgufValue.List l && l.type() == type && l.count() <= Integer.MAX_VALUE) {
            return l;
        }
        throw refuse(key, header.values().containsKey(PREFIX + key) ? "is no list of the right type" : "is missing");
    }

    private interface Reading {
        void from(GgufInput in, int count) throws IOException;
    }

    private void read(String key, GgufValue.List list, Reading reading) {
        try (FileChannel channel = FileChannel.open(header.file(), StandardOpenOption.READ)) {
            GgufInput in = new GgufInput(channel, header.shown(), channel.size());
            in.at(PREFIX + key);
            in.seek(list.position());
            reading.from(in, (int) list.count());
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, header.shown(), "cannot be read (%s)", Json.reason(e)).cause(e);
        } catch (Refusal r) {
            throw r.as(Category.TOKENIZER_INVALID);
        }
    }

    private List<String> texts(String key) {
        GgufValue.List list = list(key, GgufHeader.STRING);
        List<String> out = new ArrayList<>();
        read(key, list, (in, count) -> {
            for (int i = 0; i < count; i++) {
                out.add(in.string(MAX_TOKEN_BYTES));
            }
        });
        return out;
    }

    private int[] wholes(String key, int expected) {
        GgufValue.List list = counted(key, list(key, 5), expected);
        int[] out = new int[expected];
        read(key, list, (in, count) -> {
            for (int i = 0; i < count; i++) {
                out[i] = in.i32();
            }
        });
        return out;
    }

    private float[] reals(String key, int expected) {
        GgufValue.List list = counted(key, list(key, 6), expected);
        float[] out = new float[expected];
        read(key, list, (in, count) -> {
            for (int i = 0; i < count; i++) {
                out[i] = in.f32();
            }
        });
        return out;
    }

    private GgufValue.List counted(String key, GgufValue.List list, int expected) {
        if (list.count() != expected) {
            throw refuse(key, "has %,d values; there are %,d tokens", list.count(), expected);
        }
        return list;
    }

    private Refusal refuse(String key, String problem, Object... arguments) {
        return Refusal.of(Category.TOKENIZER_INVALID, header.shown(), problem, arguments).where(PREFIX + key);
    }
}
