package vitrine.core.checkpoint;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A folder that holds a checkpoint, and the rule of which files may be read through it.
///
/// Files lie in the folder itself. A symbolic link is followed only inside the folder or, in a Hugging Face cache
/// (`models--NAME/snapshots/REVISION`), into that cache entry's own `blobs`.
///
/// @param shown the folder as its user knows it
/// @param folder where the files are: `shown`, or the snapshot of a cache entry
/// @param cacheEntry the `models--NAME` folder, or null outside a cache
public record CheckpointFolder(Path shown, Path folder, Path cacheEntry) {

    private static final int MAX_REVISION_CHARACTERS = 200;
    /// What a symbolic link of a cache snapshot becomes where a tool that knows no links copied it: a file that holds the link's text.
    private static final Pattern LINK_TEXT = Pattern.compile("\\.\\./\\.\\./blobs/([0-9A-Za-z]{1,128})\\s*");

    /// Finds the files' folder for `path`, which is a folder.
    static CheckpointFolder of(Path path) {
        if (isCacheEntry(path)) {
            return new CheckpointFolder(path, snapshot(path), path);
        }
        List<Path> entries = list(path).filter(CheckpointFolder::isCacheEntry).toList();
        if (entries.size() == 1) {
            return new CheckpointFolder(path, snapshot(entries.getFirst()), entries.getFirst());
        }
        if (entries.size() > 1) {
            throw Refusal.of(Category.UNKNOWN_FORMAT, path, "this is a hub cache of %,d models", entries.size())
                    .help("Open one of them, such as " + entries.getFirst().getFileName() + ".");
        }
        return plain(path, path);
    }

    /// The folder `folder` itself, opened as `shown`; inside a cache where it is one of its snapshots.
    static CheckpointFolder plain(Path shown, Path folder) {
        Path parent = folder.toAbsolutePath().normalize().getParent();
        boolean isSnapshot = parent != null && parent.getFileName() != null
                && parent.getFileName().toString().equals("snapshots") && isCacheEntry(parent.getParent());
        return new CheckpointFolder(shown, folder, isSnapshot ? parent.getParent() : null);
    }

    private static boolean isCacheEntry(Path path) {
        Path name = path == null ? null : path.getFileName();
        return name != null && name.toString().startsWith("models--") && Files.isDirectory(path.resolve("snapshots"));
    }

    /// The snapshot that `refs/main` names, else the only one there is.
    private static Path snapshot(Path entry) {
        Path snapshots = entry.resolve("snapshots");
        Path ref = entry.resolve("refs").resolve("main");
        if (Files.isRegularFile(ref)) {
            byte[] bytes = Json.readBytes(ref, MAX_REVISION_CHARACTERS, Category.INDEX_INVALID);
            String revision = new String(bytes, StandardCharsets.ISO_8859_1).strip();
            if (!revision.matches("[0-9A-Za-z._-]+") || revision.startsWith(".")) {
                throw Refusal.of(Category.PATH_ESCAPE, entry, "refs/main holds %s, which is no name of a snapshot", revision);
            }
            if (Files.isDirectory(snapshots.resolve(revision))) {
                return snapshots.resolve(revision);
            }
        }
        List<Path> all = list(snapshots).filter(Files::isDirectory).toList();
        if (all.size() == 1) {
            return all.getFirst();
        }
        throw Refusal.of(Category.NOT_FOUND, entry, all.isEmpty() ? "the cache entry has no snapshot"
                : "refs/main names none of its %d snapshots", all.size()).help("Open the folder of one snapshot, or download the model again.");
    }

