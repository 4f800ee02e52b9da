package vitrine.resources;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Reads sentences out of the sources of the modules: the words of every string that stands in calls of some names, put together as the code puts them.
///
/// It is no compiler: it knows string literals, `+`, `? :`, `switch` with arrows, names of strings of the same file, and in Python adjacent literals and `if else`.
/// Whatever else is put into a sentence is [#OPEN].
final class CodeSentences {

    /// Stands in a sentence where the code puts in something that is known only when it runs.
    static final char OPEN = '\u0001';
    private static final int MOST = 64;

    /// A sentence and the file and line that it stands in.
    record Found(String file, int line, String text) {

        @Override
        public String toString() {
            return file + ":" + line + ": " + text;
        }
    }

    private final String name;
    private final String code;
    private final boolean python;

    private CodeSentences(Path file) throws IOException {
        name = file.getFileName().toString();
        code = Files.readString(file);
        python = name.endsWith(".py");
    }

    /// The sources below some folders.
    static List<CodeSentences> below(String... roots) throws IOException {
        List<CodeSentences> out = new ArrayList<>();
        for (String root : roots) {
            try (Stream<Path> files = Files.walk(Path.of(root))) {
                for (Path f : files.filter(p -> p.toString().endsWith(".java") || p.toString().endsWith(".py")).sorted().toList()) {
                    out.add(new CodeSentences(f));
                }
            }
        }
        return out;
    }

    String name() {
        return name;
    }

    /// Every string in the arguments of calls whose text up to the parenthesis a pattern finds.
    List<Found> inCalls(Pattern call) {
        List<Found> out = new ArrayList<>();
        Matcher m = call.matcher(code);
        while (m.find()) {
            int end = close(code, m.end() - 1);
            for (String argument : split(code.substring(m.end(), end), ",")) {
                add(out, m.start(), argument);
            }
        }
        return out;
    }

    /// Every string that stands behind what a pattern finds, such as `return`, up to the end of the statement.
    List<Found> behind(Pattern pattern) {
        List<Found> out = new ArrayList<>();
        Matcher m = pattern.matcher(code);
        while (m.find()) {
            add(out, m.start(), split(code.substring(m.end()), python ? "\n" : ";").getFirst());
        }
        return out;
    }

    private void add(List<Found> out, int at, String expression) {
        for (String text : read(expression)) {
            if (text.chars().anyMatch(Character::isLetter)) {
                out.add(new Found(name, 1 + (int) code.substring(0, at).chars().filter(c -> c == '\n').count(), text));
            }
        }
    }

