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
import vitrine.core.engine.PythonInstallation;
import vitrine.core.engine.WorkerCommand;

/// The scripts that hold random cases on the embedded worker beside another implementation; by themselves they are for many more of them.
final class FuzzScript {

    private static final Path FOLDER = Path.of("../model-core/src/test/python").toAbsolutePath().normalize();

    /// What a script's output calls a case, and all that it said.
    ///
    /// @param same families of which at least one case gave the same numbers
    record Said(List<String> same, String all) {}

    /// Runs a script until its end; fails where it finds a case of which the two do not agree.
    ///
    /// @param heading what is given up, loudly, where no Python has torch
    static Said run(String script, String heading, Path scratch, String... options) throws IOException, InterruptedException {
        PythonInstallation python = PythonNeeded.orGivenUp(heading);
        WorkerCommand worker = WorkerCommand.embedded(1, 1L << 30);
        List<String> command = new ArrayList<>(List.of(python.executable().toString(), FOLDER.resolve(script).toString(), "--worker",
                worker.command().stream().map(FuzzScript::quoted).collect(Collectors.joining(" "))));
        command.addAll(List.of(options));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(worker.environment());
        builder.environment().put("HF_HUB_OFFLINE", "1");
        Path output = scratch.resolve("output.txt");
        Process process = builder.redirectErrorStream(true).redirectOutput(output.toFile()).start();
        try {
            assertTrue(process.waitFor(9, TimeUnit.MINUTES), "it takes too long");
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        String said = Files.readString(output, StandardCharsets.UTF_8);
        assertEquals(0, process.exitValue(), said);
        return new Said(said.lines().filter(l -> l.startsWith("same ")).map(l -> l.substring(9).strip().split(" +")[0]).distinct().toList(), said);
    }

    private static String quoted(String word) {
        return "'" + word.replace("'", "'\"'\"'") + "'";
    }

    private FuzzScript() {}
}
