package vitrine.core.work.prune.structure;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.Structure;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.work.output.ChangedTensor;
import vitrine.core.work.output.CheckpointFolderWriter;
import vitrine.core.work.output.Outcome;
import vitrine.core.work.prune.report.Counterparts;
import vitrine.core.work.prune.report.PruneEnding;
import vitrine.core.work.prune.report.SkippedTensors;

/// The result of a run that takes whole parts: the smaller checkpoint, or, where no config expresses it, one of the same shapes with 0 in the place of what goes; and what is told of either.
///
/// @param structure what stays
record StructuredResult(Task.Prune task, StructuredWork work, StructureMethod method, Structure structure) {

    /// @param out an empty folder
    Outcome write(Path out) throws IOException {
        Checkpoint checkpoint = work.model.checkpoint();
        StringBuilder problem = new StringBuilder();
        SmallerModel smaller = SmallerModel.ofOrNull(checkpoint, work.spec, structure, work.s.expertsPerToken(), problem);
        if (smaller == null && (structure.layers().size() < work.spec.layers().size() || !structure.experts().isEmpty() || work.s.expertsPerToken() != null)) {
            throw Refusal.of(Category.TASK_INVALID, checkpoint.configFile(), "what would be left has no config: %s", problem);
        }
        describe();
        PrunedInMemory inMemory = new PrunedInMemory(work, structure);
        if (smaller != null) {
            writeSmaller(smaller, out);
        } else {
            work.warn.accept("The checkpoint keeps its shapes: " + problem + ". " + method.inPlace());
            writeInPlace(inMemory.tensors(), out);
            work.spec.layers().forEach(l -> work.addZeros(l.index(), inMemory.zeros(l)));
        }
        if (Boolean.TRUE.equals(work.s.factorised())) {
            method.writeFactors(out.resolve(PruneEnding.FACTORS));
        }
        long before = PruneEnding.Sizes.parameters(checkpoint);
        long after = smaller == null ? before : smaller.declared().values().stream().filter(d -> d.dtype().floating()).mapToLong(d -> d.shape().elements()).sum();
        long zeros = work.tellZeros();
        long prunable = PrunableMatrix.of(work.spec).stream().mapToLong(PrunableMatrix::size).sum();
        long spared = method.spared(before - after);
        PruneEnding.Story story = method.story(new StructureMethod.Written(smaller == null ? problem.toString() : null, before, after, zeros, work.s.expertsPerToken()));
        return new PruneEnding(task, work.s, work.model, work.texts, new SkippedTensors(work.spec, checkpoint), work.progress, work.warn).finish(out, work.rows,
                smaller == null ? Counterparts.same(work.spec) : Counterparts.of(work.spec, structure, method.merged()),
                new PruneEnding.Sizes(prunable, zeros, before - after, before, spared < 0 ? -1 : after - spared), work.allocation, story, inMemory::logits);
    }

    private void describe() {
        for (LayerSpec l : work.spec.layers()) {
            work.row(l.index()).put("kept", structure.layers().contains(l.index()));
            work.list(l.index(), "kept_groups", structure.groups().get(l.index()));
            work.list(l.index(), "kept_channels", structure.channels().get(l.index()));
            work.list(l.index(), "kept_experts", structure.experts().get(l.index()));
        }
    }

    private void writeSmaller(SmallerModel smaller, Path out) throws IOException {
        CheckpointFolderWriter.write(out, smaller.config(), smaller.declared(), (name, to) -> {
            work.progress.checkCancelled();
            TensorEntry from = smaller.from(name);
            smaller.write(name, work.changed.containsKey(from.name()) ? work.changed.get(from.name()).bytes() : work.map.data(from), to);
            work.map.release(from);
        }, work.model.checkpoint());
        if (smaller.note() != null) {
            work.warn.accept(smaller.note() + ".");
        }
    }

    private void writeInPlace(Map<String, ChangedTensor> tensors, Path out) throws IOException {
        Checkpoint checkpoint = work.model.checkpoint();
        Map<String, Declared> declared = new LinkedHashMap<>();
        checkpoint.tensors().values().forEach(t -> declared.put(t.name(), new Declared(t.dtype(), t.shape())));
        CheckpointFolderWriter.write(out, checkpoint.config(), declared, (name, to) -> {
            work.progress.checkCancelled();
            to.write(name, 0, tensors.containsKey(name) ? tensors.get(name).bytes() : work.map.data(checkpoint.tensor(name).orElseThrow()));
        }, checkpoint);
    }
}
