package vitrine.core.adapter;

import java.nio.file.Path;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A key of `rank_pattern` or `alpha_pattern`: it applies to a module whose whole path matches `(.*\.)?(KEY)`, as in PEFT; a `^` at its start holds it to the
/// beginning of the path.
///
/// Keys come from files, and matching can be made to take for ever: it is given up after a number of steps.
final class ModulePattern {

    private static final int MOST_STEPS = 1_000_000;
    private static final int MOST_CHARACTERS = 4096;

    private final String key;
    private final Path file;
    private final Pattern pattern;

    ModulePattern(String key, Path file) {
        this.key = key;
        this.file = file;
        if (key.length() > MOST_CHARACTERS) {
            throw invalid("a pattern of %,d characters; at most %,d are read", key.length(), MOST_CHARACTERS);
        }
        try {
            // Python takes the ^ within (.*\.)?(^KEY) for the beginning of the path, and so does Java.
            pattern = Pattern.compile("(.*\\.)?(" + key + ")$");
        } catch (PatternSyntaxException e) {
            throw invalid("%s is no regular expression", key).cause(e);
        }
    }

    private Refusal invalid(String problem, Object... arguments) {
        return Refusal.of(Category.ADAPTER_INVALID, file, problem, arguments);
    }

    /// @throws Refusal where matching does not end
    boolean matches(String path) {
        try {
            return pattern.matcher(new Counted(path, new int[1])).matches();
        } catch (Endless | StackOverflowError e) {
            throw invalid("matching the pattern %s does not end", key).cause(e);
        }
    }

    private static final class Endless extends RuntimeException {
        private static final long serialVersionUID = 1;

        Endless() {
            super(null, null, false, false);
        }
    }

    private record Counted(CharSequence text, int[] steps) implements CharSequence {
        @Override
        public int length() {
            return text.length();
        }

        @Override
        public char charAt(int index) {
            if (++steps[0] > MOST_STEPS) {
                throw new Endless();
            }
            return text.charAt(index);
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return new Counted(text.subSequence(start, end), steps);
        }

        @Override
        public String toString() {
            return text.toString();
        }
    }
}
