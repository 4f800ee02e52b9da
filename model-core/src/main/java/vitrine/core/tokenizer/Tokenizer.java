package vitrine.core.tokenizer;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A checkpoint's tokenizer.
public final class Tokenizer implements AutoCloseable {

    private static final long BASE_SECONDS = 8;
    private static final long SECONDS_PER_MEGABYTE_OF_FILE = 10;
    private static final long SECONDS_PER_MILLION_CHARACTERS = 60;
    private static final long MAX_SECONDS = 24 * 3600;

    private final Path file;
    private final HuggingFaceTokenizer library;
    private final Vocabulary vocabulary;
    private final TokenTexts texts;

    private Tokenizer(Path file, HuggingFaceTokenizer library, Vocabulary vocabulary) {
        this.file = file;
        this.library = library;
        this.vocabulary = vocabulary;
        texts = new TokenTexts(vocabulary.byteLevel());
    }

    /// Loads the `tokenizer.json` beside a checkpoint's weights, or the tokenizer inside their file.
    ///
    /// @throws Refusal `tokenizer-missing` or `tokenizer-invalid`
    public static Tokenizer of(Checkpoint checkpoint) {
        Path shown = checkpoint.tokenizerFile();
        if (!checkpoint.hasTokenizer()) {
            throw Refusal.of(Category.TOKENIZER_MISSING, checkpoint.path(), checkpoint.embedded() == null
                    ? "there is no tokenizer.json beside the weights, and text needs one" : "there is no tokenizer in the file, and text needs one")
                    .help(checkpoint.embedded() == null ? "Give token ids instead (--ids), or add the file." : "Give token ids instead (--ids).");
        }
        byte[] json = checkpoint.tokenizer();
        Vocabulary vocabulary = Vocabulary.read(json, shown);
        try {
            HuggingFaceTokenizer library = HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json),
                    Map.of("addSpecialTokens", "true", "truncation", "false", "padding", "false"));
            return new Tokenizer(shown, library, vocabulary);
        } catch (IOException | RuntimeException e) {
            throw Refusal.of(Category.TOKENIZER_INVALID, shown, "the tokenizer cannot be used (%s)", String.valueOf(e.getMessage())).cause(e);
        }
    }

    /// How long loading and encoding may take at the very most: patterns in a tokenizer's file can keep the library busy for ever.
    public static int patienceSeconds(Checkpoint checkpoint, long characters) {
        long bytes = 0;
        try {
            bytes = Files.size(checkpoint.tokenizerFile());
        } catch (IOException e) {
            // Whoever reads the file says what is wrong with it.
        }
        return (int) Math.min(MAX_SECONDS, BASE_SECONDS + SECONDS_PER_MEGABYTE_OF_FILE * bytes / 1_000_000 + SECONDS_PER_MILLION_CHARACTERS * characters / 1_000_000);
    }

    /// The tokens of a text, with the special tokens that the tokenizer puts around it.
    public List<Token> encode(String text) {
        return encode(text, true);
    }

    /// The tokens of a text, with or without the special tokens around it.
    public List<Token> encode(String text, boolean addSpecialTokens) {
        Encoding e;
        try {
            e = library.encode(text, addSpecialTokens, false);
        } catch (RuntimeException failure) {
            throw Refusal.of(Category.TOKENIZER_INVALID, file, "the text cannot be tokenised (%s)", String.valueOf(failure.getMessage())).cause(failure);
        }
        long[] ids = e.getIds();
        long[] special = e.getSpecialTokenMask();
        CharSpan[] spans = e.getCharTokenSpans();
        List<Token> tokens = new ArrayList<>(ids.length);
        for (int i = 0; i < ids.length; i++) {
            boolean isSpecial = special[i] == 1 || vocabulary.isSpecial((int) ids[i]);
            boolean added = spans[i] == null || special[i] == 1;
            String shown = texts.of(e.getTokens()[i], isSpecial);
            tokens.add(new Token((int) ids[i], shown, added ? -1 : spans[i].getStart(), added ? -1 : spans[i].getEnd(), isSpecial));
        }
        return tokens;
    }

    /// Legible texts of ids, without a prompt to take them from.
    public List<Token> describe(int[] ids) {
        List<Token> tokens = new ArrayList<>(ids.length);
        for (int id : ids) {
            String entry = vocabulary.entryOrNull(id);
            boolean special = vocabulary.isSpecial(id);
            tokens.add(new Token(id, entry == null ? "#" + id : texts.of(entry, special), -1, -1, special));
        }
        return tokens;
    }

    /// The text of ids, special tokens left out.
    public String decode(int[] ids) {
        long[] wide = new long[ids.length];
        for (int i = 0; i < ids.length; i++) {
            wide[i] = ids[i];
        }
        return library.decode(wide, true);
    }

    @Override
    public void close() {
        library.close();
    }
}
