package vitrine.views.chart;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import javafx.scene.text.Font;
import vitrine.resources.Fonts;

/// Makes the five typefaces known to JavaFX, once for the process.
///
/// JavaFX keeps loaded fonts for the life of the process, and text laid out before a font is loaded keeps its
/// substitute. So all five are loaded together, when this class is first touched: call [#load] before the first scene.
public final class ScreenFonts {

    static {
        for (Fonts font : Fonts.values()) {
            try (InputStream file = font.open()) {
                if (Font.loadFont(file, 12) == null) {
                    throw new IllegalStateException("the font " + font.family() + " cannot be loaded");
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private ScreenFonts() {}

    /// Loads the typefaces unless that was done.
    public static void load() {
        // Touching the class is enough.
    }

    /// A font by family name: only such a font has a fallback for characters it lacks.
    static Font font(TextStyle style) {
        return Font.font(style.face().family(), style.size());
    }
}
