package vitrine.core.analysis.rank;

import java.util.Optional;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// Second moments of hidden states of some layers: the residual stream after each layer, and what attention and MLP add to it.
///
/// Sequences go in turn to one of two halves, so that a participation ratio can be found by both ([StreamingCovariance#splitParticipationRatio]).
/// A site's values are the model's own: the blocks' outputs before a norm of them.
public final class HiddenSpectra implements Probe, AutoCloseable {

    /// A place in the layer.
    public enum Part {
        RESID("resid", Site.RESID_POST), ATTN_OUT("attn_out", Site.ATTN_OUT), MLP_OUT("mlp_out", Site.MLP_OUT);

        private final String tensor;
        private final Site site;

        Part(String tensor, Site site) {
            this.tensor = tensor;
            this.site = site;
        }

        public String tensor() {
            return tensor;
        }
    }

    private static final int HALVES = 2;

    private final int first;
    private final int layers;
    /// By part, layer, half.
    private final StreamingCovariance[][][] moments;
    private final Magnitudes[][] magnitudes;
    private final RowBuffer buffer;
    /// Sequences of earlier batches.
    private int before;
    private int inBatch;

    /// @param first and `last`: the layers, both included
    public HiddenSpectra(ModelSpec spec, int first, int last) {
        this.first = first;
        layers = last - first + 1;
        moments = new StreamingCovariance[Part.values().length][layers][HALVES];
        magnitudes = new Magnitudes[Part.values().length][layers];
        for (int p = 0; p < moments.length; p++) {
            for (int l = 0; l < layers; l++) {
                magnitudes[p][l] = new Magnitudes(spec.hiddenSize());
                for (int h = 0; h < HALVES; h++) {
                    moments[p][l][h] = new StreamingCovariance(spec.hiddenSize());
                }
            }
        }
        buffer = new RowBuffer(spec.hiddenSize());
    }

    /// The memory that a layer takes.
    public static long bytes(ModelSpec spec) {
        return Part.values().length * HALVES * StreamingCovariance.bytes(spec.hiddenSize());
    }

    /// Says that a batch of so many sequences passes next.
    public void begin(int sequences) {
        before += inBatch;
        inBatch = sequences;
    }

    @Override
    public boolean wants(int layer, Site site) {
        return layer >= first && layer < first + layers && partOf(site) >= 0;
    }

    private static int partOf(Site site) {
        for (Part p : Part.values()) {
            if (p.site == site) {
                return p.ordinal();
            }
        }
        return -1;
    }

    @Override
    public void at(Place place, Matrix value) {
        int p = partOf(place.site());
        int l = place.layer() - first;
        magnitudes[p][l].add(value);
        buffer.add(moments[p][l][(before + place.sequence()) % HALVES], null, value);
    }

    /// The spectrum of one place of one layer, and what goes with it.
    ///
    /// @param values largest first
    /// @param splitParticipationRatio by two halves of the sequences, NaN for a single sequence
    /// @param massive dimensions with values above 100 times the median magnitude
    /// @param excluded whether those are left out of the values
    public record Result(Optional<double[]> values, double splitParticipationRatio, int[] massive, boolean excluded) {}

    /// The spectrum of one place of one layer.
    public Result result(Part part, int layer, boolean centred, boolean excludeMassive) {
        buffer.flush();
        StreamingCovariance[] halves = moments[part.ordinal()][layer - first];
        Magnitudes m = magnitudes[part.ordinal()][layer - first];
        int[] columns = excludeMassive ? m.others() : halves[0].allColumns();
        try (StreamingCovariance all = new StreamingCovariance(halves[0].width())) {
            all.merge(halves[0]);
            all.merge(halves[1]);
            Optional<double[]> values = all.singularValues(centred, columns);
            double split = values.isEmpty() ? Double.NaN : StreamingCovariance.splitParticipationRatio(halves[0], halves[1], centred, columns);
            return new Result(values, split, m.massive(), excludeMassive);
        }
    }

    @Override
    public void close() {
        for (StreamingCovariance[][] part : moments) {
            for (StreamingCovariance[] layer : part) {
                for (StreamingCovariance half : layer) {
                    half.close();
                }
            }
        }
        buffer.close();
    }
}
