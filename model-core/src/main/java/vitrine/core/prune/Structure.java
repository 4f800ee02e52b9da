package vitrine.core.prune;

import java.util.List;
import java.util.Map;

/// What stays of a model of which whole parts go. Numbers are those of the model as it was, in order.
///
/// @param layers layers that stay
/// @param groups key/value groups (a key/value head with its query heads) that stay, by layer; layers that are not named keep all
/// @param channels feed-forward channels that stay, by layer
/// @param experts routed experts that stay, by layer
/// @param shared key/value heads by layer in pieces of one size, whose members have one key and one value between them: the first of each stays, and query heads are put in the order of the pieces
public record Structure(List<Integer> layers, Map<Integer, int[]> groups, Map<Integer, int[]> channels, Map<Integer, int[]> experts, Map<Integer, int[][]> shared) {

    /// Without heads that share.
    public Structure(List<Integer> layers, Map<Integer, int[]> groups, Map<Integer, int[]> channels, Map<Integer, int[]> experts) {
        this(layers, groups, channels, experts, Map.of());
    }

    /// Whether every layer that is named keeps the same number.
    public static boolean even(Map<Integer, int[]> kept) {
        return kept.values().stream().mapToInt(k -> k.length).distinct().count() <= 1;
    }

    /// The numbers from 0 to before `count` without those of the smallest scores.
    ///
    /// @param gone how many go; of equal scores the smaller number first
    public static int[] without(double[] scores, int gone) {
        byte[] kept = new byte[scores.length];
        java.util.Arrays.fill(kept, (byte) 1);
        Selection.dropSmallest(scores, gone, kept, 0);
        return java.util.stream.IntStream.range(0, scores.length).filter(i -> kept[i] != 0).toArray();
    }
}
