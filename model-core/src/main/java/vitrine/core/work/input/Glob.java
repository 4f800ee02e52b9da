package vitrine.core.work.input;

import java.util.List;

/// Patterns of names: `*` stands for any characters, `?` for one. Takes time in proportion to pattern times name, whatever they are.
public final class Glob {

    private Glob() {}

    public static boolean matchesAny(List<String> patterns, String name) {
        return patterns == null || patterns.stream().anyMatch(p -> matches(p, name));
    }

    public static boolean matches(String pattern, String name) {
        int p = 0;
        int n = 0;
        int star = -1;
        int mark = 0;
        while (n < name.length()) {
            if (p < pattern.length() && pattern.charAt(p) == '*') {
                star = p++;
                mark = n;
            } else if (p < pattern.length() && (pattern.charAt(p) == '?' || pattern.charAt(p) == name.charAt(n))) {
                p++;
                n++;
            } else if (star >= 0) {
                // The last star takes one character more.
                p = star + 1;
                n = ++mark;
            } else {
                return false;
            }
        }
        while (p < pattern.length() && pattern.charAt(p) == '*') {
            p++;
        }
        return p == pattern.length();
    }

    /// Whether a target names a module: its last part, an ending of its name, or a pattern.
    public static boolean namesModule(String target, String module) {
        String plain = module.replaceAll("#.*", "");
        return plain.equals(target) || plain.endsWith("." + target) || matches(target, module) || matches(target, plain);
    }
}
