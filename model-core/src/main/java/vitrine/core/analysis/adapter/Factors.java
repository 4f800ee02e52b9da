package vitrine.core.analysis.adapter;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import vitrine.core.adapter.AdapterModule;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.tensor.MatrixView;
import vitrine.core.tensor.kernel.ReadView;

/// The two factors of one module: dW = s B A. AdaLoRA's diagonal is in A already.
///
/// @param a `[r, in]`
/// @param b `[out, r]`
public record Factors(Dense a, Dense b, double scaling) {

    /// Reads a module's factors. Of a delta that is stored as coefficients these are factors in the bases' own coordinates, with the delta's singular values
    /// and nothing of its place: [SolarBasis#factors] finds the delta's own.
    public static Factors read(AdapterModule module, MappedWeights map, Arena arena) {
        if (module.solar() != null) {
            return SolarBasis.coordinates(module, map, arena);
        }
        if (module.part() != null) {
            return part(module, module.part(), map, arena);
        }
        Dense a = read(module.a(), map, arena);
        Dense b = read(module.b(), map, arena);
        if (module.diagonal() != null) {
            Dense e = values(module.diagonal(), map, arena);
            for (int i = 0; i < a.rows(); i++) {
                a.rows(i, 1).scale(e.get(0, i));
            }
        }
        return new Factors(a, b, module.scaling());
    }

    /// One expert's factors out of those of all: its rows of A, and of B every `experts`-th column.
    private static Factors part(AdapterModule m, AdapterModule.Part part, MappedWeights map, Arena arena) {
        Dense a = Dense.allocate(arena, m.rank(), m.in());
        ReadView.toDouble(m.a().dtype(), map.data(m.a()), MatrixView.of(m.rank() * part.experts(), m.in()), part.expert() * m.rank(), m.rank(), 0, m.in(), a.data(), m.in());
        int across = m.rank() * part.experts();
        Dense b = Dense.allocate(arena, m.out(), m.rank());
        MemorySegment stored = map.data(m.b());
        for (int o = 0; o < m.out(); o++) {
            for (int i = 0; i < m.rank(); i++) {
                b.set(o, i, vitrine.core.tensor.StoredValues.at(m.b().dtype(), stored, (long) (part.first() + o) * across + (long) i * part.experts() + part.expert()));
            }
        }
        return new Factors(a, b, m.scaling());
    }

    /// A tensor of any shape as one row.
    public static Dense values(TensorEntry tensor, MappedWeights map, Arena arena) {
        Dense d = Dense.allocate(arena, 1, Math.toIntExact(tensor.elements()));
        ReadView.toDouble(tensor.dtype(), map.data(tensor), MatrixView.of(1, d.columns()), 0, 1, 0, d.columns(), d.data(), d.columns());
        return d;
    }

    private static Dense read(TensorEntry tensor, MappedWeights map, Arena arena) {
        Dense d = Dense.allocate(arena, (int) tensor.shape().size(0), (int) tensor.shape().size(1));
        ReadView.toDouble(tensor.dtype(), map.data(tensor), MatrixView.of(d.rows(), d.columns()), 0, d.rows(), 0, d.columns(), d.data(), d.columns());
        return d;
    }

    public int in() {
        return a.columns();
    }

    public int out() {
        return b.rows();
    }

    public int rank() {
        return a.rows();
    }

    /// The same delta the other way round, as a table `[vocabulary, width]` stores it: `s A^T B^T`.
    public Factors ofTable(Arena arena) {
        return new Factors(Subspaces.transposed(b, arena), Subspaces.transposed(a, arena), scaling);
    }

    /// Some of the components, in the order given.
    public Factors picked(Integer[] which, Arena arena) {
        Dense pickedA = Dense.allocate(arena, which.length, in());
        Dense pickedB = Dense.allocate(arena, out(), which.length);
        for (int k = 0; k < which.length; k++) {
            MemorySegment.copy(a.data(), 8L * which[k] * in(), pickedA.data(), 8L * k * in(), 8L * in());
            for (int o = 0; o < out(); o++) {
                pickedB.set(o, k, b.get(o, which[k]));
            }
        }
        return new Factors(pickedA, pickedB, scaling);
    }

    /// The first `count` components.
    public Factors first(int count, Arena arena) {
        Integer[] which = new Integer[count];
        java.util.Arrays.setAll(which, i -> i);
        return picked(which, arena);
    }

    /// All components but one.
    public Factors without(int left, Arena arena) {
        Integer[] which = new Integer[rank() - 1];
        java.util.Arrays.setAll(which, i -> i < left ? i : i + 1);
        return picked(which, arena);
    }

    /// Values that are NaN or infinite.
    public long nonFinite() {
        return nonFinite(a) + nonFinite(b);
    }

    private static long nonFinite(Dense d) {
        long n = 0;
        for (long i = 0; i < (long) d.rows() * d.columns(); i++) {
            n += Double.isFinite(d.data().getAtIndex(JAVA_DOUBLE, i)) ? 0 : 1;
        }
        return n;
    }

    /// The delta itself, `[out, in]`: for small modules and for those who compare.
    public Dense delta(Arena arena) {
        return b.times(arena, a).scale(scaling);
    }

    /// Rows `[from, from + count)` of the delta.
    public Dense deltaRows(Arena arena, int from, int count) {
        return b.rows(from, count).times(arena, a).scale(scaling);
    }

    /// The sum of the deltas of two adapters of one module, as factors of both ranks together; `weight` times this one's, `otherWeight` times the other's.
    public Factors and(Factors other, double weight, double otherWeight, Arena arena) {
        Dense bothA = Dense.allocate(arena, rank() + other.rank(), in());
        MemorySegment.copy(a.data(), 0, bothA.data(), 0, 8L * rank() * in());
        MemorySegment.copy(other.a.data(), 0, bothA.data(), 8L * rank() * in(), 8L * other.rank() * in());
        Dense bothB = Dense.allocate(arena, out(), rank() + other.rank());
        for (int o = 0; o < out(); o++) {
            for (int i = 0; i < rank(); i++) {
                bothB.set(o, i, weight * scaling * b.get(o, i));
            }
            for (int i = 0; i < other.rank(); i++) {
                bothB.set(o, rank() + i, otherWeight * other.scaling * other.b.get(o, i));
            }
        }
        return new Factors(bothA, bothB, 1);
    }
}
