package vitrine.app.shell;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import vitrine.core.run.RunRecord;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.views.compare.Candidate;

/// Results of runs as models: a checkpoint, or the base with the adapter that was trained.
final class RunResults {

    private RunResults() {}

    /// Nothing where a run has no result, or its base is gone.
    static Optional<Candidate> candidate(RunRecord run) {
        Path result = new RunFolder(run.folder()).result();
        String name = "#" + run.number() + " " + run.method();
        if (Files.isRegularFile(result.resolve("adapter_config.json"))) {
            Path base = Path.of(run.task().path("model").asText());
            return Files.exists(base) ? Optional.of(new Candidate(name, base.toString(), List.of(Task.AdapterUse.of(result.toString())), parameters(base))) : Optional.empty();
        }
        return Files.isRegularFile(result.resolve("config.json")) ? Optional.of(new Candidate(name, result.toString(), List.of(), parameters(result))) : Optional.empty();
    }

    /// The model that a run was made of; nothing where it is gone.
    static Optional<Candidate> base(RunRecord run) {
        Path base = Path.of(run.task().path("model").asText());
        return Files.exists(base) ? Optional.of(new Candidate(base.getFileName().toString(), base.toString(), List.of(), parameters(base))) : Optional.empty();
    }

    /// About how many, by the sizes of the files: it decides only whether a comparison waits to be asked for.
    private static long parameters(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.getFileName().toString().endsWith(".safetensors")).mapToLong(f -> f.toFile().length()).sum() / 4;
        } catch (IOException e) {
            // What cannot be listed cannot be small for sure.
            return Long.MAX_VALUE / 4;
        }
    }
}
