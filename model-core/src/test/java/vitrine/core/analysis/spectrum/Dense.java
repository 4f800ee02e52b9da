package vitrine.core.analysis.spectrum;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.nd4j.Nd4jMatrices;

/// A matrix of float64 values in a test, and independent ways to its singular values.
record Dense(DType dtype, int rows, int columns, double[] values) implements MatrixValues {

    static Dense of(double[] values, int rows, int columns) {
        return new Dense(DType.F64, rows, columns, values);
    }

    static Dense gaussian(int rows, int columns, long seed) {
        Random random = new Random(seed);
        double[] v = new double[rows * columns];
        for (int i = 0; i < v.length; i++) {
            v[i] = random.nextGaussian();
        }
        return of(v, rows, columns);
    }

    /// `U diag(s) V^T` with random orthonormal U and V.
    static Dense ofSpectrum(double[] s, int rows, int columns, long seed) {
        double[][] u = orthonormal(s.length, rows, seed);
        double[][] v = orthonormal(s.length, columns, seed + 1);
        double[] out = new double[rows * columns];
        for (int k = 0; k < s.length; k++) {
            for (int i = 0; i < rows; i++) {
                double f = s[k] * u[k][i];
                for (int j = 0; j < columns; j++) {
                    out[i * columns + j] += f * v[k][j];
                }
            }
        }
        return of(out, rows, columns);
    }

    private static double[][] orthonormal(int count, int length, long seed) {
        double[][] q = new double[count][];
        Random random = new Random(seed);
        for (int k = 0; k < count; k++) {
            q[k] = random.doubles(length, -1, 1).toArray();
        }
        Vectors.orthonormalise(q);
        return q;
    }

    /// Singular values by LAPACK's gesvd through ND4J, which shares no code with the solver under test.
    double[] singularValues() {
        return Nd4jMatrices.singularValues(values, rows, columns);
    }

    Dense times(double factor) {
        return new Dense(dtype, rows, columns, Arrays.stream(values).map(v -> v * factor).toArray());
    }

    Dense transposed() {
        double[] t = new double[values.length];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                t[j * rows + i] = values[i * columns + j];
            }
        }
        return new Dense(dtype, columns, rows, t);
    }

    /// The same values as that type would store them.
    Dense as(DType type) {
        double[] v = values.clone();
        for (int i = 0; i < v.length; i++) {
            v[i] = switch (type) {
                case F64 -> v[i];
                case F32 -> (float) v[i];
                case F16 -> Float.float16ToFloat(Float.floatToFloat16((float) v[i]));
                case BF16 -> {
                    int bits = Float.floatToRawIntBits((float) v[i]);
                    yield Float.intBitsToFloat((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
                }
                default -> throw new IllegalArgumentException(type.name());
            };
        }
        return new Dense(type, rows, columns, v);
    }

    @Override
    public void read(int row, int rowCount, int column, int columnCount, MemorySegment target, long stride) {
        for (int r = 0; r < rowCount; r++) {
            MemorySegment.copy(values, (row + r) * columns + column, target, ValueLayout.JAVA_DOUBLE, 8 * r * stride, columnCount);
        }
    }

    @Override
    public void readFloat(int row, int rowCount, int column, int columnCount, MemorySegment target, long stride) {
        for (int r = 0; r < rowCount; r++) {
            for (int c = 0; c < columnCount; c++) {
                target.setAtIndex(ValueLayout.JAVA_FLOAT, r * stride + c, (float) values[(row + r) * columns + column + c]);
            }
        }
    }
}
