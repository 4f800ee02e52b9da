package vitrine.core.work.prune.structure;

import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import vitrine.core.prune.Structure;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.PruneSettings;

/// `taylor`: key/value groups and channels go whose weights the loss would miss least, by its expansion ([vitrine.core.prune.method.TaylorImportance]).
record TaylorPruning(StructuredWork work) implements StructureMethod {

    @Override
    public Structure structure() throws IOException {
        PruneSettings s = work.s;
        StructureScores.Taylor scores = work.scores.taylor(Boolean.TRUE.equals(s.secondOrder()));
        Map<Integer, int[]> groups = new TreeMap<>();
        Map<Integer, int[]> channels = new TreeMap<>();
        if (s.parts() != PruneSettings.Parts.channels) {
            scores.groups().forEach((l, v) -> {
                groups.put(l, Structure.without(v, s.gone(v.length)));
                work.list(l, "group_importance", v);
            });
        }
        if (s.parts() != PruneSettings.Parts.heads) {
            scores.channels().forEach((l, v) -> channels.put(l, Structure.without(v, s.gone(v.length))));
        }
        if (groups.isEmpty() && channels.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, work.model.checkpoint().path(), "%s has no heads or channels of its own to prune: projections are fused, or experts take the feed-forward blocks' place", work.spec.family());
        }
        return new Structure(work.allLayers(), groups, channels, Map.of());
    }
}
