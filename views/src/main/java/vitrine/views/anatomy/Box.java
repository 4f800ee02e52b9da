package vitrine.views.anatomy;

import java.util.List;
import vitrine.core.architecture.Part;
import vitrine.core.tensor.Shape;

/// A box of the diagram: one tensor of the model, or one with its bias.
///
/// @param label what stands in it, such as `o_proj` or `RMSNorm`
/// @param tensors names, the weight first; empty for a step without weights
/// @param shares which parts its values belong to and how much of it each has; a fused projection has several
/// @param shape of the weight as stored, or null
/// @param role what it is in the model, in one or two sentences
/// @param missing whether the checkpoint lacks one of the tensors
record Box(String label, List<String> tensors, List<Share> shares, Shape shape, String role, boolean missing) {

    /// A part's share of a box, from 0 to 1.
    record Share(Part part, double share) {}

    boolean has(String tensor) {
        return tensor != null && tensors.contains(tensor);
    }

    /// The part that colours the box where it has one colour.
    Part part() {
        return shares.isEmpty() ? Part.OTHER : shares.getFirst().part();
    }

    long parameters() {
        return shape == null ? 0 : shape.elements();
    }
}
