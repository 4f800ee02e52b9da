package vitrine.core.work.spectrum;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import vitrine.core.analysis.spectrum.MatrixDifference;
import vitrine.core.analysis.spectrum.MatrixValues;
import vitrine.core.analysis.spectrum.Norms;
import vitrine.core.analysis.spectrum.Solved;
import vitrine.core.analysis.spectrum.SpectrumSolver;
import vitrine.core.architecture.WeightMatrix;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.SpectrumArtifact;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.Shape;
import vitrine.core.tensor.kernel.Parallel;
import vitrine.core.tensor.onednn.OneDnn;
import vitrine.core.tensor.openblas.OpenBlas;
import vitrine.core.work.input.Glob;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.WeightSource;
import vitrine.core.work.output.KeptSpectra;
import vitrine.core.work.output.Outcome;

/// Spectra of weight matrices, one matrix in memory at a time; see [SpectrumArtifact] for what is written.
public final class SpectrumRun {

    private static final Pattern STEP = Pattern.compile("(?:^|[-_./])(?:checkpoint|step|steps|iter|global_step)[-_]?(\\d{1,12})$");
    private static final int NAMED = 3;
    private static final double SIDE_BY_SIDE_BYTES = 128 << 20;

    private final Task.Spectrum task;
    private final List<WeightSource> sources;
    private final WeightSource before;
    private final List<List<WeightMatrix>> chosen = new ArrayList<>();
    private final KeptSpectra kept;
    private final Progress progress;
    private final Consumer<String> warn;
    private double solvedSeconds;
    private long solvedBytes;

    private SpectrumRun(Task.Spectrum task, List<WeightSource> sources, WeightSource before, KeptSpectra kept, Progress progress, Consumer<String> warn) {
        this.task = task;
        this.sources = sources;
        this.before = before;
        this.kept = kept;
        this.progress = progress;
        this.warn = warn;
    }

    /// @param staging the folder to write into
    /// @param keep where to keep what is solved, for a run after this one
    /// @param identity what the results depend on
    public static Outcome run(Task.Spectrum task, Path staging, Path keep, String identity, Progress progress, Consumer<String> warn) throws IOException {
        List<WeightSource> sources = new ArrayList<>();
        try {
            for (String path : task.checkpoints()) {
                sources.add(WeightSource.open(path, Boolean.TRUE.equals(task.heads())));
            }
            WeightSource before = task.against() == null ? null : WeightSource.open(task.against(), Boolean.TRUE.equals(task.heads()));
            try (KeptSpectra kept = KeptSpectra.open(keep, staging.resolve("kept"), identity)) {
                SpectrumRun run = new SpectrumRun(task, sources, before, kept, progress, warn);
                run.choose();
                run.solve();
                return run.write(staging);
            } finally {
                if (before != null) {
                    before.close();
                }
            }
        } finally {
            sources.forEach(WeightSource::close);
        }
    }

    // --- which matrices

    private void choose() {
        for (WeightSource s : sources) {
            s.list().leftOut().forEach(w -> warn.accept(s.name() + ": " + w));
            List<WeightMatrix> matrices = s.list().matrices().stream()
                    .filter(m -> Glob.matchesAny(task.tensors(), m.name()) || Glob.matchesAny(task.tensors(), m.tensor().name())).toList();
            if (matrices.isEmpty()) {
                throw none(s);
            }
            chosen.add(before == null ? matrices : common(s, matrices));
        }
    }

    private Refusal none(WeightSource s) {
        if (s.list().matrices().isEmpty()) {
            return Refusal.of(Category.TENSOR_MISSING, s.checkpoint().path(), "it holds no weight matrix: none of its %,d tensors has two dimensions of numbers that can be read here",
                    s.checkpoint().tensors().size());
        }
        return Refusal.of(Category.TASK_INVALID, s.checkpoint().path(), "none of its %,d weight matrices has a name that %s matches", s.list().matrices().size(),
                Visible.name(String.join(", ", task.tensors()))).help("Names look like " + Visible.name(s.list().matrices().getLast().name()) + "; * stands for any characters, ? for one.");
    }

