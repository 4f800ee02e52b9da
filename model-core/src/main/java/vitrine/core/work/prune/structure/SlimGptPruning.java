package vitrine.core.work.prune.structure;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.prune.Allocation;
import vitrine.core.prune.InputCollector;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.Structure;
import vitrine.core.prune.method.SlimGpt;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.PruneSettings;
import vitrine.core.work.output.Figures;

/// `slimgpt`: key/value groups and channels go one after the other, and those that stay make up for them ([SlimGpt]).
final class SlimGptPruning extends LayerwisePruning {

    SlimGptPruning(StructuredWork work) {
        super(work);
    }

    @Override
    public Structure structure() throws IOException {
        double[] shares = shares();
        SlimGpt method = new SlimGpt(s.damping() == null ? 0.01 : s.damping());
        return layers(true, this::leadingBack, (l, own, inputs) -> {
            own.forEach(m -> prune(m, l, inputs, method, shares[l.index()]));
            tellError(l);
        });
    }

    /// The matrices that lead heads and channels back to the residual stream.
    private List<PrunableMatrix> leadingBack(LayerSpec l) {
        return PrunableMatrix.of(l).stream().filter(m -> m.kind() == PrunableMatrix.Kind.OUTPUT && s.parts() != PruneSettings.Parts.channels
                || m.kind() == PrunableMatrix.Kind.DOWN && !m.routed() && s.parts() != PruneSettings.Parts.heads).toList();
    }

    private void prune(PrunableMatrix m, LayerSpec l, InputCollector inputs, SlimGpt method, double share) {
        boolean heads = m.kind() == PrunableMatrix.Kind.OUTPUT;
        int width = heads ? l.attention().valueDim() * l.attention().groupSize() : 1;
        int gone = PruneSettings.gone(share, m.in() / width);
        double error = change(m, inputs, w -> (heads ? groups : channels).put(l.index(), method.prune(w, inputs.of(m), width, gone))).relative();
        Figures.put(work.row(l.index()), heads ? "output_projection_error" : "down_projection_error", error);
    }

    /// How much of each layer goes.
    private double[] shares() {
        int layers = work.spec.layers().size();
        double[] out = new double[layers];
        Arrays.fill(out, s.sparsity());
        if (s.allocation() == PruneSettings.AllocationName.incremental) {
            out = Allocation.incremental(layers, s.allocationSpread() == null ? Math.min(0.2, s.sparsity()) : s.allocationSpread(), s.sparsity());
            if (out[0] < 0 || out[layers - 1] >= 1) {
                throw Refusal.of(Category.TASK_INVALID, null, "a spread of %s about a sparsity of %s would take %.3f of the first layer and %.3f of the last", s.allocationSpread(), s.sparsity(), out[0],
                        out[layers - 1]).help("A smaller allocationSpread leaves both within 0 and 1.");
            }
            work.allocation.put("allocation", "incremental");
            for (int l = 0; l < layers; l++) {
                work.allocation.withArray("/layers").addObject().put("layer", l).put("sparsity", out[l]);
            }
        }
        return out;
    }
}
