package vitrine.core.work.routing;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.dataset.Sequences;
import vitrine.core.forward.Batch;
import vitrine.core.forward.ForwardPass;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;

/// One of the passes of a routing task: what a model, changed or not, makes of the texts, batch by batch, and its losses.
final class RoutingPass {

    private final ForwardPass forward;
    private final Evaluation evaluation;
    private final List<String> groups;
    private final double[] sums;
    private final long[] predicted;

    /// @param losses whether there are any: the model has a head and does not see what it would have to predict
    RoutingPass(ForwardPass forward, boolean losses, List<String> groups) {
        this.forward = forward;
        this.groups = groups;
        evaluation = losses ? new Evaluation(forward) : null;
        sums = new double[groups.size()];
        predicted = new long[groups.size()];
    }

    /// Passes one batch, told to the probes in their order.
    void run(List<Sequences.Labelled> part, List<Probe> probes, Progress progress) {
        Probe probe = Probe.all(new ArrayList<>(probes));
        if (evaluation == null) {
            forward.run(new Batch(part.stream().map(s -> new Batch.Sequence(s.ids(), null)).toList()), probe, new Quiet(progress));
            return;
        }
        for (Map.Entry<String, Evaluation.Result> r : evaluation.run(part, probe, new Quiet(progress)).byLabel().entrySet()) {
            int g = groups.indexOf(r.getKey());
            sums[g] += r.getValue().predicted() == 0 ? 0 : r.getValue().loss() * r.getValue().predicted();
            predicted[g] += r.getValue().predicted();
        }
    }

    /// Nats per predicted token; NaN where there are no losses.
    double loss() {
        double sum = 0;
        long count = 0;
        for (int g = 0; g < sums.length; g++) {
            sum += sums[g];
            count += predicted[g];
        }
        return sum / count;
    }

    /// Nats per predicted token of a group; NaN where there are none.
    double loss(int group) {
        return sums[group] / predicted[group];
    }
}
