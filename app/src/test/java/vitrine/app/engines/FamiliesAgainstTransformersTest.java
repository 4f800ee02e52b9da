package vitrine.app.engines;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.architecture.family.Families;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.engine.WorkerCommand;

/// Random checkpoints of every family on the embedded worker and in transformers, by `fuzz_families.py`; that script is for many more of them.
class FamiliesAgainstTransformersTest {

    private static final Path SCRIPT = Path.of("../model-core/src/test/python/fuzz_families.py").toAbsolutePath().normalize();

    @Test
    @Timeout(600)
    void randomModelsOfEveryFamilyAgree(@TempDir Path folder) throws IOException, InterruptedException {
        PythonInstallation python = PythonNeeded.orGivenUp("EVERY FAMILY AGAINST TRANSFORMERS");
        Path output = folder.resolve("output.txt");
        WorkerCommand worker = WorkerCommand.embedded(1, 1L << 30);
        ProcessBuilder builder = new ProcessBuilder(python.executable().toString(), SCRIPT.toString(), "--cases", "2", "--seed", "11", "--worker", String.join(" ", worker.command().stream().map(FamiliesAgainstTransformersTest::quoted).toList()));
        builder.environment().putAll(worker.environment());
        builder.environment().put("HF_HUB_OFFLINE", "1");
        Process process = builder.redirectErrorStream(true).redirectOutput(output.toFile()).start();
        try {
            assertTrue(process.waitFor(9, TimeUnit.MINUTES), "it takes too long");
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        String said = Files.readString(output, StandardCharsets.UTF_8);
        assertEquals(0, process.exitValue(), said);
        List<String> same = said.lines().filter(l -> l.startsWith("same ")).map(l -> l.substring(9).strip().split(" +")[0]).distinct().toList();
        assertEquals(Families.modelTypes().stream().sorted().toList(), same.stream().sorted().toList(), said);
    }

    private static String quoted(String word) {
        return "'" + word.replace("'", "'\"'\"'") + "'";
    }
}
