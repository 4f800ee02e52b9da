package vitrine.core.train.method;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import vitrine.core.architecture.AttentionLoops;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.backward.LossPass;
import vitrine.core.backward.Looping;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.train.AdamW;
import vitrine.core.train.Batches;
import vitrine.core.train.Randomness;

/// SGT: full fine-tuning during which attention of some layers begins to run twice, with the heads whose attention is most spread out.
///
/// Entropies follow each step: half the old, half the step's mean over its sequences. For a head that is kept they are those of the deepest run, for
/// all others those of the first. What is chosen when, see [Growth].
///
/// The result is a checkpoint whose weights alone are not the model: `attention_loops.json` beside them says what loops.
///
/// Source: Chen et al., *Sparse Growing Transformer*, 2026, arXiv 2603.23998.
public final class SparseGrowing extends FullTuning implements Looping {

    private final Growth.Settings settings;
    private Growth growth;
    private float[][] average;
    private boolean[] known;
    private double[][] first;
    private double[][] deepest;
    private int[] sequences;
    private long done;

    /// @param window steps between selections
    /// @param layers layers that may be chosen, and that a selection looks at
    /// @param loops repetitions of a layer at most
    /// @param heads heads of a layer that stay
    public SparseGrowing(long window, int layers, int loops, int heads) {
        settings = new Growth.Settings(window, layers, layers, loops, heads);
    }

    /// Refuses models whose attention it does not repeat.
    public static void requireTrainable(ModelSpec spec, Path checkpoint) {
        for (LayerSpec l : spec.layers()) {
            String what = AttentionLoops.cannotRepeat(l);
            if (what != null) {
                throw Refusal.of(Category.FAMILY_UNSUPPORTED, checkpoint, "layer %d has %s, which sgt does not repeat", l.index(), what)
                        .help("sgt trains dense decoders whose attention sees all that came before.");
            }
            if (l.loops() != null) {
                throw Refusal.of(Category.FAMILY_UNSUPPORTED, checkpoint, "its %s says that layer %d repeats its attention already, and sgt begins with a model that does not loop", AttentionLoops.FILE, l.index())
                        .help("Other methods go on with the loops as they are.");
            }
        }
    }

    @Override
    public void prepare(Parameters parameters, Randomness randomness) {
        ModelSpec spec = parameters.spec();
        requireTrainable(spec, parameters.checkpoint().path());
        int[] heads = spec.layers().stream().mapToInt(l -> l.attention().heads()).toArray();
        growth = new Growth(settings, heads);
        average = new float[heads.length][];
        first = new double[heads.length][];
        deepest = new double[heads.length][];
        known = new boolean[heads.length];
        sequences = new int[heads.length];
        for (int l = 0; l < heads.length; l++) {
            average[l] = new float[heads[l]];
            first[l] = new double[heads[l]];
            deepest[l] = new double[heads[l]];
        }
    }

    @Override
    public void begin(LossPass pass, Batches batches, boolean fresh, Progress progress) {
        pass.loop(this);
    }

    @Override
    public List<Parameter> choose(long step, List<Parameter> trained, AdamW optimiser) {
        done = step - 1;
        for (int l = 0; l < first.length; l++) {
            Arrays.fill(first[l], 0);
            Arrays.fill(deepest[l], 0);
            sequences[l] = 0;
        }
        return trained;
    }

    @Override
    public int loops(int layer) {
        return growth.loops(layer);
    }

    @Override
    public float[] factors(int layer) {
        return growth.factors(layer, done);
    }

    @Override
    public void entropies(int layer, int run, double[] entropies, int count) {
        for (int h = 0; h < entropies.length; h++) {
            first[layer][h] += run == 0 ? entropies[h] : 0;
            deepest[layer][h] += run == growth.loops(layer) ? entropies[h] : 0;
        }
        sequences[layer] += run == 0 ? count : 0;
    }

