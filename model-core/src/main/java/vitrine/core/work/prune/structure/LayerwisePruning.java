package vitrine.core.work.prune.structure;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.forward.Adaptation;
import vitrine.core.json.Json;
import vitrine.core.progress.Quiet;
import vitrine.core.prune.CalibrationPass;
import vitrine.core.prune.InputCollector;
import vitrine.core.prune.OutputError;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.Structure;
import vitrine.core.task.PruneSettings;
import vitrine.core.tensor.Matrix;
import vitrine.core.work.output.ChangedTensor;
import vitrine.core.work.output.Figures;

/// Methods that change one layer after the other: each is calibrated with what it reads once those before it are as they will be. A run that was broken off goes on after the last layer that was finished.
abstract sealed class LayerwisePruning implements StructureMethod permits SlimGptPruning, LorapPruning {

    /// Rows of a matrix's inputs that its error is measured on.
    private static final int SAMPLE_ROWS = 1024;

    final StructuredWork work;
    final PruneSettings s;
    /// Key/value groups that stay, by layer.
    final Map<Integer, int[]> groups = new TreeMap<>();
    /// Channels that stay, by layer.
    final Map<Integer, int[]> channels = new TreeMap<>();
    /// Parameters that thin matrices would spare; -1 where the method makes none.
    long thinner = -1;
    /// How far outputs of the layer's matrices have moved, squared and added up, and how long they are.
    private double error;
    private double norm;

    LayerwisePruning(StructuredWork work) {
        this.work = work;
        s = work.s;
    }

    /// What is done to a layer.
    interface Change {
        /// @param own the matrices that were asked for
        /// @param inputs what they read
        void of(LayerSpec l, List<PrunableMatrix> own, InputCollector inputs);
    }

    /// Passes all layers.
    ///
    /// @param moments whether second moments of what matrices read are asked for
    /// @param own the matrices of a layer that are asked for
    Structure layers(boolean moments, Function<LayerSpec, List<PrunableMatrix>> own, Change change) throws IOException {
        List<LayerSpec> layers = work.spec.layers();
        try (CalibrationPass pass = new CalibrationPass(work.model.forward(), work.model.weights(), work.spec.hiddenSize(), work.texts.ids())) {
            for (LayerSpec l : layers) {
                work.progress.checkCancelled();
                work.progress.step(l.index(), layers.size(), "layers");
                if (!takenUp(l)) {
                    error = 0;
                    norm = 0;
                    List<PrunableMatrix> matrices = own.apply(l);
                    try (InputCollector inputs = new InputCollector(matrices, moments, SAMPLE_ROWS, work.texts.tokens())) {
                        pass.look(inputs, new Quiet(work.progress));
                        change.of(l, matrices, inputs);
                    }
                    keep(l);
                }
                goOn(l, pass);
            }
        } finally {
            work.model.weights().adapt(Adaptation.NONE);
        }
        return new Structure(work.allLayers(), groups, channels, Map.of());
    }

    /// Changes a matrix.
    ///
    /// @param change of the widened matrix `[out, in]`, in its place; null for one that stays as it is
    /// @return how far its outputs have moved
    OutputError change(PrunableMatrix m, InputCollector inputs, Consumer<Matrix> change) {
        ChangedTensor to = change == null ? null : work.changed(m);
        try (Arena arena = Arena.ofShared()) {
            Matrix w = work.widened(m, arena);
            Matrix before = Matrix.allocate(arena, w.rows(), w.columns());
            before.copyFrom(w);
            if (to != null) {
                change.accept(w);
                to.store(m, w);
            }
            OutputError moved = OutputError.of(inputs.of(m).sample(), before, w, work.model.weights().products());
            error += moved.squaredError();
            norm += moved.squaredNorm();
            return moved;
        }
    }

    /// Tells how far outputs of the layer's matrices have moved, all together.
    void tellError(LayerSpec l) {
        if (norm > 0) {
            Figures.put(work.row(l.index()), "relative_output_error", Math.sqrt(error / norm));
        }
    }

    /// Takes up a layer that was finished before: its figures, what goes of it, and its tensors.
    ///
    /// @return false where it has to be computed
    private boolean takenUp(LayerSpec l) throws IOException {
        ObjectNode kept = work.takenUp(l.index());
        if (kept == null) {
            return false;
        }
        work.row(l.index()).setAll((ObjectNode) kept.get("row"));
        parts().forEach((what, to) -> {
            if (kept.has(what)) {
                to.put(l.index(), kept.get(what).valueStream().mapToInt(JsonNode::asInt).toArray());
            }
        });
        thinner = kept.get("thinner").asLong();
        return true;
    }

    /// Keeps a layer that is finished.
    private void keep(LayerSpec l) throws IOException {
        ObjectNode kept = Json.object().put("thinner", thinner);
        kept.set("row", work.row(l.index()));
        parts().forEach((what, of) -> {
            if (of.containsKey(l.index())) {
                kept.set(what, Json.mapper().valueToTree(of.get(l.index())));
            }
        });
        work.keep(l.index(), kept);
    }

    private Map<String, Map<Integer, int[]>> parts() {
        return Map.of("groups", groups, "channels", channels);
    }

    /// The layers after this one read what it became.
    private void goOn(LayerSpec l, CalibrationPass pass) throws IOException {
        work.model.weights().adapt(ChangedTensor.adaptation(work.changed));
        if (l.index() + 1 < work.spec.layers().size()) {
            pass.pass(null, new Quiet(work.progress));
        }
        work.progress.figures(l.index() + 1L, Map.of("layer", (double) l.index()));
        work.kept.stopIfAsked();
    }
}
