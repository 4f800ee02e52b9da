package vitrine.core.analysis.attention;

import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// A small picture of every head's map: the largest weight of each tile, so that a thin stripe never disappears.
public final class Thumbnails implements Probe {

    /// Tiles along each side, for prompts longer than that.
    public static final int MAX_SIDE = 64;

    private final int tokens;
    private final int side;
    private final int heads;
    private final float[] values;

    public Thumbnails(ModelSpec spec, int tokens) {
        this.tokens = tokens;
        side = Math.min(tokens, MAX_SIDE);
        heads = spec.maxHeads();
        values = new float[Math.multiplyExact(spec.layers().size() * heads, side * side)];
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.PATTERN;
    }

    @Override
    public void at(Place place, Matrix pattern) {
        int base = (place.layer() * heads + place.head()) * side * side;
        for (int r = 0; r < pattern.rows(); r++) {
            int tileRow = (int) ((long) (place.firstPosition() + r) * side / tokens);
            float[] row = pattern.row(r);
            for (int c = 0; c < row.length; c++) {
                int at = base + tileRow * side + (int) ((long) c * side / tokens);
                values[at] = Math.max(values[at], row[c]);
            }
        }
    }

    /// Tiles along each side.
    public int side() {
        return side;
    }

    /// All pictures, `[layers, heads, side, side]`.
    public float[] values() {
        return values;
    }
}