    @Override
    public void after(long step, long steps, AdamW optimiser) {
        for (int l = 0; l < average.length; l++) {
            if (sequences[l] == 0) {
                continue;
            }
            for (int h = 0; h < average[l].length; h++) {
                double now = (growth.kept(l, h) ? deepest : first)[l][h] / sequences[l];
                average[l][h] = (float) (known[l] ? 0.5 * average[l][h] + 0.5 * now : now);
            }
            known[l] = true;
        }
        growth.after(step, average);
        done = step;
    }

    /// Steps between choices.
    public long window() {
        return growth.window();
    }

    /// Repetitions of each layer's attention as they are now, `[layers]`.
    public int[] loops() {
        return IntStream.range(0, average.length).map(growth::loops).toArray();
    }

    /// The entropies that the next choice goes by, `[layers][heads]`.
    public float[][] entropies() {
        return Arrays.stream(average).map(float[]::clone).toArray(float[][]::new);
    }

    @Override
    public Map<String, Double> figures() {
        return Map.of("attention_loops", (double) IntStream.of(loops()).sum());
    }

    @Override
    public Map<String, float[]> memory() {
        Map<String, float[]> out = new LinkedHashMap<>();
        out.put("sgt.growth", growth.toArray());
        for (int l = 0; l < average.length; l++) {
            out.put("sgt.entropy." + l, average[l].clone());
        }
        float[] k = new float[known.length];
        for (int l = 0; l < k.length; l++) {
            k[l] = known[l] ? 1 : 0;
        }
        out.put("sgt.known", k);
        // In two parts: a float holds whole numbers to 2^24 only.
        // A run that is extended keeps the windows it began with, whose default goes by the number of steps.
        out.put("sgt.window", new float[] {growth.window() >> 20, growth.window() & (1 << 20) - 1});
        out.put("sgt.done", new float[] {done >> 20, done & (1 << 20) - 1});
        return out;
    }

    @Override
    public void remember(Map<String, float[]> memory) {
        growth.set(memory.get("sgt.growth"));
        float[] k = memory.get("sgt.known");
        float[] d = memory.get("sgt.done");
        done = ((long) d[0] << 20) + (long) d[1];
        float[] w = memory.get("sgt.window");
        growth.window(((long) w[0] << 20) + (long) w[1]);
        for (int l = 0; l < average.length; l++) {
            average[l] = memory.get("sgt.entropy." + l).clone();
            known[l] = k[l] == 1;
        }
    }

    @Override
    public void write(Parameters parameters, Path folder, ObjectNode summary) throws IOException {
        super.write(parameters, folder, summary);
        ArrayNode layers = Json.mapper().createArrayNode();
        for (int l = 0; l < average.length; l++) {
            if (growth.loops(l) == 0) {
                continue;
            }
            ObjectNode n = layers.addObject().put("layer", l).put("loops", growth.loops(l)).put("chosen_after_step", growth.chosenAfter(l));
            ArrayNode kept = n.putArray("heads");
            ArrayNode factors = n.putArray("factors");
            float[] f = growth.factors(l, done);
            for (int h = 0; h < f.length; h++) {
                if (growth.kept(l, h)) {
                    kept.add(h);
                }
                factors.add(f[h]);
            }
        }
        summary.put("needs_loop_runtime", !layers.isEmpty());
        if (layers.isEmpty()) {
            return;
        }
        ObjectNode all = Json.object().put("needs_loop_runtime", true).put("method", "sgt").put("grow_every", growth.window()).put("update", "h <- h + O(factors .* Attn(norm(h))) after the attention sum, before the feed-forward block");
        all.set("layers", layers);
        ArrayNode entropies = all.putArray("entropies");
        for (float[] a : average) {
            ArrayNode row = entropies.addArray();
            for (float v : a) {
                row.add(v);
            }
        }
        Files.write(folder.resolve(AttentionLoops.FILE), Json.pretty(all).getBytes(StandardCharsets.UTF_8));
    }
}
