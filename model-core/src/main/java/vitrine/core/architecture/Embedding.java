package vitrine.core.architecture;

/// From token ids to the first residual stream: look up, scale, add positions and segments, normalise, project.
///
/// @param tokens the tensor `[vocabulary, width]`
/// @param width the table's width; the model's hidden size unless there is a projection
/// @param multiplier multiplied with the looked-up rows
/// @param positions learned positions, or null
/// @param segments the tensor `[kinds, width]` added by segment id (BERT's token types), or null
/// @param norm or null
/// @param projection from the table's width to the hidden size, or null
public record Embedding(String tokens, int width, float multiplier, Learned positions, Segments segments, Norm norm, Linear projection) {

    /// A plain table.
    public static Embedding of(String tokens, int width) {
        return new Embedding(tokens, width, 1f, null, null, null, null);
    }

    /// Learned positions: token i reads row `i + offset` of the table `[rows, width]`.
    ///
    /// @param paddingId where not negative, tokens with this id are not counted and read row `offset - 1` (RoBERTa)
    public record Learned(String table, int rows, int offset, int paddingId) {}

    /// Segment embeddings, `[kinds, width]`; a prompt of one text is all segment 0.
    public record Segments(String table, int kinds) {}
}
