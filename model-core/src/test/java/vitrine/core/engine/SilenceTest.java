package vitrine.core.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class SilenceTest {

    private static final long SECOND = 1_000_000_000L;
    private final AtomicLong now = new AtomicLong(-7 * SECOND);
    private final Silence silence = new Silence(now::get);

    private long after(double seconds) {
        now.addAndGet((long) (seconds * SECOND));
        return silence.nanos();
    }

    @Test
    void isTheTimeSinceSomethingWasHeard() {
        for (int i = 0; i < 300; i++) {
            after(0.2);
        }
        assertEquals(60 * SECOND, silence.nanos());
        silence.heard();
        assertEquals(3 * SECOND, after(3));
    }

    @Test
    void timeInWhichNobodyListenedIsNoSilence() {
        assertEquals(2 * SECOND, after(2));
        assertEquals(2 * SECOND, after(3600), "the hour of a stopped program");
        assertEquals(3 * SECOND, after(1));
    }

    @Test
    void whatWasHeardWhileNobodyListenedCounts() {
        after(1);
        now.addAndGet(100 * SECOND);
        silence.heard();
        assertEquals(0, silence.nanos());
        assertTrue(after(2) <= 2 * SECOND);
    }
}
