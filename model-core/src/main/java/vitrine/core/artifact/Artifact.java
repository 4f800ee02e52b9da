package vitrine.core.artifact;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A result on the disk: a folder with a manifest and, where the task made tensors, `result.safetensors`.
public record Artifact(Path folder, Manifest manifest) {

    /// The file that holds an artifact's tensors.
    public static final String TENSORS = "result.safetensors";

    /// Opens an artifact's folder.
    ///
    /// @throws Refusal `not-found`, `artifact-invalid` or `version-unsupported`
    public static Artifact open(Path folder) {
        if (!Files.exists(folder)) {
            throw Refusal.of(Category.NOT_FOUND, folder, "there is no such file or folder");
        }
        if (!Files.isDirectory(folder)) {
            throw Refusal.of(Category.ARTIFACT_INVALID, folder, "an artifact is a folder with a manifest.json");
        }
        return new Artifact(folder, Manifest.read(folder));
    }

    /// The file of tensors, whether it is there or not.
    public Path tensorFile() {
        return folder.resolve(TENSORS);
    }

    /// Opens the tensors.
    public SafetensorsFile tensors() {
        return SafetensorsFile.open(tensorFile());
    }

    /// How a tensor of this artifact came about.
    public Optional<Provenance> provenance(String tensor) {
        return Optional.ofNullable(manifest.provenance().get(tensor));
    }
}
