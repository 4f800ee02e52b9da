package vitrine.core.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;
import vitrine.core.jinja.Python.Function;
import vitrine.core.jinja.Python.Tuple;

/// Methods of texts, maps and lists, as Python has them; those that would change a value are not there.
final class Methods {

    private Methods() {}

    static Function ofOrNull(Object of, String name) {
        return switch (of) {
            case String s -> ofText(s, name);
            case Map<?, ?> m -> ofMap(m, name);
            case List<?> l -> ofList(l, name);
            case null, default -> null;
        };
    }

    private static Object argument(List<Object> a, int i) {
        if (i >= a.size()) {
            throw new TemplateError("a method misses a value");
        }
        return a.get(i);
    }

    private static Object or(List<Object> a, int i, Object otherwise) {
        return i < a.size() ? a.get(i) : otherwise;
    }

    private static Function ofText(String s, String name) {
        return switch (name) {
            case "strip" -> (a, n) -> strip(s, or(a, 0, null), true, true);
            case "lstrip" -> (a, n) -> strip(s, or(a, 0, null), true, false);
            case "rstrip" -> (a, n) -> strip(s, or(a, 0, null), false, true);
            case "upper" -> (a, n) -> s.toUpperCase(Locale.ROOT);
            case "lower", "casefold" -> (a, n) -> s.toLowerCase(Locale.ROOT);
            case "title" -> (a, n) -> title(s);
            case "capitalize" -> (a, n) -> capital(s);
            case "startswith" -> (a, n) -> anyOf(argument(a, 0), s::startsWith);
            case "endswith" -> (a, n) -> anyOf(argument(a, 0), s::endsWith);
            case "removeprefix" -> (a, n) -> s.startsWith(Python.text(argument(a, 0))) ? s.substring(Python.text(a.get(0)).length()) : s;
            case "removesuffix" -> (a, n) -> s.endsWith(Python.text(argument(a, 0))) ? s.substring(0, s.length() - Python.text(a.get(0)).length()) : s;
            case "split" -> (a, n) -> split(s, or(a, 0, n.get("sep")), Python.whole(or(a, 1, n.getOrDefault("maxsplit", -1L))));
            case "rsplit" -> (a, n) -> splitFromRight(s, or(a, 0, n.get("sep")), Python.whole(or(a, 1, n.getOrDefault("maxsplit", -1L))));
            case "splitlines" -> (a, n) -> new ArrayList<Object>(s.lines().toList());
            case "replace" -> (a, n) -> replace(s, Python.text(argument(a, 0)), Python.text(argument(a, 1)), Python.whole(or(a, 2, n.getOrDefault("count", -1L))));
            case "join" -> (a, n) -> join(s, argument(a, 0));
            case "find" -> (a, n) -> found(s, s.indexOf(Python.text(argument(a, 0))));
            case "rfind" -> (a, n) -> found(s, s.lastIndexOf(Python.text(argument(a, 0))));
            case "index" -> (a, n) -> {
                int at = s.indexOf(Python.text(argument(a, 0)));
                if (at < 0) {
                    throw new TemplateError("a text is not there that index looks for");
                }
                return found(s, at);
            };
            case "count" -> (a, n) -> count(s, Python.text(argument(a, 0)));
            case "isdigit", "isdecimal", "isnumeric" -> (a, n) -> every(s, Character::isDigit);
            case "isalpha" -> (a, n) -> every(s, Character::isLetter);
            case "isalnum" -> (a, n) -> every(s, Character::isLetterOrDigit);
            case "isspace" -> (a, n) -> every(s, Methods::isSpace);
            case "isupper" -> (a, n) -> !s.equals(s.toLowerCase(Locale.ROOT)) && s.equals(s.toUpperCase(Locale.ROOT));
            case "islower" -> (a, n) -> !s.equals(s.toUpperCase(Locale.ROOT)) && s.equals(s.toLowerCase(Locale.ROOT));
            case "zfill" -> (a, n) -> "0".repeat((int) Math.clamp(Python.whole(argument(a, 0)) - s.length(), 0, 4096)) + s;
            case "ljust" -> (a, n) -> s + " ".repeat((int) Math.clamp(Python.whole(argument(a, 0)) - s.length(), 0, 4096));
            case "rjust" -> (a, n) -> " ".repeat((int) Math.clamp(Python.whole(argument(a, 0)) - s.length(), 0, 4096)) + s;
            case "format" -> (a, n) -> braces(s, a, n);
            default -> null;
        };
    }

