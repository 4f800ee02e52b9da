package vitrine.core.task;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.work.finetune.FinetuneForecast;

/// A task written by hand that cannot be run is refused in words that its author understands.
class TaskTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "[]|the task is no JSON object.",
        "{\"model\":\"m\"}|the task has no kind.",
        "{\"kind\":\"anatomy\"}|the kind anatomy is unknown; known are capture, heads, eval, statistics, spectrum, rank, routing, finetune, adapter, adapter-compare, adapter-cut, adapter-merge, adapter-extract, compare, prune, convert, preview.",
        "{\"kind\":\"eval\",\"model\":\"m\"}|the task has no data.",
        "{\"kind\":\"eval\",\"model\":\"m\",\"data\":\"d\",\"length\":9}|length is no key of a task of this kind; known are adapters, cache, data, elastic, heterogeneity, lazy, maxLength, maxTokens, model, off.",
        "{\"kind\":\"eval\",\"model\":\"m\",\"data\":\"d\",\"maxLength\":1}|maxLength is 1; a whole number from 2 belongs here.",
        "{\"kind\":\"eval\",\"model\":\"m\",\"data\":\"d\",\"maxLength\":\"9\"}|maxLength has a value of another type than belongs there.",
        "{\"kind\":\"statistics\",\"model\":\"m\",\"tensors\":[\"a\",3],\"bins\":2}|tensors[1] has a value of another type than belongs there.",
        "{\"kind\":\"capture\",\"model\":\"m\",\"prompt\":{\"ids\":[1]},\"what\":[\"kv\",\"attention\"]}|what[1] is attention; known are attentions, hidden_states, logits, kv, router, loss, "
                + "blocks, metrics, thumbnails, similarity, arank, rollout, head_similarity.",
        "{\"kind\":\"capture\",\"model\":\"m\",\"prompt\":{\"text\":\"a\",\"ids\":[1]},\"what\":[]}|a prompt is exactly one of text, file and ids.",
    })
    void aWrongTaskSaysWhatIsWrong(String json, String message) throws JsonProcessingException {
        JsonNode node = Json.mapper().readTree(json);
        Refusal refusal = assertThrows(Refusal.class, () -> Task.fromJson(node));
        assertEquals(Category.TASK_INVALID, refusal.category());
        assertEquals(message, refusal.getMessage());
    }

    @Test
    void aTextOfOneTokenCannotBeEvaluated() {
        assertThrows(Refusal.class, () -> new Task.Evaluate("m", "d", 1), "pieces of one token would never come to the end of a text");
        assertThrows(Refusal.class, () -> new Task.Heads("m", "d", 0));
    }

    @Test
    void optionalKeysAreLeftOut() {
        assertEquals("{\"kind\":\"heads\",\"model\":\"m\",\"data\":\"d\"}", Json.line(new Task.Heads("m", "d", null).toJson()));
        assertEquals("{\"kind\":\"capture\",\"model\":\"m\",\"prompt\":{\"ids\":[1]},\"what\":[\"kv\"]}",
                Json.line(new Task.Capture("m", Task.Prompt.ofIds(List.of(1)), List.of(Task.What.kv), null).toJson()));
    }

    @Test
    void aRunThatTheDiskHasNoRoomForIsRefusedWithBothNumbers() {
        // 100 million values with moments: three states of 1.2 GB and a result of 0.4 GB, and 64 MiB beside.
        long needed = FinetuneForecast.diskBytes(100_000_000, 100_000_000, false, true, false);
        assertEquals(4_000_000_000L + (64L << 20), needed);
        assertEquals(needed - 2_400_000_000L, FinetuneForecast.diskBytes(100_000_000, 100_000_000, false, false, false), "without moments");
        FinetuneForecast.requireRoom(needed, needed, java.nio.file.Path.of("/runs/1"));
        Refusal r = assertThrows(Refusal.class, () -> FinetuneForecast.requireRoom(needed, 1_500_000_000L, java.nio.file.Path.of("/runs/1")));
        assertEquals("the run needs up to 4.1 GB on the disk, and 1.5 GB are free", r.problem());
    }
}
