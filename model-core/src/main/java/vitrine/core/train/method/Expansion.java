package vitrine.core.train.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import vitrine.core.backward.Parameter;
import vitrine.core.tensor.Shape;
import vitrine.core.tensor.kernel.Parallel;
import vitrine.core.train.Randomness;

/// APEX's operator on the units of one block: channels of an MLP, or the places of heads. Of the chosen channels the first n are the weak ones (N), the
/// next n the strong ones (P), the rest are tuned plainly (E). For the rows (or columns) of each matrix:
///
///     N' = diag(c) (N + S_N) + M (P + S_P)      P' = diag(e) (P + S_P)      E' = E + S_E
///
/// M and c are shared by all matrices of the block; e belongs to matrices of rows, and is 1 for those of columns. At first S = 0, c = e = 1 and M = 0, so that nothing
/// is changed. The matrices themselves always hold the result: fusing is to begin again from it.
final class Expansion {

    /// One matrix of the block.
    ///
    /// @param plain whether its lanes are only tuned, not expanded
    /// @param copies how often the channels stand in it (query heads of one kv head)
    private record Strand(Parameter weight, boolean columns, boolean plain, int copies, Parameter s, Parameter e, int[][] lanes, float[][] base) {
        int width() {
            return (int) weight.shape().size(columns ? 0 : 1);
        }

        long place(int lane, int i) {
            return columns ? (long) i * weight.shape().size(1) + lane : (long) lane * weight.shape().size(1) + i;
        }
    }

    private final String name;
    private final int weak;
    private final int channels;
    private final Arena arena;
    private final Parameter c;
    private final Parameter first;
    private final Parameter second;
    private final Monarch monarch;
    private final List<Strand> strands = new ArrayList<>();

    /// @param weak n, channels that are weak, and as many that are strong
    /// @param channels all that are chosen
    Expansion(String name, int weak, int channels, Arena arena) {
        this.name = name;
        this.weak = weak;
        this.channels = channels;
        this.arena = arena;
        monarch = Monarch.of(weak);
        c = Parameter.zeros(name + ".c", Shape.of(weak), arena);
        first = Parameter.zeros(name + ".monarch_first", Shape.of(monarch.blocks(), monarch.size(), monarch.size()), arena);
        second = Parameter.zeros(name + ".monarch_second", Shape.of(monarch.size(), monarch.blocks(), monarch.blocks()), arena);
    }

    void add(String kind, Parameter weight, boolean columns, boolean plain, int copies) {
        int width = (int) weight.shape().size(columns ? 0 : 1);
        Parameter s = Parameter.zeros(name + "." + kind + ".s", Shape.of((long) copies * channels, width), arena);
        Parameter e = columns || plain ? null : Parameter.zeros(name + "." + kind + ".e", Shape.of((long) copies * weak), arena);
        strands.add(new Strand(weight, columns, plain, copies, s, e, new int[copies][channels], new float[copies * channels][width]));
    }

    /// What is trained.
    List<Parameter> trained() {
        List<Parameter> out = new ArrayList<>(List.of(c, first, second));
        for (Strand s : strands) {
            out.add(s.s);
            if (s.e != null) {
                out.add(s.e);
            }
        }
        return out;
    }

    /// Begins anew on other channels, from what the matrices hold now.
    ///
    /// @param lanes `lanes[strand][copy][channel]`: rows or columns, weak ones first, then strong ones
    void begin(int[][][] lanes, Randomness randomness, long number) {
        fill(c, 1);
        second.data().fill((byte) 0);
        double bound = 1 / Math.sqrt(monarch.size());
        for (int i = 0; i < first.elements(); i++) {
            first.data().setAtIndex(JAVA_FLOAT, i, (float) ((2 * randomness.uniform(Randomness.Stream.INITIAL, number, i) - 1) * bound));
        }
        for (int k = 0; k < strands.size(); k++) {
            Strand s = strands.get(k);
            s.s.data().fill((byte) 0);
            if (s.e != null) {
                fill(s.e, 1);
            }
            for (int copy = 0; copy < s.copies; copy++) {
                System.arraycopy(lanes[k][copy], 0, s.lanes[copy], 0, channels);
                for (int u = 0; u < channels; u++) {
                    float[] row = s.base[copy * channels + u];
                    for (int i = 0; i < row.length; i++) {
                        row[i] = s.weight.data().getAtIndex(JAVA_FLOAT, s.place(s.lanes[copy][u], i));
                    }
                }
            }
        }
    }

    private static void fill(Parameter p, float value) {
        for (long i = 0; i < p.elements(); i++) {
            p.data().setAtIndex(JAVA_FLOAT, i, value);
        }
    }

    /// Puts the operator's result into the matrices.
    void apply() {
        float[] cs = c.toArray();
        double[] m = monarch.dense(first.toArray(), second.toArray());
        for (Strand s : strands) {
            float[] delta = s.s.toArray();
            float[] es = s.e == null ? null : s.e.toArray();
            int width = s.width();
            for (int copy = 0; copy < s.copies; copy++) {
                int at = copy;
                Parallel.over(channels, 8, (from, to) -> {
                    double[] row = new double[width];
                    for (int u = from; u < to; u++) {
                        lane(s, delta, at, u, row);
                        if (!s.plain && u < weak) {
                            scale(row, cs[u]);
                            for (int p = 0; p < weak; p++) {
                                double f = m[u * weak + p];
                                if (f != 0) {
                                    addLane(s, delta, at, weak + p, f, row);
                                }
                            }
                        } else if (!s.plain && es != null && u < 2 * weak) {
                            scale(row, es[at * weak + u - weak]);
                        }
                        for (int i = 0; i < width; i++) {
                            s.weight.data().setAtIndex(JAVA_FLOAT, s.place(s.lanes[at][u], i), (float) row[i]);
                        }
                    }
                });
            }
        }
    }

