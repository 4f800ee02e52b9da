package vitrine.core.architecture;

/// How a layer's tokens choose their experts, and with which weight each chosen expert's output enters.
///
/// Legend: l router logits, one per expert; p = softmax(l); s = sigmoid(l); S the chosen experts; w their weights. Of equal scores the expert
/// with the lower index is taken.
///
/// @param logits from the hidden size to one logit per expert
/// @param perToken how many experts a token visits, k
/// @param correction a tensor of one value per expert that joins the score of the choice and not the weight, or null
/// @param correctionRank the number of dimensions that it is stored with: `[experts]`, or `[1, experts]`
/// @param groups which experts a token may choose among, or null for all
/// @param weighting what becomes of the chosen experts' scores
public record Router(Linear logits, int perToken, Score score, String correction, int correctionRank, Groups groups, Weighting weighting) {

    /// The score of an expert.
    public enum Score {
        /// Chosen by p, weighted by p.
        SOFTMAX(true),
        /// Chosen by s, weighted by s.
        SIGMOID(true),
        /// Chosen by l, weighted by the softmax of the chosen logits.
        CHOSEN_SOFTMAX(false),
        /// Chosen by l, weighted by s.
        CHOSEN_SIGMOID(false),
        /// Two experts one after the other, each weighted by a softmax over the logits close to it (SparseMixer).
        SPARSE_MIXER(false);

        private final boolean ofAll;

        Score(boolean ofAll) {
            this.ofAll = ofAll;
        }

        /// Whether the choice is made by a score of all experts rather than by the logit itself.
        public boolean ofAll() {
            return ofAll;
        }
    }

    /// Neighbouring experts form groups of equal size; a token chooses among the experts of its best groups.
    ///
    /// @param count how many groups there are
    /// @param kept how many groups a token keeps
    /// @param bestTwo whether a group counts by the sum of its two best scores rather than by its best
    public record Groups(int count, int kept, boolean bestTwo) {}

    /// From scores to weights: `w = factor * score / (sum of the chosen ^ norm)`.
    ///
    /// @param norm 0 for no division, 1 for the sum of the chosen scores, p for the p-norm of them
    /// @param least the smallest divisor
    /// @param added to the divisor
    /// @param factor multiplied with every weight
    /// @param ofInput whether the weight is multiplied with the expert's input rather than with its output
    /// @param closeness for [Score#SPARSE_MIXER]: how much smaller, relative to its size, a logit may be than the largest to count
    public record Weighting(double norm, double least, double added, double factor, boolean ofInput, double closeness) {

        /// Scores as they are.
        public static final Weighting PLAIN = new Weighting(0, 0, 0, 1, false, 0);

        /// Weights that sum to 1, or scores as they are.
        public static Weighting renormalised(boolean sumToOne) {
            return sumToOne ? new Weighting(1, 0, 0, 1, false, 0) : PLAIN;
        }
    }

    /// A router without correction and groups.
    public static Router of(Linear logits, int perToken, Score score, Weighting weighting) {
        return new Router(logits, perToken, score, null, 1, null, weighting);
    }

    /// The same router with a correction of the choice, `[experts]`, or `[1, experts]` where `rank` is 2.
    public Router corrected(String tensor, int rank) {
        return new Router(logits, perToken, score, tensor, rank, groups, weighting);
    }

    /// The same router with a choice among the best groups.
    public Router grouped(Groups of) {
        return new Router(logits, perToken, score, correction, correctionRank, of, weighting);
    }

    /// The same router with another number of experts per token.
    public Router choosing(int experts) {
        return new Router(logits, experts, score, correction, correctionRank, groups, weighting);
    }

    /// How many experts there are.
    public int experts() {
        return logits.out();
    }

    /// The most experts that a token could visit.
    public int mostPerToken() {
        return score == Score.SPARSE_MIXER ? 2 : groups == null ? experts() : groups.kept() * (experts() / groups.count());
    }
}
