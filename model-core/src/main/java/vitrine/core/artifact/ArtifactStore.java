package vitrine.core.artifact;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vitrine.core.files.Whole;
import vitrine.core.refusal.Refusal;

/// Artifacts by the hash of their task and inputs, so that asking twice computes once.
///
/// The store is a cache: anything in it can be computed again, and what has not been used for longest goes when it grows past
/// its limit.
public final class ArtifactStore {

    private static final Logger LOG = LoggerFactory.getLogger(ArtifactStore.class);

    /// How files end in which a task keeps what it has done so far, beside the folder that its artifact will have.
    public static final String KEPT = ".kept";
    private static final int KEPT_DAYS = 30;

    private final Path root;
    private final long maxBytes;

    /// A store in `root`, made where it is missing; leftovers of ended processes are removed.
    public ArtifactStore(Path root, long maxBytes) throws IOException {
        this.root = root;
        this.maxBytes = maxBytes;
        Files.createDirectories(root);
        removeLeftovers();
    }

    /// Removes what ended processes had begun to write.
    public void removeLeftovers() throws IOException {
        for (Path leftover : Whole.removeLeftovers(root)) {
            LOG.info("removed an unfinished artifact: {}", leftover.getFileName());
        }
        removeForgotten();
    }

    /// What tasks that were given up have kept for a second run ([#KEPT]), and nobody has come back to.
    private void removeForgotten() throws IOException {
        Instant limit = Instant.now().minus(KEPT_DAYS, ChronoUnit.DAYS);
        try (Stream<Path> all = Files.list(root)) {
            for (Path kept : all.filter(p -> p.getFileName().toString().endsWith(KEPT) && Files.isRegularFile(p)).toList()) {
                try {
                    if (Files.getLastModifiedTime(kept).toInstant().isBefore(limit)) {
                        Files.deleteIfExists(kept);
                        LOG.info("removed what a task had kept {} days ago: {}", KEPT_DAYS, kept.getFileName());
                    }
                } catch (NoSuchFileException e) {
                    LOG.debug("{} went meanwhile", kept.getFileName());
                }
            }
        }
    }

    /// Where the artifact with this key is, or will be.
    public Path folder(String key) {
        return root.resolve(key);
    }

    /// The artifact with this key, if it is there and whole. A damaged one is removed.
    public Optional<Artifact> find(String key) {
        Path folder = folder(key);
        if (!Files.isDirectory(folder)) {
            return Optional.empty();
        }
        try {
            Artifact artifact = Artifact.open(folder);
            if (Files.exists(artifact.tensorFile())) {
                artifact.tensors().close();
            }
            Files.setLastModifiedTime(folder, FileTime.from(Instant.now()));
            return Optional.of(artifact);
        } catch (Refusal | IOException e) {
            LOG.warn("artifact {} cannot be used and is removed: {}", key, e.getMessage());
            Whole.delete(folder);
            return Optional.empty();
        }
    }

    private static long bytes(Path folder) throws IOException {
        long bytes = 0;
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path f : files.filter(Files::isRegularFile).toList()) {
                bytes += Files.size(f);
            }
        }
        return bytes;
    }

    /// Removes the artifacts used longest ago until the rest fits the limit; `keep` stays.
    public void trim(String keep) throws IOException {
        record Entry(Path folder, long bytes, FileTime used) {}
        List<Entry> entries = new ArrayList<>();
        long total = 0;
        try (Stream<Path> all = Files.list(root)) {
            for (Path folder : all.filter(Files::isDirectory).toList()) {
                try {
                    long bytes = bytes(folder);
                    entries.add(new Entry(folder, bytes, Files.getLastModifiedTime(folder)));
                    total += bytes;
                } catch (IOException | UncheckedIOException e) {
                    // Another process has renamed or removed it meanwhile: it does not count.
                    LOG.debug("{} went while artifacts were counted", folder.getFileName());
                }
            }
        }
        entries.sort(Comparator.comparing(Entry::used));
        for (Entry e : entries) {
            String name = e.folder.getFileName().toString();
            if (total <= maxBytes) {
                return;
            }
            if (!name.equals(keep) && !name.startsWith(".")) {
                Whole.delete(e.folder);
                total -= e.bytes;
            }
        }
    }
}
