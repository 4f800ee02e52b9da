package vitrine.core.work.finetune;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import vitrine.core.json.Json;
import vitrine.core.task.RunFolder;

/// Writes what is told along a run in a file of its own, in the run's folder while it goes and in its result: a JSON object a line, each with its `step`.
abstract class TrailWriter {

    /// The file, which need not be there.
    final Path file;

    TrailWriter(RunFolder folder, String name) {
        file = folder.folder().resolve(name);
    }

    /// Forgets what was written of steps from one on: the run goes through them again.
    void from(long step) throws IOException {
        if (Files.exists(file)) {
            List<String> kept = Files.readAllLines(file, StandardCharsets.UTF_8).stream().filter(l -> before(l, step)).toList();
            Files.write(file, kept, StandardCharsets.UTF_8);
        }
    }

    private static boolean before(String line, long step) {
        try {
            return Json.mapper().readTree(line).path("step").asLong(Long.MAX_VALUE) < step;
        } catch (JsonProcessingException cut) {
            // The line that was being written when the run was ended.
            return false;
        }
    }

    void append(ObjectNode line) throws IOException {
        Files.writeString(file, Json.line(line) + "\n", StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    /// Lays a copy into the result.
    void copyTo(Path result) throws IOException {
        if (Files.exists(file)) {
            Files.copy(file, result.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
