package vitrine.core.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.testing.HugeCheckpoint;
import vitrine.core.testing.OpenOnce;

class HugeCheckpointTest {

    @TempDir
    Path temp;

    @Test
    void opens140GigabytesOf100000TensorsWithin256MebibytesOfHeap() throws IOException, InterruptedException {
        long bytes = HugeCheckpoint.write(temp.resolve("huge"));
        assertTrue(bytes >= 140_000_000_000L, "it has only " + bytes + " bytes");
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx256m", "-XX:+UseSerialGC",
                "-cp", System.getProperty("java.class.path"), OpenOnce.class.getName(), temp.resolve("huge").toString()).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, process.exitValue(), said);
        assertTrue(said.contains("tensors=" + HugeCheckpoint.TENSORS + " bytes=" + bytes + " "), said);
    }
}
