package vitrine.views.runs;

import java.lang.management.ManagementFactory;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Sparkline;
import vitrine.views.control.MetricTile;
import vitrine.views.control.Quantity;

/// Five headline figures of a run: loss, speed, processor, memory, time; processor and memory are the GPU's where one trains.
final class RunTiles extends HBox {

    private static final double GAP = 12;
    private static final int POINTS = 120;
    private static final double STALE_SECONDS = 10;
    private static final String GPU_LOAD = "gpu_load_percent";
    private static final String GPU_MEMORY = "gpu_memory_bytes";

    private final RunsViewModel model;
    private final MetricTile loss = tile("Training loss");
    private final MetricTile speed = tile("Tokens per second");
    private final MetricTile cpu = tile("CPU");
    private final MetricTile memory = tile("Worker memory");
    private final MetricTile time = tile("Time left");
    private RunData drawn;

    RunTiles(RunsViewModel model) {
        super(GAP);
        this.model = model;
        for (MetricTile t : new MetricTile[] {loss, speed, cpu, memory, time}) {
            HBox.setHgrow(t, Priority.ALWAYS);
            t.setPrefWidth(150);
            t.setMinWidth(100);
            t.setMinHeight(100);
            getChildren().add(t);
        }
        setMinHeight(Region.USE_PREF_SIZE);
        model.shownProperty().addListener((o, old, now) -> show());
        model.follow(model.board().lookedProperty(), this::age);
        show();
    }

    private static MetricTile tile(String caption) {
        return new MetricTile(caption, Quantity.missing("", Provenance.measured("run", "", caption)), Styles.FIGURE_LARGE);
    }

    private void show() {
        RunData d = model.data().orElse(null);
        if (d == null || d == drawn) {
            return;
        }
        drawn = d;
        double smoothed = d.smoothed().last();
        loss.show(Double.isFinite(smoothed) ? Quantity.of(smoothed, Numbers::lossOnTile, Origins.smoothed(d)).in("nats") : Quantity.missing(d.loss().isEmpty() ? "no step yet" : "not finite", Origins.loss(d)));
        loss.sparkline(new Sparkline(d.smoothed().thinned(POINTS), 0));
        Curve tps = d.curve("tokens_per_second");
        double pace = d.going() ? tps.median(20) : tps.median(tps.values().length);
        speed.show(Double.isFinite(pace) ? Quantity.of(pace, Numbers::rate, Origins.derived(d, d.going() ? "middle of the last 20 steps" : "middle of all steps"))
                : Quantity.missing("no step yet", Origins.measured(d, "tokens of a step, cut texts without padding, over its seconds")));
        speed.sparkline(new Sparkline(tps.thinned(POINTS), 3));
        if (d.curve(GPU_LOAD).isEmpty() && d.curve(GPU_MEMORY).isEmpty()) {
            cpu(d);
            memory(d);
        } else {
            gpu(d);
            gpuMemory(d);
        }
        time(d);
        age();
    }

    private void cpu(RunData d) {
        int threads = d.threads();
        int cores = Runtime.getRuntime().availableProcessors();
        cpu.caption("CPU, " + threads + (threads == 1 ? " thread" : " threads"));
        Curve of = d.curve("cpu_percent");
        double share = d.going() ? of.last() / 100 / threads : of.median(of.values().length) / 100 / threads;
        String method = "processor time of the worker over seconds and threads, " + (d.going() ? "the last second or more" : "middle of the run");
        cpu.show(Double.isFinite(share) ? Quantity.of(100 * share, v -> Numbers.fixed(v, 0), Origins.measured(d, method)).in("%") : Quantity.missing(d.going() ? "not yet" : "not kept", Origins.measured(d, method)));
        cpu.meter(share);
        cpu.note(Math.min(threads, cores) + " of " + cores + " cores");
    }

