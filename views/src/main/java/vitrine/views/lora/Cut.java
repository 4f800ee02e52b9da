package vitrine.views.lora;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import vitrine.core.artifact.AdapterArtifact;

/// What a cut of every module to its strongest singular directions keeps and costs. Everything but losses is exact, from the spectra; nothing is computed anew.
///
/// @param kept ranks that stay, one per module of [Study#known]
/// @param parameters trained values that are left, with what is saved whole
/// @param energy the share of all deltas' squared norm that is kept
/// @param error ‖ΔW − ΔW_k‖ ÷ ‖ΔW‖ over all modules together
record Cut(Rule rule, int[] kept, long before, long parameters, double energy, double error) {

    /// What the slider sets.
    enum Rule {
        RANK("Rank"), ENERGY("Energy"), PARAMETERS("Share"), LOSS("Loss");

        private final String label;

        Rule(String label) {
            this.label = label;
        }

        String label() {
            return label;
        }
    }

    /// Differences of sums of squares that are rounding.
    private static final double TIE = 1e-12;
    /// A written factor is float32.
    private static final int BYTES = 4;

    /// A cut of every module to a rank, as far as it has so many.
    static Cut toRank(Study s, int rank) {
        return of(s, Rule.RANK, s.known().stream().mapToInt(m -> Math.min(rank, m.sigma().length)).toArray());
    }

    /// A cut of every module to the fewest ranks with a share of its squared norm.
    static Cut toEnergy(Study s, double share) {
        return of(s, Rule.ENERGY, s.known().stream().mapToInt(m -> rankFor(m, share)).toArray());
    }

    /// The fewest ranks with a share of a module's squared norm; 0 for a delta of zeros.
    static int rankFor(Module m, double share) {
        double[] c = m.cumulative();
        for (int k = 0; k < c.length; k++) {
            if (c[k] >= share - TIE) {
                return k;
            }
        }
        return m.energy() > 0 ? m.sigma().length : 0;
    }

    /// A component of a module, with what it is worth.
    private record Component(int module, int number, double worth) {}

    /// The components in the order in which they go: the one with the least energy per parameter first, over all modules.
    private static List<Component> removals(Study s) {
        List<Module> modules = s.known();
        List<Component> all = new ArrayList<>();
        for (int m = 0; m < modules.size(); m++) {
            double cost = (double) modules.get(m).row().in() + modules.get(m).row().out();
            double[] sigma = modules.get(m).sigma();
            for (int k = 0; k < sigma.length; k++) {
                all.add(new Component(m, k, sigma[k] * sigma[k] / cost));
            }
        }
        // Of a module the smaller value goes before the larger, whatever rounding says.
        all.sort(java.util.Comparator.comparingDouble(Component::worth).thenComparingInt(Component::module).thenComparing(Component::number, java.util.Comparator.reverseOrder()));
        return all;
    }

    private static Cut after(Study s, Rule rule, List<Component> removals, int count) {
        int[] kept = s.known().stream().mapToInt(m -> m.sigma().length).toArray();
        removals.subList(0, count).forEach(c -> kept[c.module]--);
        return of(s, rule, kept);
    }

    /// A cut to a share of the factors' parameters: over all modules the least energy per parameter goes first.
    static Cut toParameters(Study s, double share) {
        List<Component> removals = removals(s);
        double[] cost = s.known().stream().mapToDouble(m -> (double) m.row().in() + m.row().out()).toArray();
        double whole = removals.stream().mapToDouble(c -> cost[c.module]).sum();
        double left = whole;
        int count = 0;
        while (count < removals.size() && left > share * whole) {
            left -= cost[removals.get(count++).module];
        }
        return after(s, Rule.PARAMETERS, removals, count);
    }

    /// The smallest cut of that order whose mean loss over all texts, read off the measured curve, rises by no more than a number of nats; null where the curve
    /// tells of none.
    static Cut toLoss(Study s, AdapterArtifact measured, double rise) {
        if (measured.curve().isEmpty() || measured.domains().isEmpty()) {
            return null;
        }
        List<Component> removals = removals(s);
        int holds = 0;
        int fails = removals.size();
        while (fails - holds > 1) {
            int middle = (holds + fails) >>> 1;
            if (after(s, Rule.LOSS, removals, middle).rise(measured) <= rise) {
                holds = middle;
            } else {
                fails = middle;
            }
        }
        return after(s, Rule.LOSS, removals, holds);
    }

