package vitrine.core.forward;

import java.util.Arrays;
import java.util.List;

/// Sequences of token ids that pass the model together. They do not see each other, and nothing is padded.
public record Batch(List<Sequence> sequences) {

    /// One sequence.
    ///
    /// @param segments a segment id per token for families that have segments (BERT's token types), or null for all 0
    public record Sequence(int[] ids, int[] segments) {
        public int length() {
            return ids.length;
        }
    }

    /// Sequences without segments.
    public static Batch of(int[]... sequences) {
        return new Batch(Arrays.stream(sequences).map(ids -> new Sequence(ids, null)).toList());
    }

    /// Tokens of all sequences.
    public int tokens() {
        return sequences.stream().mapToInt(Sequence::length).sum();
    }
}
