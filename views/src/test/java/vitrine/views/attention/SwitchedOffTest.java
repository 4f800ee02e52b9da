package vitrine.views.attention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import javafx.scene.control.Labeled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.task.Task;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.ImmediateEngine;
import vitrine.views.view.Subject;

/// Heads and layers switched off from the inspector: the loss without them stands there at once.
class SwitchedOffTest {

    @TempDir
    Path dir;

    @Test
    void theLossWithoutAHeadStandsBesideTheWholeOne() {
        ImmediateEngine engine = new ImmediateEngine(dir.resolve("artifacts"));
        FxThread.run(() -> {
            AttentionViewModel model = new AttentionViewModel(new TaskBoard(engine, Runnable::run));
            AttentionView view = new AttentionView(model);
            model.show(new Subject(Anatomy.of(Checkpoints.open(Path.of("../model-core/src/test/resources/reference/llama-gqa")))));
            model.promptProperty().set("The lantern over the wall");
            model.run();
            SwitchedOff off = model.switchedOff();
            assertFalse(off.any());
            off.toggle(new HeadId(1, 3));
            Task.Capture asked = (Task.Capture) engine.asked().getLast();
            assertEquals(new Task.Off(List.of(new Task.HeadAt(1, 3)), null), asked.off());
            double whole = off.wholeProperty().get().valueOrNull().value();
            double without = off.withoutProperty().get().valueOrNull().value();
            assertNotEquals(whole, without, 1e-6);
            assertTrue(view.command().contains("--what loss --without-heads 1.3 "), view.command());
            List<String> said = labels(view);
            assertTrue(said.contains("Layer 1, head 3"), said::toString);
            assertEquals(List.of(), ProvenanceAudit.untagged(view.inspector()).stream().map(ProvenanceAudit.Untold::shown).toList());
            off.toggleLayer(2);
            assertEquals(new Task.Off(List.of(new Task.HeadAt(1, 3)), List.of(2)), ((Task.Capture) engine.asked().getLast()).off());
            assertEquals(whole, off.wholeProperty().get().valueOrNull().value(), "the whole loss is asked for once");
            off.toggle(new HeadId(1, 3));
            off.toggleLayer(2);
            assertNull(off.withoutProperty().get().valueOrNull(), "with all on there is nothing to compare");
            off.toggle(new HeadId(0, 0));
            off.toggle(new HeadId(0, 1));
            model.show(new Subject(Anatomy.of(Checkpoints.open(Path.of("../model-core/src/test/resources/badinputs/adapter/valid")))));
            assertFalse(off.any(), "what follows has no forward pass, and nothing is asked of it");
        });
    }

    private static List<String> labels(AttentionView view) {
        javafx.scene.Scene scene = new javafx.scene.Scene((javafx.scene.Parent) view.inspector());
        scene.getRoot().applyCss();
        scene.getRoot().layout();
        return scene.getRoot().lookupAll(".label").stream().filter(Labeled.class::isInstance).map(n -> ((Labeled) n).getText()).toList();
    }
}
