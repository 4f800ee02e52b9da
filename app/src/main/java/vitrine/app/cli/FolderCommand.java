package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import vitrine.app.program.ResultFolder;
import vitrine.core.artifact.Artifact;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A command whose result is a folder that others load: a PEFT adapter or a checkpoint.
abstract class FolderCommand extends EngineCommand {

    /// Refuses a command without a place for its result, or with one that is taken.
    final void requireFolder() {
        if (common.out == null || common.out.toString().isEmpty() || common.out.getFileName() == null) {
            throw Refusal.of(Category.TASK_INVALID, null, "--out is missing: the result is a folder").help("Say --out FOLDER.");
        }
        if (!Files.exists(common.out)) {
            return;
        }
        if (!Files.isDirectory(common.out)) {
            throw Refusal.of(Category.TASK_INVALID, common.out, "--out names a file; the result is a folder");
        }
        try (Stream<Path> inside = Files.list(common.out)) {
            if (inside.findAny().isPresent()) {
                throw Refusal.of(Category.TASK_INVALID, common.out, "--out names a folder that holds something already").help("Name another, or empty it.");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    List<Path> outputs() {
        // An empty folder is written over; the place of one that is not there yet is tried.
        return common.out == null || Files.isDirectory(common.out) ? List.of() : List.of(common.out);
    }

    @Override
    void finish(Artifact artifact, ObjectNode result, Output output) throws IOException {
        ResultFolder.copy(artifact.folder(), common.out);
        result.put("out", common.out.toString());
        output.text("Wrote " + common.out);
        say(result, output);
    }

    /// The figures for people.
    abstract void say(ObjectNode result, Output output);
}
