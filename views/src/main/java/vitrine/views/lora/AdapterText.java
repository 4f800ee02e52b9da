package vitrine.views.lora;

import java.nio.file.Path;

/// A text over which losses can be measured.
///
/// @param name on screen, and of its curve
/// @param path a text file or JSONL
public record AdapterText(String name, Path path) {}
