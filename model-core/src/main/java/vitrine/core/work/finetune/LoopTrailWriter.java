package vitrine.core.work.finetune;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import vitrine.core.artifact.LoopTrail;
import vitrine.core.json.Json;
import vitrine.core.task.RunFolder;
import vitrine.core.train.method.SparseGrowing;

/// Writes how attention comes to loop along a run of SGT. [LoopTrail] says what is written.
final class LoopTrailWriter extends TrailWriter {

    /// More lines would be more than a picture has columns for.
    private static final long LINES = 200;

    private int[] last = new int[0];

    LoopTrailWriter(RunFolder folder) {
        super(folder, LoopTrail.FILE);
    }

    @Override
    void from(long step) throws IOException {
        super.from(step);
        if (Files.exists(file)) {
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
        append(line);
    }
}
