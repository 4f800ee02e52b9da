package vitrine.core.architecture;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

/// Slopes and biases of attention with linear biases. Expected values are those of transformers 5.18's `build_alibi_tensor` (BLOOM, Falcon) and `build_mpt_alibi_tensor`.
class AlibiTest {

    @Test
    void slopesOfAPowerOfTwo() {
        assertEquals(List.of(0.00390625f), Alibi.lowerFirst(1).slopes());
        assertEquals(List.of(0.00390625f), Alibi.everyOther(1).slopes());
        List<Float> eight = List.of(0.5f, 0.25f, 0.125f, 0.0625f, 0.03125f, 0.015625f, 0.0078125f, 0.00390625f);
        assertEquals(eight, Alibi.lowerFirst(8).slopes());
        assertEquals(eight, Alibi.everyOther(8).slopes());
    }

    @Test
    void slopesOfOtherNumbersOfHeads() {
        List<Float> six = List.of(0.25f, 0.0625f, 0.015625f, 0.00390625f, 0.5f, 0.125f);
        assertEquals(six, Alibi.lowerFirst(6).slopes());
        assertEquals(six, Alibi.everyOther(6).slopes());
        close(Alibi.lowerFirst(12).slopes().subList(8, 12), 0.7071067690849304, 0.3535533845424652, 0.1767766773700714, 0.0883883386850357);
        close(Alibi.everyOther(12).slopes().subList(8, 12), 0.7071067690849304, 0.3535533845424652, 0.1767766922712326, 0.0883883461356163);
        // BLOOM's own 112 heads: 64, then 48 of 128.
        List<Float> own = Alibi.lowerFirst(112).slopes();
        close(List.of(own.get(0), own.get(5), own.get(63), own.get(64), own.get(111)), 0.9170040488243103, 0.5946035981178284, 0.003906251396983862, 0.9576032757759094, 0.016316769644618034);
        close(List.of(Alibi.everyOther(112).slopes().get(5), Alibi.everyOther(112).slopes().get(111)), 0.5946035385131836, 0.01631677709519863);
    }

    private static void close(List<Float> got, double... want) {
        assertEquals(want.length, got.size());
        for (int i = 0; i < want.length; i++) {
            assertEquals(want[i], got.get(i), 2e-7 * want[i]);
        }
    }

    /// Of the query's own key nothing goes, of the one t before it t times the slope.
    @Test
    void biasesByDistance() {
        assertArrayEquals(new float[] {-0.75f, -0.5f, -0.25f, 0f}, Alibi.lowerFirst(6).values(0, 4));
        assertEquals(0.125f, Alibi.everyOther(6).values(5, 300)[299] - Alibi.everyOther(6).values(5, 300)[298]);
    }

    /// Falcon keeps them in bfloat16: slopes of 12 heads lose digits, and keys from 256 on share biases.
    @Test
    void biasesInBfloat16() {
        Alibi falcon = Alibi.lowerFirst(12).roundedTimes(0.5);
        int[] keys = {1, 3, 255, 257, 258, 259, 301, 699};
        float[][] want = {{0.70703125f, 2.125f, 180f, 181f, 182f, 184f, 212f, 494f}, {0.353515625f, 1.0625f, 90f, 90.5f, 91f, 92f, 106f, 247f},
            {0.1767578125f, 0.53125f, 45f, 45.25f, 45.5f, 46f, 53f, 123.5f}};
        for (int h = 0; h < want.length; h++) {
            float[] got = falcon.values(8 + h, 700);
            for (int i = 0; i < keys.length; i++) {
                assertEquals(0.5f * want[h][i], got[keys[i]], "head " + (8 + h) + ", key " + keys[i]);
            }
        }
    }

    @Test
    void neitherCapsNorOtherNumbersOfHeads() {
        AttentionSpec plain = new AttentionSpec(6, 6, 2, 1f, 0f, true, 0, null, null, null, null);
        assertEquals(Alibi.everyOther(6), plain.biased(Alibi.everyOther(6)).alibi());
        assertThrows(IllegalArgumentException.class, () -> plain.biased(Alibi.everyOther(3)));
        assertThrows(IllegalArgumentException.class, () -> new AttentionSpec(6, 6, 2, 1f, 5f, true, 0, null, null, null, null).biased(Alibi.everyOther(6)));
    }
}
