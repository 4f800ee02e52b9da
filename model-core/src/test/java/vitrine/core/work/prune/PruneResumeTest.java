package vitrine.core.work.prune;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vitrine.core.work.prune.PruneTrials.CASES;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.output.KeptSums;
import vitrine.core.work.prune.structure.StructuredRun;

/// Methods that measure the whole model before they take anything of it: broken off anywhere, a run goes on from what it had measured, to the bits of a run that was not.
class PruneResumeTest {

    /// Units of what is measured, as runs tell it.
    private static final Set<String> MEASURED = Set.of("sequences", "tokens continued", "sets", "kinds of matrices");

    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();

    private Task task(String model, String method, String settings, int sequences) throws IOException {
        Random random = new Random(7);
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < sequences; i++) {
            lines.add("{\"input_ids\": " + random.ints(120 + i % 8, 0, 96).boxed().toList() + "}");
        }
        Path data = Files.write(folder.resolve("data.jsonl"), lines);
        Path few = Files.writeString(folder.resolve("few.jsonl"), "{\"input_ids\": [5, 6, 7, 8, 9, 10, 11, 12, 40, 3, 77, 21, 90, 13]}\n");
        ObjectNode n = Json.object().put("kind", "prune").put("method", method).put("data", data.toString())
                .put("model", CASES.resolve(model).toString());
        n.putArray("evalData").addObject().put("name", "few").put("file", few.toString());
        n.set("settings", Json.mapper().readTree(settings.replace('\'', '"')));
        return Task.fromJson(n);
    }

    private Path at(String name) {
        return folder.resolve(name).resolve("result");
    }

    /// Counts how often the computation looks whether it is to go on, which it does at every layer that sequences pass: apart for what is measured and for the rest of the run.
    private static final class Watched implements Progress {
        /// Breaks off after so many looks of what is measured.
        private final long most;
        /// Breaks off where this is there.
        private final Path until;
        private boolean measures;
        private long measured;

        Watched(long most, Path until) {
            this.most = most;
            this.until = until;
        }

        @Override
        public void step(long done, long total, String unit) {
            measures = MEASURED.contains(unit) && done < total;
        }

        @Override
        public void figures(long step, Map<String, Double> values) {}

        @Override
        public void checkCancelled() {
            measured += measures ? 1 : 0;
            if (measured > most || until != null && Files.exists(until)) {
                throw new CancelledException();
            }
        }
    }

    /// Runs in groups of 256 tokens, so that few texts are several.
    private Watched run(Task task, String name, Watched watched) throws IOException {
        RunFolder folder = RunFolder.of(at(name));
        try (Whole out = Whole.folder(at(name))) {
            StructuredRun.run((Task.Prune) task, out.staging(), folder, "run", new KeptSums(folder, "run", 256, warnings::add), watched, warnings::add);
            out.commit();
        }
        return watched;
    }

    private static void requireSame(Path x, Path y) throws IOException {
        try (Stream<Path> files = Files.list(x)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".safetensors")).toList()) {
                assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(y.resolve(file.getFileName())), file.toString());
            }
        }
        JsonNode a = Json.mapper().readTree(x.resolve("pruning_report.json").toFile());
        JsonNode b = Json.mapper().readTree(y.resolve("pruning_report.json").toFile());
        for (String part : List.of("layers", "sparsity", "allocation", "output")) {
            assertEquals(a.get(part), b.get(part), part);
        }
    }

    /// Every session is broken off before it has done half of what is to be measured: only a run that keeps what it has measured ever ends, and it does little of it twice.
    /// (What `submoe` measures first is all that `experts` does.)
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "llama-gqa|shortgpt|{'layers': 1}|5",
        "qwen3|dha|{'sparsity': 0.5}|5",
        "mixtral|submoe|{'experts': 3}|4",
        "llama-gqa|heads|{'sparsity': 0.2, 'even': false}|2",
        "llama-gqa|taylor|{'sparsity': 0.3, 'secondOrder': true}|5",
        "gemma2|swift_skip|{'sparsity': 0.5}|1"})
    void goesOnFromWhatWasMeasuredToTheSameBits(String model, String method, String settings, int sequences) throws IOException {
        Task task = task(model, method, settings, sequences);
        long all = run(task, "whole", new Watched(Long.MAX_VALUE, null)).measured;
        int sessions = 0;
        long looks = 0;
        while (!Files.exists(at("broken"))) {
            Watched now = new Watched(all * 45 / 100, null);
            try {
                run(task, "broken", now);
            } catch (Progress.CancelledException e) {
                assertFalse(Files.exists(at("broken")), "whole or absent");
            }
            looks += now.measured;
            assertTrue(++sessions < 8, "it never ends");
        }
        assertTrue(sessions >= 3 && looks < 2 * all, sessions + " sessions measured " + looks + " for " + all);
        requireSame(at("whole"), at("broken"));
        assertEquals(List.of(), warnings.stream().filter(w -> w.contains("damaged")).toList());
    }

    /// Parts of the work that follow each other are kept one by one, and those that are there are not written again.
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"qwen3|dha|{'sparsity': 0.5}", "mixtral|submoe|{'experts': 3}", "llama-gqa|masa|{'rank': 2, 'targetModules': ['q_proj', 'up_proj']}"})
    void goesOnAfterTheLastPartThatIsFinished(String model, String method, String settings) throws IOException {
        Task task = task(model, method, settings, 2);
        run(task, "whole", new Watched(Long.MAX_VALUE, null));
        Path first = folder.resolve("broken/steps/00000001/layer.json");
        if (method.equals("masa")) {
            Path products = folder.resolve("broken/steps/sums/inner_products.safetensors");
            assertThrows(Progress.CancelledException.class, () -> run(task, "broken", new Watched(Long.MAX_VALUE, products)));
            try (SafetensorsFile kept = SafetensorsFile.open(products)) {
                assertEquals("1", kept.metadata().get("done"), "kinds of matrices");
            }
        }
        assertThrows(Progress.CancelledException.class, () -> run(task, "broken", new Watched(Long.MAX_VALUE, first)));
        assertFalse(Files.exists(at("broken")) || Files.exists(folder.resolve("broken/steps/00000002")));
        FileTime written = Files.getLastModifiedTime(first);
        long measured = run(task, "broken", new Watched(Long.MAX_VALUE, null)).measured;
        assertEquals(0, measured, "what was measured is known");
        assertEquals(written, Files.getLastModifiedTime(first));
        assertTrue(Files.exists(folder.resolve("broken/steps/00000002/layer.json")));
        requireSame(at("whole"), at("broken"));
    }

    /// A file that was damaged, or is another run's, is not believed.
    @Test
    void sumsThatAreDamagedOrAnothersAreComputedAgain() throws IOException {
        RunFolder here = new RunFolder(folder.resolve("run"));
        KeptSums kept = new KeptSums(here, "a", 6, warnings::add);
        List<int[]> three = List.of(new int[3], new int[3], new int[3]);
        double[] sum = new double[2];
        List<Integer> added = new ArrayList<>();
        KeptSums.Batch batch = (from, to) -> {
            added.add(from);
            sum[0] += to;
            sum[1] += 1.0 / 3;
        };
        kept.over("some", List.of(sum), three, batch);
        assertEquals(List.of(0, 2), added);
        double[] again = new double[2];
        kept.over("some", List.of(again), three, batch);
        assertEquals(2, added.size(), "all is there");
        assertArrayEquals(sum, again);
        assertEquals(0, new KeptSums(here, "b", 6, warnings::add).of("some", List.of(new double[2])).done());
        assertEquals(List.of(), warnings);
        Path file = here.steps().resolve("sums/some.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1] ^= 1;
        Files.write(file, bytes);
        double[] fresh = new double[2];
        assertEquals(0, kept.of("some", List.of(fresh)).done());
        assertArrayEquals(new double[2], fresh);
        assertEquals(List.of("What the run had kept of its some is damaged: it is computed again."), warnings);
        Files.write(file, java.util.Arrays.copyOf(bytes, 40));
        assertEquals(0, kept.of("some", List.of(fresh)).done());
        assertEquals(0, kept.of("some", List.of(new double[3])).done());
    }

    /// Asked to pause, a run ends when what it has added up is kept, and says so where it was asked for a result that it cannot have yet.
    @Test
    void looksForTheWishToStopWhenItKeeps() throws IOException {
        Task task = task("llama-gqa", "heads", "{'sparsity': 0.1}", 3);
        RunFolder run = RunFolder.of(at("asked"));
        run.ask(RunFolder.Stop.finish);
        Watched watched = new Watched(Long.MAX_VALUE, null);
        assertThrows(Progress.CancelledException.class, () -> run(task, "asked", watched));
        assertTrue(watched.measured > 0 && Files.exists(run.steps().resolve("sums/heads-1.safetensors")) && !Files.exists(at("asked")));
        assertTrue(warnings.getLast().contains("has no result before all is scored"), warnings.toString());
        Files.delete(run.stop());
        assertTrue(run(task, "asked", new Watched(Long.MAX_VALUE, null)).measured > 0);
        // As every task does, it ends with the artifact, which holds all that was kept.
        TaskRunner.run(task, at("task"), new Watched(Long.MAX_VALUE, null), warnings::add);
        assertFalse(Files.exists(folder.resolve("task/steps/sums")));
    }
}
