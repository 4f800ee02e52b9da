package vitrine.core.work.prune.structure;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import vitrine.core.architecture.LinearLayers;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.forward.Adaptation;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.PruneSettings;
import vitrine.core.tensor.Matrix;
import vitrine.core.work.input.CalibrationTexts;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.ChangedTensor;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.FinishedLayers;
import vitrine.core.work.output.KeptSums;

/// What a run that takes whole parts works with, and what its method has come to so far: figures of layers, tensors that have changed, weights that are 0 in their place. What changes one after the other is
/// kept on the disk as it is finished.
final class StructuredWork implements AutoCloseable {

    final PruneSettings s;
    final LoadedModel model;
    final ModelSpec spec;
    /// Of calibration, or null.
    final CalibrationTexts texts;
    final StructureScores scores;
    final KeptSums kept;
    final Progress progress;
    final Consumer<String> warn;
    final MappedWeights map;
    /// Open as long as this is.
    final Arena arena = Arena.ofShared();
    /// A row by layer of the model as it was.
    final ArrayNode rows = Json.mapper().createArrayNode();
    final ObjectNode allocation = Json.object().put("allocation", "uniform");
    /// What tensors became, by name.
    final Map<String, ChangedTensor> changed = new LinkedHashMap<>();
    private final FinishedLayers finished;
    /// Weights that are 0 in a matrix that keeps its shape, by layer.
    private final Map<Integer, Long> zeros = new TreeMap<>();
    /// Values of biases that are 0, which are no weights of a layer's matrices.
    private long zerosOfBiases;

    /// @param texts of calibration, or null
    /// @param scores what methods ask of the model as it is
    /// @param finished where finished layers are kept, null for nowhere
    StructuredWork(PruneSettings s, LoadedModel model, CalibrationTexts texts, StructureScores scores, KeptSums kept, FinishedLayers finished, Progress progress, Consumer<String> warn) {
        this.s = s;
        this.model = model;
        this.texts = texts;
        this.scores = scores;
        this.kept = kept;
        this.finished = finished;
        this.progress = progress;
        this.warn = warn;
        spec = model.spec();
        map = new MappedWeights(model.checkpoint());
        spec.layers().forEach(l -> rows.addObject().put("layer", l.index()));
    }

    /// The numbers of all layers.
    List<Integer> allLayers() {
        return IntStream.range(0, spec.layers().size()).boxed().toList();
    }

    // --- what is told of layers

    ObjectNode row(int layer) {
        return (ObjectNode) rows.get(layer);
    }

    /// Tells of numbers of a layer, where there are any.
    void list(int layer, String key, int[] values) {
        if (values != null) {
            row(layer).set(key, Json.mapper().valueToTree(values));
        }
    }

    void list(int layer, String key, double[] values) {
        ArrayNode list = row(layer).putArray(key);
        Arrays.stream(values).forEach(v -> Figures.add(list, v));
    }

    // --- tensors

    /// A copy of a tensor as it is by now.
    ChangedTensor copy(TensorEntry t, Arena in) {
        ChangedTensor copy = new ChangedTensor(t, changed.containsKey(t.name()) ? changed.get(t.name()).bytes() : map.data(t), in);
        // The pages that were read are not needed soon.
        map.release(t);
        return copy;
    }

    TensorEntry entry(PrunableMatrix m) {
        return model.checkpoint().tensor(m.tensor()).orElseThrow();
    }

    /// Refuses a matrix in which other values than 0 cannot be written.
    PrunableMatrix storable(PrunableMatrix m) {
        TensorEntry t = entry(m);
        if (m.scaled() || !ChangedTensor.storable(t.dtype())) {
            throw Refusal.of(Category.TASK_INVALID, t.file(), "it is stored as %s, in which other values than 0 cannot be written", t.dtype()).where("tensor " + t.name());
        }
        return m;
    }

    /// The tensor of a matrix that changes, as it is by now.
    ChangedTensor changed(PrunableMatrix m) {
        return changed.computeIfAbsent(m.tensor(), n -> copy(entry(storable(m)), arena));
    }

    /// A matrix as it is by now, `[out, in]`.
    Matrix widened(PrunableMatrix m, Arena to) {
        try (Arena scratch = Arena.ofShared()) {
            ChangedTensor t = changed.containsKey(m.tensor()) ? changed.get(m.tensor()) : copy(entry(m), scratch);
            return t.widened(m, m.scaled() ? LinearLayers.of(spec).get(m.tensor()).linear() : null, model.weights(), to);
        }
    }

    /// Sets what a matrix makes of some of its inputs to 0, whatever type it is stored in. One that is named after nothing that it reads is a bias.
    ///
    /// @param stays inputs that are left
    void silence(PrunableMatrix m, IntPredicate stays) {
        TensorEntry t = entry(m);
        if (t.dtype().bits() % 8 != 0) {
            throw Refusal.of(Category.TASK_INVALID, t.file(), "it is stored as %s, whose values share bytes", t.dtype()).where("tensor " + t.name());
        }
        changed.computeIfAbsent(m.tensor(), n -> copy(t, arena)).clear(m, stays);
        long zeros = IntStream.range(0, m.in()).filter(stays.negate()).count() * m.out();
        if (m.inputs().isEmpty()) {
            zerosOfBiases += zeros;
        } else {
            addZeros(m.layer(), zeros);
        }
    }

    void addZeros(int layer, long count) {
        zeros.merge(layer, count, Long::sum);
    }

    /// Tells of every layer how many of its weights are 0 in their place.
    ///
    /// @return all together, with biases
    long tellZeros() {
        zeros.forEach((l, count) -> row(l).put("zeros", count));
        return zerosOfBiases + zeros.values().stream().mapToLong(Long::longValue).sum();
    }

    // --- what is done one after the other

    /// Something that changes tensors.
    interface Step {
        void run() throws IOException;
    }

    /// Does something that an earlier session of the run has not finished; then the run may stop.
    ///
    /// @param number among all that the method does
    void once(int number, Step step) throws IOException {
        if (takenUp(number) == null) {
            step.run();
            keep(number, Json.object());
            kept.stopIfAsked();
        }
    }

    /// Takes up a layer, or whatever the method does one after the other, that was finished before, with its tensors.
    ///
    /// @return what was kept of it, or null where it has to be computed
    ObjectNode takenUp(int number) throws IOException {
        ObjectNode report = finished == null ? null : finished.takeUp(number);
        if (report != null) {
            finished.tensors().forEach((name, t) -> changed.computeIfAbsent(name, n -> new ChangedTensor(model.checkpoint().tensor(n).orElseThrow(), finished.data(t), arena)));
        }
        return report;
    }

    /// Keeps what is finished, with the tensors that have changed since.
    void keep(int number, ObjectNode report) throws IOException {
        if (finished == null) {
            return;
        }
        Map<String, FinishedLayers.Part> parts = new LinkedHashMap<>();
        changed.forEach((name, t) -> {
            if (!finished.tensors().containsKey(name)) {
                parts.put(name, new FinishedLayers.Part(new Declared(t.entry().dtype(), t.entry().shape()), t.bytes()));
            }
        });
        finished.write(number, parts, report);
    }

    @Override
    public void close() {
        model.weights().adapt(Adaptation.NONE);
        arena.close();
        map.close();
    }
}
