package vitrine.app.shell;

import static vitrine.app.shell.WindowHarness.REFERENCE;
import static vitrine.app.shell.WindowHarness.fx;

import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Stream;
import vitrine.app.preferences.Preference;
import vitrine.app.program.Folders;
import vitrine.app.program.SampleOffer;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.WorkerCommand;
import vitrine.resources.Language;
import vitrine.views.attention.AttentionView;
import vitrine.views.chart.Theme;
import vitrine.views.view.ViewKind;

/// Opens, captures, switches and closes for as long as is asked, and writes what the window's process and its worker hold: a leak is a slope.
///
/// Not a part of the tests. `java … vitrine.app.shell.Soak MINUTES TABLE.csv [SEED]`; a line every 30 s, after a collection, with nothing open.
public final class Soak {

    private static final Duration EVERY = Duration.ofSeconds(30);
    private static final List<String> MODELS = List.of("llama-tied", "mixtral", "qwen3", "gpt2", "gemma2");

    private record Sample(double minutes, long rounds, double heapMib, double residentMib, double workerMib, int threads, int children, int files) {}

    private final WindowHarness h;
    private final Random random;
    private final List<Sample> samples = new ArrayList<>();
    private long rounds;
    private int waited;

    private Soak(WindowHarness h, long seed) {
        this.h = h;
        random = new Random(seed);
    }

    public static void main(String[] args) throws Exception {
        double minutes = Double.parseDouble(args[0]);
        long seed = args.length > 2 ? Long.parseLong(args[2]) : 1;
        Path home = Files.createTempDirectory("vitrine-soak");
        // The artifact store is kept small, so that tasks are computed again and old results go, as in a long life.
        EmbeddedEngine engine = new EmbeddedEngine(new ArtifactStore(home.resolve("artifacts"), 4L << 20), WorkerCommand.embedded(2, 4L << 30));
        try (WindowHarness h = new WindowHarness(home, engine, SampleOffer.all(new Folders(home))); PrintStream out = new PrintStream(Files.newOutputStream(Path.of(args[1])), true)) {
            new Soak(h, seed).run(Duration.ofMillis(Math.round(minutes * 60_000)), out);
            if (!h.faults.isEmpty()) {
                throw new IllegalStateException(h.faults.size() + " faults, the first: " + h.faults.getFirst(), h.faults.getFirst());
            }
        }
        System.exit(0);
    }

    private void run(Duration length, PrintStream out) throws Exception {
        Instant begin = Instant.now();
        Instant next = begin;
        out.println("minutes,rounds,heap_mib,resident_mib,worker_mib,threads,children,files");
        while (Duration.between(begin, Instant.now()).compareTo(length) < 0) {
            try {
                round();
            } catch (IllegalStateException | AssertionError late) {
                // On a machine that others keep busy this program may stand still for minutes; a window that hangs for ever would make no more rounds.
                System.out.println(Instant.now() + " late: " + late.getMessage().lines().findFirst().orElse(""));
                waited++;
                continue;
            }
            if (!Instant.now().isBefore(next)) {
                Sample s = sample(Duration.between(begin, Instant.now()).toMillis() / 60_000.0);
                samples.add(s);
                out.printf(Locale.ROOT, "%.2f,%d,%.1f,%.1f,%.1f,%d,%d,%d%n", s.minutes, s.rounds, s.heapMib, s.residentMib, s.workerMib, s.threads, s.children, s.files);
                next = Instant.now().plus(EVERY);
            }
        }
        summary();
    }

