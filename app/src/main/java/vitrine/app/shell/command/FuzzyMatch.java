package vitrine.app.shell.command;

import java.util.Locale;

/// How well typed letters fit a name: all of them must appear, in order; letters that stand together, begin a word or begin the name
/// count more, and short names win.
final class FuzzyMatch {

    /// No match.
    static final int NONE = Integer.MIN_VALUE;

    private static final int LETTER = 10;
    private static final int TOGETHER = 25;
    private static final int NEXT_WORD = 10;
    private static final int WORD_START = 12;
    private static final int NAME_START = 20;

    private final String typed;

    FuzzyMatch(String typed) {
        this.typed = typed.toLowerCase(Locale.ROOT).replace(" ", "");
    }

    /// The score, or [#NONE]. An empty text fits everything equally.
    int score(String name) {
        if (typed.isEmpty()) {
            return 0;
        }
        int best = byWords(name);
        return best == NONE && isSubsequence(name) ? LETTER * typed.length() - name.length() / 4 : best;
    }

    private boolean isSubsequence(String name) {
        int i = 0;
        for (int k = 0; k < name.length() && i < typed.length(); k++) {
            i += lower(name.charAt(k)) == typed.charAt(i) ? 1 : 0;
        }
        return i == typed.length();
    }

    private int byWords(String name) {
        int score = 0;
        int at = 0;
        int last = -2;
        for (int i = 0; i < typed.length(); i++) {
            char wanted = typed.charAt(i);
            int found = find(name, wanted, at, last);
            if (found < 0) {
                return NONE;
            }
            score += LETTER + (found == last + 1 ? TOGETHER : found == last + 2 && startsWord(name, found) ? NEXT_WORD : 0) + (startsWord(name, found) ? WORD_START : 0) + (found == 0 ? NAME_START : 0);
            last = found;
            at = found + 1;
        }
        return score - name.length() / 4;
    }

    /// The next place of a letter: right after the last one if it stands there, else at the start of a word if one comes, else anywhere.
    private static int find(String name, char wanted, int from, int last) {
        if (last >= 0 && from < name.length() && lower(name.charAt(from)) == wanted) {
            return from;
        }
        int anywhere = -1;
        for (int i = from; i < name.length(); i++) {
            if (lower(name.charAt(i)) == wanted) {
                if (startsWord(name, i)) {
                    return i;
                }
                anywhere = anywhere < 0 ? i : anywhere;
            }
        }
        return anywhere;
    }

    private static char lower(char c) {
        return Character.toLowerCase(c);
    }

    private static boolean startsWord(String name, int i) {
        return i == 0 || !Character.isLetterOrDigit(name.charAt(i - 1)) && Character.isLetterOrDigit(name.charAt(i))
                || Character.isDigit(name.charAt(i)) && !Character.isDigit(name.charAt(i - 1));
    }
}
