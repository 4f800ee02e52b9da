package vitrine.core.train.method;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// Which layers of a growing model loop, and with which heads: SGT's schedule without the model.
///
/// At the end of every window the layers but the first are ranked by score, and the best `topLayers` looked at: one of them that is chosen and has
/// loops left loops once more; else the deepest one is chosen that is not yet, and is not deeper than the shallowest chosen one; where there is none,
/// all stays as it is for good. A chosen layer keeps its heads of highest entropy; the others fade over a window.
///
/// Source: Chen et al., *Sparse Growing Transformer*, 2026, arXiv 2603.23998.
final class Growth {

    /// @param window steps between selections, the first after as many
    /// @param topLayers layers that a selection looks at
    /// @param mostLayers layers that may be chosen
    /// @param mostLoops loops of a layer beside its first run
    /// @param keptHeads heads whose loops stay
    record Settings(long window, int topLayers, int mostLayers, int mostLoops, int keptHeads) {}

    private Settings settings;
    private final int[] loops;
    private final long[] chosenAfter;
    private final boolean[][] kept;
    private boolean fixed;

    Growth(Settings settings, int[] heads) {
        this.settings = settings;
        loops = new int[heads.length];
        chosenAfter = new long[heads.length];
        kept = new boolean[heads.length][];
        for (int l = 0; l < heads.length; l++) {
            kept[l] = new boolean[heads[l]];
        }
    }

    long window() {
        return settings.window();
    }

    /// Goes on with the windows that a run began with.
    void window(long steps) {
        settings = new Settings(steps, settings.topLayers(), settings.mostLayers(), settings.mostLoops(), settings.keptHeads());
    }

    int loops(int layer) {
        return loops[layer];
    }

    boolean kept(int layer, int head) {
        return kept[layer][head];
    }

    long chosenAfter(int layer) {
        return chosenAfter[layer];
    }

    boolean fixed() {
        return fixed;
    }

    /// After a step: chooses where a window ends.
    ///
    /// @param entropies per layer and head
    void after(long step, float[][] entropies) {
        if (fixed || step % settings.window() != 0) {
            return;
        }
        List<Integer> top = IntStream.range(1, loops.length).boxed().sorted(Comparator.comparingDouble((Integer l) -> -mean(entropies[l]))).limit(settings.topLayers()).toList();
        for (int l : top) {
            if (loops[l] > 0 && loops[l] < settings.mostLoops()) {
                loops[l]++;
                return;
            }
        }
        int chosen = (int) Arrays.stream(loops).filter(n -> n > 0).count();
        int shallowest = IntStream.range(0, loops.length).filter(l -> loops[l] > 0).findFirst().orElse(loops.length);
        int next = chosen >= settings.mostLayers() ? -1 : top.stream().filter(l -> loops[l] == 0 && l <= shallowest).mapToInt(l -> l).max().orElse(-1);
        if (next < 0) {
            fixed = true;
            return;
        }
        loops[next] = 1;
        chosenAfter[next] = step;
        IntStream.range(0, kept[next].length).boxed().sorted(Comparator.comparingDouble((Integer h) -> -entropies[next][h])).limit(settings.keptHeads()).forEach(h -> kept[next][h] = true);
    }

    static double mean(float[] of) {
        double sum = 0;
        for (float v : of) {
            sum += v;
        }
        return sum / of.length;
    }

    /// What each head's repeated output counts when `done` steps are finished: 1 just after the choice, 0 a window later for those that are not kept.
    float[] factors(int layer, long done) {
        double progress = Math.clamp((done - chosenAfter[layer]) / (double) settings.window(), 0, 1);
        float fading = progress == 1 ? 0f : (float) (0.5 * (1 + Math.cos(Math.PI * progress)));
        float[] out = new float[kept[layer].length];
        for (int h = 0; h < out.length; h++) {
            out[h] = kept[layer][h] ? 1f : fading;
        }
        return out;
    }

    /// All of it as numbers: whether it is fixed, then per layer its loops, the step after which it was chosen (in two parts), and its kept heads.
    float[] toArray() {
        float[] out = new float[1 + Arrays.stream(kept).mapToInt(k -> 3 + k.length).sum()];
        out[0] = fixed ? 1 : 0;
        int at = 1;
        for (int l = 0; l < loops.length; l++) {
            out[at++] = loops[l];
            // A float holds whole numbers to 2^24 only.
            out[at++] = chosenAfter[l] >> 20;
            out[at++] = chosenAfter[l] & (1 << 20) - 1;
            for (boolean k : kept[l]) {
                out[at++] = k ? 1 : 0;
            }
        }
        return out;
    }

    void set(float[] from) {
        fixed = from[0] == 1;
        int at = 1;
        for (int l = 0; l < loops.length; l++) {
            loops[l] = (int) from[at++];
            chosenAfter[l] = ((long) from[at++] << 20) + (long) from[at++];
            for (int h = 0; h < kept[l].length; h++) {
                kept[l][h] = from[at++] == 1;
            }
        }
    }
}
