package vitrine.app.program;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.Stream;
import vitrine.core.artifact.Manifest;
import vitrine.core.files.Whole;

/// Copies a result that is a folder for others, a PEFT adapter or a checkpoint, out of the artifact store.
public final class ResultFolder {

    private ResultFolder() {}

    /// Puts a copy of an artifact's files, without its manifest, at `target`, whole or not at all.
    ///
    /// @param target a folder that is not there, or an empty one
    public static void copy(Path source, Path target) throws IOException {
        Whole.removeLeftovers(target.toAbsolutePath().getParent());
        try (Whole out = Whole.folder(target); Stream<Path> files = Files.list(source)) {
            for (Path file : files.filter(f -> !f.getFileName().toString().equals(Manifest.FILE)).sorted().toList()) {
                copyFile(file, out.staging().resolve(file.getFileName().toString()));
            }
            out.commit();
        }
    }

    /// Copies a file to a place where none is.
    public static void copyFile(Path source, Path target) throws IOException {
        try (FileChannel from = FileChannel.open(source, StandardOpenOption.READ);
             FileChannel to = FileChannel.open(target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            long size = from.size();
            for (long at = 0; at < size; ) {
                at += from.transferTo(at, size - at, to);
            }
        }
    }
}
