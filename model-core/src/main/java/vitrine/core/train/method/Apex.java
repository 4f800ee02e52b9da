package vitrine.core.train.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import vitrine.core.architecture.AttentionLoops;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.backward.LossPass;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.backward.Watch;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.Matrix;
import vitrine.core.train.AdamW;
import vitrine.core.train.Batches;
import vitrine.core.train.Randomness;

/// APEX: heads and channels that are strongly active are mixed into weakly active ones through an operator that melts into the weights ([Expansion]).
///
/// Per layer and batch the units are ranked by the norm of what they put out (a head's output over all tokens; a channel's activated gate): +1 to the k
/// largest, -1 to the k smallest, summed over batches. The highest become the strong units, the lowest the weak ones, the next lowest are tuned as they are.
/// At a stage's end the operator is part of the weights, the units are ranked anew by the stage's own batches, and it begins again elsewhere: who was weak
/// once is not weak again. A kv head goes with its query heads. Embeddings and head are trained; norms and biases rest.
///
/// Source: Gu et al., *Advantageous Parameter Expansion Training Makes Better Large Language Models*, 2025 (arXiv 2505.24241), shares as in its published code.
public final class Apex extends FullTuning {

    /// The share of units that are strong, and as many that are weak.
    private static final double STRONG = 0.1875;
    private static final double TUNED_HEADS = 0.5625;
    private static final double TUNED_CHANNELS = 0.465;

    /// The units of one block of one layer.
    private final class Block {
        final int units;
        final int size;
        final int strong;
        final int tuned;
        final Expansion expansion;
        final double[] squares;
        final float[] scores;
        final float[] wasWeak;
        final List<int[][]> shapes = new ArrayList<>();

        Block(String name, int units, int size, int strong, int tuned, Parameters of) {
            this.units = units;
            this.size = size;
            this.strong = strong;
            this.tuned = tuned;
            expansion = new Expansion(name, strong * size, tuned * size, of.arena());
            squares = new double[units];
            scores = new float[units];
            wasWeak = new float[units];
        }

        /// @param copies where each copy's first channel of a unit stands: `copies[j][unit]`
        void strand(String kind, Linear l, Parameters of, boolean columns, boolean plain, int[][] copies) {
            expansion.add(kind, of.get(l.weight()), columns, plain, copies.length);
            shapes.add(copies);
        }

        void rank() {
            Integer[] order = order(Arrays.stream(squares).boxed().toArray(Double[]::new));
            for (int i = 0; i < strong; i++) {
                scores[order[i]] -= 1;
                scores[order[units - 1 - i]] += 1;
            }
            Arrays.fill(squares, 0);
        }

        void begin(long number) {
            int[][][] lanes = new int[shapes.size()][][];
            int[] chosen = choose(scores, wasWeak, strong, tuned);
            for (int i = 0; i < strong; i++) {
                wasWeak[chosen[i]] = 1;
            }
            for (int k = 0; k < lanes.length; k++) {
                lanes[k] = Arrays.stream(shapes.get(k)).map(starts -> Arrays.stream(chosen).flatMap(u -> IntStream.range(starts[u], starts[u] + size)).toArray()).toArray(int[][]::new);
            }
            expansion.begin(lanes, randomness, number);
            Arrays.fill(scores, 0);
        }
    }

    private final int stages;
    private final int assessed;
    private final Randomness randomness;
    private final Map<Integer, Block> heads = new LinkedHashMap<>();
    private final Map<Integer, Block> channels = new LinkedHashMap<>();
    private final Set<String> matrices = new HashSet<>();
    private List<Parameter> changing;
    private int stage;

    /// @param stages how often the units are chosen
    /// @param assessed samples that the first choice looks at
    public Apex(int stages, int assessed, Randomness randomness) {
        this.stages = stages;
        this.assessed = assessed;
        this.randomness = randomness;
    }

    /// The units in the order weak, strong, tuned.
    ///
    /// @param excluded 1 where a unit was weak before
    static int[] choose(float[] scores, float[] excluded, int strong, int tuned) {
        Integer[] order = order(IntStream.range(0, scores.length).mapToObj(i -> (double) scores[i]).toArray(Double[]::new));
        List<Integer> high = new ArrayList<>();
        for (int i = scores.length - 1; high.size() < strong; i--) {
            high.add(order[i]);
        }
        List<Integer> low = new ArrayList<>(Arrays.stream(order).filter(u -> excluded[u] == 0 && !high.contains(u)).limit(strong).toList());
        // Where all have had their turn, they take another.
        Arrays.stream(order).filter(u -> !high.contains(u) && !low.contains(u)).limit(strong - low.size()).forEach(low::add);
        List<Integer> rest = Arrays.stream(order).filter(u -> !high.contains(u) && !low.contains(u)).limit(tuned - 2L * strong).toList();
        return java.util.stream.Stream.of(low, high, rest).flatMap(List::stream).mapToInt(Integer::intValue).toArray();
    }

