package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// `--out`: a result appears whole under the name that was asked for, or the name is refused before anything is computed.
@Timeout(180)
class DestinationTest {

    private static final Path MODEL = Path.of("../model-core/src/test/resources/reference/fmt-base").toAbsolutePath().normalize();

    @TempDir
    Path folder;
    private Path ids;

    @BeforeEach
    void writeIds() throws IOException {
        ids = Files.writeString(folder.resolve("ids.json"), "[1, 2, 3]");
    }

    private Invocation capture(Path out) {
        return Invocation.of(folder, "capture", MODEL.toString(), "--ids", ids.toString(), "--what", "logits", "--out", out.toString());
    }

    private void refused(Path out, String reason) {
        Invocation run = capture(out);
        assertEquals(2, run.exit(), run.toString());
        assertEquals(1, run.errorLines().size(), run.toString());
        assertTrue(run.err().contains(reason), run.err());
        try (Stream<Path> results = Files.list(folder.resolve("home/artifacts"))) {
            assertEquals(List.of(), results.toList(), "nothing was computed");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aFileIsReplacedWhole() throws IOException {
        Path out = Files.writeString(folder.resolve("out.safetensors"), "old");
        Path twin = Files.createLink(folder.resolve("twin"), out);
        assertEquals(0, capture(out).exit());
        assertTrue(Files.size(out) > 1000);
        assertEquals("old", Files.readString(twin), "the old file is replaced, not written over");
        Path made = folder.resolve("new/folders/out.safetensors");
        assertEquals(0, capture(made).exit());
        assertEquals(-1, Files.mismatch(out, made));
        Path through = Files.createSymbolicLink(folder.resolve("link"), Path.of("out.safetensors"));
        Files.writeString(out, "old");
        assertEquals(0, capture(through).exit());
        assertTrue(Files.isSymbolicLink(through), "a link is written through");
        assertEquals(-1, Files.mismatch(out, made));
        String longest = "x".repeat(240);
        assertEquals(0, capture(folder.resolve(longest)).exit());
        try (Stream<Path> all = Files.list(folder)) {
            assertEquals(List.of(), all.map(p -> p.getFileName().toString()).filter(n -> n.endsWith(".partial")).toList());
        }
    }

    @Test
    void aFolderIsNoFile() {
        refused(folder, "--out names a folder");
        assertTrue(Files.isDirectory(folder));
    }

    @Test
    void anInputIsNotReplaced() throws IOException {
        refused(ids, "--out names an input");
        assertEquals("[1, 2, 3]", Files.readString(ids));
        Invocation run = Invocation.of(folder, "open", MODEL.toString(), "--out", MODEL.resolve("config.json").toString());
        assertEquals(2, run.exit(), run.toString());
        Path data = Files.writeString(folder.resolve("data.txt"), "The lantern over the wall");
        assertEquals(2, Invocation.of(folder, "eval", MODEL.toString(), "--data", data.toString(), "--out", data.toString()).exit());
        assertEquals("The lantern over the wall", Files.readString(data));
    }

    @Test
    void whatIsNoFileStays() throws IOException, InterruptedException {
        Path pipe = folder.resolve("pipe");
        Assumptions.assumeTrue(unix(), "pipes are a matter of Unix");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        refused(pipe, "a device or a pipe");
        assertTrue(Files.exists(pipe) && !Files.isRegularFile(pipe));
        for (String option : List.of("--ids", "--prompt-file")) {
            Invocation run = Invocation.of(folder, "capture", MODEL.toString(), option, pipe.toString(), "--out", folder.resolve("o").toString());
            assertEquals(2, run.exit(), "a pipe is not waited for: " + run);
        }
        assertEquals(2, Invocation.of(folder, "eval", MODEL.toString(), "--data", pipe.toString()).exit());
    }

    @Test
    void placesWhereNothingCanBeWritten() throws IOException {
        refused(ids.resolve("out"), "ids.json, which is no folder");
        refused(folder.resolve("x".repeat(300)), "cannot be written");
        refused(Files.createSymbolicLink(folder.resolve("dangling"), Path.of("nowhere")), "leads nowhere");
        refused(Path.of(""), "no name of a file");
        Path locked = Files.createDirectory(folder.resolve("locked"));
        if (locked.toFile().setWritable(false) && !Files.isWritable(locked)) {
            refused(locked.resolve("out"), "cannot be written to");
        }
    }

    @Test
    void enginesAndOpenWriteTheirJson() throws IOException {
        for (List<String> command : List.of(List.of("engines", "--quick"), List.of("open", MODEL.toString()))) {
            Path out = folder.resolve(command.getFirst() + ".json");
            String[] args = Stream.concat(command.stream(), Stream.of("--out", out.toString())).toArray(String[]::new);
            assertEquals(0, Invocation.of(folder, Arrays.asList(args)).exit());
            assertTrue(Files.readString(out).startsWith("{"));
        }
    }

    private static boolean unix() {
        return !System.getProperty("os.name").startsWith("Windows");
    }
}