    /// Those matrices that the checkpoint to compare with has too, in the same shape.
    private List<WeightMatrix> common(WeightSource s, List<WeightMatrix> matrices) {
        List<WeightMatrix> both = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (WeightMatrix m : matrices) {
            WeightMatrix b = before.byName().get(m.name());
            if (b == null) {
                missing.add(m.name());
            } else if (b.rows() != m.rows() || b.columns() != m.columns()) {
                others.add(String.format(Locale.ROOT, "%s ([%d, %d] and [%d, %d])", Visible.name(m.name()), m.rows(), m.columns(), b.rows(), b.columns()));
            } else {
                both.add(m);
            }
        }
        if (both.isEmpty()) {
            throw Refusal.of(Category.CONFIG_MISMATCH, before.checkpoint().path(), "it shares no weight matrix of the same name and shape with %s, so there is no delta", s.name())
                    .help(others.isEmpty() ? "Compare checkpoints of one model." : "Shapes differ, as of " + others.getFirst() + ".");
        }
        say(missing, s.name(), "not in " + before.name());
        say(others, s.name(), "of another shape in " + before.name());
        return both;
    }

    private void say(List<String> names, String model, String what) {
        if (!names.isEmpty()) {
            warn.accept(String.format(Locale.ROOT, "%s: %,d %s left out, %s: %s%s.", model, names.size(), names.size() == 1 ? "matrix is" : "matrices are", what,
                    Visible.name(String.join(", ", names.subList(0, Math.min(NAMED, names.size())))), names.size() > NAMED ? " and others" : ""));
        }
    }

    // --- the work

    private static String key(int checkpoint, WeightMatrix m) {
        return checkpoint + " " + m.name();
    }

    /// A matrix to solve.
    private record Job(int checkpoint, WeightMatrix matrix, double cost) {
        /// What one solver holds of it, in bytes.
        double memory() {
            return 8.0 * Math.pow(Math.min(matrix.rows(), matrix.columns()), 2);
        }
    }

    private void solve() throws IOException {
        List<Job> jobs = new ArrayList<>();
        double total = chosen.stream().flatMap(List::stream).mapToDouble(this::cost).sum();
        for (int c = 0; c < chosen.size(); c++) {
            Set<String> counted = new HashSet<>();
            for (WeightMatrix m : chosen.get(c)) {
                if (kept.get(key(c, m)) == null) {
                    jobs.add(new Job(c, m, cost(m)));
                    // Heads and parts of one tensor are read from the same bytes.
                    solvedBytes += counted.add(m.tensor().name()) ? m.tensor().bytes() : 0;
                }
            }
        }
        if (kept.kept() > 0) {
            warn.accept(String.format(Locale.ROOT, "%,d matrices are taken from a run that was given up.", kept.kept()));
        }
        double left = jobs.stream().mapToDouble(Job::cost).sum();
        Meter meter = new Meter(progress, total, total - left);
        long started = System.nanoTime();
        // An eigen-solver does not keep several threads busy unless its matrix is large. Small matrices are solved side by side, a thread each, the costly ones
        // first; those that would take more memory so, or leave the other threads idle in the end, are solved one by one with all threads.
        // How one is solved depends on the task alone, so that a run that goes on gives the same bits.
        int threads = Parallel.threads();
        Predicate<Job> alone = j -> threads == 1 || j.memory() * threads > SIDE_BY_SIDE_BYTES || j.cost() > total / threads / 2;
        jobs.sort(Comparator.comparingDouble(Job::cost).reversed());
        try (Products halves = OneDnn.openOrNull(); Products products = LoadedModel.products(); SpectrumSolver solver = new SpectrumSolver(halves, products)) {
            for (Job j : jobs.stream().filter(alone).toList()) {
                solve(j, solver, meter.matrix(j.cost()));
            }
        }
        sideBySide(jobs.stream().filter(alone.negate()).toList(), threads, meter);
        solvedSeconds = (System.nanoTime() - started) / 1e9;
    }