    private static Integer[] order(Double[] values) {
        Integer[] order = new Integer[values.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparing((Integer i) -> values[i]).thenComparing(i -> i));
        return order;
    }

    @Override
    public boolean trains(NamedTensor tensor) {
        return tensor.shape().rank() == 2;
    }

    @Override
    public void prepare(Parameters of, Randomness r) {
        requireTrainable(of.spec(), of.checkpoint().path());
        for (LayerSpec l : of.spec().layers()) {
            attention(l, (Separate) l.attention().projection(), of);
            feedForward(l, (FeedForward.Gated) l.feedForward(), of);
        }
        if (channels.isEmpty()) {
            throw Refusal.of(Category.FAMILY_UNSUPPORTED, of.checkpoint().path(), "its blocks are too small for apex");
        }
        changing = new ArrayList<>(of.trained().stream().filter(p -> !matrices.contains(p.name())).toList());
        for (Map<Integer, Block> blocks : List.of(heads, channels)) {
            for (Block b : blocks.values()) {
                changing.addAll(b.expansion.trained());
                b.expansion.trained().forEach(of::train);
            }
        }
    }

    /// Refuses models whose blocks it cannot take apart.
    public static void requireTrainable(ModelSpec spec, Path checkpoint) {
        for (LayerSpec l : spec.layers()) {
            if (l.loops() != null) {
                throw Refusal.of(Category.FAMILY_UNSUPPORTED, checkpoint, "its %s says that layer %d repeats its attention, whose heads apex would mix", AttentionLoops.FILE, l.index());
            }
            if (!(l.attention().projection() instanceof Separate s) || s.query().inputMajor() || !(l.feedForward() instanceof FeedForward.Gated)) {
                throw Refusal.of(Category.FAMILY_UNSUPPORTED, checkpoint, "layer %d has %s, which apex does not take apart", l.index(),
                        l.feedForward() instanceof FeedForward.Mixture ? "experts" : "fused projections or no gate")
                        .help("apex trains dense models with separate queries, keys and values and a gated feed-forward block.");
            }
        }
    }

    /// About how many values are trained: deltas of the chosen rows and columns, embeddings and head; the operators beside them are few.
    public static long trained(ModelSpec spec) {
        long sum = 0;
        Set<String> own = new HashSet<>();
        for (LayerSpec l : spec.layers()) {
            Separate s = (Separate) l.attention().projection();
            FeedForward.Gated g = (FeedForward.Gated) l.feedForward();
            for (Linear m : List.of(s.query(), s.key(), s.value(), l.attention().output(), g.gate(), g.up(), g.down())) {
                own.add(m.weight());
                boolean channel = m == g.gate() || m == g.up() || m == g.down();
                sum += Math.round((channel ? TUNED_CHANNELS : TUNED_HEADS) * m.in() * m.out());
            }
        }
        for (NamedTensor t : NamedTensor.of(spec)) {
            sum += t.shape().rank() == 2 && !own.contains(t.name()) ? t.shape().elements() : 0;
        }
        return sum;
    }

    private void attention(LayerSpec l, Separate s, Parameters of) {
        AttentionSpec a = l.attention();
        for (Linear m : List.of(s.query(), s.key(), s.value(), a.output())) {
            matrices.add(m.weight());
        }
        int units = a.keyValueHeads();
        int strong = (int) Math.max(1, Math.round(STRONG * units));
        if (2 * strong > units) {
            return;
        }
        int tuned = (int) Math.clamp(Math.round(TUNED_HEADS * units), 2 * strong, units);
        // A head's places in keys and queries are as many as in values for every family that comes here.
        Block b = new Block("apex." + l.index() + ".attention", units, a.headDim(), strong, tuned, of);
        int[][] own = {IntStream.range(0, units).map(u -> u * a.headDim()).toArray()};
        int[][] group = IntStream.range(0, a.groupSize()).mapToObj(j -> IntStream.range(0, units).map(u -> (u * a.groupSize() + j) * a.headDim()).toArray()).toArray(int[][]::new);
        b.strand("v", s.value(), of, false, false, own);
        b.strand("o", a.output(), of, true, false, group);
        b.strand("q", s.query(), of, false, true, group);
        b.strand("k", s.key(), of, false, true, own);
        heads.put(l.index(), b);
    }

