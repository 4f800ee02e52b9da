package vitrine.core.tensor.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import vitrine.core.tensor.Matrix;

class WarmthTest {

    private static final Duration PATIENCE = Duration.ofMinutes(3);

    private static final int MANY = 1_000_000_000;

    @Test
    void littleWorkStaysPlainAndPractisesNothing() throws InterruptedException {
        AtomicInteger practised = new AtomicInteger();
        Warmth warmth = new Warmth();
        assertFalse(warmth.takesVectors(1000, 64, rows -> practised.incrementAndGet()));
        Thread.sleep(50);
        assertEquals(0, practised.get());
    }

    @Test
    void muchWorkTakesVectorsAfterPracticeOnRowsOfItsLength() throws InterruptedException {
        Warmth warmth = new Warmth();
        AtomicInteger columns = new AtomicInteger();
        assertFalse(warmth.takesVectors(MANY, 512, rows -> columns.set(rows.columns())), "not before it has been practised");
        assertTrue(becomesWarm(warmth));
        assertEquals(512, columns.get());
    }

    @Test
    void aVectorFormThatIsStillSlowIsNotTaken() throws InterruptedException {
        Warmth warmth = new Warmth();
        AtomicInteger rounds = new AtomicInteger();
        warmth.takesVectors(MANY, 4096, rows -> slowAtFirst(rows, rounds.incrementAndGet()));
        assertTrue(becomesWarm(warmth));
        assertTrue(rounds.get() > 100, "it was taken after " + rounds.get() + " rounds");
    }

    @Test
    void anIdleProcessPractisesWhatItUsedAndNothingElse() throws InterruptedException {
        Warmth used = new Warmth();
        Warmth hardlyUsed = new Warmth();
        AtomicInteger practised = new AtomicInteger();
        used.takesVectors(10_000_000, 512, rows -> { });
        hardlyUsed.takesVectors(1000, 512, rows -> practised.incrementAndGet());
        Warmth.practiseWhatWasUsed();
        assertTrue(becomesWarm(used));
        assertEquals(0, practised.get());
        assertFalse(hardlyUsed.takesVectors(1, 512, rows -> practised.incrementAndGet()));
    }

    private static void slowAtFirst(Matrix rows, int round) {
        long until = System.nanoTime() + (round <= 100 ? 1_000_000 : 0);
        while (System.nanoTime() < until) {
            Thread.onSpinWait();
        }
    }

    /// Waits for the one thread that practises: it may have the steps of tests before this one in its queue.
    private static boolean becomesWarm(Warmth warmth) throws InterruptedException {
        long until = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < until) {
            if (warmth.takesVectors(0, 1, rows -> { })) {
                return true;
            }
            Thread.sleep(5);
        }
        return false;
    }
}
