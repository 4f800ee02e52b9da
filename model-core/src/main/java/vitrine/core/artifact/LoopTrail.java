package vitrine.core.artifact;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

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
        return TrailFile.in(folder, FILE);
    }

    /// Reads a trail. A last line that is being written is left for the next time.
    ///
    /// @throws vitrine.core.refusal.Refusal where a whole line is none of a trail
    public static LoopTrail read(Path file) {
        // Every line has as many layers as the first.
        int[] layers = {0};
        return new LoopTrail(TrailFile.read(file, "loops", line -> {
            Step step = step(line);
            if (step == null || layers[0] != 0 && step.loops.length != layers[0]) {
                return null;
            }
            layers[0] = step.loops.length;
            return step;
        }));
    }

    private static Step step(JsonNode line) {
        int layers = line.path("loops").size();
        if (layers == 0 || line.path("entropy").size() != layers) {
            return null;
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
        return new Step(line.path("step").asLong(), loops, entropy);
    }
}
