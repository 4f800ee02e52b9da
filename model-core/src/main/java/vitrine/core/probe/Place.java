package vitrine.core.probe;

/// Where a value comes from.
///
/// @param layer the layer, or -1 after all layers
/// @param sequence which sequence of the batch
/// @param head the query head of `ATTN_SCORES` and `PATTERN`, else -1
/// @param firstPosition the position of the value's first row in its sequence
public record Place(int layer, Site site, int sequence, int head, int firstPosition) {

    /// As in `blocks.3.attn.hook_pattern`.
    @Override
    public String toString() {
        return layer < 0 ? site.hook() : "blocks." + layer + "." + site.hook();
    }
}
