package vitrine.core.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A disk that fills while a result is written: the result is absent, what was there stays, nothing is left behind.
///
/// The disk is a memory file system of 2 MB in a mount namespace of the test's own.
class FullDiskTest {

    private static final int POINTS = 60;
    private static final int FILE = 200_000;

    @TempDir
    Path folder;

    /// Fills the disk at many points of a write and looks at what is there afterwards. Ends with 0 where all is right.
    public static final class Writer {
        public static void main(String[] args) throws IOException {
            Path disk = Path.of(args[0]);
            byte[] old = filled(1, FILE);
            Whole.write(disk.resolve("file"), old);
            for (int point = 0; point < POINTS; point++) {
                Path ballast = disk.resolve("ballast");
                // From no room at all up to just less than three files need.
                long room = (long) 3 * FILE * point / POINTS;
                long free = Files.getFileStore(disk).getUsableSpace();
                Files.write(ballast, new byte[(int) Math.max(0, free - room)]);
                boolean failed = false;
                try (Whole out = Whole.folder(disk.resolve("result"))) {
                    for (String name : List.of("a", "b", "c")) {
                        Files.write(out.staging().resolve(name), filled(2, FILE));
                    }
                    out.commit();
                } catch (IOException full) {
                    require(full.getMessage().contains("No space left"), "it says " + full.getMessage());
                    failed = true;
                }
                require(failed, "point " + point + " had room");
                if (room < FILE - 8192) {
                    try {
                        Whole.write(disk.resolve("file"), filled(3, FILE));
                        require(false, "point " + point + " had room for a file");
                    } catch (IOException full) {
                        require(Arrays.equals(old, Files.readAllBytes(disk.resolve("file"))), "the old file changed");
                    }
                }
                Files.delete(ballast);
                try (Stream<Path> left = Files.list(disk)) {
                    List<String> names = left.map(p -> p.getFileName().toString()).toList();
                    require(names.equals(List.of("file")), "left at point " + point + ": " + names);
                }
            }
            Whole.write(disk.resolve("file"), filled(4, FILE));
            require(Files.readAllBytes(disk.resolve("file"))[0] == 4, "with room it is written");
            System.out.println("all " + POINTS);
        }

        private static byte[] filled(int value, int size) {
            byte[] out = new byte[size];
            Arrays.fill(out, (byte) value);
            return out;
        }

        private static void require(boolean right, String what) {
            if (!right) {
                throw new AssertionError(what);
            }
        }
    }

    @Test
    void aFullDiskLeavesNothingHalf() throws Exception {
        boolean possible = System.getProperty("os.name").equals("Linux") && Files.isExecutable(Path.of("/usr/bin/unshare"))
                && new ProcessBuilder("/usr/bin/unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=2m", "none", folder.toString()).redirectErrorStream(true).start().waitFor() == 0;
        if (!possible) {
            System.err.println("""

                    *******************************************************************************
                    *  NOT TESTED ON A FULL DISK: this machine gives no mount namespace              *
                    *  (unshare -rm). What a full disk does is not shown by this run.                *
                    *******************************************************************************
                    """);
            Assumptions.abort("no mount namespace");
        }
        Path log = folder.resolveSibling(folder.getFileName() + ".log");
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Process p = new ProcessBuilder("/usr/bin/unshare", "-rm", "bash", "-c", "mount -t tmpfs -o size=2m none \"$1\" && exec \"$2\" -Xshare:auto -cp \"$3\" \"$4\" \"$1\"", "bash", folder.toString(), java,
                System.getProperty("java.class.path"), Writer.class.getName()).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        assertTrue(p.waitFor(60, TimeUnit.SECONDS), "it does not end");
        String said = Files.readString(log);
        Files.delete(log);
        assertEquals(0, p.exitValue(), said);
        assertTrue(said.contains("all " + POINTS), said);
    }
}
