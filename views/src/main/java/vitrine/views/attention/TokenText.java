package vitrine.views.attention;

import java.util.List;
import vitrine.views.attention.AttentionCapture.PromptToken;
import vitrine.views.control.TokenStrip;

/// Tokens as labels: as on their chips; one without any text as `∅`.
final class TokenText {

    private static final int LONGEST_LABEL = 9;

    private TokenText() {}

    static String shown(PromptToken t) {
        return t.text().isEmpty() ? "∅" : TokenStrip.shown(t.text());
    }

    /// Labels of an axis: long ones, such as special tokens, give way to the figure.
    static List<String> labels(List<PromptToken> tokens) {
        return tokens.stream().map(TokenText::shown).map(t -> t.codePointCount(0, t.length()) <= LONGEST_LABEL ? t : t.substring(0, t.offsetByCodePoints(0, LONGEST_LABEL - 1)) + "…").toList();
    }
}
