package vitrine.core.work.prune.structure;

import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import vitrine.core.prune.Structure;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.work.output.Figures;

/// `shortgpt`: the layers go that turn the residual stream least ([vitrine.core.analysis.rank.BlockInfluence]).
record ShortGptPruning(StructuredWork work) implements StructureMethod {

    @Override
    public Structure structure() throws IOException {
        double[] influence = work.scores.influence();
        for (int l = 0; l < influence.length; l++) {
            Figures.put(work.row(l), "block_influence", influence[l]);
        }
        int drop = work.s.layers() != null ? work.s.layers() : work.s.gone(influence.length);
        if (drop >= influence.length) {
            throw Refusal.of(Category.TASK_INVALID, work.model.checkpoint().path(), "%d layers are to go, and it has %d", drop, influence.length);
        }
        return new Structure(Arrays.stream(Structure.without(influence, drop)).boxed().toList(), Map.of(), Map.of(), Map.of());
    }
}
