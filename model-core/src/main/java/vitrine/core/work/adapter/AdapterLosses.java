package vitrine.core.work.adapter;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.Function;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.dataset.Sequences;
import vitrine.core.forward.Adaptation;
import vitrine.core.forward.Batch;
import vitrine.core.forward.ForwardPass;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.task.Task;
import vitrine.core.tensor.Matrix;
import vitrine.core.work.input.DataInput;
import vitrine.core.work.input.LoadedModel;

/// Losses of a model over texts with an adapter changed in many ways, each way computed from the first layer that it changes on.
///
/// A variation that changes layer l only is run from the residual stream before layer l, which all variations of that layer share: they pass
/// on average half of the layers. Layers before the first that the adapter changes at all pass once for everything.
final class AdapterLosses {

    private final LoadedModel model;
    private final List<Sequences.Labelled> data = new ArrayList<>();
    private final List<String> domains;
    private final long[] predicted;
    private final long[] tokens;
    private final Progress progress;
    private long layersPassed;
    private long layersPlainly;
    private long done;
    private long total;

    /// One way to change the adapter.
    ///
    /// @param layer the first layer that it changes; -1 where it changes the embedding, the number of layers where only the head
    record Variation(int layer, Function<Arena, Adaptation> adaptation) {}

    AdapterLosses(LoadedModel model, List<Task.Domain> texts, Integer maxLength, Integer maxTokens, Progress progress) {
        this.model = model;
        this.progress = progress;
        model.requirePerplexity();
        LinkedHashSet<String> names = new LinkedHashSet<>();
        for (Task.Domain domain : texts) {
            for (Sequences.Labelled s : DataInput.first(DataInput.read(domain.file(), maxLength, model, progress), maxTokens)) {
                data.add(new Sequences.Labelled(s.ids(), s.labels(), domain.name()));
                names.add(domain.name());
            }
        }
        domains = List.copyOf(names);
        predicted = new long[domains.size()];
        tokens = new long[domains.size()];
        for (Sequences.Labelled s : data) {
            predicted[domains.indexOf(s.label())] += s.predicted();
            tokens[domains.indexOf(s.label())] += s.ids().length;
        }
    }

    /// The texts in their order, cut as asked for.
    List<Sequences.Labelled> data() {
        return data;
    }

    List<String> domains() {
        return domains;
    }

    long predicted(int domain) {
        return predicted[domain];
    }

    long tokens(int domain) {
        return tokens[domain];
    }

    long tokens() {
        return Arrays.stream(tokens).sum();
    }

    /// Layers that texts passed through, in units of one layer and all texts, and how many there would have been with a whole pass for each loss.
    long[] layersPassed() {
        long all = Math.max(1, tokens());
        return new long[] {Math.round((double) layersPassed / all), Math.round((double) layersPlainly / all)};
    }

    /// Plans so many token passes, for the progress.
    void plan(int passes) {
        total += passes * tokens();
    }

    /// The losses of variations, in nats per predicted token.
    ///
    /// @param whole what the model is like between them
    /// @return `[variations][domains]`
    double[][] losses(Adaptation whole, List<Variation> variations) {
        int layers = model.spec().layers().size();
        double[][] sums = new double[variations.size()][domains.size()];
        ForwardPass forward = model.forward();
        Evaluation evaluation = new Evaluation(forward);
        Integer[] order = new Integer[variations.size()];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, java.util.Comparator.comparingInt((Integer i) -> variations.get(i).layer).thenComparingInt(i -> i));
        for (List<Sequences.Labelled> part : Evaluation.batches(data)) {
            Batch batch = new Batch(part.stream().map(s -> new Batch.Sequence(s.ids(), null)).toList());
            try (Arena arena = Arena.ofShared()) {
                Matrix stream = Matrix.allocate(arena, batch.tokens(), model.spec().hiddenSize());
                Matrix copy = Matrix.allocate(arena, batch.tokens(), model.spec().hiddenSize());
                int at = -1;
                for (int i : order) {
                    Variation v = variations.get(i);
                    progress.checkCancelled();
                    progress.step(done, Math.max(total, done), "tokens");
                    if (v.layer >= 0 && at < v.layer) {
                        model.weights().adapt(whole);
                        if (at < 0) {
                            forward.embed(batch, stream);
                            at = 0;
                        }
                        forward.through(batch, stream, at, v.layer, new Quiet(progress));
                        layersPassed += (long) (v.layer - at) * batch.tokens();
                        at = v.layer;
                    }
                    try (Arena own = Arena.ofShared()) {
                        model.weights().adapt(v.adaptation.apply(own));
                        if (v.layer < 0) {
                            forward.embed(batch, copy);
                        } else {
                            copy.copyFrom(stream);
                        }
                        int from = Math.max(0, v.layer);
                        add(sums[i], part, evaluation.sums(part, copy, from, progress));
                        layersPassed += (long) (layers - from) * batch.tokens();
                        layersPlainly += (long) layers * batch.tokens();
                    } finally {
                        model.weights().adapt(whole);
                    }
                    done += batch.tokens();
                }
            }
        }
        progress.step(done, Math.max(total, done), "tokens");
        for (double[] s : sums) {
            for (int d = 0; d < s.length; d++) {
                s[d] /= predicted[d];
            }
        }
        return sums;
    }

    private void add(double[] sums, List<Sequences.Labelled> part, double[] of) {
        for (int s = 0; s < of.length; s++) {
            sums[domains.indexOf(part.get(s).label())] += of[s];
        }
    }
}
