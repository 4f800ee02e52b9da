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
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// How attention came to loop along a run of SGT: `loops.jsonl`, in the run's folder while it goes and in its result.
///
/// A line per choice, thinned where there are very many, and one for the last step: `step`, `loops` (repetitions of each layer's attention) and
/// `entropy` (per layer and head how widely the last query of a text attends, as the choice sees it: from 0 to 1).
///
/// @param steps the earliest first
public record LoopTrail(List<Step> steps) {

    /// The file.
    public static final String FILE = "loops.jsonl";

    /// @param loops `[layers]`
    /// @param entropy `[layers][heads]`
    public record Step(long step, int[] loops, double[][] entropy) {}

    /// Where a folder holds a trail: a run's folder, or a result in it.
    public static Optional<Path> in(Path folder) {
        for (Path p : List.of(folder.resolve(FILE), folder.resolve("result").resolve(FILE))) {
            if (Files.isRegularFile(p)) {
                return Optional.of(p);
            }
        }
        return Optional.empty();
    }

    /// Reads a trail. A last line that is being written is left for the next time.
    ///
    /// @throws Refusal where a whole line is none of a trail
    public static LoopTrail read(Path file) {
        // A run that was taken up again may have gone through a step twice: what it said last holds.
        TreeMap<Long, Step> steps = new TreeMap<>();
        try {
            String text = Files.readString(file, StandardCharsets.UTF_8);
            int from = 0;
            int number = 0;
            for (int end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
                number++;
                JsonNode line = Json.mapper().readTree(text.substring(from, end));
                from = end + 1;
                int layers = line.path("loops").size();
                if (!line.path("step").isIntegralNumber() || layers == 0 || line.path("entropy").size() != layers
                        || !steps.isEmpty() && steps.firstEntry().getValue().loops().length != layers) {
                    throw Refusal.of(Category.ARTIFACT_INVALID, file, "it is no line of loops and entropies").where("line " + number);
                }
                int[] loops = new int[layers];
                double[][] entropy = new double[layers][];
                for (int l = 0; l < layers; l++) {
                    loops[l] = line.path("loops").get(l).asInt();
                    JsonNode heads = line.path("entropy").get(l);
                    entropy[l] = new double[heads.size()];
                    for (int h = 0; h < entropy[l].length; h++) {
                        entropy[l][h] = heads.get(h).asDouble(Double.NaN);
                    }
                }
                steps.put(line.path("step").asLong(), new Step(line.path("step").asLong(), loops, entropy));
            }
        } catch (JsonProcessingException e) {
            throw Refusal.of(Category.ARTIFACT_INVALID, file, "it is no list of loops (%s)", e.getOriginalMessage()).cause(e);
        } catch (IOException e) {
            throw Json.refuse(file, Category.ARTIFACT_INVALID, e);
        }
        return new LoopTrail(List.copyOf(steps.values()));
    }
}