    private void memory(RunData d) {
        Curve of = d.curve("worker_memory_bytes");
        double bytes = d.going() ? of.last() : greatest(of);
        long total = ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
        Provenance from = Origins.measured(d, d.going() ? "resident memory of the worker, mapped weights included" : "most resident memory of the worker in the run, mapped weights included");
        memory.caption(d.going() ? "Worker memory" : "Worker memory, most");
        memory.show(bytes > 0 ? Quantity.of(bytes, Numbers::bytes, from) : Quantity.missing(d.going() ? "not yet" : "not kept", from));
        memory.meter(bytes / total);
        memory.note("of " + Numbers.bytes(total));
    }

    private void gpu(RunData d) {
        Curve of = d.curve(GPU_LOAD);
        double percent = d.going() ? of.last() : of.median(of.values().length);
        Provenance from = Origins.measured(d, "share of the time in which the GPU computed, as NVIDIA's driver tells it, " + (d.going() ? "the last second or more" : "middle of the run"));
        cpu.caption("GPU");
        cpu.show(Double.isFinite(percent) ? Quantity.of(percent, v -> Numbers.fixed(v, 0), from).in("%") : Quantity.missing(d.going() ? "not yet" : "not kept", from));
        cpu.meter(percent / 100);
        double celsius = d.curve("gpu_celsius").last();
        double watts = d.curve("gpu_watts").last();
        cpu.note((Double.isFinite(celsius) ? Numbers.fixed(celsius, 0) + " °C" : "") + (Double.isFinite(celsius) && Double.isFinite(watts) ? ", " : "")
                + (Double.isFinite(watts) ? Numbers.fixed(watts, 0) + " W" : ""));
    }

    private void gpuMemory(RunData d) {
        double bytes = d.curve(GPU_MEMORY).last();
        double total = d.curve("gpu_total_bytes").last();
        Provenance from = Origins.measured(d, "most memory of the GPU that tensors took at once, as torch counts it");
        memory.caption("GPU memory, most");
        memory.show(bytes > 0 ? Quantity.of(bytes, Numbers::bytes, from) : Quantity.missing(d.going() ? "not yet" : "not kept", from));
        memory.meter(bytes / total);
        memory.note(Double.isFinite(total) ? "of " + Numbers.bytes(total) : "");
    }

    static double greatest(Curve of) {
        double most = Double.NaN;
        for (double v : of.values()) {
            most = Double.isNaN(most) || v > most ? v : most;
        }
        return most;
    }

    private void time(RunData d) {
        double share = d.steps() == 0 ? Double.NaN : (double) d.run().step() / d.steps();
        if (d.going()) {
            time.caption("Time left");
            double left = d.secondsLeft();
            time.show(Double.isFinite(left) ? Quantity.of(left, Numbers::timeLeft, Origins.timeLeft(d)) : Quantity.missing("no pace yet", Origins.timeLeft(d)));
            time.note((Double.isFinite(d.seconds()) ? Numbers.duration(d.seconds()) + " elapsed" : ""));
        } else {
            time.caption("Time");
            Provenance from = Origins.measured(d, "seconds from the first step to the last, pauses left out");
            time.show(Double.isFinite(d.seconds()) ? Quantity.of(d.seconds(), Numbers::duration, from) : Quantity.missing("not kept", from));
            time.note(Double.isFinite(share) ? "for " + Numbers.wholePercent(share) + " of the steps" : "");
        }
        time.meter(share);
    }

    /// A figure that nothing was heard of for ten seconds is muted and says so.
    private void age() {
        RunData d = drawn;
        double seconds = d == null ? 0 : (System.nanoTime() - d.live()) / 1e9;
        boolean old = d != null && d.going() && seconds >= STALE_SECONDS && !d.loss().isEmpty();
        for (MetricTile t : new MetricTile[] {loss, speed, cpu, memory, time}) {
            t.stale(old ? Numbers.duration(seconds) + " ago" : "");
        }
    }
}
