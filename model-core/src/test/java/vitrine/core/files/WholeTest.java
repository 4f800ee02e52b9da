package vitrine.core.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A result is whole or absent, whenever its writer is killed.
class WholeTest {

    @TempDir
    Path folder;

    /// Writes numbered versions of a file and of folders for ever, each filled with one byte; killed from outside.
    public static final class Writer {
        public static void main(String[] args) throws IOException {
            Path at = Path.of(args[0]);
            System.out.println("ready");
            for (int version = 0; ; version++) {
                byte[] content = new byte[200_000];
                java.util.Arrays.fill(content, (byte) version);
                Whole.write(at.resolve("file"), content);
                try (Whole out = Whole.folder(at.resolve("folder-" + version))) {
                    Files.write(out.staging().resolve("a"), content);
                    Files.write(out.staging().resolve("b"), content);
                    out.commit();
                }
            }
        }
    }

    @Test
    void survivesKillsAtRandomMoments() throws Exception {
        Random random = new Random(3);
        int leftovers = 0;
        // Where a disk is so quick, or a machine so busy, that no kill came in time, more are tried.
        for (int round = 0; round < 12 || leftovers == 0 && round < 100; round++) {
            Path at = Files.createDirectories(folder.resolve("round-" + round));
            Files.write(at.resolve("file"), new byte[200_000]);
            Process writer = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xshare:auto", "-cp",
                    System.getProperty("java.class.path"), Writer.class.getName(), at.toString()).redirectErrorStream(true).start();
            assertEquals('r', writer.getInputStream().read());
            Thread.sleep(20 + random.nextInt(150));
            writer.destroyForcibly().waitFor();

            assertWhole(at.resolve("file"));
            try (Stream<Path> children = Files.list(at)) {
                for (Path child : children.toList()) {
                    String name = child.getFileName().toString();
                    if (name.startsWith("folder-")) {
                        assertWhole(child.resolve("a"));
                        assertArrayEquals(Files.readAllBytes(child.resolve("a")), Files.readAllBytes(child.resolve("b")));
                    } else if (!name.equals("file")) {
                        assertTrue(name.endsWith(".partial"), "an unknown leftover " + name);
                    }
                }
            }
            leftovers += Whole.removeLeftovers(at).size();
            try (Stream<Path> children = Files.list(at)) {
                assertTrue(children.noneMatch(p -> p.toString().endsWith(".partial")));
            }
        }
        assertTrue(leftovers > 0, "no kill came while something was being written: the test proves nothing");
    }

    private static void assertWhole(Path file) throws IOException {
        byte[] content = Files.readAllBytes(file);
        assertEquals(200_000, content.length, file.toString());
        for (byte b : content) {
            assertEquals(content[0], b, "two versions mixed");
        }
    }

    @Test
    void withoutCommitNothingIsLeft() throws IOException {
        Path target = folder.resolve("x");
        try (Whole out = Whole.file(target)) {
            Files.writeString(out.staging(), "half");
        }
        try (Whole out = Whole.folder(folder.resolve("y"))) {
            Files.writeString(out.staging().resolve("part"), "half");
        }
        assertEquals(List.of(), Whole.removeLeftovers(folder));
        try (Stream<Path> children = Files.list(folder)) {
            assertEquals(0, children.count());
        }
    }

    @Test
    void anotherProcessesUnfinishedWorkIsLeftAlone() throws IOException {
        Path own = folder.resolve(".x." + ProcessHandle.current().pid() + "-abc.partial");
        Files.writeString(own, "in the making");
        assertEquals(List.of(), Whole.removeLeftovers(folder));
        assertTrue(Files.exists(own));
        assertFalse(Files.exists(folder.resolve("x")));
    }
}
