package vitrine.core.forward;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.dataset.Dataset;
import vitrine.core.dataset.Sequences;
import vitrine.core.json.Json;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Matrix;
import vitrine.core.testing.SharedReference;
import vitrine.core.tokenizer.Token;
import vitrine.core.tokenizer.Tokenizer;

/// Trained models say what they said in the reference: continuations, perplexities, activations.
class TrainedModelsTest {

    /// The logits of the last position.
    private static final class LastLogits implements Probe {
        private float[] values;

        @Override
        public boolean wants(int layer, Site site) {
            return site == Site.LOGITS;
        }

        @Override
        public void at(Place place, Matrix value) {
            values = value.row(value.rows() - 1);
        }

        int best() {
            int best = 0;
            for (int v = 1; v < values.length; v++) {
                best = values[v] > values[best] ? v : best;
            }
            return best;
        }
    }

    private static int[] greedy(ModelSpec spec, Weights weights, int[] prompt, int steps) {
        int[] out = new int[steps];
        try (KeyValueCache cache = new KeyValueCache(spec, prompt.length + steps)) {
            ForwardPass pass = new ForwardPass(spec, weights);
            LastLogits logits = new LastLogits();
            pass.run(Batch.of(prompt), logits, ForwardPass.LogitRows.LAST, cache, Progress.NONE);
            for (int i = 0; i < steps; i++) {
                out[i] = logits.best();
                pass.run(Batch.of(new int[] {out[i]}), logits, ForwardPass.LogitRows.LAST, cache, Progress.NONE);
            }
        }
        return out;
    }

    private static int[] ids(JsonNode list) {
        int[] out = new int[list.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = list.get(i).asInt();
        }
        return out;
    }

    @Test
    void stories260kContinuesAsItDid() throws IOException {
        Path folder = SharedReference.require("stories260k");
        JsonNode golden = Json.mapper().readTree(folder.resolve("golden.json").toFile());
        Checkpoint checkpoint = Checkpoints.open(folder);
        ModelSpec spec = Families.read(checkpoint.config(), checkpoint.configFile(), checkpoint.tensors().keySet());
        try (Weights weights = new Weights(checkpoint, ProductsForTests.PRODUCTS); Tokenizer tokenizer = Tokenizer.of(checkpoint)) {
            for (JsonNode p : golden.get("prompts")) {
                int[] prompt = tokenizer.encode(p.get("prompt").asText()).stream().mapToInt(Token::id).toArray();
                assertArrayEquals(ids(p.get("ids")), prompt);
                int[] continued = greedy(spec, weights, prompt, 40);
                assertArrayEquals(ids(p.get("greedy_40")), continued);
                int[] all = Arrays.copyOf(prompt, prompt.length + 40);
                System.arraycopy(continued, 0, all, prompt.length, 40);
                assertEquals(p.get("greedy_text").asText(), tokenizer.decode(all).strip());
            }
            Path texts = SharedReference.require("text");
            assertPerplexity(golden, "eval.txt", folder.resolve("eval.txt"), spec, weights, tokenizer);
            assertPerplexity(golden, "tinystories-sample", texts.resolve("tinystories-sample.txt"), spec, weights, tokenizer);
        }
    }

    private static void assertPerplexity(JsonNode golden, String key, Path file, ModelSpec spec, Weights weights, Tokenizer tokenizer) {
        List<Sequences.Labelled> data = Sequences.of(Dataset.read(file), tokenizer, spec.maxPositions(), spec.vocabSize());
        Evaluation.Result got = new Evaluation(new ForwardPass(spec, weights)).run(data, Progress.NONE).all();
        JsonNode want = golden.get("perplexity").get(key);
        assertEquals(want.get("predicted_tokens").asLong(), got.predicted(), key);
        assertEquals(want.get("perplexity").asDouble(), got.perplexity(), 1e-4 * want.get("perplexity").asDouble(), key);
    }

    @Test
    void stories260kHasTheSameAttention() {
        Path folder = SharedReference.require("stories260k");
        Checkpoint checkpoint = Checkpoints.open(folder);
        ModelSpec spec = Families.read(checkpoint.config(), checkpoint.configFile(), checkpoint.tensors().keySet());
        try (Weights weights = new Weights(checkpoint, ProductsForTests.PRODUCTS); SafetensorsFile golden = SafetensorsFile.open(folder.resolve("golden.safetensors"))) {
            for (String p : List.of("p0.", "p1.", "p2.")) {
                new ForwardPass(spec, weights).run(Batch.of(golden.ints(p + "ids")), new Probe() {
                    @Override
                    public boolean wants(int layer, Site site) {
                        return site == Site.PATTERN;
                    }

                    @Override
                    public void at(Place place, Matrix value) {
                        int n = value.rows() * value.columns();
                        assertArrayEquals(golden.floats(p + "attn." + place.layer(), (long) place.head() * n, n), value.toArray(), 1e-5f);
                    }
                }, Progress.NONE);
            }
        }
    }

    @Test
    void gpt2SortSortsAndMatchesItsAuthorsActivations() throws IOException {
        Path folder = SharedReference.require("gpt2-sort");
        Checkpoint checkpoint = Checkpoints.open(folder);
        ModelSpec spec = Families.read(checkpoint.config(), checkpoint.configFile(), checkpoint.tensors().keySet());
        JsonNode golden = Json.mapper().readTree(folder.resolve("golden.json").toFile());
        try (Weights weights = new Weights(checkpoint, ProductsForTests.PRODUCTS); SafetensorsFile expected = SafetensorsFile.open(folder.resolve("golden.safetensors"))) {
            for (JsonNode e : golden.get("examples")) {
                // Eleven positions: six letters and five of the answer; the sixth answer is read off the last position.
                int[] ids = ids(e.get("ids"));
                int[] want = ids(e.get("greedy_6"));
                for (int step = 0; step < 6; step++) {
                    LastLogits logits = new LastLogits();
                    new ForwardPass(spec, weights).run(Batch.of(ids), logits, ForwardPass.LogitRows.LAST, null, Progress.NONE);
                    assertEquals(want[step], logits.best());
                    ids = Arrays.copyOf(ids, ids.length + 1);
                    ids[ids.length - 1] = want[step];
                }
            }
            int[] all = expected.ints("ids");
            float[] blocks = expected.floats("origin.block2");
            for (int s = 0; s < 3; s++) {
                int sequence = s;
                new ForwardPass(spec, weights).run(Batch.of(Arrays.copyOfRange(all, s * 11, (s + 1) * 11)), new Probe() {
                    @Override
                    public boolean wants(int layer, Site site) {
                        return layer == 2 && site == Site.RESID_POST;
                    }

                    @Override
                    public void at(Place place, Matrix value) {
                        int n = 11 * 48;
                        assertArrayEquals(Arrays.copyOfRange(blocks, sequence * n, (sequence + 1) * n), value.toArray(), 2e-5f);
                    }
                }, Progress.NONE);
            }
        }
    }
}