    /// One life of a few checkpoints: opened, looked at in every view, closed.
    private void round() {
        rounds++;
        List<String> names = new ArrayList<>(MODELS);
        java.util.Collections.shuffle(names, random);
        for (String name : names.subList(0, 2)) {
            h.open(REFERENCE.resolve(name));
        }
        h.settle();
        for (int i = 0; i < 8; i++) {
            ViewKind kind = ViewKind.values()[random.nextInt(ViewKind.values().length)];
            WindowHarness.run(() -> h.window.tabs().choose(kind));
            WindowHarness.run(() -> {
                if (h.window.present().orElse(null) instanceof AttentionView view && view.model().obstacle().isEmpty()) {
                    view.model().promptProperty().set(ids(random));
                    view.model().run();
                }
            });
            h.resize(1024 + random.nextInt(1200), 680 + random.nextInt(700));
            if (random.nextInt(4) == 0) {
                WindowHarness.run(() -> h.services.workspace().currentProperty().set(h.services.workspace().subjects().get(random.nextInt(h.services.workspace().subjects().size()))));
            }
            if (random.nextInt(6) == 0) {
                h.press("Shortcut+Shift+P");
            }
            h.settle();
        }
        WindowHarness.run(() -> h.services.themes().themeProperty().set(random.nextBoolean() ? Theme.DARK : Theme.LIGHT));
        WindowHarness.run(() -> h.services.settings().choose(Preference.LANGUAGE, Language.values()[random.nextInt(2)].tag(), s -> { }));
        WindowHarness.run(() -> List.copyOf(h.window.tabs().pinned()).forEach(h.window.tabs()::close));
        WindowHarness.run(() -> List.copyOf(h.services.workspace().subjects()).forEach(h.services.workspace()::close));
        h.settle();
    }

    private static String ids(Random random) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < 12; i++) {
            out.append(1 + random.nextInt(60)).append(' ');
        }
        return out.toString().strip();
    }

    private Sample sample(double minutes) throws IOException {
        for (int i = 0; i < 3; i++) {
            System.gc();
            fx(() -> null);
        }
        long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
        long worker = ((EmbeddedEngine) h.services.engine()).workerPid().map(Soak::resident).orElse(0L);
        int files;
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            files = (int) open.count();
        }
        return new Sample(minutes, rounds, heap / 1048576.0, resident(ProcessHandle.current().pid()) / 1048576.0, worker / 1048576.0, Thread.getAllStackTraces().size(),
                (int) ProcessHandle.current().descendants().count(), files);
    }

    private static long resident(long pid) {
        try {
            return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream().filter(l -> l.startsWith("VmRSS:")).findFirst().map(l -> Long.parseLong(l.replaceAll("\\D", "")) * 1024).orElse(0L);
        } catch (IOException gone) {
            return 0;
        }
    }

    /// First and last values and slopes, least squares over the second half, where caches are full.
    private void summary() {
        List<Sample> late = samples.subList(samples.size() / 2, samples.size());
        System.out.printf(Locale.ROOT, "%d rounds in %.1f min, %d broken off since the machine was busy%n", rounds, samples.getLast().minutes, waited);
        for (var column : List.<java.util.Map.Entry<String, java.util.function.ToDoubleFunction<Sample>>>of(java.util.Map.entry("heap MiB", Sample::heapMib),
                java.util.Map.entry("resident MiB", Sample::residentMib), java.util.Map.entry("worker MiB", Sample::workerMib), java.util.Map.entry("threads", Sample::threads),
                java.util.Map.entry("children", Sample::children), java.util.Map.entry("open files", Sample::files))) {
            System.out.printf(Locale.ROOT, "%-14s first %8.1f  middle %8.1f  last %8.1f  slope %8.3f per hour%n", column.getKey(), column.getValue().applyAsDouble(samples.getFirst()),
                    column.getValue().applyAsDouble(samples.get(samples.size() / 2)), column.getValue().applyAsDouble(samples.getLast()), 60 * slope(late, column.getValue()));
        }
    }

    private static double slope(List<Sample> samples, java.util.function.ToDoubleFunction<Sample> y) {
        double mx = samples.stream().mapToDouble(Sample::minutes).average().orElse(0);
        double my = samples.stream().mapToDouble(y).average().orElse(0);
        double xy = samples.stream().mapToDouble(s -> (s.minutes - mx) * (y.applyAsDouble(s) - my)).sum();
        double xx = samples.stream().mapToDouble(s -> (s.minutes - mx) * (s.minutes - mx)).sum();
        return xx == 0 ? 0 : xy / xx;
    }
}
