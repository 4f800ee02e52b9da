package vitrine.app.workspace;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import vitrine.core.dataset.Dataset;
import vitrine.core.dataset.Example;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A text file that is open: how many examples it holds and how it begins. Its tokens are counted by an engine when a task asks.
///
/// @param beginning the text of the first example, at most [#SHOWN] characters; empty where that has no text
/// @param labels the names of its domains, in the order in which they appear
public record OpenText(Path path, int examples, long bytes, String beginning, List<String> labels) {

    /// Characters of the beginning that are kept.
    public static final int SHOWN = 2000;

    /// Reads a text.
    ///
    /// @throws Refusal where it is none
    public static OpenText read(Path path) {
        Dataset data = Dataset.read(path);
        List<String> labels = data.examples().stream().map(Example::label).filter(Objects::nonNull).distinct().toList();
        try {
            return new OpenText(path, data.examples().size(), Files.size(path), beginning(data.examples().getFirst()), labels);
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, path, "cannot be read (%s)", Json.reason(e)).cause(e);
        }
    }

    private static String beginning(Example first) {
        String text = switch (first.content()) {
            case Example.Content.Text t -> t.text();
            default -> "";
        };
        return text.length() <= SHOWN ? text : text.substring(0, SHOWN);
    }

    public String name() {
        return path.getFileName().toString();
    }
}
