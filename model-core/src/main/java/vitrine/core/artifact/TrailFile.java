package vitrine.core.artifact;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// What is told along a run in a file of its own: a JSON object a line, each with the `step` that it tells of.
final class TrailFile {

    private TrailFile() {}

    /// Where a folder holds a trail: a run's folder, or a result in it.
    static Optional<Path> in(Path folder, String name) {
        for (Path p : List.of(folder.resolve(name), folder.resolve("result").resolve(name))) {
            if (Files.isRegularFile(p)) {
                return Optional.of(p);
            }
        }
        return Optional.empty();
    }

    /// Reads a trail. A last line that is being written is left for the next time.
    ///
    /// @param what its lines hold, as in "it is no line of ranks"
    /// @param step makes a step of a line, or null where the line is none
    /// @return the earliest first
    /// @throws Refusal where a whole line is none of a trail
    static <S> List<S> read(Path file, String what, Function<JsonNode, S> step) {
        // A run that was taken up again may have gone through a step twice: what it said last holds.
        TreeMap<Long, S> steps = new TreeMap<>();
        try {
            String text = Files.readString(file, StandardCharsets.UTF_8);
            int from = 0;
            int number = 0;
            for (int end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
                number++;
                JsonNode line = Json.mapper().readTree(text.substring(from, end));
                from = end + 1;
                S read = line.path("step").isIntegralNumber() ? step.apply(line) : null;
                if (read == null) {
                    throw Refusal.of(Category.ARTIFACT_INVALID, file, "it is no line of %s", what).where("line " + number);
                }
                steps.put(line.path("step").asLong(), read);
            }
        } catch (JsonProcessingException e) {
            throw Refusal.of(Category.ARTIFACT_INVALID, file, "it is no list of %s (%s)", what, e.getOriginalMessage()).cause(e);
        } catch (IOException e) {
            throw Json.refuse(file, Category.ARTIFACT_INVALID, e);
        }
        return List.copyOf(steps.values());
    }
}
