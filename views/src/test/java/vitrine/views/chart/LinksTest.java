package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;
import org.junit.jupiter.api.Test;

/// Attention as lines between two columns of tokens, 18 pixels a line.
class LinksTest {

    private static final double W = 300;
    private static final Color CARD = Color.web("#161b22");

    private static Links links() {
        return new Links().show(Cells.of(3, 3, new float[] {1, Cells.NONE, Cells.NONE, 0.01f, 0.99f, Cells.NONE, 0.7f, 0, 0.3f}), List.of("one", "two", "three"));
    }

    private static boolean does(Links links, Gesture gesture) {
        return links.handle(gesture, W, 54, Picture.surface());
    }

    /// Whether a line passes the middle of the figure at a height between two tokens' lines.
    private static boolean crosses(Links links, int query, int key) {
        Picture p = Picture.of(links, W, 54);
        double y = ((query + key) / 2.0 + 0.5) * 18;
        return !p.colours(W / 2 - 1, y - 2, 2, 4).equals(Set.of(CARD));
    }

    @Test
    void tokensStandAtBothSides() {
        Picture p = Picture.of(links(), W, 54);
        List<Picture.Word> ones = p.words().stream().filter(w -> w.text().equals("one")).toList();
        assertEquals(2, ones.size());
        assertEquals(Pen.Align.RIGHT, ones.get(0).align());
        assertEquals(Pen.Align.LEFT, ones.get(1).align());
        assertTrue(ones.get(0).x() < W / 2 && ones.get(1).x() > W / 2);
        assertEquals(54, links().heightFor(W, Picture.surface()));
    }

    @Test
    void linesJoinQueryAndKeyAndTheWeakestAreLeftOut() {
        Links links = links();
        assertTrue(crosses(links, 0, 0));
        assertTrue(crosses(links, 1, 1));
        links.hoveredQueryProperty().set(1);
        assertFalse(crosses(links, 1, 0), "0.01 is below 0.02");
        assertTrue(crosses(links, 1, 1));
        assertFalse(crosses(links, 0, 0), "another query's");
    }

    @Test
    void hoveringAQueryShowsItsLinesAndTintsItsKeys() {
        Links links = links();
        assertTrue(does(links, new Gesture.Move(20, 2.5 * 18)));
        assertEquals(2, links.hoveredQueryProperty().get());
        assertEquals("three at 2: most to one at 0, 0.7000", links.description());
        assertTrue(crosses(links, 2, 2));
        assertFalse(crosses(links, 0, 0));
        Picture p = Picture.of(links, W, 54);
        double right = p.words().stream().filter(w -> w.text().equals("one")).toList().get(1).x();
        // Ground beside the letters: tinted for the key that gets 0.7, not for the one that gets 0.
        assertFalse(Picture.near(CARD, p.at(right - 3, 9)));
        assertTrue(Picture.near(CARD, p.at(right - 3, 27)));
        does(links, new Gesture.Leave());
        assertEquals(-1, links.hoveredQueryProperty().get());
        assertEquals("Links between 3 tokens", links.description());
    }

    @Test
    void hoveringAKeyShowsWhoAttendsToIt() {
        Links links = links();
        does(links, new Gesture.Move(W - 20, 9));
        assertEquals(0, links.hoveredKeyProperty().get());
        assertEquals(-1, links.hoveredQueryProperty().get());
        assertTrue(crosses(links, 0, 0));
        assertFalse(crosses(links, 2, 2), "a line to another key");
    }

    @Test
    void aClickLocksEscapeReleasesArrowsMove() {
        Links links = links();
        assertTrue(does(links, new Gesture.Click(20, 27, 1, false)));
        assertEquals(1, links.lockedQueryProperty().get());
        does(links, new Gesture.Leave());
        assertFalse(crosses(links, 0, 0), "the lock holds without the pointer");
        assertTrue(Picture.of(links, W, 54).words().stream().anyMatch(w -> w.text().equals("two") && w.colour().equals(Color.web("#58a6ff"))));
        does(links, new Gesture.Key(KeyCode.DOWN, false, false));
        does(links, new Gesture.Key(KeyCode.DOWN, false, false));
        assertEquals(2, links.lockedQueryProperty().get());
        does(links, new Gesture.Key(KeyCode.UP, false, false));
        assertEquals(1, links.lockedQueryProperty().get());
        assertTrue(does(links, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        assertEquals(-1, links.lockedQueryProperty().get());
        assertFalse(does(links, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        does(links, new Gesture.Click(20, 27, 1, false));
        does(links, new Gesture.Click(20, 27, 1, false));
        assertEquals(-1, links.lockedQueryProperty().get(), "a second click releases");
    }

    @Test
    void strongerLinesAreThicker() {
        Links links = new Links().show(Cells.of(2, 2, new float[] {1, 0, 0, 0.1f}), List.of("a", "b"));
        links.hoveredQueryProperty().set(0);
        Picture strong = Picture.of(links, W, 36);
        links.hoveredQueryProperty().set(1);
        Picture weak = Picture.of(links, W, 36);
        assertTrue(thickness(strong, 9) > thickness(weak, 27) + 1.5, thickness(strong, 9) + " and " + thickness(weak, 27));
    }

    private static long thickness(Picture p, int y) {
        long n = 0;
        for (int at = y - 6; at <= y + 6; at++) {
            n += Picture.near(p.at(W / 2, at), CARD) ? 0 : 1;
        }
        return n;
    }

    @Test
    void noTokensDraw() {
        Links empty = new Links();
        Picture.of(empty, W, 20);
        does(empty, new Gesture.Move(20, 5));
        does(empty, new Gesture.Key(KeyCode.DOWN, false, false));
        Picture.of(empty, W, 20);
        Links links = links();
        links.lockedQueryProperty().set(2);
        links.hoveredKeyProperty().set(2);
        links.show(Cells.of(1, 1, new float[] {1}), List.of("x"));
        Picture.of(links, W, 20);
        assertEquals("Links between 1 tokens", links.description());
    }

    @Test
    void csvIsTheMatrix() {
        assertEquals(",one,two,three\r\none,1.0,,\r\ntwo,0.01,0.99,\r\nthree,0.7,0.0,0.3\r\n", links().csv());
    }
}
