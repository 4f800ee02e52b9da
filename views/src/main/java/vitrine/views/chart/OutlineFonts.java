package vitrine.views.chart;

import java.awt.Font;
import java.awt.FontFormatException;
import java.awt.Shape;
import java.awt.font.FontRenderContext;
import java.awt.font.GlyphVector;
import java.awt.geom.AffineTransform;
import java.awt.geom.Path2D;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import org.kordamp.ikonli.feather.Feather;
import vitrine.resources.Fonts;

/// The typefaces and the icons as outlines, so that a file looks the same on a machine that has none of them.
final class OutlineFonts {

    private static final FontRenderContext EXACT = new FontRenderContext(null, true, true);

    private static final String ICONS = "/META-INF/resources/feather/4.28/fonts/feather.ttf";

    /// Read once for the process, when the first file is made: reading takes longer than drawing.
    private static final class Bundled {

        static final Map<String, Font> FAMILIES = new HashMap<>();

        static {
            for (Fonts face : Fonts.values()) {
                FAMILIES.put(face.family(), read(face.open()));
            }
            Font icons = read(Feather.class.getResourceAsStream(ICONS));
            FAMILIES.put(icons.getFamily(), icons);
        }
    }

    private final Map<String, Font> families = new HashMap<>(Bundled.FAMILIES);
    private final Font fallback = new Font(Font.DIALOG, Font.PLAIN, 1);

    private static Font read(InputStream stream) {
        try (InputStream file = stream) {
            return Font.createFont(Font.TRUETYPE_FONT, file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (FontFormatException e) {
            throw new IllegalStateException("a bundled font is damaged", e);
        }
    }

    double width(String text, TextStyle style) {
        return layOut(text, style.face().family(), style.size(), null);
    }

    /// The outline of text whose baseline starts at the origin, in one of our typefaces, the icon font, or any font of
    /// the system.
    Shape outline(String text, String family, double size) {
        Path2D path = new Path2D.Double();
        layOut(text, family, size, path);
        return path;
    }

    /// Sets text run by run, each in the first font that has its characters, and returns its width.
    private double layOut(String text, String family, double size, Path2D path) {
        Font face = families.computeIfAbsent(family, name -> new Font(name, Font.PLAIN, 1));
        double x = 0;
        int from = 0;
        while (from < text.length()) {
            boolean own = face.canDisplay(text.codePointAt(from));
            int to = from;
            while (to < text.length() && face.canDisplay(text.codePointAt(to)) == own) {
                to += Character.charCount(text.codePointAt(to));
            }
            Font font = (own ? face : fallback).deriveFont((float) size);
            GlyphVector glyphs = font.createGlyphVector(EXACT, text.substring(from, to));
            if (path != null) {
                path.append(AffineTransform.getTranslateInstance(x, 0).createTransformedShape(glyphs.getOutline()), false);
            }
            x += glyphs.getGlyphPosition(glyphs.getNumGlyphs()).getX();
            from = to;
        }
        return x;
    }
}
