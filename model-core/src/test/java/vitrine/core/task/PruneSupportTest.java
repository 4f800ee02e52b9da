package vitrine.core.task;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import vitrine.core.json.Json;
import vitrine.core.refusal.Refusal;

/// What a run is refused for before it is begun.
class PruneSupportTest {

    private static Task.Prune task(String method, String more) throws IOException {
        return (Task.Prune) Task.fromJson(Json.mapper().readTree("{'kind': 'prune', 'model': '/m', 'data': '/d', 'method': '%s', %s}".formatted(method, more).replace('\'', '"')));
    }

    private static void refused(String words, Task.Prune task) {
        String said = assertThrows(Refusal.class, () -> PruneSupport.require("pytorch", task)).getMessage();
        assertTrue(said.contains(words) && said.contains("The embedded engine does."), said);
        PruneSupport.require("embedded", task);
    }

    @Test
    void whatPytorchLacksIsNamed() throws IOException {
        PruneSupport.require("pytorch", task("wanda", "'settings': {'sparsity': 0.5, 'allocation': 'uniform'}"));
        refused("the pytorch engine does not prune by heads: its package takes whole layers out", task("heads", "'settings': {'sparsity': 0.5}"));
        refused("does not allocate by owl: it shares a sparsity out evenly only", task("wanda", "'settings': {'sparsity': 0.5, 'allocation': 'owl'}"));
        refused("does not take ranks of single matrices", task("svd", "'settings': {'ranks': {'q_proj': 4}}"));
        refused("does not recover what was pruned", task("wanda", "'settings': {'sparsity': 0.5}, 'recovery': {'method': 'lora'}"));
    }

    @Test
    void theEmbeddedEngineLacksNoMethod() {
        for (PruneMethod m : PruneMethod.values()) {
            assertEquals(java.util.Optional.empty(), PruneSupport.lack("embedded", m));
        }
    }
}
