package vitrine.app.shell;

import java.io.File;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import javafx.stage.DirectoryChooser;
import javafx.stage.FileChooser;
import javafx.stage.Window;

/// What the window asks its user through the system's own dialogs. A test answers in its place.
public interface Questions {

    /// A folder to open.
    Optional<Path> folder();

    /// Files to open.
    List<Path> files();

    /// Where to write a file.
    ///
    /// @param name the proposed name with its ending
    Optional<Path> target(String name, String description);

    /// Where to write a folder that is not there yet.
    ///
    /// @param name the proposed name
    default Optional<Path> newFolder(String name) {
        return folder().map(parent -> parent.resolve(name));
    }

    /// The system's dialogs over a window.
    static Questions ofSystem(Window owner) {
        return new Questions() {
            @Override
            public Optional<Path> folder() {
                DirectoryChooser chooser = new DirectoryChooser();
                chooser.setTitle("Open a checkpoint or adapter folder");
                return Optional.ofNullable(chooser.showDialog(owner)).map(File::toPath);
            }

            @Override
            public List<Path> files() {
                FileChooser chooser = new FileChooser();
                chooser.setTitle("Open files");
                chooser.getExtensionFilters().addAll(new FileChooser.ExtensionFilter("Weights and texts", "*.safetensors", "*.gguf", "*.bin", "*.pt", "*.pth", "*.json", "*.jsonl", "*.txt"),
                        new FileChooser.ExtensionFilter("All files", "*"));
                List<File> chosen = chooser.showOpenMultipleDialog(owner);
                return chosen == null ? List.of() : chosen.stream().map(File::toPath).toList();
            }

            @Override
            public Optional<Path> newFolder(String name) {
                FileChooser chooser = new FileChooser();
                chooser.setTitle("Write a new folder");
                chooser.setInitialFileName(name);
                return Optional.ofNullable(chooser.showSaveDialog(owner)).map(File::toPath);
            }

            @Override
            public Optional<Path> target(String name, String description) {
                FileChooser chooser = new FileChooser();
                chooser.setTitle("Export");
                chooser.setInitialFileName(name);
                chooser.getExtensionFilters().add(new FileChooser.ExtensionFilter(description, "*" + name.substring(name.lastIndexOf('.'))));
                return Optional.ofNullable(chooser.showSaveDialog(owner)).map(File::toPath);
            }
        };
    }
}
