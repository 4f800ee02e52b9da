package vitrine.views.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import vitrine.views.rank.WhatIf.Rule;
import vitrine.views.rank.WhatIf.Saves;
import vitrine.views.rank.WhatIf.Sum;

/// Truncations against figures worked out by hand, and those of the method page's fixture M64.
class WhatIfTest {

    private static final double EXACT = 1e-12;
    /// Squares 16, 9, 4, 1 of 30; as 4 x 4, factors of rank k have 8 k numbers of 16.
    private static final Truncation SQUARE = new Truncation(new double[] {4, 3, 2, 1}, 4, 4);
    /// Squares 100, 1, 1, 1 of 103; as 20 x 4, factors of rank k have 24 k numbers of 80.
    private static final Truncation TALL = new Truncation(new double[] {10, 1, 1, 1}, 20, 4);

    @Test
    void energyAndErrorAreThoseOfTheSquares() {
        assertEquals(25.0 / 30, SQUARE.energy(2), EXACT);
        assertEquals(Math.sqrt(5.0 / 30), SQUARE.error(2), EXACT);
        assertEquals(0, SQUARE.energy(0), EXACT);
        assertEquals(1, SQUARE.error(0), EXACT);
        assertEquals(1, SQUARE.energy(4), EXACT);
        assertEquals(0, SQUARE.error(4), EXACT);
    }

    @Test
    void theRankForAnEnergyIsTheFewestThatHoldIt() {
        assertEquals(3, SQUARE.rankFor(0.9));
        assertEquals(4, SQUARE.rankFor(0.99));
        assertEquals(1, TALL.rankFor(0.9));
        assertEquals(3, TALL.rankFor(0.99));
        assertEquals(2, SQUARE.rankFor(25.0 / 30), "a tie does not depend on rounding");
        assertEquals(0, SQUARE.rankFor(0));
        assertEquals(4, SQUARE.rankFor(1));
    }

    @Test
    void theFixtureOfTheMethodPage() {
        Truncation m64 = new Truncation(new double[] {2.610999, 2.126645, 0.523665, 0.314588}, 6, 4);
        assertEquals(0.610893 / Math.sqrt(11.713123), m64.error(2), 1e-6);
        assertEquals(List.of(2, 2, 3), List.of(m64.rankFor(0.9), m64.rankFor(0.95), m64.rankFor(0.99)));
        assertEquals(24, m64.parameters());
        assertEquals(20, m64.factored(2));
        assertEquals(2, m64.largestSaving());
    }

    @Test
    void aSpectrumOfZerosHasNothingToLose() {
        Truncation zero = new Truncation(new double[] {0, 0}, 2, 2);
        assertEquals(0, zero.error(0));
        assertEquals(1, zero.energy(0));
    }

    @Test
    void smallValuesAreNotLostBesideLargeOnes() {
        double[] s = new double[1001];
        java.util.Arrays.fill(s, 1e-9);
        s[0] = 1;
        assertEquals(Math.sqrt(1000 * 1e-18), new Truncation(s, 1001, 1001).error(1), 1e-20);
    }

    @Test
    void ofAllMatricesThoseThatWouldGrowStayWhole() {
        Sum sum = new WhatIf(Rule.ENERGY, 0.9).sum(List.of(SQUARE, TALL), Saves.PARAMETERS);
        // SQUARE would need 3 · 8 = 24 numbers of 16; TALL needs 24 of 80 and loses 3 of the 133 in all.
        assertEquals(new Sum(1, 1, 96, 40, Math.sqrt(3.0 / 133)), sum);
        assertEquals(2.4, sum.ratio(), EXACT);
    }

    @Test
    void aShareOfTheRankIsTheSameForAll() {
        WhatIf half = new WhatIf(Rule.RANK, 0.5);
        assertEquals(2, half.rank(SQUARE));
        // 2 · 8 = 16 numbers are no fewer than 16; 2 · 24 = 48 are fewer than 80.
        assertEquals(new Sum(1, 1, 96, 64, Math.sqrt(2.0 / 133)), half.sum(List.of(SQUARE, TALL), Saves.PARAMETERS));
    }

    @Test
    void aCacheKeepsItsWidthPerToken() {
        Sum sum = new WhatIf(Rule.RANK, 0.25).sum(List.of(SQUARE, TALL), Saves.CACHE);
        assertEquals(new Sum(2, 0, 8, 2, Math.sqrt((14 + 3) / 133.0)), sum);
    }

    @Test
    void theFittedLineIsThePowerLaw() {
        // λᵢ = xmin (n/i)^(1/(α−1)): the values of an exact power law with α = 3 and xmin = 4, of which the last is xmin itself.
        assertEquals(2, SpectrumCard.fitted(100, 100, 3, 4), EXACT);
        assertEquals(Math.sqrt(4 * 10), SpectrumCard.fitted(1, 100, 3, 4), 1e-9);
        assertTrue(SpectrumCard.fitted(1, 100, 2.2, 4) > SpectrumCard.fitted(2, 100, 2.2, 4));
    }
}
