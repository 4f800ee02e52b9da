package vitrine.views.attention;

import java.util.List;
import vitrine.views.attention.AttentionCapture.PromptToken;

/// Tokens as labels: a leading space as a dot, line ends as `\n`.
final class TokenText {

    private TokenText() {}

    static String shown(PromptToken t) {
        String text = t.text().replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r");
        return text.startsWith(" ") ? "·" + text.substring(1) : text.isEmpty() ? "∅" : text;
    }

    static List<String> shown(List<PromptToken> tokens) {
        return tokens.stream().map(TokenText::shown).toList();
    }
}
