package vitrine.views.attention;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.progress.Progress;
import vitrine.core.task.Task;
import vitrine.core.task.TaskRunner;

/// A capture says the same in its artifact and as a file by itself.
class AttentionCaptureTest {

    private static final Path MODEL = Path.of("../model-core/src/test/resources/reference/llama-gqa").toAbsolutePath().normalize();

    @TempDir
    Path folder;

    @Test
    void provenanceTravelsWithTheFile() throws IOException {
        Task.Capture task = new Task.Capture(MODEL.toString(), Task.Prompt.ofText("The lantern over the wall"),
                List.of(Task.What.attentions, Task.What.metrics, Task.What.similarity, Task.What.thumbnails), null);
        Artifact artifact = TaskRunner.run(task, folder.resolve("capture"), Progress.NONE, w -> {});
        AttentionCapture whole = AttentionCapture.of(artifact);
        AttentionCapture alone = AttentionCapture.of(artifact.tensorFile());
        Set<String> tensors = artifact.tensors().tensors().keySet();
        assertEquals(tensors, artifact.manifest().provenance().keySet());
        for (String tensor : tensors) {
            assertEquals(whole.provenance(tensor), alone.provenance(tensor), tensor);
        }
        assertEquals(Provenance.Kind.MEASURED, alone.provenance("attentions").kind());
        assertEquals(Provenance.Kind.DERIVED, alone.provenance("layer_cosine").kind());
    }
}