    /// What an expression may come to; [#OPEN] where it is no string that stands in the code.
    private Set<String> read(String expression) {
        String e = uncommented(expression).strip();
        Set<String> out = new LinkedHashSet<>();
        if (e.startsWith("(") && close(e, 0) == e.length() - 1) {
            return read(e.substring(1, e.length() - 1));
        }
        Matcher label = Pattern.compile("^[a-z_]+=(?!=)").matcher(e);
        if (python && label.find()) {
            return read(e.substring(label.end()));
        }
        if (!python && e.startsWith("switch") && e.endsWith("}")) {
            for (String arm : split(e.substring(e.indexOf('{') + 1, e.length() - 1), ";")) {
                List<String> sides = split(arm, "->");
                if (sides.size() == 2) {
                    out.addAll(read(sides.get(1)));
                }
            }
            return out;
        }
        List<String> choice = split(e, python ? " if " : "?");
        if (choice.size() > 1) {
            List<String> others = split(e.substring(choice.get(0).length() + (python ? 4 : 1)), python ? " else " : ":");
            if (others.size() > 1) {
                String middle = python ? choice.get(0) : colons(others);
                out.addAll(read(middle));
                out.addAll(read(python ? others.get(1) : e.substring(Math.min(e.length(), choice.get(0).length() + 2 + middle.length()))));
                return out;
            }
        }
        List<String> sum = split(e, "+");
        if (sum.size() > 1) {
            out.add("");
            for (String part : sum) {
                Set<String> longer = new LinkedHashSet<>();
                for (String start : out) {
                    for (String more : read(part)) {
                        if (longer.size() < MOST) {
                            longer.add(start + more);
                        }
                    }
                }
                out = longer;
            }
            return out;
        }
        if (e.startsWith("\"")) {
            StringBuilder text = new StringBuilder();
            int at = 0;
            while (at < e.length() && e.charAt(at) == '"') {
                int end = string(e, at);
                text.append(e.substring(at + 1, end - 1).replace("\\\"", "\"").replace("\\n", "\n"));
                at = end;
                while (python && at < e.length() && Character.isWhitespace(e.charAt(at))) {
                    at++;
                }
                if (!python) {
                    break;
                }
            }
            return Set.of(text.toString());
        }
        if (!python && e.startsWith("String.format(")) {
            return read(split(e.substring("String.format(".length()).replaceFirst("^(java\\.util\\.)?Locale\\.ROOT, ", ""), ",").getFirst());
        }
        if (!python && e.matches("\\w+")) {
            Matcher named = Pattern.compile("String " + e + " =(?!=)").matcher(code);
            if (named.find()) {
                String value = split(code.substring(named.end()), ";").getFirst();
                // A name that stands twice in a file is told apart by nothing that is looked at here.
                if (!named.find() && !value.matches("(?s).*\\b" + e + "\\b.*")) {
                    return read(value);
                }
            }
        }
        return Set.of(String.valueOf(OPEN));
    }

    /// The middle of `a ? middle : rest`, in which further questions may stand.
    private static String colons(List<String> parts) {
        int open = 0;
        StringBuilder middle = new StringBuilder();
        for (String part : parts) {
            middle.append(middle.isEmpty() ? "" : ":").append(part);
            open += split(part, "?").size() - 1;
            if (open == 0) {
                return middle.toString();
            }
            open--;
        }
        return middle.toString();
    }

    private static String uncommented(String e) {
        return e.replaceAll("(?m)^\\s*//.*$", "");
    }

    /// An expression cut where a mark stands outside of brackets and strings.
    private static List<String> split(String e, String mark) {
        List<String> out = new ArrayList<>();
        int depth = 0;
        int start = 0;
        int at = 0;
        while (at < e.length()) {
            char c = e.charAt(at);
            if (c == '"' || c == '\'' && at + 2 < e.length() && (e.charAt(at + 2) == '\'' || e.charAt(at + 1) == '\\')) {
                at = string(e, at);
                continue;
            }
            if (depth == 0 && e.startsWith(mark, at)) {
                out.add(e.substring(start, at));
                at += mark.length();
                start = at;
                continue;
            }
            depth += "([{".indexOf(c) >= 0 ? 1 : ")]}".indexOf(c) >= 0 ? -1 : 0;
            if (depth < 0) {
                break;
            }
            at++;
        }
        out.add(e.substring(start, at));
        return out;
    }

    /// Where a bracket that opens at a place is closed.
    private static int close(String e, int open) {
        int depth = 0;
        int at = open;
        while (at < e.length()) {
            char c = e.charAt(at);
            if (c == '"' || c == '\'' && at + 2 < e.length() && (e.charAt(at + 2) == '\'' || e.charAt(at + 1) == '\\')) {
                at = string(e, at);
                continue;
            }
            depth += "([{".indexOf(c) >= 0 ? 1 : ")]}".indexOf(c) >= 0 ? -1 : 0;
            if (depth == 0) {
                return at;
            }
            at++;
        }
        return e.length();
    }

    /// Behind the string that begins at a place.
    private static int string(String e, int at) {
        char quote = e.charAt(at);
        int end = at + 1;
        while (end < e.length() && e.charAt(end) != quote) {
            end += e.charAt(end) == '\\' ? 2 : 1;
        }
        return Math.min(end + 1, e.length());
    }
}
