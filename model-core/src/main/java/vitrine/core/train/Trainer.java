package vitrine.core.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.backward.LossPass;
import vitrine.core.backward.LossPass.Sequence;
import vitrine.core.backward.Noise;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.kernel.Descend;

/// A training run, step by step.
///
/// A step: the gradients of `accumulate` passes, each weighted so that every learned token of the step counts the same; their global norm; clipping;
/// the optimiser; the method's own business. Whatever interrupts it between steps finds a state that can be saved.
public final class Trainer implements AutoCloseable {

    private final Run run;
    private final Method method;
    private final Parameters parameters;
    private final Batches batches;
    private final List<List<Sequence>> validation;
    private final Randomness randomness;
    private final AdamW optimiser;
    private final LossPass pass;
    private long done;

    /// What is told of a step.
    public interface Listener {
        /// Figures of a step, counted from 1; step 0 is what was measured before the first.
        void figures(long step, Map<String, Double> values) throws IOException;

        /// The state after `step` belongs on the disk now.
        void save(Trainer trainer, long step) throws IOException;

        /// Whether the run should end after this step, as it is.
        boolean stops(long step) throws IOException;
    }

    /// @param validation samples whose loss is measured now and then; empty for none
    /// @param keptLayers see [LossPass]
    public Trainer(Run run, Method method, Parameters parameters, Batches batches, List<List<Sequence>> validation, int keptLayers) {
        this.run = run;
        this.method = method;
        this.parameters = parameters;
        this.batches = batches;
        this.validation = validation;
        randomness = new Randomness(run.seed());
        optimiser = new AdamW(run.optimiser());
        method.prepare(parameters, randomness);
        pass = new LossPass(parameters, keptLayers);
    }

    public Run run() {
        return run;
    }

    public Method method() {
        return method;
    }

    public Parameters parameters() {
        return parameters;
    }

    public AdamW optimiser() {
        return optimiser;
    }

    /// Steps finished so far.
    public long done() {
        return done;
    }

    /// Goes on from a state that was read from the disk.
    void resumeAt(long step) {
        done = step;
    }

    /// Trains until the last step, or until the listener stops it; returns the number of finished steps.
    ///
    /// @throws NonFinite at the first loss, gradient or weight that is not finite, naming step and tensor
    public long train(Listener listener, Progress progress) throws IOException {
        if (done == 0 && !validation.isEmpty()) {
            listener.figures(0, Map.of("validation_loss", validate(progress)));
        }
        if (done < run.steps()) {
            method.begin(pass, batches, done == 0, progress);
        }
        while (done < run.steps()) {
            progress.step(done, run.steps(), "steps");
            long step = done + 1;
            Map<String, Double> figures = run.forwardOnly() ? stepForward(step, progress) : step(step, progress);
            if (!validation.isEmpty() && (run.evalEvery() > 0 && step % run.evalEvery() == 0 || step == run.steps())) {
                figures.put("validation_loss", validate(progress));
            }
            listener.figures(step, figures);
            boolean stops = step < run.steps() && listener.stops(step);
            // The last step too: a run can be extended.
            if (stops || run.saveEvery() > 0 && (step % run.saveEvery() == 0 || step == run.steps())) {
                listener.save(this, step);
            }
            if (stops) {
                return done;
            }
        }
        progress.step(done, run.steps(), "steps");
        return done;
    }

    /// One step of MeZO: two passes forward for each probe.
    private Map<String, Double> stepForward(long step, Progress progress) {
        long started = System.nanoTime();
        List<Parameter> changing = method.choose(step, parameters.trained(), optimiser);
        List<List<Sequence>> samples = batches.step(step);
        long learned = samples.stream().flatMap(List::stream).mapToLong(Sequence::predicted).sum();
        double[] sum = {0};
        // A pass that is cancelled would leave the tensors moved: it is asked for between steps only.
        progress.checkCancelled();
        double[] slopes = run.zeroth().slopes(changing, () -> {
            double loss = forwardLoss(samples, learned, Progress.NONE);
            sum[0] += loss;
            return loss;
        }, probe(step));
        double loss = sum[0] / (2 * slopes.length);
        double norm = Math.sqrt(java.util.Arrays.stream(slopes).map(g -> g * g).sum() / slopes.length);
        requireFinite(step, loss, norm, changing);
        double rate = run.rate(step);
        run.zeroth().descend(changing, slopes, rate, probe(step));
        method.after(step, run.steps(), optimiser);
        done = step;
        Map<String, Double> figures = new LinkedHashMap<>();
        figures.put("loss", loss);
        figures.put("learning_rate", rate);
        figures.put("slope", slopes[0]);
        figures.putAll(method.figures());
        long tokens = samples.stream().flatMap(List::stream).mapToLong(s -> s.ids().length).sum();
        figures.put("tokens", (double) tokens);
        figures.put("tokens_per_second", tokens / ((System.nanoTime() - started) / 1e9));
        return figures;
    }

    private ZerothOrder.Normal probe(long step) {
        return (p, tensor, i) -> randomness.normal(Randomness.Stream.PROBE, step * 1024 + p, ((long) tensor << 40) + i);
    }

    /// The mean loss of a step's samples, without gradients or dropout.
    private double forwardLoss(List<List<Sequence>> samples, long learned, Progress progress) {
        double sum = 0;
        for (int i = 0; i < run.accumulate(); i++) {
            List<Sequence> batch = new ArrayList<>();
            samples.subList(i * run.batchSize(), (i + 1) * run.batchSize()).forEach(batch::addAll);
            sum += pass.evaluate(batch, progress).sum();
        }
        return sum / learned;
    }

