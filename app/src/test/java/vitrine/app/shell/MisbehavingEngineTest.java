package vitrine.app.shell;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vitrine.app.shell.WindowHarness.REFERENCE;
import static vitrine.app.shell.WindowHarness.fx;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.engine.MisbehavingWorker;
import vitrine.core.engine.MisbehavingWorker.Manner;
import vitrine.views.attention.AttentionView;
import vitrine.views.tasks.TaskRow;
import vitrine.views.tasks.ViewState;

/// Whatever the engine does, the window lives, says what happened, and takes the next request.
@Timeout(180)
class MisbehavingEngineTest {

    @TempDir
    Path home;

    @ParameterizedTest
    @CsvSource({"EXITS,The worker ended before the task did", "KILLED,The worker ran out of memory", "SEGFAULTS,The worker crashed", "OUT_OF_HEAP,The worker ran out of memory",
        "SILENT,The worker was stuck and was ended", "GARBAGE,The worker did not keep to the protocol", "ENDLESS_LINE,The task failed",
        "LIES_ABOUT_RESULT,The worker did not keep to the protocol", "UNKNOWN_CATEGORY,The worker did not keep to the protocol"})
    void windowTellsWhatHappenedAndGoesOn(Manner manner, String sentence) throws Exception {
        try (WindowHarness h = new WindowHarness(home, MisbehavingWorker.engine(home, manner), List.of())) {
            h.open(REFERENCE.resolve("llama-gqa"));
            h.press("Alt+2");
            AttentionView view = assertInstanceOf(AttentionView.class, fx(() -> h.window.present()).orElseThrow());
            for (String prompt : List.of("The lantern", "The wall")) {
                WindowHarness.run(() -> {
                    view.model().promptProperty().set(prompt);
                    view.model().run();
                });
                h.await("the failure", () -> view.model().captureState().state() instanceof ViewState.Problem<?>);
                assertTrue(h.shows(sentence), () -> "shown are " + fx(h::texts));
            }
            // Two of them at least: Anatomy asks for statistics of its own accord.
            assertTrue(fx(() -> h.services.board().rows().stream().filter(r -> r.state() == TaskRow.State.FAILED).count()) >= 2);
            h.press("Shortcut+J");
            assertTrue(h.shows(sentence), "the drawer tells it too");
            h.open(REFERENCE.resolve("gpt2"));
            assertEquals("gpt2", fx(() -> h.window.present()).orElseThrow().subject().orElseThrow().name());
        }
    }

    @ParameterizedTest
    @CsvSource({"SLOW", "DEAF_TO_CANCEL"})
    void cancelGivesTheViewBack(Manner manner) throws Exception {
        try (WindowHarness h = new WindowHarness(home, MisbehavingWorker.engine(home, manner), List.of())) {
            h.open(REFERENCE.resolve("llama-gqa"));
            h.press("Alt+2");
            AttentionView view = assertInstanceOf(AttentionView.class, fx(() -> h.window.present()).orElseThrow());
            WindowHarness.run(() -> {
                view.model().promptProperty().set("The lantern");
                view.model().run();
            });
            h.await("the work", () -> view.model().captureState().state() instanceof ViewState.Working<?>);
            WindowHarness.run(() -> h.services.board().rows().forEach(TaskRow::cancel));
            h.await("the end", () -> h.services.board().rows().stream().allMatch(r -> r.state().over()));
            h.await("the view", () -> view.model().captureState().state() instanceof ViewState.Empty<?>);
        }
    }
}
