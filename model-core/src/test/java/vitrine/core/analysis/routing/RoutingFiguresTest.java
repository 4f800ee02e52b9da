package vitrine.core.analysis.routing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/// Figures of routing against those worked out by hand for a small example: 8 tokens, 4 experts, 2 per token, domains of 4 tokens each.
class RoutingFiguresTest {

    private static final double CLOSE = 1e-6;
    private static final Load LOAD = new Load(new long[] {7, 5, 3, 1});
    private static final long[][] DOMAINS = {{4, 2, 1, 1}, {3, 3, 2, 0}};
    private static final float[] LOGITS = {2, 1, 0, -1};

    @Test
    void loads() {
        assertArrayEquals(new double[] {.4375, .3125, .1875, .0625}, LOAD.shares(), CLOSE);
        assertEquals(0.559017, LOAD.coefficientOfVariation(), CLOSE);
        assertEquals(0.75, LOAD.maxViolation(), CLOSE);
        assertEquals(0.75, LOAD.minViolation(), CLOSE);
        assertEquals(0.3125, LOAD.gini(), CLOSE);
        assertEquals(0.874500, LOAD.normalisedEntropy(), CLOSE);
        assertEquals(1.25, LOAD.switchLoss(new double[] {.4, .3, .2, .1}), CLOSE);
        assertEquals(7.0 / 16, LOAD.coverage(1), CLOSE);
        assertEquals(12.0 / 16, LOAD.coverage(2), CLOSE);
        assertEquals(0, LOAD.dead());
    }

    @Test
    void evenAndCollapsedLoads() {
        Load even = new Load(new long[] {4, 4, 4, 4});
        assertEquals(0, even.coefficientOfVariation(), CLOSE);
        assertEquals(0, even.maxViolation(), CLOSE);
        assertEquals(0, even.gini(), CLOSE);
        assertEquals(1, even.switchLoss(new double[] {.25, .25, .25, .25}), CLOSE);
        Load collapsed = new Load(new long[] {8, 8, 0, 0});
        assertEquals(4.0 / 2 - 1, collapsed.maxViolation(), CLOSE);
        assertEquals(Math.log(2) / Math.log(4), collapsed.normalisedEntropy(), CLOSE);
        assertEquals(2, collapsed.dead());
        assertEquals(Math.sqrt(0.5 * 4 / 16), Load.chanceOfVariation(4, 2, 8), CLOSE);
    }

    @Test
    void confidenceOfOneToken() {
        Confidence c = Confidence.of(LOGITS, new float[] {0.643914f, 0.236883f, 0.087144f, 0.032059f}, new int[] {0, 1});
        assertEquals(0.947537, c.entropy(), CLOSE);
        assertEquals(0.683503, c.entropy() / Math.log(4), CLOSE);
        assertEquals(0.880797, c.mass(), CLOSE);
        assertEquals(0.407031, c.topMargin(), CLOSE);
        assertEquals(0.149738, c.selectionMargin(), CLOSE);
        assertEquals(2.440190, c.logPartition(), CLOSE);
        assertEquals(5.954526, c.logPartition() * c.logPartition(), CLOSE);
        assertTrue(Double.isNaN(Confidence.of(LOGITS, LOGITS, new int[] {0, 1, 2, 3}).selectionMargin()));
    }

    @Test
    void massOfOneToFourExperts() {
        int[] ids = {0, 1, 2, 3};
        double[] mass = {0.643914, 0.880797, 0.967941, 1};
        for (int k = 1; k <= 4; k++) {
            assertEquals(mass[k - 1], Confidence.of(LOGITS, LOGITS, java.util.Arrays.copyOf(ids, k)).mass(), CLOSE);
        }
        // The one that is left out is the best not chosen, whichever it is.
        assertEquals(2 - 1, Confidence.of(LOGITS, LOGITS, new int[] {0}).selectionMargin(), CLOSE);
        assertEquals(0 - 1, Confidence.of(LOGITS, LOGITS, new int[] {0, 2}).selectionMargin(), CLOSE);
        assertEquals(-(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25)) / Math.log(2), Confidence.weightEntropy(new float[] {1.5f, 0.5f}), CLOSE);
    }

    @Test
    void domains() {
        assertArrayEquals(new double[] {1, .5, .25, .25}, Specialisation.shares(DOMAINS[0], 4), CLOSE);
        assertArrayEquals(new double[] {.75, .75, .5, 0}, Specialisation.shares(DOMAINS[1], 4), CLOSE);
        assertEquals(0.064712, Specialisation.divergence(DOMAINS), CLOSE);
        // Domains of one size: the mutual information is the divergence.
        assertEquals(0.064712, Specialisation.mutualInformation(DOMAINS), CLOSE);
        assertEquals(0.75, Specialisation.sharing(DOMAINS[0], DOMAINS[1]), CLOSE);
        assertEquals(0, Specialisation.divergence(new long[][] {{2, 1}, {2, 1}}), CLOSE);
        assertEquals(Math.log(2), Specialisation.divergence(new long[][] {{2, 0}, {0, 2}}), CLOSE);
    }

    @Test
    void howFewExpertsServeMost() {
        assertEquals(1, LOAD.fewestFor(7.0 / 16));
        assertEquals(2, LOAD.fewestFor(0.75));
        assertEquals(3, LOAD.fewestFor(0.76));
        assertEquals(3, LOAD.fewestFor(0.9));
        assertEquals(4, LOAD.fewestFor(1));
        assertEquals(9, new Load(new long[] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}).fewestFor(0.9));
    }

    @Test
    void visitorsOfAnExpertByGroup() {
        double[] entropy = Specialisation.groupEntropy(DOMAINS, new long[] {4, 4});
        // Of expert 0 the groups' shares are 1 and 3/4: parts 4/7 and 3/7.
        assertEquals(-(4.0 / 7 * Math.log(4.0 / 7) + 3.0 / 7 * Math.log(3.0 / 7)), entropy[0], CLOSE);
        assertEquals(0, entropy[3], CLOSE);
        assertEquals(Math.log(2), Specialisation.groupEntropy(new long[][] {{2, 0}, {20, 0}}, new long[] {4, 40})[0], CLOSE);
        assertTrue(Double.isNaN(Specialisation.groupEntropy(new long[][] {{2, 0}, {20, 0}}, new long[] {4, 40})[1]));
        assertEquals(0.75, Specialisation.sharing(DOMAINS)[0][1], CLOSE);
        assertEquals(1, Specialisation.sharing(DOMAINS)[1][1], CLOSE);
        assertEquals(0, Specialisation.sharing(new long[][] {{2, 0}, {0, 2}})[0][1], CLOSE);
    }
}
