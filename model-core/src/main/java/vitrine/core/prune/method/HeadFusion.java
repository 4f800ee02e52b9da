package vitrine.core.prune.method;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/// Key heads (or value heads) of a layer of which groups become one: decoupled-head attention, without the training that the paper follows it with.
///
///     P [heads, heads]   P_hj = sum over the calibration tokens of k_h . k_j
///     a_h                P_hh / sum over the group: what a head counts by is its energy; all alike where there is none
///     W_g                sum over the group of a_h W_h
///     loss of a group    sum over the group of sum over tokens |k_h - k_g|^2, of the sum over all heads of the layer of |k_h|^2
///
/// All of it is arithmetic on P, since k_g is the same mean of the k_h; biases are in it. Keys are those before they are normed and rotated. Float64.
///
/// Source: Chen et al., *DHA: Learning Decoupled-Head Attention from Transformer Checkpoints via Adaptive Heads Fusion*, 2024, arXiv 2406.06567, by its abstract: that keys and values are grouped by themselves, that layers have
/// different numbers of groups, and that a group becomes a linear combination of its heads. The weights, the loss by which groups are found and how they are found are choices of ours.
public final class HeadFusion {

    private static final int MOST_ROUNDS = 100;

    private final double[][] inner;
    private final double energy;

    /// @param inner P, both triangles
    public HeadFusion(double[][] inner) {
        this.inner = inner;
        energy = IntStream.range(0, inner.length).mapToDouble(h -> inner[h][h]).sum();
    }

    /// How many heads there are.
    public int heads() {
        return inner.length;
    }

    /// How alike heads are: P_hj / sqrt(P_hh P_jj) `[heads, heads]`, 0 for a head that is 0 everywhere.
    public double[][] cosines() {
        int n = inner.length;
        double[][] out = new double[n][n];
        for (int h = 0; h < n; h++) {
            for (int j = 0; j < n; j++) {
                double norm = Math.sqrt(inner[h][h] * inner[j][j]);
                out[h][j] = norm > 0 ? inner[h][j] / norm : 0;
            }
        }
        return out;
    }

    /// What the heads of a group count by; they sum to 1.
    public double[] weights(int[] group) {
        double sum = Arrays.stream(group).mapToDouble(h -> inner[h][h]).sum();
        return Arrays.stream(group).mapToDouble(h -> sum > 0 ? inner[h][h] / sum : 1.0 / group.length).toArray();
    }

    /// The loss of a group with weights of its own.
    public double loss(int[] group, double[] weights) {
        if (energy == 0 || group.length == 1) {
            return 0;
        }
        double own = 0;
        double both = 0;
        double mean = 0;
        for (int i = 0; i < group.length; i++) {
            own += inner[group[i]][group[i]];
            for (int j = 0; j < group.length; j++) {
                both += weights[j] * inner[group[i]][group[j]];
                mean += weights[i] * weights[j] * inner[group[i]][group[j]];
            }
        }
        return Math.max(0, own - 2 * both + group.length * mean) / energy;
    }

    /// The loss of a group, from 0.
    public double loss(int[] group) {
        return loss(group, weights(group));
    }

    /// The loss of all groups of a layer.
    public double loss(int[][] groups) {
        return Arrays.stream(groups).mapToDouble(this::loss).sum();
    }

    // --- as many of every layer, keys and values alike

    /// The number of groups of one size that is nearest to what a share leaves; of two equally near the greater.
    public static int staying(int heads, double share) {
        double wanted = (1 - share) * heads;
        return IntStream.rangeClosed(1, heads).filter(n -> heads % n == 0).boxed().min(Comparator.<Integer>comparingDouble(n -> Math.abs(n - wanted)).thenComparing(Comparator.reverseOrder())).orElseThrow();
    }

    /// Groups of one size, found by exchanging heads between groups for as long as that lowers the loss: from neighbours, and from groups that grow by whoever adds least. The better of the two.
    ///
    /// @param together whose losses are added: of keys and of values, where both are grouped alike
    /// @param size of a group; the number of heads is a multiple of it
    public static int[][] balanced(List<HeadFusion> together, int size) {
        int heads = together.getFirst().heads();
        ToDoubleFunction<int[]> loss = group -> together.stream().mapToDouble(f -> f.loss(group)).sum();
        int[][] neighbours = IntStream.range(0, heads / size).mapToObj(g -> IntStream.range(g * size, (g + 1) * size).toArray()).toArray(int[][]::new);
        if (size == 1 || size == heads) {
            return neighbours;
        }
        exchange(neighbours, loss);
        int[][] grown = grown(heads, size, loss);
        exchange(grown, loss);
        return ordered(sum(grown, loss) < sum(neighbours, loss) - 1e-12 ? grown : neighbours);
    }

    private static double sum(int[][] groups, ToDoubleFunction<int[]> loss) {
        return Arrays.stream(groups).mapToDouble(loss).sum();
    }

