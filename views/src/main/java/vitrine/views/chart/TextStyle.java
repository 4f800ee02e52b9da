package vitrine.views.chart;

import vitrine.resources.Fonts;

/// Typeface and size of text in a figure; the sizes are those of the design language.
public record TextStyle(Fonts face, double size) {

    /// Titles inside a figure and values of a read-out.
    public static final TextStyle BODY = new TextStyle(Fonts.INTER, 13);
    public static final TextStyle SMALL = new TextStyle(Fonts.INTER, 12);
    public static final TextStyle SMALL_STRONG = new TextStyle(Fonts.INTER_SEMIBOLD, 12);
    /// Axis names and ticks, legends.
    public static final TextStyle CAPTION = new TextStyle(Fonts.INTER, 11);
    /// The same for what is selected.
    public static final TextStyle CAPTION_STRONG = new TextStyle(Fonts.INTER_SEMIBOLD, 11);
    /// Tokens on chips.
    public static final TextStyle TOKEN = new TextStyle(Fonts.MONO, 12);
    public static final TextStyle TOKEN_STRONG = new TextStyle(Fonts.MONO_MEDIUM, 12);
    /// Tokens and layer numbers along an axis.
    public static final TextStyle AXIS = new TextStyle(Fonts.MONO, 11);
    public static final TextStyle AXIS_STRONG = new TextStyle(Fonts.MONO_MEDIUM, 11);
    /// Numbers inside cells: the smallest size in use.
    public static final TextStyle CELL = new TextStyle(Fonts.MONO, 10);
    /// The value of a read-out.
    public static final TextStyle VALUE = new TextStyle(Fonts.MONO, 14);

    /// How far below the middle of a line its baseline lies: half the height of capitals, which both typefaces share.
    double middleToBaseline() {
        return size * 0.365;
    }
}
