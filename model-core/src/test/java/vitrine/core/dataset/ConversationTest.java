package vitrine.core.dataset;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.testing.Reference;
import vitrine.core.tokenizer.ChatTemplate;
import vitrine.core.tokenizer.Tokenizer;

/// Conversations as token sequences: ids and what is learned as transformers has them (`make_chat_cases.py`), where templates stand, what is refused.
class ConversationTest {

    private static final String CHATML = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    @TempDir
    Path folder;

    private static JsonNode read(String name) throws IOException {
        try (InputStream in = ConversationTest.class.getResourceAsStream("/chat/" + name)) {
            return new ObjectMapper().readTree(in);
        }
    }

    private Checkpoint checkpoint(ObjectNode tokenizerConfig) throws IOException {
        Path base = Reference.of("fmt-base").checkpoint();
        for (String f : List.of("config.json", "model.safetensors")) {
            if (!Files.exists(folder.resolve(f))) {
                Files.copy(base.resolve(f), folder.resolve(f));
                try (InputStream in = getClass().getResourceAsStream("/chat/tokenizer.json")) {
                    Files.write(folder.resolve("tokenizer.json"), in.readAllBytes());
                }
            }
        }
        Files.writeString(folder.resolve("tokenizer_config.json"), tokenizerConfig.toString());
        return Checkpoints.open(folder);
    }

    private Checkpoint checkpoint(String template) throws IOException {
        return checkpoint(Json.object().put("bos_token", "<s>").put("eos_token", "</s>").put("chat_template", template));
    }

    private Sequences.Read sequences(Checkpoint c, int length, String... lines) throws IOException {
        Dataset data = Dataset.read(Files.writeString(folder.resolve("data.jsonl"), String.join("\n", lines) + "\n"));
        try (Tokenizer tokenizer = Tokenizer.of(c)) {
            return Sequences.read(data, tokenizer, () -> ChatTemplate.of(c), length, 352);
        }
    }

    private Refusal refused(Checkpoint c, String... lines) {
        return assertThrows(Refusal.class, () -> sequences(c, 512, lines));
    }

    @TestFactory
    Stream<DynamicTest> idsAndMasksAreThoseOfTransformers() throws IOException {
        JsonNode all = read("templates.json");
        return StreamSupport.stream(read("masks.json").get("cases").spliterator(), false).map(c -> DynamicTest.dynamicTest(c.get("template").asText() + ", " + c.get("conversation").asText(), () -> {
            Checkpoint checkpoint = checkpoint(all.get("templates").get(c.get("template").asText()).asText());
            Sequences.Labelled s = sequences(checkpoint, 4096, "{\"messages\": " + all.get("conversations").get(c.get("conversation").asText()) + "}").sequences().getFirst();
            assertArrayEquals(IntStream.range(0, c.get("ids").size()).map(i -> c.get("ids").get(i).asInt()).toArray(), s.ids());
            StringBuilder learned = new StringBuilder();
            for (int label : s.labels()) {
                learned.append(label == Sequences.IGNORED ? '0' : '1');
            }
            assertEquals(c.get("learned").asText(), learned.toString());
        }));
    }

    private static String learned(Sequences.Labelled s, Checkpoint c) {
        try (Tokenizer t = Tokenizer.of(c)) {
            StringBuilder out = new StringBuilder();
            for (int i = 0; i < s.ids().length; i++) {
                out.append(s.labels()[i] == Sequences.IGNORED ? i > 0 && s.labels()[i - 1] != Sequences.IGNORED ? "|" : "" : t.describe(new int[] {s.ids()[i]}).getFirst().text());
            }
            return out.toString();
        }
    }

    @Test
    void turnsAreLearnedWhereEarlierOnesAreWrittenOtherwise() throws IOException {
        // Qwen 3's template leaves the thoughts of earlier turns out and puts empty ones into the last: no beginning of the conversation is one of its text.
        JsonNode all = read("templates.json");
        Checkpoint c = checkpoint(all.get("templates").get("qwen3").asText());
        assertEquals("4<|im_end|>|<think>\nsix\n</think>\n\n6<|im_end|>|", learned(sequences(c, 512, "{\"messages\": " + all.get("conversations").get("thinking") + "}").sequences().getFirst(), c));
    }

