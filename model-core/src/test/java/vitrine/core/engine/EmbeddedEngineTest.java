package vitrine.core.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.engine.MisbehavingWorker.Manner;
import vitrine.core.refusal.Category;
import vitrine.core.task.Task;

/// Whatever a worker does, its reader survives, tells the cause and goes on with the next task.
@Timeout(60)
class EmbeddedEngineTest {

    private static final Path MODEL = Path.of("src/test/resources/reference/llama-gqa").toAbsolutePath();

    @TempDir
    Path folder;

    private EmbeddedEngine engine(Manner manner) throws IOException {
        return MisbehavingWorker.engine(folder, manner);
    }

    private static Task task(int bins) {
        return new Task.Statistics(MODEL.toString(), null, bins);
    }

    private static Ending run(EmbeddedEngine engine, int bins) throws Exception {
        return engine.submit(task(bins), e -> {}).ending().get(40, TimeUnit.SECONDS);
    }

    /// A task of which something has been heard.
    private static TaskHandle underWay(EmbeddedEngine engine) throws InterruptedException {
        CountDownLatch heard = new CountDownLatch(1);
        TaskHandle handle = engine.submit(task(8), e -> heard.countDown());
        assertTrue(heard.await(40, TimeUnit.SECONDS), "nothing was heard of the worker");
        return handle;
    }

    @ParameterizedTest
    @CsvSource({"EXITS,LOST", "KILLED,OUT_OF_MEMORY", "SEGFAULTS,CRASHED", "OUT_OF_HEAP,OUT_OF_MEMORY", "SILENT,STUCK", "GARBAGE,PROTOCOL",
        "LIES_ABOUT_RESULT,PROTOCOL", "ABORTS_AFTER_TOKENIZER,CRASHED", "UNKNOWN_CATEGORY,PROTOCOL", "ENDLESS_LINE,FAULT"})
    void tellsTheCauseAndTakesTheNextTask(Manner manner, Ending.Cause cause) throws Exception {
        try (EmbeddedEngine engine = engine(manner)) {
            for (int round = 0; round < 2; round++) {
                Ending.Failed failed = assertInstanceOf(Ending.Failed.class, run(engine, 8 + round));
                assertEquals(cause, failed.cause(), failed.message());
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"ABORTS_IN_TOKENIZER,broke the tokenizer off", "STUCK_IN_TOKENIZER,busy for more than 1 s"})
    void aFileThatBreaksNativeCodeIsRefused(Manner manner, String reason) throws Exception {
        try (EmbeddedEngine engine = engine(manner)) {
            for (int round = 0; round < 2; round++) {
                Ending.Refused refused = assertInstanceOf(Ending.Refused.class, run(engine, 8 + round));
                assertEquals(Category.TOKENIZER_INVALID, refused.category());
                assertEquals("/models/m/tokenizer.json", refused.file());
                assertTrue(refused.message().startsWith("tokenizer.json: ") && refused.message().contains(reason), refused.message());
                assertTrue(engine.workerPid().isEmpty(), "that worker takes no further task");
            }
        }
    }

    @Test
    void believesOnlyTheEventsOfItsOwnTask() throws Exception {
        try (EmbeddedEngine engine = engine(Manner.WRONG_ID)) {
            Ending.Refused refused = assertInstanceOf(Ending.Refused.class, run(engine, 8));
            assertEquals(Category.PROMPT_INVALID, refused.category());
        }
    }

    @Test
    void cancelsAnObedientWorkerAndKeepsItWarm() throws Exception {
        try (EmbeddedEngine engine = engine(Manner.SLOW)) {
            TaskHandle handle = underWay(engine);
            long pid = engine.workerPid().orElseThrow();
            handle.cancel();
            assertInstanceOf(Ending.Cancelled.class, handle.ending().get(10, TimeUnit.SECONDS));
            assertEquals(pid, engine.workerPid().orElseThrow());
        }
    }

    @Test
    void endsAWorkerThatIsDeafToCancel() throws Exception {
        try (EmbeddedEngine engine = engine(Manner.DEAF_TO_CANCEL)) {
            TaskHandle handle = underWay(engine);
            handle.cancel();
            assertInstanceOf(Ending.Cancelled.class, handle.ending().get(10, TimeUnit.SECONDS));
            assertTrue(engine.workerPid().isEmpty());
        }
    }

    @Test
    void aTaskCancelledBeforeItsTurnNeverRuns() throws Exception {
        try (EmbeddedEngine engine = engine(Manner.SLOW)) {
            TaskHandle first = engine.submit(task(8), e -> {});
            TaskHandle second = engine.submit(task(9), e -> {});
            second.cancel();
            first.cancel();
            assertInstanceOf(Ending.Cancelled.class, second.ending().get(10, TimeUnit.SECONDS));
        }
    }

    @Test
    void asksTwiceComputesOnce() throws Exception {
        try (EmbeddedEngine engine = engine(Manner.OBEDIENT)) {
            assertFalse(assertInstanceOf(Ending.Finished.class, run(engine, 8)).cached());
            assertTrue(assertInstanceOf(Ending.Finished.class, run(engine, 8)).cached());
            assertFalse(assertInstanceOf(Ending.Finished.class, run(engine, 9)).cached(), "another task is another artifact");
        }
    }

    @Test
    void aMissingModelIsRefusedWithoutAWorker() throws Exception {
        try (EmbeddedEngine engine = engine(Manner.EXITS)) {
            Ending.Refused refused = assertInstanceOf(Ending.Refused.class,
                    engine.submit(new Task.Statistics("/no/such/model", null, 8), e -> {}).ending().get(10, TimeUnit.SECONDS));
            assertEquals(Category.NOT_FOUND, refused.category());
            assertTrue(engine.workerPid().isEmpty());
        }
    }

    @Test
    void aCommandThatCannotStartIsAnEvent() throws Exception {
        WorkerCommand none = new WorkerCommand(List.of("/no/such/program"), Map.of());
        try (EmbeddedEngine engine = new EmbeddedEngine(new ArtifactStore(folder.resolve("artifacts"), 1 << 30), none, MisbehavingWorker.SHORT)) {
            assertEquals(Ending.Cause.NOT_STARTED, assertInstanceOf(Ending.Failed.class, run(engine, 8)).cause());
        }
    }

    @Test
    void workersDoNotOutliveTheEngine() throws Exception {
        long pid;
        try (EmbeddedEngine engine = engine(Manner.OBEDIENT)) {
            run(engine, 8);
            pid = engine.workerPid().orElseThrow();
        }
        Thread.sleep(200);
        assertFalse(ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false));
    }
}
