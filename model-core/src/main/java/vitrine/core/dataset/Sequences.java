package vitrine.core.dataset;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tokenizer.Token;
import vitrine.core.tokenizer.Tokenizer;

/// Examples as token sequences that a model can take.
public final class Sequences {

    /// A label that does not count, as in PyTorch.
    public static final int IGNORED = -100;

    private Sequences() {}

    /// A sequence and what counts in it.
    ///
    /// @param ids token ids
    /// @param labels `labels[t]` is the target that the model predicts from the tokens before t, [#IGNORED] where none counts
    /// @param label the example's domain, or null
    public record Labelled(int[] ids, int[] labels, String label) {

        /// Targets that count; the first token has nothing before it and never does.
        public int predicted() {
            int n = 0;
            for (int t = 1; t < labels.length; t++) {
                n += labels[t] == IGNORED ? 0 : 1;
            }
            return n;
        }
    }

    /// Tokenises all examples. A text longer than `maxLength` tokens is cut into pieces that follow each other, each with
    /// the tokenizer's own special tokens in front, so that every token is predicted once.
    ///
    /// @param tokenizer may be null where all examples hold ids
    /// @throws Refusal `dataset-invalid`, naming the line, for an example without two tokens, a completion or ids that are too long, or ids
    ///     the model lacks
    public static List<Labelled> of(Dataset data, Tokenizer tokenizer, int maxLength, int vocabulary) {
        List<Labelled> out = new ArrayList<>();
        int[] front = null;
        for (Example e : data.examples()) {
            switch (e.content()) {
                case Example.Content.Text t -> {
                    front = front == null ? front(tokenizer) : front;
                    cut(ids(tokenizer.encode(t.text())), front, maxLength, e.label(), out);
                }
                case Example.Content.Completion c -> out.add(completion(data.file(), e, c, tokenizer, maxLength));
                case Example.Content.Ids i -> {
                    if (i.ids().length > maxLength) {
                        throw Refusal.of(Category.DATASET_INVALID, data.file(), "it has %,d tokens; the model takes %,d", i.ids().length, maxLength)
                                .where("line " + e.line());
                    }
                    out.add(new Labelled(i.ids(), i.labels() == null ? i.ids() : i.labels(), e.label()));
                }
            }
        }
        out.removeIf(s -> s.predicted() == 0);
        if (out.isEmpty()) {
            throw Refusal.of(Category.DATASET_INVALID, data.file(), "no example has two tokens, so nothing can be predicted");
        }
        for (Labelled s : out) {
            requireKnown(data.file(), s.ids(), vocabulary);
        }
        return out;
    }

    /// Refuses ids that the embedding has no row for.
    public static void requireKnown(Path file, int[] ids, int vocabulary) {
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= vocabulary) {
                throw Refusal.of(Category.TOKENIZER_MISMATCH, file, "token %,d has the id %d; the embedding has %d rows", i, ids[i], vocabulary)
                        .help("The tokenizer or the ids belong to another checkpoint.");
            }
        }
    }

    /// The special tokens that the tokenizer puts before a text.
    private static int[] front(Tokenizer tokenizer) {
        List<Token> tokens = tokenizer.encode("");
        return tokens.isEmpty() ? new int[0] : new int[] {tokens.getFirst().id()};
    }

    private static int[] ids(List<Token> tokens) {
        return tokens.stream().mapToInt(Token::id).toArray();
    }

    private static void cut(int[] ids, int[] front, int maxLength, String label, List<Labelled> out) {
        if (ids.length <= maxLength) {
            out.add(new Labelled(ids, ids, label));
            return;
        }
        out.add(all(Arrays.copyOf(ids, maxLength), label));
        int step = maxLength - front.length;
        for (int from = maxLength; from < ids.length; from += step) {
            int length = Math.min(step, ids.length - from);
            int[] piece = Arrays.copyOf(front, front.length + length);
            System.arraycopy(ids, from, piece, front.length, length);
            out.add(all(piece, label));
        }
    }

    private static Labelled all(int[] ids, String label) {
        return new Labelled(ids, ids, label);
    }

    private static Labelled completion(Path file, Example e, Example.Content.Completion c, Tokenizer tokenizer, int maxLength) {
        int[] prompt = ids(tokenizer.encode(c.prompt()));
        int[] rest = ids(tokenizer.encode(c.completion(), false));
        int[] ids = Arrays.copyOf(prompt, prompt.length + rest.length);
        System.arraycopy(rest, 0, ids, prompt.length, rest.length);
        if (ids.length > maxLength) {
            throw Refusal.of(Category.DATASET_INVALID, file, "prompt and completion have %,d tokens; the model takes %,d", ids.length, maxLength)
                    .where("line " + e.line());
        }
        int[] labels = ids.clone();
        Arrays.fill(labels, 0, prompt.length, IGNORED);
        return new Labelled(ids, labels, e.label());
    }
}
