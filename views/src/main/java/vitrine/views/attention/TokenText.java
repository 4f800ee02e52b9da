package vitrine.views.attention;

import java.util.List;
import vitrine.views.attention.AttentionCapture.PromptToken;
import vitrine.views.control.TokenStrip;

/// Tokens as labels: as on their chips; one without any text as `∅`.
final class TokenText {

    private TokenText() {}

    static String shown(PromptToken t) {
        return t.text().isEmpty() ? "∅" : TokenStrip.shown(t.text());
    }

    static List<String> shown(List<PromptToken> tokens) {
        return tokens.stream().map(TokenText::shown).toList();
    }
}
