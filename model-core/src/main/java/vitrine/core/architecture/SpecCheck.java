package vitrine.core.architecture;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Whether a checkpoint holds the tensors that a spec needs, with their shapes, and what it holds beside them.
///
/// @param refusals what stands in the way of a forward pass, the first being the one to report
/// @param unexpected tensors that the spec has no use for and that are not known to be idle
public record SpecCheck(List<Refusal> refusals, List<TensorEntry> unexpected) {

    public static SpecCheck of(ModelSpec spec, Checkpoint checkpoint) {
        List<Refusal> refusals = new ArrayList<>();
        Set<String> used = new HashSet<>();
        for (NamedTensor needed : NamedTensor.of(spec)) {
            used.add(needed.name());
            TensorEntry found = checkpoint.tensors().get(needed.name());
            if (found == null) {
                refusals.add(Refusal.of(Category.TENSOR_MISSING, checkpoint.path(), "it is not in the checkpoint, and %s needs it as %s",
                        spec.family(), needed.shape()).where("tensor " + needed.name()));
            } else if (!found.shape().equals(needed.shape())) {
                refusals.add(Refusal.of(Category.CONFIG_MISMATCH, checkpoint.configFile(), "by the config its shape is %s, in the file it is %s",
                        needed.shape(), found.shape()).where("tensor " + needed.name()));
            } else if (!found.dtype().readable()) {
                refusals.add(Refusal.of(Category.DTYPE_UNKNOWN, found.file(), "values of type %s cannot be computed with here", found.dtype())
                        .where("tensor " + needed.name()));
            }
        }
        List<TensorEntry> unexpected = new ArrayList<>();
        for (TensorEntry t : checkpoint.tensors().values()) {
            if (used.contains(t.name()) || spec.ignoredSuffixes().stream().anyMatch(t.name()::endsWith)) {
                continue;
            }
            unexpected.add(t);
            // Layers behind the last are there only where the family knows of them: any others were refused when the config was read.
            int layer = TensorNames.layerOf(t.name());
            if (layer >= 0 && layer < spec.layers().size()) {
                refusals.add(Refusal.of(Category.CONFIG_MISMATCH, checkpoint.configFile(), "it is in the checkpoint with shape %s, and the config gives it no place",
                        t.shape()).where("tensor " + t.name()).help("A result without it would be wrong."));
            }
        }
        return new SpecCheck(refusals, unexpected);
    }
}
