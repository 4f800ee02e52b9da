package vitrine.views.tasks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.engine.Ending;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.views.testing.HeldEngine;

/// What is under way and what becomes of it, with an engine that ends tasks when the test says so.
class TaskBoardTest {

    private final HeldEngine engine = new HeldEngine();
    /// What would run on the JavaFX thread.
    private final Deque<Runnable> later = new ArrayDeque<>();
    private final TaskBoard board = new TaskBoard(engine, later::add);

    private void settle() {
        while (!later.isEmpty()) {
            later.poll().run();
        }
    }

    private static Task task(String text) {
        return new Task.Capture("model", Task.Prompt.ofText(text), List.of(Task.What.attentions), null);
    }

    private static Ending.Finished finished(String folder, boolean cached, String... warnings) {
        return new Ending.Finished(new Artifact(Path.of(folder), new Manifest("capture", Json.object(), Map.of(), Json.object(), "", 0, Json.object(), Map.of(),
                List.of(warnings))), cached);
    }

    // --- the board

    @Test
    void everyRequestIsARowThatFollowsItsTask() {
        List<Ending> endings = new ArrayList<>();
        TaskRow row = board.ask("A title", task("a"), endings::add);
        assertEquals(List.of(row), board.rows());
        assertEquals("A title", row.title());
        assertEquals(task("a"), engine.last().task());
        engine.last().progress(1, 4, "layers");
        assertEquals(TaskRow.State.WAITING, row.state(), "nothing changes outside the JavaFX thread");
        settle();
        assertEquals(0.25, row.shareProperty().get());
        engine.last().warn("192 tokens: few.");
        Ending end = finished("x", false, "192 tokens: few.", "Another one.");
        engine.last().end(end);
        assertEquals(TaskRow.State.RUNNING, row.state());
        settle();
        assertEquals(TaskRow.State.FINISHED, row.state());
        assertEquals(List.of(end), endings);
        assertEquals(List.of("192 tokens: few.", "Another one."), row.warnings(), "what was told is not told again");
    }

    @Test
    void endingsSayHowItWent() {
        TaskRow cached = board.ask("", task("a"), e -> { });
        engine.last().end(finished("x", true));
        TaskRow refused = board.ask("", task("b"), e -> { });
        engine.last().end(new Ending.Refused(Category.PROMPT_TOO_LONG, "600 tokens; the model takes 512", null));
        TaskRow failed = board.ask("", task("c"), e -> { });
        engine.last().end(new Ending.Failed(Ending.Cause.OUT_OF_MEMORY, "2 GiB"));
        TaskRow cancelled = board.ask("", task("d"), e -> { });
        engine.last().end(new Ending.Cancelled());
        settle();
        assertEquals(TaskRow.State.FINISHED + ": known already", cached.state() + ": " + cached.messageProperty().get());
        assertEquals(TaskRow.State.FAILED + ": 600 tokens; the model takes 512", refused.state() + ": " + refused.messageProperty().get());
        assertEquals(TaskRow.State.FAILED + ": The worker ran out of memory. 2 GiB", failed.state() + ": " + failed.messageProperty().get());
        assertEquals(TaskRow.State.CANCELLED, cancelled.state());
    }

    @Test
    void cancellingReachesTheEngine() {
        TaskRow row = board.ask("", task("a"), e -> { });
        assertFalse(engine.last().handle().isCancelled());
        row.cancel();
        assertTrue(engine.last().handle().isCancelled());
    }

    @Test
    void oldFinishedRowsAreForgottenRunningOnesNever() {
        TaskRow running = board.ask("running", task("r"), e -> { });
        for (int i = 0; i < 80; i++) {
            board.ask("n" + i, task("t" + i), e -> { });
            engine.last().end(finished("x", false));
            settle();
        }
        assertTrue(board.rows().size() <= 51, board.rows().size() + " rows");
        assertSame(running, board.rows().getFirst());
        assertEquals("n79", board.rows().getLast().title());
        assertEquals("n31", board.rows().get(1).title(), "the oldest went");
    }

