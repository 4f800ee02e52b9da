package vitrine.core.work.finetune;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.progress.Progress;
import vitrine.core.task.Task;
import vitrine.core.testing.Reference;
import vitrine.core.work.TaskRunner;

/// What a run would see: the counts, and which stretches are learned.
class PreviewRunTest {

    @TempDir
    Path folder;

    @Test
    void tellsWhatIsLearnedAndWhatIsMasked() throws IOException {
        Path data = Files.writeString(folder.resolve("data.jsonl"), "{\"prompt\": \"The lantern\", \"completion\": \" went out\"}\n{\"input_ids\": [1, 2, 3, 4], \"labels\": [-100, -100, 3, -100]}\n"
                + "{\"text\": \"The lantern over the wall went out, and the rest of it is silence for now\"}\n{\"input_ids\": [5], \"labels\": [-100]}\n");
        JsonNode s = TaskRunner.run(new Task.Preview(Reference.of("llama-gqa").checkpoint().toString(), data.toString(), 16), folder.resolve("out"), Progress.NONE, w -> { }).manifest().summary();
        assertEquals(4, s.get("examples").asInt());
        assertEquals(16, s.get("sequence_length").asInt());
        assertEquals(1, s.get("left_out_examples").asInt());
        assertEquals(3, s.get("first").size());
        JsonNode completion = s.get("first").get(0);
        assertEquals("completion", completion.get("kind").asText());
        assertEquals(2, completion.get("parts").size());
        assertTrue(completion.get("parts").get(0).get("text").asText().endsWith("The lantern"), completion.toString());
        assertFalse(completion.get("parts").get(0).get("learned").asBoolean());
        assertEquals(" went out", completion.get("parts").get(1).get("text").asText());
        assertTrue(completion.get("parts").get(1).get("learned").asBoolean());
        JsonNode ids = s.get("first").get(1);
        assertEquals(1, ids.get("learned_tokens").asInt());
        assertEquals(3, ids.get("parts").size(), "masked, learned, masked");
        JsonNode text = s.get("first").get(2);
        assertTrue(text.get("pieces").asInt() > 1, "it was cut to 16 tokens");
        long learned = 0;
        for (JsonNode e : s.get("first")) {
            learned += e.get("learned_tokens").asLong();
        }
        assertEquals(learned, s.get("learned_tokens").asLong());
    }
}
