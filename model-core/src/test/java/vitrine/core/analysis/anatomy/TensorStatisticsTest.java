package vitrine.core.analysis.anatomy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.DType;

class TensorStatisticsTest {

    private static TensorStatistics of(float... values) {
        return TensorStatistics.of(DType.F32, MemorySegment.ofArray(values), values.length, 8, Progress.NONE);
    }

    @Test
    void aConstantTensorHasNoDeviationWhateverItsValue() {
        for (float v : new float[] {0.1f, -3.3e-7f, 1e30f, 12345.678f}) {
            float[] values = new float[700_001];
            Arrays.fill(values, v);
            TensorStatistics s = of(values);
            assertEquals(0, s.standardDeviation(), Math.abs(v) * 1e-9, Float.toString(v));
            assertEquals(v, s.mean(), Math.abs(v) * 1e-12);
        }
    }

    @Test
    void smallDeviationsAboutALargeMeanAreNotLost() {
        Random random = new Random(5);
        float[] values = new float[10_000];
        for (int i = 0; i < values.length; i++) {
            values[i] = 1000 + random.nextInt(3) * 0.0009765625f;
        }
        BigDecimal n = BigDecimal.valueOf(values.length);
        BigDecimal sum = BigDecimal.ZERO;
        for (float v : values) {
            sum = sum.add(new BigDecimal(v));
        }
        BigDecimal mean = sum.divide(n, MathContext.DECIMAL128);
        BigDecimal squares = BigDecimal.ZERO;
        for (float v : values) {
            squares = squares.add(new BigDecimal(v).subtract(mean).pow(2));
        }
        double deviation = Math.sqrt(squares.divide(n, MathContext.DECIMAL128).doubleValue());
        assertEquals(deviation, of(values).standardDeviation(), deviation * 1e-9);
    }

    @Test
    void nonFiniteValuesAreCountedApart() {
        TensorStatistics s = of(1, Float.NaN, 3, Float.POSITIVE_INFINITY, 0, Float.NEGATIVE_INFINITY, -0f);
        assertEquals(7, s.count());
        assertEquals(1, s.nan());
        assertEquals(2, s.infinite());
        assertEquals(2, s.zeros());
        assertEquals(1, s.mean());
        assertEquals(Math.sqrt((0 + 4 + 1 + 1) / 4.0), s.standardDeviation(), 1e-15);
        assertArrayEquals(new long[] {2, 0, 1, 0, 0, 0, 0, 1}, s.histogram());
    }

    @Test
    void withoutAFiniteValueThereAreNoFigures() {
        TensorStatistics s = of(Float.NaN, Float.NaN);
        assertTrue(Double.isNaN(s.mean()) && Double.isNaN(s.standardDeviation()) && Double.isNaN(s.min()) && Double.isNaN(s.max()));
        assertEquals(2, s.nan());
        TensorStatistics none = of();
        assertTrue(Double.isNaN(none.mean()));
        assertEquals(0, none.count());
    }
}
