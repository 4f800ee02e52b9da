package vitrine.views.view;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.ref.WeakReference;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import javafx.scene.Node;
import javafx.util.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import vitrine.core.task.Task;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.TaskRow;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.HeldEngine;

class StatesTest {

    static Stream<Arguments> shown() {
        Function<TaskRow, Node> working = States::working;
        Function<TaskRow, Node> reading = task -> States.reading(task, Duration.ZERO);
        return Stream.of(Arguments.of("working", working), Arguments.of("reading", reading));
    }

    /// The board keeps its rows for as long as the window lives; what watched them belongs to views that are closed long before.
    @ParameterizedTest(name = "{0}")
    @MethodSource("shown")
    void aTaskHoldsNothingThatShowedIt(String name, Function<TaskRow, Node> shown) throws Exception {
        TaskBoard board = new TaskBoard(new HeldEngine(), Runnable::run);
        TaskRow task = board.ask("A title", new Task.Capture("model", Task.Prompt.ofIds(List.of(1, 2)), List.of(Task.What.attentions), null), e -> { });
        WeakReference<Node> node = new WeakReference<>(FxThread.get(() -> shown.apply(task)));
        // The row appears after a second: a timer may hold it until then.
        for (int i = 0; i < 150 && node.get() != null; i++) {
            System.gc();
            Thread.sleep(20);
            FxThread.run(() -> { });
        }
        assertNull(node.get(), "what showed the task is still held");
        assertTrue(board.rows().contains(task));
    }
}
