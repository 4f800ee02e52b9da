package vitrine.core.architecture;

/// One layer: attention and feed-forward with the norms around them. Every norm may be null.
///
///     a = attentionOutput(attention(attentionInput(x)))        a norm after the block, before the residual
///     h = afterAttention(x + residual * a)                     a norm of the sum (post-norm models)
///     m = feedForwardOutput(feedForward(feedForwardInput(h)))
///     y = afterFeedForward(h + residual * m)
///
/// Where `parallel`, feed-forward reads `x` instead of `h`, and `y = x + a + m`.
///
/// @param residual multiplied with each block's output before it joins the residual stream
/// @param attentionOutIsSum whether what the family calls the attention's output is `h` (BERT) rather than `attention(...)`
/// @param loops how attention runs again before the feed-forward block, or null where it runs once
public record LayerSpec(int index, Norm attentionInput, AttentionSpec attention, Norm attentionOutput, Norm afterAttention,
                        Norm feedForwardInput, FeedForward feedForward, Norm feedForwardOutput, Norm afterFeedForward,
                        boolean parallel, float residual, boolean attentionOutIsSum, AttentionLoops loops) {

    /// A layer with norms before its two blocks, as in GPT-2 and Llama.
    public static LayerSpec preNorm(int index, Norm attentionInput, AttentionSpec attention, Norm feedForwardInput, FeedForward feedForward) {
        return new LayerSpec(index, attentionInput, attention, null, null, feedForwardInput, feedForward, null, null, false, 1f, false, null);
    }

    /// A layer with norms after each sum, as in BERT.
    public static LayerSpec postNorm(int index, AttentionSpec attention, Norm afterAttention, FeedForward feedForward, Norm afterFeedForward) {
        return new LayerSpec(index, null, attention, null, afterAttention, null, feedForward, null, afterFeedForward, false, 1f, false, null);
    }

    /// The same layer with both blocks reading its input.
    public LayerSpec inParallel() {
        return new LayerSpec(index, attentionInput, attention, attentionOutput, afterAttention, feedForwardInput, feedForward,
                feedForwardOutput, afterFeedForward, true, residual, attentionOutIsSum, loops);
    }

    /// The same layer with norms of the two blocks' outputs.
    public LayerSpec withOutputNorms(Norm attentionOut, Norm feedForwardOut) {
        return new LayerSpec(index, attentionInput, attention, attentionOut, afterAttention, feedForwardInput, feedForward,
                feedForwardOut, afterFeedForward, parallel, residual, attentionOutIsSum, loops);
    }

    /// The same layer with scaled residual branches.
    public LayerSpec withResidual(float scale) {
        return new LayerSpec(index, attentionInput, attention, attentionOutput, afterAttention, feedForwardInput, feedForward,
                feedForwardOutput, afterFeedForward, parallel, scale, attentionOutIsSum, loops);
    }

    /// The same layer, told that its attention's output means the normalised sum.
    public LayerSpec reportingSum() {
        return new LayerSpec(index, attentionInput, attention, attentionOutput, afterAttention, feedForwardInput, feedForward,
                feedForwardOutput, afterFeedForward, parallel, residual, true, loops);
    }

    /// The same layer with another feed-forward block.
    public LayerSpec with(FeedForward other) {
        return new LayerSpec(index, attentionInput, attention, attentionOutput, afterAttention, feedForwardInput, other, feedForwardOutput, afterFeedForward,
                parallel, residual, attentionOutIsSum, loops);
    }

    /// The same layer with attention that runs again.
    public LayerSpec repeating(AttentionLoops again) {
        return new LayerSpec(index, attentionInput, attention, attentionOutput, afterAttention, feedForwardInput, feedForward, feedForwardOutput, afterFeedForward,
                parallel, residual, attentionOutIsSum, again);
    }
}
