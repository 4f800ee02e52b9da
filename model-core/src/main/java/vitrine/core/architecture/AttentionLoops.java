package vitrine.core.architecture;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// How a layer repeats its attention with the same weights, between its first attention sum and its feed-forward block:
///
///     h <- h + residual * attentionOutput(O(factors .* Attn(attentionInput(h))))        count times
///
/// Weights and `config.json` do not tell of it: a file beside them does, `attention_loops.json`, which SGT's training writes.
///
/// Source: Chen et al., *Sparse Growing Transformer*, 2026, arXiv 2603.23998.
///
/// @param count repetitions after the first run, from 1
/// @param factors what each query head's output is multiplied with in a repetition, `[heads]`, from 0 to 1
public record AttentionLoops(int count, List<Float> factors) {

    /// The file beside the weights that says which layers and heads loop.
    public static final String FILE = "attention_loops.json";

    /// More would be no model that anyone trains, and a pass that never ends.
    private static final int MOST_LOOPS = 64;

    /// The factors as an array.
    public float[] toArray() {
        float[] out = new float[factors.size()];
        for (int h = 0; h < out.length; h++) {
            out[h] = factors.get(h);
        }
        return out;
    }

    /// Whether a checkpoint's folder has the file, were it a link to nothing.
    public static boolean areBeside(Checkpoint checkpoint) {
        return checkpoint.hasBeside(FILE);
    }

    /// Where the file is or would be.
    public static Path file(Checkpoint checkpoint) {
        return checkpoint.folder().folder().resolve(FILE);
    }

    /// The model with the loops that its checkpoint's file tells of; the same model where there is no file.
    ///
    /// @throws Refusal `config-invalid` for a file that does not fit the model, `family-unsupported` for a model whose attention is not repeated
    public static ModelSpec on(ModelSpec spec, Checkpoint checkpoint) {
        if (!areBeside(checkpoint)) {
            return spec;
        }
        Path file = file(checkpoint);
        ObjectNode all = checkpoint.objectBeside(FILE);
        JsonNode listed = all.path("layers");
        if (!listed.isArray() || listed.isEmpty()) {
            throw Refusal.of(Category.CONFIG_INVALID, file, "\"layers\" is %s; a list of the layers that loop belongs here", said(listed));
        }
        Map<Integer, AttentionLoops> byLayer = new HashMap<>();
        for (int i = 0; i < listed.size(); i++) {
            JsonNode one = listed.get(i);
            String where = "layers[" + i + "]";
            int layer = whole(file, where + ".layer", one.path("layer"), 0, spec.layers().size() - 1);
            int count = whole(file, where + ".loops", one.path("loops"), 1, MOST_LOOPS);
            LayerSpec of = spec.layers().get(layer);
            String cannot = cannotRepeat(of);
            if (cannot != null) {
                throw Refusal.of(Category.FAMILY_UNSUPPORTED, file, "it lets layer %d loop, which has %s", layer, cannot);
            }
            if (byLayer.put(layer, new AttentionLoops(count, factors(file, where, one, of.attention().heads()))) != null) {
                throw Refusal.of(Category.CONFIG_INVALID, file, "it names layer %d twice", layer);
            }
        }
        List<LayerSpec> layers = spec.layers().stream().map(l -> byLayer.containsKey(l.index()) ? l.repeating(byLayer.get(l.index())) : l).toList();
        return spec.withLayers(layers);
    }

    /// The `factors`; where there are none, 1 for the `heads` that are named and 0 for the others.
    private static List<Float> factors(Path file, String where, JsonNode one, int heads) {
        Float[] out = new Float[heads];
        Arrays.fill(out, 0f);
        JsonNode kept = one.path("heads");
        if (!kept.isArray()) {
            throw Refusal.of(Category.CONFIG_INVALID, file, "%s.heads is %s; a list of the heads that loop belongs here", where, said(kept));
        }
        for (JsonNode h : kept) {
            out[whole(file, where + ".heads", h, 0, heads - 1)] = 1f;
        }
        if (!one.has("factors")) {
            return List.of(out);
        }
        JsonNode given = one.path("factors");
        if (!given.isArray() || given.size() != heads) {
            throw Refusal.of(Category.CONFIG_INVALID, file, "%s.factors has %s values; the layer has %d heads", where, given.isArray() ? String.valueOf(given.size()) : "no list of", heads);
        }
        List<Float> factors = new ArrayList<>();
        for (int h = 0; h < heads; h++) {
            JsonNode v = given.get(h);
            if (!v.isNumber() || !(v.doubleValue() >= 0 && v.doubleValue() <= 1)) {
                throw Refusal.of(Category.CONFIG_INVALID, file, "%s.factors[%d] is %s; a number from 0 to 1 belongs here", where, h, said(v));
            }
            if (out[h] == 1f && v.doubleValue() != 1) {
                throw Refusal.of(Category.CONFIG_INVALID, file, "%s.factors[%d] is %s, and head %d is among the heads that loop, whose factor is 1", where, h, said(v), h);
            }
            factors.add(v.floatValue());
        }
        return List.copyOf(factors);
    }

    private static int whole(Path file, String where, JsonNode v, int least, int most) {
        if (!v.isIntegralNumber() || !v.canConvertToInt() || v.intValue() < least || v.intValue() > most) {
            throw Refusal.of(Category.CONFIG_INVALID, file, "%s is %s; a whole number from %d to %d belongs here", where, said(v), least, most);
        }
        return v.intValue();
    }

    private static String said(JsonNode v) {
        if (v.isMissingNode()) {
            return "not there";
        }
        String s = v.toString();
        return s.length() <= 40 ? s : s.substring(0, 40) + "…";
    }

    /// Why a layer's attention is not repeated, as in "layer 0 has …"; null where it can be.
    public static String cannotRepeat(LayerSpec l) {
        AttentionSpec a = l.attention();
        if (l.feedForward() instanceof FeedForward.Mixture) {
            return "experts";
        }
        if (l.parallel()) {
            return "attention beside its feed-forward block";
        }
        if (l.attentionInput() == null || l.afterAttention() != null) {
            return "no norm before its attention";
        }
        if (a.window() > 0 || a.chunk() > 0) {
            return "attention that sees some keys only";
        }
        if (a.sinks() != null) {
            return "attention sinks";
        }
        return a.causal() ? null : "attention that looks ahead";
    }
}