    private void feedForward(LayerSpec l, FeedForward.Gated g, Parameters of) {
        for (Linear m : List.of(g.gate(), g.up(), g.down())) {
            matrices.add(m.weight());
        }
        int units = g.up().out();
        int strong = (int) Math.round(STRONG * units);
        if (strong < 1) {
            return;
        }
        Block b = new Block("apex." + l.index() + ".channels", units, 1, strong, (int) Math.clamp(Math.round(TUNED_CHANNELS * units), 2 * strong, units), of);
        int[][] own = {IntStream.range(0, units).toArray()};
        b.strand("gate", g.gate(), of, false, false, own);
        b.strand("up", g.up(), of, false, false, own);
        b.strand("down", g.down(), of, true, false, own);
        channels.put(l.index(), b);
    }

    /// Whether a tensor is changed by the optimiser itself rather than through the operators.
    @Override
    public boolean stepped(Parameter p) {
        return !matrices.contains(p.name());
    }

    @Override
    public void begin(LossPass pass, Batches batches, boolean fresh, Progress progress) {
        pass.watch(new Activity());
        if (!fresh) {
            return;
        }
        int seen = 0;
        for (long step = 1; seen < Math.min(assessed, batches.samples()); step++) {
            List<List<LossPass.Sequence>> samples = batches.step(step);
            for (List<LossPass.Sequence> sample : samples) {
                progress.checkCancelled();
                pass.evaluate(sample, progress);
                seen++;
            }
            rank();
        }
        select();
    }

    private void rank() {
        heads.values().forEach(Block::rank);
        channels.values().forEach(Block::rank);
    }

    private void select() {
        long number = 4096L * stage++;
        for (Map<Integer, Block> blocks : List.of(heads, channels)) {
            for (Block b : blocks.values()) {
                b.begin(number++);
            }
        }
    }

    private final class Activity implements Watch {
        @Override
        public void heads(int layer, Matrix z) {
            Block b = heads.get(layer);
            if (b != null) {
                add(b.squares, z, z.columns() / b.units);
            }
        }

        @Override
        public void channels(int layer, Matrix gates) {
            add(channels.get(layer).squares, gates, 1);
        }

        private void add(double[] squares, Matrix values, int size) {
            for (int t = 0; t < values.rows(); t++) {
                for (int i = 0; i < values.columns(); i++) {
                    double v = values.data().get(JAVA_FLOAT, values.rowOffset(t) + 4L * i);
                    squares[i / size] += v * v;
                }
            }
        }
    }

    @Override
    public List<Parameter> choose(long step, List<Parameter> trained, AdamW optimiser) {
        // Validation passes are seen too, and are not what units are ranked by.
        heads.values().forEach(b -> Arrays.fill(b.squares, 0));
        channels.values().forEach(b -> Arrays.fill(b.squares, 0));
        return changing;
    }

    @Override
    public void gradients() {
        rank();
        heads.values().forEach(b -> b.expansion.gradients());
        channels.values().forEach(b -> b.expansion.gradients());
    }

    @Override
    public void after(long step, long steps, AdamW optimiser) {
        heads.values().forEach(b -> b.expansion.apply());
        channels.values().forEach(b -> b.expansion.apply());
        if (step < steps && step % Math.max(1, Math.ceilDiv(steps, stages)) == 0) {
            select();
            for (Map<Integer, Block> blocks : List.of(heads, channels)) {
                blocks.values().forEach(b -> b.expansion.trained().forEach(p -> optimiser.moments(p).clear()));
            }
        }
    }

    @Override
    public Map<String, Double> figures() {
        return Map.of("stage", (double) stage);
    }

    @Override
    public Map<String, float[]> memory() {
        Map<String, float[]> out = new HashMap<>();
        out.put("apex.stage", new float[] {stage});
        for (Map<Integer, Block> blocks : List.of(heads, channels)) {
            blocks.forEach((layer, b) -> {
                b.expansion.remember(out);
                String name = "apex." + layer + (blocks == heads ? ".attention" : ".channels");
                out.put(name + ".scores", b.scores.clone());
                out.put(name + ".was_weak", b.wasWeak.clone());
            });
        }
        return out;
    }

    @Override
    public void remember(Map<String, float[]> memory) {
        stage = (int) memory.get("apex.stage")[0];
        for (Map<Integer, Block> blocks : List.of(heads, channels)) {
            blocks.forEach((layer, b) -> {
                b.expansion.restore(memory);
                String name = "apex." + layer + (blocks == heads ? ".attention" : ".channels");
                System.arraycopy(memory.get(name + ".scores"), 0, b.scores, 0, b.units);
                System.arraycopy(memory.get(name + ".was_weak"), 0, b.wasWeak, 0, b.units);
            });
        }
    }

    @Override
    public void write(Parameters parameters, Path folder, ObjectNode summary) throws IOException {
        super.write(parameters, folder, summary);
        summary.put("stages", stage);
    }
}
