package vitrine.core.task;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.MemorySegment;
import vitrine.core.adapter.AdapterFit;
import vitrine.core.analysis.adapter.BaseWeight;
import vitrine.core.architecture.Linear;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.tensor.MatrixView;
import vitrine.core.tensor.StoredValues;
import vitrine.core.tensor.kernel.ReadView;

/// The base's weight at an adapter's site, `[out, in]` whichever way round it is stored (a table: as it is stored, `[vocabulary, width]`),
/// dequantised where it has scales.
final class SiteWeight implements BaseWeight {

    private final TensorEntry tensor;
    private final MemorySegment data;
    private final MatrixView view;
    private final Linear.Scales scales;
    private final double[] factors;
    private final MappedWeights map;

    SiteWeight(AdapterFit.Site site, Checkpoint base, MappedWeights map) {
        this.map = map;
        tensor = base.tensor(site.weight()).orElseThrow();
        data = map.data(tensor);
        int first = (int) tensor.shape().size(0);
        int second = (int) tensor.shape().size(1);
        boolean turned = site.linear() != null && site.linear().inputMajor();
        view = turned ? new MatrixView(0, 1, second, 0, 1, first, second) : MatrixView.of(first, second);
        scales = site.linear() == null ? null : site.linear().scales();
        factors = scales == null ? null : values(base.tensor(scales.tensor()).orElseThrow(), map);
    }

    private static double[] values(TensorEntry t, MappedWeights map) {
        double[] out = new double[Math.toIntExact(t.elements())];
        for (int i = 0; i < out.length; i++) {
            out[i] = StoredValues.at(t.dtype(), map.data(t), i);
        }
        return out;
    }

    @Override
    public int rows() {
        return view.rows();
    }

    @Override
    public int columns() {
        return view.columns();
    }

    @Override
    public void read(int from, int count, MemorySegment target) {
        ReadView.toDouble(tensor.dtype(), data, view, from, count, 0, columns(), target, columns());
        if (factors != null) {
            int across = Math.ceilDiv(columns(), scales.columns());
            for (int r = 0; r < count; r++) {
                for (int c = 0; c < columns(); c++) {
                    long at = (long) r * columns() + c;
                    target.setAtIndex(JAVA_DOUBLE, at, target.getAtIndex(JAVA_DOUBLE, at) * factors[(from + r) / scales.rows() * across + c / scales.columns()]);
                }
            }
        }
    }

    /// Its pages will not be needed soon.
    void release() {
        map.release(tensor);
    }
}
