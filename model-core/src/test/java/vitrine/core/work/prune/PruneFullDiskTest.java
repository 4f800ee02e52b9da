package vitrine.core.work.prune;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.core.work.output.KeptSums;
import vitrine.core.work.prune.structure.StructuredRun;

/// A disk that is full before a pruning run begins, or fills while it goes: a sentence, nothing half, and a run that goes on from what it had kept once there is room.
///
/// The disk is a memory file system of 8 MB in a mount namespace of the test's own.
class PruneFullDiskTest {

    private static final Path MODEL = Path.of("src/test/resources/reference/llama-gqa").toAbsolutePath().normalize();

    @TempDir
    Path folder;

    /// The run on the small disk. Ends with 0 where all is right.
    public static final class OnSmallDisk {
        private static Path disk;
        /// The first sequence that a run passes through the model.
        private static long begun;

        public static void main(String[] args) throws IOException {
            disk = Path.of(args[0]);
            Random random = new Random(7);
            List<String> lines = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                lines.add("{\"input_ids\": " + random.ints(120 + i % 8, 0, 96).boxed().toList() + "}");
            }
            Path data = Files.write(disk.resolve("data.jsonl"), lines);
            ObjectNode n = Json.object().put("kind", "prune").put("method", "heads").put("data", data.toString()).put("model", args[1]);
            n.putObject("settings").put("sparsity", 0.1).put("even", false);
            Task task = Task.fromJson(n);
            Path whole = run(task, "whole", false);
            require(begun == 0, "the first run began with sequence " + begun);

            fillUp(1 << 20);
            try {
                run(task, "run", false);
                require(false, "there was no room, and it ran");
            } catch (Refusal r) {
                require(r.getMessage().matches("(?s).*the run needs about 1,4\\d\\d,\\d{3} bytes of disk for what it finishes and the result; there are [\\d,]+\\. Free some.*"), r.getMessage());
            }
            require(left("run").isEmpty(), "left where it was refused: " + left("run"));

            Files.delete(disk.resolve("ballast"));
            try {
                run(task, "run", true);
                require(false, "the disk was full, and it ran");
            } catch (IOException full) {
                require(Json.reason(full).equals("No space left on device"), "it says " + full);
            }
            require(left("run").equals(List.of("steps/sums/heads-1.safetensors")), "left where the disk filled: " + left("run"));

            Files.delete(disk.resolve("ballast"));
            Path again = run(task, "run", false);
            require(begun > 0, "it began anew");
            for (String file : List.of("model.safetensors", "config.json")) {
                require(Arrays.equals(Files.readAllBytes(whole.resolve(file)), Files.readAllBytes(again.resolve(file))), file + " is another");
            }
            System.out.println("all right");
        }

        /// @param fills whether the disk fills as soon as something is kept
        private static Path run(Task task, String name, boolean fills) throws IOException {
            Path result = disk.resolve(name).resolve("result");
            begun = -1;
            Progress watched = new Progress() {
                @Override
                public void step(long done, long total, String unit) {
                    begun = begun < 0 && unit.equals("sequences") ? done : begun;
                }

                @Override
                public void figures(long step, Map<String, Double> values) {}

                @Override
                public void checkCancelled() {
                    if (fills && !Files.exists(disk.resolve("ballast")) && Files.exists(result.resolveSibling("steps/sums/heads-1.safetensors"))) {
                        fillUp(0);
                    }
                }
            };
            RunFolder folder = RunFolder.of(result);
            try (Whole out = Whole.folder(result)) {
                // A gate's sums are kept after every sequence.
                StructuredRun.run((Task.Prune) task, out.staging(), folder, "run", new KeptSums(folder, "run", 256, w -> { }), watched, w -> { });
                out.commit();
            }
            return result;
        }

        private static void fillUp(long room) {
            try {
                long free = Files.getFileStore(disk).getUsableSpace();
                Files.write(disk.resolve("ballast"), new byte[(int) (free - room)]);
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }

        private static List<String> left(String name) throws IOException {
            try (Stream<Path> all = Files.walk(disk.resolve(name))) {
                return all.filter(Files::isRegularFile).map(f -> disk.resolve(name).relativize(f).toString()).sorted().toList();
            }
        }

        private static void require(boolean right, String what) {
            if (!right) {
                throw new AssertionError(what);
            }
        }
    }

    /// A run that goes on needs no room for what it has.
    @Test
    void whatIsKeptNeedsNoRoomAgain() throws IOException {
        RunFolder run = new RunFolder(folder.resolve("run"));
        long wanted = Files.getFileStore(folder).getUsableSpace() + (1L << 38);
        assertTrue(assertThrows(Refusal.class, () -> run.requireRoom(wanted)).getMessage().contains("of disk for what it finishes"));
        Files.createDirectories(run.steps().resolve("00000001"));
        try (RandomAccessFile layer = new RandomAccessFile(run.steps().resolve("00000001/layer.safetensors").toFile(), "rw")) {
            layer.setLength(1L << 39);
        }
        run.requireRoom(wanted);
    }

    @Test
    void aFullDiskLeavesARunThatGoesOn() throws Exception {
        boolean possible = System.getProperty("os.name").equals("Linux") && Files.isExecutable(Path.of("/usr/bin/unshare"))
                && new ProcessBuilder("/usr/bin/unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=8m", "none", folder.toString()).redirectErrorStream(true).start().waitFor() == 0;
        if (!possible) {
            System.err.println("""

                    *******************************************************************************
                    *  PRUNING NOT TESTED ON A FULL DISK: this machine gives no mount namespace      *
                    *  (unshare -rm). What a full disk does to a run is not shown here.              *
                    *******************************************************************************
                    """);
            Assumptions.abort("no mount namespace");
        }
        Path log = folder.resolveSibling(folder.getFileName() + ".log");
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Process p = new ProcessBuilder("/usr/bin/unshare", "-rm", "bash", "-c",
                "mount -t tmpfs -o size=8m none \"$1\" && exec \"$2\" -Xshare:auto --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow --add-modules jdk.incubator.vector -cp \"$3\" \"$4\" \"$1\" \"$5\"",
                "bash", folder.toString(), java, System.getProperty("java.class.path"), OnSmallDisk.class.getName(), MODEL.toString()).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        assertTrue(p.waitFor(120, TimeUnit.SECONDS), "it does not end");
        String said = Files.readString(log);
        Files.delete(log);
        assertEquals(0, p.exitValue(), said);
        assertTrue(said.contains("all right"), said);
    }
}
