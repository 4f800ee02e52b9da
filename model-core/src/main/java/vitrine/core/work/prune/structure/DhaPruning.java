package vitrine.core.work.prune.structure;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.prune.Structure;
import vitrine.core.work.prune.report.PruneEnding;

/// `dha`: key heads become one with others, and value heads do ([FusedHeads]). Where the config can say how heads share, they are stored once and queries are put in their order; elsewhere each keeps its place.
final class DhaPruning implements StructureMethod {

    private final StructuredWork work;
    private FusedHeads fused;

    DhaPruning(StructuredWork work) {
        this.work = work;
    }

    @Override
    public Structure structure() throws IOException {
        FusedHeads.require(work.spec, work.model.checkpoint());
        fused = FusedHeads.of(work.scores.fusions(), work.s, work.spec);
        for (LayerSpec l : work.spec.layers()) {
            work.progress.checkCancelled();
            work.once(l.index(), () -> fused.fuse(l.index(), work::changed, work.model.weights()));
            fused.describe(l.index(), work.row(l.index()));
        }
        work.allocation.put("allocation", Boolean.FALSE.equals(work.s.even()) ? "greedy" : "uniform");
        return new Structure(work.allLayers(), Map.of(), Map.of(), Map.of(), fused.shared());
    }

    /// What is spared where every fused head is stored once, beyond what the checkpoint spares as it is.
    @Override
    public long spared(long removed) {
        return Math.max(0, fused.spared() - removed);
    }

    @Override
    public void writeFactors(Path file) throws IOException {
        fused.write(file, work.changed::get);
    }

    @Override
    public String inPlace() {
        return "Every head that was fused keeps its place and holds what its group became.";
    }

    @Override
    public PruneEnding.Story story(Written w) {
        long spared = spared(w.before() - w.after());
        String once = spared == 0 ? "" : String.format(Locale.ROOT, " With every fused head stored once it would hold %,d parameters%s.", w.after() - spared,
                Boolean.TRUE.equals(work.s.factorised()) ? ", as " + PruneEnding.FACTORS + " has them" : "");
        if (w.after() < w.before()) {
            return new PruneEnding.Story("smaller shapes", String.format(Locale.ROOT, "The checkpoint holds %,d of %,d parameters; its config says so, and stock transformers loads it: keys and values of fewer heads, and queries in their order.%s",
                    w.after(), w.before(), once));
        }
        return new PruneEnding.Story("same shapes, heads repeated", "Every head that was fused keeps its place and holds what its group became, so nothing is saved on the disk or in time: "
                + (w.problem() != null ? w.problem() : spared == 0 ? "no heads were fused" : "no config says which heads share a key and which a value") + "." + once);
    }
}
