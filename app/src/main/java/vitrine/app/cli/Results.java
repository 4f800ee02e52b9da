package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import vitrine.app.program.ResultFolder;
import vitrine.core.artifact.Artifact;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;

/// Copies results out of the artifact store, whole or not at all.
final class Results {

    private Results() {}

    /// Puts an artifact at `target`, as one file.
    static void copy(Artifact artifact, Path target) throws IOException {
        Path file = real(target);
        Whole.removeLeftovers(file.toAbsolutePath().getParent());
        try (Whole out = Whole.file(file)) {
            artifact.writeAsFile(out.staging());
            out.commit();
        }
    }

    /// Puts a copy of a file at `target`.
    static void copy(Path source, Path target) throws IOException {
        Path file = real(target);
        Whole.removeLeftovers(file.toAbsolutePath().getParent());
        try (Whole out = Whole.file(file)) {
            ResultFolder.copyFile(source, out.staging());
            out.commit();
        }
    }

    /// Writes JSON for people and programs at `target`.
    static void json(JsonNode node, Path target) throws IOException {
        Whole.write(real(target), Json.pretty(node).getBytes(StandardCharsets.UTF_8));
    }

    /// A link is written through.
    private static Path real(Path target) throws IOException {
        return Files.isSymbolicLink(target) ? target.toRealPath() : target;
    }

    /// `out` with another ending: where the JSON of a result goes whose tensors are at `out`.
    static Path withEnding(Path out, String ending) {
        String name = out.getFileName().toString().replaceAll("\\.(safetensors|json)$", "");
        return out.resolveSibling(name + ending);
    }
}