    private void lane(Strand s, float[] delta, int copy, int u, double[] out) {
        java.util.Arrays.fill(out, 0);
        addLane(s, delta, copy, u, 1, out);
    }

    private void addLane(Strand s, float[] delta, int copy, int u, double factor, double[] out) {
        int row = copy * channels + u;
        float[] base = s.base[row];
        for (int i = 0; i < out.length; i++) {
            out[i] += factor * ((double) base[i] + delta[row * out.length + i]);
        }
    }

    private static void scale(double[] row, double by) {
        for (int i = 0; i < row.length; i++) {
            row[i] *= by;
        }
    }

    /// The gradients of what is trained from those of the matrices.
    void gradients() {
        trained().forEach(Parameter::clear);
        float[] cs = c.toArray();
        float[] f1 = first.toArray();
        float[] f2 = second.toArray();
        double[] m = monarch.dense(f1, f2);
        double[] dm = new double[weak * weak];
        double[] dc = new double[weak];
        for (Strand s : strands) {
            float[] delta = s.s.toArray();
            float[] es = s.e == null ? null : s.e.toArray();
            int width = s.width();
            double[][] g = new double[channels][width];
            double[][] sums = new double[weak * 2][width];
            for (int copy = 0; copy < s.copies; copy++) {
                MemorySegment d = s.weight.gradient();
                for (int u = 0; u < channels; u++) {
                    for (int i = 0; i < width; i++) {
                        g[u][i] = d.getAtIndex(JAVA_FLOAT, s.place(s.lanes[copy][u], i));
                    }
                    if (!s.plain && u < 2 * weak) {
                        lane(s, delta, copy, u, sums[u]);
                    }
                }
                if (s.plain) {
                    put(s, copy, 0, g);
                    continue;
                }
                for (int u = 0; u < weak; u++) {
                    dc[u] += dot(g[u], sums[u]);
                    if (es != null) {
                        s.e.gradient().setAtIndex(JAVA_FLOAT, (long) copy * weak + u, (float) dot(g[weak + u], sums[weak + u]));
                    }
                }
                double[][] ds = new double[channels][];
                int at = copy;
                Parallel.over(channels, 8, (from, to) -> {
                    for (int u = from; u < to; u++) {
                        double[] row = g[u].clone();
                        if (u < weak) {
                            scale(row, cs[u]);
                            for (int p = 0; p < weak; p++) {
                                dm[u * weak + p] += dot(g[u], sums[weak + p]);
                            }
                        } else if (u < 2 * weak) {
                            if (es != null) {
                                scale(row, es[at * weak + u - weak]);
                            }
                            for (int n = 0; n < weak; n++) {
                                double f = m[n * weak + u - weak];
                                for (int i = 0; f != 0 && i < width; i++) {
                                    row[i] += f * g[n][i];
                                }
                            }
                        }
                        ds[u] = row;
                    }
                });
                put(s, copy, 0, ds);
            }
        }
        double[] d1 = new double[f1.length];
        double[] d2 = new double[f2.length];
        monarch.gradients(dm, f1, f2, d1, d2);
        set(c, dc);
        set(first, d1);
        set(second, d2);
    }

    private void put(Strand s, int copy, int from, double[][] rows) {
        for (int u = from; u < channels; u++) {
            for (int i = 0; i < rows[u].length; i++) {
                s.s.gradient().setAtIndex(JAVA_FLOAT, (long) (copy * channels + u) * rows[u].length + i, (float) rows[u][i]);
            }
        }
    }

    private static void set(Parameter p, double[] gradient) {
        for (int i = 0; i < gradient.length; i++) {
            p.gradient().setAtIndex(JAVA_FLOAT, i, (float) gradient[i]);
        }
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    // --- to be remembered

    void remember(Map<String, float[]> into) {
        for (int k = 0; k < strands.size(); k++) {
            Strand s = strands.get(k);
            float[] lanes = new float[s.copies * channels];
            float[] base = new float[lanes.length * s.width()];
            for (int i = 0; i < lanes.length; i++) {
                lanes[i] = s.lanes[i / channels][i % channels];
                System.arraycopy(s.base[i], 0, base, i * s.width(), s.width());
            }
            into.put(name + "." + k + ".lanes", lanes);
            into.put(name + "." + k + ".base", base);
        }
    }

    void restore(Map<String, float[]> from) {
        for (int k = 0; k < strands.size(); k++) {
            Strand s = strands.get(k);
            float[] lanes = from.get(name + "." + k + ".lanes");
            float[] base = from.get(name + "." + k + ".base");
            for (int i = 0; i < lanes.length; i++) {
                s.lanes[i / channels][i % channels] = (int) lanes[i];
                System.arraycopy(base, i * s.width(), s.base[i], 0, s.width());
            }
        }
    }
}
