package vitrine.core.work.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.testing.Reference;

/// What is written from a checkpoint whose file is no safetensors file, or whose weights are packed.
class CheckpointFolderWriterTest {

    @TempDir
    Path folder;

    @Test
    void packedWeightsAreWrittenAsPlainOnes() throws IOException {
        Checkpoint from = Checkpoints.open(Reference.of("packed-gptq").checkpoint());
        ObjectNode config = from.config();
        assertTrue(config.has("quantization_config"));
        CheckpointFolderWriter.write(folder, config, Map.of("w", new Declared(DType.F32, Shape.of(2))), (name, out) -> out.write(name, 0, new float[] {1, 2}), from);
        Checkpoint written = Checkpoints.open(folder);
        assertFalse(written.config().has("quantization_config"));
        assertEquals("llama", written.config().get("model_type").asText());
    }

    @Test
    void aGgufFilesConfigAndTokenizerAreWrittenBesideTheWeights() throws IOException {
        Checkpoint from = Checkpoints.open(Reference.of("fmt-gguf-q8_0").checkpoint());
        CheckpointFolderWriter.write(folder, from.config(), Map.of("w", new Declared(DType.F32, Shape.of(2))), (name, out) -> out.write(name, 0, new float[] {1, 2}), from);
        assertEquals(-1, java.util.Arrays.mismatch(from.tokenizer(), Files.readAllBytes(folder.resolve("tokenizer.json"))));
        Refusal r = assertThrows(Refusal.class, () -> CheckpointFolderWriter.write(folder, from.config(), Map.of("w", new Declared(DType.Q8_0, Shape.of(32))), (name, out) -> { }, from));
        assertEquals(Category.TASK_INVALID, r.category());
        assertTrue(r.getMessage().contains("Q8_0") && r.getMessage().contains("tensor w"), r.getMessage());
    }
}
