package vitrine.core.work.prune.structure;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import vitrine.core.prune.Structure;
import vitrine.core.work.prune.report.PruneEnding;

/// `masa`: matrices of one kind become sums of fewer ones that layers share ([SharedMatrices]).
final class MasaPruning implements StructureMethod {

    private final StructuredWork work;
    private SharedMatrices dictionaries;

    MasaPruning(StructuredWork work) {
        this.work = work;
    }

    @Override
    public Structure structure() throws IOException {
        dictionaries = work.scores.shared(work.s, work.map);
        List<SharedMatrices.Kind> kinds = dictionaries.sharing();
        for (int k = 0; k < kinds.size(); k++) {
            SharedMatrices.Kind kind = kinds.get(k);
            work.progress.checkCancelled();
            work.once(k, () -> dictionaries.put(kind, work.model.checkpoint(), work.map, work.progress, work::changed));
        }
        dictionaries.describe(work.allocation, work::row);
        return new Structure(work.allLayers(), Map.of(), Map.of(), Map.of());
    }

    @Override
    public long spared(long removed) {
        return dictionaries.spared();
    }

    @Override
    public void writeFactors(Path file) throws IOException {
        dictionaries.write(file, work.model.checkpoint(), work.map, work.progress);
    }

    @Override
    public PruneEnding.Story story(Written w) {
        return new PruneEnding.Story("same shapes, sums of shared matrices", String.format(Locale.ROOT,
                "Every matrix is put together in its full shape, so that any program loads the checkpoint: it is as large and as slow as before. With shared matrices and coefficients in their place it would hold %,d parameters%s.",
                w.after() - dictionaries.spared(), Boolean.TRUE.equals(work.s.factorised()) ? ", as " + PruneEnding.FACTORS + " has them" : ""));
    }
}
