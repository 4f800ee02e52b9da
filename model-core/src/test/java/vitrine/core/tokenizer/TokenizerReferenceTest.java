package vitrine.core.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.testing.Reference;

/// Ids and texts equal those of the Python library, on every text of the reference cases.
class TokenizerReferenceTest {

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gpt2", "llama-tied", "mistral", "gemma2", "qwen2", "bert", "phi3", "gpt-neox"})
    void givesTheSameIds(String name) {
        Reference reference = Reference.of(name);
        try (Tokenizer tokenizer = Tokenizer.of(Checkpoints.open(reference.checkpoint()))) {
            int cases = 0;
            for (JsonNode c : reference.golden().get("tokenizer_cases")) {
                String text = c.get("text").asText();
                assertArrayEquals(ids(c.get("ids")), tokenizer.encode(text).stream().mapToInt(Token::id).toArray(), "with special tokens: " + text);
                assertArrayEquals(ids(c.get("ids_without_special")), tokenizer.encode(text, false).stream().mapToInt(Token::id).toArray(), text);
                if (c.has("decoded_skipping_special")) {
                    assertEquals(c.get("decoded_skipping_special").asText(), tokenizer.decode(ids(c.get("ids"))));
                }
                cases++;
            }
            assertTrue(cases >= 5);
        }
    }

    private static int[] ids(JsonNode list) {
        int[] out = new int[list.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = list.get(i).asInt();
        }
        return out;
    }

    @Test
    void tokensAreLegible() {
        try (Tokenizer byteLevel = Tokenizer.of(Checkpoints.open(Reference.of("llama-gqa").checkpoint()))) {
            List<Token> tokens = byteLevel.encode("The wall\n€");
            assertTrue(tokens.getFirst().special());
            assertEquals("The", tokens.get(1).text());
            assertTrue(tokens.stream().anyMatch(t -> t.text().equals(" wa") || t.text().startsWith(" w")), tokens.toString());
            assertTrue(tokens.stream().anyMatch(t -> t.text().equals("\n")));
            assertTrue(tokens.stream().anyMatch(t -> t.text().startsWith("<0x")), "bytes that are no text are written as bytes");
        }
        try (Tokenizer pieces = Tokenizer.of(Checkpoints.open(Reference.of("llama-tied").checkpoint()))) {
            List<Token> tokens = pieces.encode("the lantern");
            assertEquals("the lantern", tokens.stream().filter(t -> !t.special()).map(Token::text).reduce("", String::concat).strip());
        }
    }

    @Test
    void idsAreDescribedWithoutAText() {
        try (Tokenizer tokenizer = Tokenizer.of(Checkpoints.open(Reference.of("llama-gqa").checkpoint()))) {
            List<Token> tokens = tokenizer.describe(new int[] {0, 280});
            assertTrue(tokens.get(0).special());
            assertEquals("The", tokens.get(1).text());
            assertEquals(-1, tokens.get(1).start());
        }
    }
}
