package vitrine.core.work.input;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.MemorySegment;
import vitrine.core.adapter.AdapterFit;
import vitrine.core.analysis.adapter.BaseWeight;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.Linear;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.MatrixView;
import vitrine.core.tensor.StoredValues;
import vitrine.core.tensor.kernel.ReadView;

/// The base's weight at an adapter's site, `[out, in]` whichever way round it is stored (a table: as it is stored, `[vocabulary, width]`),
/// dequantised where it has scales.
public final class SiteWeight implements BaseWeight {

    private final TensorEntry tensor;
    private final MemorySegment data;
    private final MatrixView view;
    private final Linear.Scales scales;
    private final double[] factors;
    private final MappedWeights map;

    public SiteWeight(AdapterFit.Site site, Checkpoint base, MappedWeights map) {
        this.map = map;
        tensor = base.tensor(site.weight()).orElseThrow();
        data = map.data(tensor);
        int first = (int) tensor.shape().size(0);
        int second = (int) tensor.shape().size(1);
        if (site.stacked() != null) {
            view = ofExpert(site, base);
            scales = null;
            factors = null;
            return;
        }
        boolean turned = site.linear() != null && site.linear().inputMajor();
        view = turned ? new MatrixView(0, 1, second, 0, 1, first, second) : MatrixView.of(first, second);
        scales = site.linear() == null ? null : site.linear().scales();
        factors = scales == null ? null : values(base.tensor(scales.tensor()).orElseThrow(), map);
    }

    /// Some rows of an expert's matrix within the tensor of all.
    private static MatrixView ofExpert(AdapterFit.Site site, Checkpoint base) {
        AdapterFit.Stacked s = site.stacked();
        if (!(s.matrices() instanceof Experts.Stack stack)) {
            throw Refusal.of(Category.DTYPE_UNKNOWN, base.path(), "its experts are stored as MXFP4: adapters run on them and cannot be compared with them, or merged into them")
                    .where("tensor " + site.weight());
        }
        long own = (long) s.expert() * stack.out() * stack.in();
        int rows = site.module().out();
        int columns = site.module().in();
        // Stored rows are as long as the module's inputs, unless they are its outputs.
        return stack.inputMajor() && !s.turned() ? new MatrixView(own + s.first(), 1, rows, 0, 1, columns, stack.out())
                : new MatrixView(own + (long) s.first() * columns, 1, rows, 0, columns, columns, 1);
    }

    /// Where a value is among the stored ones.
    long at(int row, int column) {
        return view.offset() + row * view.rowStride() + column * view.columnStride();
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
    public void release() {
        map.release(tensor);
    }
}
