package vitrine.core.analysis.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import vitrine.core.analysis.routing.ExpertCounts;
import vitrine.core.analysis.routing.Load;

/// Two distributions, two heads, two loads, with values that can be worked out by hand.
class PairsTest {

    private static float log(double p) {
        return (float) Math.log(p);
    }

    @Test
    void divergencesOfTwoTokens() {
        // P = (3/4, 1/4), Q = (1/4, 3/4): KL both ways is ln 3 / 2, M is even.
        NextToken n = NextToken.of(new float[] {log(0.75) + 5, log(0.25) + 5}, new float[] {log(0.25), log(0.75)});
        assertEquals(Math.log(3) / 2, n.klAb(), 1e-6);
        assertEquals(Math.log(3) / 2, n.klBa(), 1e-6);
        assertEquals(0.75 * Math.log(1.5) + 0.25 * Math.log(0.5), n.js(), 1e-6);
        assertEquals(0, n.topA());
        assertEquals(1, n.topB());
        assertEquals(0.75, n.probabilityA(), 1e-6);
    }

    @Test
    void divergenceIsNotSymmetricAndHasItsDirection() {
        NextToken n = NextToken.of(new float[] {log(0.5), log(0.5)}, new float[] {log(0.9), log(0.1)});
        assertEquals(0.5 * Math.log(0.5 / 0.9) + 0.5 * Math.log(0.5 / 0.1), n.klAb(), 1e-6);
        assertEquals(0.9 * Math.log(0.9 / 0.5) + 0.1 * Math.log(0.1 / 0.5), n.klBa(), 1e-6);
    }

    @Test
    void certainAndOppositeTokensAreLn2Apart() {
        NextToken n = NextToken.of(new float[] {2000, 0}, new float[] {0, 2000});
        assertEquals(Math.log(2), n.js(), 1e-12);
        assertEquals(2000, n.klAb(), 1e-9);
    }

    @Test
    void whatIsNoNumberStaysNone() {
        assertTrue(Double.isNaN(NextToken.of(new float[] {1, Float.NaN}, new float[] {1, 2}).klAb()));
    }

    @Test
    void aHeadThatMovesHalfItsWeightInOneRow() {
        float[] p = {1, 0, 0.5f, 0.5f};
        float[] q = {1, 0, 0, 1};
        HeadChange c = HeadChange.of(p, q, 2);
        assertEquals(0.25, c.totalVariation(), 1e-12, "half a weight in one of two rows");
        assertEquals(0.5, c.firstA(), 1e-12);
        assertEquals(0, c.firstB(), 1e-12);
        assertTrue(Double.isNaN(HeadChange.of(new float[] {1}, new float[] {1}, 1).firstA()));
    }

    @Test
    void loads() {
        assertEquals(0.25, ExpertCounts.moved(new Load(new long[] {1, 1, 2}), new Load(new long[] {4, 2, 2})), 1e-12);
        assertTrue(Double.isNaN(ExpertCounts.moved(new Load(new long[] {1, 1}), new Load(new long[] {1, 1, 1}))));
    }
}
