package vitrine.views.chart;

/// The colour of any float at the price of one look-up, for images of millions of cells.
///
/// The table is indexed by a float's upper 18 bits: sign, exponent and nine bits of mantissa, which is finer than the
/// steps of the scales' colours.
final class ColourTable {

    /// Stands for NaN; the image draws its hatching there.
    static final int NOT_A_NUMBER = 1;
    /// No value: nothing is drawn.
    static final int NOTHING = 0;

    private static final int SHIFT = 14;

    private final int[] colours = new int[1 << 32 - SHIFT];
    private final Scale scale;
    private final Theme theme;

    ColourTable(Scale scale, Palette palette) {
        this.scale = scale;
        this.theme = palette.theme();
        int[] steps = scale.diverges() ? palette.diverging() : palette.sequential();
        for (int i = 0; i < colours.length; i++) {
            float value = Float.intBitsToFloat(i << SHIFT);
            colours[i] = value == Cells.NONE ? NOTHING
                    : Float.isFinite(value) ? steps[(int) Math.round(scale.place(value) * Palette.STEPS)] : NOT_A_NUMBER;
        }
    }

    boolean isFor(Scale wanted, Palette palette) {
        return scale.equals(wanted) && theme == palette.theme();
    }

    int of(float value) {
        return colours[Float.floatToRawIntBits(value) >>> SHIFT];
    }
}
