package vitrine.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;

/// Singular values of all matrices of a checkpoint that is larger than most memories: how steady `vitrine spectrum` reads on, and how
/// little of it is resident. One run; property `bench.stream.layers`: of how many layers, 32 by default.
final class StreamBench {

    private static final int LAYERS = Integer.getInteger("bench.stream.layers", RandomCheckpoint.LLAMA_8B.layers());
    private static final int TENTHS = 10;

    private final Setting setting;
    private final Path folder;
    private final Path model;

    StreamBench(Setting setting) {
        this.setting = setting;
        folder = setting.scratch().resolve("stream");
        model = folder.resolve("model");
    }

    String run() throws IOException {
        Files.createDirectories(folder);
        RandomCheckpoint shape = RandomCheckpoint.LLAMA_8B.withLayers(LAYERS);
        setting.say("stream: making the checkpoint");
        shape.write(model);
        double gigabytes = Files.size(model.resolve("model.safetensors")) / 1e9;
        setting.say(String.format(Locale.ROOT, "stream: %.1f GB", gigabytes));
        List<double[]> progress = new ArrayList<>();
        Measured m = Measured.run(List.of(setting.image().command(), "spectrum", model.toString(), "--accuracy", "fast", "--json", "--threads", String.valueOf(setting.threads()),
                "--out", folder.resolve("spectra").toString()), Image.environment(folder.resolve("home"), true), folder, (line, seconds) -> {
            if (line.startsWith("{\"event\":\"progress\"")) {
                JsonNode event = read(line);
                progress.add(new double[] {seconds, event.get("done").doubleValue(), event.get("total").doubleValue()});
            }
        });
        JsonNode result = read(m.out().lines().reduce((a, b) -> b).orElseThrow());
        String report = String.format(Locale.ROOT, """
                ## Singular values of all matrices of %.1f GB, %s's shape with %d layers, bfloat16, %d threads

                `vitrine spectrum --accuracy fast`, one run, the whole command. Each tenth of the work is counted in the floating-point operations that the command's progress counts.

                | seconds | CPU seconds | peak resident memory, MiB (limit 1,000 MB) | s/GB, by itself | seconds of each tenth, median (range) |
                | --- | --- | --- | --- | --- |
                | %s | %s | %s | %.2f | %s |

                """, gigabytes, shape.name(), shape.layers(), setting.threads(), Statistics.seconds(m.seconds()), Statistics.seconds(m.cpuSeconds()), Statistics.mebibytes(m.peakBytes()),
                result.get("seconds_per_gigabyte").doubleValue(), Statistics.secondsWithRange(tenths(progress)));
        Whole.delete(folder);
        return report;
    }

    /// Seconds that each tenth of the work took, interpolated between the reports of progress.
    private static List<Double> tenths(List<double[]> progress) {
        List<Double> seconds = new ArrayList<>();
        double before = progress.getFirst()[0];
        for (int tenth = 1, i = 1; tenth <= TENTHS; tenth++) {
            double done = progress.getLast()[2] * tenth / TENTHS;
            while (progress.get(i)[1] < done) {
                i++;
            }
            double[] a = progress.get(i - 1);
            double[] b = progress.get(i);
            double at = a[0] + (b[0] - a[0]) * (done - a[1]) / (b[1] - a[1]);
            seconds.add(at - before);
            before = at;
        }
        return seconds;
    }

    private static JsonNode read(String json) {
        try {
            return Json.mapper().readTree(json);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
