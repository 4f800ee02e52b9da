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
/// @param queryKeyNorm a norm of queries and keys before rotation, or null for none
public record AttentionSpec(int heads, int keyValueHeads, int headDim, float scale, float softCap, boolean causal, int window,
                            Rope rope, QueryKeyValue projection, QueryKeyNorm queryKeyNorm, Linear output) {

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

        /// The order of a fused layer's outputs.
        enum Layout {
            /// All queries, then all keys, then all values.
            BLOCKS,
            /// Query, key and value of head 0, then those of head 1, and so on.
            HEADS
        }
    }

    /// A norm of queries and keys.
    ///
    /// @param query one norm, or one per query head where `scope` is PER_HEAD; `key` likewise
    public record QueryKeyNorm(Scope scope, List<Norm> query, List<Norm> key) {

        /// What one norm covers.
        public enum Scope {
            /// The whole projection, all heads together.
            PROJECTION,
            /// Each head, with weights that all heads share.
            HEAD,
            /// Each head, with weights of its own.
            PER_HEAD
        }
    }
}
