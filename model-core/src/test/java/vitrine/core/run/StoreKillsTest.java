package vitrine.core.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.json.Json;

/// A process that writes to the store of runs is killed at random moments: the store stays sound, and what it said was written is there.
///
/// `-Dvitrine.store.kills=1000` makes it last; the seed is printed and `-Dvitrine.store.seed` gives it back.
class StoreKillsTest {

    @TempDir
    Path folder;

    /// Creates a run and records step after step for ever, telling each once it is written.
    public static final class Writer {
        public static void main(String[] args) {
            RunStore store = RunStore.open(Path.of(args[0]));
            ObjectNode task = Json.object().put("kind", "finetune").put("model", "/m").put("data", "/d").put("method", "lora");
            task.putObject("settings").put("steps", 1_000_000);
            long run;
            try {
                run = store.create(task, RunStore.environment("embedded", "1", 1)).number();
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
            System.out.println("run " + run);
            for (long step = 1; ; step++) {
                store.record(run, new TreeMap<>(Map.of(step, Map.of("loss", 1.0 / step, "gradient_norm", (double) step))));
                System.out.println(step);
            }
        }
    }

    @Test
    void survivesKillsAtRandomMoments() throws Exception {
        int kills = Integer.getInteger("vitrine.store.kills", 4);
        long seed = Long.getLong("vitrine.store.seed", System.nanoTime());
        System.out.println("store kills seed " + seed);
        Random random = new Random(seed);
        long told = 0;
        for (int i = 0; i < kills; i++) {
            Process writer = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xshare:auto", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED", "-cp",
                    System.getProperty("java.class.path"), Writer.class.getName(), folder.toString()).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            long run = -1;
            long last = 0;
            try (BufferedReader said = new BufferedReader(new InputStreamReader(writer.getInputStream(), StandardCharsets.UTF_8))) {
                String first = said.readLine();
                assertTrue(first != null && first.startsWith("run "), "the writer says " + first);
                run = Long.parseLong(first.substring(4));
                // So many steps, then some moment of the next ones: independent of how fast the machine is.
                int steps = random.nextInt(60);
                for (String line = said.readLine(); line != null; line = said.readLine()) {
                    // The last line may be cut.
                    if (line.matches("\\d+") && Long.parseLong(line) == last + 1) {
                        last = Long.parseLong(line);
                    }
                    if (last >= steps && writer.isAlive()) {
                        java.util.concurrent.locks.LockSupport.parkNanos(random.nextInt(5_000_000));
                        // By its handle: the process itself would close the stream that is still read here.
                        writer.toHandle().destroyForcibly();
                    }
                }
            }
            writer.waitFor();
            told += last;
            try (Connection db = DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("runs.db")); var s = db.createStatement()) {
                assertEquals("ok", s.executeQuery("PRAGMA integrity_check").getString(1), "after kill " + i);
            }
            try (RunStore store = RunStore.open(folder)) {
                var losses = store.figures(run).getOrDefault("loss", new TreeMap<>());
                assertTrue(losses.size() >= last && losses.size() <= last + 1, "kill " + i + ": told " + last + ", found " + losses.size());
                assertEquals(losses.size(), losses.isEmpty() ? 0 : losses.lastKey(), "no step is missing before the last");
                assertEquals(losses.size(), store.figures(run).getOrDefault("gradient_norm", new TreeMap<>()).size(), "a step is there with all its figures or not at all");
                assertEquals(i + 1, store.list().size());
            }
        }
        assertTrue(told > 0, "no kill came after something was written: the test proves nothing");
    }
}
