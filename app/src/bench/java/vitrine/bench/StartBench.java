package vitrine.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.files.Whole;

/// How long it takes until something is there: the window's first frame, a short command's end, the worker's greeting; each with the AOT
/// cache and without.
final class StartBench {

    /// Starts are short and scatter: more rounds than elsewhere.
    private static final int TIMES = 2;
    private static final Pattern TIME = Pattern.compile(" after (\\d+) ms");
    /// The window on a platform without a display; `vitrine.app.FirstPaint` says when it was painted and closes it.
    private static final String[] WINDOW = {"-Dvitrine.bench.firstPaint=true", "-Dglass.platform=Headless", "-Dprism.order=sw", "-Djava.awt.headless=true"};

    private final Setting setting;
    private final Path home;

    StartBench(Setting setting) {
        this.setting = setting;
        home = setting.scratch().resolve("home");
    }

    String run() {
        int rounds = TIMES * setting.rounds();
        StringBuilder report = new StringBuilder("## Start, with the AOT cache and without\n\nSeconds; medians of " + rounds
                + " rounds in turns (range). The window is drawn by software on a platform without a display.\n\n"
                + "| | with | without | ratio |\n| --- | --- | --- | --- |\n");
        row(report, rounds, "window: start of the JVM to its first painted frame, empty", aot -> painted(aot, "first paint"));
        row(report, rounds, "window: start of the JVM to the first frame with all that belongs into it", aot -> painted(aot, "whole window"));
        row(report, rounds, "window: the whole process, closed after its first frame", aot -> window(aot).seconds());
        row(report, rounds, "`vitrine open` of a small checkpoint, whole command", aot -> command(aot, "open", setting.small().toString()).seconds());
        row(report, rounds, "`vitrine engines`, whole command", aot -> command(aot, "engines").seconds());
        row(report, rounds, "worker: start to greeting", this::greeting);
        return report.append('\n').toString();
    }

    private void row(StringBuilder report, int rounds, String name, ToDoubleFunction<Boolean> measure) {
        List<Double> with = new ArrayList<>();
        List<Double> without = new ArrayList<>();
        for (int round = 0; round <= rounds; round++) {
            if (round % 5 == 0) {
                setting.say("start: " + name + ", round " + round + " of " + rounds);
            }
            for (int turn = 0; turn < 2; turn++) {
                boolean aot = (round + turn) % 2 == 0;
                (aot ? with : without).add(measure.applyAsDouble(aot));
            }
        }
        with.removeFirst();
        without.removeFirst();
        report.append("| ").append(name).append(" | ").append(Statistics.secondsWithRange(with)).append(" | ").append(Statistics.secondsWithRange(without))
                .append(" | ").append(Statistics.ratio(Statistics.median(with) / Statistics.median(without))).append(" |\n");
    }

    private Measured window(boolean aot) {
        return Measured.run(List.of(setting.image().command()), Image.environment(home, aot, WINDOW), setting.scratch());
    }

    private double painted(boolean aot, String what) {
        Measured run = window(aot);
        Matcher m = TIME.matcher(run.err());
        if (!run.err().contains(what) || !m.find(run.err().indexOf(what))) {
            throw new IllegalStateException("the window told no time: " + run.err());
        }
        return Double.parseDouble(m.group(1)) / 1000;
    }

    private Measured command(boolean aot, String... arguments) {
        List<String> command = new ArrayList<>(List.of(setting.image().command()));
        command.addAll(List.of(arguments));
        return Measured.run(command, Image.environment(home, aot), setting.scratch());
    }

    private double greeting(boolean aot) {
        WorkerCommand worker = setting.image().worker(setting.threads(), aot);
        try {
            Path errors = Files.createTempFile(setting.scratch(), "worker", ".err");
            ProcessBuilder builder = new ProcessBuilder(worker.command()).redirectError(errors.toFile());
            builder.environment().putAll(worker.environment());
            long start = System.nanoTime();
            Process process = builder.start();
            String line = process.inputReader().readLine();
            double seconds = (System.nanoTime() - start) / 1e9;
            process.getOutputStream().close();
            process.waitFor();
            if (line == null || !line.contains("\"hello\"")) {
                throw new IllegalStateException("the worker said " + line + "\n" + Files.readString(errors));
            }
            Whole.delete(errors);
            return seconds;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