    /// One step. Until the gradients are there nothing is changed: a run that is cancelled meanwhile is where it was.
    private Map<String, Double> step(long step, Progress progress) {
        long started = System.nanoTime();
        List<Parameter> changing = method.choose(step, parameters.trained(), optimiser);
        parameters.clearGradients();
        List<List<Sequence>> samples = batches.step(step);
        long learned = samples.stream().flatMap(List::stream).mapToLong(Sequence::predicted).sum();
        double sum = 0;
        double balance = 0;
        long tokens = 0;
        List<float[]> before = null;
        if (run.zeroth() != null) {
            progress.checkCancelled();
            before = run.zeroth().climb(changing, run.zeroth().slopes(changing, () -> forwardLoss(samples, learned, Progress.NONE), probe(step)), probe(step));
        }
        for (int i = 0; i < run.accumulate(); i++) {
            List<Sequence> batch = new ArrayList<>();
            samples.subList(i * run.batchSize(), (i + 1) * run.batchSize()).forEach(batch::addAll);
            Noise noise = new Noise(randomness.bits(Randomness.Stream.DROPOUT, step, i));
            // Tensors that are moved must come back: cancelling waits until they have.
            LossPass.Loss loss = pass.backward(batch, 1f / learned, run.balance() / run.accumulate(), noise, before == null ? progress : Progress.NONE);
            sum += loss.sum();
            balance += loss.balance() / run.accumulate();
            tokens += batch.stream().mapToLong(s -> s.ids().length).sum();
        }
        for (int t = 0; before != null && t < before.size(); t++) {
            changing.get(t).set(before.get(t));
        }
        method.gradients();
        double loss = sum / learned;
        double squares = 0;
        for (Parameter p : changing) {
            squares += p.touched() ? Descend.squares(p.gradient(), p.elements()) : 0;
        }
        double norm = Math.sqrt(squares);
        requireFinite(step, loss, norm, changing);
        float factor = run.maxGradientNorm() > 0 ? (float) Math.min(1, run.maxGradientNorm() / (norm + 1e-6)) : 1f;
        double rate = run.rate(step);
        long spikes = optimiser.spikes();
        int number = 0;
        for (Parameter p : changing) {
            if (run.gradientNoise() > 0) {
                addNoise(p, step, number, factor);
            }
            optimiser.step(p, rate, run.gradientNoise() > 0 ? 1f : factor, step);
            number++;
        }
        method.after(step, run.steps(), optimiser);
        done = step;
        Map<String, Double> figures = new LinkedHashMap<>();
        figures.put("loss", loss);
        figures.put("learning_rate", rate);
        figures.put("gradient_norm", norm);
        if (run.balance() > 0) {
            figures.put("balance_loss", balance);
        }
        if (run.optimiser().spam() != null) {
            figures.put("spikes", (double) (optimiser.spikes() - spikes));
        }
        figures.putAll(method.figures());
        figures.put("tokens", (double) tokens);
        figures.put("tokens_per_second", tokens / ((System.nanoTime() - started) / 1e9));
        return figures;
    }

    /// Annealed noise on clipped gradients: variance nu / (1 + t)^0.55, t from 0. Source: Neelakantan et al., 2015.
    private void addNoise(Parameter p, long step, int number, float factor) {
        double deviation = Math.sqrt(noiseVariance(run.gradientNoise(), step - 1));
        MemorySegment g = p.gradient();
        for (long i = 0; i < p.elements(); i++) {
            double v = g.getAtIndex(JAVA_FLOAT, i) * (double) factor + deviation * randomness.normal(Randomness.Stream.NOISE, step, ((long) number << 40) + i);
            g.setAtIndex(JAVA_FLOAT, i, (float) v);
        }
    }

    static double noiseVariance(double nu, long t) {
        return nu / Math.pow(1 + t, 0.55);
    }

    private static void requireFinite(long step, double loss, double norm, List<Parameter> changing) {
        if (Double.isFinite(loss) && Double.isFinite(norm)) {
            return;
        }
        for (Parameter p : changing) {
            String where = firstNonFinite(p.data(), p.elements());
            if (where != null) {
                throw new NonFinite(step, "step " + step + ": the tensor " + p.name() + " holds " + where);
            }
        }
        for (Parameter p : changing) {
            String where = p.touched() ? firstNonFinite(p.gradient(), p.elements()) : null;
            if (where != null) {
                throw new NonFinite(step, "step " + step + ": the gradient of " + p.name() + " holds " + where + (Double.isFinite(loss) ? "" : ", and the loss is " + loss));
            }
        }
        throw new NonFinite(step, "step " + step + ": the loss is " + loss + " and the gradient's norm is " + norm);
    }

    private static String firstNonFinite(MemorySegment values, long count) {
        for (long i = 0; i < count; i++) {
            float v = values.getAtIndex(JAVA_FLOAT, i);
            if (!Float.isFinite(v)) {
                return v + " at " + i;
            }
        }
        return null;
    }

    /// The mean loss over the validation's tokens.
    public double validate(Progress progress) {
        double sum = 0;
        long count = 0;
        method.present(true);
        try {
            for (List<Sequence> sample : validation) {
                progress.checkCancelled();
                LossPass.Loss loss = pass.evaluate(sample, progress);
                sum += loss.sum();
                count += loss.predicted();
            }
        } finally {
            method.present(false);
        }
        return sum / count;
    }

    /// Bytes between layers that the passes have taken.
    public long passBytes() {
        return pass.bytes();
    }

    @Override
    public void close() {
        pass.close();
        optimiser.close();
    }
}
