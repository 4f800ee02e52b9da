package vitrine.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Frame times of the attention map of 2,048 tokens and of its neighbours, measured by the views' own harness.
final class FramesBench {

    private static final String HARNESS = "vitrine.views.gallery.FrameTimes";
    private static final int RUNS = 3;
    private static final Pattern LINE = Pattern.compile("(.+?) {2,}draw +([\\d.]+) \\(p95 +([\\d.]+)\\) +frame +([\\d.]+) \\(p95 +([\\d.]+)\\)");

    private record Frame(double draw, double draw95, double frame, double frame95) {}

    private final Setting setting;

    FramesBench(Setting setting) {
        this.setting = setting;
    }

    String run() {
        Map<String, List<Frame>> frames = new LinkedHashMap<>();
        for (int i = 1; i <= RUNS; i++) {
            setting.say("frames: run " + i + " of " + RUNS);
            Measured run = Measured.run(List.of(setting.image().java().toString(), "--enable-native-access=ALL-UNNAMED,javafx.graphics", "-Dglass.platform=Headless",
                    "-Dprism.order=sw", "-Djava.awt.headless=true", "-Xmx2g", "-cp",
                    setting.frames() + java.io.File.pathSeparator + setting.image().folder().resolve("lib/vitrine.jar"), HARNESS), Map.of(), setting.scratch());
            Matcher m = LINE.matcher(run.out());
            while (m.find()) {
                frames.computeIfAbsent(m.group(1).strip(), k -> new ArrayList<>()).add(new Frame(number(m, 2), number(m, 3), number(m, 4), number(m, 5)));
            }
        }
        if (frames.keySet().stream().noneMatch(n -> n.startsWith("2,048"))) {
            throw new IllegalStateException("the harness measured no map of 2,048 tokens: " + frames.keySet());
        }
        StringBuilder report = new StringBuilder("""
                ## Frame times

                Milliseconds (target 16), drawn by software without a display. *draw* is the work of a frame on the JavaFX thread; *frame* adds the
                rendering, timed by a snapshot that also copies the picture, so it errs upwards. 120 frames after 40 uncounted ones, the median of %d
                runs: median of the frames and 95th percentile.

                | | draw | draw, p95 | frame | frame, p95 |
                | --- | --- | --- | --- | --- |
                """.formatted(RUNS));
        frames.forEach((name, f) -> report.append(String.format(Locale.ROOT, "| %s | %.1f | %.1f | %.1f | %.1f |%n", name, middle(f, Frame::draw),
                middle(f, Frame::draw95), middle(f, Frame::frame), middle(f, Frame::frame95))));
        return report.append('\n').toString();
    }

    private static double number(Matcher m, int group) {
        return Double.parseDouble(m.group(group));
    }

    private static double middle(List<Frame> frames, java.util.function.ToDoubleFunction<Frame> of) {
        return frames.stream().sorted(Comparator.comparingDouble(of)).mapToDouble(of).toArray()[frames.size() / 2];
    }
}
