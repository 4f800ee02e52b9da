package vitrine.app.program;

import java.nio.file.Path;

/// A bundled sample as the start page offers it.
///
/// @param folder an ordinary checkpoint folder
/// @param prompt the first thing to show with it
public record SampleOffer(String name, String description, Path folder, String prompt) {}
