package vitrine.core.task;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Stream;
import vitrine.core.files.Whole;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Where a training run lives, beside its result: `steps/` holds saved steps, `best/` the one of the lowest validation loss where the run watches
/// it, and a file `stop` asks the run to end.
public record RunFolder(Path folder) {

    /// How a run is asked to end; the word stands in the file `stop`. An empty file asks for a pause.
    public enum Stop {
        /// The state is saved; the run can go on from there.
        pause,
        /// The result is written as it is now, and the state is saved.
        finish,
        /// The run ends at once; saved steps go.
        discard
    }

    /// The folder of the run whose result is to be at `result`.
    public static RunFolder of(Path result) {
        return new RunFolder(result.toAbsolutePath().getParent());
    }

    /// Where the result is, once it is there.
    public Path result() {
        return folder.resolve("result");
    }

    public Path steps() {
        return folder.resolve("steps");
    }

    public Path best() {
        return folder.resolve("best");
    }

    /// The pruned checkpoint of a run that goes on by training it.
    public Path pruned() {
        return folder.resolve("pruned");
    }

    public Path stop() {
        return folder.resolve("stop");
    }

    /// What a run that the window started said, for its log.
    public Path console() {
        return folder.resolve("console.log");
    }

    /// Asks the run to end; the run looks after each step.
    public void ask(Stop how) throws IOException {
        Whole.write(stop(), how.name().getBytes(StandardCharsets.UTF_8));
    }

    /// What the run is asked, if anything.
    public Optional<Stop> asked() throws IOException {
        try {
            String word = Files.readString(stop()).strip();
            return Optional.of(Arrays.stream(Stop.values()).filter(s -> s.name().equals(word)).findFirst().orElse(Stop.pause));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /// Finished layers and the result are on the disk together; what a run that goes on has kept is there already.
    ///
    /// @throws Refusal where the disk has no room for so many bytes
    public void requireRoom(long bytes) throws IOException {
        Files.createDirectories(folder);
        long room = Files.getFileStore(folder).getUsableSpace();
        if (Files.isDirectory(steps())) {
            try (Stream<Path> kept = Files.walk(steps())) {
                for (Path p : kept.filter(Files::isRegularFile).toList()) {
                    room += Files.size(p);
                }
            }
        }
        if (room < bytes) {
            throw Refusal.of(Category.LIMIT_EXCEEDED, folder, "the run needs about %,d bytes of disk for what it finishes and the result; there are %,d", bytes, room)
                    .help("Free some, or set VITRINE_HOME to another disk.");
        }
    }
}
