package vitrine.core.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.json.Json;

class RunStoreTest {

    @TempDir
    Path folder;

    private static ObjectNode task(int steps) {
        ObjectNode t = Json.object().put("kind", "finetune").put("model", "/m").put("data", "/d").put("method", "lora");
        t.putObject("settings").put("steps", steps).put("lr", 1e-3);
        return t;
    }

    @Test
    void tellsFiguresFromAStepOnAndTheLastOnes() throws Exception {
        try (RunStore store = RunStore.open(folder)) {
            RunRecord run = store.create(task(9), RunStore.environment("embedded", "3", 2));
            assertEquals(2, store.environment(run.number()).path("threads").asInt());
            TreeMap<Long, Map<String, Double>> rows = new TreeMap<>();
            rows.put(0L, Map.of("validation_loss", 5.0));
            for (long s = 1; s <= 6; s++) {
                rows.put(s, Map.of("loss", 4.0 - s / 10.0, "gradient_norm", 1.0));
            }
            rows.put(4L, Map.of("loss", 3.6, "gradient_norm", 1.0, "validation_loss", 4.5));
            store.record(run.number(), rows);
            assertEquals(List.of(5L, 6L), List.copyOf(store.figures(run.number(), 5).get("loss").keySet()));
            assertEquals(Map.of("loss", new TreeMap<>(Map.of(6L, 3.4)), "gradient_norm", new TreeMap<>(Map.of(6L, 1.0))), store.figures(run.number(), 6));
            assertEquals(List.of(0L, 4L), List.copyOf(store.figures(run.number()).get("validation_loss").keySet()));
            RunRecord now = store.get(run.number()).orElseThrow();
            assertEquals(6, now.step());
            assertEquals(3.4, now.loss());
            assertEquals(4.5, now.validation());
        }
    }

    @Test
    void aChangedTaskIsInTheStoreAndInTheFolder() throws Exception {
        try (RunStore store = RunStore.open(folder); RunStore other = RunStore.open(folder)) {
            RunRecord run = store.create(task(9), RunStore.environment("embedded", "3", 2));
            long before = other.revision();
            store.change(run.number(), task(18));
            assertNotEquals(before, other.revision(), "another process sees that something was written");
            assertEquals(18, other.get(run.number()).orElseThrow().task().at("/settings/steps").asInt());
            assertEquals(18, Json.mapper().readTree(run.folder().resolve("task.json").toFile()).at("/task/settings/steps").asInt());
            assertEquals(18, other.get(run.number()).orElseThrow().steps());
        }
    }

    @Test
    void comparesSettings() {
        ObjectNode b = task(9);
        b.withObject("/settings").put("lr", 2e-3).put("r", 4);
        List<RunComparison.Difference> d = RunComparison.of(task(9), b);
        assertEquals(List.of("settings.lr", "settings.r"), d.stream().map(RunComparison.Difference::key).toList());
        assertEquals(2e-3, d.getFirst().b().asDouble());
        assertTrue(d.getLast().a() == null && d.getLast().b().asInt() == 4);
    }

    /// A thousand runs list in under a second, as the design asks (measured by the benchmark `runs`): figures are looked up by their whole key, and never gone through.
    @Test
    void listsRunsWithoutReadingAllTheirFigures() throws Exception {
        try (RunStore store = RunStore.open(folder)) {
            for (int i = 0; i < 3; i++) {
                RunRecord r = store.create(task(9), Json.object());
                store.record(r.number(), new TreeMap<>(Map.of(1L, Map.of("loss", 3.0), 5L, Map.of("loss", 2.0 + i, "validation_loss", 1.0), 7L, Map.of("gradient_norm", 1.0))));
            }
            assertEquals(List.of(4.0, 3.0, 2.0), store.list().stream().map(RunRecord::loss).toList());
            assertEquals(List.of(5L, 5L, 5L), store.list().stream().map(RunRecord::step).toList());
            assertEquals(List.of(1.0, 1.0, 1.0), store.list().stream().map(RunRecord::validation).toList());
        }
        List<String> plan = new ArrayList<>();
        try (Connection db = DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("runs.db")); Statement s = db.createStatement();
                ResultSet rows = s.executeQuery("EXPLAIN QUERY PLAN " + RunStore.RUNS + "ORDER BY number DESC")) {
            while (rows.next()) {
                plan.add(rows.getString("detail"));
            }
        }
        List<String> figures = plan.stream().filter(d -> d.contains("metrics")).toList();
        assertEquals(3, figures.size(), plan.toString());
        figures.forEach(d -> assertTrue(d.matches("SEARCH metrics USING PRIMARY KEY \\(run=\\? AND name=\\?\\)"), d));
    }

    /// Programs that start at the same moment on a store that is not there yet: each waits for the others, and none takes the file of another for damaged.
    @Test
    void manyOpenANewStoreAtOnce() throws Exception {
        for (int round = 0; round < 40; round++) {
            Path here = folder.resolve("runs" + round);
            CyclicBarrier start = new CyclicBarrier(4);
            try (ExecutorService programs = Executors.newFixedThreadPool(4)) {
                List<Future<Long>> made = new ArrayList<>();
                for (int p = 0; p < 4; p++) {
                    made.add(programs.submit(() -> {
                        start.await();
                        try (RunStore store = RunStore.open(here)) {
                            return store.create(task(1), RunStore.environment("embedded", "3", 2)).number();
                        }
                    }));
                }
                Set<Long> numbers = new TreeSet<>();
                for (Future<Long> m : made) {
                    numbers.add(m.get());
                }
                assertEquals(Set.of(1L, 2L, 3L, 4L), numbers);
            }
            try (RunStore store = RunStore.open(here); Stream<Path> files = Files.list(here)) {
                assertEquals(4, store.list().size());
                assertEquals(List.of(), files.filter(p -> p.getFileName().toString().contains("damaged")).toList());
            }
        }
    }
}