    @Test
    void aTemplateWithoutALoopOverTheMessagesIsReadFromItsBeginnings() throws IOException {
        Checkpoint c = checkpoint("{% for i in range(messages | length) %}{{ '<|im_start|>' + messages[i].role + '\\n' + messages[i].content + '<|im_end|>\\n' }}{% endfor %}"
                + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}");
        String line = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}]}";
        assertEquals("b<|im_end|>|", learned(sequences(c, 512, line).sequences().getFirst(), c));
        Checkpoint backwards = checkpoint("{% for i in range(messages | length) %}{{ messages[-1 - i].content }}{% endfor %}");
        assertEquals("data.jsonl: line 1: the checkpoint's chat template cannot be applied (the template does not tell where the assistant's turns are; generation blocks in it would).",
                refused(backwards, line).getMessage());
    }

    @Test
    void aTemplateMayStandInEitherFileAndUnderAName() throws IOException {
        ObjectNode named = Json.object();
        named.putArray("chat_template").addObject().put("name", "tool_use").put("template", "T{{ tools | tojson }}");
        ((com.fasterxml.jackson.databind.node.ArrayNode) named.get("chat_template")).addObject().put("name", "default").put("template", "D{{ bos_token }}");
        named.putObject("bos_token").put("content", "<b>");
        ChatTemplate two = ChatTemplate.of(checkpoint(named));
        assertEquals("D<b>", two.apply(List.of(java.util.Map.of("role", "user")), null).text());
        assertEquals("T[{\"a\": 1}]", two.apply(List.of(java.util.Map.of("role", "user")), List.of(java.util.Map.of("a", 1L))).text());
        Files.writeString(folder.resolve("chat_template.jinja"), "own {{ strftime_now('%d %b %Y, %-d %B %y %%') }}");
        assertEquals("own 26 Jul 2024, 26 July 24 %", ChatTemplate.of(checkpoint(named)).apply(List.of(), null).text());
    }

    @Test
    void aLongConversationLosesItsEndAndIsCounted() throws IOException {
        Checkpoint c = checkpoint(CHATML);
        String asked = "{\"messages\": [{\"role\": \"user\", \"content\": \"0123456789\"}, {\"role\": \"assistant\", \"content\": \"abc\"}]}";
        String unasked = "{\"messages\": [{\"role\": \"user\", \"content\": \"alone\"}]}";
        Sequences.Read whole = sequences(c, 512, asked);
        assertNull(whole.lossesOrNull());
        int length = whole.sequences().getFirst().ids().length;
        Sequences.Read cut = sequences(c, length - 3, asked, unasked, asked);
        assertEquals(List.of(new Sequences.Fate(1, "messages", 1, length - 3, 2, 3), new Sequences.Fate(2, "messages", 0, 0, 0, 0), new Sequences.Fate(3, "messages", 1, length - 3, 2, 3)), cut.fates());
        assertEquals("2 of 3 examples did not fit in and were cut: 6 tokens at their ends are not seen. 1 of 3 examples hold nothing to learn and were left out.", cut.lossesOrNull());
        assertEquals("data.jsonl: no example has an assistant's turn among its first 8 tokens, so nothing can be learned.",
                assertThrows(Refusal.class, () -> sequences(c, 8, asked)).getMessage());
    }

    @Test
    void refusesWhatNoTemplateCanWrite() throws IOException {
        String good = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}]}";
        Refusal none = refused(checkpoint(Json.object()), good);
        assertEquals(Category.TOKENIZER_MISSING, none.category());
        assertEquals("there is no chat template beside the weights (chat_template.jinja, or in tokenizer_config.json), and messages need one", none.problem());
        Refusal unreadable = refused(checkpoint("{% if %}"), good);
        assertEquals(Category.TOKENIZER_INVALID, unreadable.category());
        assertEquals("tokenizer_config.json: template default: the chat template cannot be read (line 1: expected a value, found %}).", unreadable.getMessage().replaceFirst("^.*/", ""));
        Checkpoint raises = checkpoint("{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('No system role here') }}{% endif %}{% endfor %}");
        assertEquals("data.jsonl: line 2: the checkpoint's chat template refuses its messages (No system role here).",
                refused(raises, "{\"text\": \"ok\"}", good.replace("user", "system")).getMessage());
        for (String[] bad : new String[][] {{"{\"messages\": []}", "its messages are no list of messages"}, {"{\"messages\": \"hello\"}", "its messages are no list of messages"},
                {"{\"messages\": [{\"content\": \"a\"}]}", "message 1 has no role"}, {"{\"messages\": [{\"role\": 7, \"content\": \"a\"}]}", "message 1 has no role"},
                {"{\"messages\": [{\"role\": \"user\", \"x\": 123456789012345678901234567890}]}", "a message holds the number 123456789012345678901234567890, which is too large"}}) {
            Refusal r = refused(checkpoint(CHATML), bad[0]);
            assertEquals(Category.DATASET_INVALID, r.category());
            assertEquals("data.jsonl: line 1: " + bad[1] + ".", r.getMessage());
        }
    }
}
