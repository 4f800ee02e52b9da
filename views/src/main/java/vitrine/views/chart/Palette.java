package vitrine.views.chart;

import java.util.List;
import javafx.scene.paint.Color;

/// Every colour that drawing code uses, for one look.
///
/// The names of the frame's colours are those of the design language; `vitrine.css` and AtlantaFX's two themes hold
/// the same values for controls, and a test compares them. Blue, [#accent], means selected, focused or running, and
/// is never data.
///
/// @param background the ground of a view, and of masked cells
/// @param inset the frame around the views, and masked cells in the light look
/// @param card cards, buttons, pop-ups, read-outs
/// @param border controls
/// @param grid separators and gridlines
/// @param text text to be read
/// @param muted labels and captions
/// @param subtle axes, reference lines and neutral bars; never text to be read
/// @param strong titles, headline figures, values of a read-out
/// @param accent selection, focus, links
/// @param hover fill under the pointer, and the part of a run that is still to come
/// @param empty the ground of a cell that holds no value, never 0's colour
/// @param locked the outline of the locked cell
/// @param shadow under pop-ups and read-outs
public record Palette(Theme theme, Color background, Color inset, Color card, Color border, Color grid, Color text, Color muted,
        Color subtle, Color strong, Color accent, Color success, Color warning, Color danger, Color hover, Color empty, Color locked,
        Color shadow) {

    /// The matrices of a transformer, in the order of their colours.
    public enum Kind {
        QUERY, KEY, VALUE, OUTPUT, GATE, UP, DOWN, EMBEDDING, HEAD, ROUTER, NORM, OTHER
    }

    private static final Palette DARK = new Palette(Theme.DARK, rgb(0x0d1117), rgb(0x010409), rgb(0x161b22), rgb(0x30363d),
            rgb(0x21262d), rgb(0xc9d1d9), rgb(0x8b949e), rgb(0x6e7681), rgb(0xf0f6fc), rgb(0x58a6ff), rgb(0x3fb950), rgb(0xd29922),
            rgb(0xf85149), Color.rgb(110, 118, 129, 0.1), rgb(0x0d1117), rgb(0xffffff), Color.rgb(1, 4, 9, 0.6));

    private static final Palette LIGHT = new Palette(Theme.LIGHT, rgb(0xffffff), rgb(0xf6f8fa), rgb(0xffffff), rgb(0xd0d7de),
            rgb(0xd8dee4), rgb(0x24292f), rgb(0x57606a), rgb(0x6e7781), rgb(0x1b1f24), rgb(0x0969da), rgb(0x1a7f37), rgb(0x9a6700),
            rgb(0xcf222e), Color.rgb(234, 238, 242, 0.5), rgb(0xf6f8fa), rgb(0x24292f), Color.rgb(140, 149, 159, 0.3));

    /// Steps between 0 and 1 in the tables of [#sequential] and [#diverging]; a multiple of 10 and of 8, so that every
    /// stop of the scales is met exactly.
    static final int STEPS = 1000;

    private static final int[] VIRIDIS = table(0x440154, 0x482475, 0x414487, 0x355f8d, 0x2a788e, 0x21918c, 0x22a884, 0x44bf70,
            0x7ad151, 0xbddf26, 0xfde725);
    private static final int[] DIVERGING_DARK = table(0x6ec2ff, 0x3f9be6, 0x2f74b3, 0x27507a, 0x1b2530, 0x6b4423, 0xa0602a,
            0xd68337, 0xffb067);
    private static final int[] DIVERGING_LIGHT = table(0x0b4f94, 0x2b7bc0, 0x72aede, 0xbcd8ef, 0xf6f8fa, 0xf6d3ac, 0xe7a05a,
            0xc26a14, 0x8a4300);

    private static final List<Color> CATEGORICAL_DARK = colours(0x50b9fe, 0xe69434, 0xe494ca, 0x67ad8f, 0xf6cc52, 0x8777a4,
            0xabc689, 0xbd5e6e, 0x348bd7, 0xfdbdcb, 0x7c8a02, 0x0ae7fe);
    private static final List<Color> CATEGORICAL_LIGHT = colours(0x1c6ebd, 0xc58012, 0x935393, 0x296b5b, 0x93794c, 0x997ee1,
            0x1a5700, 0x7e164a, 0x34476e, 0xdb687e, 0x696506, 0x1895a8);

    /// Text on a light cell; the other choice is white.
    private static final Color DARK_TEXT = rgb(0x0d1117);
    /// From this place on the sequential scale, cells are light enough for dark text.
    private static final double LIGHT_FROM = 0.45;

    /// The colours of one look.
    public static Palette of(Theme theme) {
        return theme == Theme.DARK ? DARK : LIGHT;
    }

    /// Viridis as opaque ARGB from 0 to 1 in [#STEPS] steps; the same in both looks, so that a figure looks alike in
    /// talk and paper. Do not change the array.
    int[] sequential() {
        return VIRIDIS;
    }

    /// The scale for differences, negative blue, positive orange, as opaque ARGB. Do not change the array.
    int[] diverging() {
        return theme == Theme.DARK ? DIVERGING_DARK : DIVERGING_LIGHT;
    }

    /// Axis lines, their ticks and the leaders to a line's label: what is needed to read a figure has at least 3:1
    /// against its ground, which [#border] has not.
    public Color axis() {
        return subtle;
    }

    /// The colour at a place from 0 to 1 on the sequential scale.
    public Color sequential(double t) {
        return colour(VIRIDIS[step(t)]);
    }

    /// The colour at a place from 0 to 1 on the diverging scale; the neutral middle is 0.5.
    public Color diverging(double t) {
        return colour(diverging()[step(t)]);
    }

    /// The colour of a category, counted from 0; there are twelve, then they repeat.
    public Color categorical(int category) {
        List<Color> colours = theme == Theme.DARK ? CATEGORICAL_DARK : CATEGORICAL_LIGHT;
        return colours.get(Math.floorMod(category, colours.size()));
    }

    /// The colour of a kind of matrix: the same in every view.
    public Color kind(Kind kind) {
        return categorical(kind.ordinal());
    }

    /// The readable colour for text on a filled cell: white, or near-black where that has more contrast.
    public static Color textOn(Color fill) {
        return contrast(fill, Color.WHITE) >= contrast(fill, DARK_TEXT) ? Color.WHITE : DARK_TEXT;
    }

    /// The readable colour for text on a sequential cell: white below 0.45, near-black from there.
    static Color textOnSequential(double t) {
        return t < LIGHT_FROM ? Color.WHITE : DARK_TEXT;
    }

    /// Contrast of two opaque colours as WCAG 2 defines it, from 1 to 21.
    public static double contrast(Color a, Color b) {
        double one = luminance(a);
        double other = luminance(b);
        return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    }

    /// A colour laid over an opaque ground at some opacity.
    public static Color over(Color ground, Color colour, double opacity) {
        return ground.interpolate(colour, opacity);
    }

    static Color withOpacity(Color c, double opacity) {
        return new Color(c.getRed(), c.getGreen(), c.getBlue(), c.getOpacity() * opacity);
    }

    static Color colour(int argb) {
        return Color.rgb(argb >> 16 & 0xff, argb >> 8 & 0xff, argb & 0xff);
    }

    static int argb(Color c) {
        return (int) Math.round(c.getOpacity() * 255) << 24 | (int) Math.round(c.getRed() * 255) << 16
                | (int) Math.round(c.getGreen() * 255) << 8 | (int) Math.round(c.getBlue() * 255);
    }

    private static double luminance(Color c) {
        return 0.2126 * linear(c.getRed()) + 0.7152 * linear(c.getGreen()) + 0.0722 * linear(c.getBlue());
    }

    private static double linear(double channel) {
        return channel <= 0.03928 ? channel / 12.92 : Math.pow((channel + 0.055) / 1.055, 2.4);
    }

    private static int step(double t) {
        return (int) Math.round(Math.clamp(t, 0, 1) * STEPS);
    }

    private static Color rgb(int rgb) {
        return colour(rgb);
    }

    private static List<Color> colours(int... rgb) {
        return java.util.Arrays.stream(rgb).mapToObj(Palette::colour).toList();
    }

    /// Stops at even steps, interpolated linearly in RGB bytes.
    private static int[] table(int... stops) {
        int[] table = new int[STEPS + 1];
        for (int i = 0; i <= STEPS; i++) {
            double place = (double) i / STEPS * (stops.length - 1);
            int below = Math.min((int) place, stops.length - 2);
            table[i] = 0xff000000 | mix(stops[below], stops[below + 1], place - below);
        }
        return table;
    }

    private static int mix(int from, int to, double share) {
        int result = 0;
        for (int shift = 16; shift >= 0; shift -= 8) {
            int a = from >> shift & 0xff;
            int b = to >> shift & 0xff;
            result |= (int) Math.round(a + (b - a) * share) << shift;
        }
        return result;
    }
}
