package vitrine.views.anatomy;

/// What the table is sorted by. Everything but [#MODEL] makes a flat list.
public enum Order {
    /// Layers as groups, tensors in the order of the forward pass where it is known, else of the file.
    MODEL,
    NAME, SHAPE, TYPE, PARAMETERS, BYTES, OFFSET, MEAN, DEVIATION, LEAST, MOST, ZEROS, NON_FINITE;

    /// Whether values must have been read to sort by this.
    boolean needsValues() {
        return switch (this) {
            case MEAN, DEVIATION, LEAST, MOST, ZEROS, NON_FINITE -> true;
            default -> false;
        };
    }
}