    private static Function ofMap(Map<?, ?> m, String name) {
        return switch (name) {
            case "items" -> (a, n) -> {
                List<Object> out = new ArrayList<>();
                m.forEach((k, v) -> out.add(new Tuple(java.util.Arrays.asList(k, v))));
                return out;
            };
            case "keys" -> (a, n) -> new ArrayList<Object>(m.keySet());
            case "values" -> (a, n) -> new ArrayList<Object>(m.values());
            case "get" -> (a, n) -> m.containsKey(argument(a, 0)) ? m.get(a.get(0)) : or(a, 1, n.get("default"));
            case "copy" -> (a, n) -> new java.util.LinkedHashMap<Object, Object>(m);
            default -> null;
        };
    }

    private static Function ofList(List<?> l, String name) {
        return switch (name) {
            case "index" -> (a, n) -> {
                for (int i = 0; i < l.size(); i++) {
                    if (Python.equal(l.get(i), argument(a, 0))) {
                        return (long) i;
                    }
                }
                throw new TemplateError("a value is not there that index looks for");
            };
            case "count" -> (a, n) -> l.stream().filter(x -> Python.equal(x, argument(a, 0))).count();
            case "copy" -> (a, n) -> new ArrayList<Object>(l);
            default -> null;
        };
    }

    // --- texts

    /// What Python's `str.isspace` holds for white.
    static boolean isSpace(int c) {
        return c == ' ' || c >= 9 && c <= 13 || c >= 0x1c && c <= 0x1f || c == 0x85 || c == 0xa0 || c > 0xa0 && (Character.isSpaceChar(c) || c == 0x2028 || c == 0x2029);
    }

    static String strip(String s, Object characters, boolean left, boolean right) {
        String of = characters == null ? null : Python.text(characters);
        IntPredicate goes = c -> of == null ? isSpace(c) : of.indexOf(c) >= 0;
        int from = 0;
        int to = s.length();
        while (left && from < to && goes.test(s.codePointAt(from))) {
            from += Character.charCount(s.codePointAt(from));
        }
        while (right && to > from && goes.test(s.codePointBefore(to))) {
            to -= Character.charCount(s.codePointBefore(to));
        }
        return s.substring(from, to);
    }

    private static boolean anyOf(Object what, java.util.function.Predicate<String> is) {
        return what instanceof Tuple t ? t.stream().anyMatch(x -> is.test(Python.text(x))) : is.test(Python.text(what));
    }

    private static boolean every(String s, IntPredicate is) {
        return !s.isEmpty() && s.codePoints().allMatch(is);
    }

    private static long found(String s, int at) {
        return at < 0 ? -1 : s.codePointCount(0, at);
    }

    static String title(String s) {
        StringBuilder out = new StringBuilder();
        boolean within = false;
        for (int c : s.codePoints().toArray()) {
            out.appendCodePoint(within ? Character.toLowerCase(c) : Character.toTitleCase(c));
            within = Character.isLetter(c);
        }
        return out.toString();
    }

    static String capital(String s) {
        int first = s.isEmpty() ? 0 : s.offsetByCodePoints(0, 1);
        return s.substring(0, first).toUpperCase(Locale.ROOT) + s.substring(first).toLowerCase(Locale.ROOT);
    }

    private static long count(String s, String what) {
        if (what.isEmpty()) {
            return s.codePointCount(0, s.length()) + 1L;
        }
        long n = 0;
        for (int i = s.indexOf(what); i >= 0; i = s.indexOf(what, i + what.length())) {
            n++;
        }
        return n;
    }

