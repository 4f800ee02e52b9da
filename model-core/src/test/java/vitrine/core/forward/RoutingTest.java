package vitrine.core.forward;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.Router.Score;
import vitrine.core.architecture.Router.Weighting;

/// A router's decision for one token, against figures worked out by hand.
class RoutingTest {

    private static final float[] LOGITS = {2, 1, 0, -1};
    private static final double CLOSE = 1e-6;

    private record Choice(int[] ids, float[] weights) {}

    private static Router router(int experts, int perToken, Score score, Weighting weighting) {
        return Router.of(Linear.of("router", experts, 8, false), perToken, score, weighting);
    }

    private static Choice choose(Router router, float[] correction, float... logits) {
        Routing routing = new Routing(router, correction);
        float[] scores = routing.scores(logits);
        Choice c = new Choice(new int[router.perToken()], new float[router.perToken()]);
        routing.pick(logits, scores, routing.choice(logits, scores), c.ids, c.weights);
        return c;
    }

    private static void assertChoice(int[] ids, double[] weights, Choice got) {
        assertArrayEquals(ids, got.ids);
        double[] wide = new double[got.weights.length];
        java.util.Arrays.setAll(wide, i -> got.weights[i]);
        assertArrayEquals(weights, wide, CLOSE);
    }

    @Test
    void tokensPassInWholeBlocksAndARest() {
        assertEquals(List.of(new Routing.Part(0, 63)), Routing.parts(63));
        assertEquals(List.of(new Routing.Part(0, 128)), Routing.parts(128));
        assertEquals(List.of(new Routing.Part(0, 128), new Routing.Part(128, 129)), Routing.parts(129));
    }

    @Test
    void softmaxThenTopWithoutRenormalising() {
        assertChoice(new int[] {0, 1}, new double[] {0.643914, 0.236883}, choose(router(4, 2, Score.SOFTMAX, Weighting.PLAIN), null, LOGITS));
    }

    @Test
    void softmaxThenTopRenormalisedIsTopThenSoftmax() {
        double[] want = {0.731059, 0.268941};
        assertChoice(new int[] {0, 1}, want, choose(router(4, 2, Score.SOFTMAX, Weighting.renormalised(true)), null, LOGITS));
        assertChoice(new int[] {0, 1}, want, choose(router(4, 2, Score.CHOSEN_SOFTMAX, Weighting.PLAIN), null, LOGITS));
    }

    /// Other numbers of experts than the trained one: probabilities as they are, or divided by their sum.
    @Test
    void moreAndFewerExperts() {
        assertChoice(new int[] {0, 1, 2}, new double[] {0.665241, 0.244728, 0.090031}, choose(router(4, 2, Score.SOFTMAX, Weighting.renormalised(true)).choosing(3), null, LOGITS));
        assertChoice(new int[] {0, 1, 2, 3}, new double[] {0.643914, 0.236883, 0.087144, 0.032059}, choose(router(4, 2, Score.SOFTMAX, Weighting.renormalised(true)).choosing(4), null, LOGITS));
        assertChoice(new int[] {0}, new double[] {0.643914}, choose(router(4, 2, Score.SOFTMAX, Weighting.PLAIN).choosing(1), null, LOGITS));
    }

    @Test
    void sigmoidAmongTheBestGroupsWithACorrectionThatDoesNotWeigh() {
        float[] logits = {.2f, 1.5f, -.3f, .8f, 2, -1, .5f, .1f};
        float[] correction = {0, 0, .3f, 0, -.4f, 0, .1f, 0};
        Router r = router(8, 2, Score.SIGMOID, new Weighting(1, 0, 1e-20, 2.5, false, 0)).corrected("b", 1).grouped(new Router.Groups(4, 2, true));
        assertChoice(new int[] {1, 2}, new double[] {1.644183, 0.855817}, choose(r, correction, logits));
        Routing routing = new Routing(r, correction);
        float[] choice = routing.choice(logits, routing.scores(logits));
        float none = Float.NEGATIVE_INFINITY;
        assertArrayEquals(new float[] {.549834f, .817574f, .725557f, .689974f, none, none, none, none}, choice, 1e-6f);
    }

    @Test
    void aGroupCountsByItsBestWhereTheFamilySaysSo() {
        // Group 0 has the two best together, group 1 the single best.
        float[] logits = {1, 1, 1.2f, -3};
        Router two = router(4, 1, Score.SIGMOID, Weighting.PLAIN).grouped(new Router.Groups(2, 1, true));
        Router one = router(4, 1, Score.SIGMOID, Weighting.PLAIN).grouped(new Router.Groups(2, 1, false));
        assertArrayEquals(new int[] {0}, choose(two, null, logits).ids);
        assertArrayEquals(new int[] {2}, choose(one, null, logits).ids);
    }

    @Test
    void softmaxWithACorrectionAndALeastDivisor() {
        Router r = router(4, 2, Score.SOFTMAX, new Weighting(1, 1e-12, 0, 1, false, 0)).corrected("b", 2);
        // Expert 3 is chosen first, and weighs less: choices are listed by falling weight.
        assertChoice(new int[] {1, 3}, new double[] {0.880797, 0.119203}, choose(r, new float[] {-.5f, 0, 0, .25f}, LOGITS));
        assertChoice(new int[] {1, 3}, new double[] {0.236883 / 0.5, 0.032059 / 0.5},
                choose(router(4, 2, Score.SOFTMAX, new Weighting(1, 0.5, 0, 1, false, 0)).corrected("b", 2), new float[] {-.5f, 0, 0, .25f}, LOGITS));
    }

    @Test
    void ofEqualScoresTheLowerIndexIsTaken() {
        assertArrayEquals(new int[] {1, 2}, choose(router(5, 2, Score.SOFTMAX, Weighting.PLAIN), null, 0, 3, 3, 3, 1).ids);
        assertArrayEquals(new int[] {1, 2}, choose(router(5, 2, Score.CHOSEN_SOFTMAX, Weighting.PLAIN), null, 0, 3, 3, 3, 1).ids);
        // Groups as well: all are worth the same.
        assertArrayEquals(new int[] {0}, choose(router(4, 1, Score.SIGMOID, Weighting.PLAIN).grouped(new Router.Groups(2, 1, true)), null, 1, 1, 1, 1).ids);
    }

    @Test
    void anExpertThatIsBarredIsNotChosen() {
        float barred = Float.NEGATIVE_INFINITY;
        assertChoice(new int[] {1, 2}, new double[] {0.665241, 0.244728}, choose(router(4, 2, Score.SOFTMAX, Weighting.PLAIN), null, barred, 1, 0, -1));
        // A sigmoid of 0 with a correction would win otherwise.
        assertArrayEquals(new int[] {1}, choose(router(3, 1, Score.SIGMOID, Weighting.PLAIN).corrected("b", 1), new float[] {5, 0, 0}, barred, 1, 0).ids);
    }
}
