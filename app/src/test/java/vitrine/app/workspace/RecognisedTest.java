package vitrine.app.workspace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.refusal.Category;
import vitrine.views.view.ViewKind;

class RecognisedTest {

    private static final Path CASES = Path.of("../model-core/src/test/resources").toAbsolutePath().normalize();

    @TempDir
    Path folder;

    @Test
    void tellsWhatAPathHolds() throws Exception {
        assertEquals("Llama checkpoint, safetensors, 180,672 parameters, 0.7\u2009MB", assertInstanceOf(Recognised.Model.class, Recognised.look(CASES.resolve("reference/llama-gqa"))).what());
        assertTrue(assertInstanceOf(Recognised.Model.class, Recognised.look(CASES.resolve("badinputs/adapter/valid"))).subject().isAdapter());
        String gguf = assertInstanceOf(Recognised.Model.class, Recognised.look(CASES.resolve("reference/fmt-gguf-q4_0/model.gguf"))).what();
        assertTrue(gguf.startsWith("Llama checkpoint, GGUF, "), gguf);
        assertTrue(assertInstanceOf(Recognised.Model.class, Recognised.look(CASES.resolve("badinputs/pickle/valid_bf16.bin"))).what().contains("PyTorch"));
        Path lines = Files.writeString(folder.resolve("a.jsonl"), "{\"text\":\"one\",\"label\":\"x\"}\n{\"text\":\"two\",\"label\":\"y\"}\n");
        OpenText text = assertInstanceOf(Recognised.Text.class, Recognised.look(lines)).text();
        assertEquals(2, text.examples());
        assertEquals(List.of("x", "y"), text.labels());
        assertEquals("one", text.beginning());
    }

    @Test
    void whatIsNoneOfThemIsRefusedWithItsReason() throws Exception {
        Recognised.Refused pointer = assertInstanceOf(Recognised.Refused.class, Recognised.look(Files.writeString(folder.resolve("model.safetensors"),
                "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")));
        assertTrue(pointer.what().contains("git lfs pull"), pointer.what());
        assertEquals(Category.NOT_FOUND, assertInstanceOf(Recognised.Refused.class, Recognised.look(folder.resolve("nowhere"))).refusal().category());
        assertEquals(Category.DATASET_INVALID, assertInstanceOf(Recognised.Refused.class, Recognised.look(Files.createFile(folder.resolve("empty.txt")))).refusal().category());
        Files.createDirectories(folder.resolve("result"));
        Files.writeString(folder.resolve("result/manifest.json"), """
                {"format":"vitrine-artifact","version":1,"kind":"eval","task":{},"inputs":{},"engine":{},"created":"","seconds":0,"summary":{},"provenance":{},"warnings":[]}""");
        assertEquals(Category.ARTIFACT_INVALID, assertInstanceOf(Recognised.Refused.class, Recognised.look(folder.resolve("result"))).refusal().category());
    }

    /// What an evaluation measured beside a perplexity has a view; a perplexity alone has none.
    @Test
    void anEvaluationWithAMapIsOpened() throws Exception {
        Files.createDirectories(folder.resolve("maps"));
        Files.writeString(folder.resolve("maps/manifest.json"), """
                {"format":"vitrine-artifact","version":1,"kind":"eval","task":{},"inputs":{},"engine":{},"created":"","seconds":0,"summary":{"lazy":{"divergence":[[0]]}},"provenance":{},"warnings":[]}""");
        assertEquals(ViewKind.RANK, assertInstanceOf(Recognised.Result.class, Recognised.look(folder.resolve("maps"))).view());
        assertInstanceOf(Recognised.Result.class, Recognised.look(Files.writeString(folder.resolve("result.json"), "{\"heterogeneity\":{\"matrices\":[]}}")));
        assertInstanceOf(Recognised.Refused.class, Recognised.look(Files.writeString(folder.resolve("perplexity.json"), "{\"perplexity\":3}")));
    }

    @Test
    void findsTheHubCacheAsItsClientDoes() {
        Path home = Path.of("/home/somebody");
        assertEquals(Path.of("/a"), HubCache.locate(Map.of("HF_HUB_CACHE", "/a", "HF_HOME", "/b"), home).folder());
        assertEquals(Path.of("/b/hub"), HubCache.locate(Map.of("HF_HOME", "/b", "XDG_CACHE_HOME", "/c"), home).folder());
        assertEquals(Path.of("/c/huggingface/hub"), HubCache.locate(Map.of("XDG_CACHE_HOME", "/c"), home).folder());
        assertEquals(Path.of("/home/somebody/.cache/huggingface/hub"), HubCache.locate(Map.of(), home).folder());
        assertEquals(List.of(), new HubCache(folder.resolve("none")).entries());
    }

    @Test
    void listsTheModelsOfACache() throws Exception {
        Path broken = Files.createDirectories(folder.resolve("models--some--half/blobs"));
        Files.write(broken.resolve("abc.incomplete"), new byte[10]);
        Files.createDirectories(folder.resolve("datasets--some--thing"));
        assertEquals(List.of(new HubCache.Entry(folder.resolve("models--some--half"), "some/half", 10, true)), new HubCache(folder).entries());
        assertTrue(HubCache.looksLikeOne(folder));
        HubCache.Entry tiny = new HubCache(CASES.resolve("reference/fmt-hf-cache/hub")).entries().getFirst();
        assertEquals("vitrine/tiny-llama", tiny.name());
        assertEquals(197_691, tiny.bytes(), "what du counts in blobs");
    }
}
