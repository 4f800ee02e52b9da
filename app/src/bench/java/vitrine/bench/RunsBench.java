package vitrine.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import vitrine.core.json.Json;
import vitrine.core.run.RunRecord;
import vitrine.core.run.RunStore;

/// Listing a thousand runs of five hundred steps each.
final class RunsBench {

    private static final int RUNS = 1000;
    private static final int STEPS = 500;

    private final Setting setting;

    RunsBench(Setting setting) {
        this.setting = setting;
    }

    String run() throws IOException {
        Path home = setting.scratch().resolve("runs-home");
        List<Double> opening = new ArrayList<>();
        List<Double> listing = new ArrayList<>();
        fill(home.resolve("runs"));
        List<Measured> command = new ArrayList<>();
        for (int round = 0; round <= setting.rounds(); round++) {
            setting.say("runs: round " + round + " of " + setting.rounds());
            long started = System.nanoTime();
            try (RunStore store = RunStore.open(home.resolve("runs"))) {
                opening.add((System.nanoTime() - started) / 1e9);
                started = System.nanoTime();
                if (store.list().size() != RUNS) {
                    throw new IllegalStateException("runs are missing");
                }
                listing.add((System.nanoTime() - started) / 1e9);
            }
            command.add(Measured.run(List.of(setting.image().command(), "runs", "list"), Image.environment(home, true), setting.scratch()));
        }
        opening.removeFirst();
        listing.removeFirst();
        command.removeFirst();
        return String.format(Locale.ROOT, """
                ## Listing %,d runs of %,d steps

                Medians of %d rounds (range).

                | | seconds |
                | --- | --- |
                | the store opened and checked | %s |
                | all runs with their last figures (target 1 s) | %s |
                | `vitrine runs list`, whole command | %s |

                """, RUNS, STEPS, setting.rounds(), Statistics.secondsWithRange(opening), Statistics.secondsWithRange(listing), Statistics.secondsWithRange(command.stream().map(Measured::seconds).toList()));
    }

    private static void fill(Path folder) throws IOException {
        try (RunStore store = RunStore.open(folder)) {
            TreeMap<Long, Map<String, Double>> rows = new TreeMap<>();
            for (long s = 1; s <= STEPS; s++) {
                rows.put(s, Map.of("loss", 3.0, "gradient_norm", 1.0, "learning_rate", 1e-4, "tokens_per_second", 1000.0, "resident_bytes", 1e9));
            }
            for (int i = 0; i < RUNS; i++) {
                RunRecord r = store.create(Json.object().put("kind", "finetune").put("model", "/m").put("data", "/d").put("method", "lora"), Json.object());
                store.record(r.number(), rows);
            }
        }
    }
}