    static Stream<Path> list(Path folder) {
        try (Stream<Path> children = Files.list(folder)) {
            return children.sorted().toList().stream();
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, folder, "cannot be listed (%s)", Json.reason(e)).cause(e);
        }
    }

    /// Whether an interrupted download left its mark in the cache entry.
    boolean hasIncompleteDownload() {
        return cacheEntry != null && Files.isDirectory(cacheEntry.resolve("blobs"))
                && list(cacheEntry.resolve("blobs")).anyMatch(p -> p.getFileName().toString().endsWith(".incomplete"));
    }

    /// A file of this folder whose name stands in `index`: a plain name, never a path that leads elsewhere.
    ///
    /// @throws Refusal `path-escape`, before the file system is asked
    Path named(String name, Path index) {
        boolean plain;
        try {
            Path p = Path.of(name);
            plain = !p.isAbsolute() && p.getNameCount() == 1 && !name.isEmpty() && !name.equals(".") && !name.equals("..")
                    && name.indexOf('/') < 0 && name.indexOf('\\') < 0 && name.indexOf(':') < 0;
        } catch (InvalidPathException e) {
            plain = false;
        }
        if (!plain) {
            throw Refusal.of(Category.PATH_ESCAPE, index, "it names the shard %s, which is not a plain file name in this folder", name)
                    .help("Nothing outside the opened folder is read.");
        }
        return folder.resolve(name);
    }

    /// The real place of a file of this folder, after the rule on links.
    ///
    /// @throws Refusal `not-found` or `incomplete-download` for a link to nothing, `unreadable` for a loop, `path-escape` for one that leads away
    Path real(Path file) {
        if (!Files.isSymbolicLink(file)) {
            return cacheEntry == null ? file : throughLinkText(file);
        }
        try {
            Path real = file.toRealPath();
            Path root = folder.toRealPath();
            Path blobs = cacheEntry == null ? root : cacheEntry.toRealPath().resolve("blobs");
            if (real.startsWith(root) || real.startsWith(blobs)) {
                return real;
            }
            throw Refusal.of(Category.PATH_ESCAPE, file, "it is a symbolic link that leads out of the opened folder")
                    .help("Open the folder where the file really lies.");
        } catch (NoSuchFileException e) {
            if (hasIncompleteDownload()) {
                throw incomplete(file);
            }
            throw Refusal.of(Category.NOT_FOUND, file, "it is a symbolic link to a file that is not there").help("Download the model again.").cause(e);
        } catch (FileSystemLoopException e) {
            throw loop(file, e);
        } catch (IOException e) {
            // Linux reports a loop as a plain FileSystemException: "Too many levels of symbolic links".
            if (String.valueOf(e.getMessage()).contains("symbolic link")) {
                throw loop(file, e);
            }
            throw Refusal.of(Category.UNREADABLE, file, "cannot be read (%s)", Json.reason(e)).cause(e);
        }
    }

    private Path throughLinkText(Path file) {
        try {
            if (!Files.isRegularFile(file) || Files.size(file) > 256) {
                return file;
            }
            Matcher m = LINK_TEXT.matcher(Files.readString(file, StandardCharsets.ISO_8859_1));
            if (!m.matches()) {
                return file;
            }
            Path blob = cacheEntry.resolve("blobs").resolve(m.group(1));
            if (!Files.isRegularFile(blob, LinkOption.NOFOLLOW_LINKS)) {
                throw hasIncompleteDownload() ? incomplete(file)
                        : Refusal.of(Category.NOT_FOUND, file, "it stands for %s, which is not there", "blobs/" + m.group(1)).help("Download the model again.");
            }
            return blob;
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, file, "cannot be read (%s)", Json.reason(e)).cause(e);
        }
    }

    private static Refusal loop(Path file, IOException e) {
        return Refusal.of(Category.UNREADABLE, file, "it is a symbolic link that leads back to itself").cause(e);
    }

    static Refusal incomplete(Path shown) {
        return Refusal.of(Category.INCOMPLETE_DOWNLOAD, shown, "the download of model.safetensors did not finish (an .incomplete file is left in blobs)")
                .help("Download the model again; a hub client continues where it stopped.");
    }
}
