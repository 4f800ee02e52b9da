package vitrine.views.chart;

import java.util.List;
import javafx.beans.Observable;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;

/// Attention as lines from each query at the left to the keys at the right, thicker and stronger with the weight.
///
/// The pointer over a token shows only its lines, at either side; a click on a query locks it, Escape releases it.
public final class Links implements Interactive {

    private static final double LINE = 18;
    private static final double LONGEST = 120;
    private static final double GAP = 8;
    /// Weaker links are not drawn: they would only grey the ground.
    private static final double WEAKEST = 0.02;
    private static final double THICKEST = 3.5;

    private final IntegerProperty hoveredQuery = new SimpleIntegerProperty(this, "hoveredQuery", -1);
    private final IntegerProperty hoveredKey = new SimpleIntegerProperty(this, "hoveredKey", -1);
    private final IntegerProperty lockedQuery = new SimpleIntegerProperty(this, "lockedQuery", -1);
    private final Changes changes = new Changes();
    private Cells weights = Cells.of(0, 0, new float[0]);
    private List<String> tokens = List.of();
    private int category;

    /// @param values weights, `[queries, keys]`, each row summing to 1
    /// @param texts one token per query and key
    public Links show(Cells values, List<String> texts) {
        weights = values;
        tokens = List.copyOf(texts);
        changes.tell();
        return this;
    }

    /// The colour of the lines: a category, counted from 0, such as the head.
    public Links category(int colour) {
        category = colour;
        changes.tell();
        return this;
    }

    /// The query under the pointer, or -1.
    public IntegerProperty hoveredQueryProperty() {
        return hoveredQuery;
    }

    /// The key under the pointer, or -1.
    public IntegerProperty hoveredKeyProperty() {
        return hoveredKey;
    }

    /// The query that was clicked, or -1.
    public IntegerProperty lockedQueryProperty() {
        return lockedQuery;
    }

    @Override
    public double heightFor(double width, Surface surface) {
        return tokens.size() * LINE;
    }

    private double textWidth(Surface surface) {
        double widest = 0;
        for (String token : tokens) {
            widest = Math.max(widest, surface.textWidth(token, TextStyle.TOKEN));
        }
        return Math.min(LONGEST, widest);
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        double text = textWidth(pen);
        double left = text + GAP;
        double right = width - text - GAP;
        int query = hoveredQuery.get() >= 0 ? hoveredQuery.get() : hoveredKey.get() >= 0 ? -1 : lockedQuery.get();
        int key = hoveredKey.get();
        Color colour = palette.categorical(category);
        for (int q = 0; q < weights.rows(); q++) {
            for (int k = 0; k < weights.columns(); k++) {
                float w = weights.at(q, k);
                boolean shown = (query < 0 || q == query) && (key < 0 || k == key);
                if (shown && Float.isFinite(w) && w >= WEAKEST) {
                    drawLink(pen, left, right, q, k, w, query >= 0 || key >= 0, colour);
                }
            }
        }
        for (int i = 0; i < tokens.size(); i++) {
            double middle = (i + 0.5) * LINE;
            drawToken(pen, i, text, middle, Pen.Align.RIGHT, i == query, i == lockedQuery.get(), ground(i, key, true), palette);
            drawToken(pen, i, right + GAP, middle, Pen.Align.LEFT, i == key, false, ground(query, i, false), palette);
        }
    }

    /// How strongly a token's ground is tinted: the weight that it gives to, or takes from, the token in question.
    private double ground(int query, int key, boolean left) {
        boolean asked = left ? key >= 0 : query >= 0;
        if (!asked || query >= weights.rows() || key >= weights.columns()) {
            return 0;
        }
        float w = weights.at(query, key);
        return Float.isFinite(w) ? w : 0;
    }

    private void drawLink(Pen pen, double left, double right, int query, int key, float weight, boolean alone, Color colour) {
        double opacity = alone ? 0.25 + 0.75 * Math.sqrt(weight) : Math.min(0.9, weight);
        double y1 = (query + 0.5) * LINE;
        double y2 = (key + 0.5) * LINE;
        double middle = (left + right) / 2;
        pen.curve(left, y1, middle, y1, middle, y2, right, y2,
                Stroke.of(Palette.withOpacity(colour, opacity), 0.75 + (THICKEST - 0.75) * weight));
    }

    private void drawToken(Pen pen, int index, double x, double middle, Pen.Align align, boolean strong, boolean locked, double tint,
            Palette palette) {
        String text = pen.shortened(tokens.get(index), TextStyle.TOKEN, LONGEST);
        double width = pen.textWidth(text, TextStyle.TOKEN) + 8;
        double left = align == Pen.Align.RIGHT ? x - width + 4 : x - 4;
        if (tint > WEAKEST) {
            pen.fillRoundRect(left, middle - LINE / 2 + 1, width, LINE - 2, 3, Palette.withOpacity(palette.categorical(category), 0.5 * tint));
        }
        if (strong || locked) {
            Color outline = locked ? palette.accent() : palette.muted();
            pen.strokeRoundRect(left + 0.5, middle - LINE / 2 + 0.5, width - 1, LINE - 1, 3, Stroke.of(outline, 1));
        }
        pen.textMiddle(text, x, middle, strong || locked ? TextStyle.TOKEN_STRONG : TextStyle.TOKEN,
                locked ? palette.accent() : strong ? palette.strong() : palette.text(), align);
    }

    @Override
    public List<Observable> inputs() {
        return List.of(changes, hoveredQuery, hoveredKey, lockedQuery);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        switch (gesture) {
            case Gesture.Move m -> hover(m.x(), m.y(), width);
            case Gesture.Leave l -> {
                hoveredQuery.set(-1);
                hoveredKey.set(-1);
            }
            case Gesture.Click c -> {
                hover(c.x(), c.y(), width);
                int hit = hoveredQuery.get();
                lockedQuery.set(hit == lockedQuery.get() ? -1 : hit);
                return hit >= 0;
            }
            case Gesture.Key k -> {
                return key(k);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private void hover(double x, double y, double width) {
        int index = (int) Math.floor(y / LINE);
        boolean valid = index >= 0 && index < tokens.size();
        hoveredQuery.set(valid && x < width / 2 ? index : -1);
        hoveredKey.set(valid && x >= width / 2 ? index : -1);
    }

    private boolean key(Gesture.Key key) {
        if (key.code() == KeyCode.UP || key.code() == KeyCode.DOWN) {
            int step = key.code() == KeyCode.UP ? -1 : 1;
            lockedQuery.set(Math.clamp(lockedQuery.get() + step, 0, Math.max(0, tokens.size() - 1)));
            return true;
        }
        boolean held = key.code() == KeyCode.ESCAPE && lockedQuery.get() >= 0;
        if (held) {
            lockedQuery.set(-1);
        }
        return held;
    }

    @Override
    public String description() {
        int query = hoveredQuery.get() >= 0 ? hoveredQuery.get() : lockedQuery.get();
        if (query < 0 || query >= weights.rows()) {
            return "Links between " + tokens.size() + " tokens";
        }
        int best = 0;
        for (int k = 1; k < weights.columns(); k++) {
            best = weights.at(query, k) > weights.at(query, best) ? k : best;
        }
        return tokens.get(query) + " at " + query + ": most to " + tokens.get(best) + " at " + best + ", "
                + Numbers.probability(weights.at(query, best));
    }

    @Override
    public String csv() {
        return Csv.matrix(weights, tokens, tokens);
    }
}
