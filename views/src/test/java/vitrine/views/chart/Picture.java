package vitrine.views.chart;

import java.awt.Graphics2D;
import java.awt.geom.Point2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javafx.scene.paint.Color;

/// A figure drawn as files are drawn, on the ground of a card, with what was written into it: a test asks for the colour of a
/// place and for words.
final class Picture {

    /// Loading the typefaces takes longer than any drawing.
    private static final OutlineFonts FONTS = new OutlineFonts();

    /// Text that was written.
    ///
    /// @param x of the point that it was given, in pixels of the picture at scale 1
    record Word(String text, double x, double y, TextStyle style, Color colour, Pen.Align align, double degrees) {}

    private static final class Recorder extends AwtPen {

        private final List<Word> words = new ArrayList<>();
        private final double scale;

        Recorder(Graphics2D g, double scale) {
            super(g, FONTS, scale);
            this.scale = scale;
        }

        @Override
        public void text(String text, double x, double y, TextStyle style, Color colour, Align align, double degrees) {
            Point2D at = graphics().getTransform().transform(new Point2D.Double(x, y), null);
            words.add(new Word(text, at.getX() / scale, at.getY() / scale, style, colour, align, degrees));
            super.text(text, x, y, style, colour, align, degrees);
        }
    }

    private final BufferedImage image;
    private final double scale;
    private final List<Word> words;

    private Picture(BufferedImage image, double scale, List<Word> words) {
        this.image = image;
        this.scale = scale;
        this.words = words;
    }

    static Picture of(Figure figure, double width, double height) {
        return of(figure, width, height, Theme.DARK, 1);
    }

    static Picture of(Figure figure, double width, double height, Theme theme) {
        return of(figure, width, height, theme, 1);
    }

    static Picture of(Figure figure, double width, double height, Theme theme, double scale) {
        BufferedImage image = new BufferedImage((int) Math.ceil(width * scale), (int) Math.ceil(height * scale), BufferedImage.TYPE_INT_ARGB);
        Graphics2D g = image.createGraphics();
        g.scale(scale, scale);
        Recorder pen = new Recorder(g, scale);
        pen.fillRect(0, 0, width, height, theme.palette().card());
        figure.draw(pen, width, height, theme);
        g.dispose();
        return new Picture(image, scale, pen.words);
    }

    /// A place to lay figures out on: text as wide as in files, one pixel per pixel.
    static Surface surface() {
        return new AwtPen(new BufferedImage(1, 1, BufferedImage.TYPE_INT_ARGB).createGraphics(), FONTS, 1);
    }

    /// The colour of the pixel that holds a point.
    Color at(double x, double y) {
        return Palette.colour(image.getRGB((int) (x * scale), (int) (y * scale)));
    }

    /// Whether a pixel in a rectangle has this colour, to within two of 255 in each channel.
    boolean holds(Color colour, double x, double y, double width, double height) {
        return count(colour, x, y, width, height) > 0;
    }

    /// How many pixels in a rectangle have this colour, to within two of 255 in each channel.
    int count(Color colour, double x, double y, double width, double height) {
        int n = 0;
        for (int py = (int) (y * scale); py < Math.min(image.getHeight(), (y + height) * scale); py++) {
            for (int px = (int) (x * scale); px < Math.min(image.getWidth(), (x + width) * scale); px++) {
                n += near(Palette.colour(image.getRGB(px, py)), colour) ? 1 : 0;
            }
        }
        return n;
    }

    /// Whether a thin line of this colour crosses a rectangle: some pixel has more of it than of the card's ground.
    boolean inked(Color colour, double x, double y, double width, double height) {
        Color card = at(0, 0);
        return colours(x, y, width, height).stream().anyMatch(c -> distance(c, colour) < distance(card, colour) / 2);
    }

    private static double distance(Color a, Color b) {
        return Math.abs(a.getRed() - b.getRed()) + Math.abs(a.getGreen() - b.getGreen()) + Math.abs(a.getBlue() - b.getBlue());
    }

    /// All colours in a rectangle.
    Set<Color> colours(double x, double y, double width, double height) {
        Set<Color> all = new HashSet<>();
        for (int py = (int) (y * scale); py < (y + height) * scale; py++) {
            for (int px = (int) (x * scale); px < (x + width) * scale; px++) {
                all.add(Palette.colour(image.getRGB(px, py)));
            }
        }
        return all;
    }

    static boolean near(Color a, Color b) {
        return Math.abs(a.getRed() - b.getRed()) < 2.5 / 255 && Math.abs(a.getGreen() - b.getGreen()) < 2.5 / 255
                && Math.abs(a.getBlue() - b.getBlue()) < 2.5 / 255;
    }

    List<Word> words() {
        return words;
    }

    /// The texts alone, in the order in which they were written.
    List<String> texts() {
        return words.stream().map(Word::text).toList();
    }

    /// The only place where a text was written.
    Word word(String text) {
        List<Word> found = words.stream().filter(w -> w.text().equals(text)).toList();
        if (found.size() != 1) {
            throw new AssertionError(text + " is written " + found.size() + " times among " + texts());
        }
        return found.getFirst();
    }
}
