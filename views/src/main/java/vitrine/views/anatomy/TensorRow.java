package vitrine.views.anatomy;

/// A row of the table of tensors: a tensor, or layers that can be opened.
sealed interface TensorRow {

    /// What the first column says; not yet made visible.
    String label();

    /// A tensor; `depth` is 1 below its layer and 0 outside of layers and in sorted lists.
    record Leaf(TensorLine tensor, String label, int depth) implements TensorRow {}

    /// A layer, or a run of layers that are folded into one row.
    ///
    /// @param stack the index of the run of layers in the checkpoint
    /// @param first the first layer
    /// @param last the last layer; the first where it is one layer
    /// @param tensors how many tensors lie within, of those that are searched for
    /// @param parameters their values
    record Group(String label, int stack, int first, int last, int tensors, long parameters, boolean open) implements TensorRow {

        boolean isRun() {
            return last > first;
        }
    }
}
