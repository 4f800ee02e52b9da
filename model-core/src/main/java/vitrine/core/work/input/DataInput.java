package vitrine.core.work.input;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import vitrine.core.dataset.Dataset;
import vitrine.core.dataset.Example;
import vitrine.core.dataset.Sequences;
import vitrine.core.progress.Progress;
import vitrine.core.task.Task;
import vitrine.core.tokenizer.ChatTemplate;
import vitrine.core.tokenizer.Tokenizer;

/// Texts for a model: read, tokenised, cut to its length.
public final class DataInput {

    /// Where texts are cut for models without a limit near it: longer sequences cost attention's square.
    private static final int DEFAULT_LENGTH = 2048;

    private DataInput() {}

    public static List<Sequences.Labelled> read(String file, Integer maxLength, LoadedModel model, Progress progress) {
        return readAll(file, maxLength, model, progress).sequences();
    }

    /// The first so many tokens of texts: the last that has room for two of them is cut, and what comes after it goes.
    ///
    /// @param maxTokens all where null
    public static List<Sequences.Labelled> first(List<Sequences.Labelled> all, Integer maxTokens) {
        if (maxTokens == null) {
            return all;
        }
        List<Sequences.Labelled> out = new ArrayList<>();
        int left = maxTokens;
        for (Sequences.Labelled s : all) {
            if (left < Task.SHORTEST) {
                break;
            }
            int length = Math.min(left, s.ids().length);
            out.add(new Sequences.Labelled(Arrays.copyOf(s.ids(), length), Arrays.copyOf(s.labels(), length), s.label()));
            left -= length;
        }
        return out;
    }

    /// The sequences, and what became of each example.
    public static Sequences.Read readAll(String file, Integer maxLength, LoadedModel model, Progress progress) {
        Dataset data = Dataset.read(Path.of(file));
        int limit = model.spec().maxPositions();
        int length = Math.min(limit, maxLength == null ? DEFAULT_LENGTH : maxLength);
        boolean needsTokenizer = data.examples().stream().anyMatch(e -> !(e.content() instanceof Example.Content.Ids));
        if (!needsTokenizer) {
            return Sequences.read(data, null, null, length, model.spec().vocabSize());
        }
        progress.risky(model.checkpoint().tokenizerFile(), Tokenizer.patienceSeconds(model.checkpoint(), data.characters()));
        try (Tokenizer tokenizer = Tokenizer.of(model.checkpoint())) {
            return Sequences.read(data, tokenizer, () -> ChatTemplate.of(model.checkpoint()), length, model.spec().vocabSize());
        } finally {
            progress.safe();
        }
    }
}
