package vitrine.core.dataset;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import vitrine.core.jinja.Template.Span;
import vitrine.core.jinja.TemplateError;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tokenizer.ChatTemplate;
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

    /// What became of one example.
    ///
    /// @param line the line of the file that it begins on
    /// @param kind `text`, `completion`, `messages` or `ids`
    /// @param pieces sequences that it gave: several for a text that was cut, none where nothing of it can be learned
    /// @param tokens tokens of all pieces
    /// @param learned targets that count
    /// @param lost tokens that did not fit in
    public record Fate(int line, String kind, int pieces, int tokens, int learned, int lost) {}

    /// All sequences of a dataset, and what became of each example.
    public record Read(List<Labelled> sequences, List<Fate> fates) {

        /// In a sentence what was lost, or null where nothing was.
        public String lossesOrNull() {
            long cut = fates.stream().filter(f -> f.lost() > 0).count();
            long unlearned = fates.stream().filter(f -> f.pieces() == 0).count();
            String out = cut == 0 ? "" : String.format(java.util.Locale.ROOT, "%,d of %,d examples did not fit in and were cut: %,d tokens at their ends are not seen.", cut, fates.size(),
                    fates.stream().mapToLong(Fate::lost).sum());
            return unlearned == 0 ? cut == 0 ? null : out
                    : (out + String.format(java.util.Locale.ROOT, " %,d of %,d examples hold nothing to learn and were left out.", unlearned, fates.size())).strip();
        }
    }

    /// Tokenises all examples. A text longer than `maxLength` tokens is cut into pieces that follow each other, each with
    /// the tokenizer's own special tokens in front, so that every token is predicted once. A conversation that is longer loses its end.
    ///
    /// @param tokenizer may be null where all examples hold ids
    /// @param template asked for at the first conversation
    /// @throws Refusal `dataset-invalid`, naming the line, for an example without two tokens, a completion or ids that are too long, ids the model lacks, or
    ///     messages that the template refuses
    public static Read read(Dataset data, Tokenizer tokenizer, Supplier<ChatTemplate> template, int maxLength, int vocabulary) {
        List<Labelled> out = new ArrayList<>();
        List<Fate> fates = new ArrayList<>();
        int[] front = null;
        ChatTemplate chats = null;
        for (Example e : data.examples()) {
            int before = out.size();
            String kind;
            int lost = 0;
            switch (e.content()) {
                case Example.Content.Text t -> {
                    front = front == null ? front(tokenizer, data.file(), maxLength) : front;
                    cut(ids(tokenizer.encode(t.text())), front, maxLength, e.label(), out);
                    kind = "text";
                }
                case Example.Content.Completion c -> {
                    out.add(completion(data.file(), e, c, tokenizer, maxLength));
                    kind = "completion";
                }
                case Example.Content.Conversation c -> {
                    chats = chats == null ? template.get() : chats;
                    Labelled whole = conversation(data.file(), e, c, tokenizer, chats);
                    lost = Math.max(0, whole.ids().length - maxLength);
                    out.add(lost == 0 ? whole : new Labelled(Arrays.copyOf(whole.ids(), maxLength), Arrays.copyOf(whole.labels(), maxLength), e.label()));
                    kind = "messages";
                }
                case Example.Content.Ids i -> {
                    if (i.ids().length > maxLength) {
                        throw Refusal.of(Category.DATASET_INVALID, data.file(), "it has %,d tokens; at most %,d are taken", i.ids().length, maxLength)
                                .where("line " + e.line());
                    }
                    out.add(new Labelled(i.ids(), i.labels() == null ? i.ids() : i.labels(), e.label()));
                    kind = "ids";
                }
            }
            List<Labelled> mine = out.subList(before, out.size());
            for (Labelled s : mine) {
                requireKnown(data.file(), e, s, vocabulary);
            }
            mine.removeIf(s -> s.predicted() == 0);
            fates.add(new Fate(e.line(), kind, mine.size(), mine.stream().mapToInt(s -> s.ids().length).sum(), mine.stream().mapToInt(Labelled::predicted).sum(), lost));
        }
        if (out.isEmpty()) {
            boolean chat = data.examples().stream().anyMatch(e -> e.content() instanceof Example.Content.Conversation);
            throw Refusal.of(Category.DATASET_INVALID, data.file(), chat ? "no example has an assistant's turn among its first %,d tokens, so nothing can be learned"
                    : "no example has two tokens, so nothing can be predicted", maxLength);
        }
        return new Read(out, fates);
    }

    /// The sequences of examples that hold no conversation.
    public static List<Labelled> of(Dataset data, Tokenizer tokenizer, int maxLength, int vocabulary) {
        return read(data, tokenizer, () -> {
            throw new IllegalArgumentException("messages need a template");
        }, maxLength, vocabulary).sequences();
    }

    private static void requireKnown(Path file, Example example, Labelled s, int vocabulary) {
        requireKnown(file, "line " + example.line(), s.ids(), vocabulary);
        for (int i = 0; i < s.labels().length; i++) {
            int label = s.labels()[i];
            if (label != IGNORED && (label < 0 || label >= vocabulary)) {
                throw Refusal.of(Category.DATASET_INVALID, file, "label %,d is %d; a token id from 0 to %,d, or %d for none, belongs here",
                        i, label, vocabulary - 1, IGNORED).where("line " + example.line());
            }
        }
    }

    /// Refuses ids that the embedding has no row for.
    public static void requireKnown(Path file, int[] ids, int vocabulary) {
        requireKnown(file, null, ids, vocabulary);
    }

    private static void requireKnown(Path file, String where, int[] ids, int vocabulary) {
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= vocabulary) {
                Refusal unknown = Refusal.of(Category.TOKENIZER_MISMATCH, file, "token %,d has the id %d; the embedding has %d rows", i, ids[i], vocabulary);
                throw (where == null ? unknown : unknown.where(where)).help("The tokenizer or the ids belong to another checkpoint.");
            }
        }
    }

    /// The special tokens that the tokenizer puts before a text: not those that it puts behind one.
    ///
    /// @throws Refusal `dataset-invalid` where they leave no room for the text itself
    private static int[] front(Tokenizer tokenizer, Path file, int maxLength) {
        int[] front = tokenizer.encode("a").stream().takeWhile(t -> t.start() < 0).mapToInt(Token::id).toArray();
        if (front.length >= maxLength) {
            throw Refusal.of(Category.DATASET_INVALID, file, "sequences of %,d tokens have no room beside the tokenizer's %,d special ones", maxLength, front.length);
        }
        return front;
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

    /// Prompt and completion are tokenised as the one text that they are: taken apart, the completion would begin as a text of its
    /// own does (with a space, in sentencepiece vocabularies), and trailing special tokens would stand between the two. A token that
    /// holds a character of the completion counts, and so does what the tokenizer puts behind it.
    private static Labelled completion(Path file, Example e, Example.Content.Completion c, Tokenizer tokenizer, int maxLength) {
        List<Token> tokens = tokenizer.encode(c.prompt() + c.completion());
        if (tokens.size() > maxLength) {
            throw Refusal.of(Category.DATASET_INVALID, file, "prompt and completion have %,d tokens; at most %,d are taken", tokens.size(), maxLength)
                    .where("line " + e.line());
        }
        int border = c.prompt().codePointCount(0, c.prompt().length());
        int[] ids = ids(tokens);
        int[] labels = ids.clone();
        for (int t = 0; t < labels.length && tokens.get(t).end() <= border; t++) {
            labels[t] = IGNORED;
        }
        return new Labelled(ids, labels, e.label());
    }

    /// A token that lies in a learned part with its first character counts. Behind an end-of-turn token white space is the template's, unless it says otherwise.
    private static Labelled conversation(Path file, Example e, Example.Content.Conversation c, Tokenizer tokenizer, ChatTemplate template) {
        ChatTemplate.Chat chat;
        try {
            chat = template.apply(c.messages(), c.tools());
        } catch (TemplateError refused) {
            throw Refusal.of(Category.DATASET_INVALID, file, refused.raised() ? "the checkpoint's chat template refuses its messages (%s)" : "the checkpoint's chat template cannot be applied (%s)",
                    refused.getMessage()).where("line " + e.line()).cause(refused);
        }
        String text = chat.text();
        List<Token> tokens = tokenizer.encode(text, false);
        int[] ids = ids(tokens);
        int[] labels = new int[ids.length];
        Arrays.fill(labels, IGNORED);
        for (Span s : chat.learned()) {
            // Token spans count code points.
            int from = text.codePointCount(0, s.start());
            int to = from + text.codePointCount(s.start(), s.end());
            int last = -1;
            for (int t = 0; t < ids.length; t++) {
                if (tokens.get(t).end() > from && tokens.get(t).start() < to) {
                    labels[t] = ids[t];
                    last = t;
                }
            }
            int end = last;
            while (end >= 0 && labels[end] != IGNORED && !tokens.get(end).special() && white(text, tokens.get(end))) {
                end--;
            }
            if (!chat.exact() && end >= 0 && end < last && labels[end] != IGNORED && tokens.get(end).special()) {
                Arrays.fill(labels, end + 1, last + 1, IGNORED);
            }
        }
        return new Labelled(ids, labels, e.label());
    }

    private static boolean white(String text, Token t) {
        return t.start() >= 0 && text.substring(text.offsetByCodePoints(0, t.start()), text.offsetByCodePoints(0, t.end())).isBlank();
    }
}
