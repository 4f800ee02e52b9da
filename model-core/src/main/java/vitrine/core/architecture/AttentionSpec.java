package vitrine.core.architecture;

import java.util.List;

/// One layer's attention.
///
/// @param heads query heads; query head h reads key/value head `h / (heads / keyValueHeads)`
/// @param scale multiplied with the products of queries and keys
/// @param softCap `score = cap tanh(score / cap)` before masking; 0 for none
/// @param causal whether keys after the query are hidden
/// @param window how many keys up to and including its own a query sees; 0 for all
/// @param rope rotary positions, or null for none
/// @param queryKeyNorm a norm of queries and keys, or null for none
/// @param valueDim the width of a value; that of queries and keys but in latent attention
/// @param sinks a tensor of one logit per query head that joins the softmax's denominator only, or null for none
/// @param clip queries, keys and values are cut to between minus this and this before they are rotated; 0 for not
/// @param chunk a query sees keys of its own stretch of so many positions only; 0 for all
/// @param temperature how queries grow with their position, or null for not
/// @param alibi what scores lose with the distance of key and query, or null for nothing
public record AttentionSpec(int heads, int keyValueHeads, int headDim, float scale, float softCap, boolean causal, int window,
                            Rope rope, QueryKeyValue projection, QueryKeyNorm queryKeyNorm, Linear output, int valueDim, String sinks,
                            float clip, int chunk, Temperature temperature, Alibi alibi) {

    public AttentionSpec(int heads, int keyValueHeads, int headDim, float scale, float softCap, boolean causal, int window,
                         Rope rope, QueryKeyValue projection, QueryKeyNorm queryKeyNorm, Linear output, int valueDim, String sinks, float clip) {
        this(heads, keyValueHeads, headDim, scale, softCap, causal, window, rope, projection, queryKeyNorm, output, valueDim, sinks, clip, 0, null, null);
    }

    public AttentionSpec(int heads, int keyValueHeads, int headDim, float scale, float softCap, boolean causal, int window,
                         Rope rope, QueryKeyValue projection, QueryKeyNorm queryKeyNorm, Linear output) {
        this(heads, keyValueHeads, headDim, scale, softCap, causal, window, rope, projection, queryKeyNorm, output, headDim, null, 0f);
    }

    /// The same attention with a sink per head.
    public AttentionSpec withSinks(String tensor) {
        return new AttentionSpec(heads, keyValueHeads, headDim, scale, softCap, causal, window, rope, projection, queryKeyNorm, output, valueDim, tensor, clip, chunk, temperature, alibi);
    }

    /// The same attention with bounded queries, keys and values.
    public AttentionSpec clipped(float to) {
        return new AttentionSpec(heads, keyValueHeads, headDim, scale, softCap, causal, window, rope, projection, queryKeyNorm, output, valueDim, sinks, to, chunk, temperature, alibi);
    }

    /// The same attention with a norm of queries and keys.
    public AttentionSpec normed(QueryKeyNorm norm) {
        return new AttentionSpec(heads, keyValueHeads, headDim, scale, softCap, causal, window, rope, projection, norm, output, valueDim, sinks, clip, chunk, temperature, alibi);
    }

    /// The same attention within stretches of `positions`.
    public AttentionSpec inChunks(int positions) {
        return new AttentionSpec(heads, keyValueHeads, headDim, scale, softCap, causal, window, rope, projection, queryKeyNorm, output, valueDim, sinks, clip, positions, temperature, alibi);
    }

    /// The same attention with queries that grow with their position.
    public AttentionSpec tempered(Temperature by) {
        return new AttentionSpec(heads, keyValueHeads, headDim, scale, softCap, causal, window, rope, projection, queryKeyNorm, output, valueDim, sinks, clip, chunk, by, alibi);
    }

    /// The same attention with linear biases.
    ///
    /// @throws IllegalArgumentException for capped scores, of which no model is known that has both, or for another number of heads
    public AttentionSpec biased(Alibi by) {
        if (softCap != 0f || by.slopes().size() != heads) {
            throw new IllegalArgumentException(by.slopes().size() + " linear biases for " + heads + " heads, scores capped at " + softCap);
        }
        return new AttentionSpec(heads, keyValueHeads, headDim, scale, softCap, causal, window, rope, projection, queryKeyNorm, output, valueDim, sinks, clip, chunk, temperature, by);
    }

    /// The first key that query `i` may see.
    public int firstKey(int i) {
        return Math.max(window > 0 ? Math.max(0, i - window + 1) : 0, chunk > 0 ? i / chunk * chunk : 0);
    }

    /// How many queries of a sequence see key `j`.
    ///
    /// @param tokens of the sequence
    public int queriesOf(int j, int tokens) {
        int end = chunk > 0 ? Math.min(tokens, (j / chunk + 1) * chunk) : tokens;
        int after = causal ? end - j : tokens;
        return window > 0 ? Math.min(window, after) : after;
    }

    /// A query at position t (from 0) is multiplied with `1 + strength ln(1 + floor((t + 1) / floor))`.
    ///
    /// Source: Nakanishi, *Scalable-Softmax Is Superior for Attention*, 2025, as Llama 4 has it.
    public record Temperature(double floor, double strength) {

        /// The factor of position t, in float32 as the reference computes it.
        public float at(int t) {
            float steps = (float) Math.floor((t + 1f) / (float) floor);
            return (float) Math.log1p(steps) * (float) strength + 1f;
        }
    }

    /// Where in a head the values begin that positions turn.
    public int rotatedFrom() {
        return projection instanceof QueryKeyValue.Latent l ? l.plain() : 0;
    }

    /// Query heads that share one key/value head.
    public int groupSize() {
        return heads / keyValueHeads;
    }

    /// How queries, keys and values are made.
    public sealed interface QueryKeyValue {

        /// Three layers.
        record Separate(Linear query, Linear key, Linear value) implements QueryKeyValue {}

        /// One layer whose outputs are cut apart.
        record Fused(Linear all, Layout layout) implements QueryKeyValue {}

        /// Keys and values of all heads from one narrow latent per token, and a part of the key that all heads share.
        ///
        /// Every query and key is `plain` values without position, then those that positions turn.
        ///
        /// Source: DeepSeek-AI, *DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts Language Model*, 2024 (multi-head latent attention).
        ///
        /// @param queryDown to the latent of the queries, or null where `query` reads the hidden state itself
        /// @param queryNorm of that latent, or null
        /// @param keyValueDown to the latent of keys and values, and behind it the shared part of the key
        /// @param latentNorm of the latent of keys and values
        /// @param keyValueUp from the latent to `plain` values of the key and the value, head by head
        /// @param plain how many values of a head have no position
        /// @param pairsToHalves whether neighbouring pairs are turned, and stored afterwards as first halves, then second ones
        record Latent(Linear queryDown, Norm queryNorm, Linear query, Linear keyValueDown, Norm latentNorm, Linear keyValueUp, int plain,
                      boolean pairsToHalves) implements QueryKeyValue {

            /// The width of the latent of keys and values.
            public int width() {
                return keyValueUp.in();
            }
        }

        /// The order of a fused layer's outputs.
        enum Layout {
            /// All queries, then all keys, then all values.
            BLOCKS,
            /// The queries of key/value head 0, its key and its value, then those of head 1, and so on.
            HEADS
        }
    }

    /// A norm of queries and keys.
    ///
    /// @param query one norm, or one per query head where `scope` is PER_HEAD; `key` likewise
    /// @param afterRotation whether positions turn first
    public record QueryKeyNorm(Scope scope, List<Norm> query, List<Norm> key, boolean afterRotation) {

        /// A norm before positions turn.
        public QueryKeyNorm(Scope scope, List<Norm> query, List<Norm> key) {
            this(scope, query, key, false);
        }

        /// What one norm covers.
        public enum Scope {
            /// The whole projection, all heads together.
            PROJECTION,
            /// Each head, with weights that all heads share.
            HEAD,
            /// Each head, with weights of its own.
            PER_HEAD,
            /// Each head, with its row of weights `[heads, head width]` that stand in one tensor.
            ROWS
        }
    }
}
