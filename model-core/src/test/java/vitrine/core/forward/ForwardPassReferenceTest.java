package vitrine.core.forward;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.SpecCheck;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.testing.Recorder;
import vitrine.core.testing.Reference;

/// Every family against the outputs of transformers, tensor by tensor, within the tolerance beside each.
class ForwardPassReferenceTest {

    static List<String> cases() throws IOException {
        return Reference.modelCases();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithTransformers(String name) {
        Reference reference = Reference.of(name);
        Checkpoint checkpoint = Checkpoints.open(reference.checkpoint());
        ModelSpec spec = Families.read(checkpoint.config(), checkpoint.configFile(), checkpoint.tensors().keySet());
        assertEquals(List.of(), SpecCheck.of(spec, checkpoint).refusals());
        try (Weights weights = new Weights(checkpoint, ProductsForTests.PRODUCTS); SafetensorsFile expected = reference.expected()) {
            int compared = 0;
            // All tensors that differ, not the first one only: together they tell which step is wrong.
            List<String> wrong = new ArrayList<>();
            for (String prompt : List.of("p0.", "p1.")) {
                Recorder got = new Recorder(spec);
                int[] ids = expected.ints(prompt + "input_ids");
                new ForwardPass(spec, weights).run(batch(expected, prompt, ids), got, Progress.NONE);
                JsonNode tensors = reference.golden().get("tensors");
                for (String tensor : expected.tensors().keySet()) {
                    if (!tensor.startsWith(prompt)) {
                        continue;
                    }
                    float[] actual = actual(spec, tensor.substring(prompt.length()), got, ids);
                    if (actual != null) {
                        try {
                            reference.compare(expected, tensor, actual);
                        } catch (AssertionError e) {
                            wrong.add(e.getMessage());
                        }
                        compared++;
                    } else if (tensor.endsWith("greedy_ids")) {
                        String want = Arrays.toString(expected.ints(tensor));
                        String is = Arrays.toString(greedy(spec, weights, ids, 8));
                        if (!want.equals(is)) {
                            wrong.add(name + " " + tensor + ": " + is + " instead of " + want);
                        }
                        compared++;
                    }
                }
                assertTrue(tensors.size() >= 2);
            }
            assertEquals(List.of(), wrong);
            // The cases of file formats keep little beside the logits: names and shapes of a whole model are what they check.
            assertTrue(compared >= (name.startsWith("gguf-") || name.startsWith("packed-") ? 2 : name.startsWith("fmt-") ? 4 : 6), "too few tensors were compared: " + compared);
        }
    }

    private static Batch batch(SafetensorsFile expected, String prompt, int[] ids) {
        String segments = prompt + "token_type_ids";
        return new Batch(List.of(new Batch.Sequence(ids, expected.has(segments) ? expected.ints(segments) : null)));
    }

    private static float[] actual(ModelSpec spec, String tensor, Recorder got, int[] ids) {
        int layers = spec.layers().size();
        return switch (tensor) {
            case "logits" -> got.get(-1, Site.LOGITS);
            case "layer_out" -> stacked(layers, l -> got.get(l, Site.RESID_POST));
            case "attn_out" -> stacked(layers, l -> got.get(l, spec.layers().get(l).attentionOutIsSum() ? Site.RESID_MID : Site.ATTN_OUT));
            case "mlp_out" -> stacked(layers, l -> got.get(l, Site.MLP_OUT));
            case "hidden_states" -> stacked(layers + 1, l -> l < layers ? got.get(l, Site.RESID_PRE) : got.get(-1, Site.FINAL_NORM));
            case "attentions" -> stacked(layers, l -> stacked(spec.layers().get(l).attention().heads(), h -> got.head(l, Site.PATTERN, h)));
            case "cache_k" -> stacked(layers, l -> byHead(spec.layers().get(l), spec.layers().get(l).attention().headDim(), got.get(l, Site.KEY_ROTATED)));
            case "cache_v" -> stacked(layers, l -> byHead(spec.layers().get(l), spec.layers().get(l).attention().valueDim(), got.get(l, Site.VALUE)));
            case "cache_latent" -> stacked(layers, l -> got.get(l, Site.LATENT));
            case "cache_k_rope" -> stacked(layers, l -> shared(spec.layers().get(l), got.get(l, Site.KEY_ROTATED)));
            case "router_logits" -> sparse(spec, l -> got.get(l, Site.ROUTER_LOGITS));
            case "expert_ids" -> sparse(spec, l -> got.get(l, Site.EXPERT_IDS));
            case "expert_weights" -> sparse(spec, l -> got.get(l, Site.EXPERT_WEIGHTS));
            case "shared_gate" -> sparse(spec, l -> got.get(l, Site.SHARED_GATE));
            default -> null;
        };
    }

    /// Layers with experts.
    private static float[] sparse(ModelSpec spec, java.util.function.IntFunction<float[]> part) {
        int[] layers = spec.layers().stream().filter(l -> l.feedForward() instanceof FeedForward.Mixture).mapToInt(LayerSpec::index).toArray();
        return stacked(layers.length, i -> part.apply(layers[i]));
    }

    /// The part of every key that all heads share, `[tokens, turned]`; it is the same in each head.
    private static float[] shared(LayerSpec layer, float[] keys) {
        int d = layer.attention().headDim();
        int from = layer.attention().rotatedFrom();
        int heads = layer.attention().keyValueHeads();
        int tokens = keys.length / (heads * d);
        float[] out = new float[tokens * (d - from)];
        for (int t = 0; t < tokens; t++) {
            for (int h = 0; h < heads; h++) {
                for (int i = 0; i < d - from; i++) {
                    float v = keys[(t * heads + h) * d + from + i];
                    assertTrue(h == 0 || v == out[t * (d - from) + i]);
                    out[t * (d - from) + i] = v;
                }
            }
        }
        return out;
    }

    /// `[tokens, kvHeads * headDim]` as `[kvHeads, tokens, headDim]`.
    private static float[] byHead(LayerSpec layer, int width, float[] x) {
        int heads = layer.attention().keyValueHeads();
        int d = width;
        int tokens = x.length / (heads * d);
        float[] out = new float[x.length];
        for (int h = 0; h < heads; h++) {
            for (int t = 0; t < tokens; t++) {
                System.arraycopy(x, (t * heads + h) * d, out, (h * tokens + t) * d, d);
            }
        }
        return out;
    }

    private static float[] stacked(int count, java.util.function.IntFunction<float[]> part) {
        List<float[]> parts = new ArrayList<>();
        int size = 0;
        for (int i = 0; i < count; i++) {
            parts.add(part.apply(i));
            size += parts.getLast().length;
        }
        float[] out = new float[size];
        int at = 0;
        for (float[] p : parts) {
            System.arraycopy(p, 0, out, at, p.length);
            at += p.length;
        }
        return out;
    }

    private static int[] greedy(ModelSpec spec, Weights weights, int[] prompt, int steps) {
        int[] ids = prompt;
        for (int i = 0; i < steps; i++) {
            Recorder got = new Recorder(spec);
            new ForwardPass(spec, weights).run(Batch.of(ids), got, ForwardPass.LogitRows.LAST, null, Progress.NONE);
            float[] logits = got.get(-1, Site.LOGITS);
            int best = 0;
            for (int v = 1; v < logits.length; v++) {
                best = logits[v] > logits[best] ? v : best;
            }
            ids = Arrays.copyOf(ids, ids.length + 1);
            ids[ids.length - 1] = best;
        }
        return Arrays.copyOfRange(ids, prompt.length, ids.length);
    }
}