    private double cost(WeightMatrix m) {
        return SpectrumSolver.cost(m.rows(), m.columns(), task.accuracy());
    }

    private void sideBySide(List<Job> jobs, int threads, Meter meter) throws IOException {
        if (jobs.isEmpty()) {
            return;
        }
        Queue<Job> queue = new ConcurrentLinkedQueue<>(jobs);
        List<Callable<Void>> solvers = Collections.nCopies(Math.min(threads, jobs.size()), () -> {
            try (OneDnn oneDnn = OneDnn.openOrNull(); Products products = LoadedModel.products();
                    SpectrumSolver solver = new SpectrumSolver(oneDnn != null && oneDnn.oneThread() ? oneDnn : null, products)) {
                for (Job j = queue.poll(); j != null; j = queue.poll()) {
                    solve(j, solver, meter.matrix(j.cost()));
                }
                return null;
            } finally {
                // Whether all is done or one has failed: the others stop after the matrix at hand.
                queue.clear();
            }
        });
        OpenBlas.open().inThreads(1, () -> all(solvers));
    }

    private static Void all(List<Callable<Void>> solvers) throws IOException {
        try (ExecutorService pool = Executors.newFixedThreadPool(solvers.size(), Thread.ofPlatform().name("spectrum-", 0).factory())) {
            for (Future<Void> f : solvers.stream().map(pool::submit).toList()) {
                f.get();
            }
            return null;
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case IOException io -> throw io;
                case RuntimeException r -> throw r;
                case Error r -> throw r;
                default -> throw new IllegalStateException(e.getCause());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Progress.CancelledException();
        }
    }

    private void solve(Job job, SpectrumSolver solver, Meter.Part meter) throws IOException {
        int c = job.checkpoint();
        WeightMatrix m = job.matrix();
        MatrixValues values = sources.get(c).values(m);
        double norm = Double.NaN;
        WeightMatrix b = before == null ? null : before.byName().get(m.name());
        meter.done(0);
        if (b != null) {
            MatrixValues old = before.values(b);
            norm = Norms.frobenius(old, meter);
            values = new MatrixDifference(values, old);
        }
        Solved solved = solver.solve(values, task.accuracy(), meter);
        if (solved instanceof Solved.Absent a && a.nonFinite() > 0) {
            warn.accept(String.format(Locale.ROOT, "%s has no spectrum: %s.", Visible.name(m.name()), a.reason()));
        }
        sources.get(c).release(m);
        if (b != null) {
            before.release(b);
        }
        SpectrumRow row = SpectrumRow.of(c, m, solved, norm);
        kept.add(key(c, m), row.json(), row.arrays());
        meter.end();
    }

    /// Work done by all solvers, as multiplications and additions; also asks whether anybody still wants it.
    private static final class Meter {
        private static final double MOST_MFLOP = 1e5;

        private final Progress progress;
        private final double total;
        private double done;

        Meter(Progress progress, double total, double done) {
            this.progress = progress;
            this.total = total;
            this.done = done;
        }

        /// For the next matrix of a solver.
        Part matrix(double cost) {
            return new Part(cost);
        }

        private synchronized void add(double units) {
            progress.checkCancelled();
            done += units;
            boolean many = 2 * total > MOST_MFLOP;
            double unit = many ? 500 : 0.5;
            long all = Math.round(total / unit);
            progress.step(Math.min(all, Math.round(done / unit)), all, many ? "GFLOP" : "MFLOP");
        }

        final class Part implements SpectrumSolver.Work {
            private double left;

            private Part(double cost) {
                left = cost;
            }

