package vitrine.core.analysis.rank;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.openblas.OpenBlas;

/// Effective rank exp(H(s / sum s)) of keys and values of all heads after 1, 2, 3, ... tokens of a context, at lengths that grow by about
/// the root of 2. A value is the mean over those of the first [#SEQUENCES] sequences that are so long.
public final class ContextGrowth implements Probe {

    /// So many sequences are followed; each of them is solved at every length.
    public static final int SEQUENCES = 8;

    /// The sites, with the names of their tensors.
    private static final List<Site> SITES = List.of(Site.KEY_ROTATED, Site.KEY_PROJECTED, Site.VALUE);
    private static final List<String> NAMES = List.of("k", "k_proj", "v");

    private final int layers;
    private final boolean centred;
    private final int[] lengths;
    private final double[][][] sums;
    private final long[][][] counts;
    private int before;
    private int inBatch;

    /// @param longest tokens of the longest of the sequences that will pass
    public ContextGrowth(ModelSpec spec, int longest, boolean centred) {
        layers = spec.layers().size();
        this.centred = centred;
        lengths = lengths(longest, centred ? 2 : 1);
        sums = new double[SITES.size()][layers][lengths.length];
        counts = new long[SITES.size()][layers][lengths.length];
    }

    /// 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, ... up to and with the longest.
    static int[] lengths(int longest, int shortest) {
        List<Integer> out = new ArrayList<>();
        int last = 0;
        for (int i = 0; last < longest; i++) {
            int n = Math.min(longest, (int) Math.round(Math.pow(2, i / 2.0)));
            if (n > last && n >= shortest) {
                out.add(n);
            }
            last = Math.max(last, n);
        }
        return out.stream().mapToInt(Integer::intValue).toArray();
    }

    /// Says that a batch of so many sequences passes next.
    public void begin(int sequences) {
        before += inBatch;
        inBatch = sequences;
    }

    @Override
    public boolean wants(int layer, Site site) {
        return before < SEQUENCES && SITES.contains(site);
    }

    @Override
    public void at(Place place, Matrix value) {
        if (before + place.sequence() >= SEQUENCES) {
            return;
        }
        int site = SITES.indexOf(place.site());
        for (int i = 0; i < lengths.length && lengths[i] <= value.rows(); i++) {
            double rank = effectiveRank(value.rows(0, lengths[i]), centred);
            if (!Double.isNaN(rank)) {
                sums[site][place.layer()][i] += rank;
                counts[site][place.layer()][i]++;
            }
        }
    }

    /// Effective rank of a matrix by the smaller of its two Gram matrices.
    static double effectiveRank(Matrix m, boolean centred) {
        int n = m.rows();
        int d = m.columns();
        double[] mean = new double[d];
        for (int r = 0; centred && r < n; r++) {
            float[] row = m.row(r);
            for (int c = 0; c < d; c++) {
                mean[c] += row[c] / (double) n;
            }
        }
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment rows = scratch.allocate(8L * n * d, 64);
            double squares = 0;
            for (int r = 0; r < n; r++) {
                float[] row = m.row(r);
                for (int c = 0; c < d; c++) {
                    double v = row[c] - mean[c];
                    squares += v * v;
                    rows.setAtIndex(JAVA_DOUBLE, (long) r * d + c, v);
                }
            }
            if (!(squares > 0) || Double.isInfinite(squares)) {
                return Double.NaN;
            }
            int k = Math.min(n, d);
            MemorySegment gram = scratch.allocate(8L * k * k, 64);
            if (d <= n) {
                OpenBlas.open().addInner(rows, n, d, d, 0, gram);
            } else {
                OpenBlas.open().addOuter(rows, n, d, d, 0, gram);
            }
            double[] s = StreamingCovariance.roots(OpenBlas.open().eigenvalues(gram, k));
            double sum = 0;
            for (double v : s) {
                sum += v;
            }
            double entropy = 0;
            for (double v : s) {
                entropy -= v > 0 ? v / sum * Math.log(v / sum) : 0;
            }
            return Math.exp(entropy);
        }
    }

    /// What came of it.
    ///
    /// @param lengths tokens seen
    /// @param sequences that were so long
    /// @param sites names of sites
    /// @param effectiveRank `[sites][layers][lengths]`, NaN where values were not finite or all 0
    public record Result(int[] lengths, int[] sequences, List<String> sites, double[][][] effectiveRank) {}

    public Result result() {
        double[][][] mean = new double[SITES.size()][layers][lengths.length];
        int[] sequences = new int[lengths.length];
        for (int s = 0; s < mean.length; s++) {
            for (int l = 0; l < layers; l++) {
                for (int i = 0; i < lengths.length; i++) {
                    mean[s][l][i] = counts[s][l][i] == 0 ? Double.NaN : sums[s][l][i] / counts[s][l][i];
                    sequences[i] = (int) Math.max(sequences[i], counts[s][l][i]);
                }
            }
        }
        return new Result(lengths, sequences, NAMES, mean);
    }
}