    /// A fault of who listens must not vanish.
    @Test
    void whatIsThrownAtTheEndIsHeardOf() {
        board.ask("", task("a"), e -> {
            throw new IllegalStateException("a fault");
        });
        engine.last().end(finished("x", false));
        assertEquals("a fault", assertThrows(IllegalStateException.class, this::settle).getMessage());
    }

    // --- only the last request counts

    private final List<ViewState<String>> states = new ArrayList<>();
    private final Latest<String> latest = new Latest<>(board, "Nothing yet.", a -> a.folder().toString());

    {
        latest.stateProperty().addListener((o, old, now) -> states.add(now));
    }

    @Test
    void fromEmptyOverWorkingToTheResult() {
        assertEquals(new ViewState.Empty<String>("Nothing yet."), latest.state());
        assertNull(latest.state().valueOrNull());
        latest.ask("t", task("a"));
        ViewState.Working<?> working = assertInstanceOf(ViewState.Working.class, latest.state());
        assertSame(board.rows().getFirst(), working.row());
        assertNull(working.previous());
        engine.last().end(finished("one", false));
        settle();
        assertEquals(new ViewState.Result<>("one"), latest.state());
        assertEquals(2, states.size(), "no state between");
    }

    @Test
    void whatWasThereStaysAsStaleUntilTheAnswer() {
        latest.show("old");
        latest.ask("t", task("a"));
        assertEquals("old", latest.state().valueOrNull());
        assertInstanceOf(ViewState.Working.class, latest.state());
        engine.last().end(finished("new", false));
        settle();
        assertEquals("new", latest.state().valueOrNull());
    }

    @Test
    void aNewRequestCancelsTheOneBeforeWhoseResultIsNeverShown() {
        latest.ask("t", task("a"));
        HeldEngine.Asked first = engine.last();
        latest.ask("t", task("b"));
        HeldEngine.Asked second = engine.last();
        assertTrue(first.handle().isCancelled());
        assertFalse(second.handle().isCancelled());
        first.end(finished("first", false));
        settle();
        assertInstanceOf(ViewState.Working.class, latest.state());
        second.end(finished("second", false));
        settle();
        assertEquals(new ViewState.Result<>("second"), latest.state());
        assertTrue(states.stream().noneMatch(s -> "first".equals(s.valueOrNull())));
    }

    @Test
    void anAnswerThatWaitsToBeShownIsDroppedToo() {
        latest.ask("t", task("a"));
        engine.last().end(finished("first", false));
        // It ended, but the JavaFX thread has not heard of it yet.
        latest.ask("t", task("b"));
        settle();
        assertInstanceOf(ViewState.Working.class, latest.state());
        assertNull(latest.state().valueOrNull());
    }

    @Test
    void givingUpShowsWhatWasThereBefore() {
        latest.show("old");
        latest.ask("t", task("a"));
        HeldEngine.Asked asked = engine.last();
        latest.cancel();
        assertTrue(asked.handle().isCancelled());
        assertEquals(new ViewState.Result<>("old"), latest.state());
        asked.end(finished("late", false));
        settle();
        assertEquals(new ViewState.Result<>("old"), latest.state());
        latest.clear("Empty.");
        latest.ask("t", task("b"));
        latest.cancel();
        assertEquals(new ViewState.Empty<String>("Cancelled."), latest.state());
        int before = states.size();
        latest.cancel();
        assertEquals(before, states.size(), "nothing is under way: nothing changes");
    }

    @Test
    void cancellingInTheDrawerShowsWhatWasThereBefore() {
        latest.show("old");
        latest.ask("t", task("a"));
        board.rows().getLast().cancel();
        engine.last().end(new Ending.Cancelled());
        settle();
        assertEquals(new ViewState.Result<>("old"), latest.state());
    }

    @Test
    void clearingAndShowingGiveUpWhatIsUnderWay() {
        latest.ask("t", task("a"));
        HeldEngine.Asked first = engine.last();
        latest.clear("Empty.");
        assertTrue(first.handle().isCancelled());
        first.end(finished("late", false));
        settle();
        assertEquals(new ViewState.Empty<String>("Empty."), latest.state());
        latest.ask("t", task("b"));
        HeldEngine.Asked second = engine.last();
        latest.show("opened");
        second.end(new Ending.Refused(Category.TASK_INVALID, "late", null));
        settle();
        assertEquals(new ViewState.Result<>("opened"), latest.state());
    }

