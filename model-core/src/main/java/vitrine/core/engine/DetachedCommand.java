package vitrine.core.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// A command line of ours in a process of its own that outlives this one: a training run goes on when the window is closed or killed.
///
/// It gets no input; what it says goes to a file. What it does is read from the store of runs, not from here.
public final class DetachedCommand {

    /// The main class of the command line.
    public static final String MAIN_CLASS = "vitrine.app.Main";
    private static final Path SETSID = Path.of("/usr/bin/setsid");
    private static final List<String> PASSED_ON = List.of("vitrine.natives", "vitrine.samples", "vitrine.home", WorkerCommand.AOT_PROPERTY, WorkerCommand.LOGS_PROPERTY, "DJL_CACHE_DIR",
            "java.library.path", "org.bytedeco.javacpp.pathsFirst", "org.bytedeco.javacpp.cacheLibraries", "org.sqlite.lib.path", "org.sqlite.lib.name");

    private DetachedCommand() {}

    /// The command: the same runtime and class path as this process's.
    static List<String> command(List<String> arguments) {
        List<String> c = new ArrayList<>();
        if (Files.isExecutable(SETSID)) {
            // A session of its own: closing the terminal that the window was started from ends the window only.
            c.add(SETSID.toString());
        }
        c.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:+UseSerialGC", "-Xms32m", "-Xmx512m", "-Xss1m",
                "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow", "-Dai.djl.offline=true"));
        for (String property : PASSED_ON) {
            if (System.getProperty(property) != null) {
                c.add("-D" + property + "=" + System.getProperty(property));
            }
        }
        c.addAll(List.of("-cp", System.getProperty("java.class.path"), MAIN_CLASS));
        c.addAll(arguments);
        return c;
    }

    /// Starts it.
    ///
    /// @param said where its output goes, after what is there
    public static ProcessHandle start(List<String> arguments, Path said) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command(arguments)).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(said.toFile()));
        builder.redirectInput(ProcessBuilder.Redirect.from(nothing()));
        Process process = builder.start();
        return process.toHandle();
    }

    private static java.io.File nothing() {
        return new java.io.File(System.getProperty("os.name").startsWith("Windows") ? "NUL" : "/dev/null");
    }
}
