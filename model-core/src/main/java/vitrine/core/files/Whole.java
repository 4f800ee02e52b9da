package vitrine.core.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// A file or folder that appears under its final name all at once, or never.
///
///     try (Whole out = Whole.file(target)) {
///         write(out.staging());
///         out.commit();
///     }
///
/// Whatever ends the process in between, `target` is as it was before; the staging name tells whose leftover it is.
public final class Whole implements AutoCloseable {

    private static final Pattern STAGING = Pattern.compile("\\.(.+)\\.(\\d+)-([0-9a-f]+)\\.partial");

    private static final int STAGED_NAME = 40;

    private final Path target;
    private final Path staging;
    private final boolean folder;
    private boolean committed;

    private Whole(Path target, boolean folder) {
        this.target = target.toAbsolutePath();
        this.folder = folder;
        String suffix = ProcessHandle.current().pid() + "-" + Long.toHexString(ThreadLocalRandom.current().nextLong() & 0xffffffffffL);
        staging = this.target.resolveSibling("." + shortened(target.getFileName().toString()) + "." + suffix + ".partial");
    }

    /// A name as long as the file system takes leaves no room for a suffix.
    private static String shortened(String name) {
        return name.codePoints().limit(STAGED_NAME).collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
    }

    /// Begins a file; its folder is made where it is missing.
    public static Whole file(Path target) throws IOException {
        Whole whole = new Whole(target, false);
        Files.createDirectories(whole.target.getParent());
        return whole;
    }

    /// Begins a folder. A target that exists already is replaced by [#commit] only where it is an empty folder.
    public static Whole folder(Path target) throws IOException {
        Whole whole = new Whole(target, true);
        Files.createDirectories(whole.staging);
        return whole;
    }

    /// Writes a small file whole.
    public static void write(Path target, byte[] content) throws IOException {
        try (Whole out = file(target)) {
            Files.write(out.staging(), content);
            out.commit();
        }
    }

    /// Where to write until [#commit].
    public Path staging() {
        return staging;
    }

    /// Forces everything to the disk and gives it its final name.
    ///
    /// @throws IOException where that fails; the target is then as it was
    public void commit() throws IOException {
        if (folder) {
            try (Stream<Path> all = Files.walk(staging)) {
                for (Path p : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                    force(p);
                }
            }
            if (Files.isDirectory(target)) {
                Files.delete(target);
            }
        } else {
            force(staging);
        }
        try {
            Files.move(staging, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            throw new IOException("this file system cannot rename at once: " + target.getParent(), e);
        }
        committed = true;
        force(target.getParent());
    }

    private static void force(Path path) throws IOException {
        boolean isFolder = Files.isDirectory(path);
        if (isFolder && System.getProperty("os.name").startsWith("Windows")) {
            return;
        }
        try (FileChannel channel = FileChannel.open(path, isFolder ? StandardOpenOption.READ : StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }

    @Override
    public void close() {
        if (!committed) {
            delete(staging);
        }
    }

    /// Removes what ended processes left in `parent` under staging names, and returns what was removed.
    public static List<Path> removeLeftovers(Path parent) throws IOException {
        List<Path> removed = new ArrayList<>();
        if (!Files.isDirectory(parent)) {
            return removed;
        }
        try (Stream<Path> children = Files.list(parent)) {
            for (Path child : children.toList()) {
                Matcher m = STAGING.matcher(child.getFileName().toString());
                if (m.matches() && ProcessHandle.of(Long.parseLong(m.group(2))).isEmpty()) {
                    delete(child);
                    removed.add(child);
                }
            }
        }
        return removed;
    }

    /// Deletes a file or a folder with all that is in it; what is not there is no problem.
    public static void delete(Path path) {
        if (!Files.exists(path, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try {
            Files.walkFileTree(path, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.deleteIfExists(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path dir, IOException e) throws IOException {
                    Files.deleteIfExists(dir);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
