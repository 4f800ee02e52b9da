package vitrine.core.engine;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// A Python that was found and asked what it has.
///
/// @param executable as it was found: the link in a virtual environment, not what it points to
/// @param origin where it was found, in a few words
/// @param library the folder, or the path into a jar, that holds the package `vitrine_engine`
/// @param version such as `3.12.4`, empty where it did not answer
/// @param packages versions of torch, transformers, peft and what else the engine needs, by name
/// @param devices what torch can compute on; empty where it was not asked
/// @param problem why the engine cannot run there, one line, or null
public record PythonInstallation(Path executable, String origin, Path library, String version, Map<String, String> packages, List<Device> devices, String problem) {

    /// Something that torch can compute on.
    ///
    /// @param name `cpu` or `cuda:N`
    /// @param description the GPU's name, or how many threads there are
    /// @param memoryBytes of a GPU, 0 for the CPU
    /// @param freeBytes of a GPU, 0 where that is not known
    public record Device(String name, String description, long memoryBytes, long freeBytes) {}

    public boolean usable() {
        return problem == null;
    }

    /// Versions in one line, such as `torch 2.13.0, transformers 5.18.0, peft 0.21.0`.
    public String versions() {
        return String.join(", ", List.of("torch", "transformers", "peft").stream().filter(packages::containsKey).map(p -> p + " " + packages.get(p)).toList());
    }
}