    private static int[][] grown(int heads, int size, ToDoubleFunction<int[]> loss) {
        List<Integer> left = new ArrayList<>(IntStream.range(0, heads).boxed().toList());
        int[][] out = new int[heads / size][];
        for (int g = 0; g < out.length; g++) {
            int[] best = null;
            for (int a : left) {
                for (int b : left) {
                    if (a < b && (best == null || loss.applyAsDouble(new int[] {a, b}) < loss.applyAsDouble(best))) {
                        best = new int[] {a, b};
                    }
                }
            }
            for (int h : best) {
                left.remove((Integer) h);
            }
            while (best.length < size) {
                int[] group = best;
                int next = left.stream().min(Comparator.comparingDouble(h -> loss.applyAsDouble(with(group, h)))).orElseThrow();
                best = with(group, next);
                left.remove((Integer) next);
            }
            out[g] = best;
        }
        return out;
    }

    private static int[] with(int[] group, int... more) {
        return IntStream.concat(Arrays.stream(group), Arrays.stream(more)).toArray();
    }

    private static void exchange(int[][] groups, ToDoubleFunction<int[]> loss) {
        boolean better = true;
        for (int round = 0; round < MOST_ROUNDS && better; round++) {
            better = false;
            for (int a = 0; a < groups.length; a++) {
                for (int b = a + 1; b < groups.length; b++) {
                    for (int i = 0; i < groups[a].length; i++) {
                        for (int j = 0; j < groups[b].length; j++) {
                            int[] one = groups[a].clone();
                            int[] other = groups[b].clone();
                            one[i] = groups[b][j];
                            other[j] = groups[a][i];
                            if (loss.applyAsDouble(one) + loss.applyAsDouble(other) < loss.applyAsDouble(groups[a]) + loss.applyAsDouble(groups[b]) - 1e-12) {
                                groups[a] = one;
                                groups[b] = other;
                                better = true;
                            }
                        }
                    }
                }
            }
        }
    }

    /// Heads of a group in order, groups by their first.
    private static int[][] ordered(int[][] groups) {
        return Arrays.stream(groups).map(g -> Arrays.stream(g).sorted().toArray()).sorted(Comparator.comparingInt(g -> g[0])).toArray(int[][]::new);
    }

    // --- numbers shared out among layers

    /// Groups of all layers together: the two groups whose union adds least to the loss become one, whatever their layer, until so many are left. Every layer keeps one.
    ///
    /// @param layers heads by layer
    /// @param stay how many groups stay in all layers together
    public static Map<Integer, int[][]> shared(Map<Integer, HeadFusion> layers, int stay) {
        Map<Integer, List<int[]>> groups = new TreeMap<>();
        Map<Integer, Union> best = new TreeMap<>();
        layers.forEach((l, f) -> {
            groups.put(l, new ArrayList<>(IntStream.range(0, f.heads()).mapToObj(h -> new int[] {h}).toList()));
            best.put(l, f.union(groups.get(l)));
        });
        int count = layers.values().stream().mapToInt(HeadFusion::heads).sum();
        while (count > stay) {
            int layer = -1;
            for (Map.Entry<Integer, Union> e : best.entrySet()) {
                if (e.getValue() != null && (layer < 0 || e.getValue().added < best.get(layer).added)) {
                    layer = e.getKey();
                }
            }
            if (layer < 0) {
                break;
            }
            List<int[]> own = groups.get(layer);
            int[] second = own.remove(best.get(layer).second);
            own.set(best.get(layer).first, with(own.get(best.get(layer).first), second));
            best.put(layer, layers.get(layer).union(own));
            count--;
        }
        Map<Integer, int[][]> out = new TreeMap<>();
        groups.forEach((l, own) -> out.put(l, ordered(own.toArray(int[][]::new))));
        return out;
    }

    /// Two groups by their places in the list, and what their union adds to the loss.
    private record Union(int first, int second, double added) {}

    /// The two of some groups whose union adds least; null where there is one group.
    private Union union(List<int[]> groups) {
        Union best = null;
        for (int a = 0; a < groups.size(); a++) {
            for (int b = a + 1; b < groups.size(); b++) {
                double added = loss(with(groups.get(a), groups.get(b))) - loss(groups.get(a)) - loss(groups.get(b));
                best = best == null || added < best.added ? new Union(a, b, added) : best;
            }
        }
        return best;
    }

    // --- how a stock model holds it

    /// The heads of a layer in cells whose members share their key and their value.
    public static int[][] cells(int[][] keys, int[][] values) {
        List<int[]> out = new ArrayList<>();
        for (int[] k : keys) {
            for (int[] v : values) {
                int[] both = Arrays.stream(k).filter(h -> Arrays.stream(v).anyMatch(o -> o == h)).toArray();
                if (both.length > 0) {
                    out.add(both);
                }
            }
        }
        return ordered(out.toArray(int[][]::new));
    }

    /// Cells cut into pieces of one size.
    ///
    /// @param size that divides the size of each
    public static int[][] pieces(int[][] cells, int size) {
        return Arrays.stream(cells).flatMap(c -> IntStream.range(0, c.length / size).mapToObj(i -> Arrays.copyOfRange(c, i * size, (i + 1) * size))).toArray(int[][]::new);
    }
}
