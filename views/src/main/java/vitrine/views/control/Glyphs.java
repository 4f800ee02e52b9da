package vitrine.views.control;

import javafx.scene.Group;
import javafx.scene.Scene;
import javafx.scene.image.WritableImage;
import javafx.scene.text.Font;
import javafx.scene.text.Text;

/// What characters look like on this machine.
final class Glyphs {

    private Glyphs() {}

    /// Whether two texts are drawn alike, as characters are that no typeface has. On the JavaFX thread.
    static boolean alike(String first, String second, Font font) {
        WritableImage a = drawn(first, font);
        WritableImage b = drawn(second, font);
        if (a.getWidth() != b.getWidth() || a.getHeight() != b.getHeight()) {
            return false;
        }
        for (int y = 0; y < a.getHeight(); y++) {
            for (int x = 0; x < a.getWidth(); x++) {
                if (a.getPixelReader().getArgb(x, y) != b.getPixelReader().getArgb(x, y)) {
                    return false;
                }
            }
        }
        return true;
    }

    private static WritableImage drawn(String words, Font font) {
        Text text = new Text(words);
        text.setFont(font);
        return new Scene(new Group(text), 40, 40).snapshot(null);
    }
}