    // --- problems

    @Test
    void refusalsAreTold() {
        latest.ask("t", task("a"));
        engine.last().end(new Ending.Refused(Category.PROMPT_TOO_LONG, "600 tokens; the model takes 512.", null));
        settle();
        assertEquals(new ViewState.Problem<String>("This cannot be computed", List.of("600 tokens; the model takes 512."), null), latest.state());
        assertNull(latest.state().valueOrNull());
    }

    @ParameterizedTest
    @EnumSource(Ending.Cause.class)
    void failuresSayWhatHappenedAndWhatHelps(Ending.Cause cause) {
        latest.ask("t", task("a"));
        engine.last().end(new Ending.Failed(cause, "details"));
        settle();
        ViewState.Problem<?> problem = assertInstanceOf(ViewState.Problem.class, latest.state());
        assertEquals(cause.sentence(), problem.what());
        assertEquals(List.of("details"), problem.details());
        assertFalse(problem.help().isBlank());
        if (cause == Ending.Cause.OUT_OF_MEMORY) {
            assertTrue(problem.help().contains("memory"));
        }
    }

    @Test
    void aResultThatCannotBeReadIsAProblemWithItsPlace() {
        Latest<String> picky = new Latest<>(board, "", a -> {
            throw Refusal.of(Category.ARTIFACT_INVALID, Path.of("result.safetensors"), "the file ends early").where("tensor entropy").help("Compute it again.");
        });
        picky.ask("t", task("a"));
        engine.last().end(finished("x", false));
        settle();
        assertEquals(new ViewState.Problem<String>("the file ends early", List.of("result.safetensors, tensor entropy"), "Compute it again."), picky.state());
        picky.fail(Refusal.of(Category.TASK_INVALID, null, "no prompt"));
        assertEquals(new ViewState.Problem<String>("no prompt", List.of(), null), picky.state());
    }

    @Test
    void aFaultWhileReadingIsAProblemAndIsHeardOf() {
        Latest<String> faulty = new Latest<>(board, "", a -> {
            throw new IllegalStateException("a fault");
        });
        faulty.ask("t", task("a"));
        engine.last().end(finished("x", false));
        assertThrows(IllegalStateException.class, this::settle);
        ViewState.Problem<?> problem = assertInstanceOf(ViewState.Problem.class, faulty.state());
        assertTrue(problem.details().getFirst().contains("a fault"));
    }

    @Test
    void aProblemIsReplacedByTheNextAnswer() {
        latest.ask("t", task("a"));
        engine.last().end(new Ending.Failed(Ending.Cause.CRASHED, ""));
        settle();
        latest.ask("t", task("a"));
        engine.last().end(finished("again", false));
        settle();
        assertEquals(new ViewState.Result<>("again"), latest.state());
    }

    /// What is known already ends before the request returns.
    @Test
    void anAnswerAtOnceIsShownAtOnce() {
        TaskBoard inPlace = new TaskBoard(new AtOnce(), Runnable::run);
        Latest<String> quick = new Latest<>(inPlace, "", a -> a.folder().toString());
        quick.ask("t", task("a"));
        assertEquals(new ViewState.Result<>("known"), quick.state());
        quick.ask("t", task("a"));
        assertEquals(new ViewState.Result<>("known"), quick.state());
    }

    private static final class AtOnce implements vitrine.core.engine.Engine {
        @Override
        public String name() {
            return "at once";
        }

        @Override
        public vitrine.core.engine.TaskHandle submit(Task task, java.util.function.Consumer<vitrine.core.engine.EngineEvent> events) {
            return vitrine.core.engine.TaskHandle.of(1, task, java.util.concurrent.CompletableFuture.completedFuture(finished("known", true)));
        }

        @Override
        public void close() {}
    }
}
