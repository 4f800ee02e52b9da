package vitrine.core.analysis.spectrum;

import java.lang.foreign.MemorySegment;
import java.util.Optional;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.MatrixView;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.kernel.ReadView;

/// A matrix as a checkpoint stores it.
///
/// @param data the tensor's bytes; a slice of a memory map, or native memory
/// @param mapped whether `data` is a memory map, whose pages can be given back
public record StoredMatrix(DType dtype, MemorySegment data, MatrixView view, boolean mapped) implements MatrixValues {

    @Override
    public int rows() {
        return view.rows();
    }

    @Override
    public int columns() {
        return view.columns();
    }

    @Override
    public void read(int row, int rows, int column, int columns, MemorySegment target, long stride) {
        ReadView.toDouble(dtype, data, view, row, rows, column, columns, target, stride);
    }

    @Override
    public void readFloat(int row, int rows, int column, int columns, MemorySegment target, long stride) {
        ReadView.toFloat(dtype, data, view, row, rows, column, columns, target, stride);
    }

    @Override
    public Optional<Operand> stored() {
        Operand.Element element = Operand.Element.ofOrNull(dtype);
        // Products want values where their size allows them to be.
        boolean aligned = element != null && (data.address() + view.offset() * dtype.bits() / 8) % (dtype.bits() / 8) == 0;
        if (!aligned || view.groups() != 1 || view.columnStride() != 1) {
            return Optional.empty();
        }
        return Optional.of(Operand.matrix(data.asSlice(view.offset() * dtype.bits() / 8), element, rows(), columns(), view.rowStride()));
    }

    @Override
    public void release(int row, int rows) {
        if (mapped && rows > 0) {
            long last = view.rowOffset(row + rows - 1) + (view.columns() - 1) * view.columnStride() + 1;
            long from = dtype.bytes(view.rowOffset(row));
            long to = dtype.bytes(Math.ceilDiv(last, dtype.blockValues()) * dtype.blockValues());
            data.asSlice(from, to - from).unload();
        }
    }
}
