package vitrine.app.engines;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.engine.WorkerCommand;

/// Random adapters on random bases on the embedded worker and in peft, by `fuzz_adapters.py`; that script is for many more of them.
class AdaptersAgainstPeftTest {

    private static final Path SCRIPT = Path.of("../model-core/src/test/python/fuzz_adapters.py").toAbsolutePath().normalize();
    private static final List<String> BASES = List.of("llama", "gpt2", "qwen3_moe", "gpt_neox", "bert");

    @Test
    @Timeout(600)
    void randomAdaptersAgree(@TempDir Path folder) throws IOException, InterruptedException {
        PythonInstallation python = PythonNeeded.orGivenUp("ADAPTERS AGAINST PEFT");
        Path output = folder.resolve("output.txt");
        WorkerCommand worker = WorkerCommand.embedded(1, 1L << 30);
        List<String> command = new ArrayList<>(List.of(python.executable().toString(), SCRIPT.toString(), "--cases", "1", "--seed", "101", "--worker",
                worker.command().stream().map(w -> "'" + w.replace("'", "'\"'\"'") + "'").collect(Collectors.joining(" ")), "--only"));
        command.addAll(BASES);
        ProcessBuilder builder = new ProcessBuilder(command);
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
        assertEquals(BASES, same, said);
    }
}
