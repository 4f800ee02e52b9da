package vitrine.core.analysis.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.BitSet;
import org.junit.jupiter.api.Test;
import vitrine.core.probe.Place;
import vitrine.core.probe.Site;

class HiddenDensityTest {

    private static HiddenDensity.Result of(double[][]... sequences) {
        HiddenDensity d = new HiddenDensity(1, sequences[0][0].length);
        for (int s = 0; s < sequences.length; s++) {
            try (Arena arena = Arena.ofShared()) {
                d.at(new Place(0, Site.RESID_POST, s, -1, 0), Rows.matrix(arena, sequences[s]));
            }
        }
        return d.result(0);
    }

    @Test
    void aConstantStateSharesAllItsDimensions() {
        HiddenDensity.Result r = of(Rows.of(9, 4, (t, i) -> i + 1));
        assertEquals(1, r.overlap(), 1e-12);
        assertEquals(1, r.shared(), 1e-12);
        assertEquals(1, r.sharedByMost(), 1e-12);
        // 16 + 9 of 30 are not yet 0.9 of the energy, 16 + 9 + 4 are.
        assertEquals(0.75, r.density(), 1e-12);
    }

    @Test
    void aMovingOneSharesNothing() {
        HiddenDensity.Result r = of(Rows.of(12, 6, (t, i) -> t % 6 == i ? 2 : 0));
        assertEquals(0, r.overlap(), 1e-12);
        assertEquals(1 / 6.0, r.density(), 1e-12);
        assertEquals(0, r.shared(), 1e-12);
        assertEquals(0, r.sharedByMost(), 1e-12);
    }

    @Test
    void runsDoNotReachAcrossSequences() {
        double[][] three = Rows.of(3, 2, (t, i) -> i == 0 ? 1 : 0);
        assertEquals(0, of(three, three).shared(), 1e-12);
        assertEquals(1, of(Rows.of(5, 2, (t, i) -> i == 0 ? 1 : 0)).shared(), 1e-12);
        assertEquals(1, of(three, three).overlap(), 1e-12);
    }

    @Test
    void equalDimensionsAreTakenInOrder() {
        BitSet kept = HiddenDensity.kept(new float[] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
        assertEquals(18, kept.cardinality());
        assertTrue(kept.get(0) && !kept.get(18));
        assertEquals(0, HiddenDensity.kept(new float[3]).cardinality());
    }
}
