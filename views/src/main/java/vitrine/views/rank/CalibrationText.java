package vitrine.views.rank;

import java.nio.file.Path;

/// A text over which activations and caches can be measured.
///
/// @param name on screen
/// @param path a text file or JSONL
public record CalibrationText(String name, Path path) {}
