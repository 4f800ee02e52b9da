package vitrine.core.checkpoint.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.BlockValues;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.MatrixView;
import vitrine.core.tensor.StoredValues;
import vitrine.core.tensor.kernel.ReadView;
import vitrine.core.tensor.kernel.Widen;
import vitrine.core.testing.GgufBytes;
import vitrine.core.testing.Reference;
import vitrine.core.testing.SharedReference;
import vitrine.core.tokenizer.Token;
import vitrine.core.tokenizer.Tokenizer;

/// GGUF files against what others read from them: block values (the gguf package), names, values and config (the safetensors parent), tokens.
/// The forward pass from such files is checked with that of all families, in `ForwardPassReferenceTest`.
class GgufTest {

    @TempDir
    Path folder;

    @Test
    void blocksOfEveryTypeAreTheReferencesToTheBit() {
        int types = 0;
        try (SafetensorsFile file = SafetensorsFile.open(Path.of("src/test/resources/reference/gguf-blocks/blocks.safetensors"))) {
            for (String name : file.tensors().keySet()) {
                if (!name.endsWith(".values")) {
                    continue;
                }
                DType type = DType.valueOf(name.substring(0, name.indexOf('.')));
                float[] want = file.floats(name);
                byte[] bytes = bytes(file.floats(type.name() + ".blocks"));
                assertEquals(bytes.length, type.bytes(want.length));
                MemorySegment s = MemorySegment.ofArray(bytes);
                float[] all = new float[want.length];
                BlockValues.read(type, s, 0, want.length, all, 0);
                assertArrayEquals(want, all, 0f, type.name());
                // A run that begins and ends within blocks, single values, and the two readers of whole matrices.
                float[] part = new float[want.length - 47];
                BlockValues.read(type, s, 17, part.length, part, 0);
                assertArrayEquals(Arrays.copyOfRange(want, 17, want.length - 30), part, 0f, type.name());
                assertEquals(want[100], StoredValues.at(type, s, 100), 0);
                MemorySegment wide = MemorySegment.ofArray(new float[want.length]);
                Widen.toFloat(type, s, 0, want.length, wide);
                assertArrayEquals(want, wide.toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT), 0f);
                int rows = want.length / type.blockValues();
                double[] doubles = new double[want.length];
                ReadView.toDouble(type, s, MatrixView.of(rows, type.blockValues()), 0, rows, 0, type.blockValues(), MemorySegment.ofArray(doubles), type.blockValues());
                for (int i = 0; i < want.length; i++) {
                    assertEquals(want[i], doubles[i], 0);
                }
                types++;
            }
        }
        assertEquals(13, types);
    }

    private static byte[] bytes(float[] values) {
        byte[] out = new byte[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (byte) (int) values[i];
        }
        return out;
    }

    /// Names, shapes and values of the file are those of the checkpoint that it was made from: with rows back in their places.
    @Test
    void aFileReadsAsItsParent() {
        Path gguf = SharedReference.require("fmt-gguf-f32").resolve("model.gguf");
        Checkpoint parent = Checkpoints.open(Reference.of("fmt-base").checkpoint());
        Checkpoint made = Checkpoints.open(gguf);
        Map<String, String> want = new TreeMap<>();
        parent.tensors().values().forEach(t -> want.put(t.name(), t.shape().toString()));
        Map<String, String> got = new TreeMap<>();
        made.tensors().values().forEach(t -> got.put(t.name(), t.shape().toString()));
        assertEquals(want, got);
        try (MappedWeights a = new MappedWeights(parent); MappedWeights b = new MappedWeights(made)) {
            for (TensorEntry t : parent.tensors().values()) {
                assertEquals(-1, a.data(t).mismatch(b.data(made.tensors().get(t.name()))), t.name());
            }
        }
        JsonNode config = made.config();
        for (String key : List.of("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "intermediate_size", "vocab_size",
                "max_position_embeddings", "rms_norm_eps", "rope_theta", "tie_word_embeddings", "attention_bias", "mlp_bias", "bos_token_id", "eos_token_id")) {
            assertEquals(parent.config().get(key).asText(), config.get(key).asText(), key);
        }
        assertEquals(made.fileBytes() - made.files().getFirst().headerBytes(), made.tensorBytes() / 32 * 32, 32);
    }

    @Test
    void quantisedRowsComeBackToTheirPlacesToo() {
        Checkpoint parent = Checkpoints.open(Reference.of("fmt-base").checkpoint());
        Checkpoint made = Checkpoints.open(Reference.of("fmt-gguf-q8_0").checkpoint());
        try (MappedWeights a = new MappedWeights(parent); MappedWeights b = new MappedWeights(made)) {
            for (String name : List.of("model.layers.0.self_attn.q_proj.weight", "model.layers.1.self_attn.k_proj.weight", "model.layers.1.mlp.down_proj.weight")) {
                TensorEntry q = made.tensors().get(name);
                assertEquals(DType.Q8_0, q.dtype());
                double worst = 0;
                double largest = 0;
                for (long i = 0; i < q.elements(); i++) {
                    double v = StoredValues.at(DType.F32, a.data(parent.tensors().get(name)), i);
                    largest = Math.max(largest, Math.abs(v));
                    worst = Math.max(worst, Math.abs(v - StoredValues.at(DType.Q8_0, b.data(q), i)));
                }
                // Half a step of the largest scale; rows in a wrong order are apart by whole values.
                assertTrue(worst <= largest / 127 * 0.51, name + " is off by " + worst);
            }
        }
    }

    @Test
    void thePromptsOfTheCasesGiveTheirIds() {
        for (String name : List.of("fmt-gguf-f16", "fmt-gguf-q8_0", "fmt-gguf-q4_0")) {
            Reference reference = Reference.of(name);
            try (Tokenizer tokenizer = Tokenizer.of(Checkpoints.open(reference.checkpoint()))) {
                for (JsonNode prompt : reference.golden().get("prompts")) {
                    List<Token> tokens = tokenizer.encode(prompt.get("text").asText());
                    assertEquals(prompt.get("ids").toString(), ids(tokens).toString().replace(" ", ""));
                    assertEquals(prompt.get("text").asText(), tokenizer.decode(tokens.stream().mapToInt(Token::id).toArray()));
                }
            }
        }
    }

    private static List<Integer> ids(List<Token> tokens) {
        return tokens.stream().map(Token::id).toList();
    }

    /// A vocabulary with scores, as converters take it out of a sentencepiece model: the tokens of `llama-tied`, scored by when they are merged.
    @Test
    void aScoredVocabularyGivesTheIdsOfItsMerges() throws IOException {
        Reference reference = Reference.of("llama-tied");
        JsonNode json = Json.mapper().readTree(reference.folder().resolve("tokenizer.json").toFile());
        JsonNode vocabulary = json.get("model").get("vocab");
        String[] tokens = new String[vocabulary.size()];
        vocabulary.properties().forEach(e -> tokens[e.getValue().asInt()] = e.getKey());
        float[] scores = new float[tokens.length];
        int[] types = new int[tokens.length];
        Arrays.fill(types, 1);
        Arrays.fill(scores, -1e6f);
        int rank = 0;
        for (JsonNode m : json.get("model").get("merges")) {
            String whole = m.isArray() ? m.get(0).asText() + m.get(1).asText() : m.asText().replace(" ", "");
            scores[vocabulary.get(whole).asInt()] = -rank++;
        }
        for (int i = 0; i < tokens.length; i++) {
            types[i] = tokens[i].matches("<0x[0-9A-F]{2}>") ? 6 : types[i];
        }
        for (JsonNode a : json.get("added_tokens")) {
            types[a.get("id").asInt()] = a.get("content").asText().equals("<unk>") ? 2 : 3;
        }
        int begin = vocabulary.get("<s>").asInt();
        Path file = new GgufBytes().text("general.architecture", "llama").text("tokenizer.ggml.model", "llama").texts("tokenizer.ggml.tokens", List.of(tokens))
                .reals("tokenizer.ggml.scores", scores).wholes("tokenizer.ggml.token_type", types).whole("tokenizer.ggml.bos_token_id", begin)
                .whole("tokenizer.ggml.unknown_token_id", vocabulary.get("<unk>").asInt()).write(folder.resolve("pieces.gguf"));
        int compared = 0;
        try (Tokenizer tokenizer = Tokenizer.of(Checkpoints.open(file))) {
            for (JsonNode c : reference.golden().get("tokenizer_cases")) {
                List<Integer> want = new ArrayList<>();
                c.get("ids").forEach(i -> want.add(i.asInt()));
                assertEquals(want, ids(tokenizer.encode(c.get("text").asText())), c.get("text").asText());
                compared++;
            }
        }
        assertTrue(compared >= 5);
    }

    @Test
    void anUnknownWayToCutWordsIsRefusedByName() throws IOException {
        Path file = new GgufBytes().text("general.architecture", "llama").text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "of-tomorrow")
                .texts("tokenizer.ggml.tokens", List.of("a")).texts("tokenizer.ggml.merges", List.of()).write(folder.resolve("tomorrow.gguf"));
        Refusal r = assertThrows(Refusal.class, () -> Tokenizer.of(Checkpoints.open(file)));
        assertEquals(Category.TOKENIZER_INVALID, r.category());
        assertTrue(r.getMessage().contains("of-tomorrow") && r.getMessage().contains("tokenizer.ggml.pre"), r.getMessage());
    }

    @Test
    void anArchitectureThatIsNotKnownOpensUnderTheFilesOwnNames() throws IOException {
        Path file = new GgufBytes().text("general.architecture", "jamba").tensor("blk.0.attn_q.weight", 0, new byte[256], 8, 8).write(folder.resolve("jamba.gguf"));
        Anatomy a = Anatomy.of(Checkpoints.open(file));
        assertEquals("jamba", a.familyName());
        assertEquals("blk.0.attn_q.weight", a.tensors().getFirst().entry().name());
        assertEquals(Category.FAMILY_UNSUPPORTED, a.obstacle().category());
    }

    @Test
    void versionTwoIsReadAndOneIsNamed() throws IOException {
        GgufBytes b = new GgufBytes().text("general.architecture", "x").tensor("t", 0, new byte[128], 32);
        assertEquals(1, Checkpoints.open(Files.write(folder.resolve("two.gguf"), b.bytes(2))).tensors().size());
        Refusal r = assertThrows(Refusal.class, () -> Checkpoints.open(Files.write(folder.resolve("one.gguf"), b.bytes(1))));
        assertEquals(Category.VERSION_UNSUPPORTED, r.category());
        Refusal big = assertThrows(Refusal.class, () -> Checkpoints.open(Files.write(folder.resolve("big.gguf"), b.bytes(Integer.reverseBytes(3)))));
        assertTrue(big.getMessage().contains("big-endian"), big.getMessage());
    }

    @Test
    void partsOfAModelAreReadTogether() throws IOException {
        new GgufBytes().text("general.architecture", "x").key("split.count", 2, new byte[] {2, 0}).tensor("a", 0, new byte[128], 32).write(folder.resolve("m-00001-of-00002.gguf"));
        Path two = folder.resolve("m-00002-of-00002.gguf");
        assertEquals(Category.SHARD_MISSING, assertThrows(Refusal.class, () -> Checkpoints.open(folder.resolve("m-00001-of-00002.gguf"))).category());
        new GgufBytes().key("split.count", 2, new byte[] {2, 0}).tensor("b", 0, new byte[128], 32).write(two);
        Checkpoint c = Checkpoints.open(folder);
        assertEquals(List.of("a", "b"), List.copyOf(c.tensors().keySet()));
        assertEquals("GGUF, 2 parts", c.format());
        assertEquals(Category.SHARD_MISSING, assertThrows(Refusal.class, () -> Checkpoints.open(two)).category());
    }

    @Test
    void overlapsGapsAndLeftoversAreRefused() throws IOException {
        byte[] good = new GgufBytes().text("general.architecture", "x").tensor("a", 0, new byte[128], 32).tensor("b", 0, new byte[128], 32).bytes(3);
        byte[] longer = Arrays.copyOf(good, good.length + 64);
        assertEquals(Category.TRAILING_DATA, refused("longer.gguf", longer).category());
        assertEquals(Category.TRUNCATED, refused("shorter.gguf", Arrays.copyOf(good, good.length - 1)).category());
        int offset = indexOf(good, new byte[] {(byte) 128, 0, 0, 0, 0, 0, 0, 0}, 100);
        byte[] overlapping = good.clone();
        overlapping[offset] = 96;
        Refusal overlap = refused("overlap.gguf", overlapping);
        assertEquals(Category.OFFSETS_INVALID, overlap.category());
        assertTrue(overlap.getMessage().contains("tensor b"), overlap.getMessage());
    }

    private Refusal refused(String name, byte[] bytes) throws IOException {
        Path file = Files.write(folder.resolve(name), bytes);
        return assertThrows(Refusal.class, () -> Checkpoints.open(file));
    }

    private static int indexOf(byte[] bytes, byte[] part, int from) {
        for (int i = from; i + part.length <= bytes.length; i++) {
            if (Arrays.equals(bytes, i, i + part.length, part, 0, part.length)) {
                return i;
            }
        }
        throw new AssertionError("not there");
    }
}
