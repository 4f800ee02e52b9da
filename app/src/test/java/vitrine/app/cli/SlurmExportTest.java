package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import vitrine.app.schema.Schemas;
import vitrine.core.json.Json;

/// A run as a job for a cluster.
class SlurmExportTest {

    private static final Path MODEL = Path.of("../model-core/src/test/resources/reference/llama-tied").toAbsolutePath().normalize();

    @TempDir
    Path folder;

    private Invocation export(String name, String... more) throws IOException {
        Path data = Files.writeString(folder.resolve("data.jsonl"), "{\"input_ids\": [5, 6, 7]}\n");
        List<String> args = new java.util.ArrayList<>(List.of("finetune", "--model", MODEL.toString(), "--data", data.toString(), "--steps", "4", "--r", "8", "--json",
                "--export-slurm", folder.resolve("job").resolve(name).toString()));
        args.addAll(List.of(more));
        return Invocation.of(folder, args);
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "the script is for bash")
    void writesScriptTaskAndPackage() throws IOException, InterruptedException {
        Invocation run = export("train.sbatch", "--nodes", "2", "--gpus", "4", "--engine", "pytorch", "--dtype", "bfloat16");
        assertEquals(0, run.exit(), run.toString());
        JsonNode result = run.events("result").getFirst();
        Schemas.COMMAND_LINE_EVENT.accepts(result);
        Path job = folder.resolve("job");
        JsonNode task = Json.mapper().readTree(job.resolve("train.task.json").toFile());
        Schemas.TASK.accepts(task);
        assertEquals(8, task.at("/settings/r").asInt());
        assertTrue(Files.exists(job.resolve("vitrine_engine/__main__.py")));
        String script = Files.readString(job.resolve("train.sbatch"));
        for (String line : List.of("#SBATCH --nodes=2", "#SBATCH --gpus-per-node=4", "--nproc-per-node=4", "--dtype bfloat16", "--task train.task.json")) {
            assertTrue(script.contains(line), line);
        }
        Process check = new ProcessBuilder("bash", "-n", job.resolve("train.sbatch").toString()).redirectErrorStream(true).start();
        String said = new String(check.getInputStream().readAllBytes());
        assertTrue(check.waitFor(20, TimeUnit.SECONDS));
        assertEquals(0, check.exitValue(), said);
        assertFalse(Files.exists(folder.resolve("home/runs/1")), "nothing is run, so there is no run");
    }

    @Test
    void refusesNamesThatAShellWouldRead() throws IOException {
        Invocation run = export("a b.sh");
        assertEquals(2, run.exit(), run.toString());
        assertEquals("task-invalid", run.events("error").getFirst().get("category").asText());
    }

    @Test
    void refusesToShareOutWhatRunsInOneProcess() throws IOException {
        Invocation run = export("train.sbatch", "--gpus", "2", "--init", "loraga");
        assertEquals(2, run.exit(), run.toString());
        assertEquals("loraga runs in one process only. Ask for one GPU.", run.events("error").getFirst().get("message").asText());
    }
}
