package vitrine.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import vitrine.core.files.Whole;
import vitrine.core.testing.HugeCheckpoint;
import vitrine.core.testing.OpenOnce;

/// Opening a sharded checkpoint of 140 GB and 100,003 tensors (sparse files).
final class OpenBench {

    private static final String MAX_HEAP = "256m";
    private static final Pattern SAID = Pattern.compile("open=([\\d.]+) anatomy=([\\d.]+) heap=(\\d+)");

    private final Setting setting;

    OpenBench(Setting setting) {
        this.setting = setting;
    }

    String run() throws IOException {
        Path huge = setting.scratch().resolve("huge");
        long bytes = HugeCheckpoint.write(huge);
        Path once = setting.image().scriptFor(OpenOnce.class.getName(), setting.core().toString(), MAX_HEAP, setting.scratch().resolve("open-once"));
        Path home = setting.scratch().resolve("home");
        Map<Boolean, List<Measured>> opening = new LinkedHashMap<>(Map.of());
        List<Measured> text = new ArrayList<>();
        List<Measured> json = new ArrayList<>();
        for (int round = 0; round <= setting.rounds(); round++) {
            setting.say("open: round " + round + " of " + setting.rounds());
            for (boolean aot : new boolean[] {true, false}) {
                opening.computeIfAbsent(aot, k -> new ArrayList<>()).add(Measured.run(List.of(once.toString(), huge.toString()), Image.environment(home, aot), setting.scratch()));
            }
            text.add(Measured.run(List.of(setting.image().command(), "open", huge.toString()), Image.environment(home, true), setting.scratch()));
            json.add(Measured.run(List.of(setting.image().command(), "open", "--json", huge.toString()), Image.environment(home, true), setting.scratch()));
        }
        Whole.delete(huge);
        opening.values().forEach(List::removeFirst);
        text.removeFirst();
        json.removeFirst();
        StringBuilder report = new StringBuilder(String.format(Locale.ROOT, """
                ## Opening a checkpoint of %,.0f GB in %,d tensors, sharded

                The first thing that a JVM with at most %s of heap does; medians of %d rounds (range). Heap is the sum of its parts' peaks, garbage included.

                | | seconds | heap, MiB |
                | --- | --- | --- |
                """, bytes / 1e9, HugeCheckpoint.TENSORS, MAX_HEAP, setting.rounds()));
        opening.forEach((aot, runs) -> {
            String suffix = aot ? ", with the AOT cache" : ", without";
            report.append("| opening: index, all headers, all checks").append(suffix).append(aot ? " (target 1 s, 256 MiB) | " : " | ")
                    .append(Statistics.secondsWithRange(runs.stream().map(r -> said(r, 1)).toList())).append(" | ")
                    .append(String.format(Locale.ROOT, "%.0f", Statistics.median(runs, r -> said(r, 3)))).append(" |\n");
            report.append("| then the anatomy: parts, types, parameters, warnings").append(suffix).append(" | ")
                    .append(Statistics.secondsWithRange(runs.stream().map(r -> said(r, 2)).toList())).append(" | |\n");
        });
        report.append("\n| whole command | seconds | CPU seconds | peak resident memory, MiB |\n| --- | --- | --- | --- |\n");
        row(report, "`vitrine open`", text);
        row(report, "`vitrine open --json`, every tensor", json);
        return report.append('\n').toString();
    }

    private static void row(StringBuilder report, String name, List<Measured> runs) {
        report.append("| ").append(name).append(" | ").append(Statistics.secondsWithRange(runs.stream().map(Measured::seconds).toList())).append(" | ")
                .append(Statistics.seconds(Statistics.median(runs, Measured::cpuSeconds))).append(" | ")
                .append(Statistics.mebibytes(Statistics.median(runs, Measured::peakBytes))).append(" |\n");
    }

    private static double said(Measured run, int group) {
        Matcher m = SAID.matcher(run.out());
        if (!m.find()) {
            throw new IllegalStateException("it said: " + run.out() + run.err());
        }
        return Double.parseDouble(m.group(group));
    }
}