    private static List<Object> split(String s, Object separator, long most) {
        List<Object> out = new ArrayList<>();
        if (separator == null) {
            String rest = strip(s, null, true, false);
            while (!rest.isEmpty()) {
                int end = 0;
                while (end < rest.length() && !isSpace(rest.codePointAt(end))) {
                    end += Character.charCount(rest.codePointAt(end));
                }
                if (most >= 0 && out.size() == most) {
                    out.add(strip(rest, null, false, true));
                    return out;
                }
                out.add(rest.substring(0, end));
                rest = strip(rest.substring(end), null, true, false);
            }
            return out;
        }
        String sep = separator(separator);
        int from = 0;
        for (int i = s.indexOf(sep); i >= 0 && (most < 0 || out.size() < most); i = s.indexOf(sep, from)) {
            out.add(s.substring(from, i));
            from = i + sep.length();
        }
        out.add(s.substring(from));
        return out;
    }

    private static String separator(Object separator) {
        String sep = Python.text(separator);
        if (sep.isEmpty()) {
            throw new TemplateError("a text is split at nothing");
        }
        return sep;
    }

    private static List<Object> splitFromRight(String s, Object separator, long most) {
        if (most < 0) {
            return split(s, separator, most);
        }
        if (separator == null) {
            throw new TemplateError("rsplit at white space with a limit is not known here");
        }
        String sep = separator(separator);
        List<Object> out = new ArrayList<>();
        int to = s.length();
        for (int i = s.lastIndexOf(sep); i >= 0 && out.size() < most; i = s.lastIndexOf(sep, to - sep.length())) {
            out.addFirst(s.substring(i + sep.length(), to));
            to = i;
            if (to < sep.length()) {
                break;
            }
        }
        out.addFirst(s.substring(0, to));
        return out;
    }

    static String replace(String s, String what, String by, long most) {
        if (what.isEmpty()) {
            throw new TemplateError("nothing cannot be replaced");
        }
        StringBuilder out = new StringBuilder();
        int from = 0;
        long n = 0;
        for (int i = s.indexOf(what); i >= 0 && (most < 0 || n < most); i = s.indexOf(what, from)) {
            out.append(s, from, i).append(by);
            from = i + what.length();
            n++;
        }
        return out.append(s, from, s.length()).toString();
    }

    static String join(String between, Object items) {
        StringBuilder out = new StringBuilder();
        int n = 0;
        for (Object item : Python.items(items)) {
            out.append(n++ > 0 ? between : "").append(Python.str(item));
        }
        return out.toString();
    }

    /// `%s`, `%d`, `%f` and `%%`, with a number of decimals.
    static String formatted(String s, List<Object> values, Map<String, Object> named) {
        java.util.regex.Matcher m = java.util.regex.Pattern.compile("%(?:\\((\\w+)\\))?(0?\\d{0,3})(?:\\.(\\d{1,2}))?([sdifr%])").matcher(s);
        StringBuilder out = new StringBuilder();
        int at = 0;
        int next = 0;
        while (m.find()) {
            out.append(s, at, m.start());
            at = m.end();
            if (m.group(4).equals("%")) {
                out.append('%');
                continue;
            }
            Object v = m.group(1) != null ? named.get(m.group(1)) : argument(values, next++);
            String width = m.group(2);
            out.append(switch (m.group(4)) {
                case "d", "i" -> String.format(Locale.ROOT, "%" + width + "d", v instanceof Double d ? (long) (double) d : Python.whole(v));
                case "f" -> String.format(Locale.ROOT, "%" + width + "." + (m.group(3) == null ? "6" : m.group(3)) + "f", Python.number(v));
                case "r" -> Python.repr(v);
                default -> Python.str(v);
            });
        }
        return out.append(s.substring(at)).toString();
    }

    /// `{}`, `{0}` and `{name}`, without a way into the values.
    private static String braces(String s, List<Object> values, Map<String, Object> named) {
        StringBuilder out = new StringBuilder();
        int next = 0;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            if ((c == '{' || c == '}') && i + 1 < s.length() && s.charAt(i + 1) == c) {
                out.append(c);
                i++;
            } else if (c == '{') {
                int end = s.indexOf('}', i);
                String key = end < 0 ? "?" : s.substring(i + 1, end);
                if (!key.matches("\\w*")) {
                    throw new TemplateError("format knows {}, {0} and {name} only");
                }
                Object v = key.isEmpty() ? argument(values, next++) : key.matches("\\d{1,4}") ? argument(values, Integer.parseInt(key)) : named.get(key);
                out.append(Python.str(v));
                i = end;
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }
}
