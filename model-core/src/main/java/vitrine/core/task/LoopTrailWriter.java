package vitrine.core.task;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import vitrine.core.artifact.LoopTrail;
import vitrine.core.json.Json;
import vitrine.core.train.method.SparseGrowing;

/// Writes how attention comes to loop along a run of SGT. [LoopTrail] says what is written.
final class LoopTrailWriter {

    /// More lines would be more than a picture has columns for.
    private static final long LINES = 200;

    private final Path file;
    private int[] last = new int[0];

    LoopTrailWriter(RunFolder folder) {
        file = folder.folder().resolve(LoopTrail.FILE);
    }

    /// Forgets what was written of steps from one on: the run goes through them again.
    void from(long step) throws IOException {
        if (Files.exists(file)) {
            List<String> kept = Files.readAllLines(file, StandardCharsets.UTF_8).stream().filter(l -> RankTrailWriter.before(l, step)).toList();
            Files.write(file, kept, StandardCharsets.UTF_8);
            List<LoopTrail.Step> before = LoopTrail.read(file).steps();
            last = before.isEmpty() ? last : before.getLast().loops();
        }
    }

    /// Adds the loops after a step, where it is one that is kept: the end of a window, the first step and the last, and every choice.
    void add(long step, long steps, SparseGrowing of) throws IOException {
        int[] loops = of.loops();
        long every = of.window() * Math.max(1, Math.ceilDiv(steps / of.window(), LINES));
        if (step != 1 && step != steps && step % every != 0 && Arrays.equals(loops, last)) {
            return;
        }
        last = loops;
        ObjectNode line = Json.object().put("step", step);
        ArrayNode counts = line.putArray("loops");
        for (int n : loops) {
            counts.add(n);
        }
        ArrayNode entropy = line.putArray("entropy");
        for (float[] layer : of.entropies()) {
            ArrayNode heads = entropy.addArray();
            for (float v : layer) {
                heads.add(v);
            }
        }
        Files.writeString(file, Json.line(line) + "\n", StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    /// Lays a copy into the result.
    void copyTo(Path result) throws IOException {
        if (Files.exists(file)) {
            Files.copy(file, result.resolve(LoopTrail.FILE), StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
