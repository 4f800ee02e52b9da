package vitrine.core.task;

import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.forward.Adaptation;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.Structure;
import vitrine.core.tensor.Matrix;

/// The model without what goes, and nothing written: heads and channels add nothing, layers are passed by, experts cannot be chosen.
final class PrunedInMemory {

    private final StructuredWork work;
    private final Structure structure;
    private final Map<String, ChangedTensor> tensors = new LinkedHashMap<>();

    PrunedInMemory(StructuredWork work, Structure structure) {
        this.work = work;
        this.structure = structure;
        for (PrunableMatrix m : PrunableMatrix.of(work.spec)) {
            AttentionSpec a = work.spec.layers().get(m.layer()).attention();
            int[] kept = m.kind() == PrunableMatrix.Kind.OUTPUT ? structure.groups().get(m.layer()) : m.kind() == PrunableMatrix.Kind.DOWN ? structure.channels().get(m.layer()) : null;
            if (kept != null) {
                int width = m.kind() == PrunableMatrix.Kind.OUTPUT ? a.valueDim() * a.groupSize() : 1;
                ChangedTensor changed = work.copy(work.entry(m), work.arena);
                changed.clear(m, i -> Arrays.binarySearch(kept, i / width) >= 0);
                tensors.put(m.tensor(), changed);
            }
        }
        work.changed.forEach(tensors::putIfAbsent);
    }

    /// What tensors became, by name: those that the method has changed, and those that lead heads and channels back to the residual stream, with 0 where these have gone.
    Map<String, ChangedTensor> tensors() {
        return tensors;
    }

    /// Weights of a layer that are 0 in these because of heads and channels that have gone.
    long zeros(LayerSpec l) {
        AttentionSpec a = l.attention();
        int[] groups = structure.groups().get(l.index());
        int[] channels = structure.channels().get(l.index());
        return (groups == null ? 0 : (long) (a.keyValueHeads() - groups.length) * a.groupSize() * a.valueDim() * work.spec.hiddenSize())
                + (channels == null ? 0 : (long) (l.feedForward().width() - channels.length) * work.spec.hiddenSize());
    }

    /// The model, whose weights are now these.
    LoadedModel model() {
        ModelSpec shorter = of(work.spec, structure.layers().stream().map(work.spec.layers()::get).toList());
        Integer perToken = work.s.expertsPerToken();
        work.model.weights().adapt(ChangedTensor.adaptation(tensors));
        return work.model.as(perToken == null ? shorter : shorter.choosing(work.spec.expertLayers().stream().collect(Collectors.toMap(l -> l, l -> perToken))));
    }

    /// What every pass of [#model] is watched by.
    Probe probe() {
        return new Barred(structure.experts());
    }

    /// The logits of some tokens; afterwards weights are as they were.
    float[] logits(int[] ids) {
        try {
            return BeforeAndAfter.logits(model(), ids, probe());
        } finally {
            work.model.weights().adapt(Adaptation.NONE);
        }
    }

    /// A model of some of its layers.
    static ModelSpec of(ModelSpec spec, List<LayerSpec> kept) {
        return new ModelSpec(spec.modelType(), spec.family(), spec.encoder(), spec.hiddenSize(), spec.vocabSize(), spec.maxPositions(), spec.positionsAreHard(), spec.embedding(), kept, spec.finalNorm(),
                spec.head(), spec.ignoredSuffixes());
    }

    /// Bars experts that are not kept.
    record Barred(Map<Integer, int[]> kept) implements Probe {
        @Override
        public boolean wants(int layer, Site site) {
            return site == Site.ROUTER_LOGITS && kept.containsKey(layer);
        }

        @Override
        public void at(Place place, Matrix logits) {
            int[] stay = kept.get(place.layer());
            for (int e = 0; e < logits.columns(); e++) {
                if (Arrays.binarySearch(stay, e) < 0) {
                    for (int t = 0; t < logits.rows(); t++) {
                        logits.data().set(ValueLayout.JAVA_FLOAT, logits.rowOffset(t) + 4L * e, Float.NEGATIVE_INFINITY);
                    }
                }
            }
        }
    }
}
