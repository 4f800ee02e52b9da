package vitrine.core.train.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.backward.LowRank;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.train.AdamW;
import vitrine.core.train.Randomness;

/// BeamLoRA: LoRA whose ranks compete. Each rank has a gate, w = r softmax(g / tau); every T steps the ranks of all modules are pooled, those
/// beyond a share p of the whole weight are given up, and each takes over the values that a strong rank of its module had T/2 steps ago.
///
/// Written as an ordinary adapter with A' = diag(w) A; the gates are kept beside it.
///
/// Source: Gu, Zhang et al., *BeamLoRA: Beam-Constraint Low-Rank Adaptation*, ACL 2025, as in its published code; a module gives up half of its ranks at
/// most, so that none is given up and copied from at once.
public final class BeamLora extends Lora {

    private static final double SLACK = 1e-9;

    /// @param period T, even
    /// @param end the step from which nothing is given up any more
    /// @param temperature tau
    public record Beam(long period, long end, float temperature) {

        /// p at a step: from 0.95 to 1 along half a cosine.
        public double threshold(long step) {
            return step >= end ? 1 : 1 - 0.05 * (1 + Math.cos(Math.PI * step / end)) / 2;
        }
    }

    private final Beam beam;
    private final Randomness randomness;
    private final Map<String, float[]> snapshot = new LinkedHashMap<>();
    private Parameters parameters;
    private int lastPruned;

    public BeamLora(Settings settings, Beam beam, Randomness randomness) {
        super(settings);
        this.beam = beam;
        this.randomness = randomness;
    }

    @Override
    public void prepare(Parameters of, Randomness r) {
        parameters = of;
        super.prepare(of, r);
    }

    @Override
    Parameter gate(String path, Parameter a, Parameters of) {
        // Two dimensions, as it decays like A and B.
        return Parameter.zeros(path + ".gate", Shape.of(a.shape().size(0), 1), of.arena());
    }

    @Override
    float temperature() {
        return beam.temperature;
    }

    @Override
    public void after(long step, long steps, AdamW optimiser) {
        lastPruned = 0;
        if (step % beam.period != 0 && step % (beam.period / 2) == 0) {
            remember(optimiser);
        } else if (step % beam.period == 0 && steps - step >= beam.period) {
            expand(step, optimiser);
        }
    }

    private void remember(AdamW optimiser) {
        snapshot.clear();
        for (LowRank l : parameters.adapters().values()) {
            for (Parameter p : List.of(l.a(), l.b())) {
                snapshot.put(p.name(), p.toArray());
                snapshot.put(p.name() + ".m", floats(optimiser.moments(p).m(), p.elements()));
                snapshot.put(p.name() + ".v", floats(optimiser.moments(p).v(), p.elements()));
            }
        }
    }

    private static float[] floats(MemorySegment s, long count) {
        float[] out = new float[(int) count];
        MemorySegment.copy(s, JAVA_FLOAT, 0, out, 0, out.length);
        return out;
    }

    private void expand(long step, AdamW optimiser) {
        List<LowRank> modules = new ArrayList<>(parameters.adapters().values());
        double[][] scores = new double[modules.size()][];
        for (int m = 0; m < scores.length; m++) {
            float[] w = modules.get(m).weights();
            scores[m] = new double[w.length];
            for (int i = 0; i < w.length; i++) {
                scores[m][i] = w[i];
            }
        }
        int[][] pruned = pruned(scores, beam.threshold(step));
        for (int m = 0; m < scores.length; m++) {
            if (pruned[m].length > 0 && !snapshot.isEmpty()) {
                expand(modules.get(m), scores[m], pruned[m], step, m, optimiser);
                lastPruned += pruned[m].length;
            }
        }
    }

