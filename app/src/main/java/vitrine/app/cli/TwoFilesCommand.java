package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import vitrine.core.artifact.Artifact;

/// A command whose `--out NAME` stands for two files: `NAME.safetensors`, the artifact as one file, and `NAME.json`, its figures.
abstract class TwoFilesCommand extends EngineCommand {

    private boolean named() {
        return common.out != null && common.out.getFileName() != null && !Files.isDirectory(common.out);
    }

    @Override
    List<Path> outputs() {
        return named() ? List.of(tensors(), json()) : super.outputs();
    }

    private Path tensors() {
        return Results.withEnding(common.out, ".safetensors");
    }

    private Path json() {
        return Results.withEnding(common.out, ".json");
    }

    /// Writes both where `--out` asks for them, and says so.
    void write(Artifact artifact, JsonNode figures, Output output) throws IOException {
        if (common.out != null) {
            Results.copy(artifact, tensors());
            Results.json(figures, json());
            output.text("Wrote " + tensors() + " and " + json());
        }
    }
}
