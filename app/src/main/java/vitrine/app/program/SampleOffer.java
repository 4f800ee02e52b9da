package vitrine.app.program;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import vitrine.resources.Samples;

/// A bundled sample as the start page offers it.
///
/// @param folder an ordinary checkpoint or adapter folder
/// @param base of an adapter: the folder of the sample that it belongs to
public record SampleOffer(Samples.Sample sample, Path folder, Optional<Path> base) {

    /// All of them, the one to show first in front.
    public static List<SampleOffer> all(Folders folders) {
        List<Samples.Sample> all = Samples.all();
        Map<String, Path> places = all.stream().collect(Collectors.toMap(Samples.Sample::id, s -> Samples.folder(s, folders.home())));
        return all.stream().map(s -> new SampleOffer(s, places.get(s.id()), Optional.ofNullable(s.base()).map(places::get))).toList();
    }

    /// What to show first in Attention.
    public Samples.Prompt prompt() {
        return sample.prompts().getFirst();
    }

    /// Its texts.
    public List<Path> texts() {
        return sample.texts().stream().map(folder::resolve).toList();
    }
}
