package vitrine.app.program;

import java.nio.file.Path;
import java.util.List;
import vitrine.resources.Samples;

/// A bundled sample as the start page offers it.
///
/// @param folder an ordinary checkpoint folder
public record SampleOffer(Samples.Sample sample, Path folder) {

    /// All of them, the one to show first in front.
    public static List<SampleOffer> all(Folders folders) {
        return Samples.all().stream().map(s -> new SampleOffer(s, Samples.folder(s, folders.home()))).toList();
    }

    /// What to show first.
    public Samples.Prompt prompt() {
        return sample.prompts().getFirst();
    }
}
