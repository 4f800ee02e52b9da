package vitrine.views.tasks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import vitrine.core.engine.EngineEvent;
import vitrine.core.json.Json;

class TaskRowTest {

    private long now = 5_000_000_000L;
    private final TaskRow row = new TaskRow("Attention of x", () -> now);

    private void after(double seconds) {
        now += Math.round(seconds * 1e9);
    }

    private void progress(long done, long total, String unit) {
        row.event(new EngineEvent.Progress(done, total, unit));
    }

    @Test
    void aTaskWaitsThenRunsThenIsOver() {
        assertEquals(TaskRow.State.WAITING, row.state());
        assertEquals(-1, row.shareProperty().get());
        progress(1, 5, "layers");
        assertEquals(TaskRow.State.RUNNING, row.state());
        assertEquals(0.2, row.shareProperty().get());
        assertEquals(1, row.done());
        assertEquals(5, row.total());
        assertEquals("layers", row.unit());
        row.end(TaskRow.State.FINISHED, "");
        assertEquals(TaskRow.State.FINISHED, row.state());
        assertTrue(row.state().over());
    }

    @ParameterizedTest
    @EnumSource(value = TaskRow.State.class, names = {"FINISHED", "FAILED", "CANCELLED"})
    void anEndNeverChanges(TaskRow.State end) {
        progress(1, 5, "layers");
        row.end(end, "how it ended");
        progress(2, 5, "layers");
        row.event(new EngineEvent.Metric(Json.object()));
        for (TaskRow.State other : TaskRow.State.values()) {
            row.end(other, "otherwise");
        }
        assertEquals(end, row.state());
        assertEquals("how it ended", row.messageProperty().get());
        assertEquals(1, row.done(), "nothing is counted any more");
    }

    @Test
    void warningsAreKeptEvenLateOnes() {
        row.event(new EngineEvent.Warning("one"));
        row.end(TaskRow.State.FINISHED, "");
        row.event(new EngineEvent.Warning("two"));
        assertEquals(List.of("one", "two"), row.warnings());
    }

    @Test
    void anUnknownLengthHasNoShare() {
        progress(1234, 0, "tokens");
        assertEquals(-1, row.shareProperty().get());
        assertTrue(Double.isNaN(row.secondsLeftProperty().get()));
        assertEquals(1234, row.done());
    }

    @Test
    void metricsMeanThatItRuns() {
        row.event(new EngineEvent.Metric(Json.object()));
        assertEquals(TaskRow.State.RUNNING, row.state());
    }

    // --- time left

    /// Ten seconds in a queue are no part of the pace: two layers a second leave six layers three seconds.
    @Test
    void timeLeftFollowsThePaceAndNotTheWaiting() {
        after(10);
        progress(2, 10, "layers");
        assertTrue(Double.isNaN(row.secondsLeftProperty().get()), "one point has no pace");
        after(1);
        progress(4, 10, "layers");
        assertEquals(3, row.secondsLeftProperty().get(), 1e-9);
        after(2);
        progress(5, 10, "layers");
        // Three layers in three seconds.
        assertEquals(5, row.secondsLeftProperty().get(), 1e-9);
        progress(10, 10, "layers");
        assertEquals(0, row.secondsLeftProperty().get(), 1e-9);
        assertEquals(13, row.elapsedSeconds(), 1e-9);
    }

    @Test
    void otherWorkHasItsOwnPace() {
        progress(0, 10, "layers");
        after(10);
        progress(10, 10, "layers");
        progress(1, 100, "tensors");
        assertTrue(Double.isNaN(row.secondsLeftProperty().get()));
        after(1);
        progress(11, 100, "tensors");
        assertEquals(8.9, row.secondsLeftProperty().get(), 1e-9);
    }

    @Test
    void moreThanAllIsAll() {
        progress(1, 10, "layers");
        after(1);
        progress(12, 10, "layers");
        assertEquals(1, row.shareProperty().get());
        assertEquals(0, row.secondsLeftProperty().get(), 1e-9);
    }

    /// The drawer listens to the share and reads the rest.
    @Test
    void whoHearsOfAShareReadsTheTimeLeftThatBelongsToIt() {
        List<Double> read = new ArrayList<>();
        row.shareProperty().addListener((o, old, share) -> read.add(row.secondsLeftProperty().get()));
        progress(1, 10, "layers");
        after(1);
        progress(2, 10, "layers");
        assertEquals(2, read.size());
        assertTrue(Double.isNaN(read.get(0)));
        assertEquals(8, read.get(1), 1e-9);
    }
}