            @Override
            public void done(double units) {
                // A solver that falls back works twice: the bar waits rather than going beyond.
                double counted = Math.min(left, units);
                left -= counted;
                add(counted);
            }

            void end() {
                done(left);
            }
        }
    }

    // --- what is written

    private Outcome write(Path staging) throws IOException {
        int count = sources.size();
        Map<String, Declared> declared = new LinkedHashMap<>();
        Map<String, Provenance> provenance = new HashMap<>();
        ObjectNode spectra = Json.object().put("format", SpectrumArtifact.FORMAT).put("version", SpectrumArtifact.VERSION).put("accuracy", task.accuracy().name());
        if (before != null) {
            spectra.put("against", before.name());
        }
        ArrayNode checkpoints = spectra.putArray("checkpoints");
        for (WeightSource s : sources) {
            ObjectNode n = checkpoints.addObject().put("name", s.name()).put("path", s.path());
            long step = step(s.name());
            if (step >= 0) {
                n.put("step", step);
            }
        }
        ArrayNode matrices = spectra.putArray("matrices");
        int estimated = 0;
        int absent = 0;
        int heads = 0;
        for (int c = 0; c < count; c++) {
            for (WeightMatrix m : chosen.get(c)) {
                KeptSpectra.Entry e = kept.get(key(c, m));
                matrices.add(e.row());
                estimated += e.row().path("estimated").asBoolean() ? 1 : 0;
                absent += e.row().has("absent") ? 1 : 0;
                heads += m.head() >= 0 ? 1 : 0;
                for (Map.Entry<String, Integer> a : e.lengths().entrySet()) {
                    String name = SpectrumArtifact.tensorName(a.getKey() + ".", c, m.name(), count);
                    int n = a.getValue();
                    declared.put(name, new Declared(DType.F64, a.getKey().equals("density") ? Shape.of(n / 2, 2) : Shape.of(n)));
                    String method = e.row().path("method").asText();
                    String source = m.name() + (before == null ? "" : " minus that of " + before.name());
                    provenance.put(name, a.getKey().equals("sv") ? Provenance.derived(source, e.row().path("dtype").asText(), "singular values by " + method).of((long) m.rows() * m.columns())
                            : Provenance.estimated(source, method, (long) m.rows() * m.columns(), Double.NaN));
                }
            }
        }
        Files.write(staging.resolve(SpectrumArtifact.ROWS), Json.pretty(spectra).getBytes(StandardCharsets.UTF_8));
        try (SafetensorsWriter out = new SafetensorsWriter(staging.resolve(Artifact.TENSORS), declared, Map.of("format", SpectrumArtifact.FORMAT))) {
            for (int c = 0; c < count; c++) {
                for (WeightMatrix m : chosen.get(c)) {
                    KeptSpectra.Entry e = kept.get(key(c, m));
                    for (String a : e.lengths().keySet()) {
                        out.write(SpectrumArtifact.tensorName(a + ".", c, m.name(), count), 0, kept.values(e, a));
                    }
                }
            }
        }
        ObjectNode summary = Json.object().put("model", sources.getFirst().name()).put("accuracy", task.accuracy().name()).put("checkpoints", count)
                .put("matrices", matrices.size()).put("heads", heads).put("estimated", estimated).put("absent", absent).put("continued", kept.kept());
        if (before != null) {
            summary.put("against", before.name());
        }
        summary.put("bytes", solvedBytes);
        if (solvedBytes > 0) {
            summary.put("seconds_per_gigabyte", solvedSeconds / (solvedBytes / 1e9));
        }
        return new Outcome(summary, provenance);
    }

    /// The training step that a checkpoint's name ends with, or -1.
    static long step(String name) {
        Matcher m = STEP.matcher(name.toLowerCase(Locale.ROOT));
        return m.find() ? Long.parseLong(m.group(1)) : -1;
    }
}
