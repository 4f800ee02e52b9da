package vitrine.app.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Where `--out` leads: checked before anything is computed, so that nobody waits an hour for a name that cannot be written.
final class Destination {

    private Destination() {}

    /// The file that `out` stands for. A symbolic link is written through, never replaced.
    ///
    /// @param inputs files that the result is made from, which it must not replace
    /// @throws Refusal `task-invalid` for a folder, a device or a pipe, an input, a link to nothing, a place that cannot be written to
    static Path of(Path out, List<Path> inputs) {
        if (out.toString().isEmpty() || out.getFileName() == null) {
            throw invalid(out, "--out holds no name of a file");
        }
        try {
            if (Files.isDirectory(out)) {
                throw invalid(out, "--out names a folder; a name for the file belongs here").help("Such as " + out.getFileName() + "/result.");
            }
            if (Files.isSymbolicLink(out) && !Files.exists(out)) {
                throw invalid(out, "--out is a symbolic link that leads nowhere");
            }
            if (Files.exists(out)) {
                return existing(out.toRealPath(), out, inputs);
            }
            Path folder = out.toAbsolutePath().normalize().getParent();
            Path there = folder;
            while (!Files.exists(there)) {
                there = there.getParent();
            }
            if (!Files.isDirectory(there)) {
                throw invalid(out, "--out lies in %s, which is no folder", there.getFileName().toString());
            }
            if (!Files.isWritable(there)) {
                throw invalid(out, "--out lies in the folder %s, which cannot be written to", String.valueOf(there.getFileName()));
            }
            requireNameable(out);
            if (there.equals(folder)) {
                tryToWrite(out);
            }
            return out;
        } catch (IOException e) {
            throw invalid(out, "--out cannot be written (%s)", Json.reason(e)).cause(e);
        } catch (InvalidPathException e) {
            throw invalid(out, "--out is no name that this system has").cause(e);
        }
    }

    private static Path existing(Path real, Path out, List<Path> inputs) throws IOException {
        if (!Files.isRegularFile(real)) {
            throw invalid(out, "--out names a device or a pipe, which a file must not replace").help("Leave --out out, or name a file.");
        }
        for (Path input : inputs) {
            if (Files.exists(input) && Files.isSameFile(input, real)) {
                throw invalid(out, "--out names an input of this very command, which the result must not replace");
            }
        }
        if (!Files.isWritable(real)) {
            throw invalid(out, "--out names a file that is write-protected");
        }
        tryToWrite(real);
        return real;
    }

    /// A name that is too long is told from one that is free.
    private static void requireNameable(Path out) throws IOException {
        try {
            Files.readAttributes(out, BasicFileAttributes.class);
        } catch (NoSuchFileException e) {
            // As it should be.
        }
    }

    /// Makes an empty file beside the target and removes it again: the file system has the last word on names and rights.
    private static void tryToWrite(Path target) throws IOException {
        try (Whole probe = Whole.file(target)) {
            Files.createFile(probe.staging());
        }
    }

    private static Refusal invalid(Path out, String problem, Object... arguments) {
        return Refusal.of(Category.TASK_INVALID, out.toString().isEmpty() ? null : out, problem, arguments);
    }
}