    /// By how many nats the mean loss over all texts rises, as the curve foretells; infinite where it does not reach.
    private double rise(AdapterArtifact measured) {
        double sum = 0;
        long count = 0;
        for (int d = 0; d < measured.domains().size(); d++) {
            Predicted p = loss(measured.curve().orElseThrow(), d);
            AdapterArtifact.Domain domain = measured.domains().get(d);
            sum += p == null ? Double.POSITIVE_INFINITY : (p.loss - domain.after().loss()) * domain.predictedTokens();
            count += domain.predictedTokens();
        }
        return sum / Math.max(1, count);
    }

    private static Cut of(Study s, Rule rule, int[] kept) {
        List<Module> modules = s.known();
        double total = 0;
        double lost = 0;
        long after = s.artifact().parameters();
        boolean adalora = s.artifact().artifact().manifest().summary().path("type").asText().equals("adalora");
        for (int i = 0; i < kept.length; i++) {
            Module m = modules.get(i);
            AdapterArtifact.Row r = m.row();
            for (int k = m.sigma().length - 1; k >= 0; k--) {
                double e = m.sigma()[k] * m.sigma()[k];
                total += e;
                lost += k >= kept[i] ? e : 0;
            }
            // Magnitudes and biases stay with a module that stays; AdaLoRA's diagonals go into the factors.
            long each = (long) r.in() + r.out();
            long beside = kept[i] == 0 ? 0 : r.parameters() - r.rank() * each - (adalora ? r.rank() : 0);
            after += kept[i] * each + beside - r.parameters();
        }
        return new Cut(rule, kept, s.artifact().parameters(), after, total > 0 ? 1 - lost / total : 1, total > 0 ? Math.sqrt(lost / total) : 0);
    }

    /// Bytes of the tensors that are written.
    long bytes() {
        return parameters * BYTES;
    }

    /// Whether nothing would be left.
    boolean empty() {
        return Arrays.stream(kept).allMatch(k -> k == 0);
    }

    /// Whether nothing would go.
    boolean whole(Study s) {
        return IntStream.range(0, kept.length).allMatch(i -> kept[i] == s.known().get(i).sigma().length);
    }

    /// `8`, or `3 to 11` where modules differ.
    String ranks() {
        int least = Arrays.stream(kept).min().orElse(0);
        int most = Arrays.stream(kept).max().orElse(0);
        return least == most ? Integer.toString(least) : least + " to " + most;
    }

    /// A loss read off a measured curve.
    ///
    /// @param loss nats per token
    /// @param measured whether a point of the curve stands there; else it lies on the straight line between two
    record Predicted(double loss, boolean measured) {}

    /// The loss of a text after this cut, read off the curve that was measured with the same rank everywhere: by rank, or for ranks by module by the energy
    /// that is kept. Empty where the curve does not reach.
    Predicted loss(AdapterArtifact.Curve curve, int domain) {
        ToDoubleFunction<AdapterArtifact.Point> place = p -> rule == Rule.RANK ? p.rank() : p.energy();
        double at = rule == Rule.RANK ? Arrays.stream(kept).max().orElse(0) : energy;
        List<AdapterArtifact.Point> points = new ArrayList<>(curve.points());
        points.removeIf(p -> !Double.isFinite(p.losses().get(domain).loss()) || !Double.isFinite(place.applyAsDouble(p)));
        for (int i = 0; i < points.size(); i++) {
            double x = place.applyAsDouble(points.get(i));
            double loss = points.get(i).losses().get(domain).loss();
            if (x == at) {
                return new Predicted(loss, rule == Rule.RANK);
            }
            if (x > at) {
                if (i == 0) {
                    return null;
                }
                double before = place.applyAsDouble(points.get(i - 1));
                double share = (at - before) / (x - before);
                return new Predicted(points.get(i - 1).losses().get(domain).loss() * (1 - share) + loss * share, false);
            }
        }
        // Beyond the last point there is nothing left to add.
        return points.isEmpty() || rule != Rule.RANK && energy < 1 - TIE ? null : new Predicted(points.getLast().losses().get(domain).loss(), rule == Rule.RANK);
    }

    /// For scripts: `rank 8 of 16`.
    String words(Study s) {
        return rule == Rule.RANK ? "rank " + ranks() + " of " + s.mostRanks() : "ranks " + ranks() + " of " + s.mostRanks();
    }

    /// A module's rank.
    OptionalDouble rank(Study s, String path) {
        List<String> paths = s.known().stream().map(Module::path).collect(Collectors.toList());
        int at = paths.indexOf(path);
        return at < 0 ? OptionalDouble.empty() : OptionalDouble.of(kept[at]);
    }
}
