package vitrine.core.analysis.routing;

import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The paths that tokens take through their first experts, layer after layer.
public final class TokenPaths {

    /// Paths of so many tokens are counted; in deep models nearly every token has one of its own, and they must be kept.
    public static final int MOST_TOKENS = 50_000;

    private final Map<Path, int[]> counts = new HashMap<>();
    private long tokens;

    /// Experts by layer, as a key.
    private record Path(short[] experts) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Path p && Arrays.equals(experts, p.experts);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(experts);
        }
    }

    /// A path and how many tokens take it.
    public record Counted(int[] experts, long tokens) {}

    /// One token's first experts, by layer; nothing once [#MOST_TOKENS] have been counted.
    void add(short[] experts) {
        if (tokens < MOST_TOKENS) {
            counts.computeIfAbsent(new Path(experts), p -> new int[1])[0]++;
            tokens++;
        }
    }

    /// Tokens whose paths were counted.
    public long tokens() {
        return tokens;
    }

    public long distinct() {
        return counts.size();
    }

    /// Entropy of the paths, nats; at most ln of the tokens, so it says little where tokens are few.
    public double entropy() {
        return new Load(counts.values().stream().mapToLong(c -> c[0]).toArray()).entropy();
    }

    /// The paths that most tokens take; of equally frequent ones that with lower numbers first.
    public List<Counted> top(int most) {
        return counts.entrySet().stream().sorted(Comparator.<Map.Entry<Path, int[]>>comparingInt(e -> -e.getValue()[0])
                        .thenComparing((a, b) -> Arrays.compare(a.getKey().experts, b.getKey().experts))).limit(most)
                .map(e -> {
                    int[] experts = new int[e.getKey().experts.length];
                    Arrays.setAll(experts, i -> e.getKey().experts[i]);
                    return new Counted(experts, e.getValue()[0]);
                }).toList();
    }
}
