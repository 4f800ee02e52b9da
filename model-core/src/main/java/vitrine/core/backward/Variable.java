package vitrine.core.backward;

import vitrine.core.tensor.Matrix;

/// A value on a tape, dense, and the gradient of the loss with respect to it once something has added to it.
final class Variable {

    final Matrix value;
    /// Whether anything trainable stands before it: nothing else needs a gradient.
    final boolean tracked;
    /// Null until the first addition; then of the value's size.
    Matrix gradient;

    Variable(Matrix value, boolean tracked) {
        this.value = value;
        this.tracked = tracked;
    }

    int rows() {
        return value.rows();
    }

    int columns() {
        return value.columns();
    }
}
