package vitrine.views.control;

import java.util.List;
import javafx.beans.property.ReadOnlyIntegerProperty;
import javafx.collections.ObservableSet;
import javafx.scene.control.Tooltip;
import vitrine.core.refusal.Visible;
import vitrine.resources.Styles;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Scale;

/// A prompt as a row of token chips that wraps, coloured by one value per token.
///
/// A click isolates a token, Shift+click adds one or takes it away, dragging picks a range, arrows move, Escape
/// releases. The chips are drawn, not nodes: thousands of tokens cost no more than what is visible of them; the wheel
/// scrolls where the strip is lower than its tokens need.
public final class TokenStrip extends FigureCanvas {

    /// One token.
    ///
    /// @param text as the tokenizer gives it; unprintable bytes as `<0x0A>`
    /// @param special whether it is a special token, such as a begin-of-text mark
    /// @param details for the tooltip: id, position, byte range
    public record Token(String text, boolean special, String details) {}

    /// Stands for a space at the front of a token.
    static final String SPACE = "·";

    private final TokenChips chips;

    /// A token's text as it is shown: spaces at its front as dots, line ends, tabs and other characters that cannot be seen as
    /// escapes.
    public static String shown(String text) {
        int spaces = leadingSpaces(text);
        return SPACE.repeat(spaces) + Visible.escape(text.substring(spaces));
    }

    static int leadingSpaces(String text) {
        int n = 0;
        while (n < text.length() && text.charAt(n) == ' ') {
            n++;
        }
        return n;
    }

    public TokenStrip() {
        this(new TokenChips());
    }

    private TokenStrip(TokenChips chips) {
        super(chips);
        this.chips = chips;
        getStyleClass().add(Styles.TOKEN);
        // Digits on chips are text that the reader typed.
        ProvenanceAudit.notAFigure(this, "token texts");
        Tooltip tooltip = new Tooltip();
        chips.hoveredProperty().addListener((o, old, now) -> {
            int index = now.intValue();
            if (index < 0) {
                Tooltip.uninstall(this, tooltip);
                tooltip.hide();
            } else {
                Token token = chips.tokens().get(index);
                tooltip.setText(shown(token.text()) + "\n" + token.details());
                Tooltip.install(this, tooltip);
            }
        });
    }

    /// Shows other tokens and forgets selection and values.
    public void setTokens(List<Token> tokens) {
        chips.setTokens(tokens);
        requestLayout();
    }

    /// Colours the chips.
    ///
    /// @param values one per token; NaN for none, [vitrine.views.chart.Cells#NONE] for tokens that do not take part,
    ///     such as those after the query; null to take the colours away
    public void setValues(double[] values, Scale scale) {
        chips.setValues(values, scale);
    }

    /// The indices of the selected tokens, ascending.
    public ObservableSet<Integer> selected() {
        return chips.selected();
    }

    /// The index of the token under the pointer, or -1.
    public ReadOnlyIntegerProperty hoveredProperty() {
        return chips.hoveredProperty();
    }
}
