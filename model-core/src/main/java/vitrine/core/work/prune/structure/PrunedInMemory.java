package vitrine.core.work.prune.structure;

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
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.ChangedTensor;
import vitrine.core.work.prune.report.BeforeAndAfter;

/// The model without what goes, and nothing written: heads and channels add nothing, layers are passed by, experts cannot be chosen.
public final class PrunedInMemory {

    private final StructuredWork work;
    private final Structure structure;
    private final Map<String, ChangedTensor> tensors = new LinkedHashMap<>();

    PrunedInMemory(StructuredWork work, Structure structure) {
        this.work = work;
        this.structure = structure;
        for (PrunableMatrix m : PrunableMatrix.of(work.spec)) {
            int[] kept = kept(m);
            if (kept != null) {
                int width = width(m);
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
        return PrunableMatrix.of(l).stream().filter(m -> kept(m) != null).mapToLong(m -> (m.in() - (long) kept(m).length * width(m)) * m.out()).sum();
    }

    /// What stays of the heads or channels that a matrix leads back; null where it leads none, and where all stay. Channels are those of dense blocks and of shared experts: routed experts keep theirs.
    private int[] kept(PrunableMatrix m) {
        return switch (m.kind()) {
            case OUTPUT -> structure.groups().get(m.layer());
            case DOWN -> m.routed() ? null : structure.channels().get(m.layer());
            default -> null;
        };
    }

    /// Inputs of a head's group, or of a channel.
    private int width(PrunableMatrix m) {
        AttentionSpec a = work.spec.layers().get(m.layer()).attention();
        return m.kind() == PrunableMatrix.Kind.OUTPUT ? a.valueDim() * a.groupSize() : 1;
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
    public static ModelSpec of(ModelSpec spec, List<LayerSpec> kept) {
        return new ModelSpec(spec.modelType(), spec.family(), spec.encoder(), spec.hiddenSize(), spec.vocabSize(), spec.maxPositions(), spec.positionsAreHard(), spec.embedding(), kept, spec.finalNorm(),
                spec.head(), spec.ignoredSuffixes());
    }

    /// Bars experts that are not kept.
    public record Barred(Map<Integer, int[]> kept) implements Probe {
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
