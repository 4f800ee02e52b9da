package vitrine.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.engine.WorkerCommand;

/// The runnable folder under test.
///
/// @param folder `target/vitrine`
record Image(Path folder) {

    /// Switches the AOT cache off, wherever the flag that names it stands.
    private static final String WITHOUT_AOT = "-XX:AOTMode=off";

    String command() {
        return folder.resolve("bin/vitrine").toString();
    }

    Path java() {
        return folder.resolve("runtime/bin/java");
    }

    /// The environment of a command: a data folder of its own, and options.
    static Map<String, String> environment(Path home, boolean aot, String... options) {
        List<String> all = new ArrayList<>(List.of(options));
        if (!aot) {
            all.add(WITHOUT_AOT);
        }
        return Map.of("VITRINE_HOME", home.toString(), "VITRINE_JAVA_OPTIONS", String.join(" ", all));
    }

    /// How the installed program starts its worker.
    WorkerCommand worker(int threads, boolean aot) {
        Map<String, String> installed = Map.of("vitrine.natives", folder.resolve("natives").toString(), "DJL_CACHE_DIR", folder.resolve("natives/djl").toString(),
                "java.library.path", folder.resolve("natives").toString(), "org.sqlite.lib.path", folder.resolve("natives").toString(),
                "org.bytedeco.javacpp.pathsFirst", "true", "org.bytedeco.javacpp.cacheLibraries", "false",
                "java.class.path", folder.resolve("lib/vitrine.jar").toString(), WorkerCommand.AOT_PROPERTY, folder.resolve("lib/worker.aot").toString());
        Map<String, String> before = new HashMap<>();
        installed.forEach((k, v) -> before.put(k, System.setProperty(k, v)));
        try {
            WorkerCommand c = WorkerCommand.embedded(threads, WorkerCommand.defaultMemoryBytes());
            List<String> command = new ArrayList<>(c.command());
            command.set(0, java().toString());
            command.removeIf(f -> !aot && f.startsWith("-XX:AOTCache="));
            return new WorkerCommand(command, c.environment());
        } finally {
            before.forEach((k, v) -> {
                if (v == null) {
                    System.clearProperty(k);
                } else {
                    System.setProperty(k, v);
                }
            });
        }
    }

    /// A copy of the command's script that runs another main class with the very same flags.
    ///
    /// @param classes more of the class path
    Path scriptFor(String mainClass, String classes, String maxHeap, Path target) {
        try {
            String script = Files.readString(folder.resolve("bin/vitrine"));
            String changed = script.replace("vitrine.app.Main", mainClass).replace("/lib/vitrine.jar\"", "/lib/vitrine.jar:" + classes + "\"")
                    .replace("-Xmx1g", "-Xmx" + maxHeap).replaceAll("(?m)^home=.*$", "home=" + folder);
            if (!changed.contains(mainClass) || !changed.contains(classes) || !changed.contains("-Xmx" + maxHeap)) {
                throw new IllegalStateException("the command's script is not as expected");
            }
            Files.writeString(target, changed);
            target.toFile().setExecutable(true);
            return target;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
