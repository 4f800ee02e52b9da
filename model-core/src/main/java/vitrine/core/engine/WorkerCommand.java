package vitrine.core.engine;

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// How to start a worker: the command line and the environment that it needs.
///
/// @param command program and arguments
/// @param environment added to this process's own
/// @param folder where it runs, or null for where this process does
public record WorkerCommand(List<String> command, Map<String, String> environment, Path folder) {

    public WorkerCommand(List<String> command, Map<String, String> environment) {
        this(command, environment, null);
    }

    /// The main class of the embedded engine's worker.
    public static final String MAIN_CLASS = "vitrine.app.worker.WorkerMain";
    /// The AOT cache of the worker, beside the installed program's jars; unset in the build tree.
    public static final String AOT_PROPERTY = "vitrine.worker.aot";

    /// The folder for crash reports of workers; without it they go where the system puts temporary files.
    public static final String LOGS_PROPERTY = "vitrine.logs";

    private static final List<String> PASSED_ON = List.of("vitrine.natives", "vitrine.home", "DJL_CACHE_DIR", "java.library.path",
            "org.bytedeco.javacpp.pathsFirst", "org.bytedeco.javacpp.cacheLibraries", "org.sqlite.lib.path", "org.sqlite.lib.name");
    private static final long MEBI = 1 << 20;

    /// A worker JVM like this one: the same runtime and class path.
    ///
    /// @param threads how many threads compute
    /// @param memoryBytes the most physical memory that it may use
    public static WorkerCommand embedded(int threads, long memoryBytes) {
        List<String> c = new ArrayList<>();
        c.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        c.addAll(List.of("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow", "--add-modules", "jdk.incubator.vector",
                "-XX:+ExitOnOutOfMemoryError", "-XX:+UseSerialGC", "-Xms64m", "-Xss2m", "-Dai.djl.offline=true", "-DOPT_OUT_TRACKING=true"));
        // A crash's report does not belong into the folder that the user happens to be in.
        c.add("-XX:ErrorFile=" + Path.of(System.getProperty(LOGS_PROPERTY, System.getProperty("java.io.tmpdir")), "worker-crash-%p.log"));
        c.add("-Xmx" + Math.clamp(memoryBytes / 4 / MEBI, 256, 4096) + "m");
        c.add("-Dorg.bytedeco.javacpp.maxbytes=" + memoryBytes);
        c.add("-Dorg.bytedeco.javacpp.maxphysicalbytes=" + memoryBytes);
        c.add("-Dvitrine.threads=" + threads);
        for (String property : PASSED_ON) {
            if (System.getProperty(property) != null) {
                c.add("-D" + property + "=" + System.getProperty(property));
            }
        }
        String aot = System.getProperty(AOT_PROPERTY);
        if (aot != null && Files.exists(Path.of(aot))) {
            // Standard output is the protocol: the JVM's own words go to standard error.
            c.addAll(List.of("-XX:AOTCache=" + aot, "-Xlog:disable", "-Xlog:all=error:stderr"));
        }
        c.addAll(List.of("-cp", System.getProperty("java.class.path"), MAIN_CLASS));
        Map<String, String> environment = new java.util.HashMap<>(Map.of("OMP_NUM_THREADS", String.valueOf(threads)));
        CoreType.ofThisMachine().ifPresent(name -> environment.put(CoreType.VARIABLE, name));
        return new WorkerCommand(c, environment);
    }

    /// A worker of the `pytorch` engine.
    public static WorkerCommand python(PythonInstallation python, PythonEngine.Setting setting) {
        Map<String, String> environment = new java.util.HashMap<>(pythonEnvironment(python.library()));
        environment.put("OMP_NUM_THREADS", String.valueOf(setting.threads()));
        environment.put("MKL_NUM_THREADS", String.valueOf(setting.threads()));
        return new WorkerCommand(List.of(python.executable().toString(), "-m", "vitrine_engine", "--device", setting.device(), "--threads", String.valueOf(setting.threads()),
                "--dtype", setting.precision().name()), environment, python.executable().getParent());
    }

    /// What a Python needs to find the engine's package, and to take nothing from the folder that the user happens to be in: newer ones by
    /// `PYTHONSAFEPATH`, older ones because they run in a folder of their own.
    static Map<String, String> pythonEnvironment(Path library) {
        String users = System.getenv("PYTHONPATH");
        return Map.of("PYTHONPATH", users == null || users.isEmpty() ? library.toString() : library + java.io.File.pathSeparator + users, "PYTHONSAFEPATH", "1",
                "PYTHONDONTWRITEBYTECODE", "1", "PYTHONUTF8", "1", "PYTHONUNBUFFERED", "1");
    }

    /// 80 % of this machine's memory.
    public static long defaultMemoryBytes() {
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return system.getTotalMemorySize() / 10 * 8;
    }
}
