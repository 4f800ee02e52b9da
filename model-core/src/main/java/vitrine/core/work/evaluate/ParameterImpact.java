package vitrine.core.work.evaluate;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.backward.Parameter;
import vitrine.core.dataset.Sequences;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.prune.CalibrationPass;
import vitrine.core.prune.Heterogeneity;
import vitrine.core.prune.InputCollector;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.LossGradients;
import vitrine.core.work.output.Figures;

/// How unevenly the weights of each matrix count: by impact on the loss of texts, and beside it by magnitude and by magnitude times what is read.
///
/// Matrices are taken up in groups that fit in memory, with a backward pass of every text for each group.
final class ParameterImpact {

    /// Values of a group's tensors: each takes a weight, a gradient and two sums, 24 bytes.
    private static final long GROUP_VALUES = 48L << 20;

    private final LoadedModel model;
    private final Progress progress;
    private final List<PrunableMatrix> matrices;

    ParameterImpact(LoadedModel model, Progress progress) {
        this.model = model;
        this.progress = progress;
        matrices = PrunableMatrix.of(model.spec());
    }

    /// @param against other texts, whose cherries are compared, or null
    ObjectNode measure(List<Sequences.Labelled> data, List<Sequences.Labelled> against) {
        Map<PrunableMatrix, double[]> norms = norms(data);
        ObjectNode out = Json.object().put("sequences", data.size()).put("cherry_share", 1.0 / Heterogeneity.CHERRY)
                .put("recipe", "mean of the largest hundredth of the scores of a matrix over the largest of the others; impact: mean over texts of the squared gradient of a text's mean loss, float64 sums");
        if (against != null) {
            out.put("sequences_against", against.size());
        }
        ArrayNode list = out.putArray("matrices");
        for (Set<String> group : groups()) {
            try (LossGradients gradients = new LossGradients(model, group)) {
                Map<String, double[]> impacts = impacts(gradients, data);
                Map<String, double[]> others = against == null ? Map.of() : impacts(gradients, against);
                Map<String, float[]> weights = new HashMap<>();
                gradients.tensors().forEach(p -> weights.put(p.name(), p.toArray()));
                for (PrunableMatrix m : matrices) {
                    if (group.contains(m.tensor())) {
                        progress.checkCancelled();
                        ObjectNode row = list.addObject().put("name", m.name()).put("kind", m.kind().label()).put("layer", m.layer());
                        row.putArray("shape").add(m.out()).add(m.in());
                        put(row, m, impacts.get(m.tensor()), others.get(m.tensor()), weights.get(m.tensor()), norms.get(m));
                    }
                }
            }
        }
        return out;
    }

    private static void put(ObjectNode row, PrunableMatrix m, double[] impacts, double[] others, float[] weights, double[] norms) {
        int size = Math.toIntExact(m.size());
        int first = Math.toIntExact(m.first());
        double[] impact = java.util.Arrays.copyOfRange(impacts, first, first + size);
        double[] magnitude = new double[size];
        double[] activation = new double[size];
        for (int i = 0; i < size; i++) {
            magnitude[i] = Math.abs(weights[first + i]);
            activation[i] = magnitude[i] * norms[m.inputMajor() ? i / m.out() : i % m.in()];
        }
        Figures.put(row, "impact", Heterogeneity.of(impact));
        Figures.put(row, "magnitude", Heterogeneity.of(magnitude));
        Figures.put(row, "activation", Heterogeneity.of(activation));
        if (others != null) {
            Figures.put(row, "cherry_overlap", Heterogeneity.overlap(Heterogeneity.cherries(impact), Heterogeneity.cherries(java.util.Arrays.copyOfRange(others, first, first + size))));
        }
    }

    /// Tensors that are taken up together.
    private List<Set<String>> groups() {
        Map<String, Long> sizes = new LinkedHashMap<>();
        matrices.forEach(m -> sizes.merge(m.tensor(), m.size(), Long::sum));
        List<Set<String>> out = new ArrayList<>();
        long values = Long.MAX_VALUE;
        for (Map.Entry<String, Long> e : sizes.entrySet()) {
            if (out.isEmpty() || values + e.getValue() > GROUP_VALUES) {
                out.add(new LinkedHashSet<>());
                values = 0;
            }
            out.getLast().add(e.getKey());
            values += e.getValue();
        }
        return out;
    }

    /// Of every value the sum over texts of the squared gradient of the text's mean loss.
    private Map<String, double[]> impacts(LossGradients gradients, List<Sequences.Labelled> texts) {
        Map<String, double[]> sums = new HashMap<>();
        gradients.tensors().forEach(p -> sums.put(p.name(), new double[Math.toIntExact(p.elements())]));
        gradients.each(texts.stream().filter(t -> t.predicted() > 0).toList(), progress, tensors -> {
            for (Parameter p : tensors) {
                double[] sum = sums.get(p.name());
                float[] g = p.touched() ? p.gradientToArray() : new float[0];
                for (int i = 0; i < g.length; i++) {
                    sum[i] += (double) g[i] * g[i];
                }
            }
        });
        return sums;
    }

    /// The norms of what matrices read.
    private Map<PrunableMatrix, double[]> norms(List<Sequences.Labelled> data) {
        Map<PrunableMatrix, double[]> out = new HashMap<>();
        List<int[]> ids = data.stream().map(Sequences.Labelled::ids).toList();
        try (CalibrationPass pass = new CalibrationPass(model.forward(), model.weights(), model.spec().hiddenSize(), ids)) {
            for (LayerSpec l : model.spec().layers()) {
                progress.checkCancelled();
                progress.step(l.index(), model.spec().layers().size(), "layers");
                List<PrunableMatrix> own = matrices.stream().filter(m -> m.layer() == l.index()).toList();
                try (InputCollector inputs = new InputCollector(own, false, 1, pass.tokens())) {
                    pass.pass(inputs, new Quiet(progress));
                    own.forEach(m -> out.put(m, inputs.of(m).norms()));
                }
            }
        }
        return out;
    }
}
