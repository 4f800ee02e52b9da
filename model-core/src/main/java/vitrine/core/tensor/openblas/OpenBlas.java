package vitrine.core.tensor.openblas;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import vitrine.core.tensor.NativeFunction;
import vitrine.core.tensor.Natives;

/// Gram matrices, Cholesky factors, eigenvalues, singular values and vectors, orthonormal bases of row-major matrices in native memory.
///
/// A symmetric result is kept as one triangle of an `[n, n]` square; the functions here agree on which, and the other one is not
/// touched. LAPACK reads columns first, so a row-major matrix is handed to it as its transpose, which has the same singular values.
///
/// Any number of threads may call at once while OpenBLAS itself is held to one thread ([#inThreads]): for matrices of up to a few
/// thousand columns, several at a time on a thread each are solved sooner than one at a time on all threads.
///
/// Source: OpenBLAS 0.3.31 (CBLAS, LAPACKE), read 2026-11.
public final class OpenBlas {

    private static final int ROW_MAJOR = 101;
    private static final int COLUMN_MAJOR = 102;
    private static final int PLAIN = 111;
    private static final int TRANSPOSED = 112;
    private static final int UPPER = 121;
    private static final int LOWER = 122;
    private static final int ANY_DIAGONAL = 131;
    private static final int RIGHT = 142;
    private static final byte UPPER_LETTER = 'U';
    private static final byte LOWER_LETTER = 'L';
    private static final byte NO_VECTORS = 'N';
    private static final byte VECTORS = 'V';
    private static final byte SMALLER_SIDE = 'S';

    private final NativeFunction dsyrk;
    private final NativeFunction ssyrk;
    private final NativeFunction dgemm;
    private final NativeFunction dsyevd;
    private final NativeFunction ssyevd;
    private final NativeFunction dgesdd;
    private final NativeFunction dgelqf;
    private final NativeFunction dgeqrf;
    private final NativeFunction dorglq;
    private final NativeFunction dorgqr;
    private final NativeFunction dpotrf;
    private final NativeFunction dpotri;
    private final NativeFunction dtrsm;
    private final NativeFunction setThreads;
    private final NativeFunction getThreads;
    private final NativeFunction coreName;

    private static final class Holder {
        static final OpenBlas LOADED = load();

        private static OpenBlas load() {
            try {
                return Natives.openBlas().map(OpenBlas::new).orElseThrow(() -> new IllegalStateException("OpenBLAS is not among the native libraries"));
            } catch (IOException e) {
                throw new ExceptionInInitializerError(e);
            }
        }
    }

    private OpenBlas(SymbolLookup library) {
        MemoryLayout[] doubleRankUpdate = {JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_DOUBLE, ADDRESS, JAVA_INT, JAVA_DOUBLE, ADDRESS, JAVA_INT};
        MemoryLayout[] floatRankUpdate = {JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_FLOAT, ADDRESS, JAVA_INT, JAVA_FLOAT, ADDRESS, JAVA_INT};
        MemoryLayout[] eigen = {JAVA_INT, JAVA_BYTE, JAVA_BYTE, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS};
        dsyrk = NativeFunction.of(library, "cblas_dsyrk", null, doubleRankUpdate);
        ssyrk = NativeFunction.of(library, "cblas_ssyrk", null, floatRankUpdate);
        dgemm = NativeFunction.of(library, "cblas_dgemm", null, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_DOUBLE, ADDRESS, JAVA_INT,
                ADDRESS, JAVA_INT, JAVA_DOUBLE, ADDRESS, JAVA_INT);
        dsyevd = NativeFunction.of(library, "LAPACKE_dsyevd", JAVA_INT, eigen);
        ssyevd = NativeFunction.of(library, "LAPACKE_ssyevd", JAVA_INT, eigen);
        dgesdd = NativeFunction.of(library, "LAPACKE_dgesdd", JAVA_INT, JAVA_INT, JAVA_BYTE, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT);
        dgelqf = NativeFunction.of(library, "LAPACKE_dgelqf", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS);
        dgeqrf = NativeFunction.of(library, "LAPACKE_dgeqrf", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS);
        dorglq = NativeFunction.of(library, "LAPACKE_dorglq", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS);
        dorgqr = NativeFunction.of(library, "LAPACKE_dorgqr", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS);
        dpotrf = NativeFunction.of(library, "LAPACKE_dpotrf", JAVA_INT, JAVA_INT, JAVA_BYTE, JAVA_INT, ADDRESS, JAVA_INT);
        dpotri = NativeFunction.of(library, "LAPACKE_dpotri", JAVA_INT, JAVA_INT, JAVA_BYTE, JAVA_INT, ADDRESS, JAVA_INT);
        dtrsm = NativeFunction.of(library, "cblas_dtrsm", null, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_DOUBLE, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT);
        setThreads = NativeFunction.of(library, "openblas_set_num_threads", null, JAVA_INT);
        getThreads = NativeFunction.of(library, "openblas_get_num_threads", JAVA_INT);
        coreName = NativeFunction.of(library, "openblas_get_corename", ADDRESS);
    }

