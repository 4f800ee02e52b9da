package vitrine.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import vitrine.core.json.Json;

/// The kernels' two forms, by JMH: what the choice between them rests on.
final class KernelsBench {

    private final Setting setting;

    KernelsBench(Setting setting) {
        this.setting = setting;
    }

    String run() throws IOException {
        setting.say("kernels");
        Path results = setting.scratch().resolve("jmh.json");
        String jvm = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Measured.run(List.of(jvm, "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow", "--add-modules", "jdk.incubator.vector",
                "-cp", setting.core() + java.io.File.pathSeparator + setting.classPath(), "org.openjdk.jmh.Main", "KernelBench", "-rf", "json", "-rff", results.toString()), Map.of(), setting.scratch());
        Map<String, Map<String, Double>> nanos = new TreeMap<>();
        for (JsonNode run : Json.mapper().readTree(results.toFile())) {
            String benchmark = run.path("benchmark").asText();
            nanos.computeIfAbsent(benchmark.substring(benchmark.lastIndexOf('.') + 1), k -> new TreeMap<>())
                    .put(run.path("params").path("form").asText(), run.path("primaryMetric").path("score").asDouble());
        }
        StringBuilder report = new StringBuilder("## Kernels, once compiled\n\nNanoseconds per value on all threads (JMH, average time).\n\n"
                + "| | plain loop | vector form | times as fast |\n| --- | --- | --- | --- |\n");
        nanos.forEach((name, forms) -> report.append(String.format(Locale.ROOT, "| %s | %.3f | %.3f | %.1f |%n", name, forms.get("plain"), forms.get("vectors"),
                forms.get("plain") / forms.get("vectors"))));
        return report.append('\n').toString();
    }
}
