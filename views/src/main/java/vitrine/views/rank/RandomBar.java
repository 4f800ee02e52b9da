package vitrine.views.rank;

import vitrine.views.chart.Figure;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Palette;
import vitrine.views.chart.Pen;
import vitrine.views.chart.Surface;
import vitrine.views.chart.TextStyle;
import vitrine.views.chart.Theme;

/// A share from 0 to 1 as a bar, with a tick where a random matrix of the same shape stands.
///
/// @param share of the matrix, `random` likewise
/// @param category whose colour the bar takes
record RandomBar(double share, double random, int category) implements Figure {

    private static final double BAR = 4;

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        double middle = 10;
        pen.fillRoundRect(0, middle - BAR / 2, width, BAR, BAR / 2, palette.border());
        pen.fillRoundRect(0, middle - BAR / 2, Math.max(BAR, width * Math.clamp(share, 0, 1)), BAR, BAR / 2, palette.categorical(category));
        double at = pen.snap(width * Math.clamp(random, 0, 1));
        pen.fillRect(at - 1, middle - 8, 2, 16, palette.muted());
        pen.textMiddle("0", 0, middle + 18, TextStyle.CAPTION, palette.muted(), Pen.Align.LEFT);
        pen.textMiddle("1", width, middle + 18, TextStyle.CAPTION, palette.muted(), Pen.Align.RIGHT);
        double half = pen.textWidth("random", TextStyle.CAPTION) / 2;
        pen.textMiddle("random", Math.clamp(at, 14 + half, Math.max(14 + half, width - 12 - half)), middle + 18, TextStyle.CAPTION, palette.muted(), Pen.Align.CENTRE);
    }

    @Override
    public double heightFor(double width, Surface surface) {
        return 36;
    }

    @Override
    public String description() {
        return Numbers.probability(share) + " of 1; random " + Numbers.probability(random);
    }
}
