package vitrine.views.anatomy;

import java.util.Map;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.architecture.Part;
import vitrine.core.tensor.Shape;

/// One tensor as the table lists it.
///
/// @param name as the file has it; make it visible before showing it
/// @param item shape, type and place; null where only an artifact with values is open
/// @param elements the number of values
/// @param parts how many values belong to which part; a fused tensor belongs to several
/// @param stack the index of the run of layers that it belongs to, or -1
/// @param layer the layer by its name, or -1
/// @param label short, unique within its layer: `q_proj`
record TensorLine(String name, Anatomy.Item item, long elements, Map<Part, Long> parts, int stack, int layer, String label) {

    /// What the tensor is mainly for.
    Part part() {
        return item == null ? Part.OTHER : item.part();
    }

    /// Whether the forward pass has no use for it.
    boolean idle() {
        return item != null && item.idle();
    }

    /// The shape, or null where it is not known.
    Shape shape() {
        return item == null ? null : item.entry().shape();
    }

    /// The element type's name, or an empty text where it is not known.
    String dtype() {
        return item == null ? "" : item.entry().storedAs();
    }
}
