package vitrine.core.refusal;

/// Makes text from files safe to show: on a terminal, in a table, in a picture.
public final class Visible {

    /// Names longer than this are shown with their middle left out.
    public static final int MAX_NAME = 160;

    private Visible() {}

    /// The text with control, direction and unpaired characters written as escapes, cut to [#MAX_NAME] characters.
    public static String name(String text) {
        String shown = escape(text);
        if (shown.length() <= MAX_NAME) {
            return shown;
        }
        int half = MAX_NAME / 2 - 1;
        return shown.substring(0, half) + "…" + shown.substring(shown.length() - half);
    }

    /// The text with control, direction-changing and unpaired characters written as `\n`, `\t` or `\u202e`.
    public static String escape(String text) {
        StringBuilder out = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (isPlain(text, i)) {
                if (out != null) {
                    out.append(c);
                }
                continue;
            }
            if (out == null) {
                out = new StringBuilder(text.length() + 16).append(text, 0, i);
            }
            switch (c) {
                case '\n' -> out.append("\\n");
                case '\t' -> out.append("\\t");
                case '\r' -> out.append("\\r");
                default -> out.append(String.format("\\u%04x", (int) c));
            }
        }
        return out == null ? text : out.toString();
    }

    private static boolean isPlain(String text, int i) {
        char c = text.charAt(i);
        if (Character.isHighSurrogate(c)) {
            return i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1));
        }
        if (Character.isLowSurrogate(c)) {
            return i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
        }
        boolean control = Character.isISOControl(c) || c == '\u2028' || c == '\u2029';
        boolean direction = c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069' || c == '\u200e' || c == '\u200f';
        return !control && !direction;
    }

    /// A CSV field: quoted where needed, and with a leading apostrophe where a spreadsheet would take it for a formula.
    public static String csv(String text) {
        String shown = escape(text);
        if (!shown.isEmpty() && "=+-@".indexOf(shown.charAt(0)) >= 0 && !isNumber(shown)) {
            shown = "'" + shown;
        }
        boolean quote = shown.indexOf(',') >= 0 || shown.indexOf('"') >= 0 || shown.startsWith(" ") || shown.endsWith(" ");
        return quote ? '"' + shown.replace("\"", "\"\"") + '"' : shown;
    }

    private static boolean isNumber(String text) {
        try {
            Double.parseDouble(text);
            return true;
        } catch (NumberFormatException e) {
            return false;
        }
    }
}
