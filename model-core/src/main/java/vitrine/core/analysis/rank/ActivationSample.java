package vitrine.core.analysis.rank;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.forward.Weights;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Matrix;

/// What needs a layer's inputs all at once: done on one sample of tokens, layer by layer, so that the inputs of one layer are all that is kept.
public final class ActivationSample implements Probe {

    /// The sample is the first this many tokens.
    public static final int TOKENS = 512;

    private final ModelSpec spec;
    private final Weights weights;
    private final int sequences;
    private final double tailError;
    private final Double sparsity;
    private final Progress progress;
    private final Map<Site, float[][]> rows = new EnumMap<>(Site.class);
    private final Tail[] tails;
    private final List<Map<String, RankAwareSparsity.Split[]>> splits = new java.util.ArrayList<>();

    /// One layer's tail truncation.
    ///
    /// @param norms of the columns of the matrix that leads back, `[intermediate]`
    /// @param threshold for the target, and the error there
    public record Tail(double[] norms, TailTruncation.Curve curve, double threshold, double error) {}

    /// @param sequences how many will pass, in one batch
    /// @param tailError the target error of tail truncation
    /// @param rankAwareSparsity the sparsity for [RankAwareSparsity], or null for none
    public ActivationSample(ModelSpec spec, Weights weights, int sequences, double tailError, Double rankAwareSparsity, Progress progress) {
        this.spec = spec;
        this.weights = weights;
        this.sequences = sequences;
        this.tailError = tailError;
        sparsity = rankAwareSparsity;
        this.progress = progress;
        tails = new Tail[spec.layers().size()];
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.MLP_MID || sparsity != null && (site == Site.ATTN_IN || site == Site.Z || site == Site.MLP_IN);
    }

    @Override
    public void at(Place place, Matrix value) {
        float[][] all = rows.computeIfAbsent(place.site(), s -> new float[sequences][]);
        all[place.sequence()] = value.toArray();
        if (place.sequence() < sequences - 1) {
            return;
        }
        float[] x = concatenated(rows.remove(place.site()));
        progress.checkCancelled();
        if (place.site() == Site.MLP_MID) {
            tails[place.layer()] = tail(place.layer(), x);
        }
        if (sparsity != null) {
            Map<String, RankAwareSparsity.Split[]> found = place.site() == Site.ATTN_IN ? new LinkedHashMap<>() : splits.getLast();
            if (place.site() == Site.ATTN_IN) {
                splits.add(found);
            }
            for (LinearSite s : LinearSite.of(spec.layers().get(place.layer()))) {
                if (s.input() == place.site()) {
                    progress.checkCancelled();
                    try (Arena arena = Arena.ofShared()) {
                        MemorySegment w = s.weight(weights, arena);
                        if (LinearSite.finite(w) && finite(x)) {
                            found.put(s.kind().name().toLowerCase(java.util.Locale.ROOT), new RankAwareSparsity(w, s.out(), s.in(), arena).splits(x, sparsity));
                        }
                    }
                }
            }
        }
    }

    private static boolean finite(float[] x) {
        for (float v : x) {
            if (!Float.isFinite(v)) {
                return false;
            }
        }
        return true;
    }

    private static float[] concatenated(float[][] parts) {
        int length = java.util.Arrays.stream(parts).mapToInt(p -> p.length).sum();
        float[] all = new float[length];
        int at = 0;
        for (float[] p : parts) {
            System.arraycopy(p, 0, all, at, p.length);
            at += p.length;
        }
        return all;
    }

    private Tail tail(int layer, float[] x) {
        Linear down = LinearSite.down(spec.layers().get(layer));
        double[] norms;
        try (Arena arena = Arena.ofShared()) {
            LinearSite site = LinearSite.of(spec.layers().get(layer)).getLast();
            norms = LinearSite.columnNorms(site.weight(weights, arena), site.out(), site.in());
        }
        try (Arena arena = Arena.ofShared()) {
            Matrix a = Matrix.allocate(arena, x.length / down.in(), down.in());
            MemorySegment.copy(x, 0, a.data(), java.lang.foreign.ValueLayout.JAVA_FLOAT, 0, x.length);
            TailTruncation t = new TailTruncation(a, norms, (from, to) -> weights.multiply(from, down.weight(), down.out(), down.in(), down.inputMajor(), to), down.out());
            double threshold = finite(x) ? t.threshold(tailError) : Double.NaN;
            return new Tail(norms, t.curve(), threshold, t.error(threshold));
        }
    }

    /// Null for a layer whose MLP is one of experts.
    public Tail tail(int layer) {
        return tails[layer];
    }

    /// Splits of every linear layer of a layer, by name (`q`, `k`, ...); without those whose inputs or weights are not finite, and empty where
    /// none were asked for.
    public Map<String, RankAwareSparsity.Split[]> splits(int layer) {
        return splits.isEmpty() ? Map.of() : splits.get(layer);
    }
}
