package vitrine.core.analysis.routing;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Which token ids an expert sees, in one layer, where ids are those of the tokens, of the true next ones, or of the predicted next ones.
///
/// Source: Muennighoff et al., *OLMoE*, 2024: VS(e, x) is the share of the tokens with id x that visit e; the average over ids takes first experts.
public final class VocabularyCounts {

    private final PairCounts visits = new PairCounts();
    private final PairCounts firsts = new PairCounts();

    /// An id of which an expert sees a share.
    public record Word(int id, double share, long tokens) {}

    /// One token with this id and its experts from `at` on in `chosen`.
    void add(int id, int[] chosen, int at, int perToken) {
        firsts.add(id, chosen[at]);
        for (int i = at; i < at + perToken; i++) {
            visits.add(id, chosen[i]);
        }
    }

    /// Tokens with each id.
    private Map<Integer, Long> tokens() {
        Map<Integer, Long> out = new HashMap<>();
        firsts.forEach((id, expert, count) -> out.merge(id, (long) count, Long::sum));
        return out;
    }

    /// VS(e, x).
    public double share(int expert, int id) {
        return (double) visits.get(id, expert) / tokens().getOrDefault(id, 0L);
    }

    /// The mean over ids of how much of an id's tokens its most frequent first expert takes.
    ///
    /// @param least ids that occur less often do not count
    /// @return NaN where no id occurs so often
    public double specialisation(int least) {
        Map<Integer, Long> tokens = tokens();
        Map<Integer, Integer> most = new HashMap<>();
        firsts.forEach((id, expert, count) -> most.merge(id, count, Math::max));
        // Summed in the order of ids, so that the same counts give the same bits.
        return tokens.entrySet().stream().filter(e -> e.getValue() >= least).sorted(Map.Entry.comparingByKey())
                .mapToDouble(e -> (double) most.get(e.getKey()) / e.getValue()).average().orElse(Double.NaN);
    }

    /// For each expert the ids of which it sees the largest shares; of equal shares the more frequent id first, then the lower one.
    ///
    /// @param least ids that occur less often are not listed
    /// @param most ids of each list
    public List<List<Word>> lists(int experts, int least, int most) {
        Map<Integer, Long> tokens = tokens();
        List<List<Word>> all = new ArrayList<>();
        for (int e = 0; e < experts; e++) {
            all.add(new ArrayList<>());
        }
        visits.forEach((id, expert, count) -> {
            long n = tokens.get(id);
            if (n >= least) {
                all.get(expert).add(new Word(id, (double) count / n, n));
            }
        });
        Comparator<Word> order = Comparator.comparingDouble(Word::share).thenComparingLong(Word::tokens).reversed().thenComparingInt(Word::id);
        return all.stream().map(words -> words.stream().sorted(order).limit(most).toList()).toList();
    }

    /// Bytes held, about.
    long bytes() {
        return visits.bytes() + firsts.bytes();
    }
}
