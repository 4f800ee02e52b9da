package vitrine.core.checkpoint;

import java.nio.file.Path;

/// A file that holds tensors: its whole size, the bytes before the first tensor, and when it was last changed.
public record DataFile(Path path, long size, long headerBytes, long modifiedMillis) {}