    /// The ranks of each module that are given up, weakest first.
    ///
    /// @param scores w of every module's ranks; each module's sum is its number of ranks
    public static int[][] pruned(double[][] scores, double p) {
        record Rank(int module, int rank, double w) {}
        List<Rank> pool = new ArrayList<>();
        double total = 0;
        for (int m = 0; m < scores.length; m++) {
            for (int i = 0; i < scores[m].length; i++) {
                pool.add(new Rank(m, i, scores[m][i]));
            }
            total += scores[m].length;
        }
        pool.sort(Comparator.comparingDouble((Rank r) -> -r.w).thenComparingInt(Rank::module).thenComparingInt(Rank::rank));
        List<List<Integer>> out = new ArrayList<>();
        for (int m = 0; m < scores.length; m++) {
            out.add(new ArrayList<>());
        }
        double sum = 0;
        boolean beyond = false;
        for (Rank r : pool) {
            sum += r.w;
            beyond |= sum > p * total + SLACK * total;
            if (beyond) {
                out.get(r.module).addFirst(r.rank);
            }
        }
        int[][] result = new int[scores.length][];
        for (int m = 0; m < scores.length; m++) {
            result[m] = out.get(m).stream().limit(scores[m].length / 2).mapToInt(Integer::intValue).toArray();
        }
        return result;
    }

    private void expand(LowRank l, double[] w, int[] pruned, long step, int module, AdamW optimiser) {
        Integer[] byWeight = new Integer[w.length];
        Arrays.setAll(byWeight, i -> i);
        Arrays.sort(byWeight, Comparator.comparingDouble((Integer i) -> -w[i]).thenComparing(i -> i));
        int[] order = randomness.permutation(pruned.length, Randomness.Stream.CHOICE, step * 65_536 + module);
        int r = l.rank();
        int in = (int) l.a().shape().size(1);
        int out = (int) l.b().shape().size(0);
        MemorySegment g = l.gate().data();
        for (int i = 0; i < pruned.length; i++) {
            int q = pruned[i];
            int f = byWeight[order[i]];
            copy(l.a(), optimiser, q, f, in, in, 1);
            copy(l.b(), optimiser, q, f, out, 1, r);
            float shared = (g.getAtIndex(JAVA_FLOAT, q) + g.getAtIndex(JAVA_FLOAT, f)) / 2;
            g.setAtIndex(JAVA_FLOAT, q, shared);
            g.setAtIndex(JAVA_FLOAT, f, shared);
        }
        optimiser.moments(l.gate()).m().fill((byte) 0);
        optimiser.moments(l.gate()).v().fill((byte) 0);
    }

    /// Puts the remembered values and moments of rank `f` in the place of rank `q`: `count` values, `stride` apart, from `rank * start`.
    private void copy(Parameter p, AdamW optimiser, int q, int f, int count, int start, int stride) {
        MemorySegment[] to = {p.data(), optimiser.moments(p).m(), optimiser.moments(p).v()};
        String[] names = {p.name(), p.name() + ".m", p.name() + ".v"};
        for (int k = 0; k < to.length; k++) {
            float[] from = snapshot.get(names[k]);
            for (int i = 0; i < count; i++) {
                to[k].setAtIndex(JAVA_FLOAT, (long) q * start + (long) i * stride, from[f * start + i * stride]);
            }
        }
    }

    @Override
    public Map<String, Double> figures() {
        return Map.of("pruned_ranks", (double) lastPruned);
    }

    @Override
    public Map<String, float[]> memory() {
        return snapshot;
    }

    @Override
    public void remember(Map<String, float[]> memory) {
        snapshot.clear();
        snapshot.putAll(memory);
    }

    @Override
    float[] exportedA(LowRank l) {
        float[] a = l.a().toArray();
        float[] w = l.weights();
        int in = (int) l.a().shape().size(1);
        for (int i = 0; i < a.length; i++) {
            a[i] *= w[i / in];
        }
        return a;
    }

    @Override
    public void write(Parameters of, Path folder, ObjectNode summary) throws IOException {
        super.write(of, folder, summary);
        Map<String, Declared> declared = new LinkedHashMap<>();
        of.adapters().values().forEach(l -> declared.put(l.gate().name(), new Declared(DType.F32, Shape.of(l.rank()))));
        try (SafetensorsWriter out = new SafetensorsWriter(folder.resolve("gates.safetensors"), declared, Map.of())) {
            for (LowRank l : of.adapters().values()) {
                out.write(l.gate().name(), 0, l.gate().toArray());
            }
        }
    }
}
