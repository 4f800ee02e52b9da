package vitrine.core.dataset;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.testing.Reference;
import vitrine.core.tokenizer.Token;
import vitrine.core.tokenizer.Tokenizer;

/// Examples as sequences: what counts, what is cut, what is refused with its line.
class SequencesTest {

    private static final int VOCABULARY = 10_000;

    @TempDir
    Path folder;

    private Dataset data(String... lines) throws IOException {
        return Dataset.read(Files.writeString(folder.resolve("data.jsonl"), String.join("\n", lines) + "\n"));
    }

    private static Tokenizer tokenizer(String name) {
        return Tokenizer.of(Checkpoints.open(Reference.of(name).checkpoint()));
    }

    private static int[] ids(List<Token> tokens) {
        return tokens.stream().mapToInt(Token::id).toArray();
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "llama-tied", "gemma2", "phi3", "bert"})
    void aCompletionContinuesItsPrompt(String name) throws IOException {
        try (Tokenizer tokenizer = tokenizer(name)) {
            String prompt = "The lantern \uD83D\uDE00 went";
            Sequences.Labelled s = Sequences.of(data("{\"prompt\": \"" + prompt + "\", \"completion\": \" out, and\"}"), tokenizer, 128, VOCABULARY).getFirst();
            assertArrayEquals(ids(tokenizer.encode(prompt + " out, and")), s.ids(), "as the one text that they are");
            int first = 0;
            while (s.labels()[first] == Sequences.IGNORED) {
                first++;
            }
            assertArrayEquals(Arrays.copyOfRange(s.ids(), first, s.ids().length), Arrays.copyOfRange(s.labels(), first, s.labels().length));
            List<Token> tokens = tokenizer.encode(prompt + " out, and");
            int border = prompt.codePointCount(0, prompt.length());
            assertTrue(tokens.get(first).end() > border && tokens.get(first - 1).end() <= border, "the first that counts holds the completion's first character");
        }
    }

    @Test
    void piecesOfALongTextPredictEveryTokenOnce() throws IOException {
        try (Tokenizer tokenizer = tokenizer("llama-gqa")) {
            String text = "The lantern over the wall went out, and the rest of it is silence for now";
            int[] all = ids(tokenizer.encode(text));
            List<Sequences.Labelled> pieces = Sequences.of(data("{\"text\": \"" + text + "\"}"), tokenizer, 8, VOCABULARY);
            assertTrue(pieces.size() > 2);
            assertEquals(all.length - 1, pieces.stream().mapToInt(Sequences.Labelled::predicted).sum());
            for (Sequences.Labelled p : pieces) {
                assertEquals(all[0], p.ids()[0], "each piece begins with the tokenizer's own begin token");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"[1, 2, 9]", "[1, -1, 3]", "[1, 2, -99]"})
    void refusesLabelsThatAreNoTokens(String labels) throws IOException {
        Dataset data = data("{\"input_ids\": [1, 2, 3]}", "{\"input_ids\": [1, 2, 3], \"labels\": " + labels + "}");
        Refusal refusal = assertThrows(Refusal.class, () -> Sequences.of(data, null, 16, 9));
        assertEquals(Category.DATASET_INVALID, refusal.category());
        assertEquals("line 2", refusal.where());
    }

    @Test
    void anUnknownIdIsToldWithItsLine() throws IOException {
        Dataset data = data("{\"input_ids\": [1, 2, 3]}", "", "{\"input_ids\": [1, 9, 3]}");
        Refusal refusal = assertThrows(Refusal.class, () -> Sequences.of(data, null, 16, 9));
        assertEquals(Category.TOKENIZER_MISMATCH, refusal.category());
        assertEquals("data.jsonl: line 3: token 1 has the id 9; the embedding has 9 rows. The tokenizer or the ids belong to another checkpoint.", refusal.getMessage());
    }

    @Test
    void ignoredLabelsDoNotCount() throws IOException {
        Sequences.Labelled s = Sequences.of(data("{\"input_ids\": [1, 2, 3, 4], \"labels\": [-100, -100, 5, -100]}"), null, 16, 9).getFirst();
        assertEquals(1, s.predicted());
        assertArrayEquals(new int[] {-100, -100, 5, -100}, s.labels());
    }
}