    /// The library, loaded once per process.
    ///
    /// @throws IllegalStateException where it is not there
    public static OpenBlas open() {
        return Holder.LOADED;
    }

    /// The processor that OpenBLAS has taken this one for, such as `Cooperlake`: its kernels were written for that one.
    public String core() {
        try {
            return ((MemorySegment) coreName.handle().invokeExact()).reinterpret(64).getString(0);
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// How many threads OpenBLAS itself uses.
    public int threads() {
        try {
            return (int) getThreads.handle().invokeExact();
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// What is done while OpenBLAS uses a number of threads.
    @FunctionalInterface
    public interface Work<T, E extends Exception> {
        T run() throws E;
    }

    /// Does work while OpenBLAS uses `count` threads. The number belongs to the process: only one piece of work at a time may set it.
    public <T, E extends Exception> T inThreads(int count, Work<T, E> work) throws E {
        int before = threads();
        set(count);
        try {
            return work.run();
        } finally {
            set(before);
        }
    }

    private void set(int count) {
        try {
            setThreads.handle().invokeExact(count);
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// `G = factor * G + B^T B`, float64.
    ///
    /// @param block B, `[rows, n]`, each row `stride` values after the one before
    /// @param gram one triangle of `[n, n]`
    public void addInner(MemorySegment block, int rows, int n, int stride, double factor, MemorySegment gram) {
        try {
            dsyrk.handle().invokeExact(COLUMN_MAJOR, UPPER, PLAIN, n, rows, 1.0, block, stride, factor, gram, n);
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// `G = factor * G + B B^T`, float64.
    ///
    /// @param block B, `[n, columns]`, each row `stride` values after the one before
    /// @param gram one triangle of `[n, n]`
    public void addOuter(MemorySegment block, int n, int columns, int stride, double factor, MemorySegment gram) {
        try {
            dsyrk.handle().invokeExact(COLUMN_MAJOR, UPPER, TRANSPOSED, n, columns, 1.0, block, stride, factor, gram, n);
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// [#addInner] in float32.
    public void addInnerFloat(MemorySegment block, int rows, int n, int stride, float factor, MemorySegment gram) {
        try {
            ssyrk.handle().invokeExact(COLUMN_MAJOR, UPPER, PLAIN, n, rows, 1f, block, stride, factor, gram, n);
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// [#addOuter] in float32.
    public void addOuterFloat(MemorySegment block, int n, int columns, int stride, float factor, MemorySegment gram) {
        try {
            ssyrk.handle().invokeExact(COLUMN_MAJOR, UPPER, TRANSPOSED, n, columns, 1f, block, stride, factor, gram, n);
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// `C = factor * C + op(A) op(B)` for row-major matrices, float64; `op` transposes where asked.
    ///
    /// @param m rows of op(A) and C
    /// @param n columns of op(B) and C
    /// @param k columns of op(A), rows of op(B)
    public void multiply(boolean transposeA, boolean transposeB, int m, int n, int k, MemorySegment a, int strideA, MemorySegment b, int strideB, double factor,
                         MemorySegment c, int strideC) {
        try {
            dgemm.handle().invokeExact(ROW_MAJOR, transposeA ? TRANSPOSED : PLAIN, transposeB ? TRANSPOSED : PLAIN, m, n, k, 1.0, a, strideA, b, strideB, factor, c, strideC);
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// The eigenvalues of a symmetric float64 matrix, smallest first.
    ///
    /// @param gram one triangle of `[n, n]`; destroyed
    public double[] eigenvalues(MemorySegment gram, int n) {
        return eigen(gram, n, NO_VECTORS);
    }

    /// The eigenvalues of a symmetric float64 matrix, smallest first; `gram` then holds the eigenvectors in its rows, in the same order.
    ///
    /// @param gram one triangle of `[n, n]`
    public double[] eigenvectors(MemorySegment gram, int n) {
        return eigen(gram, n, VECTORS);
    }

    private double[] eigen(MemorySegment gram, int n, byte job) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment values = scratch.allocate(Math.max(1, n) * 8L, 64);
            check("dsyevd", (int) dsyevd.handle().invokeExact(COLUMN_MAJOR, job, UPPER_LETTER, n, gram, n, values));
            return doubles(values, n);
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// The eigenvalues of a symmetric float32 matrix, smallest first.
    ///
    /// @param gram one triangle of `[n, n]`; destroyed
    public double[] eigenvaluesFloat(MemorySegment gram, int n) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment values = scratch.allocate(Math.max(1, n) * 4L, 64);
            check("ssyevd", (int) ssyevd.handle().invokeExact(COLUMN_MAJOR, NO_VECTORS, UPPER_LETTER, n, gram, n, values));
            double[] out = new double[n];
            for (int i = 0; i < n; i++) {
                out[i] = values.getAtIndex(JAVA_FLOAT, i);
            }
            return out;
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// The singular values of a float64 matrix, largest first, by divide and conquer on the matrix itself.
    ///
    /// @param a `[rows, columns]`, each row `stride` values after the one before; destroyed
    public double[] singularValues(MemorySegment a, int rows, int columns, int stride) {
        int n = Math.min(rows, columns);
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment values = scratch.allocate(Math.max(1, n) * 8L, 64);
            MemorySegment unused = scratch.allocate(8, 64);
            check("dgesdd", (int) dgesdd.handle().invokeExact(COLUMN_MAJOR, NO_VECTORS, columns, rows, a, stride, values, unused, 1, unused, 1));
            return doubles(values, n);
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// Leaves in the first `n` rows of a float64 matrix `[rows, n]`, `rows >= n`, on and right of the diagonal, the triangle T with
    /// `T^T T = A^T A`: T has A's singular values. What else is in `a` then means nothing.
    ///
    /// @param a rows lie behind each other, `n` values each
    /// @param reflectors scratch for `n` values
    public void triangleOfRows(MemorySegment a, int rows, int n, MemorySegment reflectors) {
        try {
            check("dgelqf", (int) dgelqf.handle().invokeExact(COLUMN_MAJOR, n, rows, a, n, reflectors));
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// Leaves in the first `n` columns of a float64 matrix `[n, columns]`, `columns >= n`, on and left of the diagonal, the triangle T
    /// with `T T^T = A A^T`: T has A's singular values. What else is in `a` then means nothing.
    ///
    /// @param stride values from the start of a row to that of the next
    /// @param reflectors scratch for `n` values
    public void triangleOfColumns(MemorySegment a, int n, int columns, int stride, MemorySegment reflectors) {
        try {
            check("dgeqrf", (int) dgeqrf.handle().invokeExact(COLUMN_MAJOR, columns, n, a, stride, reflectors));
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// Singular values and vectors `A = U diag(s) V^T` of a float64 matrix, k the smaller side; values largest first.
    ///
    /// @param a `[rows, columns]`, each row `stride` values after the one before; destroyed
    /// @param left U, `[rows, k]`
    /// @param right V^T, `[k, columns]`
    /// @return s, `[k]`
    public double[] decompose(MemorySegment a, int rows, int columns, int stride, MemorySegment left, MemorySegment right) {
        int k = Math.min(rows, columns);
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment values = scratch.allocate(Math.max(1, k) * 8L, 64);
            // LAPACK sees A^T = V diag(s) U^T, columns first: its left vectors are the rows of V^T, its right ones U.
            check("dgesdd", (int) dgesdd.handle().invokeExact(COLUMN_MAJOR, SMALLER_SIDE, columns, rows, a, stride, values, right, columns, left, k));
            return doubles(values, k);
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// `A = Q R` of a float64 matrix `[rows, n]`: `q` holds A and then, in its first k columns, Q with orthonormal columns, k the smaller of
    /// rows and n.
    ///
    /// @param q rows lie behind each other, `n` values each
    /// @param r R, `[k, n]`, zeros left of its diagonal
    public void orthonormalColumns(MemorySegment q, int rows, int n, MemorySegment r) {
        int k = Math.min(rows, n);
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment reflectors = scratch.allocate(8L * Math.max(1, k), 64);
            check("dgelqf", (int) dgelqf.handle().invokeExact(COLUMN_MAJOR, n, rows, q, n, reflectors));
            copyTriangle(q, k, n, n, r);
            check("dorglq", (int) dorglq.handle().invokeExact(COLUMN_MAJOR, k, rows, k, q, n, reflectors));
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// `A = R^T Q` of a float64 matrix `[n, columns]`: `q` holds A and then, in its first k rows, Q with orthonormal rows, k the smaller of n
    /// and columns.
    ///
    /// @param r R, `[k, n]`, zeros left of its diagonal
    public void orthonormalRows(MemorySegment q, int n, int columns, MemorySegment r) {
        int k = Math.min(n, columns);
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment reflectors = scratch.allocate(8L * Math.max(1, k), 64);
            check("dgeqrf", (int) dgeqrf.handle().invokeExact(COLUMN_MAJOR, columns, n, q, columns, reflectors));
            for (int i = 0; i < k; i++) {
                for (int j = 0; j < n; j++) {
                    r.setAtIndex(JAVA_DOUBLE, (long) i * n + j, j >= i ? q.getAtIndex(JAVA_DOUBLE, (long) j * columns + i) : 0);
                }
            }
            check("dorgqr", (int) dorgqr.handle().invokeExact(COLUMN_MAJOR, columns, k, k, q, columns, reflectors));
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// The Cholesky factor of a symmetric positive definite float64 matrix, in its place: `A = L L^T` with L on and left of the diagonal.
    ///
    /// @param a `[n, n]`, of which the part on and left of the diagonal is read and written; the rest is not touched
    /// @return false where A is not positive definite; `a` then means nothing
    public boolean choleskyLower(MemorySegment a, int n) {
        return cholesky(UPPER_LETTER, a, n);
    }

    /// [#choleskyLower] of the other triangle: `A = U^T U` with U on and right of the diagonal.
    public boolean choleskyUpper(MemorySegment a, int n) {
        return cholesky(LOWER_LETTER, a, n);
    }

    private boolean cholesky(byte triangle, MemorySegment a, int n) {
        try {
            int status = (int) dpotrf.handle().invokeExact(COLUMN_MAJOR, triangle, n, a, n);
            if (status > 0) {
                return false;
            }
            check("dpotrf", status);
            return true;
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// The inverse of A from its factor of [#choleskyLower], in its place: the part on and left of the diagonal.
    public void inverseOfLower(MemorySegment factor, int n) {
        try {
            check("dpotri", (int) dpotri.handle().invokeExact(COLUMN_MAJOR, UPPER_LETTER, n, factor, n));
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /// `B = B L^-1` for a row-major float64 matrix B and a lower triangle L.
    ///
    /// @param b `[m, n]`, rows behind each other
    /// @param l `[n, n]`, read on and left of the diagonal
    public void divideByLower(MemorySegment b, int m, int n, MemorySegment l) {
        try {
            dtrsm.handle().invokeExact(ROW_MAJOR, RIGHT, LOWER, PLAIN, ANY_DIAGONAL, m, n, 1.0, l, n, b, n);
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    private static void copyTriangle(MemorySegment from, int k, int n, int stride, MemorySegment to) {
        for (int i = 0; i < k; i++) {
            for (int j = 0; j < n; j++) {
                to.setAtIndex(JAVA_DOUBLE, (long) i * n + j, j >= i ? from.getAtIndex(JAVA_DOUBLE, (long) i * stride + j) : 0);
            }
        }
    }

    private static double[] doubles(MemorySegment values, int n) {
        double[] out = new double[n];
        MemorySegment.copy(values, JAVA_DOUBLE, 0, out, 0, n);
        return out;
    }

    private static void check(String function, int status) {
        if (status == -1010 || status == -1011) {
            throw new OutOfMemoryError(function + " found no memory to work in");
        }
        if (status != 0) {
            throw new IllegalStateException(function + " returned status " + status);
        }
    }

    private static RuntimeException failed(Throwable t) {
        if (t instanceof Error e) {
            throw e;
        }
        return t instanceof RuntimeException e ? e : new IllegalStateException("OpenBLAS could not be called", t);
    }
}
